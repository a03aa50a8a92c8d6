"""What the commands share: how their parsers look, argument types and help texts, and exit codes."""

from __future__ import annotations

from argparse import ArgumentParser, ArgumentTypeError, RawDescriptionHelpFormatter
from typing import TYPE_CHECKING, NoReturn

from models.errors import UserError

if TYPE_CHECKING:
    from argparse import _SubParsersAction
    from typing import TypeAlias

    Subparsers: TypeAlias = _SubParsersAction["Parser"]

FAILED, MISTAKE, INTERRUPTED = 1, 2, 130
"""Exit codes: of a fault in Volley itself, of what the user can fix, and of Ctrl-C."""

MODEL_HELP = (
    "a bundled model, a model directory, a training run, or USER/REPO[@REVISION] on the Hub; "
    "MODEL@STEPS picks an earlier stage of its training"
)
GREEDY_HELP = "always take the likeliest action instead of sampling"


class Parser(ArgumentParser):
    """Reports a mistake in one line, where argparse would print its usage and exit."""

    def error(self, message: str) -> NoReturn:
        """Raises `UserError`."""
        raise UserError(f"{message}; see: {self.prog} --help")


def add_command(subparsers: Subparsers, name: str, *, purpose: str, example: str) -> Parser:
    """A new command's parser. `purpose` is one line without a full stop; `example` may have several lines."""
    return subparsers.add_parser(
        name,
        help=purpose,
        description=f"{purpose[0].upper()}{purpose[1:]}.",
        epilog=f"Example:\n  {example}",
        formatter_class=RawDescriptionHelpFormatter,
        allow_abbrev=False,  # What is published of a command leaves out paths, by the names of options.
    )


def count(text: str) -> int:
    """A whole number, at least 1."""
    if not text.isdecimal() or int(text) < 1:
        raise ArgumentTypeError(f"{text!r} is not a whole number of 1 or more")
    return int(text)


def seed(text: str) -> int:
    """A seed that every random generator accepts."""
    if not text.isdecimal() or int(text) >= 2**31:
        raise ArgumentTypeError(f"{text!r} is not a whole number from 0 to {2**31 - 1}")
    return int(text)
