"""The menu: what to play, watch or train. It opens on the last lineup, so that Enter starts a match."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path
from typing import Any, TypeAlias, TypeGuard

import pygame

from agents.pong import Side
from app.follow.trainer import RunningTraining, Train
from app.game.levels import Level, nearest
from app.game.lineup import Ladder, Lineup, Person, Player, Policy, Rom, Script, Tracker
from app.game.rating import PersonRating
from app.game.seats import YOU
from app.menu.choices import AgentChoice, AgentPlayer, Preferences, PreferencesChoice, TrainingChoice
from app.screen import Follow, OpenLessons, OpenLibrary, Quit, Request, Start
from app.ui import theme
from app.ui.bindings import Command
from app.ui.focus import COLUMN, ROW_OR_COLUMN, Focus, Group, Hint
from app.ui.widgets import Choice
from models.catalog import short_name

_ABOUT_MODELS = (
    "The models bundled with Volley, your own, and those that others have shared on the Hugging Face Hub.",
    "Play against them, download them, or publish your own.",
)


_ABOUT_LESSONS = (
    "The course that Volley grew from, one idea to a page.",
    "Each runs for real while you watch, with something to change and something to see.",
)


class Mode(Enum):
    """The entries of the menu, in order."""

    AGENT = "Play against an agent"
    ROM = "Play against the Atari CPU"
    PEOPLE = "Two players"
    WATCH_ROM = "Watch: agent against the Atari CPU"
    WATCH_AGENTS = "Watch: agent against agent"
    LEARN = "Learn how it learns"
    TRAIN = "Train a network"
    MODELS = "Models"
    SETTINGS = "Settings"
    QUIT = "Quit"


class MenuButton(Enum):
    """The buttons of the modes."""

    START = "Start"
    RESUME = "Resume"
    FOLLOW = "Watch it play"
    STOP = "Stop and save"
    BROWSE = "Browse models"
    LEARN = "Open the lessons"
    FORGET = "Delete my matches and rating"
    FORGET_SURE = "Press again to delete them"


class MenuArea(Enum):
    """The areas the focus moves between."""

    MODES = auto()
    CHOICES = auto()
    BUTTONS = auto()


MenuTarget: TypeAlias = Mode | Choice[Any] | MenuButton
"""What can be in focus."""


@dataclass(frozen=True, slots=True)
class StopTraining:
    """Save the training and stop it."""


@dataclass(frozen=True, slots=True)
class ForgetMatches:
    """Delete the person's matches, and with them their rating."""


@dataclass(frozen=True, slots=True)
class ChangeSettings:
    """Use these settings from now on."""

    preferences: Preferences


Outcome: TypeAlias = Request | Train | StopTraining | ChangeSettings | ForgetMatches
"""What a key or click leads to: a request to the window, or something that the menu screen does itself."""


PlayerChoice: TypeAlias = Person | Rom | AgentChoice


@dataclass(frozen=True, slots=True)
class MenuCard:
    """A card on screen: a player of the coming match, or something else to choose."""

    heading: str
    colour: pygame.Color
    name: str = ""
    """Empty if the first of `rows` says it."""
    rows: tuple[Choice[Any], ...] = ()
    about: tuple[str, ...] = ()
    """Paragraphs."""
    strength: float | None = None
    """A share of points, 0 to 1, drawn as a bar."""


