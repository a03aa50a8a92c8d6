"""The one kind of error that a user can fix, and what its message is made of."""

from __future__ import annotations

import os
import re
import shlex
from subprocess import list2cmdline

_SECRETS = re.compile(r"hf_(?:oauth_|jwt_)?[A-Za-z0-9]{6,}[\w.-]*|(?<=://)[^/\s]+@|[\w.%+-]+:[^/\s]+@")
"""Tokens of the Hub, and the user and password in an address, also in one that lacks its https://."""
_TOKENS = ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN")
"""Environment variables; a mirror's tokens may look different from the Hub's."""


class UserError(Exception):
    """A problem the user can fix, as one line: what is wrong, why, and what to do.

    The command line prints the message and exits with code 2; the window shows it. Any other exception is a bug in
    Volley and keeps its traceback.
    """


def one_line(text: object, max_length: int = 300) -> str:
    """Makes untrusted text safe to show: one line, no control characters, cut at `max_length` characters."""
    line = "".join(character if character.isprintable() else " " for character in str(text))
    return line if len(line) <= max_length else f"{line[:max_length]}..."


def without_secrets(text: str) -> str:
    """Replaces tokens and passwords, as far as they can be told from other words."""
    for token in filter(None, (os.environ.get(name, "").strip() for name in _TOKENS)):
        text = text.replace(token, "[secret]")
    return _SECRETS.sub("[secret]", text)


def volley(*words: object) -> str:
    """A command to type, with quotes where a shell needs them: `volley`, and these words."""
    command = ["volley", *map(str, words)]
    return list2cmdline(command) if os.name == "nt" else shlex.join(command)
