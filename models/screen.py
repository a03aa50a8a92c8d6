"""Pong's screen: where things are in an emulator frame, and their grey levels. Rows and columns start at the top left.

A bottom is the first row below an object, like the end of a slice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:  # The command line reads specifications, and does not wait for numpy.
    from numpy.typing import NDArray

SCREEN_ROWS, SCREEN_COLUMNS = SCREEN_SHAPE = 210, 160
WALL_TOP = 24
"""The top of the upper wall; the score is above it."""
FIELD_TOP, FIELD_BOTTOM = 34, 194
"""The field between the walls."""
FIELD_MIDDLE = (FIELD_TOP + FIELD_BOTTOM - 1) / 2
FIELD_ROWS = slice(FIELD_TOP, FIELD_BOTTOM)
LEFT_PADDLE, RIGHT_PADDLE = slice(16, 20), slice(140, 144)
"""The paddles' columns."""
BALL_HEIGHT, BALL_WIDTH, PADDLE_HEIGHT = 4, 2, 16

BALL_GREY, LEFT_GREY, RIGHT_GREY, FIELD_GREY = 236, 148, 147, 87
"""The walls are as grey as the ball."""


class Region(NamedTuple):
    """A part of the screen."""

    top: int
    bottom: int
    left: int
    right: int

    @property
    def rows(self) -> int:
        """How many."""
        return self.bottom - self.top

    @property
    def columns(self) -> int:
        """How many."""
        return self.right - self.left

    def of(self, picture: NDArray[Any]) -> NDArray[Any]:
        """That part of a picture of the whole screen, `[210, 160, ...]`; a view."""
        return picture[self.top : self.bottom, self.left : self.right]


SCREEN = Region(0, SCREEN_ROWS, 0, SCREEN_COLUMNS)
COURT = Region(FIELD_TOP, FIELD_BOTTOM, LEFT_PADDLE.start, RIGHT_PADDLE.stop)
"""The field from paddle to paddle: all that the game depends on, on three fifths of the screen."""


def score_rows(region: Region, height: int) -> int:
    """How many rows of a picture of `region`, `height` rows in all, show the score."""
    return max(round((WALL_TOP - region.top) * height / region.rows), 0)
