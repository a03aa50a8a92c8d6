"""The screen that shows which models there are."""
