"""What the pictures of lessons are drawn with: axes, lines, dots, and a landscape in colours."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pygame
from numpy.typing import NDArray

from app.ui import theme

SEEDS = (theme.PUSHED_UP, theme.FOCUS, theme.RIGHT_PLAYER, theme.LEFT_PLAYER)
"""Colours of what is alike but for chance."""
_LOW, _MIDDLE, _HIGH = ((18, 16, 14), (112, 56, 14), (242, 214, 150))
"""Of a landscape, from its lowest point to its highest."""


@dataclass(frozen=True, slots=True)
class Axes:
    """Where numbers lie on a chart that fills `rect`, both axes rising, from the left and from below."""

    rect: pygame.Rect
    across: tuple[float, float]
    """The numbers at the left and the right edge."""
    up: tuple[float, float]
    """The numbers at the lower and the upper edge."""

    def at(self, x: float, y: float) -> tuple[float, float]:
        """The place of a point, in pixels; one that lies far outside is brought to the edge's neighbourhood."""
        right = (x - self.across[0]) / (self.across[1] - self.across[0])
        above = (y - self.up[0]) / (self.up[1] - self.up[0])
        return (
            self.rect.left + min(max(right, -1.0), 2.0) * (self.rect.width - 1),
            self.rect.bottom - 1 - min(max(above, -1.0), 2.0) * (self.rect.height - 1),
        )

    def draw(
        self,
        surface: pygame.Surface,
        scale: float,
        *,
        levels: Iterable[tuple[float, str]] = (),
        places: Iterable[tuple[float, str]] = (),
        below: str = "",
    ) -> None:
        """Draws the ground, a line with its label for each of `levels`, and labels under `places` and the whole."""
        small, apart = round(theme.HINT_SIZE * scale), round(6 * scale)
        pygame.draw.rect(surface, theme.BACKGROUND, self.rect)
        for value, label in levels:
            row = round(self.at(self.across[0], value)[1])
            pygame.draw.line(surface, theme.HAIRLINE, (self.rect.left, row), (self.rect.right - 1, row))
            theme.draw_text(surface, label, small, theme.QUIET, midright=(self.rect.left - apart, row))
        for value, label in places:
            column = round(self.at(value, self.up[0])[0])
            theme.draw_text(surface, label, small, theme.QUIET, midtop=(column, self.rect.bottom + apart // 2))
        if below:
            middle = self.rect.centerx, self.rect.bottom + apart // 2
            theme.draw_text(surface, below, small, theme.QUIET, midtop=middle)

    def line(
        self, surface: pygame.Surface, points: Sequence[tuple[float, float]], colour: pygame.Color, width: float = 2
    ) -> None:
        """Draws a line through points, cut off at the chart's edges."""
        places = [self.at(*point) for point in points]
        part = surface.subsurface(self.rect.clip(surface.get_rect()))
        moved = [(x - self.rect.left, y - self.rect.top) for x, y in places]
        if len(moved) > 1:
            for below in range(max(round(width), 1)):
                pygame.draw.aalines(part, colour, points=[(x, y + below) for x, y in moved], closed=False)

    def dots(
        self, surface: pygame.Surface, points: Iterable[tuple[float, float]], colour: pygame.Color, radius: float
    ) -> None:
        """Draws a dot at each point that lies on the chart."""
        for point in points:
            place = self.at(*point)
            if self.rect.collidepoint(place):
                pygame.draw.aacircle(surface, colour, place, radius)


def heat(values: NDArray[np.float64], size: tuple[int, int]) -> pygame.Surface:
    """A landscape `[rows, columns]`, its first row at the bottom: dark where it is low, bright where it is high."""
    low, high = float(values.min()), float(values.max())
    share = (values[::-1] - low) / max(high - low, 1e-9)
    stops = np.array((_LOW, _MIDDLE, _HIGH), np.float64)
    colours = np.stack([np.interp(share, (0, 0.5, 1), stops[:, channel]) for channel in range(3)], axis=-1)
    small = pygame.surfarray.make_surface(colours.swapaxes(0, 1).astype(np.uint8))
    return pygame.transform.smoothscale(small, size)


def draw_legend(
    surface: pygame.Surface, place: tuple[int, int], scale: float, rows: Iterable[tuple[pygame.Color, str]]
) -> int:
    """Dots, each with what it stands for, from `place` down; returns where the next one would be."""
    size, left, top = round(theme.HINT_SIZE * scale), place[0], place[1]
    for colour, words in rows:
        pygame.draw.aacircle(surface, colour, (left + size / 2, top + size * 0.62), 0.36 * size)
        box = theme.draw_text(surface, words, size, theme.TEXT, topleft=(left + round(1.4 * size), top))
        top = box.bottom + round(3 * scale)
    return top
