"""A coach: it knows where the ball will arrive, and says at every decision how good each action is."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from agents.base import FULL_SPEED, Control
from agents.handicap import SPEED_FRAMES, expected_ball
from agents.pong import Court, Side
from agents.sight import Place
from models.screen import BALL_HEIGHT, BALL_WIDTH, FIELD_BOTTOM, FIELD_MIDDLE, FIELD_TOP, RIGHT_PADDLE, SCREEN_COLUMNS

OFF_CENTRE = 5.0
"""Rows from the paddle's middle to the ball's where they meet: steep enough to win points, safe enough not to miss."""


class Coach:
    """Reads the ball and the knob in the emulator's memory, which no player can see.

    The best action is the one that, held for `frame_skip` frames, takes the paddle nearest to where the ball will
    arrive; when the ball flies away, to the middle. The ball is to be met by the half of the paddle that faces the
    middle, so that it flies off towards the further wall.
    """

    def __init__(self, controls: Sequence[Control], frame_skip: int) -> None:
        self._moves = np.array([control.move for control in controls]) / FULL_SPEED
        self._per_decision = FULL_SPEED * frame_skip

    def costs(self, court: Court, side: Side) -> NDArray[np.float64]:
        """How much further from its goal each action leaves the paddle than the best one does, which costs 0.

        One for each of the controls, for the player on that side, in paddle moves of a decision at full speed.
        """
        needed = court.turn_towards(side, _destination(court, side)) / self._per_decision
        off = np.abs(self._moves - needed)
        return np.asarray(off - off.min(), np.float64)


def _destination(court: Court, side: Side) -> float:
    """The row where the paddle's middle should be."""
    ball = court.ball
    if ball is None:
        return FIELD_MIDDLE
    # As the player on the right would see it.
    right = side is Side.RIGHT
    column, speed = (ball.column, ball.right) if right else (SCREEN_COLUMNS - BALL_WIDTH - ball.column, -ball.right)
    if speed <= 0:
        return FIELD_MIDDLE
    frames = max(-(-(RIGHT_PADDLE.start - BALL_WIDTH - column) // speed), 0)
    before = Place(ball.row - SPEED_FRAMES * ball.down, column - SPEED_FRAMES * speed)
    arrival = expected_ball(before, Place(ball.row, column), frames).row + (BALL_HEIGHT - 1) / 2
    row = arrival - (OFF_CENTRE if arrival < FIELD_MIDDLE else -OFF_CENTRE)
    return min(max(row, FIELD_TOP), FIELD_BOTTOM)
