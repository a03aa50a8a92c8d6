"""Keyboard, mouse and gamepads: which commands they give, and what they do with a paddle."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TypeAlias

import pygame
from pygame._sdl2 import controller

from agents.base import FULL_SPEED
from agents.pong import Side
from app.ui.bindings import BINDINGS, MENUS, Binding, Command, Context, Held, Input, Pad

DEAD_ZONE = 0.2
"""A share of a stick's travel: worn sticks do not come to rest in the middle."""
TILTED, UPRIGHT = 0.6, 0.4
"""Shares of a stick's travel: past the first it steps through a menu, back within the second it can step again."""
REPEAT_AFTER, REPEAT_EVERY = 0.4, 0.12
"""Seconds until a direction held in a menu repeats, and between repeats."""

_DESKTOP_MODIFIERS = pygame.KMOD_CTRL | pygame.KMOD_ALT | pygame.KMOD_META
_PADDLE_INPUTS = (
    (Held.LEFT_UP, Held.LEFT_DOWN, Held.LEFT_FIRE),
    (Held.RIGHT_UP, Held.RIGHT_DOWN, Held.RIGHT_FIRE),
)
_DIRECTIONS = frozenset({Command.UP, Command.DOWN, Command.LEFT, Command.RIGHT})
_AXES = {
    pygame.CONTROLLER_AXIS_LEFTX: (Pad.LEFT, Pad.RIGHT),
    pygame.CONTROLLER_AXIS_LEFTY: (Pad.UP, Pad.DOWN),
}
"""The buttons that a stick stands for, tilted one way or the other along an axis."""

_CONTROLLER_EVENTS = {pygame.CONTROLLERAXISMOTION, pygame.CONTROLLERBUTTONDOWN, pygame.CONTROLLERBUTTONUP}
_JOYSTICK_EVENTS = {pygame.JOYAXISMOTION, pygame.JOYHATMOTION, pygame.JOYBUTTONDOWN, pygame.JOYBUTTONUP}


@dataclass(frozen=True, slots=True)
class Hand:
    """What a player is doing with a paddle now."""

    move: int = 0
    """As `Control.move`."""
    fire: bool = False
    pointer: int | None = None
    """The mouse's row in the window if the mouse steers the paddle; `move` is 0 then."""


@dataclass(slots=True)
class _Source:
    """Something that can steer a paddle."""

    move: int = 0
    fire: bool = False
    tapped: bool = False
    """Whether fire was pressed since the hand was last read; it may be up again by then."""
    pointer: int | None = None
    used: int = 0
    """Higher means used more recently."""

    @property
    def steers(self) -> bool:
        return self.move != 0 or self.pointer is not None


@dataclass(slots=True)
class _Pad(_Source):
    joystick: pygame.joystick.JoystickType | None = None
    """Kept open, like `device`: SDL sends no events of a gamepad that nothing refers to."""
    device: controller.Controller | None = None
    """None for a joystick of unknown layout."""
    stick: int = 0
    """How far it is tilted down, in percent (negative: up)."""
    down: set[int] = field(default_factory=set)
    """Buttons held down while playing."""
    tilts: dict[int, int] = field(default_factory=dict)
    """Of each axis: -1, 0 or 1."""

    def settle(self) -> None:
        """Updates `move` and `fire`."""
        self.move = FULL_SPEED * ((Pad.DOWN in self.down) - (Pad.UP in self.down)) or self.stick
        self.fire = Pad.A in self.down

    def rest(self) -> None:
        """Releases everything."""
        self.stick = 0
        self.tapped = False
        self.down.clear()
        self.tilts.clear()
        self.settle()


_Switch: TypeAlias = tuple[int | None, int]
"""A gamepad's instance number (None for the keyboard), and a button or key."""


