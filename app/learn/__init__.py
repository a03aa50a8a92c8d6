"""The lessons of the course, alive in the window."""
