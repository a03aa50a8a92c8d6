"""The screen of the lessons."""

from __future__ import annotations

import pygame
from msgspec.structs import replace

from app.learn.lessons import lessons
from app.learn.page import LearnPage
from app.learn.view import LearnView
from app.screen import OpenMenu, Request
from app.services import Services
from app.ui.bindings import Command, Context
from models.errors import UserError


class LearnScreen:
    """Leads back to the menu. `UserError` if the lessons cannot start."""

    context = Context.MENU

    def __init__(self, services: Services) -> None:
        self._services = services
        page = LearnPage(lessons(), services.tutor(), done=services.settings.lessons)
        self._view = LearnView(page, services.bindings)

    def command(self, command: Command) -> Request | None:
        """Moves the focus, changes a choice, or leaves."""
        return OpenMenu() if self._view.page.command(command) else None

    def mouse(self, event: pygame.Event, position: tuple[int, int]) -> Request | None:
        """Points or clicks."""
        size = self._services.display.size
        if event.type == pygame.MOUSEMOTION:
            self._view.point(position, size)
        elif event.button == pygame.BUTTON_LEFT:
            self._view.click(position, size)
        return None

    def lose_focus(self) -> None:
        """Nothing to pause."""

    def frame(self, surface: pygame.Surface, elapsed: float) -> Request | None:
        """Updates the page, keeps what was learned, and draws."""
        page = self._view.page
        try:
            page.update(elapsed)
        except UserError as error:
            self._services.toast.show(str(error))
            return OpenMenu()
        if page.done != self._services.settings.lessons:
            self._services.keep(replace(self._services.settings, lessons=frozenset(page.done)))
        self._view.draw(surface)
        return None

    def close(self) -> None:
        """Lets the process that runs the lessons rest."""
        self._view.page.tutor.rest()
