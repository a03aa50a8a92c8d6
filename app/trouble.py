"""When Volley itself fails: a report for its makers, a line for the user, and the window goes on if it can."""

from __future__ import annotations

import platform
import time
import traceback
from collections.abc import Callable
from concurrent.futures import Executor, Future
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

from models import __version__
from models.errors import UserError, one_line, without_secrets
from models.files import atomic_write, data_folder

_NOTE = "ended-badly.txt"
"""What to tell the user at the next start."""


class Crash(Exception):  # noqa: N818 - it reads as what it is
    """The window had to end; the message, for the user, says where the report and the match are."""


def reports_folder() -> Path:
    """The folder for reports; it may not exist yet."""
    return data_folder() / "reports"


def write_report(error: BaseException) -> Path | None:
    """Writes down how `error` came about, without secrets; None if that is not possible.

    What fails again and again has one report.
    """
    return _write(type(error).__name__, without_secrets("".join(traceback.format_exception(error))))


@cache
def _write(name: str, text: str) -> Path | None:
    about = f"Volley {__version__}, Python {platform.python_version()}, {platform.platform()}"
    path = reports_folder() / f"{time.strftime('%Y-%m-%d %H.%M.%S')} {name}.txt"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        atomic_write(path, f"{about}\n\n{text}".encode())
    except OSError:
        return None
    return path


def in_a_line(error: BaseException) -> str:
    """What went wrong, and where its report is, which is written now."""
    report = write_report(error)
    where = f"; a report is in {report}" if report else ""
    return f"something went wrong in Volley ({one_line(without_secrets(_named(error)), 120)}){where}"


def _named(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


def crash(error: BaseException, kept: str) -> Crash:
    """Writes the report of an error that ends the window, and a note for the next start.

    `kept` is a line about the match that was saved; it may be empty.
    """
    told = ". ".join(filter(None, (in_a_line(error), kept)))
    with suppress(OSError):
        atomic_write(data_folder() / _NOTE, told.encode())
    return Crash(told)


def told_last_time() -> str:
    """How the window ended last time, if it ended badly and that was not told yet; else an empty string."""
    note = data_folder() / _NOTE
    try:
        told = one_line(note.read_text(errors="replace"), 600)
        note.unlink()
    except OSError:
        return ""
    return f"last time: {told}"


class Guarded(Executor):
    """An executor whose calls fail with a `UserError` only: any other failure becomes one, and is reported."""

    def __init__(self, inner: Executor) -> None:
        self._inner = inner

    def submit(self, call: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:  # noqa: ANN401 - any call's
        """Hands the call on."""
        return self._inner.submit(_guarded, call, *args, **kwargs)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: FBT001, FBT002 - as declared
        """Ends it."""
        self._inner.shutdown(wait, cancel_futures=cancel_futures)


def _guarded(call: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401
    try:
        return call(*args, **kwargs)
    except UserError:
        raise
    except Exception as error:
        raise UserError(in_a_line(error)) from error
