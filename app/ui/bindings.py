"""Which key or button does what: one table, from which the help page and the line of hints are made too."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum, IntEnum, auto
from typing import TypeAlias

import pygame

from models.errors import one_line


class Context(Enum):
    """The situation that decides what a key does."""

    MENU = auto()
    TYPING = auto()
    """Text is being typed; letters are letters."""
    PLAY = auto()
    """A match with someone at this computer playing."""
    WATCH = auto()
    """A match between others."""
    ENDING = auto()
    """The end of a match, or its review."""
    HELP = auto()
    """The help page, over anything else."""


class Command(Enum):
    """Done once, at the press of a key."""

    PAUSE = auto()
    STEP = auto()
    FASTER = auto()
    SLOWER = auto()
    GREEDY = auto()
    TAKE_LEFT = auto()
    TAKE_RIGHT = auto()
    REMATCH = auto()
    SAVE = auto()
    REVIEW = auto()
    FILM = auto()
    UP = auto()
    DOWN = auto()
    LEFT = auto()
    RIGHT = auto()
    CONFIRM = auto()
    SEARCH = auto()
    SHOW_MOVES = auto()
    SHOW_TIMELINE = auto()
    SHOW_SEEN = auto()
    SHOW_SALIENCY = auto()
    SHOW_CREDIT = auto()
    SHOW_STAGES = auto()
    SHOW_LEARNING = auto()
    SHOW_FACTS = auto()
    CREDIT_METHOD = auto()
    CREDIT_PREVIOUS = auto()
    CREDIT_NEXT = auto()
    CREDIT_LARGEST = auto()
    CREDIT_PASS = auto()
    EARLIER_STAGE = auto()
    LATER_STAGE = auto()
    SCREENSHOT = auto()
    MUTE = auto()
    QUIETER = auto()
    LOUDER = auto()
    WHOLE_PIXELS = auto()
    FULL_SCREEN = auto()
    HELP = auto()
    BACK = auto()
    """Leaves what is open."""
    QUIT = auto()


class Held(Enum):
    """Done for as long as a key is down."""

    LEFT_UP = auto()
    LEFT_DOWN = auto()
    LEFT_FIRE = auto()
    RIGHT_UP = auto()
    RIGHT_DOWN = auto()
    RIGHT_FIRE = auto()
    REWIND = auto()


class Pad(IntEnum):
    """A gamepad's buttons, placed as on an Xbox pad."""

    A = pygame.CONTROLLER_BUTTON_A
    B = pygame.CONTROLLER_BUTTON_B
    BACK = pygame.CONTROLLER_BUTTON_BACK
    START = pygame.CONTROLLER_BUTTON_START
    LB = pygame.CONTROLLER_BUTTON_LEFTSHOULDER
    UP = pygame.CONTROLLER_BUTTON_DPAD_UP
    DOWN = pygame.CONTROLLER_BUTTON_DPAD_DOWN
    LEFT = pygame.CONTROLLER_BUTTON_DPAD_LEFT
    RIGHT = pygame.CONTROLLER_BUTTON_DPAD_RIGHT

    @property
    def label(self) -> str:
        """What the help page calls it."""
        return f"pad {self.name if self in (Pad.A, Pad.B, Pad.LB) else self.name.title()}"


Input: TypeAlias = Command | Held
Row: TypeAlias = tuple[tuple[str, ...], str]
"""Of the help page: the names of keys, and what they do."""


class Group(Enum):
    """A part of the help page, with its heading."""

    PLAY = "Play"
    KEEP = "Keep"
    LOOK = "Look"
    CHOOSE = "Choose"
    WINDOW = "Window"