class Devices:
    """Tracks keyboard, mouse and gamepads by their events."""

    def __init__(self, table: Iterable[Binding] = BINDINGS) -> None:
        self._key_inputs: dict[Context, dict[int, Input]] = {context: {} for context in Context}
        self._button_inputs: dict[Context, dict[int, Input]] = {context: {} for context in Context}
        for binding in table:
            for context in binding.contexts:
                self._key_inputs[context].update(dict.fromkeys(binding.keys, binding.input))
                self._button_inputs[context].update(dict.fromkeys(binding.buttons, binding.input))
        self._held: dict[_Switch, Held] = {}
        self._keys = (_Source(), _Source())
        self._mouse = _Source()
        self._pads: dict[int, _Pad] = {}
        self._places: list[int | None] = []
        """Gamepads in the order of their players; None where one was torn out."""
        self._lost = False
        self._uses = 0
        self._repeating: tuple[_Switch, Command] | None = None
        self._repeat_in = 0.0
        with suppress(pygame.error):
            pygame.joystick.init()
            controller.init()

    def handle(self, event: pygame.Event, context: Context) -> Command | None:
        """Handles any event; returns the command it gives in this context.

        Keys pressed with Ctrl, Alt or Meta belong to the desktop. A window in the background does not hear which keys
        are released, so losing the focus releases all.
        """
        if event.type in (pygame.QUIT, pygame.WINDOWCLOSE):
            return Command.QUIT
        if event.type in (pygame.KEYDOWN, pygame.KEYUP):
            return self._handle_key(event, context)
        if event.type == pygame.WINDOWFOCUSLOST:
            self._release_all()
        elif event.type in (pygame.MOUSEMOTION, pygame.MOUSEBUTTONDOWN, pygame.MOUSEBUTTONUP):
            self._handle_mouse(event, context)
        elif event.type == pygame.JOYDEVICEADDED:
            self._plug_in(event.device_index)
        elif event.type == pygame.JOYDEVICEREMOVED:
            self._tear_out(event.instance_id)
        elif event.type in _CONTROLLER_EVENTS | _JOYSTICK_EVENTS:
            return self._handle_pad(event, context)
        return None

    def repeat(self, elapsed: float, context: Context) -> Command | None:
        """The direction held in a menu, each time it is due to repeat; call it once a frame."""
        if self._repeating is None or context not in MENUS:
            self._repeating = None
            return None
        self._repeat_in -= elapsed
        if self._repeat_in > 0:
            return None
        self._repeat_in = REPEAT_EVERY
        return self._repeating[1]

    def hand(self, side: Side, people: Collection[Side]) -> Hand:
        """What the player on `side` is doing now; `people` are the sides that people play.

        A lone player has every device. Of two, the left has its keys and the first of several gamepads, the right its
        keys and the other gamepads, and neither has the mouse. The device used last steers. A tap of fire since the
        last call counts once, even if the button is up again.
        """
        if side not in people:
            return Hand()
        sources = self._sources(side, alone=len(people) == 1)
        steering = max(sources, key=lambda source: (source.steers, source.used))
        fire = any(source.fire or source.tapped for source in sources)
        for source in (*sources, self._mouse):  # a click while two play is no tap of the one who stays
            source.tapped = False
        return Hand(steering.move, fire, steering.pointer)

    def forget_click(self) -> None:
        """Lets the mouse's button not count as fire: something else took it."""
        self._mouse.fire = self._mouse.tapped = False

    def take_loss(self) -> bool:
        """Whether a gamepad that has steered was torn out since the last call."""
        lost, self._lost = self._lost, False
        return lost

    @property
    def rewinding(self) -> bool:
        """Whether rewind is held."""
        return Held.REWIND in self._held.values()

    def _sources(self, side: Side, *, alone: bool) -> list[_Source]:
        pads = [self._pads[instance] for instance in self._places if instance is not None]
        if alone:
            return [*self._keys, self._mouse, *pads]
        lefts = 1 if len(pads) > 1 else 0
        return [self._keys[side], *(pads[:lefts], pads[lefts:])[side]]

    def _use(self, source: _Source) -> None:
        """Marks it as used last; the mouse steers again once it moves."""
        self._uses += 1
        source.used = self._uses
        self._mouse.pointer = None

    def _press(self, switch: _Switch, asked: Input | None) -> Command | None:
        if isinstance(asked, Held):
            self._held[switch] = asked
            for source, (up, down, fire) in zip(self._keys, _PADDLE_INPUTS, strict=True):
                source.tapped = source.tapped or asked is fire
                if asked in (up, down):
                    self._use(source)
            self._settle_keys()
            return None
        if asked in _DIRECTIONS:
            self._repeating, self._repeat_in = (switch, asked), REPEAT_AFTER
        return asked

    def _release(self, switch: _Switch) -> None:
        self._held.pop(switch, None)
        self._settle_keys()
        if self._repeating is not None and self._repeating[0] == switch:
            self._repeating = None

    def _settle_keys(self) -> None:
        held = self._held.values()
        for source, (up, down, fire) in zip(self._keys, _PADDLE_INPUTS, strict=True):
            source.move = FULL_SPEED * ((down in held) - (up in held))
            source.fire = fire in held

    def _release_all(self) -> None:
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
        return self._press(switch, self._key_inputs[context].get(event.key))

    def _handle_mouse(self, event: pygame.Event, context: Context) -> None:
        """Steers only in play; in a menu the screen handles the mouse, because it knows what is drawn where."""
        playing = context is Context.PLAY
        if event.type == pygame.MOUSEMOTION:
            if playing:
                self._use(self._mouse)
                self._mouse.pointer = event.pos[1]
        elif event.button == pygame.BUTTON_LEFT:
            self._mouse.fire = playing and event.type == pygame.MOUSEBUTTONDOWN
            self._mouse.tapped = self._mouse.tapped or self._mouse.fire

    def _plug_in(self, index: int) -> None:
        """Opens a gamepad, or a plain joystick if SDL does not know its layout."""
        with suppress(pygame.error):  # It may be unplugged again by now.
            joystick = pygame.joystick.Joystick(index)
            device = controller.Controller.from_joystick(joystick) if controller.is_controller(index) else None
            instance = joystick.get_instance_id()
            self._pads[instance] = _Pad(joystick=joystick, device=device)
            if None in self._places:  # Most likely the one that was torn out: it stays with its player.
                self._places[self._places.index(None)] = instance
            elif instance not in self._places:
                self._places.append(instance)

    def _tear_out(self, instance: int) -> None:
        """Releases what was held on a gamepad that is gone: nobody can let go of it any more."""
        pad = self._pads.pop(instance, None)
        self._lost = self._lost or (pad is not None and pad.used > 0)
        self._places = [None if place == instance else place for place in self._places]
        for switch in [switch for switch in self._held if switch[0] == instance]:
            self._release(switch)
        if self._repeating is not None and self._repeating[0][0] == instance:
            self._repeating = None

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
                return None  # Its place on an unknown joystick is a guess.
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
        return self._press((instance, button), self._button_inputs[context].get(button))

    def _pull(self, instance: int, button: int) -> None:
        """A button was released."""
        pad = self._pads[instance]
        pad.down.discard(button)
        pad.settle()
        self._release((instance, button))

    def _tilt(self, instance: int, axis: int, value: float, context: Context) -> Command | None:
        """A stick moved along an axis, from -1 to 1: steers the paddle, and acts as a D-pad button in menus."""
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
        return self._press((instance, button), self._button_inputs[context].get(button))


def _percent(value: float) -> int:
    """A stick's position beyond its dead zone, in percent, from -100 to 100."""
    share = min(max((abs(value) - DEAD_ZONE) / (1 - DEAD_ZONE), 0.0), 1.0)
    return round(math.copysign(FULL_SPEED * share, value))
