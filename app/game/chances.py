"""The chance of winning a point and the game, at every moment of it.

The chance of a point comes from a small network over where ball and paddles are, and from the points so far. It knows
nothing else about the players, so it serves people and agents alike. `benchmarks/win_chance.py` trains it on games of
many players, and measures on games of others whether what it says comes true.
"""

from __future__ import annotations

import math
from functools import cache, cached_property
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from agents.pong import Ball, Court, Side
from models.screen import (
    BALL_HEIGHT,
    BALL_WIDTH,
    FIELD_BOTTOM,
    FIELD_TOP,
    LEFT_PADDLE,
    RIGHT_PADDLE,
)
from models.spec import POINTS_TO_WIN

WEIGHTS = Path(__file__).parent / "chances.json"
EVEN_POINTS = 5.0
"""Each player starts with so many imagined points: before the first real ones, both are equally likely to win one."""
PADDLE_SPEED = 5.3
"""Rows per frame, at most."""
REACH = 10
"""Rows between the middles of a paddle and of a ball that it just touches."""


class Scene(NamedTuple):
    """Where everything is, in one frame with the ball in play."""

    ball: Ball
    left: float
    """The row of the left paddle's middle."""
    right: float

    @classmethod
    def of(cls, court: Court) -> Scene | None:
        """The court's; None between two points."""
        ball = court.ball
        if ball is None:
            return None
        return cls(ball, court.paddle_row(Side.LEFT), court.paddle_row(Side.RIGHT))

    @property
    def mirrored(self) -> Scene:
        """The same with left and right exchanged."""
        ball = self.ball
        column = LEFT_PADDLE.start + RIGHT_PADDLE.stop - BALL_WIDTH - ball.column
        return Scene(Ball(column, ball.row, -ball.right, ball.down), self.right, self.left)


def features(scene: Scene) -> list[float]:
    """What the network is told about a scene, as the right player sees it; all about -1 to 1.

    The last four say whether that player can still reach the ball: 0 if it flies the other way.
    """
    ball, left, right = scene
    middle = ball.row + (BALL_HEIGHT - 1) / 2
    described = [
        (ball.column - 80) / 60,
        (middle - 114) / 80,
        ball.right / 4,
        ball.down / 4,
        abs(ball.right) / 4,
        (left - 114) / 80,
        (right - 114) / 80,
        abs(middle - right) / 80,
    ]
    if ball.right <= 0:
        return [*described, 0.0, 0.0, 0.0, 0.0]
    frames = max((RIGHT_PADDLE.start - BALL_WIDTH - ball.column) / ball.right, 0.0)
    gap = abs(_folded(middle + ball.down * frames) - right)
    short = gap - REACH - PADDLE_SPEED * frames
    return [*described, gap / 80, frames / 60, min(max(short / 40, -2.0), 2.0), 1.0]


def _folded(row: float) -> float:
    """Where a ball that flew on to this row is, after the walls have turned it back."""
    top, bottom = FIELD_TOP + BALL_HEIGHT / 2, FIELD_BOTTOM - BALL_HEIGHT / 2
    room = bottom - top
    beyond = (row - top) % (2 * room)
    return top + min(beyond, 2 * room - beyond)


class PointModel(Struct, frozen=True, dict=True):
    """The chance that the right player wins the point: a network with one hidden layer, and the strength so far.

    logit = strength * logit(share of points so far) + g(scene) - g(mirrored scene), so that both sides are treated
    alike.
    """

    hidden: list[list[float]]
    """`[H, features]`."""
    hidden_bias: list[float]
    output: list[float]
    """`[H]`."""
    strength: float

    @cached_property
    def _arrays(self) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        return np.array(self.hidden), np.array(self.hidden_bias), np.array(self.output)

    def chance(self, scene: Scene, share: float) -> float:
        """The chance, from 0 to 1; `share` is the right player's of the points so far."""
        hidden, bias, output = self._arrays
        both = np.array([features(scene), features(scene.mirrored)])
        here, there = np.tanh(both @ hidden.T + bias) @ output
        logit = self.strength * math.log(share / (1 - share)) + float(here - there)
        return 1 / (1 + math.exp(-logit))


@cache
def point_model() -> PointModel:
    """The model that ships."""
    return msgspec.json.decode(WEIGHTS.read_bytes(), type=PointModel)


def share_so_far(won: int, lost: int) -> float:
    """A player's share of the points, each with `EVEN_POINTS` to begin with."""
    return (won + EVEN_POINTS) / (won + lost + 2 * EVEN_POINTS)


def chance_of_the_game(own: int, other: int, even_points: float = EVEN_POINTS) -> float:
    """The chance of reaching 21 first from this score, not knowing how strong the two are.

    The chance of a point is taken to follow the beta distribution that the points so far leave of an even one, which
    counts as `even_points` for each; what remains is a race to 21, whose outcomes follow a beta-binomial distribution.
    """
    needed, left = POINTS_TO_WIN - own, POINTS_TO_WIN - other
    if needed <= 0 or left <= 0:
        return float(needed <= 0)
    alpha, beta = own + even_points, other + even_points
    start = _log_beta(alpha, beta)
    return sum(
        math.comb(needed - 1 + conceded, conceded) * math.exp(_log_beta(alpha + needed, beta + conceded) - start)
        for conceded in range(left)
    )


def _log_beta(alpha: float, beta: float) -> float:
    return math.lgamma(alpha) + math.lgamma(beta) - math.lgamma(alpha + beta)


def win_chance(scene: Scene | None, left: int, right: int, model: PointModel | None = None) -> float:
    """The right player's chance of winning the game, from 0 to 1, at this score and in this scene, if there is one."""
    if scene is None or max(left, right) >= POINTS_TO_WIN:
        return chance_of_the_game(right, left)
    point = (model or point_model()).chance(scene, share_so_far(right, left))
    return point * chance_of_the_game(right + 1, left) + (1 - point) * chance_of_the_game(right, left + 1)
