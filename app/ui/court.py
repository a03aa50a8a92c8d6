"""Draws the court: the emulator's picture, in the shape a television shows it in."""

from __future__ import annotations

import pygame

from agents.base import Frame
from models.screen import SCREEN_COLUMNS, SCREEN_ROWS

ASPECT = 4 / 3
"""Width by height: an Atari pixel is about twice as wide as high."""
PIXEL_ASPECT = ASPECT * SCREEN_ROWS / SCREEN_COLUMNS


class CourtView:
    """Draws the picture at any size; the edges of its pixels are at most one screen pixel soft."""

    def __init__(self) -> None:
        self._picture: Frame | None = None
        self._scaled = pygame.Surface((0, 0))

    def draw(self, surface: pygame.Surface, rect: pygame.Rect, picture: Frame) -> None:
        """Draws `picture`, `[210, 160, 3]`, to fill `rect`."""
        if picture is not self._picture or self._scaled.size != rect.size:
            self._picture, self._scaled = picture, _scaled(_surface(picture).convert(surface), rect.size)
        surface.blit(self._scaled, rect)


def _surface(picture: Frame) -> pygame.Surface:
    height, width = picture.shape[:2]
    surface = pygame.image.frombuffer(picture.tobytes(), (width, height), "RGB")
    surface.fill(surface.get_at((8, 0)), (0, 0, 8, 1))  # The ROM leaves a black mark in the corner.
    return surface


def _scaled(small: pygame.Surface, size: tuple[int, int]) -> pygame.Surface:
    """Scales up by whole numbers first, which keeps all pixels the same size, and only then to `size`."""
    whole = (small.width * -(-size[0] // small.width), small.height * -(-size[1] // small.height))
    return pygame.transform.smoothscale(pygame.transform.scale(small, whole), size)
