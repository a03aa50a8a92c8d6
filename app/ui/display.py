"""The window on the desktop: its surface, its size in pixels, full screen."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import pygame

from app.ui import theme
from models.errors import UserError

TITLE = "Volley"
_MOST_TIMES = 3
"""A strip of a window is not filled: what is drawn is at most so many times `MIN_SIZE`."""
_UNSEEN_DRIVERS = frozenset({"dummy", "evdev", "offscreen"})
"""SDL's video drivers that draw where nobody can see it; SDL may fall back to one."""


class Display:
    """A desktop window to draw on.

    Some desktops make windows smaller than they may be. Then all is drawn as large as it must be, and shown smaller.
    """

    def __init__(self, window: pygame.Window) -> None:
        self._window = window
        self._full_screen = False
        self._canvas = pygame.Surface((1, 1), depth=32)
        """What is drawn on where the window is too small."""

    @property
    def surface(self) -> pygame.Surface:
        """What the next `flip` shows, at least of `MIN_SIZE`."""
        surface = self._window.get_surface()
        if (shrinkage := _shrinkage(surface.size)) == 1:
            return surface
        width, height = (round(length / shrinkage) for length in surface.size)
        size = min(width, _MOST_TIMES * theme.MIN_SIZE[0]), min(height, _MOST_TIMES * theme.MIN_SIZE[1])
        if self._canvas.size != size:
            self._canvas = pygame.Surface(size, depth=32)
        return self._canvas

    @property
    def size(self) -> tuple[int, int]:
        """The surface's, in pixels."""
        return self.surface.size

    def in_pixels(self, position: tuple[int, int]) -> tuple[int, int]:
        """A mouse position in pixels of the surface, which are finer than the window's units on some desktops."""
        (width, height), shown = self._window.size, self._window.get_surface()
        shrinkage, place = _shrinkage(shown.size), self._place()
        column, row = position[0] * shown.width // width, position[1] * shown.height // height
        return int((column - place.left) / shrinkage), int((row - place.top) / shrinkage)

    def flip(self) -> None:
        """Shows what was drawn."""
        drawn, shown = self.surface, self._window.get_surface()
        if drawn is not shown:
            place = self._place()
            shown.fill(theme.BACKGROUND)
            shown.blit(pygame.transform.smoothscale(drawn, place.size), place)
        self._window.flip()

    def _place(self) -> pygame.Rect:
        """Where in the window it is shown."""
        whole = self._window.get_surface().get_rect()
        shrinkage = _shrinkage(whole.size)
        width, height = self.surface.size
        return pygame.Rect(0, 0, max(round(width * shrinkage), 1), max(round(height * shrinkage), 1)).move_to(
            center=whole.center
        )

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


def _shrinkage(size: tuple[int, int]) -> float:
    """How much smaller than it is drawn all must be shown in a window of that size; 1 if there is room."""
    return min(1.0, size[0] / theme.MIN_SIZE[0], size[1] / theme.MIN_SIZE[1])


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
