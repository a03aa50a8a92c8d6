"""The desktop app: window, films and command line."""
