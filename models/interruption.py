"""Ctrl-C, a kill and a closed terminal all mean the same: end, and leave nothing half done."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from threading import Event, Thread, current_thread, main_thread
from types import FrameType
from typing import NoReturn

_SIGNALS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
"""SIGHUP says that the terminal is gone; Windows has none."""


@contextmanager
def interruption(announcement: str = "") -> Iterator[Callable[[], bool]]:
    """Yields a function that says whether a signal to end has arrived; a second one has its usual effect.

    The first is answered with the announcement, if there is one: until the answer is asked for may take a while.

    An exception that Python raises for a signal may come at any moment, in the middle of a write or where a library
    swallows it; an answer cannot. What `nohup` or a shell has told the process to ignore stays ignored. Signals are for
    the main thread: in another one, none arrives.
    """
    received: list[int] = []

    def note(number: int) -> None:
        received.append(number)
        if announcement:
            with suppress(OSError):  # whoever closed the terminal reads nothing
                os.write(2, f"{announcement}\n".encode())  # a stream may be in the middle of a write itself

    with _handled_by(note, once=True):
        yield lambda: bool(received)


@contextmanager
def all_as_ctrl_c() -> Iterator[None]:
    """Lets every signal to end raise `KeyboardInterrupt`, so that what cleans up after Ctrl-C does so after all."""

    def interrupt(_number: int) -> NoReturn:
        raise KeyboardInterrupt

    with _handled_by(interrupt, once=False):
        yield


@contextmanager
def ending_with_parent(parent: int, patience: float) -> Iterator[None]:
    """While the block lasts, ends this process, as Ctrl-C does, soon after the one that started it is gone.

    Otherwise, if that were killed, this one would go on unseen. `parent` is its process ID. What ends within `patience`
    seconds can still save; then it is killed.
    """
    left = Event()

    def watch() -> None:
        while os.getppid() == parent:
            if left.wait(1):
                return
        os.kill(os.getpid(), signal.SIGTERM)
        if not left.wait(patience):  # It may wait for something that no other signal interrupts.
            os.kill(os.getpid(), signal.SIGKILL)

    Thread(target=watch, daemon=True).start()
    try:
        yield
    finally:
        left.set()


@contextmanager
def _handled_by(handle: Callable[[int], None], *, once: bool) -> Iterator[None]:
    """Has the signals handled until the block ends, or, if `once`, until the first; none outside the main thread."""
    handlers = {number: signal.getsignal(number) for number in _SIGNALS} if current_thread() is main_thread() else {}
    previous = {number: handler for number, handler in handlers.items() if handler is not signal.SIG_IGN}

    def restore() -> None:
        for number, handler in previous.items():
            signal.signal(number, handler)

    def catch(number: int, _frame: FrameType | None) -> None:
        if once:
            restore()
        handle(number)

    for number in previous:
        signal.signal(number, catch)
    try:
        yield
    finally:
        restore()