_GROUPS: dict[Group, frozenset[Input]] = {
    Group.PLAY: frozenset(
        {
            *Held,
            Command.PAUSE,
            Command.STEP,
            Command.FASTER,
            Command.SLOWER,
            Command.GREEDY,
            Command.TAKE_LEFT,
            Command.TAKE_RIGHT,
            Command.REMATCH,
        }
    ),
    Group.KEEP: frozenset({Command.SAVE, Command.FILM, Command.SCREENSHOT}),
    Group.LOOK: frozenset(
        {
            Command.SHOW_MOVES,
            Command.SHOW_TIMELINE,
            Command.SHOW_SEEN,
            Command.SHOW_SALIENCY,
            Command.SHOW_CREDIT,
            Command.CREDIT_METHOD,
            Command.CREDIT_PREVIOUS,
            Command.CREDIT_NEXT,
            Command.CREDIT_LARGEST,
            Command.CREDIT_PASS,
            Command.SHOW_STAGES,
            Command.EARLIER_STAGE,
            Command.LATER_STAGE,
            Command.SHOW_LEARNING,
            Command.SHOW_FACTS,
            Command.REVIEW,
        }
    ),
    Group.CHOOSE: frozenset({Command.UP, Command.DOWN, Command.LEFT, Command.RIGHT, Command.CONFIRM, Command.SEARCH}),
}
"""What belongs to which; the rest to the window."""


@dataclass(frozen=True, slots=True)
class Binding:
    """Keys and buttons that do one thing in some contexts, with its description."""

    name: str
    """Its name in the settings file."""
    input: Input
    contexts: frozenset[Context]
    keys: tuple[int, ...]
    key_names: tuple[str, ...]
    """Names of the keys worth showing."""
    purpose: str
    """For the help page."""
    buttons: tuple[Pad, ...] = ()


_EACH = frozenset(Context)
_PLAY, _WATCH, _TYPING, _HELP = (
    frozenset({context}) for context in (Context.PLAY, Context.WATCH, Context.TYPING, Context.HELP)
)
MENUS = frozenset({Context.MENU, Context.ENDING})
"""Where something is chosen."""
_MATCH = _PLAY | _WATCH
_END = frozenset({Context.ENDING})
_TO_ITS_END = _MATCH | _END
"""A match that has ended can still be rewound, saved and looked back at."""
_ALL = _MATCH | MENUS | _HELP

_UP, _DOWN, _LEFT, _RIGHT = pygame.K_UP, pygame.K_DOWN, pygame.K_LEFT, pygame.K_RIGHT
_ENTER, _SPACE, _BACKSPACE = (pygame.K_RETURN, pygame.K_KP_ENTER), pygame.K_SPACE, pygame.K_BACKSPACE
_PLUS, _MINUS = (pygame.K_PLUS, pygame.K_EQUALS, pygame.K_KP_PLUS), (pygame.K_MINUS, pygame.K_KP_MINUS)

