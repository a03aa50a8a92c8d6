"""Finds the ball and the paddles in a grey frame of the court."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from agents.base import Frame
from models.screen import (
    BALL_GREY,
    FIELD_BOTTOM,
    FIELD_ROWS,
    FIELD_TOP,
    LEFT_GREY,
    LEFT_PADDLE,
    PADDLE_HEIGHT,
    RIGHT_GREY,
    RIGHT_PADDLE,
    SCREEN_COLUMNS,
)


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


class View(NamedTuple):
    """The court as the player on the right sees it; a player on the left is shown it mirrored."""

    ball: Place | None
    own: Rows | None
    """The player's own paddle."""


def look(grey: Frame) -> View:
    """What the player on the right sees in a frame `[210, 160]`."""
    return View(find_ball(grey), _rows(grey, RIGHT_PADDLE, RIGHT_GREY))


def look_from_left(grey: Frame) -> View:
    """What the player on the left sees: `look(mirrored(grey))`, without making that picture.

    They differ only, by a row of a paddle, in the few frames in which the ball covers its edge.
    """
    field = grey[FIELD_ROWS, SCREEN_COLUMNS - RIGHT_PADDLE.stop : SCREEN_COLUMNS - LEFT_PADDLE.stop] == BALL_GREY
    row, column = divmod(int(field[:, ::-1].argmax()), field.shape[1])
    ball = Place(FIELD_TOP + row, LEFT_PADDLE.stop + column) if field[row, -1 - column] else None
    own = _rows(grey, slice(LEFT_PADDLE.stop - 1, None), LEFT_GREY)
    return View(ball, None if own is None else _a_row_down(own))


def _a_row_down(rows: Rows) -> Rows:
    """As `mirrored` moves a paddle: the part that a wall hides stays hidden."""
    hidden = rows.last - rows.first + 1 < PADDLE_HEIGHT and rows.first == FIELD_TOP
    return Rows(rows.first + (not hidden), min(rows.last + 1, FIELD_BOTTOM - 1))


def find_ball(grey: Frame) -> Place | None:
    """The ball, if it is between the left paddle and the far edge of the right one; else None."""
    field = grey[FIELD_ROWS, LEFT_PADDLE.stop : RIGHT_PADDLE.stop] == BALL_GREY
    row, column = divmod(int(field.argmax()), field.shape[1])
    return Place(FIELD_TOP + row, LEFT_PADDLE.stop + column) if field[row, column] else None


def find_left_paddle(grey: Frame) -> Rows | None:
    """The opponent's paddle, as every agent sees the court; None if there is none."""
    return _rows(grey, LEFT_PADDLE, LEFT_GREY)


def _rows(grey: Frame, columns: slice, paddle_grey: int) -> Rows | None:
    rows = np.flatnonzero(grey[FIELD_ROWS, columns.start] == paddle_grey)
    return Rows(FIELD_TOP + int(rows[0]), FIELD_TOP + int(rows[-1])) if len(rows) else None
