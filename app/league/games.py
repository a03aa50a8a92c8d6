"""The games of a league: the schedule, playing one, and the file of all results."""

from __future__ import annotations

import signal
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from itertools import combinations, islice
from multiprocessing import active_children, get_context
from pathlib import Path
from typing import Annotated, Any, TypeAlias

import msgspec
import torch
from msgspec import Meta, Struct

from agents.agent import Agent
from agents.base import Decision
from agents.policy import BATCH, PolicyAgent
from agents.pong import LONGEST_RALLY, Court, Side
from agents.preprocessing import mirrored
from app.game.cast import load_agent
from app.game.lineup import Rom
from app.league.entrants import Entrant
from models.errors import UserError
from models.files import UNDECODABLE, data_folder
from models.spec import POINTS_TO_WIN

AT_ONCE = BATCH
"""Games that a process plays at the same time."""
SHARE = 20
"""The most games of two players that a process is given together. As one ends, it begins the next, so that batches stay
full; what was not finished when a league is stopped is played again."""
Points: TypeAlias = Annotated[int, Meta(ge=0, le=POINTS_TO_WIN)]


class Fixture(Struct, frozen=True):
    """A game to be played: who plays left and right, by identity, and its seed."""

    left: str
    right: str
    seed: int


class Result(Struct, frozen=True):
    """How a game went."""

    fixture: Fixture
    score: tuple[Points, Points]
    """Of the left and the right player."""
    frames: Annotated[int, Meta(ge=0)]
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


class Game:
    """A full game to 21, without sticky actions. The court and the two players have separate seeds."""

    def __init__(self, fixture: Fixture, left: Entrant, right: Entrant) -> None:
        self._fixture = fixture
        self._court = Court(seed=3 * fixture.seed)
        self._players = _agent(left, 3 * fixture.seed + 1), _agent(right, 3 * fixture.seed + 2)
        self._decisions: list[Decision | None] = [None, None]
        self._score, self._served = self._court.score, 0

    @property
    def ended(self) -> bool:
        """Whether a player has won, or a rally has lasted a minute."""
        return self._court.over or self._court.frames - self._served >= LONGEST_RALLY

    @property
    def result(self) -> Result:
        """How it went."""
        return Result(self._fixture, (self._score.left, self._score.right), self._court.frames, self._court.over)

    def look(self) -> Iterator[tuple[str, PolicyAgent]]:
        """Shows the court to both players; yields those networks, by their identity, that now have to decide."""
        grey = self._court.grey()
        for side, player in zip(Side, self._players, strict=True):
            if player is None:
                continue
            view = grey if side is Side.RIGHT else mirrored(grey)
            if not isinstance(player, PolicyAgent):
                self._decisions[side] = player.observe(view)
            elif player.see(view):
                yield (self._fixture.left, self._fixture.right)[side], player

    def step(self) -> None:
        """Runs a frame as the players have decided."""
        left, right = (
            player.decision if isinstance(player, PolicyAgent) else decision
            for player, decision in zip(self._players, self._decisions, strict=True)
        )
        assert right is not None, "the ROM plays on the left only"
        self._court.step(right.control, None if left is None else left.control)
        if self._court.score != self._score:
            self._score, self._served = self._court.score, self._court.frames


def _agent(entrant: Entrant, seed: int) -> Agent[Any] | None:
    if isinstance(entrant.player, Rom):
        return None
    agent = load_agent(entrant.player, seed=seed)
    agent.reset()
    return agent


def play(fixtures: Sequence[Fixture], entrants: Mapping[str, Entrant]) -> Iterator[Result]:
    """Plays `AT_ONCE` games at a time, so that the networks in them decide together; yields each result as it comes.

    A game goes as it would have gone alone.
    """
    coming = (Game(fixture, entrants[fixture.left], entrants[fixture.right]) for fixture in fixtures)
    games: list[Game] = []
    while games := [*games, *islice(coming, AT_ONCE - len(games))]:
        waiting: dict[str, list[PolicyAgent]] = {}
        for game in games:
            for identity, agent in game.look():
                waiting.setdefault(identity, []).append(agent)
        for agents in waiting.values():
            PolicyAgent.decide_together(agents)
        for game in games:
            game.step()
        yield from (game.result for game in games if game.ended)
        games = [game for game in games if not game.ended]


def play_all(fixtures: Sequence[Fixture], entrants: Sequence[Entrant], processes: int) -> Iterator[Result]:
    """Plays the games in parallel; yields each result as it comes. `UserError` if a process of the league is killed."""
    by_identity = {entrant.identity: entrant for entrant in entrants}
    jobs = [(some, by_identity) for some in _shares(fixtures, processes)]
    if not jobs:
        return
    others = set(active_children())
    with ProcessPoolExecutor(min(processes, len(jobs)), get_context("spawn"), _prepare) as pool:
        try:
            for results in as_completed([pool.submit(_play, job) for job in jobs]):
                yield from results.result()
        except BrokenProcessPool as error:
            raise UserError(
                "another program, or a lack of memory, has ended one of the league's processes; the results so far "
                "are kept, and the same command goes on from there"
            ) from error
        except BaseException:  # Ctrl-C too: the games that are being played are given up, not waited for
            for process in set(active_children()) - others:
                process.terminate()
            raise


def _shares(fixtures: Sequence[Fixture], processes: int) -> list[list[Fixture]]:
    """The games in groups of the same two players, small enough for every process to have some."""
    size = min(SHARE, max(1, len(fixtures) // processes))
    pairings: dict[frozenset[str], list[Fixture]] = {}
    for fixture in fixtures:
        pairings.setdefault(frozenset((fixture.left, fixture.right)), []).append(fixture)
    return [games[first : first + size] for games in pairings.values() for first in range(0, len(games), size)]


def _play(job: tuple[Sequence[Fixture], Mapping[str, Entrant]]) -> list[Result]:
    return list(play(*job))


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
            except UNDECODABLE:  # such as the half line of an interrupted write
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
