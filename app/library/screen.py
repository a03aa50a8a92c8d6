"""The library in the window."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pygame

from app.library.selection import Leave, LibraryModel, Outcome, Publish, Start
from app.library.view import LibraryScene
from app.ui.bindings import Command, Context

if TYPE_CHECKING:
    from app.window import Window


class LibraryScreen:
    """Leads to matches and to publishing. It opens on the model `at`, or the first."""

    def __init__(self, window: Window, at: str = "") -> None:
        self._window = window
        window.library.open()
        self._scene = LibraryScene(LibraryModel(window.library, at), window.table)

    @property
    def context(self) -> Context:
        """A menu's, or that of typing."""
        return self._scene.context

    def type(self, event: pygame.Event) -> bool:
        """Takes in what is typed; whether it was text."""
        return self._scene.model.take(event)

    def command(self, command: Command) -> None:
        """Moves the focus, or does what is in focus."""
        self._follow(self._scene.model.command(command))

    def mouse(self, event: pygame.Event, position: tuple[int, int]) -> None:
        """Points, clicks or scrolls."""
        size = self._window.size
        if event.type == pygame.MOUSEMOTION:
            self._scene.point(position, size)
        elif event.button == pygame.BUTTON_LEFT:
            self._follow(self._scene.click(position, size))
        elif event.button in (pygame.BUTTON_WHEELUP, pygame.BUTTON_WHEELDOWN):
            self._scene.wheel(position, size, 1 if event.button == pygame.BUTTON_WHEELDOWN else -1)

    def lose_focus(self) -> None:
        """Keys are let go elsewhere."""
        self._scene.model.field.let_go()

    def frame(self, surface: pygame.Surface, elapsed: float) -> None:
        """Draws what there is by now."""
        self._scene.model.hold(elapsed)
        self._scene.model.settle()
        self._scene.draw(surface)

    def close(self) -> None:
        """A download goes on, and says when it is done."""

    def _follow(self, outcome: Outcome | None) -> None:
        match outcome:
            case Start(lineup):
                self._window.play(lineup)
            case Publish(run):
                self._window.publish(run)
            case Leave():
                self._window.open_menu()
