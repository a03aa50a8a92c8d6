"""Draws the court: the emulator's picture, in the shape a television shows it in."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
import pygame
from numpy.typing import NDArray

from agents.base import Frame
from models.screen import SCREEN_COLUMNS, SCREEN_ROWS

ASPECT = 4 / 3
"""Width by height: an Atari pixel is about twice as wide as high."""
PIXEL_ASPECT = ASPECT * SCREEN_ROWS / SCREEN_COLUMNS


class CourtView:
    """Draws the picture at any size; the edges of its pixels are at most one screen pixel soft."""

    def __init__(self) -> None:
        self._picture: Frame | None = None
        self._clean: Frame | None = None
        """The picture without the ROM's mark, as `_scaled` shows it."""
        self._scaled = pygame.Surface((0, 0))

    def draw(self, surface: pygame.Surface, rect: pygame.Rect, picture: Frame) -> None:
        """Draws `picture`, `[210, 160, 3]`, to fill `rect`."""
        if self._scaled.size != rect.size:
            self._picture, self._clean, self._scaled = None, None, pygame.Surface(rect.size, depth=32)
        if picture is not self._picture:
            before, self._picture, self._clean = self._clean, picture, without_mark(picture)
            scale(self._clean, self._scaled, before)
        surface.blit(self._scaled, rect)


def without_mark(picture: Frame) -> Frame:
    """The picture without the black mark that the ROM leaves in its corner."""
    clean = picture.copy()
    clean[0, :8] = picture[0, 8]
    return clean


def scale(picture: Frame, surface: pygame.Surface, before: Frame | None = None) -> None:
    """Fills a surface of 32 bits with `picture`, `[height, width, 3]`; each pixel becomes the mean of what it covers.

    If the surface shows `before` already, only rows that differ from it are drawn: from frame to frame, they are few.
    Most rows of the court are like the one above them, and are scaled once.
    """
    if surface.width < picture.shape[1] or surface.height < picture.shape[0]:
        small = pygame.image.frombuffer(picture.tobytes(), picture.shape[1::-1], "RGB")
        pygame.transform.smoothscale(small.convert(surface), surface.size, surface)
        return
    across, down = _cover(picture.shape[1], surface.width), _cover(picture.shape[0], surface.height)
    changed = np.ones(len(picture), bool) if before is None else (picture != before).any((1, 2))
    drawn = np.flatnonzero(changed[down.first] | changed[down.second])
    kinds = np.concatenate(([0], np.cumsum((picture[1:] != picture[:-1]).any((1, 2)))))
    covered, share = kinds[np.concatenate((down.first[drawn], down.second[drawn]))], down.share[drawn]
    needed, places = np.unique(covered, return_inverse=True)
    first, second = np.split(places, 2)
    rows = picture[np.searchsorted(kinds, needed)]
    wide = _mixed(rows[:, across.first], rows[:, across.second], across.share[:, None])
    edges = np.flatnonzero(first != second)
    mixed = _mixed(wide[first[edges]], wide[second[edges]], share[edges, None, None])
    first[edges] = len(wide) + np.arange(len(edges))
    colours = _packed(np.concatenate((wide, mixed)), surface)
    pygame.surfarray.pixels2d(surface).T[drawn] = colours[first]


class Cover(NamedTuple):
    """Which pixels of a row or column those of a longer one cover, at most two each; each `[length]`."""

    first: NDArray[np.int64]
    second: NDArray[np.int64]
    share: NDArray[np.float32]
    """Of the second one, from 0 to 1."""


@lru_cache(maxsize=16)
def _cover(short: int, long: int) -> Cover:
    """For a row of `short` pixels that is scaled to `long` ones."""
    ends = np.arange(1, long + 1) * short
    first = (ends - short) // long
    second = (ends - 1) // long  # the last one that a pixel reaches into
    return Cover(first, second, ((ends - second * long) / short).astype(np.float32) * (second != first))


def _mixed(first: Frame, second: Frame, share: NDArray[np.float32]) -> Frame:
    return np.asarray(first + (second - first.astype(np.float32)) * share + 0.5, np.uint8)


def _packed(rgb: Frame, surface: pygame.Surface) -> NDArray[np.uint32]:
    """Colours `[..., 3]` as a surface of 32 bits keeps them, `[...]`."""
    red, green, blue = (rgb[..., channel].astype(np.uint32) << surface.get_shifts()[channel] for channel in range(3))
    return np.asarray(red | green | blue)
