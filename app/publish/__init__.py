"""The screen for publishing a training run."""
