"""Keys, mouse and gamepads: what they ask for, and what they do with a paddle.

One table says which keys do what; the help page and the line of hints are made from it.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from enum import Enum, IntEnum, auto
from typing import TypeAlias

import pygame
from pygame._sdl2 import controller

from agents.base import FULL_SPEED
from agents.pong import Side

DEAD_ZONE = 0.2
"""Of a stick's way: worn sticks do not come to rest in the middle."""
TILTED, UPRIGHT = 0.6, 0.4
"""Of a stick's way: past the first it is a step in a menu, within the second it can become one again."""
REPEAT_AFTER, REPEAT_EACHY = 0.4, 0.12
"""Seconds, for a direction that is held in a menu."""


class Context(Enum):
    """What the window is at; a key may do one thing in each."""

    MENU = auto()
    TYPING = auto()
    """A text is being typed: letters are what they are."""
    PLAY = auto()
    """A match in which someone at this computer has a paddle."""
    WATCH = auto()
    """A match of others."""


class Command(Enum):
    """What a person asks for once."""

    PAUSE = auto()
    STEP = auto()
    FASTER = auto()
    SLOWER = auto()
    GREEDY = auto()
    TAKE_LEFT = auto()
    TAKE_RIGHT = auto()
    REMATCH = auto()
    SAVE = auto()
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
    CREDIT_WAY = auto()
    CREDIT_BACK = auto()
    CREDIT_ON = auto()
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
    """Out of what is open."""
    QUIT = auto()


class Held(Enum):
    """What a person asks for as long as a key is down."""

    LEFT_UP = auto()
    LEFT_DOWN = auto()
    LEFT_FIRE = auto()
    RIGHT_UP = auto()
    RIGHT_DOWN = auto()
    RIGHT_FIRE = auto()
    REWIND = auto()


class Pad(IntEnum):
    """A gamepad's buttons, where an Xbox pad has them."""

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
        return f"pad {self.name if len(self.name) <= 2 else self.name.title()}"


Action: TypeAlias = Command | Held


@dataclass(frozen=True, slots=True)
class Binding:
    """Keys and buttons that do something in some contexts, and the words for it."""

    name: str
    """What the settings file calls it."""
    action: Action
    contexts: frozenset[Context]
    keys: tuple[int, ...]
    key_names: tuple[str, ...]
    """Of the keys worth showing."""
    purpose: str
    """For the help page."""
    buttons: tuple[Pad, ...] = ()


