"""Models on this machine and on the Hub, for the window to show. Nothing here draws."""
