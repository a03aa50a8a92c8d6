"""What commands print: without control characters, whoever wrote them, and legible where letters are missing."""

from __future__ import annotations

import codecs
import io
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import RenderableType

_PLAIN = {
    "…": "...",
    "\N{EN DASH}": "-",
    "\N{EM DASH}": "-",
    "\N{MINUS SIGN}": "-",
    "\N{MULTIPLICATION SIGN}": "x",
    "±": "+-",
    "→": "->",
}
"""For terminals without these."""


def say(text: object, *, error: bool = False) -> None:
    """Prints lines on standard output, or on standard error; a stranger's escape sequences do nothing."""
    print(printable(text), file=sys.stderr if error else sys.stdout, flush=True)


def show(drawn: RenderableType, *, end: str = "\n") -> None:
    """Prints what rich draws. It fails as printing does, where rich itself would end the program with code 1."""
    from rich.console import Console

    console = Console(highlight=False)
    with console.capture() as captured:
        console.print(drawn, end=end)
    print(captured.get(), end="", flush=True)


def printable(text: object) -> str:
    """The same text; each character that would not be seen is a blank, but line ends stay."""
    return "".join(letter if letter.isprintable() or letter == "\n" else " " for letter in str(text))


def speak_any_alphabet() -> None:
    """Lets a terminal that lacks a letter show another one instead of ending the command."""
    codecs.register_error("volley", _plainer)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="volley")


def _plainer(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeEncodeError), "it is for writing only"
    return "".join(_PLAIN.get(letter, "?") for letter in error.object[error.start : error.end]), error.end
