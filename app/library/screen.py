"""The models, here and on the Hub."""

from __future__ import annotations

import pygame

from app.library.selection import Leave, LibraryModel, Outcome, Publish, Start
from app.library.view import LibraryScene
from app.screen import OpenMenu, Request
from app.screen import Publish as PublishRequest
from app.screen import Start as StartRequest
from app.services import Services
from app.ui.bindings import Command, Context


class LibraryScreen:
    """Leads to matches and to publishing. It opens on the model `at`, or the first."""

    def __init__(self, services: Services, at: str = "") -> None:
        self._services = services
        services.library.open()
        self._scene = LibraryScene(LibraryModel(services.library, at), services.bindings)

    @property
    def context(self) -> Context:
        """A menu's, or typing in the search field."""
        return self._scene.context

    def type(self, event: pygame.Event) -> bool:
        """Takes typed text; whether it was text."""
        return self._scene.model.take(event)

    def command(self, command: Command) -> Request | None:
        """Moves the focus, or does what is focused."""
        return self._act(self._scene.model.command(command))

    def mouse(self, event: pygame.Event, position: tuple[int, int]) -> Request | None:
        """Points, clicks or scrolls."""
        size = self._services.display.size
        if event.type == pygame.MOUSEMOTION:
            self._scene.point(position, size)
        elif event.button == pygame.BUTTON_LEFT:
            return self._act(self._scene.click(position, size))
        elif event.button in (pygame.BUTTON_WHEELUP, pygame.BUTTON_WHEELDOWN):
            self._scene.wheel(position, size, 1 if event.button == pygame.BUTTON_WHEELDOWN else -1)
        return None

    def lose_focus(self) -> None:
        """A key that is down will be released elsewhere."""
        self._scene.model.field.let_go()

    def frame(self, surface: pygame.Surface, elapsed: float) -> None:
        """Draws what is known by now."""
        self._scene.model.hold(elapsed)
        self._scene.model.settle()
        self._scene.draw(surface)

    def close(self) -> None:
        """Downloads go on, and say when they are done."""

    @staticmethod
    def _act(outcome: Outcome | None) -> Request | None:
        match outcome:
            case Start(lineup):
                return StartRequest(lineup)
            case Publish(run):
                return PublishRequest(run)
            case Leave():
                return OpenMenu()
        return None
