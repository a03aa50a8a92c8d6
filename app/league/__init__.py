"""A league: everybody plays everybody on the court for two, and ratings come of it."""
