"""What all panels have in common."""

from __future__ import annotations

from typing import Protocol

import pygame

from app.game.snapshot import Snapshot


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
