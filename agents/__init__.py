"""The court, its frames, and the agents that play on it."""
