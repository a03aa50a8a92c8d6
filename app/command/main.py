"""The command line: parses the words, runs one command, and reports a user's mistake in one line."""

from __future__ import annotations

import errno
import os
import sys
from argparse import Namespace
from collections.abc import Sequence

from app.background import ending_with_the_window
from app.command import doctor, league, learn, play, share
from app.command.arguments import FAILED, INTERRUPTED, MISTAKE, Parser
from app.command.output import say, speak_any_alphabet
from app.trouble import Crash
from models import __version__
from models.errors import UserError
from models.interruption import all_as_ctrl_c


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command and returns its exit code. A user's mistake is one line on standard error, and code 2."""
    os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")  # pygame greets on standard output, where --json prints.
    # Else torch's threads would wait for each other on a core that a game's process, or another program, could use.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    speak_any_alphabet()
    words = list(sys.argv[1:] if argv is None else argv)
    try:
        arguments = _parser().parse_args(words)
        with all_as_ctrl_c(), ending_with_the_window():
            code: int = arguments.run(arguments)
        if sys.stdout is not None:  # It may have been closed before, as by >&-
            sys.stdout.flush()
    except UserError as error:
        say(f"volley: {error}", error=True)
        return MISTAKE
    except Crash as error:
        say(f"volley: {error}", error=True)
        return FAILED
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:  # The reader has seen enough, as in: volley doctor | head
        _discard_output()
        return 0
    except OSError as error:
        if error.errno != errno.ENOSPC or error.filename is not None:
            raise
        _discard_output()
        say("volley: cannot print the answer: no space left where it goes", error=True)
        return MISTAKE
    return code


def _discard_output() -> None:
    """Nobody takes it, so nothing more is written; Python would try again as it ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


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
    say(f"volley {__version__}")
    return 0
