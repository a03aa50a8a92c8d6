"""The help page: all the keys that do something now, drawn over the screen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import pygame

from app.ui import theme

Row: TypeAlias = tuple[tuple[str, ...], str]
"""The names of keys, and what they do."""


def draw(surface: pygame.Surface, rows: Sequence[Row]) -> None:
    """Draws the page in the middle of `surface`, in two columns."""
    scale = theme.scale_of(surface.size)
    _dim(surface)
    size, gap, heading_size = (
        round(theme.HINT_SIZE * scale),
        round(24 * scale),
        theme.pixel_size(theme.HEADING_SIZE * scale),
    )
    columns = [rows[: (len(rows) + 1) // 2], rows[(len(rows) + 1) // 2 :]]
    line = min(round(30 * scale), (surface.height - heading_size - 4 * gap) // max(len(columns[0]), 1))
    box = pygame.Rect(0, 0, min(round(1000 * scale), surface.width - gap), 0)
    box.height = len(columns[0]) * line + heading_size + 4 * gap
    box.center = surface.get_rect().center
    theme.draw_panel(surface, box, scale)
    room = box.inflate(-2 * gap, -2 * gap)
    theme.draw_text(surface, "KEYS", heading_size, theme.TEXT, theme.Face.PIXEL, topleft=room.topleft)
    width = (room.width - gap) // 2
    for place, column in enumerate(columns):
        left = room.left + place * (width + gap)
        for number, (keys, purpose) in enumerate(column):
            middle = room.top + heading_size + gap + line // 2 + number * line
            key_width = round(0.4 * width)
            names = theme.fitted(" or ".join(keys), size, key_width - size // 2, theme.Face.BOLD)
            theme.draw_text(surface, names, size, theme.TEXT, theme.Face.BOLD, midleft=(left, middle))
            words = theme.fitted(purpose, size, width - key_width)
            theme.draw_text(surface, words, size, theme.QUIET, midleft=(left + key_width, middle))


def _dim(surface: pygame.Surface) -> None:
    shade = pygame.Surface(surface.size, pygame.SRCALPHA)
    shade.fill((*theme.BACKGROUND[:3], 190))
    surface.blit(shade, (0, 0))