BINDINGS = (
    Binding("left up", Held.LEFT_UP, _PLAY, (pygame.K_w,), ("W",), "Left paddle up"),
    Binding("left down", Held.LEFT_DOWN, _PLAY, (pygame.K_s,), ("S",), "Left paddle down"),
    Binding("left fire", Held.LEFT_FIRE, _PLAY, (_SPACE, pygame.K_d), ("Space", "D"), "Left: serve, hit harder"),
    Binding("right up", Held.RIGHT_UP, _PLAY, (_UP,), ("Up",), "Right paddle up"),
    Binding("right down", Held.RIGHT_DOWN, _PLAY, (_DOWN,), ("Down",), "Right paddle down"),
    # Neither Ctrl nor Shift. While one player holds Ctrl, the other's keys are the desktop's; and desktops ask about
    # sticky keys when Shift is pressed five times.
    Binding("right fire", Held.RIGHT_FIRE, _PLAY, (*_ENTER, _LEFT), ("Enter", "Left"), "Right: serve, hit harder"),
    Binding("watch pause", Command.PAUSE, _WATCH, (_SPACE,), ("Space",), "Pause or resume"),
    Binding("pause", Command.PAUSE, _MATCH, (pygame.K_p, pygame.K_PAUSE), ("P",), "Pause or resume", (Pad.START,)),
    Binding("rewind", Held.REWIND, _TO_ITS_END, (pygame.K_r,), ("R",), "Hold to rewind a match", (Pad.LB,)),
    Binding("match rewind", Held.REWIND, _TO_ITS_END, (_BACKSPACE,), ("Backspace",), "Hold to rewind"),
    Binding("step", Command.STEP, _MATCH, (pygame.K_n,), ("N",), "Step one decision"),
    Binding("watch step", Command.STEP, _WATCH, (_RIGHT,), ("Right",), "Step one decision"),
    Binding("faster", Command.FASTER, _MATCH, _PLUS, ("+",), "Faster"),
    Binding("watch faster", Command.FASTER, _WATCH, (_UP,), ("Up",), "Faster"),
    Binding("slower", Command.SLOWER, _MATCH, _MINUS, ("\N{MINUS SIGN}",), "Slower"),
    Binding("watch slower", Command.SLOWER, _WATCH, (_DOWN,), ("Down",), "Slower"),
    Binding("greedy", Command.GREEDY, _MATCH, (pygame.K_g,), ("G",), "Greedy or sampled play"),
    Binding("take left", Command.TAKE_LEFT, _MATCH, (pygame.K_1, pygame.K_KP_1), ("1",), "Take or leave left paddle"),
    Binding(
        "take right", Command.TAKE_RIGHT, _MATCH, (pygame.K_2, pygame.K_KP_2), ("2",), "Take or leave right paddle"
    ),
    Binding("moves", Command.SHOW_MOVES, _MATCH, (pygame.K_3,), ("3",), "Panel: next move"),
    Binding("timeline", Command.SHOW_TIMELINE, _MATCH, (pygame.K_4,), ("4",), "Panel: last 10 seconds"),
    Binding("seen", Command.SHOW_SEEN, _MATCH, (pygame.K_5,), ("5",), "Panel: what the network sees"),
    Binding("saliency", Command.SHOW_SALIENCY, _MATCH, (pygame.K_6,), ("6",), "Light: where the network looks"),
    Binding("credit", Command.SHOW_CREDIT, _MATCH, (pygame.K_7,), ("7",), "Panel: credit for the last point"),
    Binding("credit way", Command.CREDIT_METHOD, _MATCH, (pygame.K_TAB,), ("Tab",), "Credit: next method"),
    Binding("credit back", Command.CREDIT_PREVIOUS, _MATCH, (pygame.K_COMMA,), (",",), "Credit: previous decision"),
    Binding("credit on", Command.CREDIT_NEXT, _MATCH, (pygame.K_PERIOD,), (".",), "Credit: next decision"),
    Binding("credit largest", Command.CREDIT_LARGEST, _MATCH, (pygame.K_l,), ("L",), "Credit: largest push"),
    Binding("credit pass", Command.CREDIT_PASS, _MATCH, (pygame.K_o,), ("O",), "Credit: next pass of PPO"),
    Binding("stages", Command.SHOW_STAGES, _MATCH, (pygame.K_8,), ("8",), "Panel: stages of training"),
    Binding("earlier", Command.EARLIER_STAGE, _MATCH, (pygame.K_PAGEUP,), ("PgUp",), "Earlier stage"),
    Binding("later", Command.LATER_STAGE, _MATCH, (pygame.K_PAGEDOWN,), ("PgDn",), "Later stage"),
    Binding("learning", Command.SHOW_LEARNING, _MATCH, (pygame.K_9,), ("9",), "Panel: learning curve"),
    Binding("facts", Command.SHOW_FACTS, _MATCH, (pygame.K_0,), ("0",), "Panel: players"),
    Binding("rematch", Command.REMATCH, _TO_ITS_END, (pygame.K_F2,), ("F2",), "Restart"),
    Binding("save", Command.SAVE, _TO_ITS_END, (pygame.K_F5,), ("F5",), "Save a replay"),
    Binding("review", Command.REVIEW, _TO_ITS_END, (pygame.K_v,), ("V",), "Review costly moments"),
    Binding("film", Command.FILM, _TO_ITS_END, (pygame.K_F9,), ("F9",), "Start or stop filming"),
    Binding("up", Command.UP, MENUS, (_UP, pygame.K_w), ("Up", "W"), "Up", (Pad.UP,)),
    Binding("down", Command.DOWN, MENUS, (_DOWN, pygame.K_s), ("Down", "S"), "Down", (Pad.DOWN,)),
    Binding("left", Command.LEFT, MENUS, (_LEFT, pygame.K_a), ("Left", "A"), "Left, decrease", (Pad.LEFT,)),
    Binding("right", Command.RIGHT, MENUS, (_RIGHT, pygame.K_d), ("Right", "D"), "Right, increase", (Pad.RIGHT,)),
    Binding("confirm", Command.CONFIRM, MENUS, (*_ENTER, _SPACE), ("Enter", "Space"), "Choose", (Pad.A,)),
    Binding("typing up", Command.UP, _TYPING, (_UP,), ("Up",), "Up", (Pad.UP,)),
    Binding("typing down", Command.DOWN, _TYPING, (_DOWN,), ("Down",), "Down", (Pad.DOWN,)),
    Binding("typing confirm", Command.CONFIRM, _TYPING, _ENTER, ("Enter",), "Done", (Pad.A,)),
    Binding("search", Command.SEARCH, _TYPING | {Context.MENU}, (pygame.K_TAB,), ("Tab",), "In Models: search"),
    Binding("screenshot", Command.SCREENSHOT, _EACH, (pygame.K_F12,), ("F12",), "Screenshot"),
    Binding("mute", Command.MUTE, _ALL, (pygame.K_m,), ("M",), "Sound on or off"),
    # Many keyboards have brackets only with AltGr.
    Binding("quieter", Command.QUIETER, _ALL, (pygame.K_LEFTBRACKET, pygame.K_F7), ("[", "F7"), "Quieter"),
    Binding("louder", Command.LOUDER, _ALL, (pygame.K_RIGHTBRACKET, pygame.K_F8), ("]", "F8"), "Louder"),
    Binding("whole pixels", Command.WHOLE_PIXELS, _EACH, (pygame.K_F10,), ("F10",), "Court: whole pixels or fitted"),
    Binding("full screen", Command.FULL_SCREEN, _EACH, (pygame.K_F11,), ("F11",), "Full screen on or off"),
    Binding("help", Command.HELP, _ALL, (pygame.K_h, pygame.K_F1), ("H", "F1"), "Help"),
    Binding("typing help", Command.HELP, _TYPING, (pygame.K_F1,), ("F1",), "Help"),
    Binding("back", Command.BACK, _ALL - _END, (pygame.K_ESCAPE,), ("Esc",), "Back", (Pad.BACK,)),
    # Not at a match's end, where Backspace rewinds it.
    Binding("menu back", Command.BACK, (MENUS - _END) | _HELP, (_BACKSPACE,), ("Backspace",), "Back", (Pad.B,)),
    Binding("end back", Command.BACK, _END, (pygame.K_ESCAPE,), ("Esc",), "Back", (Pad.BACK, Pad.B)),
    Binding("typing back", Command.BACK, _TYPING, (pygame.K_ESCAPE,), ("Esc",), "Back", (Pad.BACK, Pad.B)),
    # Not in play, where a slip must not end a match.
    Binding("quit", Command.QUIT, _WATCH | MENUS, (pygame.K_q,), ("Q",), "Quit"),
)
_PADDLE_ROWS: tuple[Row, ...] = (
    (("Mouse",), "Alone: moves you, as do all paddle keys"),
    (("Gamepad",), "Stick or D-pad; A: serve, hit harder"),
)
"""For the help page: what moves a paddle besides keys."""

