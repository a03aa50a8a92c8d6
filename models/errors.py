"""The one kind of error that a user can mend."""

from __future__ import annotations


class UserError(Exception):
    """A mistake the user can mend, as one line: what is wrong, why, and what to do.

    The command line prints the message and exits with code 2; the window shows it. Anything else that is raised is a
    defect of Volley and keeps its traceback.
    """


def one_line(text: object, longest: int = 300) -> str:
    """A stranger's text made safe to show: one line, no control characters, cut at `longest` characters."""
    line = "".join(character if character.isprintable() else " " for character in str(text))
    return line if len(line) <= longest else f"{line[:longest]}..."
