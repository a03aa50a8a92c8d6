"""The game: who plays, the match as a state machine, its replays and its story. No window."""
