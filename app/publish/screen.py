"""The screen for publishing a training run."""

from __future__ import annotations

import pygame

from app.hub.publishing import Publishing, Stage
from app.publish.form import PublishingModel
from app.publish.view import PublishingView
from app.screen import OpenLibrary, Request
from app.services import Services
from app.ui.bindings import Command, Context


class PublishingScreen:
    """Leads back to the models."""

    def __init__(self, services: Services, publishing: Publishing) -> None:
        self._services = services
        self._publishing = publishing
        self._view = PublishingView(PublishingModel(publishing), services.bindings)

    @property
    def context(self) -> Context:
        """`TYPING` while the name field is in focus, else `MENU`."""
        return self._view.context

    def type(self, event: pygame.Event) -> bool:
        """Takes typed text; whether it was text."""
        return self._view.model.take(event)

    def command(self, command: Command) -> Request | None:
        """Moves the focus, or does what is focused."""
        return self._act(leave=self._view.model.command(command))

    def mouse(self, event: pygame.Event, position: tuple[int, int]) -> Request | None:
        """Points, clicks or scrolls."""
        size = self._services.display.size
        if event.type == pygame.MOUSEMOTION:
            self._view.point(position, size)
        elif event.button == pygame.BUTTON_LEFT:
            return self._act(leave=self._view.click(position, size))
        elif event.button in (pygame.BUTTON_WHEELUP, pygame.BUTTON_WHEELDOWN):
            self._view.wheel(position, size, 1 if event.button == pygame.BUTTON_WHEELDOWN else -1)
        return None

    def lose_focus(self) -> None:
        """Releases the held key: its release will go to another window."""
        self._view.model.field.release()

    def frame(self, surface: pygame.Surface, elapsed: float) -> None:
        """Updates the publication, and draws it."""
        before = self._publishing.stage
        self._publishing.update(elapsed)
        if self._publishing.stage is Stage.DONE and before is not Stage.DONE:
            self._services.library.search_again()
        self._view.model.repeat(elapsed)
        self._view.model.settle()
        self._view.draw(surface)

    def close(self) -> None:
        """Discards what was prepared; lets an upload finish."""
        if (upload := self._publishing.close()) is not None:
            self._services.finish_in_background(upload)

    def _act(self, *, leave: bool) -> Request | None:
        return OpenLibrary(str(self._publishing.run)) if leave else None
