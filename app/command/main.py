"""The command line: parses the words, runs one command, and reports a user's mistake in one line."""

from __future__ import annotations

import os
import sys
from argparse import Namespace
from collections.abc import Sequence

from app.command import doctor, league, learn, play, share
from app.command.arguments import FAILED, INTERRUPTED, MISTAKE, Parser
from app.trouble import Crash
from models import __version__
from models.errors import UserError


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command and returns its exit code. A user's mistake is one line on standard error, and code 2."""
    os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")  # pygame greets on standard output, where --json prints.
    words = list(sys.argv[1:] if argv is None else argv)
    try:
        arguments = _parser().parse_args(words)
        code: int = arguments.run(arguments)
    except UserError as error:
        print(f"volley: {error}", file=sys.stderr)
        return MISTAKE
    except Crash as error:
        print(f"volley: {error}", file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:  # The reader has seen enough, as in: volley doctor | head
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return code


def _parser() -> Parser:
    parser = Parser(
        prog="volley",
        description="A trained network plays Atari Pong from pixels. Without a command, the window opens at its menu.",
        epilog="Example:  volley play ppo",
    )
    parser.set_defaults(run=play.menu)
    parser.add_argument(
        "--version", action="store_const", dest="run", const=_version, help="print the version and exit"
    )
    subparsers = parser.add_subparsers(title="commands", metavar="COMMAND")
    for family in (play, learn, league, share, doctor):
        family.add_parsers(subparsers)
    return parser


def _version(_arguments: Namespace) -> int:
    print(f"volley {__version__}")
    return 0
