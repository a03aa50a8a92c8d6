"""Finds the ball and the paddles in a grey frame of the court."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from agents.base import Frame
from models.screen import BALL_GREY, FIELD_ROWS, FIELD_TOP, LEFT_GREY, LEFT_PADDLE, RIGHT_GREY, RIGHT_PADDLE


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
        """The middle of what is on the screen."""
        return (self.first + self.last) / 2


def find_ball(grey: Frame) -> Place | None:
    """The ball, if it is between the left paddle and the far edge of the right one; else None."""
    field = grey[FIELD_ROWS, LEFT_PADDLE.stop : RIGHT_PADDLE.stop] == BALL_GREY
    row, column = divmod(int(field.argmax()), field.shape[1])
    return Place(FIELD_TOP + row, LEFT_PADDLE.stop + column) if field[row, column] else None


def find_left_paddle(grey: Frame) -> Rows | None:
    """The opponent's paddle, as every agent sees the court; None if there is none."""
    return _rows(grey, LEFT_PADDLE, LEFT_GREY)


def find_right_paddle(grey: Frame) -> Rows | None:
    """The agent's own paddle; None if there is none."""
    return _rows(grey, RIGHT_PADDLE, RIGHT_GREY)


def _rows(grey: Frame, columns: slice, paddle_grey: int) -> Rows | None:
    rows = np.flatnonzero(grey[FIELD_ROWS, columns.start] == paddle_grey)
    return Rows(FIELD_TOP + int(rows[0]), FIELD_TOP + int(rows[-1])) if len(rows) else None
