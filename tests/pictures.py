"""Pictures of the court drawn by hand, for agents that look at pixels."""

from __future__ import annotations

import numpy as np

from agents.base import Frame


def picture(*, ball: tuple[int, int] | None = None, left: int = 106, right: int = 106) -> Frame:
    """A grey frame `[210, 160]`: walls, both paddles by their first row, and the ball by its first row and column."""
    grey = np.full((210, 160), 87, np.uint8)
    grey[24:34] = grey[194:] = 236
    grey[left : left + 16, 16:20] = 148
    grey[right : right + 16, 140:144] = 147
    if ball is not None:
        row, column = ball
        grey[row : row + 4, column : column + 2] = 236
    return grey
