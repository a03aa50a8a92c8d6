"""Many courts at once, in worker processes that share memory with the caller."""

from __future__ import annotations

import signal
from collections.abc import Mapping, Sequence
from ctypes import Array, c_byte
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from models.machine import cores
from models.spec import ActionName, FrameObservation
from training.arena.table import Matchup, Table

T = TypeVar("T", bound=np.generic)


class Layout(NamedTuple):
    """What the workers need to know about the courts."""

    observation: FrameObservation
    actions: tuple[ActionName, ...]
    stickies: tuple[float, ...]
    """For each court, the probability that the right player's last action repeats."""
    seed: int
    coached: bool = False
    """Whether a coach advises the seats with a network."""


class Board:
    """What the courts and the caller share: arrays over `C` courts and two sides, one after the other in `memory`."""

    def __init__(self, layout: Layout, memory: Array[c_byte]) -> None:
        courts, shape = len(layout.stickies), layout.observation.shape
        self._bytes: NDArray[np.uint8] = np.ctypeslib.as_array(memory).view(np.uint8)
        self._used = 0
        self.actions = self._take(np.int64, courts, 2)
        """`[C, 2]`: of every seat with a network, an index into the actions."""
        self.costs = self._take(np.float64, courts, 2, len(layout.actions))
        """`[C, 2, actions]`: for every seat with a network, the coach's costs, if there is a coach."""
        self.rewards = self._take(np.int64, courts)
        """`[C]`: the right player's."""
        self.terminated = self._take(np.bool_, courts)
        self.truncated = self._take(np.bool_, courts)
        self.observations = self._take(np.uint8, courts, 2, *shape)
        """`[C, 2, stack, height, width]`."""
        self.finals = self._take(np.uint8, courts, 2, *shape)
        """The same, of the last observations of games that have ended."""

    @staticmethod
    def size(layout: Layout) -> int:
        """The bytes that it needs."""
        courts = len(layout.stickies)
        return courts * (2 * 8 + 2 * len(layout.actions) * 8 + 8 + 2 + 4 * int(np.prod(layout.observation.shape)))

    def _take(self, kind: type[T], *shape: int) -> NDArray[T]:
        """The next array; the largest numbers come first, so that all are aligned."""
        start = self._used
        self._used += int(np.prod(shape)) * np.dtype(kind).itemsize
        array: NDArray[T] = self._bytes[start : self._used].view(kind).reshape(shape)
        return array


class Courts:
    """`C` courts, stepped together. An ended game is followed at once by the next one, as `upcoming` says."""

    def __init__(self, layout: Layout, *, processes: int | None = None) -> None:
        courts = len(layout.stickies)
        context = get_context("spawn")
        memory = context.RawArray(c_byte, Board.size(layout))
        self.board = Board(layout, memory)
        self._workers = []
        for share in np.array_split(np.arange(courts), min(processes or cores(), courts)):
            here, there = context.Pipe()
            arguments = (there, layout, memory, share.tolist())
            process = context.Process(target=_work, args=arguments, daemon=True)
            process.start()
            there.close()
            self._workers.append((process, here))

    def begin(self, matchups: Sequence[Matchup]) -> None:
        """Begins a new game on every court."""
        self._ask({}, dict(enumerate(matchups)))

    def step(self, upcoming: Mapping[int, Matchup]) -> None:
        """Plays the board's actions for one decision.

        `upcoming` are the games after the current ones, for the courts where that has changed since the last call; it
        must have named every court once before its game ends.
        """
        self._ask(upcoming, None)

    def _ask(self, upcoming: Mapping[int, Matchup], begin: Mapping[int, Matchup] | None) -> None:
        try:
            for process, connection in self._workers:  # noqa: B007 - the process is for the message below
                connection.send((upcoming, begin))
            for process, connection in self._workers:  # noqa: B007
                connection.recv()
        except (EOFError, OSError) as error:
            process.join(1)
            raise RuntimeError(f"a process of the courts died (exit code {process.exitcode})") from error

    def close(self) -> None:
        """Ends the worker processes."""
        for _, connection in self._workers:
            connection.close()
        for process, _ in self._workers:
            process.join(5)
        self._workers.clear()


def _work(connection: Connection, layout: Layout, memory: Array[c_byte], courts: list[int]) -> None:
    """A worker process: plays its courts until the connection closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that asks.
    board = Board(layout, memory)
    tables = {
        court: Table(
            layout.observation,
            layout.actions,
            board.observations[court],
            seed=layout.seed + court,
            sticky=layout.stickies[court],
            costs=board.costs[court] if layout.coached else None,
        )
        for court in courts
    }
    upcoming: dict[int, Matchup] = {}
    while True:
        try:
            news, begin = connection.recv()
        except EOFError:
            return
        upcoming.update({court: matchup for court, matchup in news.items() if court in tables})
        for court, table in tables.items():
            if begin is not None:
                table.begin(begin[court])
                continue
            outcome = table.step(board.actions[court])
            board.rewards[court], board.terminated[court], board.truncated[court] = outcome
            if outcome.terminated or outcome.truncated:
                board.finals[court] = board.observations[court]
                table.begin(upcoming[court])
        connection.send(None)
