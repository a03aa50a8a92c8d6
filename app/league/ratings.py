"""Ratings from the results of a league, by the Bradley-Terry model.

A player of rating a wins a point (or a game) against one of rating b with probability 1 / (1 + 10 ** ((b - a) / 400)),
the scale of chess (Bradley and Terry 1952, "Rank Analysis of Incomplete Block Designs"; Elo 1978).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from app.game.rating import SCALE
from app.league.games import Result

AVERAGE = 1000
"""The mean rating of a league without an anchor."""
PRIOR = 0.5
"""Wins added to each side of every pair: they keep the rating of a player without a win finite."""
MAX_ITERATIONS = 10_000
"""Of the fit, which needs more the fewer of the pairs have played, and the more one-sidedly: up to 1000 were seen."""
RESAMPLES = 200
"""For the intervals."""


class Rating(NamedTuple):
    """A player's rating, with its 95% interval."""

    value: float
    low: float
    high: float


class Standing(NamedTuple):
    """How a player did in a league."""

    name: str
    by_points: Rating
    """From every point as a contest of its own."""
    by_games: Rating
    """From finished games only."""
    points: tuple[int, int]
    """Won and lost."""
    games: tuple[int, int]
    """Won and played."""


def standings(names: Sequence[str], results: Sequence[Result], *, anchor: str | None = None) -> list[Standing]:
    """The table of a league of players with these identities, the best by points first.

    The rating of `anchor`, if it takes part, is `AVERAGE`; otherwise the mean is.
    """
    games = Games.of(names, results)
    fixed = names.index(anchor) if anchor in names else None
    points, wins = games.points_won, games.games_won
    by_points, by_games = _by_points(games, fixed), _by_games(wins, fixed)
    played = np.bincount(np.concatenate((games.left, games.right)), minlength=len(names))
    table = [
        Standing(
            name,
            by_points[place],
            by_games[place],
            (int(points[place].sum()), int(points[:, place].sum())),
            (int(wins[place].sum()), int(played[place])),
        )
        for place, name in enumerate(names)
    ]
    return sorted(table, key=lambda standing: standing.by_points.value, reverse=True)


class Games(NamedTuple):
    """The results of `G` games between `P` players, by their places."""

    players: int
    left: NDArray[np.int64]
    """`[G]`: who played on the left."""
    right: NDArray[np.int64]
    points: NDArray[np.int64]
    """`[G, 2]`: of the left and the right player."""
    finished: NDArray[np.bool_]
    """`[G]`."""

    @classmethod
    def of(cls, names: Sequence[str], results: Sequence[Result]) -> Games:
        """The results of players with these names."""
        place = {name: index for index, name in enumerate(names)}
        return cls(
            len(names),
            np.array([place[result.fixture.left] for result in results], np.int64),
            np.array([place[result.fixture.right] for result in results], np.int64),
            np.array([result.score for result in results], np.int64).reshape(-1, 2),
            np.array([result.finished for result in results], np.bool_),
        )

    @property
    def points_won(self) -> NDArray[np.float64]:
        """`[P, P]`: the points that each player won against each other one."""
        won = np.zeros((self.players, self.players))
        np.add.at(won, (self.left, self.right), self.points[:, 0])
        np.add.at(won, (self.right, self.left), self.points[:, 1])
        return won

    @property
    def games_won(self) -> NDArray[np.float64]:
        """`[P, P]`: the finished games that each player won against each other one."""
        won = np.zeros((self.players, self.players))
        leads = self.points[:, 0] - self.points[:, 1]
        for winner, loser, has_won in ((self.left, self.right, leads > 0), (self.right, self.left, leads < 0)):
            which = has_won & self.finished
            np.add.at(won, (winner[which], loser[which]), 1)
        return won

    def resampled(self, random: np.random.Generator) -> Games:
        """As many games, drawn with replacement."""
        drawn = random.integers(len(self.left), size=len(self.left))
        return Games(self.players, self.left[drawn], self.right[drawn], self.points[drawn], self.finished[drawn])


def ratings(won: NDArray[np.float64], fixed: int | None = None) -> NDArray[np.float64]:
    """`[P]`: the ratings that best explain the wins `[P, P]`; that of player `fixed`, or the mean, is `AVERAGE`."""
    import choix  # noqa: PLC0415 - it imports scipy, which takes a second and changes the warning filters

    prior = PRIOR * (1 - np.eye(len(won)))
    strengths = choix.ilsr_pairwise_dense(won + prior, max_iter=MAX_ITERATIONS) * SCALE
    return np.asarray(strengths - (strengths.mean() if fixed is None else strengths[fixed]) + AVERAGE)


def _by_points(games: Games, fixed: int | None) -> list[Rating]:
    """The points of a game hang together, so the intervals come from resampling whole games."""
    random = np.random.default_rng(0)
    resampled = [ratings(games.resampled(random).points_won, fixed) for _ in range(RESAMPLES)]
    return _with_intervals(ratings(games.points_won, fixed), resampled)


def _by_games(won: NDArray[np.float64], fixed: int | None) -> list[Rating]:
    """The intervals come from leagues between players of these ratings.

    To resample the games themselves would leave whoever won all of them no interval at all.
    """
    random = np.random.default_rng(0)
    rated = ratings(won, fixed)
    chances = 1 / (1 + np.exp((rated - rated[:, None]) / SCALE))
    played = np.triu(won + won.T).astype(np.int64)
    drawn = []
    for _ in range(RESAMPLES):
        wins = random.binomial(played, chances)
        drawn.append(ratings((wins + (played - wins).T).astype(np.float64), fixed))
    return _with_intervals(rated, drawn)


def _with_intervals(values: NDArray[np.float64], drawn: Sequence[NDArray[np.float64]]) -> list[Rating]:
    low, high = np.percentile(np.array(drawn), (2.5, 97.5), axis=0)
    return [Rating(*map(float, of_one)) for of_one in zip(values, low, high, strict=True)]
