"""The screen that the window opens with."""
