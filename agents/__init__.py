"""Who plays, and where: the court, its frames, and the agents on it."""
