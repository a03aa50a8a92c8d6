"""What is where in a grey frame of the court."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from agents.base import Frame

BALL_GREY, LEFT_GREY, RIGHT_GREY, FIELD_GREY = 236, 148, 147, 87
FIRST_ROW, LAST_ROW = 34, 193
"""Of the field, between the walls."""
BALL_HEIGHT, BALL_WIDTH = 4, 2
FIELD_ROWS = slice(FIRST_ROW, LAST_ROW + 1)
LEFT_PADDLE, RIGHT_PADDLE = slice(16, 20), slice(140, 144)
"""The paddles' columns."""


class Place(NamedTuple):
    """Where the ball's upper left corner is on the screen."""

    row: int
    column: int


class Rows(NamedTuple):
    """The first and the last row of a paddle, as far as it is on the screen."""

    first: int
    last: int

    @property
    def middle(self) -> float:
        """Of what is on the screen."""
        return (self.first + self.last) / 2


def find_ball(grey: Frame) -> Place | None:
    """The ball, from the left paddle to the far edge of the right one; None where it is not."""
    field = grey[FIELD_ROWS, LEFT_PADDLE.stop : RIGHT_PADDLE.stop] == BALL_GREY
    row, column = divmod(int(field.argmax()), field.shape[1])
    return Place(FIRST_ROW + row, LEFT_PADDLE.stop + column) if field[row, column] else None


def find_left_paddle(grey: Frame) -> Rows | None:
    """The opponent's paddle, as every agent sees the court; None where there is none."""
    return _rows(grey, LEFT_PADDLE, LEFT_GREY)


def find_right_paddle(grey: Frame) -> Rows | None:
    """An agent's own paddle; None where there is none."""
    return _rows(grey, RIGHT_PADDLE, RIGHT_GREY)


def _rows(grey: Frame, columns: slice, paddle_grey: int) -> Rows | None:
    rows = np.flatnonzero(grey[FIELD_ROWS, columns.start] == paddle_grey)
    return Rows(FIRST_ROW + int(rows[0]), FIRST_ROW + int(rows[-1])) if len(rows) else None
