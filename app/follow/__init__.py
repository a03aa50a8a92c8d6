"""A training that runs beside the window."""
