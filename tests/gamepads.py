"""Gamepads that a test plugs in and tears out: SDL's own virtual ones.

A test module takes the fixture by `sdl = gamepads.sdl`.
"""

from __future__ import annotations

import ctypes
import platform
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pygame
import pytest
from pygame._sdl2 import controller


class VirtualPad:
    """A gamepad that a test plugs in, and whose buttons it presses."""

    GAMEPAD, UNKNOWN = 1, 0

    def __init__(self, sdl: Any, *, kind: int = GAMEPAD, axes: int = 6, buttons: int = 21) -> None:
        self._sdl = sdl
        place = sdl.SDL_JoystickAttachVirtual(kind, axes, buttons, 1)
        assert place >= 0
        self._handle = ctypes.c_void_p(sdl.SDL_JoystickOpen(place))
        self.instance = sdl.SDL_JoystickInstanceID(self._handle)

    def tilt(self, axis: int, share: float) -> None:
        self._sdl.SDL_JoystickSetVirtualAxis(self._handle, axis, round(share * 32_767))

    def press(self, button: int, *, down: bool = True) -> None:
        self._sdl.SDL_JoystickSetVirtualButton(self._handle, button, int(down))

    def hat(self, value: int) -> None:
        self._sdl.SDL_JoystickSetVirtualHat(self._handle, 0, value)

    def unplug(self) -> None:
        places = range(self._sdl.SDL_NumJoysticks())
        here = [place for place in places if self._sdl.SDL_JoystickGetDeviceInstanceID(place) == self.instance]
        self._sdl.SDL_JoystickDetachVirtual(*here)


@pytest.fixture
def sdl() -> Iterator[Any]:
    """SDL itself, as pygame-ce has loaded it; no gamepad is left afterwards."""
    found = sorted((Path(pygame.__file__).parents[1] / "pygame_ce.libs").glob("libSDL2-2*.so*"))
    if platform.system() != "Linux" or not found:
        pytest.skip("the tests know where pygame-ce keeps SDL on Linux only")
    library = ctypes.CDLL(str(found[0]))
    library.SDL_JoystickOpen.restype = ctypes.c_void_p
    yield library
    while library.SDL_NumJoysticks():
        library.SDL_JoystickDetachVirtual(0)
    controller.quit()
    pygame.joystick.quit()
