"""Where everything in the scene of a match goes, and which panels fold away for lack of room."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import pygame

from app.ui import theme
from app.ui.court import ASPECT, PIXEL_ASPECT
from models.screen import SCREEN_COLUMNS, SCREEN_ROWS

_MIN_COLUMN = 600
"""Pixels at scale 1. A court at least this tall has the column of panels beside it aligned with its top and bottom."""


@dataclass(frozen=True, slots=True)
class PlayLayout:
    """Where everything goes, in pixels; `scale` is 1 at `theme.DESIGN_SIZE`."""

    scale: float
    title: pygame.Rect
    score: pygame.Rect
    court: pygame.Rect
    column: tuple[pygame.Rect, ...]
    """The panels beside the court: as many of those asked for as fit."""
    strips: tuple[pygame.Rect, ...]
    """The panels below the court."""
    hints: pygame.Rect

    @classmethod
    def of(
        cls,
        size: tuple[int, int],
        *,
        column: Sequence[int] = (),
        strips: Sequence[int] = (),
        hints: bool = True,
        whole_pixels: bool = False,
    ) -> PlayLayout:
        """The layout for a surface of this size, which is at least `theme.MIN_SIZE`.

        `column` and `strips` are the minimum heights, at scale 1, of the panels beside and below the court. `hints`
        leaves room for the line of hints. With `whole_pixels`, all the court's pixels have the same size on screen.
        """
        width, height = size
        scale = theme.scale_of(size)
        gap, header, tall_header = round(theme.GAP * scale), round(72 * scale), round(132 * scale)
        below = round(40 * scale) if hints else gap
        column_width = round(min(400 * scale, 0.33 * width)) if column else -gap
        strips_height = sum(round(minimum * scale) + gap for minimum in strips)

        room = pygame.Rect(gap, header, width - column_width - 3 * gap, height - header - below - strips_height)
        court = pygame.Rect((0, 0), court_size(room.size, whole_pixels=whole_pixels))
        score_height = min(tall_header, room.bottom - court.height)
        court.midtop = (room.centerx, score_height + (room.bottom - score_height - court.height) // 2)

        side = pygame.Rect(room.right + gap, header, column_width, height - header - below)
        needed = sum(round(minimum * scale) + gap for minimum in column) - gap
        if not strips and court.height >= max(_MIN_COLUMN * scale, min(needed, side.height)):
            side.top, side.height = court.top, court.height
        return cls(
            scale=scale,
            title=pygame.Rect(side.left, 0, max(side.width, 0), side.top),
            score=_score_above(court, score_height, room),
            court=court,
            column=_stack(side, [round(minimum * scale) for minimum in column], gap),
            strips=_stack(
                pygame.Rect(room.left, room.bottom + gap, room.width, strips_height - gap),
                [round(minimum * scale) for minimum in strips],
                gap,
            ),
            hints=pygame.Rect(room.left, height - below, width - 2 * gap, below if hints else 0),
        )


def court_size(room: tuple[int, int], *, whole_pixels: bool) -> tuple[int, int]:
    """The largest court that fits, in the right shape; with `whole_pixels`, in nearly the right shape."""
    width, height = room
    if whole_pixels and (tall := min(height // SCREEN_ROWS, round(width / SCREEN_COLUMNS / PIXEL_ASPECT))) > 0:
        wide = round(tall * PIXEL_ASPECT)
        return SCREEN_COLUMNS * min(wide, width // SCREEN_COLUMNS), SCREEN_ROWS * tall
    width = min(width, math.floor(height * ASPECT))
    return width, round(width / ASPECT)


def _score_above(court: pygame.Rect, height: int, room: pygame.Rect) -> pygame.Rect:
    """As wide as the court, or a little wider if the court is narrow."""
    score = pygame.Rect(0, court.top - height, max(court.width, min(room.width, round(1.4 * height * 4))), height)
    score.centerx = court.centerx
    return score.clamp(pygame.Rect(room.left, score.top, room.width, height))


def _stack(room: pygame.Rect, min_heights: Sequence[int], gap: int) -> tuple[pygame.Rect, ...]:
    """As many of the panels as fit, from the first, one below the other; spare room makes each up to twice as tall."""
    count = len(min_heights)
    while count > 0 and sum(min_heights[:count]) + gap * (count - 1) > room.height:
        count -= 1
    total = sum(min_heights[:count])
    spare = min(room.height - total - gap * (count - 1), total)
    rects, top = [], room.top
    for place, height in enumerate(min_heights[:count]):
        share = spare * sum(min_heights[: place + 1]) // total - spare * sum(min_heights[:place]) // total
        rects.append(pygame.Rect(room.left, top, room.width, height + share))
        top += height + share + gap
    return tuple(rects)