class MenuModel:
    """What is chosen, and what is in focus.

    Opens on the lineup `last`, or on `mode` if it is given. `levels` come weakest first; their strength was measured
    against the opponent `measured_against`. `person` is the rating of whoever plays here: the menu then offers them the
    nearest level. `settings_path` is the settings file; `runs` are the trainings that can be resumed.
    """

    def __init__(
        self,
        last: Lineup,
        models: Sequence[str],
        levels: Sequence[Level],
        *,
        measured_against: Script,
        person: PersonRating | None = None,
        preferences: Preferences | None = None,
        settings_path: str = "",
        runs: Sequence[Path] = (),
        mode: Mode | None = None,
    ) -> None:
        last_mode = _mode_of(last)
        self._settings_path = settings_path
        self._settings = PreferencesChoice(preferences or Preferences())
        self._training = TrainingChoice(runs)
        self._training_now: RunningTraining | None = None
        side = Side.LEFT if last_mode is Mode.AGENT and isinstance(last.left, Person) else Side.RIGHT
        self._side = Choice("Your side", tuple(Side), side, lambda side: side.name.lower())
        left = last.left if _is_agent(last.left) else None
        right = last.right if _is_agent(last.right) else None
        middle, strongest = levels[len(levels) // 2].player, levels[-1].player
        self._person = person
        self._forgetting = False
        """Whether the person has asked once to delete their matches."""
        # Whom one has watched, one does not want to meet.
        met = (left or right) if last.people else None
        self._opponent, self._left, self._right = (
            AgentChoice(player, models, levels, measured_against=measured_against, person=person)
            for player in (_opponent(met or middle, levels, person), left or middle, right or strongest)
        )
        modes: Group[MenuArea, MenuTarget] = Group(targets=tuple(Mode))
        self.focus = Focus[MenuArea, MenuTarget]({MenuArea.MODES: modes}, MenuArea.MODES)
        self.focus.go(mode or last_mode)
        self._settle()

    @property
    def mode(self) -> Mode:
        """The mode whose choices are shown."""
        mode = self.focus.current(MenuArea.MODES)
        assert isinstance(mode, Mode)
        return mode

    @property
    def lineup(self) -> Lineup | None:
        """The chosen players; None if the mode is not a match."""
        if self._seats is None:
            return None
        left, right = (seat.player if isinstance(seat, AgentChoice) else seat for seat in self._seats)
        return Lineup(left, right)

    @property
    def preferences(self) -> Preferences:
        """The settings, as chosen."""
        return self._settings.preferences

    def show_preferences(self, preferences: Preferences) -> None:
        """Shows settings that have changed elsewhere, such as by a key that works everywhere."""
        if preferences != self.preferences:
            self._settings = PreferencesChoice(preferences)
            self._settle()

    def forget_matches(self) -> None:
        """Shows that there is no rating any more."""
        self._person, self._forgetting = None, False
        self._settle()

    @property
    def training_shown(self) -> bool:
        """Whether it shows a running training."""
        return self._training_now is not None

    def show_training(self, now: RunningTraining | None, runs: Sequence[Path] = ()) -> None:
        """Shows the running training in place of the choices; once it has ended, offers to resume it or one of `runs`.

        One that ended before there was anything to save is not among those, and not offered.
        """
        before, self._training_now = self._training_now, now
        if before is not None and now is None:
            saved = next((run for run in runs if run.resolve() == before.run.resolve()), None)
            self._training = TrainingChoice(runs, saved)
        if before is None and now is not None and not now.for_pong and self.mode is Mode.TRAIN:
            self.focus.enter(MenuArea.MODES)  # away from where Start was, and Stop is
        self._settle()

    @property
    def cards(self) -> tuple[MenuCard, ...]:
        """The cards of the mode: its players, left one first, or a single card."""
        if self._seats is not None:
            return tuple(self._card(side, seat) for side, seat in zip(Side, self._seats, strict=True))
        if self.mode is Mode.QUIT:
            return (MenuCard("Quit", theme.TEXT, "Close Volley"),)
        if self.mode is Mode.TRAIN:
            return (self._training_card,)
        if self.mode is Mode.LEARN:
            return (MenuCard("Lessons", theme.TEXT, about=_ABOUT_LESSONS),)
        if self.mode is Mode.MODELS:
            return (MenuCard("Models", theme.TEXT, about=_ABOUT_MODELS),)
        how = f"To change the keys, edit {self._settings_path} and start Volley again."
        keys = (f"{how} Their names are in docs/keys.md in Volley's repository.",) if self._settings_path else ()
        matches = "Your matches, from which your rating comes, are kept on this computer only."
        return (MenuCard("Settings", theme.TEXT, rows=self._settings.rows, about=(*keys, matches)),)

    @property
    def options(self) -> tuple[MenuTarget, ...]:
        """The targets of this mode: its choices, then its buttons."""
        return *self._choices, *self.buttons

    @property
    def buttons(self) -> tuple[MenuButton, ...]:
        """The buttons of this mode; if none is in focus, Enter presses the first one, unless it stops a training."""
        if self.mode is Mode.TRAIN:
            return self._training_buttons
        if self.mode is Mode.LEARN:
            return (MenuButton.LEARN,)
        if self.mode is Mode.MODELS:
            return (MenuButton.BROWSE,)
        if self.mode is Mode.SETTINGS and self._person is not None:
            return (MenuButton.FORGET_SURE if self._forgetting else MenuButton.FORGET,)
        return (MenuButton.START,) if self.lineup is not None else ()

    @property
    def _first_button(self) -> MenuButton | None:
        """What Enter presses if no button is in focus. A second Enter, once a training has begun, must not stop it."""
        return next((button for button in self.buttons[:1] if button is not MenuButton.STOP), None)

    @property
    def _training_buttons(self) -> tuple[MenuButton, ...]:
        if self._training_now is None:
            return (MenuButton.START if self._training.run is None else MenuButton.RESUME,)
        return (MenuButton.FOLLOW, MenuButton.STOP) if self._training_now.for_pong else (MenuButton.STOP,)

    @property
    def hints(self) -> tuple[Hint, ...]:
        """The commands worth knowing now."""
        in_modes = self.focus.group is MenuArea.MODES
        return *self.focus.hints, ((Command.BACK,), "quit" if in_modes else "back"), ((Command.HELP,), "help")

    def command(self, command: Command) -> Outcome | None:
        """Acts on a key or a gamepad's button; returns what it leads to, if anything."""
        before, outcome = self.preferences, self._do(command)
        self._settle()
        return outcome if self.preferences == before else ChangeSettings(self.preferences)

    def click(self, target: MenuTarget | None, step: int = 0) -> Outcome | None:
        """Acts on a click, which on a choice changes it by `step`; returns what it leads to, if anything."""
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
        return outcome if self.preferences == before else ChangeSettings(self.preferences)

    @property
    def _choices(self) -> tuple[Choice[Any], ...]:
        return tuple(choice for card in self.cards for choice in card.rows)

    def _settle(self) -> None:
        """Updates the focus. Modes take a click, because the mouse crosses others on its way to the choices."""
        self._forgetting = self._forgetting and self.focus.target in {MenuButton.FORGET, MenuButton.FORGET_SURE}
        choose, buttons = ((Command.UP, Command.DOWN), "choose"), self.buttons
        sideways = (Command.LEFT, Command.RIGHT)
        first = self._first_button
        options = (((Command.RIGHT,), "options"),) if self.options else ()
        self.focus.arrange(
            {
                MenuArea.MODES: Group(
                    targets=tuple(Mode),
                    moves=COLUMN,
                    exits={Command.RIGHT: (MenuArea.CHOICES, MenuArea.BUTTONS)},
                    remembers=True,
                    hints=(choose, *options),
                    confirm=lambda mode: _MODE_HINTS.get(mode, _hint_label(first)),
                ),
                MenuArea.CHOICES: Group(
                    targets=self._choices,
                    moves=COLUMN,
                    exits={Command.DOWN: (MenuArea.BUTTONS,)},
                    fallback=MenuArea.BUTTONS,
                    hover=True,
                    hints=(choose, (sideways, "change")),
                    confirm=lambda _: "change" if self.mode is Mode.SETTINGS else _hint_label(first),
                ),
                MenuArea.BUTTONS: Group(
                    targets=buttons,
                    moves=ROW_OR_COLUMN,
                    exits={Command.UP: (MenuArea.CHOICES,), Command.LEFT: (MenuArea.MODES,)},
                    hover=True,
                    hints=((sideways, "choose"),) if len(buttons) > 1 else (choose, ((Command.LEFT,), "modes")),
                    confirm=_hint_label,
                ),
            }
        )

    @property
    def _seats(self) -> tuple[PlayerChoice, PlayerChoice] | None:
        """The left and the right player; None if the mode is not a match."""
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
        keys = "The help page in the match shows the keys."
        if self.mode is Mode.PEOPLE:
            return MenuCard(heading, colour, f"Player {side + 1}", rows, (f"Plays with keyboard or gamepad. {keys}",))
        controls = f"Plays with keyboard, mouse or gamepad. {keys}"
        return MenuCard(heading, colour, YOU, rows, (_rating_text(self._person), controls))

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
                choice.cycle()
            case _ if self._first_button is not None:
                return self._press(self._first_button)
        return None

    def _press(self, button: MenuButton) -> Outcome | None:
        if self.lineup is not None:
            return Start(self.lineup)
        if button in _PAGES:
            return _PAGES[button]
        if button is MenuButton.FORGET:
            self._forgetting = True
            return None
        if button is MenuButton.FORGET_SURE:
            return ForgetMatches()
        if self._training_now is None:
            return Train(self._training.algorithm, self._training.steps, self._training.run)
        return Follow(self._training_now.run) if button is MenuButton.FOLLOW else StopTraining()


_PAGES: dict[MenuButton, Request] = {MenuButton.BROWSE: OpenLibrary(), MenuButton.LEARN: OpenLessons()}
"""The buttons that lead to another page."""
_MODE_HINTS: dict[MenuTarget, str] = {Mode.QUIT: "quit", Mode.SETTINGS: "options"}
"""What Enter does on a mode; on any other, it presses the first button."""


def _hint_label(target: MenuTarget | None) -> str:
    """What the line of hints says about a button; empty for any other target."""
    return target.value.lower() if isinstance(target, MenuButton) else ""


def _opponent(last: AgentPlayer, levels: Sequence[Level], person: PersonRating | None) -> AgentPlayer:
    """Whom to offer: who was played last, but among the levels the one that is nearest to the person's rating."""
    if person is None or all(level.player != last for level in levels):
        return last
    return levels[nearest(person.value, levels)].player


def _rating_text(person: PersonRating | None) -> str:
    if person is None:
        return "Not rated yet: finish a game against a level, straight through."
    return f"Rating {person.text}, from {person.from_matches}."


def _is_agent(player: Player) -> TypeGuard[AgentPlayer]:
    return isinstance(player, Policy | Tracker | Script | Ladder)


def _mode_of(lineup: Lineup) -> Mode:
    if isinstance(lineup.left, Rom):
        return Mode.ROM if lineup.people else Mode.WATCH_ROM
    return (Mode.WATCH_AGENTS, Mode.AGENT, Mode.PEOPLE)[len(lineup.people)]
