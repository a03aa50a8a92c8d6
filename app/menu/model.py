"""The menu: what to play, watch or train; it opens on the last choice, so that Enter starts a match."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path
from typing import Any, TypeAlias, TypeGuard

import pygame

from agents.pong import Side
from app.follow.trainer import RunningTraining, Train
from app.game.levels import Level
from app.game.lineup import Ladder, Lineup, Person, Player, Policy, Rom, Tracker
from app.menu.choices import AgentChoice, AgentPlayer, Preferences, PreferencesChoice, TrainingChoice
from app.screen import Follow, OpenLibrary, Quit, Request, Start
from app.ui import theme
from app.ui.bindings import Command
from app.ui.focus import COLUMN, ROW_OR_COLUMN, Focus, Group, Hint
from app.ui.widgets import Choice
from models.catalog import short_name

_ABOUT_MODELS = (
    "The models that come with Volley, your own, and those shared on the Hugging Face Hub.",
    "Play against them, download them, or publish your own.",
)


class Mode(Enum):
    """What the menu leads to, in its order."""

    AGENT = "Play against an agent"
    ROM = "Play against the Atari CPU"
    PEOPLE = "Two players"
    WATCH_ROM = "Watch an agent play the Atari CPU"
    WATCH_AGENTS = "Watch two agents play"
    TRAIN = "Train a network"
    MODELS = "Models"
    SETTINGS = "Settings"
    QUIT = "Quit"


class MenuButton(Enum):
    """What can be pressed in a mode."""

    START = "Start"
    FOLLOW = "Watch it play"
    STOP = "Stop and save"
    BROWSE = "Browse models"


class MenuArea(Enum):
    """The parts of the menu between which the focus moves."""

    MODES = auto()
    CHOICES = auto()
    BUTTONS = auto()


MenuTarget: TypeAlias = Mode | Choice[Any] | MenuButton
"""What can be in focus."""


@dataclass(frozen=True, slots=True)
class StopTraining:
    """Save the training, and end it."""


@dataclass(frozen=True, slots=True)
class Change:
    """Use these settings from now on."""

    preferences: Preferences


Outcome: TypeAlias = Request | Train | StopTraining | Change
"""What a choice leads to: a request to the window, or something that the menu does itself."""


PlayerChoice: TypeAlias = Person | Rom | AgentChoice


@dataclass(frozen=True, slots=True)
class MenuCard:
    """One player of the match to be, or something else to choose, as shown."""

    heading: str
    colour: pygame.Color
    name: str = ""
    """Empty where the first of `rows` shows it."""
    rows: tuple[Choice[Any], ...] = ()
    about: tuple[str, ...] = ()
    """Paragraphs."""
    strength: float | None = None
    """A share of points, drawn as a bar."""


class MenuModel:
    """What is chosen, and what is in focus.

    `last` is what the menu opens on. `measured` is the opponent against whom the strength of `levels`, weakest first,
    was measured. `settings_path` is where the settings are kept, `runs` are the trainings that can be resumed.
    """

    def __init__(
        self,
        last: Lineup,
        models: Sequence[str],
        levels: Sequence[Level],
        *,
        measured: Rom | Tracker,
        preferences: Preferences | None = None,
        settings_path: str = "",
        runs: Sequence[Path] = (),
    ) -> None:
        mode = _mode_of(last)
        self._settings_path = settings_path
        self._settings = PreferencesChoice(preferences or Preferences())
        self._training = TrainingChoice(runs)
        self._training_now: RunningTraining | None = None
        side = Side.LEFT if mode is Mode.AGENT and isinstance(last.left, Person) else Side.RIGHT
        self._side = Choice("Your side", tuple(Side), side, lambda side: side.name.lower())
        left = last.left if _is_agent(last.left) else None
        right = last.right if _is_agent(last.right) else None
        middle, strongest = levels[len(levels) // 2].player, levels[-1].player
        self._opponent, self._left, self._right = (
            AgentChoice(player, models, levels, measured=measured)
            for player in (left or right or middle, left or middle, right or strongest)
        )
        modes: Group[MenuArea, MenuTarget] = Group(targets=tuple(Mode))
        self.focus = Focus[MenuArea, MenuTarget]({MenuArea.MODES: modes}, MenuArea.MODES)
        self.focus.go(mode)
        self._settle()

    @property
    def mode(self) -> Mode:
        """The one whose choices are shown."""
        mode = self.focus.current(MenuArea.MODES)
        assert isinstance(mode, Mode)
        return mode

    @property
    def lineup(self) -> Lineup | None:
        """Who would play; None where the mode is no match."""
        if self._seats is None:
            return None
        left, right = (seat.player if isinstance(seat, AgentChoice) else seat for seat in self._seats)
        return Lineup(left, right)

    @property
    def preferences(self) -> Preferences:
        """The settings, as chosen."""
        return self._settings.preferences

    def prefer(self, preferences: Preferences) -> None:
        """Takes over settings that were changed elsewhere, by a key that works in the menu too."""
        if preferences != self.preferences:
            self._settings = PreferencesChoice(preferences)
            self._settle()

    def show_training(self, now: RunningTraining | None) -> None:
        """Shows a training that runs, in place of the choices; when it has ended, it is the one to resume."""
        before, self._training_now = self._training_now, now
        if before is not None and now is None:
            others = (run for run in self._training.runs if run != before.run)
            self._training = TrainingChoice((before.run, *others), before.run)
        self._settle()

    @property
    def cards(self) -> tuple[MenuCard, ...]:
        """What is shown of the mode: its players, the left one first, or one card of something else."""
        if self._seats is not None:
            return tuple(self._card(side, seat) for side, seat in zip(Side, self._seats, strict=True))
        if self.mode is Mode.QUIT:
            return (MenuCard("Quit", theme.TEXT, "Close Volley"),)
        if self.mode is Mode.TRAIN:
            return (self._training_card,)
        if self.mode is Mode.MODELS:
            return (MenuCard("Models", theme.TEXT, about=_ABOUT_MODELS),)
        about = ("Keys can be changed in this file:", self._settings_path) if self._settings_path else ()
        return (MenuCard("Settings", theme.TEXT, rows=self._settings.rows, about=about),)

    @property
    def options(self) -> tuple[MenuTarget, ...]:
        """What can be in focus in this mode: its choices, then its buttons."""
        return *self._choices, *self.buttons

    @property
    def buttons(self) -> tuple[MenuButton, ...]:
        """Those of the mode; Enter presses the first of them from anywhere else."""
        if self.mode is Mode.TRAIN and self._training_now is not None:
            return MenuButton.FOLLOW, MenuButton.STOP
        if self.mode is Mode.MODELS:
            return (MenuButton.BROWSE,)
        return (MenuButton.START,) if self.mode is Mode.TRAIN or self.lineup is not None else ()

    @property
    def hints(self) -> tuple[Hint, ...]:
        """The commands worth knowing now."""
        in_modes = self.focus.group is MenuArea.MODES
        return *self.focus.hints, ((Command.BACK,), "quit" if in_modes else "back")

    def command(self, command: Command) -> Outcome | None:
        """Takes a key or a gamepad's button; gives what comes of it, if anything does."""
        before, outcome = self.preferences, self._do(command)
        self._settle()
        return outcome if self.preferences == before else Change(self.preferences)

    def click(self, target: MenuTarget | None, step: int = 0) -> Outcome | None:
        """Takes a click; on a choice, one that changes it by `step`. Gives what comes of it, if anything does."""
        if target is None:
            return None
        before, outcome = self.preferences, None
        self.focus.go(target)
        if isinstance(target, Choice):
            target.step(step)
        elif isinstance(target, MenuButton):
            outcome = self._press(target)
        elif target is Mode.QUIT:
            outcome = Quit()
        self._settle()
        return outcome if self.preferences == before else Change(self.preferences)

    @property
    def _choices(self) -> tuple[Choice[Any], ...]:
        return tuple(choice for card in self.cards for choice in card.rows)

    def _settle(self) -> None:
        """Tells the focus what the mode offers now. A mode takes a click: the way to its choices leads over others."""
        choose, buttons = ((Command.UP, Command.DOWN), "choose"), self.buttons
        first = buttons[0] if buttons else None
        aside = (((Command.RIGHT,), "options"),) if self.options else ()
        self.focus.arrange(
            {
                MenuArea.MODES: Group(
                    targets=tuple(Mode),
                    moves=COLUMN,
                    exits={Command.RIGHT: (MenuArea.CHOICES, MenuArea.BUTTONS)},
                    remembers=True,
                    hints=(choose, *aside),
                    confirm=lambda mode: "quit" if mode is Mode.QUIT else _word(first),
                ),
                MenuArea.CHOICES: Group(
                    targets=self._choices,
                    moves=COLUMN,
                    exits={Command.DOWN: (MenuArea.BUTTONS,)},
                    fallback=MenuArea.BUTTONS,
                    hover=True,
                    hints=(choose, ((Command.LEFT, Command.RIGHT), "change")),
                    confirm=lambda _: _word(first),
                ),
                MenuArea.BUTTONS: Group(
                    targets=buttons,
                    moves=ROW_OR_COLUMN,
                    exits={Command.UP: (MenuArea.CHOICES,), Command.LEFT: (MenuArea.MODES,)},
                    hover=True,
                    hints=(choose, ((Command.LEFT,), "modes")),
                    confirm=_word,
                ),
            }
        )

    @property
    def _seats(self) -> tuple[PlayerChoice, PlayerChoice] | None:
        """Who sits left and right; None where the mode is no match."""
        match self.mode:
            case Mode.AGENT:
                agent = self._opponent
                return (Person(), agent) if self._side.value is Side.LEFT else (agent, Person())
            case Mode.ROM:
                return Rom(), Person()
            case Mode.PEOPLE:
                return Person(), Person()
            case Mode.WATCH_ROM:
                return Rom(), self._right
            case Mode.WATCH_AGENTS:
                return self._left, self._right
            case _:
                return None

    @property
    def _training_card(self) -> MenuCard:
        now = self._training_now
        if now is None:
            return MenuCard("Training", theme.TEXT, rows=self._training.rows, about=self._training.about)
        return MenuCard("Training", theme.TEXT, short_name(str(now.run)), about=(now.about,))

    def _card(self, side: Side, seat: PlayerChoice) -> MenuCard:
        heading, colour = f"{side.name.capitalize()} player", theme.PLAYERS[side]
        if isinstance(seat, AgentChoice):
            return MenuCard(heading, colour, rows=seat.rows, about=seat.about, strength=seat.strength)
        if isinstance(seat, Rom):
            about = "The opponent built into the game. It plays on the left only."
            return MenuCard(heading, colour, "Atari CPU", about=(about,))
        rows = (self._side,) if self.mode is Mode.AGENT else ()
        name = "A person" if self.mode is Mode.PEOPLE else "You"
        return MenuCard(heading, colour, name, rows, ("Plays with keyboard, mouse or gamepad. Press H for the keys.",))

    def _do(self, command: Command) -> Outcome | None:
        match command:
            case Command.CONFIRM:
                return self._confirm()
            case Command.BACK if self.focus.group is not MenuArea.MODES:
                self.focus.enter(MenuArea.MODES)
            case Command.BACK if self.mode is not Mode.QUIT:
                self.focus.go(Mode.QUIT)
            case Command.BACK:
                return Quit()
            case _:
                self.focus.move(command)
        return None

    def _confirm(self) -> Outcome | None:
        match self.focus.target:
            case MenuButton() as button:
                return self._press(button)
            case Mode.SETTINGS:
                self.focus.enter(MenuArea.CHOICES)
            case Mode.QUIT:
                return Quit()
            case Choice() as choice if self.mode is Mode.SETTINGS:
                choice.turn()
            case _:
                return self._press(self.buttons[0])
        return None

    def _press(self, button: MenuButton) -> Outcome:
        if self.lineup is not None:
            return Start(self.lineup)
        if button is MenuButton.BROWSE:
            return OpenLibrary()
        if self._training_now is None:
            return Train(self._training.algorithm, self._training.steps, self._training.run)
        return Follow(self._training_now.run) if button is MenuButton.FOLLOW else StopTraining()


def _word(target: MenuTarget | None) -> str:
    """What a button does, in a word; empty where the target is none."""
    return target.value.lower() if isinstance(target, MenuButton) else ""


def _is_agent(player: Player) -> TypeGuard[AgentPlayer]:
    return isinstance(player, Policy | Tracker | Ladder)


def _mode_of(lineup: Lineup) -> Mode:
    if isinstance(lineup.left, Rom):
        return Mode.ROM if lineup.people else Mode.WATCH_ROM
    return (Mode.WATCH_AGENTS, Mode.AGENT, Mode.PEOPLE)[len(lineup.people)]
