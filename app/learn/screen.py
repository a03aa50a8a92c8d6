"""The screen of the lessons."""

from __future__ import annotations

import pygame
from msgspec.structs import replace

from app.follow.trainer import Train
from app.learn.lesson import LearnButton
from app.learn.lessons import lessons
from app.learn.page import LearnOutcome, LearnPage, Leave
from app.learn.pong import STEPS
from app.learn.view import LearnView
from app.screen import Follow, OpenLessons, OpenMenu, Request
from app.services import Services
from app.ui.bindings import Command, Context
from models.errors import UserError


class LearnScreen:
    """Opens the lesson of that name, by default the first that has not yet shown its point.

    `UserError` if the lessons cannot start.
    """

    context = Context.MENU

    def __init__(self, services: Services, lesson: str = "") -> None:
        self._services = services
        page = LearnPage(lessons(), services.tutor(), done=services.settings.lessons, at=lesson)
        self._view = LearnView(page, services.bindings)

    def command(self, command: Command) -> Request | None:
        """Moves the focus, changes a choice, or leaves."""
        return self._act(self._view.page.command(command))

    def mouse(self, event: pygame.Event, position: tuple[int, int]) -> Request | None:
        """Points or clicks."""
        size = self._services.display.size
        if event.type == pygame.MOUSEMOTION:
            self._view.point(position, size)
        elif event.button == pygame.BUTTON_LEFT:
            return self._act(self._view.click(position, size))
        return None

    def lose_focus(self) -> None:
        """Nothing to pause."""

    def frame(self, surface: pygame.Surface, elapsed: float) -> Request | None:
        """Updates the page, keeps what was learned, and draws."""
        page = self._view.page
        page.show_training(self._services.trainer.now)
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

    def _act(self, outcome: LearnOutcome | None) -> Request | None:
        trainer = self._services.trainer
        match outcome:
            case Leave():
                return OpenMenu()
            case LearnButton.TRAIN:
                try:
                    trainer.start(Train("ppo", STEPS, None))
                except UserError as error:
                    self._services.toast.show(str(error))
            case LearnButton.WATCH if trainer.now is not None:
                return Follow(trainer.now.run, back=OpenLessons(self._view.page.lesson.name))
            case LearnButton.STOP:
                trainer.stop()
        return None
