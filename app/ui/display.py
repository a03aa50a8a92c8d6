"""The window on the desktop: its surface, its size in pixels, full screen."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import pygame

from app.ui import theme
from models.errors import UserError

TITLE = "Volley"
_UNSEEN_DRIVERS = frozenset({"dummy", "evdev", "offscreen"})
"""SDL's video drivers that draw where nobody can see it; SDL may fall back to one."""


class Display:
    """A desktop window to draw on."""

    def __init__(self, window: pygame.Window) -> None:
        self._window = window
        self._full_screen = False

    @property
    def surface(self) -> pygame.Surface:
        """What the next `flip` shows."""
        return self._window.get_surface()

    @property
    def size(self) -> tuple[int, int]:
        """The surface's, in pixels."""
        return self.surface.size

    def in_pixels(self, position: tuple[int, int]) -> tuple[int, int]:
        """A mouse position in pixels of the surface, which are finer than the window's units on some desktops."""
        (width, height), surface = self._window.size, self.surface
        return position[0] * surface.width // width, position[1] * surface.height // height

    def flip(self) -> None:
        """Shows what was drawn."""
        self._window.flip()

    def set_full_screen(self, *, full_screen: bool) -> None:
        """Fills the desktop, or returns to a window."""
        if full_screen == self._full_screen:
            return
        self._full_screen = full_screen
        if full_screen:
            self._window.set_fullscreen(desktop=True)
        else:
            self._window.set_windowed()

    def close(self) -> None:
        """Takes the window off the desktop."""
        self._window.destroy()


def open_display() -> Display:
    """A window of the design's size, or as large as the desktop allows; `UserError` without a display."""
    try:
        with silent_libraries():
            pygame.display.init()
        if pygame.display.get_driver() not in _UNSEEN_DRIVERS or "SDL_VIDEODRIVER" in os.environ:
            if pygame.display.get_driver() == "x11":
                # Drawing is done in memory: where OpenGL is emulated, uploading each picture to it costs 7 ms.
                os.environ.setdefault("SDL_FRAMEBUFFER_ACCELERATION", "0")
            desktop = pygame.display.get_desktop_sizes()[0]
            size = min(theme.DESIGN_SIZE[0], desktop[0]), min(theme.DESIGN_SIZE[1], desktop[1])
            window = pygame.Window(TITLE, size, resizable=True, allow_high_dpi=True)
            window.minimum_size = theme.MIN_SIZE
            return Display(window)
    except pygame.error:
        pass
    raise UserError("no display to open a window on; without one, run: volley watch --headless")


@contextmanager
def silent_libraries() -> Iterator[None]:
    """Discards what C libraries write to standard error: some complain about devices that SDL only probes."""
    stderr = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(stderr, 2)
        os.close(stderr)
        os.close(nowhere)
