"""What all panels have in common."""

from __future__ import annotations

from typing import Protocol

import pygame

from app.game.match import Snapshot


class Panel(Protocol):
    """Something beside or below the court that shows what goes on in a match: its numbers, and how they are drawn."""

    title: str
    """For the help page and the line of hints."""
    least_height: int
    """In pixels at scale 1: with less it cannot be read, and folds away."""
    wide: bool
    """Whether it stands below the court, because time runs from left to right in it; else in the column beside it."""

    def update(self, now: Snapshot, elapsed: float) -> None:
        """Takes in the match as it is now, `elapsed` seconds after the last time."""
        ...

    def draw(self, surface: pygame.Surface, rect: pygame.Rect, scale: float) -> None:
        """Draws itself to fill `rect`."""
        ...

    def point(self, position: tuple[int, int] | None, *, pressed: bool) -> None:
        """The mouse is at this place of the surface, or outside the window; `pressed` once for a click."""
        ...