_EACH = frozenset(Context)
_PLAY, _WATCH, _MENU, _TYPING = (
    frozenset({context}) for context in (Context.PLAY, Context.WATCH, Context.MENU, Context.TYPING)
)
_MATCH = _PLAY | _WATCH
_ALL = _MATCH | _MENU

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
    Binding("watch pause", Command.PAUSE, _WATCH, (_SPACE,), ("Space",), "Pause, or go on"),
    Binding("pause", Command.PAUSE, _MATCH, (pygame.K_p, pygame.K_PAUSE), ("P",), "Pause, or go on", (Pad.START,)),
    # In menus too: a match can still be gone back in when it has ended.
    Binding("rewind", Held.REWIND, _ALL, (pygame.K_r,), ("R",), "Hold: go back", (Pad.LB,)),
    Binding("match rewind", Held.REWIND, _MATCH, (_BACKSPACE,), ("Backspace",), "Hold: go back"),
    Binding("step", Command.STEP, _MATCH, (pygame.K_n,), ("N",), "Pause, then one decision at a time"),
    Binding("watch step", Command.STEP, _WATCH, (_RIGHT,), ("Right",), "Pause, then one decision at a time"),
    Binding("faster", Command.FASTER, _MATCH, _PLUS, ("+",), "Faster"),
    Binding("watch faster", Command.FASTER, _WATCH, (_UP,), ("Up",), "Faster"),
    Binding("slower", Command.SLOWER, _MATCH, _MINUS, ("\N{MINUS SIGN}",), "Slower"),
    Binding("watch slower", Command.SLOWER, _WATCH, (_DOWN,), ("Down",), "Slower"),
    Binding("greedy", Command.GREEDY, _MATCH, (pygame.K_g,), ("G",), "Always the likeliest action, or sampled"),
    Binding("take left", Command.TAKE_LEFT, _MATCH, (pygame.K_1, pygame.K_KP_1), ("1",), "Take or leave the left"),
    Binding("take right", Command.TAKE_RIGHT, _MATCH, (pygame.K_2, pygame.K_KP_2), ("2",), "Take or leave the right"),
    Binding("moves", Command.SHOW_MOVES, _MATCH, (pygame.K_3,), ("3",), "Panel: next move"),
    Binding("timeline", Command.SHOW_TIMELINE, _MATCH, (pygame.K_4,), ("4",), "Panel: last 10 seconds"),
    Binding("seen", Command.SHOW_SEEN, _MATCH, (pygame.K_5,), ("5",), "Panel: what the network sees"),
    Binding("saliency", Command.SHOW_SALIENCY, _MATCH, (pygame.K_6,), ("6",), "Where the network looks"),
    Binding("credit", Command.SHOW_CREDIT, _MATCH, (pygame.K_7,), ("7",), "Panel: credit for the last point"),
    Binding("credit way", Command.CREDIT_WAY, _MATCH, (pygame.K_TAB,), ("Tab",), "Credit: another way"),
    Binding("credit back", Command.CREDIT_BACK, _MATCH, (pygame.K_COMMA,), (",",), "Credit: a decision back"),
    Binding("credit on", Command.CREDIT_ON, _MATCH, (pygame.K_PERIOD,), (".",), "Credit: a decision on"),
    Binding("credit largest", Command.CREDIT_LARGEST, _MATCH, (pygame.K_l,), ("L",), "Credit: the largest push"),
    Binding("credit pass", Command.CREDIT_PASS, _MATCH, (pygame.K_o,), ("O",), "Credit: another pass of PPO"),
    Binding("stages", Command.SHOW_STAGES, _MATCH, (pygame.K_8,), ("8",), "Panel: stages of training"),
    Binding("earlier", Command.EARLIER_STAGE, _MATCH, (pygame.K_PAGEUP,), ("PgUp",), "An earlier stage"),
    Binding("later", Command.LATER_STAGE, _MATCH, (pygame.K_PAGEDOWN,), ("PgDn",), "A later stage"),
    Binding("learning", Command.SHOW_LEARNING, _MATCH, (pygame.K_9,), ("9",), "Panel: learning curve"),
    Binding("facts", Command.SHOW_FACTS, _MATCH, (pygame.K_0,), ("0",), "Panel: who plays, and how"),
    Binding("rematch", Command.REMATCH, _MATCH, (pygame.K_F2,), ("F2",), "Start again"),
    Binding("save", Command.SAVE, _MATCH, (pygame.K_F5,), ("F5",), "Save a replay"),
    Binding("film", Command.FILM, _MATCH, (pygame.K_F9,), ("F9",), "Start a film, or end it"),
    Binding("up", Command.UP, _MENU, (_UP, pygame.K_w), ("Up", "W"), "Up", (Pad.UP,)),
    Binding("down", Command.DOWN, _MENU, (_DOWN, pygame.K_s), ("Down", "S"), "Down", (Pad.DOWN,)),
    Binding("left", Command.LEFT, _MENU, (_LEFT, pygame.K_a), ("Left", "A"), "Left, or less", (Pad.LEFT,)),
    Binding("right", Command.RIGHT, _MENU, (_RIGHT, pygame.K_d), ("Right", "D"), "Right, or more", (Pad.RIGHT,)),
    Binding("confirm", Command.CONFIRM, _MENU, (*_ENTER, _SPACE), ("Enter", "Space"), "Choose", (Pad.A,)),
    Binding("typing up", Command.UP, _TYPING, (_UP,), ("Up",), "Up", (Pad.UP,)),
    Binding("typing down", Command.DOWN, _TYPING, (_DOWN,), ("Down",), "Down", (Pad.DOWN,)),
    Binding("typing confirm", Command.CONFIRM, _TYPING, _ENTER, ("Enter",), "Done", (Pad.A,)),
    Binding("search", Command.SEARCH, _MENU | _TYPING, (pygame.K_TAB,), ("Tab",), "Models: search"),
    Binding("screenshot", Command.SCREENSHOT, _EACH, (pygame.K_F12,), ("F12",), "Screenshot"),
    Binding("mute", Command.MUTE, _ALL, (pygame.K_m,), ("M",), "Sound off, or on"),
    # Many keyboards have brackets only with AltGr.
    Binding("quieter", Command.QUIETER, _ALL, (pygame.K_LEFTBRACKET, pygame.K_F7), ("[", "F7"), "Quieter"),
    Binding("louder", Command.LOUDER, _ALL, (pygame.K_RIGHTBRACKET, pygame.K_F8), ("]", "F8"), "Louder"),
    Binding("whole pixels", Command.WHOLE_PIXELS, _EACH, (pygame.K_F10,), ("F10",), "Court in whole pixels, or fitted"),
    Binding("full screen", Command.FULL_SCREEN, _EACH, (pygame.K_F11,), ("F11",), "Full screen, or back to a window"),
    Binding("help", Command.HELP, _ALL, (pygame.K_h, pygame.K_F1), ("H", "F1"), "This page"),
    Binding("typing help", Command.HELP, _TYPING, (pygame.K_F1,), ("F1",), "This page"),
    Binding("back", Command.BACK, _ALL, (pygame.K_ESCAPE,), ("Esc",), "Back", (Pad.BACK,)),
    Binding("menu back", Command.BACK, _MENU, (_BACKSPACE,), ("Backspace",), "Back", (Pad.B,)),
    Binding("typing back", Command.BACK, _TYPING, (pygame.K_ESCAPE,), ("Esc",), "Back", (Pad.BACK, Pad.B)),
    # Not in play, where a slip must not end a match.
    Binding("quit", Command.QUIT, _WATCH | _MENU, (pygame.K_q,), ("Q",), "Quit"),
)
_PADDLE_ROWS = (
    (("Mouse",), "The paddle follows a lone player's"),
    (("Gamepad",), "Stick or D-pad; A: serve, hit harder"),
)
"""What moves a paddle besides keys, for the help page."""

