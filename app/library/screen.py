"""The models, here and on the Hub."""

from __future__ import annotations

import pygame

from app.library.selection import LibraryModel
from app.library.view import LibraryView
from app.screen import Request
from app.services import Services
from app.ui.bindings import Command, Context


class LibraryScreen:
    """Leads to matches and to publishing. It opens on the model `at`, or the first."""

    def __init__(self, services: Services, at: str = "") -> None:
        self._services = services
        services.library.open()
        self._view = LibraryView(LibraryModel(services.library, at), services.bindings)

    @property
    def context(self) -> Context:
        """A menu's, or typing in the search field."""
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
        """A key that is down will be released elsewhere."""
        self._view.model.field.let_go()

    def frame(self, surface: pygame.Surface, elapsed: float) -> None:
        """Draws what is known by now."""
        self._view.model.hold(elapsed)
        self._view.model.settle()
        self._view.draw(surface)

    def close(self) -> None:
        """Downloads go on, and say when they are done."""
