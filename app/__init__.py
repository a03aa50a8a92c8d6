"""The desktop app: window, films and command line."""

import os

os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")  # It goes to standard output, into what --json prints.
