"""What all panels have in common."""

from __future__ import annotations

from typing import Protocol

import pygame

from app.game.snapshot import Snapshot


class Turn:
    """Puts off by `delay` frames what a panel draws anew after each decision.

    The frame of a decision has the network's work to do already; with turns of their own, the panels leave it theirs.
    """

    def __init__(self, delay: int = 0) -> None:
        self._delay = delay
        self._waited = 0

    def comes(self, *, changed: bool) -> bool:
        """Whether to draw anew in this frame, with or without something that has changed since the panel last did."""
        self._waited = self._waited + 1 if changed else 0
        if self._waited <= self._delay:
            return False
        self._waited = 0
        return True


class Panel(Protocol):
    """Shows something about a match, beside or below the court.

    Its numbers are in a model, which draws nothing.
    """

    min_height: int
    """In pixels at scale 1. With less room it cannot be read, and folds away."""
    wide: bool
    """Whether it goes below the court, as wide as that; otherwise it goes in the column beside the court."""

    def update(self, now: Snapshot, elapsed: float) -> None:
        """Takes in the match as it is now, `elapsed` seconds after the last update."""
        ...

    def draw(self, surface: pygame.Surface, rect: pygame.Rect, scale: float) -> None:
        """Draws the panel to fill `rect`."""
        ...

    def point(self, position: tuple[int, int] | None, *, pressed: bool) -> None:
        """The mouse is at this place on the surface; None if it is elsewhere. `pressed` is true once for a click."""
        ...
