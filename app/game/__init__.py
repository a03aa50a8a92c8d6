"""Who plays, the match as a state machine, replays and the match's story. No window, and no clock of its own."""