_DESKTOP_KEYS = {pygame.K_LCTRL, pygame.K_RCTRL, pygame.K_LALT, pygame.K_RALT, pygame.K_LMETA, pygame.K_RMETA}


def with_overrides(overrides: Mapping[str, Sequence[str]]) -> tuple[tuple[Binding, ...], list[str]]:
    """The table with other keys for some bindings, and a warning for each override that cannot be used.

    `overrides` maps a binding's name to names of keys, in SDL's spelling; SDL can look them up once there is a display.
    An override that would make a key do two things in one context is dropped.
    """
    defaults = {binding.name: binding for binding in BINDINGS}
    table, warnings = dict(defaults), list[str]()
    for name, keys in overrides.items():
        try:
            table[name] = _with_keys(defaults, name, keys)
        except ValueError as error:
            warnings.append(one_line(f"settings, keys for {name!r}: {error}"))
    while (clash := next(_clashes(table.values(), defaults), None)) is not None:
        table[clash.name] = defaults[clash.name]
        names = ", ".join(clash.key_names)
        warnings.append(f"settings, keys for {clash.name!r}: {names} would do two things; keeping the default")
    return tuple(table.values()), warnings


def _with_keys(defaults: Mapping[str, Binding], name: str, keys: Sequence[str]) -> Binding:
    """The default with these keys; `ValueError` with the reason if there is no such binding or key."""
    if name not in defaults:
        raise ValueError("there is no binding of this name")
    codes = tuple(_key_code(key) for key in keys)
    return replace(defaults[name], keys=codes, key_names=tuple(key.title() for key in keys))


