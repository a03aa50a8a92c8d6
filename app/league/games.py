"""The games of a league: the schedule, playing one, and the file of all results."""

from __future__ import annotations

import signal
from collections.abc import Iterator, Sequence
from itertools import combinations
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import msgspec
import torch
from msgspec import Struct

from agents.agent import Agent
from agents.base import Control
from agents.pong import LONGEST_RALLY, Court
from agents.preprocessing import mirrored
from app.game.cast import load_agent
from app.game.lineup import Rom
from app.league.entrants import Entrant
from models.errors import UserError
from models.files import data_folder


class Fixture(Struct, frozen=True):
    """A game to be played: who plays left and right, by identity, and its seed."""

    left: str
    right: str
    seed: int


class Result(Struct, frozen=True):
    """How a game went."""

    fixture: Fixture
    score: tuple[int, int]
    """Points of the left and the right player."""
    frames: int
    finished: bool
    """Whether a player won; a rally of a minute ends a game without a winner."""


def schedule(entrants: Sequence[Entrant], games: int, seed: int) -> list[Fixture]:
    """`games` games for every pair of entrants, as `games_between` has them."""
    return [fixture for one, other in combinations(entrants, 2) for fixture in games_between(one, other, games, seed)]


def games_between(one: Entrant, other: Entrant, games: int, seed: int) -> list[Fixture]:
    """`games` games of two entrants, with consecutive seeds; each seed is played twice, with the sides exchanged.

    The ROM plays on the left only, so its games are not exchanged; each has a seed of its own.
    """
    if isinstance(one.player, Rom) or isinstance(other.player, Rom):
        left, right = (one, other) if isinstance(one.player, Rom) else (other, one)
        return [Fixture(left.identity, right.identity, seed + number) for number in range(games)]
    sides = (one.identity, other.identity), (other.identity, one.identity)
    return [Fixture(*sides[number % 2], seed + number // 2) for number in range(games)]


def play(fixture: Fixture, left: Entrant, right: Entrant) -> Result:
    """Plays a full game to 21, without sticky actions. The court and the two players have separate seeds."""
    court = Court(seed=3 * fixture.seed)
    players = _agent(left, 3 * fixture.seed + 1), _agent(right, 3 * fixture.seed + 2)
    score, served = court.score, 0
    while not court.over and court.frames - served < LONGEST_RALLY:
        court.step(*_controls(court, *players))
        if court.score != score:
            score, served = court.score, court.frames
    return Result(fixture, (score.left, score.right), court.frames, court.over)


def _agent(entrant: Entrant, seed: int) -> Agent[Any] | None:
    if isinstance(entrant.player, Rom):
        return None
    agent = load_agent(entrant.player, seed=seed)
    agent.reset()
    return agent


def _controls(court: Court, left: Agent[Any] | None, right: Agent[Any] | None) -> tuple[Control, Control | None]:
    """The right and the left player's."""
    assert right is not None, "the ROM plays on the left only"
    grey = court.grey()
    control = right.observe(grey).control
    return control, None if left is None else left.observe(mirrored(grey)).control


def play_all(fixtures: Sequence[Fixture], entrants: Sequence[Entrant], processes: int) -> Iterator[Result]:
    """Plays the games in parallel; yields each result as it comes."""
    by_identity = {entrant.identity: entrant for entrant in entrants}
    jobs = [(fixture, by_identity[fixture.left], by_identity[fixture.right]) for fixture in fixtures]
    if not jobs:
        return
    with get_context("spawn").Pool(min(processes, len(jobs)), initializer=_prepare) as pool:
        yield from pool.imap_unordered(_play, jobs)


def _play(job: tuple[Fixture, Entrant, Entrant]) -> Result:
    return play(*job)


def _prepare() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that waits for the results.
    torch.set_num_threads(1)  # There is a process for every core.


class ResultsFile:
    """Results of all leagues ever played here, one to a line. A game is the same each time, so none is played twice."""

    def __init__(self, path: Path | None = None) -> None:
        self.path = path or data_folder() / "league.jsonl"

    def load(self, wanted: Sequence[Fixture]) -> list[Result]:
        """The results of those of the `wanted` games that have been played; damaged lines are passed over.

        `UserError` if the file cannot be read.
        """
        known = set(wanted)
        try:
            lines = self.path.read_bytes().splitlines()
        except FileNotFoundError:
            return []
        except OSError as error:
            raise UserError(f"cannot read {self.path}: {error.strerror}") from error
        results = {}
        for line in lines:
            try:
                result = msgspec.json.decode(line, type=Result)
            except msgspec.DecodeError:  # such as the half line of an interrupted write
                continue
            if result.fixture in known:
                results[result.fixture] = result
        return list(results.values())

    def add(self, result: Result) -> None:
        """Adds a result; `UserError` if the file cannot be written."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("ab") as file:
                file.write(b"\n" * self._cut_off() + msgspec.json.encode(result) + b"\n")
        except OSError as error:
            raise UserError(f"cannot write to {self.path}: {error.strerror}; choose another with --results") from error

    def _cut_off(self) -> bool:
        """Whether the file ends in the middle of a line."""
        try:
            with self.path.open("rb") as file:
                file.seek(-1, 2)
                return file.read(1) != b"\n"
        except OSError:  # empty, or not there yet
            return False
