"""The rating of the person at this computer, from their matches against opponents whose ratings were measured.

The scale is that of `volley league`: a player of rating a wins a point from one of rating b with probability
1 / (1 + 10 ** ((b - a) / 400)). The matches are kept in one small file, and never sent anywhere.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import accumulate
from pathlib import Path
from typing import Annotated, NamedTuple

import msgspec
from msgspec import Meta, Struct

from agents.pong import Side
from app.game.match import Point
from models.errors import UserError, one_line
from models.files import UNDECODABLE, atomic_write, data_folder, unmarked

SCALE = 400 / math.log(10)
"""Rating points per unit of log odds."""
PRIOR_RATING, PRIOR_DEVIATION = 800.0, 300.0
"""Before the first match: below the human-like script, and unsure."""
POINTS_AS_ONE = 2.0
"""Points of a match are alike: a good day, a tired hand. So that the interval is honest, two count as one."""
HALF_LIFE = 12
"""Matches: one that lies so many back counts half, because people learn."""
NEWTON_STEPS = 30
MAX_MATCHES = 500
"""In the file; the oldest are dropped."""


class MatchRecord(Struct, frozen=True):
    """A game against a rated opponent."""

    day: str
    """When it ended, as YYYY-MM-DD."""
    opponent: str
    rating: Annotated[float, Meta(ge=-10_000, le=10_000)]
    """The opponent's."""
    won: Annotated[int, Meta(ge=0, le=99)]
    """The person's points."""
    lost: Annotated[int, Meta(ge=0, le=99)]
    continued: bool = False
    """Whether it is of the same game as the record before it: a ladder's levels are opponents of their own."""


class PersonRating(NamedTuple):
    """A person's rating, with its 95% interval."""

    value: float
    low: float
    high: float
    matches: int

    @property
    def text(self) -> str:
        """As it is shown: the rating, and half its interval."""
        return f"{self.value:.0f} ± {(self.high - self.low) / 2:.0f}"

    @property
    def from_matches(self) -> str:
        """How many there were, in words."""
        return "one match" if self.matches == 1 else f"{self.matches} matches"


class RatingChange(NamedTuple):
    """A person's rating before and after a match."""

    before: PersonRating | None
    after: PersonRating


def rate(matches: Sequence[MatchRecord]) -> PersonRating | None:
    """The rating that these matches, oldest first, make most probable; None without a match.

    The maximum of the posterior under a normal prior, by Newton's method; the interval is that of the normal
    distribution with the same curvature there.
    """
    if not matches:
        return None
    games = list(accumulate(not match.continued for match in matches))
    weights = [0.5 ** ((games[-1] - game) / HALF_LIFE) / POINTS_AS_ONE for game in games]
    rating = PRIOR_RATING
    for _ in range(NEWTON_STEPS):
        slope, curvature = (PRIOR_RATING - rating) / PRIOR_DEVIATION**2, 1 / PRIOR_DEVIATION**2
        for match, weight in zip(matches, weights, strict=True):
            chance = chance_of_a_point(rating, match.rating)
            points = match.won + match.lost
            slope += weight * (match.won - points * chance) / SCALE
            curvature += weight * points * chance * (1 - chance) / SCALE**2
        # The posterior is concave, but far from its peak a full step could overshoot.
        rating += min(max(slope / curvature, -200.0), 200.0)
    margin = 1.96 / math.sqrt(curvature)
    return PersonRating(rating, rating - margin, rating + margin, max(games[-1], 1))


def chance_of_a_point(rating: float, other: float) -> float:
    """The probability that a player of the first rating wins a point from one of the other."""
    return 1 / (1 + 10 ** ((other - rating) / 400))


def records_of(points: Sequence[Point], person: Side, ratings: Mapping[str, float], day: str) -> list[MatchRecord]:
    """What to remember of a game: a record for each of the rated opponents against whom there were points."""
    records: list[MatchRecord] = []
    for name in dict.fromkeys(point.names[person.other] for point in points):
        if name in ratings:
            winners = [point.winner for point in points if point.names[person.other] == name]
            won = sum(winner is person for winner in winners)
            continued = bool(records)
            records.append(MatchRecord(day, name, ratings[name], won, len(winners) - won, continued))
    return records


class History:
    """The file of the person's matches."""

    def __init__(self, path: Path | None = None) -> None:
        self.path = path or data_folder() / "matches.json"

    def load(self) -> list[MatchRecord]:
        """The matches, oldest first; none if there is no file. `UserError` if it cannot be read."""
        try:
            return msgspec.json.decode(unmarked(self.path.read_bytes()), type=list[MatchRecord])
        except FileNotFoundError:
            return []
        except OSError as error:
            raise UserError(f"cannot read {self.path}: {error.strerror}") from error
        except UNDECODABLE as error:
            raise UserError(f"cannot read {self.path}: {one_line(error)}; delete it to start again") from error

    def add(self, records: Sequence[MatchRecord]) -> None:
        """Adds records, in one step or not at all; `UserError` if the file cannot be written."""
        matches = [*self.load(), *records][-MAX_MATCHES:]
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            atomic_write(self.path, msgspec.json.format(msgspec.json.encode(matches)) + b"\n")
        except OSError as error:
            raise UserError(f"cannot save the match to {self.path}: {error.strerror}") from error

    def forget(self) -> None:
        """Deletes all matches; `UserError` if that fails."""
        try:
            self.path.unlink(missing_ok=True)
        except OSError as error:
            raise UserError(f"cannot delete {self.path}: {error.strerror}") from error