_DESKTOP_MODIFIERS = pygame.KMOD_CTRL | pygame.KMOD_ALT | pygame.KMOD_META
_DESKTOP_KEYS = {pygame.K_LCTRL, pygame.K_RCTRL, pygame.K_LALT, pygame.K_RALT, pygame.K_LMETA, pygame.K_RMETA}
_PADDLE_ACTIONS = (
    (Held.LEFT_UP, Held.LEFT_DOWN, Held.LEFT_FIRE),
    (Held.RIGHT_UP, Held.RIGHT_DOWN, Held.RIGHT_FIRE),
)
_DIRECTIONS = frozenset({Command.UP, Command.DOWN, Command.LEFT, Command.RIGHT})
_AXES = {
    pygame.CONTROLLER_AXIS_LEFTX: (Pad.LEFT, Pad.RIGHT),
    pygame.CONTROLLER_AXIS_LEFTY: (Pad.UP, Pad.DOWN),
}
"""The buttons that a stick tilted back or forth along an axis stands for."""

_CONTROLLER_EVENTS = {pygame.CONTROLLERAXISMOTION, pygame.CONTROLLERBUTTONDOWN, pygame.CONTROLLERBUTTONUP}
_JOYSTICK_EVENTS = {pygame.JOYAXISMOTION, pygame.JOYHATMOTION, pygame.JOYBUTTONDOWN, pygame.JOYBUTTONUP}


def bindings(overrides: Mapping[str, Sequence[str]]) -> tuple[tuple[Binding, ...], list[str]]:
    """The table with other keys for some bindings, and a line to show for each override that could not be had.

    `overrides` gives a binding's name the names of keys, as SDL has them, which can be looked up once there is a
    display. The default stays where a key would do two things in one context.
    """
    defaults = {binding.name: binding for binding in BINDINGS}
    table, warnings = dict(defaults), list[str]()
    for name, keys in overrides.items():
        try:
            table[name] = _with_keys(defaults, name, keys)
        except ValueError as error:
            warnings.append(f"settings, keys for {name!r}: {error}")
    while (clash := next(_clashes(table.values(), defaults), None)) is not None:
        table[clash.name] = defaults[clash.name]
        names = ", ".join(clash.key_names)
        warnings.append(f"settings, keys for {clash.name!r}: {names} would do two things; the default stays")
    return tuple(table.values()), warnings


def _with_keys(defaults: Mapping[str, Binding], name: str, keys: Sequence[str]) -> Binding:
    """The default with these keys; `ValueError` with the reason where there is no such binding or key."""
    if name not in defaults:
        raise ValueError("there is no binding of this name")
    codes = tuple(_key_code(key) for key in keys)
    return replace(defaults[name], keys=codes, key_names=tuple(key.title() for key in keys))


