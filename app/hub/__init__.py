"""Models on this machine and on the Hub, as the window needs them. Nothing here draws."""
