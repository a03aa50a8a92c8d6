"""The help page: all the keys that do something now, drawn over the screen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pygame

from app.ui import theme
from app.ui.bindings import Group, Row

COLUMNS = (Group.CHOOSE, Group.PLAY, Group.KEEP), (Group.LOOK, Group.WINDOW)
"""What stands below what."""


def draw(surface: pygame.Surface, groups: Mapping[Group, Sequence[Row]]) -> None:
    """Draws the page in the middle of `surface`, in two columns."""
    scale = theme.scale_of(surface.size)
    _dim(surface)
    gap = round(24 * scale)
    columns = [[group for group in column if group in groups] for column in COLUMNS]
    lines = max(sum(len(groups[group]) + 2 for group in column) - 1 for column in columns)
    line = min(round(29 * scale), (surface.height - 3 * gap) // lines)
    box = pygame.Rect(0, 0, min(round(1000 * scale), surface.width - gap), lines * line + 2 * gap)
    box.center = surface.get_rect().center
    theme.draw_panel(surface, box, scale)
    room = box.inflate(-2 * gap, -2 * gap)
    width = (room.width - gap) // 2
    size = round(theme.HINT_SIZE * scale)
    names = [", ".join(keys) for rows in groups.values() for keys, _ in rows]
    key_width = min(max(theme.width_of(name, size, theme.Face.BOLD) for name in names) + size, 3 * width // 5)
    for place, column in enumerate(columns):
        below = pygame.Rect(room.left + place * (width + gap), room.top, width, line)
        for group in column:
            _draw_group(surface, below, group, groups[group], key_width)
            below.top += line * (len(groups[group]) + 2)


def _draw_group(surface: pygame.Surface, top: pygame.Rect, group: Group, rows: Sequence[Row], key_width: int) -> None:
    """Draws a heading, and below it a row for each thing to do; `top` is the first line."""
    scale = theme.scale_of(surface.size)
    size, heading = round(theme.HINT_SIZE * scale), theme.pixel_size(theme.HEADING_SIZE * scale)
    theme.draw_text(surface, group.value.upper(), heading, theme.TEXT, theme.Face.PIXEL, midleft=top.midleft)
    for number, (keys, purpose) in enumerate(rows, 1):
        middle = top.centery + number * top.height
        names = theme.fitted(", ".join(keys), size, key_width - size // 2, theme.Face.BOLD)
        theme.draw_text(surface, names, size, theme.TEXT, theme.Face.BOLD, midleft=(top.left, middle))
        words = theme.fitted(purpose, size, top.width - key_width)
        theme.draw_text(surface, words, size, theme.QUIET, midleft=(top.left + key_width, middle))


def _dim(surface: pygame.Surface) -> None:
    shade = pygame.Surface(surface.size, pygame.SRCALPHA)
    shade.fill((*theme.BACKGROUND[:3], 190))
    surface.blit(shade, (0, 0))
