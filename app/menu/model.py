"""The menu: what to play, watch or train; it opens on the last choice, so that Enter starts a match."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any, TypeAlias, TypeGuard

import pygame

from agents.base import Frame
from agents.pong import Side
from app.game.levels import HUMAN_REACTION, Level
from app.game.lineup import Ladder, Lineup, Person, Player, Policy, Rom, Tracker
from app.ui import theme, widgets
from app.ui.bindings import BINDINGS, Binding, Command
from app.ui.court import ASPECT, CourtView
from app.ui.widgets import Choice
from models.catalog import short_name

REACTIONS = (0, 50, 100, 150, 230, 300, 400)
"""Milliseconds."""
TEMPERATURES = (0.5, 1.0, 1.5, 2.0)
ALGORITHMS = ("ppo", "a2c", "reinforce")
STEPS = (200_000, 1_000_000, 5_000_000)
"""Agent steps of a training."""
_ABOUT_MODELS = (
    "Those that ship with Volley, your own, and those that others have put on the Hugging Face Hub.",
    "Play against them, download them, publish yours.",
)
MOTTO = "A network learned Atari Pong from its pixels. Play against it, or watch it think."

Agent: TypeAlias = Policy | Tracker | Ladder


class Mode(Enum):
    """What the menu leads to, in its order."""

    AGENT = "Play against an agent"
    ROM = "Play against the Atari CPU"
    PEOPLE = "Two people"
    WATCH_ROM = "Watch: agent against the Atari CPU"
    WATCH_AGENTS = "Watch: agent against agent"
    TRAIN = "Train a network"
    MODELS = "Models"
    SETTINGS = "Settings"
    QUIT = "Quit"


class Kind(Enum):
    """The opponents that are not levels."""

    LADDER = "Adaptive ladder"
    TRACKER = "Tracker"
    CUSTOM = "Custom"


class Button(Enum):
    """What can be in focus beside modes and choices."""

    START = "Start"
    FOLLOW = "Watch it play"
    STOP = "Stop and save"
    BROWSE = "Look at them"


Target: TypeAlias = Mode | Choice[Any] | Button
"""What a key or the mouse can be on."""


@dataclass(frozen=True, slots=True)
class Preferences:
    """What the settings page changes."""

    volume: int = 60
    """0 to 100."""
    muted: bool = False
    whole_pixels: bool = False
    full_screen: bool = False


@dataclass(frozen=True, slots=True)
class Start:
    """A match is to begin."""

    lineup: Lineup


@dataclass(frozen=True, slots=True)
class Train:
    """A training is to begin, or to go on."""

    algorithm: str
    steps: int | None
    """Agent steps in all; None for as many as the run was begun for."""
    resume: Path | None
    """The run to go on with; None for a new one."""


@dataclass(frozen=True, slots=True)
class Follow:
    """The newest policy of the training is to be watched."""

    run: Path


@dataclass(frozen=True, slots=True)
class StopTraining:
    """The training is to be saved, and to end."""


@dataclass(frozen=True, slots=True)
class Browse:
    """The models are to be looked at."""


@dataclass(frozen=True, slots=True)
class TrainingNow:
    """The training that runs beside the window."""

    run: Path
    about: str
    """How far it is, in a line."""


@dataclass(frozen=True, slots=True)
class Change:
    """These settings hold from now on."""

    preferences: Preferences


@dataclass(frozen=True, slots=True)
class Quit:
    """The window is to close."""


Outcome: TypeAlias = Start | Train | Follow | StopTraining | Browse | Change | Quit


class AgentChoice:
    """Which agent is to play, and how."""

    def __init__(
        self, player: Agent, models: Sequence[str], levels: Sequence[Level], *, measured: Rom | Tracker
    ) -> None:
        custom = player if isinstance(player, Policy) else Policy(models[0])
        reaction = HUMAN_REACTION if isinstance(player, Ladder) else player.reaction_ms
        first = min(player.level, len(levels) - 1) if isinstance(player, Ladder) else 0
        self._measured = measured
        self.kind: Choice[Level | Kind] = Choice("", (*levels, *Kind), _kind_of(player, levels), _name_of)
        self._first = Choice("Begins as", range(len(levels)), first, lambda place: levels[place].name)
        self._model = Choice("", tuple(dict.fromkeys((*models, custom.model))), custom.model, short_name)
        self._reaction = Choice("Reaction", sorted({*REACTIONS, reaction}), reaction, "{} ms".format)
        self._greedy = Choice("Play", (False, True), custom.greedy, lambda greedy: "greedy" if greedy else "sampled")
        temperatures = sorted({*TEMPERATURES, custom.temperature})
        self._temperature = Choice("Temperature", temperatures, custom.temperature, "{:.3g}".format)

    @property
    def rows(self) -> tuple[Choice[Any], ...]:
        """The choices there are now, from the top."""
        match self.kind.value:
            case Kind.LADDER:
                return self.kind, self._first
            case Kind.TRACKER:
                return self.kind, self._reaction
            case Kind.CUSTOM:
                heat = () if self._greedy.value else (self._temperature,)
                return self.kind, self._model, self._reaction, self._greedy, *heat
            case _:
                return (self.kind,)

    @property
    def player(self) -> Agent:
        """Who is chosen."""
        match self.kind.value:
            case Kind.LADDER:
                return Ladder(self._first.value)
            case Kind.TRACKER:
                return Tracker(self._reaction.value)
            case Kind.CUSTOM:
                return Policy(
                    self._model.value, self._temperature.value, self._greedy.value, reaction_ms=self._reaction.value
                )
            case level:
                return level.player

    @property
    def about(self) -> tuple[str, ...]:
        """Who is chosen, in a paragraph or two."""
        match self.kind.value:
            case Kind.LADDER:
                return ("Grows stronger when it trails and weaker when it leads, to keep the match close.",)
            case Kind.TRACKER:
                return ("A script that follows the ball with its paddle.",)
            case Kind.CUSTOM:
                return (f"People react in about {HUMAN_REACTION} ms.",)
            case level:
                won = f"{level.points_won:.0%} of points and {level.games_won:.0%} of games"
                return level.description, f"Wins {won} against {_named(self._measured)}."

    @property
    def strength(self) -> float | None:
        """The measured share of points won, 0 to 1; None where nothing was measured."""
        kind = self.kind.value
        return None if isinstance(kind, Kind) else kind.points_won


def _kind_of(player: Agent, levels: Sequence[Level]) -> Level | Kind:
    if isinstance(player, Ladder):
        return Kind.LADDER
    custom = Kind.TRACKER if isinstance(player, Tracker) else Kind.CUSTOM
    return next((level for level in levels if level.player == player), custom)


def _named(player: Rom | Tracker) -> str:
    return "the Atari CPU" if isinstance(player, Rom) else f"a tracker with {player.reaction_ms} ms reaction"


def _name_of(kind: Level | Kind) -> str:
    return kind.value if isinstance(kind, Kind) else kind.name


Seat: TypeAlias = Person | Rom | AgentChoice


class TrainingChoice:
    """Which training is to begin, or which of `runs` to go on with; it opens on `first`, None being a new one."""

    about = (
        "Learns from pixels beside the window, at low priority. Stopped, it is saved, and can be gone on with.",
        "On two cores, 200,000 steps take some minutes, and 5 million more than an hour.",
    )

    def __init__(self, runs: Sequence[Path], first: Path | None = None) -> None:
        self.runs = tuple(runs)
        self._run = Choice("Run", (None, *self.runs), first, lambda run: short_name(str(run)) if run else "a new one")
        self._algorithm = Choice("Algorithm", ALGORITHMS, ALGORITHMS[0])
        self._steps = Choice("Steps", STEPS, STEPS[0], "{:,}".format)
        self._total = Choice("Steps in all", (None, *STEPS), None, lambda steps: f"{steps:,}" if steps else "as begun")

    @property
    def rows(self) -> tuple[Choice[Any], ...]:
        """The choices there are now, from the top."""
        return (self._run, self._algorithm, self._steps) if self._run.value is None else (self._run, self._total)

    @property
    def training(self) -> Train:
        """What is chosen."""
        steps = self._steps.value if self._run.value is None else self._total.value
        return Train(self._algorithm.value, steps, self._run.value)


class PreferencesChoice:
    """The settings, one row each."""

    def __init__(self, preferences: Preferences) -> None:
        volumes = sorted({*range(0, 101, 10), preferences.volume})
        self._volume = Choice("Volume", volumes, preferences.volume)
        self._muted = Choice("Sound", (True, False), preferences.muted, lambda muted: "off" if muted else "on")
        self._whole_pixels = Choice("Whole-pixel court", (False, True), preferences.whole_pixels, _on_or_off)
        self._full_screen = Choice("Full screen", (False, True), preferences.full_screen, _on_or_off)
        self.rows: tuple[Choice[Any], ...] = (self._volume, self._muted, self._whole_pixels, self._full_screen)

    @property
    def preferences(self) -> Preferences:
        """What is chosen."""
        return Preferences(self._volume.value, self._muted.value, self._whole_pixels.value, self._full_screen.value)


def _on_or_off(on: object) -> str:
    return "on" if on else "off"


@dataclass(frozen=True, slots=True)
class Card:
    """One player of the match to be, or something else to choose, as shown."""

    heading: str
    colour: pygame.Color
    name: str = ""
    """Empty where the first of `rows` tells it."""
    rows: tuple[Choice[Any], ...] = ()
    about: tuple[str, ...] = ()
    """Paragraphs."""
    strength: float | None = None
    """A share of points, drawn as a bar."""


class MenuModel:
    """What is chosen, and what is in focus.

    `last` is what the menu opens on. `measured` is the opponent against whom the strength of `levels`, weakest first,
    was measured. `settings_path` is where the settings are kept, `runs` are the trainings that can be gone on with.
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
        self.mode = _mode_of(last)
        """Whose choices are shown."""
        self.focus: Target = self.mode
        self._settings_path = settings_path
        self._settings = PreferencesChoice(preferences or Preferences())
        self._training = TrainingChoice(runs)
        self._training_now: TrainingNow | None = None
        side = Side.LEFT if self.mode is Mode.AGENT and isinstance(last.left, Person) else Side.RIGHT
        self._side = Choice("Your side", tuple(Side), side, lambda side: side.name.lower())
        left = last.left if _is_agent(last.left) else None
        right = last.right if _is_agent(last.right) else None
        middle, strongest = levels[len(levels) // 2].player, levels[-1].player
        self._opponent, self._left, self._right = (
            AgentChoice(player, models, levels, measured=measured)
            for player in (left or right or middle, left or middle, right or strongest)
        )

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
        rows = self._settings.rows
        self._settings = PreferencesChoice(preferences)
        if self.focus in rows:
            self.focus = self._settings.rows[rows.index(self.focus)]

    def show_training(self, now: TrainingNow | None) -> None:
        """Shows a training that runs, in place of the choices; when it has ended, it is the one to go on with."""
        before, self._training_now = self._training_now, now
        if before is not None and now is None:
            others = (run for run in self._training.runs if run != before.run)
            self._training = TrainingChoice((before.run, *others), before.run)
        if not isinstance(self.focus, Mode) and self.focus not in self.options:
            self.focus = self.buttons[0]

    @property
    def cards(self) -> tuple[Card, ...]:
        """What is shown of the mode: its players, the left one first, or one card of something else."""
        if self._seats is not None:
            return tuple(self._card(side, seat) for side, seat in zip(Side, self._seats, strict=True))
        if self.mode is Mode.QUIT:
            return (Card("Quit", theme.TEXT, "Close Volley"),)
        if self.mode is Mode.TRAIN:
            return (self._training_card,)
        if self.mode is Mode.MODELS:
            return (Card("Models", theme.TEXT, about=_ABOUT_MODELS),)
        about = ("Other keys can be set in this file:", self._settings_path) if self._settings_path else ()
        return (Card("Settings", theme.TEXT, rows=self._settings.rows, about=about),)

    @property
    def options(self) -> tuple[Target, ...]:
        """What can be in focus beside the modes, in its order."""
        choices = tuple(choice for card in self.cards for choice in card.rows)
        return *choices, *self.buttons

    @property
    def buttons(self) -> tuple[Button, ...]:
        """Those of the mode; the first is pressed by Enter on anything else."""
        if self.mode is Mode.TRAIN and self._training_now is not None:
            return Button.FOLLOW, Button.STOP
        if self.mode is Mode.MODELS:
            return (Button.BROWSE,)
        return (Button.START,) if self.mode is Mode.TRAIN or self.lineup is not None else ()

    @property
    def hints(self) -> tuple[tuple[tuple[Command, ...], str], ...]:
        """The commands worth knowing now, each group with a word for what it does."""
        choose = ((Command.UP, Command.DOWN), "choose")
        buttons = (self.focus,) if isinstance(self.focus, Button) else self.buttons[:1]
        confirm = tuple(((Command.CONFIRM,), button.value.lower()) for button in buttons)
        if not isinstance(self.focus, Mode):
            change = ((Command.LEFT, Command.RIGHT), "change")
            aside = change if isinstance(self.focus, Choice) else ((Command.LEFT,), "modes")
            return choose, aside, *confirm, ((Command.BACK,), "back")
        aside = ((Command.RIGHT,), "options") if self.options else ((Command.CONFIRM,), "quit")
        return choose, aside, *confirm, ((Command.BACK,), "quit")

    def command(self, command: Command) -> Outcome | None:
        """Takes a key or a gamepad's button; gives what comes of it, if anything does."""
        if isinstance(self.focus, Mode):
            return self._choose_mode(command)
        return self._change_option(self.focus, command)

    def point(self, target: Target | None) -> None:
        """Follows the mouse, which is over `target`. A mode needs a click: the way to its options leads over others."""
        if target is not None and not isinstance(target, Mode):
            self.focus = target

    def click(self, target: Target | None, way: int) -> Outcome | None:
        """Takes a click; on a choice, one that leads `way`. Gives what comes of it, if anything does."""
        if target is None:
            return None
        self.focus = target
        if isinstance(target, Mode):
            self.mode = target
            return Quit() if target is Mode.QUIT else None
        return self._press(target) if isinstance(target, Button) else self._step(target, way)

    @property
    def _seats(self) -> tuple[Seat, Seat] | None:
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
    def _training_card(self) -> Card:
        now = self._training_now
        if now is None:
            return Card("Training", theme.TEXT, rows=self._training.rows, about=self._training.about)
        return Card("Training", theme.TEXT, short_name(str(now.run)), about=(now.about,))

    def _card(self, side: Side, seat: Seat) -> Card:
        heading, colour = f"{side.name.capitalize()} player", theme.PLAYERS[side]
        if isinstance(seat, AgentChoice):
            return Card(heading, colour, rows=seat.rows, about=seat.about, strength=seat.strength)
        if isinstance(seat, Rom):
            about = "The opponent that is built into the game. It plays the left side only."
            return Card(heading, colour, "Atari CPU", about=(about,))
        rows = (self._side,) if self.mode is Mode.AGENT else ()
        name = "Somebody" if self.mode is Mode.PEOPLE else "You"
        return Card(heading, colour, name, rows, ("Plays with keys, mouse or gamepad: H shows which.",))

    def _choose_mode(self, command: Command) -> Outcome | None:
        match command:
            case Command.UP | Command.DOWN:
                modes = tuple(Mode)
                self.mode = modes[_moved(modes.index(self.mode), command, len(modes))]
                self.focus = self.mode
            case Command.RIGHT if self.options:
                self.focus = self.options[0]
            case Command.CONFIRM if self.mode is Mode.SETTINGS:
                self.focus = self.options[0]
            case Command.BACK if self.mode is not Mode.QUIT:
                self.mode = self.focus = Mode.QUIT
            case Command.CONFIRM if self.buttons:
                return self._press(self.buttons[0])
            case Command.CONFIRM | Command.BACK:
                return Quit()
        return None

    def _change_option(self, focus: Choice[Any] | Button, command: Command) -> Outcome | None:
        match command:
            case Command.UP | Command.DOWN:
                options = self.options
                self.focus = options[_moved(options.index(focus), command, len(options))]
            case Command.LEFT | Command.RIGHT if isinstance(focus, Choice):
                return self._step(focus, -1 if command is Command.LEFT else 1)
            case Command.RIGHT if focus is Button.FOLLOW:
                self.focus = Button.STOP
            case Command.LEFT if focus is Button.STOP:
                self.focus = Button.FOLLOW
            case Command.LEFT | Command.BACK:
                self.focus = self.mode
            case Command.CONFIRM if self.mode is Mode.SETTINGS and isinstance(focus, Choice):
                focus.turn()
                return Change(self.preferences)
            case Command.CONFIRM:
                return self._press(focus if isinstance(focus, Button) else self.buttons[0])
        return None

    def _step(self, choice: Choice[Any], way: int) -> Outcome | None:
        before = self.preferences
        choice.step(way)
        return None if self.preferences == before else Change(self.preferences)

    def _press(self, button: Button) -> Outcome:
        if self.lineup is not None:
            return Start(self.lineup)
        if button is Button.BROWSE:
            return Browse()
        if self._training_now is None:
            return self._training.training
        return Follow(self._training_now.run) if button is Button.FOLLOW else StopTraining()


def _moved(place: int, command: Command, length: int) -> int:
    """The place above or below, as far as there is one."""
    return min(max(place + (1 if command is Command.DOWN else -1), 0), length - 1)


def _is_agent(player: Player) -> TypeGuard[Agent]:
    return isinstance(player, Policy | Tracker | Ladder)


def _mode_of(lineup: Lineup) -> Mode:
    if isinstance(lineup.left, Rom):
        return Mode.ROM if lineup.people else Mode.WATCH_ROM
    return (Mode.WATCH_AGENTS, Mode.AGENT, Mode.PEOPLE)[len(lineup.people)]


@dataclass(frozen=True, slots=True)
class Layout:
    """Where everything stands, in pixels."""

    scale: float
    title: pygame.Rect
    court: pygame.Rect
    cards: tuple[pygame.Rect, ...]
    abouts: tuple[pygame.Rect, ...]
    """Below the choices of each card."""
    spots: tuple[tuple[Target, pygame.Rect], ...]
    """All that can be in focus."""
    hints: pygame.Rect

    @classmethod
    def of(cls, size: tuple[int, int], model: MenuModel) -> Layout:
        """The layout for a surface of this size, 800 x 600 or more: title and court above, modes and cards below."""
        width, height = size
        scale = theme.scale_of(size)
        margin, gap, below = round(24 * scale), round(theme.GAP * scale), round(40 * scale)
        lower = pygame.Rect(margin, 0, width - 2 * margin, round(372 * scale))
        court = pygame.Rect(0, 0, 0, min(height - lower.height - margin - gap - below, round(0.42 * width / ASPECT)))
        court.width = round(court.height * ASPECT)
        court.topright = (lower.right, (height - court.height - gap - lower.height + margin - below) // 2)
        lower.top = court.bottom + gap

        modes, panel = lower.copy(), lower.copy()
        modes.width = round(344 * scale)
        panel.width -= modes.width + gap
        panel.right = lower.right
        start = pygame.Rect(panel.left, 0, panel.width, round(48 * scale))
        start.bottom = panel.bottom
        buttons = widgets.columns(start, len(model.buttons), gap) if model.buttons else []
        cards = widgets.columns(
            pygame.Rect(panel.topleft, (panel.width, start.top - gap - panel.top)), len(model.cards), gap
        )
        filled = [_fill_card(rect, scale, card) for rect, card in zip(cards, model.cards, strict=True)]
        spots: list[tuple[Target, pygame.Rect]] = [
            *zip(Mode, _mode_rows(modes, scale), strict=True),
            *(spot for rows, _ in filled for spot in rows),
            *zip(model.buttons, buttons, strict=True),
        ]
        return cls(
            scale=scale,
            title=pygame.Rect(margin, court.top, court.left - gap - margin, court.height),
            court=court,
            cards=tuple(cards),
            abouts=tuple(about for _, about in filled),
            spots=tuple(spots),
            hints=pygame.Rect(margin, height - below, width - 2 * margin, below),
        )


def _mode_rows(rect: pygame.Rect, scale: float) -> list[pygame.Rect]:
    """One row for each mode, with more room before those to watch and those that are no match."""
    gap, apart = round(8 * scale), round(20 * scale)
    height = (rect.height - (len(Mode) - 3) * gap - 2 * apart) // len(Mode)
    rows, top = [], rect.top
    for mode in Mode:
        top += apart - gap if mode in (Mode.WATCH_ROM, Mode.SETTINGS) else 0
        rows.append(pygame.Rect(rect.left, top, rect.width, height))
        top += height + gap
    return rows


def _fill_card(
    rect: pygame.Rect, scale: float, card: Card
) -> tuple[list[tuple[Choice[Any], pygame.Rect]], pygame.Rect]:
    """Where the choices of a card stand, and the room for the words below them."""
    room = rect.inflate(-2 * round(theme.PADDING * scale), -2 * round(theme.PADDING * scale))
    width = min(room.width, round(480 * scale))
    row = pygame.Rect(room.left, room.top + round(30 * scale), width, round(34 * scale))
    if card.name:
        row.top += round(40 * scale)
    rows = []
    for choice in card.rows:
        rows.append((choice, row.copy()))
        row.top += round(42 * scale)
    return rows, pygame.Rect(room.left, row.top, room.width, room.bottom - row.top)


class MenuScene:
    """Shows a menu, and tells it what the mouse is on. Positions are in the pixels of a surface of `size`."""

    def __init__(self, model: MenuModel, table: Sequence[Binding] = BINDINGS) -> None:
        self.model = model
        self._table = table
        self._pointed: Target | None = None
        self._court = CourtView()

    def point(self, position: tuple[int, int], size: tuple[int, int]) -> None:
        """Follows the mouse."""
        self._pointed = widgets.hit(Layout.of(size, self.model).spots, position)
        self.model.point(self._pointed)

    def click(self, position: tuple[int, int], size: tuple[int, int]) -> Outcome | None:
        """Takes a click; gives what comes of it, if anything does."""
        spots = Layout.of(size, self.model).spots
        target = widgets.hit(spots, position)
        way = widgets.way_at(dict(spots)[target], target, position) if isinstance(target, Choice) else 0
        return self.model.click(target, way)

    def draw(self, surface: pygame.Surface, picture: Frame | None, sign: str = "") -> None:
        """Draws the menu, with `picture` on its screen and `sign`, a line such as "loading ppo …", below the title."""
        layout = Layout.of(surface.size, self.model)
        scale = layout.scale
        surface.fill(theme.BACKGROUND)
        _draw_title(surface, layout.title, scale, sign)
        _draw_screen(surface, layout.court, scale)
        if picture is not None:
            self._court.draw(surface, layout.court, picture)
        for rect, about, card in zip(layout.cards, layout.abouts, self.model.cards, strict=True):
            _draw_card(surface, rect, about, scale, card)
        for target, rect in layout.spots:
            self._draw_target(surface, rect, scale, target)
        widgets.draw_focus(surface, dict(layout.spots)[self.model.focus], scale)
        widgets.draw_hints(surface, layout.hints, scale, widgets.hints(self._table, self.model.hints))

    def _draw_target(self, surface: pygame.Surface, rect: pygame.Rect, scale: float, target: Target) -> None:
        lit = target is self._pointed
        if isinstance(target, Choice):
            widgets.draw_choice(surface, rect, scale, target, lit=lit)
        elif isinstance(target, Button):
            widgets.draw_button(surface, rect, scale, target.value, lit=lit)
        else:
            _draw_mode(surface, rect, scale, target, chosen=target is self.model.mode, lit=lit)


def _draw_title(surface: pygame.Surface, rect: pygame.Rect, scale: float, sign: str) -> None:
    """The name as large as it fits, with the court's brown behind it; the motto, and the sign, below."""
    name, small, line = "VOLLEY", round(theme.HINT_SIZE * scale), round(theme.HEADING_SIZE * scale)
    shade = 1 / 8
    size = min(8 * int(rect.width / (8 * (len(name) + shade))), theme.pixel_size(112 * scale))
    motto = theme.wrapped(MOTTO, line, rect.width, 2)
    apart, height = round(20 * scale), theme.font(theme.Face.REGULAR, line).get_linesize()
    top = rect.top + (rect.height - 2 * small - size - apart - len(motto) * height) // 2
    for away, colour in ((round(shade * size), theme.COURT), (0, theme.TEXT)):
        theme.draw_text(surface, name, size, colour, theme.Face.PIXEL, topleft=(rect.left + away, top + away))
    for place, words in enumerate(motto):
        left_top = rect.left, top + size + apart + place * height
        theme.draw_text(surface, words, line, theme.QUIET, topleft=left_top)
    sign = theme.fitted(sign, small, rect.width)
    theme.draw_text(surface, sign, small, theme.TEXT, bottomleft=rect.bottomleft)


def _draw_screen(surface: pygame.Surface, court: pygame.Rect, scale: float) -> None:
    frame = court.inflate(round(12 * scale), round(12 * scale))
    pygame.draw.rect(surface, theme.PANEL, frame, border_radius=round(theme.CORNER * scale))
    pygame.draw.rect(surface, theme.HAIRLINE, frame, width=1, border_radius=round(theme.CORNER * scale))


def _draw_mode(
    surface: pygame.Surface, rect: pygame.Rect, scale: float, mode: Mode, *, chosen: bool, lit: bool
) -> None:
    if chosen:
        pygame.draw.rect(surface, theme.HAIRLINE, rect, border_radius=round(theme.CORNER * scale))
    size, colour = round(17 * scale), theme.TEXT if chosen or lit else theme.QUIET
    place = (rect.left + round(14 * scale), rect.centery)
    theme.draw_text(surface, mode.value, size, colour, theme.Face.BOLD, midleft=place)


def _draw_card(surface: pygame.Surface, rect: pygame.Rect, about: pygame.Rect, scale: float, card: Card) -> None:
    """The card's ground and words; its choices are drawn over it."""
    room = theme.draw_panel(surface, rect, scale)
    body, small = round(theme.BODY_SIZE * scale), round(theme.HINT_SIZE * scale)
    theme.draw_text(surface, card.heading, body, card.colour, theme.Face.BOLD, topleft=room.topleft)
    if card.name:
        size, place = round(theme.HEADING_SIZE * scale), (room.left, room.top + round(32 * scale))
        theme.draw_text(surface, card.name, size, theme.TEXT, theme.Face.BOLD, topleft=place)
    top = about.top
    for paragraph in card.about:
        for words in theme.wrapped(paragraph, small, about.width, 3):
            top = theme.draw_text(surface, words, small, theme.QUIET, topleft=(about.left, top)).bottom
        top += round(6 * scale)
    if card.strength is not None:
        track = pygame.Rect(about.left, top + round(6 * scale), about.width, round(10 * scale))
        widgets.draw_bar(surface, track, scale, card.strength, card.colour)