def _key_code(name: str) -> int:
    try:
        code = pygame.key.key_code(name)
    except ValueError:
        raise ValueError(f"there is no key {name!r}; keeping the default") from None
    if code in _DESKTOP_KEYS:
        raise ValueError(f"{name!r} belongs to the desktop; keeping the default")
    return code


def _clashes(table: Collection[Binding], defaults: Mapping[str, Binding]) -> Iterator[Binding]:
    """The overridden bindings whose keys do something else too."""
    for context in Context:
        here = [binding for binding in table if context in binding.contexts]
        uses = Counter(key for key, _ in {(key, binding.input) for binding in here for key in binding.keys})
        for binding in here:
            if binding != defaults[binding.name] and any(uses[key] > 1 for key in binding.keys):
                yield binding


def hints(table: Iterable[Binding], context: Context, labels: Mapping[Input, str]) -> list[tuple[str, str]]:
    """For the line of hints: the first key of each input in `labels` that has one in this context, with its label."""
    names = {asked: names for asked, names, _ in _rows(table, context)}
    return [(names[asked][0], label) for asked, label in labels.items() if names.get(asked)]


def pages(table: Iterable[Binding], context: Context) -> dict[Group, list[Row]]:
    """For the help page: the keys and buttons that work in this context, each with what it does, by group."""
    found: dict[Group, list[Row]] = {Group.PLAY: list(_PADDLE_ROWS)} if context is Context.PLAY else {}
    for asked, names, purpose in _rows(table, context):
        if names:
            found.setdefault(group_of(asked), []).append((names, purpose))
    return found


def group_of(asked: Input) -> Group:
    """Which part of the help page an input stands in."""
    return next((group for group, members in _GROUPS.items() if asked in members), Group.WINDOW)


def _rows(table: Iterable[Binding], context: Context) -> list[tuple[Input, tuple[str, ...], str]]:
    """Each input of this context once, with the names of all its keys and its first purpose."""
    names, purposes = dict[Input, tuple[str, ...]](), dict[Input, str]()
    for binding in table:
        if context in binding.contexts:
            labels = tuple(button.label for button in binding.buttons)
            names[binding.input] = names.get(binding.input, ()) + binding.key_names + labels
            purposes.setdefault(binding.input, binding.purpose)
    return [(asked, names[asked], purposes[asked]) for asked in names]
