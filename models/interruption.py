"""Ctrl-C, a kill or a closed terminal, as a question that a loop asks when it suits it."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import current_thread, main_thread
from types import FrameType

_SIGNALS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
"""SIGHUP says that the terminal is gone; Windows has none."""


@contextmanager
def interruption() -> Iterator[Callable[[], bool]]:
    """Yields a function that says whether a signal to end has arrived; a second one has its usual effect.

    An exception that Python raises for a signal may come at any moment, in the middle of a write or where a library
    swallows it; an answer cannot. What `nohup` or a shell has told the process to ignore stays ignored. Signals are for
    the main thread: in another one, none arrives.
    """
    received: list[int] = []
    handlers = {number: signal.getsignal(number) for number in _SIGNALS} if current_thread() is main_thread() else {}
    previous = {number: handler for number, handler in handlers.items() if handler is not signal.SIG_IGN}

    def restore() -> None:
        for number, handler in previous.items():
            signal.signal(number, handler)

    def catch(number: int, _frame: FrameType | None) -> None:
        received.append(number)
        restore()

    for number in previous:
        signal.signal(number, catch)
    try:
        yield lambda: bool(received)
    finally:
        restore()