def _key_code(name: str) -> int:
    try:
        code = pygame.key.key_code(name)
    except ValueError:
        raise ValueError(f"there is no key {name!r}; the default stays") from None
    if code in _DESKTOP_KEYS:
        raise ValueError(f"{name!r} belongs to the desktop; the default stays")
    return code


def _clashes(table: Collection[Binding], defaults: Mapping[str, Binding]) -> Iterator[Binding]:
    """The bindings whose keys are not the default's and do something else too."""
    for context in Context:
        here = [binding for binding in table if context in binding.contexts]
        doings = Counter(key for key, _ in {(key, binding.action) for binding in here for key in binding.keys})
        for binding in here:
            if binding != defaults[binding.name] and any(doings[key] > 1 for key in binding.keys):
                yield binding


def hints(table: Iterable[Binding], context: Context, words: Mapping[Action, str]) -> list[tuple[str, str]]:
    """For the line of hints: the key of each action in `words` that has one in this context, with its word."""
    names = {action: names for action, names, _ in _rows(table, context)}
    return [(names[action][0], word) for action, word in words.items() if names.get(action)]


def pages(table: Iterable[Binding], context: Context) -> list[tuple[tuple[str, ...], str]]:
    """For the help page: what can be done in this context, each with the names of its keys and buttons."""
    rows = [(names, purpose) for _, names, purpose in _rows(table, context) if names]
    return [*_PADDLE_ROWS, *rows] if context is Context.PLAY else rows


def _rows(table: Iterable[Binding], context: Context) -> list[tuple[Action, tuple[str, ...], str]]:
    """Each action of this context once, with all its names and its first purpose."""
    names, purposes = dict[Action, tuple[str, ...]](), dict[Action, str]()
    for binding in table:
        if context in binding.contexts:
            labels = tuple(button.label for button in binding.buttons)
            names[binding.action] = names.get(binding.action, ()) + binding.key_names + labels
            purposes.setdefault(binding.action, binding.purpose)
    return [(action, names[action], purposes[action]) for action in names]


@dataclass(frozen=True, slots=True)
class Hand:
    """What a person does with a paddle now."""

    move: int = 0
    """As `Control.move`."""
    fire: bool = False
    pointer: int | None = None
    """Where the mouse is, in rows of the window, if it is what leads the paddle; `move` is 0 then."""


@dataclass(slots=True)
class _Source:
    """Something that can lead a paddle."""

    move: int = 0
    fire: bool = False
    tapped: bool = False
    """Whether fire was pressed since a hand was last asked for: it may have been let go again by then."""
    pointer: int | None = None
    used: int = 0
    """The higher, the later it was used."""

    @property
    def leads(self) -> bool:
        return self.move != 0 or self.pointer is not None


@dataclass(slots=True)
class _Pad(_Source):
    joystick: pygame.joystick.JoystickType | None = None
    """Kept, because a gamepad that nothing holds says nothing; `device` too."""
    device: controller.Controller | None = None
    """None for a joystick of unknown layout."""
    stick: int = 0
    """How far it is tilted down, in percent."""
    down: set[int] = field(default_factory=set)
    """Buttons that were pressed for the paddle."""
    tilts: dict[int, int] = field(default_factory=dict)
    """Of each axis: -1, 0 or 1."""

    def settle(self) -> None:
        """Works `move` and `fire` out."""
        self.move = FULL_SPEED * ((Pad.DOWN in self.down) - (Pad.UP in self.down)) or self.stick
        self.fire = Pad.A in self.down

    def rest(self) -> None:
        """As if nobody touched it."""
        self.stick = 0
        self.tapped = False
        self.down.clear()
        self.tilts.clear()
        self.settle()


_Switch: TypeAlias = tuple[int | None, int]
"""A gamepad's number, None for the keyboard, and a button or key."""


