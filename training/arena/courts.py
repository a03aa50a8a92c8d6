"""Many courts at once, in worker processes that share memory with the caller."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from ctypes import Array, c_byte
from multiprocessing.connection import Connection
from typing import Any, NamedTuple

import cv2
import numpy as np

from models.machine import cores
from models.spec import ActionName, FrameObservation
from training.arena.table import Matchup, Table
from training.workers import SharedArrays, Workers, serve, shared_memory


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
    """What the courts and the caller share: arrays over `C` courts and two sides."""

    def __init__(self, layout: Layout, memory: Array[c_byte]) -> None:
        courts, shape = len(layout.stickies), layout.observation.shape
        arrays = SharedArrays(memory)
        self.actions = arrays.take(np.int64, courts, 2)
        """`[C, 2]`: of every seat with a network, an index into the actions."""
        self.costs = arrays.take(np.float64, courts, 2, len(layout.actions))
        """`[C, 2, actions]`: for every seat with a network, the coach's costs, if there is a coach."""
        self.rewards = arrays.take(np.int64, courts)
        """`[C]`: the right player's."""
        self.terminated = arrays.take(np.bool_, courts)
        self.truncated = arrays.take(np.bool_, courts)
        self.observations = arrays.take(np.uint8, courts, 2, *shape)
        """`[C, 2, stack, height, width]`."""
        self.finals = arrays.take(np.uint8, courts, 2, *shape)
        """The same, of the last observations of games that have ended."""

    @staticmethod
    def size(layout: Layout) -> int:
        """The bytes that it needs."""
        courts = len(layout.stickies)
        return courts * (2 * 8 + 2 * len(layout.actions) * 8 + 8 + 2 + 4 * int(np.prod(layout.observation.shape)))


class Courts:
    """`C` courts, stepped together. An ended game is followed at once by the next one, as `upcoming` says."""

    def __init__(self, layout: Layout, *, processes: int | None = None) -> None:
        courts = len(layout.stickies)
        memory = shared_memory(Board.size(layout))
        self.board = Board(layout, memory)
        shares = np.array_split(np.arange(courts), min(processes or cores(), courts))
        self._workers = Workers(_work, [(layout, memory, share.tolist()) for share in shares])

    def begin(self, matchups: Sequence[Matchup]) -> None:
        """Begins a new game on every court."""
        self._workers.ask_all("begin", matchups)

    def step(self, upcoming: Mapping[int, Matchup]) -> None:
        """Plays the board's actions for one decision.

        `upcoming` are the games after the current ones, for the courts where that has changed since the last call; it
        must have named every court once before its game ends.
        """
        self._workers.ask_all("step", upcoming)

    def state_dict(self) -> dict[int, dict[str, Any]]:
        """The state of every court."""
        return {court: state for part in self._workers.ask_all("save") for court, state in part.items()}

    def load_state_dict(self, state: dict[int, dict[str, Any]], matchups: Sequence[Matchup]) -> None:
        """Goes back to these games of these players; the next `step` must name every upcoming game."""
        self._workers.ask_all("load", state, matchups)

    def close(self) -> None:
        """Ends the worker processes."""
        self._workers.close()


class Share:
    """Some of the courts, in a worker process."""

    def __init__(self, board: Board, tables: dict[int, Table]) -> None:
        self._board = board
        self._tables = tables
        self._upcoming: dict[int, Matchup] = {}

    def begin(self, matchups: Sequence[Matchup]) -> None:
        """Begins new games."""
        for court, table in self._tables.items():
            table.begin(matchups[court])

    def step(self, upcoming: Mapping[int, Matchup]) -> None:
        """Plays the board's actions; `upcoming` as for `Courts.step`."""
        board = self._board
        self._upcoming.update(upcoming)
        for court, table in self._tables.items():
            outcome = table.step(board.actions[court])
            board.rewards[court], board.terminated[court], board.truncated[court] = outcome
            if outcome.terminated or outcome.truncated:
                board.finals[court] = board.observations[court]
                table.begin(self._upcoming[court])

    def save(self) -> dict[int, dict[str, Any]]:
        """The courts' states."""
        return {court: table.state_dict() for court, table in self._tables.items()}

    def load(self, states: Mapping[int, dict[str, Any]], matchups: Sequence[Matchup]) -> None:
        """Goes back to there."""
        for court, table in self._tables.items():
            table.load_state_dict(states[court], matchups[court])


def _work(connection: Connection, layout: Layout, memory: Array[c_byte], courts: list[int]) -> None:
    """A worker process, which plays its courts."""
    cv2.setNumThreads(1)
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
    serve(connection, Share(board, tables))
