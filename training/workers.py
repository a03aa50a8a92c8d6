"""Worker processes that answer requests, and arrays in memory that they share with the caller."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterable, Sequence
from ctypes import Array, c_byte
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

T = TypeVar("T", bound=np.generic)

_CONTEXT = get_context("spawn")
"""A fork would copy the threads' locks of torch and of the emulator in whatever state they are."""


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

    `RuntimeError` from `ask` if one has died.
    """

    def __init__(self, work: Callable[..., None], arguments: Iterable[tuple[Any, ...]]) -> None:
        self._workers = []
        for own in arguments:
            here, there = _CONTEXT.Pipe()
            process = _CONTEXT.Process(target=work, args=(there, *own), daemon=True)
            process.start()
            there.close()
            self._workers.append((process, here))

    def ask(self, method: str, arguments: Sequence[tuple[Any, ...]]) -> list[Any]:
        """Calls a method of what each worker serves, with arguments of its own, all at once; returns their answers."""
        answers = []
        try:
            for (process, connection), own in zip(self._workers, arguments, strict=True):  # noqa: B007 - see below
                connection.send((method, own))
            for process, connection in self._workers:  # noqa: B007 - the process is for the message below
                answers.append(connection.recv())
        except (EOFError, OSError) as error:
            process.join(1)
            raise RuntimeError(f"a process of the courts died (exit code {process.exitcode})") from error
        return answers

    def ask_all(self, method: str, *arguments: Any) -> list[Any]:  # noqa: ANN401 - whatever the method takes
        """The same with the same arguments for all."""
        return self.ask(method, [arguments] * len(self._workers))

    def close(self) -> None:
        """Ends the processes."""
        for _, connection in self._workers:
            connection.close()
        for process, _ in self._workers:
            process.join(5)
        self._workers.clear()


def serve(connection: Connection, served: object) -> None:
    """In a worker: calls the methods of `served` that it is asked to, until the connection closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that asks.
    while True:
        try:
            method, arguments = connection.recv()
        except EOFError:
            return
        connection.send(getattr(served, method)(*arguments))
