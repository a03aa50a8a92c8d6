"""The menu in the window, with a match going on behind it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pygame
from msgspec.structs import replace

from agents.base import Frame
from app import settings
from app.game.levels import FIXED_OPPONENT, LEVELS
from app.game.lineup import Lineup, Policy, Rom
from app.game.match import State
from app.game.session import Session, new_seed
from app.hub import local as shelf
from app.menu.model import (
    Browse,
    Change,
    Follow,
    MenuModel,
    MenuScene,
    Outcome,
    Preferences,
    Quit,
    Start,
    StopTraining,
    Train,
)
from app.ui.bindings import Command, Context
from models import catalog
from models.errors import UserError

if TYPE_CHECKING:
    from app.window import Window


class MenuScreen:
    """Leads to matches; remembers what is set."""

    context = Context.MENU

    def __init__(self, window: Window) -> None:
        self._window = window
        model = MenuModel(
            window.settings.last,
            _models(),
            LEVELS,
            measured=FIXED_OPPONENT,
            preferences=_preferences(window.settings),
            settings_path=str(settings.settings_file()),
            runs=window.trainer.runs,
        )
        self._scene = MenuScene(model, window.table)
        self._demo: Session | None = None
        self._drawn = self._failed = False

    def command(self, command: Command) -> None:
        """Moves the focus, changes a choice, or begins a match."""
        self._follow(self._scene.model.command(command))

    def mouse(self, event: pygame.Event, position: tuple[int, int]) -> None:
        """Points or clicks at what is drawn."""
        size = self._window.size
        if event.type == pygame.MOUSEMOTION:
            self._scene.point(position, size)
        elif event.button == pygame.BUTTON_LEFT:
            self._follow(self._scene.click(position, size))

    def lose_focus(self) -> None:
        """Nothing is at stake."""

    def frame(self, surface: pygame.Surface, elapsed: float) -> None:
        """Draws the menu; once it is there, loads the players of the match behind it."""
        self._scene.model.prefer(_preferences(self._window.settings))
        self._scene.model.show_training(self._window.trainer.now)
        picture = self._go_on(elapsed)
        self._scene.draw(surface, picture, self._sign)

    def close(self) -> None:
        """Nothing to keep."""

    @property
    def _sign(self) -> str:
        """What the match behind the menu is at."""
        if self._demo is None:
            return ""
        now = self._demo.match.snapshot()
        return now.loading if now.state is State.WAITING else f"On screen: {now.names[1]} against the {now.names[0]}"

    def _go_on(self, elapsed: float) -> Frame | None:
        """Lets the match behind the menu go on; gives its picture."""
        if not self._drawn:
            self._drawn = True
            return None
        if self._demo is None and not self._failed:
            self._demo = Session(Lineup(Rom(), Policy(catalog.DEFAULT_MODEL)), seed=new_seed())
            self._demo.begin(self._window.loader)
        if self._demo is None:
            return None
        try:
            self._demo.poll()
        except UserError as error:
            self._demo, self._failed = None, True
            self._window.toast.show(str(error))
            return None
        self._demo.match.update(elapsed)
        return self._demo.match.snapshot().picture

    def _follow(self, outcome: Outcome | None) -> None:
        window = self._window
        match outcome:
            case Start(lineup):
                window.play(lineup)
            case Change(preferences):
                window.keep(
                    replace(
                        window.settings,
                        volume=preferences.volume,
                        muted=preferences.muted,
                        whole_pixels=preferences.whole_pixels,
                        full_screen=preferences.full_screen,
                    )
                )
            case Train():
                window.train(outcome)
            case Follow(run):
                window.follow(run)
            case StopTraining():
                window.trainer.stop()
            case Browse():
                window.open_library()
            case Quit():
                window.closed = True


def _preferences(now: settings.Settings) -> Preferences:
    return Preferences(now.volume, now.muted, now.whole_pixels, now.full_screen)


def _models() -> list[str]:
    """Bundled models, each with its earlier stages behind it; then yours, and those that were downloaded."""
    bundled = [
        model for name in catalog.bundled_names() for model in (name, *(f"{name}@{n}" for n in catalog.stages(name)))
    ]
    return [*bundled, *shelf.playable()]
