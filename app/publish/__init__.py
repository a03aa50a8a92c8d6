"""The screen on which a training is published."""
