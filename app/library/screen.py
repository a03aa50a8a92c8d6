"""The screen of the models, on this machine and on the Hub."""

from __future__ import annotations

import pygame

from app.library.selection import LibraryModel
from app.library.view import LibraryView
from app.screen import Request
from app.services import Services
from app.ui.bindings import Command, Context


class LibraryScreen:
    """Leads to matches and to publishing. Opens with the model `at` in focus, by default the first."""

    def __init__(self, services: Services, at: str = "") -> None:
        self._services = services
        services.library.open()
        self._view = LibraryView(LibraryModel(services.library, at), services.bindings)

    @property
    def context(self) -> Context:
        """`TYPING` while the search field is in focus, else `MENU`."""
        return self._view.context

    def type(self, event: pygame.Event) -> bool:
        """Takes typed text; whether it was text."""
        return self._view.model.take(event)

    def command(self, command: Command) -> Request | None:
        """Moves the focus, or does what is focused."""
        return self._view.model.command(command)

    def mouse(self, event: pygame.Event, position: tuple[int, int]) -> Request | None:
        """Points, clicks or scrolls."""
        size = self._services.display.size
        if event.type == pygame.MOUSEMOTION:
            self._view.point(position, size)
        elif event.button == pygame.BUTTON_LEFT:
            return self._view.click(position, size)
        elif event.button in (pygame.BUTTON_WHEELUP, pygame.BUTTON_WHEELDOWN):
            self._view.wheel(position, size, 1 if event.button == pygame.BUTTON_WHEELDOWN else -1)
        return None

    def lose_focus(self) -> None:
        """Releases the held key: its release will go to another window."""
        self._view.model.field.release()

    def frame(self, surface: pygame.Surface, elapsed: float) -> None:
        """Draws the screen."""
        self._view.model.repeat(elapsed)
        self._view.model.settle()
        self._view.draw(surface)

    def close(self) -> None:
        """Nothing to end: downloads continue, and report when they are done."""
