"""What a screen is, and what it may ask the window for.

A screen never opens another one: it returns a request, and the window acts on it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Protocol, TypeAlias, runtime_checkable

import pygame

from app.game.lineup import Lineup
from app.ui.bindings import Command, Context


@dataclass(frozen=True, slots=True)
class OpenMenu:
    """Go to the menu, as it was left."""

    place: ClassVar[str] = "menu"


@dataclass(frozen=True, slots=True)
class OpenLibrary:
    """Go to the models."""

    place: ClassVar[str] = "models"
    model: str = ""
    """The one to focus; empty: the first."""


@dataclass(frozen=True, slots=True)
class OpenLessons:
    """Go to the lessons."""

    place: ClassVar[str] = "lessons"
    lesson: str = ""
    """The name of the one to open; empty: the first that has not yet shown its point."""


Origin: TypeAlias = OpenMenu | OpenLibrary | OpenLessons
"""The way back to where a match was begun; its `place` is what a key that leads there is called."""


@dataclass(frozen=True, slots=True)
class Start:
    """Start a match between these players, and remember them."""

    lineup: Lineup
    back: Origin = OpenMenu()


@dataclass(frozen=True, slots=True)
class Follow:
    """Watch the newest policy of a training run play while it trains."""

    run: Path
    back: Origin = OpenMenu()


@dataclass(frozen=True, slots=True)
class Publish:
    """Prepare a training run for the Hub."""

    run: Path


@dataclass(frozen=True, slots=True)
class Quit:
    """Close the window."""


Request: TypeAlias = Start | Follow | Publish | OpenMenu | OpenLibrary | OpenLessons | Quit


class Screen(Protocol):
    """What fills the window: the menu, a match, the models, the lessons, a publication."""

    @property
    def context(self) -> Context:
        """What keys mean here, now."""
        ...

    def command(self, command: Command) -> Request | None:
        """Does what a key or button asks for, if that means something here."""
        ...

    def mouse(self, event: pygame.Event, position: tuple[int, int]) -> Request | None:
        """The mouse was moved or pressed, at this position on the surface."""
        ...

    def lose_focus(self) -> None:
        """Another window came to the front, or the help page, or the gamepad that steered is gone."""
        ...

    def frame(self, surface: pygame.Surface, elapsed: float) -> Request | None:
        """Advances by `elapsed` seconds, and draws."""
        ...

    def close(self) -> None:
        """Another screen follows, or the window closes."""
        ...


@runtime_checkable
class RescuableScreen(Protocol):
    """A screen with something to keep when the window has to end."""

    def rescue(self) -> str:
        """Keeps it; returns a line that says where, empty if there is nothing."""
        ...


@runtime_checkable
class TypingScreen(Protocol):
    """A screen with text fields. In the context `TYPING`, it sees each event first."""

    def type(self, event: pygame.Event) -> bool:
        """Takes typed text; whether the event was text and not a command."""
        ...
