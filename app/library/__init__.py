"""The screen that lists the models."""
