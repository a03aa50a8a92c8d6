"""The menu, the first screen of the window."""
