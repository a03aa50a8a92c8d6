"""The screen of the menu, which shows a running match."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import asdict

import pygame
from msgspec.structs import replace

from agents.base import Frame
from app import settings
from app.follow.trainer import Train
from app.game.levels import FIXED_OPPONENT, LEVELS
from app.game.lineup import Lineup, Policy, Rom
from app.game.rating import History, PersonRating, rate
from app.game.session import Session, new_seed
from app.game.snapshot import State
from app.hub import local
from app.menu.choices import Preferences
from app.menu.model import ChangeSettings, ForgetMatches, MenuModel, Mode, Outcome, StopTraining
from app.menu.view import MenuView
from app.screen import Request
from app.services import Services
from app.ui.bindings import Command, Context
from models import catalog
from models.errors import UserError


class MenuScreen:
    """Leads to matches, trainings and models; changes settings. Opens on `mode`, by default that of the last match."""

    context = Context.MENU

    def __init__(self, services: Services, mode: Mode | None = None) -> None:
        self._services = services
        self._history = History()
        model = MenuModel(
            services.settings.last,
            _models(),
            LEVELS,
            measured_against=FIXED_OPPONENT,
            person=self._rating(),
            preferences=_preferences(services.settings),
            settings_path=str(settings.settings_file()),
            runs=catalog.runs(),
            mode=mode,
        )
        self._view = MenuView(model, services.bindings)
        self._demo: Session | None = None
        """The match shown in the menu."""
        self._drawn = self._failed = False

    @property
    def mode(self) -> Mode:
        """The entry that is chosen."""
        return self._view.model.mode

    def command(self, command: Command) -> Request | None:
        """Moves the focus, changes a choice, or starts what is focused."""
        return self._act(self._view.model.command(command))

    def mouse(self, event: pygame.Event, position: tuple[int, int]) -> Request | None:
        """Points or clicks at what is drawn."""
        size = self._services.display.size
        if event.type == pygame.MOUSEMOTION:
            self._view.point(position, size)
        elif event.button == pygame.BUTTON_LEFT:
            return self._act(self._view.click(position, size))
        return None

    def lose_focus(self) -> None:
        """Nothing to pause."""

    def frame(self, surface: pygame.Surface, elapsed: float) -> None:
        """Draws the menu, and after its first frame loads the players of the match it shows."""
        self._view.model.show_preferences(_preferences(self._services.settings))
        model, trainer = self._view.model, self._services.trainer
        ended = model.training_shown and trainer.now is None
        model.show_training(trainer.now, catalog.runs() if ended else ())
        if self._view.model.mode is Mode.LEARN:
            with suppress(UserError):  # The page itself will say so.
                self._services.tutor()  # It starts now, so as to be ready when the page opens.
        picture = self._play_demo(elapsed)
        self._view.draw(surface, picture, self._caption)

    def close(self) -> None:
        """Nothing to save."""

    @property
    def _caption(self) -> str:
        """The players of the match that the menu shows."""
        if self._demo is None:
            return ""
        now = self._demo.match.snapshot()
        return now.loading if now.state is State.WAITING else f"On screen: {now.names[1]} against the {now.names[0]}"

    def _play_demo(self, elapsed: float) -> Frame | None:
        """Runs the match that the menu shows; returns its picture, None until there is one."""
        if not self._drawn:
            self._drawn = True  # Show the menu first: loading slows it down.
            return None
        if self._demo is None and not self._failed:
            self._demo = Session(Lineup(Rom(), Policy(catalog.DEFAULT_MODEL)), seed=new_seed())
            self._demo.begin(self._services.loader)
        if self._demo is None:
            return None
        try:
            self._demo.poll()
        except UserError as error:
            self._demo, self._failed = None, True
            self._services.toast.show(str(error))
            return None
        self._demo.match.update(elapsed)
        return self._demo.match.snapshot().picture

    def _act(self, outcome: Outcome | None) -> Request | None:
        services = self._services
        match outcome:
            case ChangeSettings(new):
                services.keep(replace(services.settings, **asdict(new)))
            case Train():
                self._train(outcome)
            case StopTraining():
                services.trainer.stop()
            case ForgetMatches():
                self._forget_matches()
            case _:
                return outcome
        return None

    def _rating(self) -> PersonRating | None:
        try:
            return rate(self._history.load())
        except UserError as error:
            self._services.toast.show(str(error))
            return None

    def _forget_matches(self) -> None:
        try:
            self._history.forget()
        except UserError as error:
            self._services.toast.show(str(error))
            return
        self._view.model.forget_matches()
        self._services.toast.show("your matches and your rating are deleted")

    def _train(self, training: Train) -> None:
        """Starts a training beside the window."""
        try:
            self._services.trainer.start(training)
        except UserError as error:
            self._services.toast.show(str(error))


def _preferences(now: settings.Settings) -> Preferences:
    return Preferences(now.volume, now.muted, now.whole_pixels, now.full_screen)


def _models() -> list[str]:
    """Bundled models, each followed by its earlier stages; then the user's own, then downloads."""
    bundled = [
        model for name in catalog.bundled_names() for model in (name, *(f"{name}@{n}" for n in catalog.stages(name)))
    ]
    return [*bundled, *local.playable()]
