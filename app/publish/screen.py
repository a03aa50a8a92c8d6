"""The page on which a training is published, in the window."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pygame

from app.hub.publishing import Publishing, Stage
from app.publish.form import PublishingModel
from app.publish.view import PublishingScene
from app.ui.bindings import Command, Context

if TYPE_CHECKING:
    from app.window import Window


class PublishingScreen:
    """Leads back to the library."""

    def __init__(self, window: Window, publishing: Publishing) -> None:
        self._window = window
        self._publishing = publishing
        self._scene = PublishingScene(PublishingModel(publishing), window.table)

    @property
    def context(self) -> Context:
        """A menu's, or that of typing."""
        return self._scene.context

    def type(self, event: pygame.Event) -> bool:
        """Takes in what is typed; whether it was text."""
        return self._scene.model.take(event)

    def command(self, command: Command) -> None:
        """Moves the focus, or does what is in focus."""
        self._follow(leave=self._scene.model.command(command))

    def mouse(self, event: pygame.Event, position: tuple[int, int]) -> None:
        """Points, clicks or scrolls."""
        size = self._window.size
        if event.type == pygame.MOUSEMOTION:
            self._scene.point(position, size)
        elif event.button == pygame.BUTTON_LEFT:
            self._follow(leave=self._scene.click(position, size))
        elif event.button in (pygame.BUTTON_WHEELUP, pygame.BUTTON_WHEELDOWN):
            self._scene.wheel(position, size, 1 if event.button == pygame.BUTTON_WHEELDOWN else -1)

    def lose_focus(self) -> None:
        """Keys are let go elsewhere."""
        self._scene.model.field.let_go()

    def frame(self, surface: pygame.Surface, elapsed: float) -> None:
        """Takes in how far it is, and draws it."""
        before = self._publishing.stage
        self._publishing.update(elapsed)
        if self._publishing.stage is Stage.DONE and before is not Stage.DONE:
            self._window.library.look_again()
        self._scene.model.hold(elapsed)
        self._scene.model.settle()
        self._scene.draw(surface)

    def close(self) -> None:
        """Ends what is being prepared; an upload goes on."""
        if (upload := self._publishing.close()) is not None:
            self._window.expect(upload)

    def _follow(self, *, leave: bool) -> None:
        if leave:
            self._window.open_library(str(self._publishing.run))