class Devices:
    """Follows keyboard, mouse and gamepads by their events."""

    def __init__(self, table: Iterable[Binding] = BINDINGS) -> None:
        self._actions: dict[Context, dict[int, Action]] = {context: {} for context in Context}
        self._buttons: dict[Context, dict[int, Action]] = {context: {} for context in Context}
        for binding in table:
            for context in binding.contexts:
                self._actions[context].update(dict.fromkeys(binding.keys, binding.action))
                self._buttons[context].update(dict.fromkeys(binding.buttons, binding.action))
        self._held: dict[_Switch, Held] = {}
        self._keys = (_Source(), _Source())
        self._mouse = _Source()
        self._pads: dict[int, _Pad] = {}
        self._uses = 0
        self._repeating: tuple[_Switch, Command] | None = None
        self._repeat_in = 0.0
        with suppress(pygame.error):
            pygame.joystick.init()
            controller.init()

    def handle(self, event: pygame.Event, context: Context) -> Command | None:
        """Takes in an event, of any kind; gives what it asks for in this context.

        Keys that are pressed with Ctrl, Alt or Meta belong to the desktop. A window that is no longer in front is not
        told which keys are let go, so all are.
        """
        if event.type in (pygame.QUIT, pygame.WINDOWCLOSE):
            return Command.QUIT
        if event.type in (pygame.KEYDOWN, pygame.KEYUP):
            return self._handle_key(event, context)
        if event.type == pygame.WINDOWFOCUSLOST:
            self._let_go()
        elif event.type in (pygame.MOUSEMOTION, pygame.MOUSEBUTTONDOWN, pygame.MOUSEBUTTONUP):
            self._handle_mouse(event, context)
        elif event.type == pygame.JOYDEVICEADDED:
            self._plug_in(event.device_index)
        elif event.type == pygame.JOYDEVICEREMOVED:
            self._pads.pop(event.instance_id, None)
        elif event.type in _CONTROLLER_EVENTS | _JOYSTICK_EVENTS:
            return self._handle_pad(event, context)
        return None

    def repeat(self, elapsed: float, context: Context) -> Command | None:
        """The direction that has been held in a menu, each time it is due again; call it once a frame."""
        if self._repeating is None or context is not Context.MENU:
            self._repeating = None
            return None
        self._repeat_in -= elapsed
        if self._repeat_in > 0:
            return None
        self._repeat_in = REPEAT_EACHY
        return self._repeating[1]

    def hand(self, side: Side, people: Collection[Side]) -> Hand:
        """What the person on `side` does now, where these sides are people's.

        A lone person has every device; of two, the left has its keys and the first of several gamepads, the right its
        keys and the other gamepads, and nobody the mouse. What was used last leads the paddle. Fire that was pressed
        and let go since the last time this was asked counts once.
        """
        if side not in people:
            return Hand()
        sources = self._sources(side, alone=len(people) == 1)
        leader = max(sources, key=lambda source: (source.leads, source.used))
        fire = any(source.fire or source.tapped for source in sources)
        for source in sources:
            source.tapped = False
        return Hand(leader.move, fire, leader.pointer)

    @property
    def rewinding(self) -> bool:
        """Whether time is to go backwards now."""
        return Held.REWIND in self._held.values()

    def _sources(self, side: Side, *, alone: bool) -> list[_Source]:
        pads = list(self._pads.values())
        if alone:
            return [*self._keys, self._mouse, *pads]
        lefts = 1 if len(pads) > 1 else 0
        return [self._keys[side], *(pads[:lefts], pads[lefts:])[side]]

    def _use(self, source: _Source) -> None:
        """Makes it the last that was used; the mouse leads again once it is moved."""
        self._uses += 1
        source.used = self._uses
        self._mouse.pointer = None

    def _press(self, switch: _Switch, action: Action | None) -> Command | None:
        if isinstance(action, Held):
            self._held[switch] = action
            for source, (up, down, fire) in zip(self._keys, _PADDLE_ACTIONS, strict=True):
                source.tapped = source.tapped or action is fire
                if action in (up, down):
                    self._use(source)
            self._settle_keys()
            return None
        if action in _DIRECTIONS:
            self._repeating, self._repeat_in = (switch, action), REPEAT_AFTER
        return action

    def _release(self, switch: _Switch) -> None:
        self._held.pop(switch, None)
        self._settle_keys()
        if self._repeating is not None and self._repeating[0] == switch:
            self._repeating = None

    def _settle_keys(self) -> None:
        held = self._held.values()
        for source, (up, down, fire) in zip(self._keys, _PADDLE_ACTIONS, strict=True):
            source.move = FULL_SPEED * ((down in held) - (up in held))
            source.fire = fire in held

    def _let_go(self) -> None:
        self._held.clear()
        for source in self._keys:
            source.tapped = False
        self._settle_keys()
        self._repeating = None
        self._mouse = _Source()
        for pad in self._pads.values():
            pad.rest()

    def _handle_key(self, event: pygame.Event, context: Context) -> Command | None:
        switch = (None, event.key)
        if event.type == pygame.KEYUP:
            self._release(switch)
            return None
        if event.mod & _DESKTOP_MODIFIERS:
            return None
        return self._press(switch, self._actions[context].get(event.key))

    def _handle_mouse(self, event: pygame.Event, context: Context) -> None:
        """Only in play: in a menu the mouse points at what is drawn, which the scene knows."""
        playing = context is Context.PLAY
        if event.type == pygame.MOUSEMOTION:
            if playing:
                self._use(self._mouse)
                self._mouse.pointer = event.pos[1]
        elif event.button == pygame.BUTTON_LEFT:
            self._mouse.fire = playing and event.type == pygame.MOUSEBUTTONDOWN
            self._mouse.tapped = self._mouse.tapped or self._mouse.fire

    def _plug_in(self, index: int) -> None:
        """Opens a gamepad; one whose layout SDL does not know, as the joystick that it is."""
        with suppress(pygame.error):  # It may be gone again by now.
            joystick = pygame.joystick.Joystick(index)
            device = controller.Controller.from_joystick(joystick) if controller.is_controller(index) else None
            self._pads[joystick.get_instance_id()] = _Pad(joystick=joystick, device=device)

    def _handle_pad(self, event: pygame.Event, context: Context) -> Command | None:
        pad = self._pads.get(event.instance_id)
        if pad is None or (pad.device is None) != (event.type in _JOYSTICK_EVENTS):
            return None
        match event.type:
            case pygame.CONTROLLERAXISMOTION | pygame.JOYAXISMOTION:
                full = 1 if pad.device is None else 32_767
                return self._tilt(event.instance_id, event.axis, event.value / full, context)
            case pygame.JOYHATMOTION:
                right, up = event.value
                sideways = self._tilt(event.instance_id, pygame.CONTROLLER_AXIS_LEFTX, right, context)
                return self._tilt(event.instance_id, pygame.CONTROLLER_AXIS_LEFTY, -up, context) or sideways
            case pygame.JOYBUTTONDOWN if event.button not in (Pad.A, Pad.B):
                return None  # Nobody knows where it is.
            case pygame.CONTROLLERBUTTONDOWN | pygame.JOYBUTTONDOWN:
                return self._push(event.instance_id, event.button, context)
            case _:
                self._pull(event.instance_id, event.button)
                return None

    def _push(self, instance: int, button: int, context: Context) -> Command | None:
        pad = self._pads[instance]
        if context is Context.PLAY:
            pad.down.add(button)
            pad.settle()
            pad.tapped = pad.tapped or pad.fire
            if button in (Pad.UP, Pad.DOWN):
                self._use(pad)
        return self._press((instance, button), self._buttons[context].get(button))

    def _pull(self, instance: int, button: int) -> None:
        """Lets a button go."""
        pad = self._pads[instance]
        pad.down.discard(button)
        pad.settle()
        self._release((instance, button))

    def _tilt(self, instance: int, axis: int, value: float, context: Context) -> Command | None:
        """Takes in where a stick is along an axis, from -1 to 1: in part for the paddle, and as a button for menus."""
        if axis not in _AXES:
            return None
        pad = self._pads[instance]
        if axis == pygame.CONTROLLER_AXIS_LEFTY:
            pad.stick = _percent(value)
            pad.settle()
            if pad.stick:
                self._use(pad)
        edge = UPRIGHT if pad.tilts.get(axis) else TILTED
        tilt = (value > edge) - (value < -edge)
        if tilt == pad.tilts.get(axis, 0):
            return None
        pad.tilts[axis] = tilt
        for button in _AXES[axis]:
            self._release((instance, button))
        if tilt == 0:
            return None
        button = _AXES[axis][tilt > 0]
        return self._press((instance, button), self._buttons[context].get(button))


def _percent(value: float) -> int:
    """Of the way that a stick has beyond its dead zone, from -100 to 100."""
    share = min(max((abs(value) - DEAD_ZONE) / (1 - DEAD_ZONE), 0.0), 1.0)
    return round(math.copysign(FULL_SPEED * share, value))
