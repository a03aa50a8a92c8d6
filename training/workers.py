"""Worker processes that answer requests, and arrays in memory that they share with the caller."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from ctypes import Array, c_byte
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any, TypeVar
from weakref import finalize

import numpy as np
from numpy.typing import NDArray

from models.errors import UserError

T = TypeVar("T", bound=np.generic)

_CONTEXT = get_context("spawn")
"""A fork would copy the threads' locks of torch and of the emulator in whatever state they are."""


_SIGNALS = {getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)}
"""A terminal or a service manager sends them to all processes; they are for the one that asks."""


class LostWorkerError(UserError):
    """A worker process has died."""


def shared_memory(size: int) -> Array[c_byte]:
    """That many bytes, which worker processes see too."""
    return _CONTEXT.RawArray(c_byte, size)


class SharedArrays:
    """Arrays that lie one after the other in shared memory; the types of the largest numbers must come first."""

    def __init__(self, memory: Array[c_byte]) -> None:
        self._bytes: NDArray[np.uint8] = np.ctypeslib.as_array(memory).view(np.uint8)
        self._used = 0

    def take(self, kind: type[T], *shape: int) -> NDArray[T]:
        """The next array."""
        start = self._used
        self._used += int(np.prod(shape)) * np.dtype(kind).itemsize
        array: NDArray[T] = self._bytes[start : self._used].view(kind).reshape(shape)
        return array


class Workers:
    """Processes that each run `work` with a connection and their own arguments, and end with this object.

    `LostWorkerError` from any call, once one has died.
    """

    def __init__(self, work: Callable[..., None], arguments: Iterable[tuple[Any, ...]]) -> None:
        self._workers: list[tuple[BaseProcess, Connection]] = []
        # At the exit too, before multiprocessing sends the SIGTERM that they ignore, and waits.
        self._end = finalize(self, _end, self._workers)
        for own in arguments:
            here, there = _CONTEXT.Pipe()
            process = _CONTEXT.Process(target=work, args=(there, *own), daemon=True)
            with _signals_blocked():  # A new process inherits that, and so survives until `serve` ignores them.
                process.start()
            there.close()
            self._workers.append((process, here))

    def send(self, method: str, arguments: Sequence[tuple[Any, ...]]) -> None:
        """Calls a method of what each worker serves, with arguments of its own, all at once; `receive` has the answers.

        More calls may follow before that; each worker answers them in their order.
        """
        for (process, connection), own in zip(self._workers, arguments, strict=True):
            with _told_of_death(process):
                connection.send((method, own))

    def receive(self) -> list[Any]:
        """The workers' answers to the first call that is not answered yet."""
        answers = []
        for process, connection in self._workers:
            with _told_of_death(process):
                answers.append(connection.recv())
        return answers

    def ask(self, method: str, arguments: Sequence[tuple[Any, ...]]) -> list[Any]:
        """Calls a method of what each worker serves, with arguments of its own, all at once; returns their answers."""
        self.send(method, arguments)
        return self.receive()

    def send_all(self, method: str, *arguments: Any) -> None:  # noqa: ANN401 - whatever the method takes
        """`send` with the same arguments for all."""
        self.send(method, [arguments] * len(self._workers))

    def ask_all(self, method: str, *arguments: Any) -> list[Any]:  # noqa: ANN401 - whatever the method takes
        """`ask` with the same arguments for all."""
        return self.ask(method, [arguments] * len(self._workers))

    def close(self) -> None:
        """Ends the processes."""
        self._end()


@contextmanager
def _told_of_death(process: BaseProcess) -> Iterator[None]:
    """Turns the end of a connection to a worker into a `LostWorkerError`."""
    try:
        yield
    except (EOFError, OSError) as error:
        process.join(1)
        raise LostWorkerError(
            f"one of the processes that play the games has died (exit code {process.exitcode})"
        ) from error


def _end(workers: list[tuple[BaseProcess, Connection]]) -> None:
    for _, connection in workers:
        connection.close()
    for process, _ in workers:
        process.join(5)
        if process.is_alive():
            process.kill()
    workers.clear()


@contextmanager
def _signals_blocked() -> Iterator[None]:
    """Keeps the signals to end waiting; does nothing on Windows."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def serve(connection: Connection, served: object) -> None:
    """In a worker: calls the methods of `served` that it is asked to, until the connection closes."""
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    while (asked := _unless_closed(connection.recv)) is not None:
        method, arguments = asked
        answer = getattr(served, method)(*arguments)
        _unless_closed(connection.send, answer)


def _unless_closed(use: Callable[..., Any], *arguments: Any) -> Any:  # noqa: ANN401 - whatever goes through it
    """What using a connection returns; None if the other end is gone, which may be in the middle of a call."""
    try:
        return use(*arguments)
    except (EOFError, OSError):
        return None
