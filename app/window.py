"""The window: a loop that turns events into commands, lets the match go on, and draws it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pygame

from agents.pong import FRAMES_PER_SECOND
from app import controls
from app.controls import Command
from app.match import Match, Player, Snapshot, State
from app.pacing import Pacer
from app.scenes.watch import DESIGN_SIZE, LEAST_SIZE, WatchScene
from models.errors import UserError

TITLE = "Volley"
_UNSEEN_DRIVERS = frozenset({"dummy", "evdev", "offscreen"})
"""SDL's video drivers that draw where nobody can see it; SDL may fall back to one."""


def open_display() -> pygame.Window:
    """A window of the design's size, or as large as the desktop allows; `UserError` where there is no display."""
    try:
        with _silent_libraries():
            pygame.display.init()
        if pygame.display.get_driver() not in _UNSEEN_DRIVERS or "SDL_VIDEODRIVER" in os.environ:
            if pygame.display.get_driver() == "x11":
                # Through OpenGL, a picture made in memory costs 7 ms where the processor has to stand in for the card.
                os.environ.setdefault("SDL_FRAMEBUFFER_ACCELERATION", "0")
            desktop = pygame.display.get_desktop_sizes()[0]
            size = min(DESIGN_SIZE[0], desktop[0]), min(DESIGN_SIZE[1], desktop[1])
            display = pygame.Window(TITLE, size, resizable=True)
            display.minimum_size = LEAST_SIZE
            return display
    except pygame.error:
        pass
    raise UserError("no display to open a window on; without one, run: volley watch --headless")


@contextmanager
def _silent_libraries() -> Iterator[None]:
    """Sends what C libraries write to standard error nowhere: some complain about a display that SDL only tries."""
    stderr = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(stderr, 2)
        os.close(stderr)
        os.close(nowhere)


class WatchWindow:
    """Shows a match until it is closed or the match is finished.

    `record` is told of every frame shown, and the seconds since the one before.
    """

    def __init__(
        self,
        display: pygame.Window,
        match: Match,
        record: Callable[[Snapshot, float], None] | None = None,
    ) -> None:
        self.closed = False
        self.match = match
        self._display = display
        self._record = record
        self._scene = WatchScene()
        self._full_screen = False

    def run(self, load: Callable[[], Player]) -> None:
        """Shows frames at the emulator's own rate, while `load` fetches the player; takes the window down.

        Raises what `load` raises. A window that is closed during loading disappears at once, though this returns only
        when `load` has.
        """
        with ThreadPoolExecutor(1, "loading") as loader:
            try:
                self.frame(0.0)
                loading = loader.submit(load)
                pacer = Pacer(FRAMES_PER_SECOND)
                while not self.closed and not self.match.finished:
                    if self.match.state is State.WAITING and loading.done():
                        self.match.seat(loading.result())
                    self.frame(pacer.wait())
            finally:
                self._display.destroy()

    def frame(self, elapsed: float) -> None:
        """One turn of the loop, `elapsed` seconds after the last."""
        for command in controls.commands(pygame.event.get()):
            self._apply(command)
        self.match.update(elapsed)
        now = self.match.snapshot()
        self._scene.update(now, elapsed)
        self._scene.draw(self._display.get_surface(), now)
        self._display.flip()
        if self._record is not None:
            self._record(now, elapsed)

    def _apply(self, command: Command) -> None:
        match command:
            case Command.PAUSE:
                self.match.toggle_pause()
            case Command.STEP:
                self.match.step_decision()
            case Command.FASTER:
                self.match.change_speed(+1)
            case Command.SLOWER:
                self.match.change_speed(-1)
            case Command.GREEDY:
                self.match.toggle_greedy()
            case Command.HELP:
                self._scene.help_open = not self._scene.help_open
            case Command.FULL_SCREEN:
                self._toggle_full_screen()
            case Command.BACK:
                self.closed = not self._scene.help_open
                self._scene.help_open = False
            case Command.QUIT:
                self.closed = True

    def _toggle_full_screen(self) -> None:
        self._full_screen = not self._full_screen
        if self._full_screen:
            self._display.set_fullscreen(desktop=True)
        else:
            self._display.set_windowed()
