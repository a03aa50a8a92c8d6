"""The window: a loop that hands events to the screen that is open, and lets it draw."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from functools import cached_property
from pathlib import Path
from typing import Protocol, runtime_checkable

import pygame
from msgspec.structs import replace

from agents.pong import FRAMES_PER_SECOND
from app import settings
from app.errands import Errands
from app.follow.trainer import Trainer
from app.game.lineup import Lineup, Policy, Rom
from app.game.match import Snapshot
from app.game.session import Session, new_seed
from app.hub.library import Library
from app.hub.publishing import Publishing, outcome_of
from app.library.screen import LibraryScreen
from app.menu.model import Train
from app.menu.screen import MenuScreen
from app.play import keep as keepsakes
from app.play.scene import LEAST_SIZE
from app.play.screen import MatchScreen
from app.publish.screen import PublishingScreen
from app.ui import bindings as controls
from app.ui import help_page, theme, widgets
from app.ui.bindings import Binding, Command, Context, Devices
from app.ui.pacing import Pacer
from app.ui.sound import Speaker
from models.errors import UserError

TITLE = "Volley"
_UNSEEN_DRIVERS = frozenset({"dummy", "evdev", "offscreen"})
"""SDL's video drivers that draw where nobody can see it; SDL may fall back to one."""
_VOLUME_STEP = 10
THINKER_NICENESS = 10


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
            size = min(theme.DESIGN_SIZE[0], desktop[0]), min(theme.DESIGN_SIZE[1], desktop[1])
            display = pygame.Window(TITLE, size, resizable=True, allow_high_dpi=True)
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


def _yield_to_the_loop() -> None:
    """Lets the loop's thread go first where both want the processor; only Linux has priorities of threads."""
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), THINKER_NICENESS)


class Screen(Protocol):
    """What fills the window: the menu, or a match."""

    @property
    def context(self) -> Context:
        """What keys mean here, now."""
        ...

    def command(self, command: Command) -> None:
        """Does what was asked for, where that means something here."""
        ...

    def mouse(self, event: pygame.Event, position: tuple[int, int]) -> None:
        """The mouse was moved or pressed, at this place on the surface."""
        ...

    def lose_focus(self) -> None:
        """Another window is in front."""
        ...

    def frame(self, surface: pygame.Surface, elapsed: float) -> None:
        """Goes on for `elapsed` seconds, and draws itself."""
        ...

    def close(self) -> None:
        """Another screen comes, or the window goes."""
        ...


@runtime_checkable
class TypingScreen(Protocol):
    """One on which texts are typed, while its context says so."""

    def type(self, event: pygame.Event) -> bool:
        """Takes in what is typed; whether it was text, and no command."""
        ...


class Window:
    """The menu, and the matches that it leads to; or `session` at once.

    `record` is told of every frame of the session shown, and the seconds since the one before. A session with a number
    of games closes the window after the last.
    """

    def __init__(
        self,
        display: pygame.Window,
        session: Session | None = None,
        *,
        record: Callable[[Snapshot, float], None] | None = None,
    ) -> None:
        self.closed = False
        self.settings, warning = settings.load()
        self.table: tuple[Binding, ...]
        self.table, clashes = controls.bindings(self.settings.keys)
        self.devices = Devices(self.table)
        self.speaker = Speaker()
        self.toast = widgets.Toast()
        self.loader: Executor = ThreadPoolExecutor(1, "loading")
        self.thinker: Executor = ThreadPoolExecutor(2, "thinking", initializer=_yield_to_the_loop)
        """For what panels work out of a network: one for what is seen at each moment, one for what takes longer."""
        self.errands: Executor = Errands()
        """For what only asks the Hub."""
        self.porter: Executor = ThreadPoolExecutor(4, "porting")
        """For what moves files from the Hub and to it: who closes the window waits until none is half there."""
        self.trainer = Trainer(self.loader)
        self._uploads: list[Future[str]] = []
        """Those whose page was left."""
        self._typing = False
        self._display = display
        self._full_screen = False
        self._help_open = False
        self._screen: Screen
        if session is None:
            self._screen = MenuScreen(self)
        else:
            self._screen = MatchScreen(self, session, record=record, asked_for=True)
        for notice in (warning, *clashes):
            if notice:
                self.toast.show(notice)

    def run(self) -> None:
        """Shows frames at the emulator's own rate until the window is closed, and takes it down.

        Raises what loading the players of the first session raised. A window that is closed while something is loaded
        disappears at once, though this returns only when that has ended.
        """
        with self.loader, self.thinker, self.porter, ExitStack() as last:
            last.callback(self._end_uploads)
            last.callback(self._end_training)
            last.callback(self._display.destroy)
            last.callback(self.speaker.close)
            last.callback(self._end_library)
            last.callback(self._close_screen)
            self.frame(0.0)
            with _silent_libraries():
                self.speaker.open()
            self._apply_settings()
            pacer = Pacer(FRAMES_PER_SECOND)
            while not self.closed:
                self.frame(pacer.wait())

    def frame(self, elapsed: float) -> None:
        """One turn of the loop, `elapsed` seconds after the last."""
        for event in pygame.event.get():
            self._handle(event)
        if (repeated := self.devices.repeat(elapsed, self._screen.context)) is not None:
            self._screen.command(repeated)
        self._listen()
        for said in (self.trainer.update(elapsed), self._hear(elapsed)):
            if said:
                self.toast.show(said)
        surface = self._display.get_surface()
        self._screen.frame(surface, elapsed)
        self._draw_over(surface, elapsed)
        self._display.flip()

    @cached_property
    def library(self) -> Library:
        """The models, here and on the Hub; looked at once it is asked for."""
        return Library(self.errands, self.porter)

    @property
    def size(self) -> tuple[int, int]:
        """Of the surface, in pixels."""
        return self._display.get_surface().size

    def in_pixels(self, position: tuple[int, int]) -> tuple[int, int]:
        """A place in the window in pixels of its surface, which are finer on some displays."""
        (width, height), surface = self._display.size, self._display.get_surface()
        return position[0] * surface.width // width, position[1] * surface.height // height

    def open_menu(self) -> None:
        """Leaves what is open."""
        self._change_screen(MenuScreen(self))

    def open_library(self, at: str = "") -> None:
        """Shows the models, the one called `at` in focus."""
        self._change_screen(LibraryScreen(self, at))

    def publish(self, run: Path) -> None:
        """Prepares a training for the Hub, shows what would be uploaded, and asks."""
        self._change_screen(PublishingScreen(self, Publishing(run, self.errands, self.porter)))

    def expect(self, upload: Future[str]) -> None:
        """Says what came of an upload whose page is left."""
        self._uploads.append(upload)

    def play(self, lineup: Lineup) -> None:
        """Begins a match, and remembers who plays."""
        self.keep(replace(self.settings, last=lineup))
        self._change_screen(MatchScreen(self, Session(lineup, seed=new_seed(), sound=True)))

    def keep(self, new: settings.Settings) -> None:
        """Makes these the settings, now and next time."""
        if new == self.settings:
            return
        self.settings = new
        self._apply_settings()
        if (problem := settings.save(new)) is not None:
            self.toast.show(problem)

    def train(self, wanted: Train) -> None:
        """Starts a training beside the window."""
        try:
            self.trainer.begin(wanted)
        except UserError as error:
            self.toast.show(str(error))

    def follow(self, run: Path) -> None:
        """Shows how the newest policy of a training plays."""
        session = Session(Lineup(Rom(), Policy(str(run))), seed=new_seed(), follow=run, sound=True)
        self._change_screen(MatchScreen(self, session))

    def _end_training(self) -> None:
        """The window is gone by now: what there is to say is said where it was started from."""
        if self.trainer.now is not None:
            print("saving the training …", file=sys.stderr, flush=True)  # noqa: T201
            print(self.trainer.close(), file=sys.stderr)  # noqa: T201

    def _end_library(self) -> None:
        """Ends a download, so that nothing of it is left."""
        if "library" in self.__dict__:
            self.library.close()

    def _end_uploads(self) -> None:
        """The window is gone by now, and what was being uploaded will be there whole or not at all."""
        if self._uploads:
            print("uploading …", file=sys.stderr, flush=True)  # noqa: T201
        for upload in self._uploads:
            print(outcome_of(upload), file=sys.stderr)  # noqa: T201

    def _hear(self, elapsed: float) -> str:
        """What is new of downloads and uploads; empty where nothing is."""
        said = self.library.update(elapsed) if "library" in self.__dict__ else ""
        for upload in [upload for upload in self._uploads if upload.done()]:
            self._uploads.remove(upload)
            said = outcome_of(upload)
        return said

    def _listen(self) -> None:
        """Lets the desktop tell which text is meant, as soon as one types."""
        before, self._typing = self._typing, self._screen.context is Context.TYPING
        if self._typing and not before:
            pygame.key.start_text_input()

    def _change_screen(self, screen: Screen) -> None:
        self._close_screen()
        self._screen = screen

    def _close_screen(self) -> None:
        self._screen.close()

    def _handle(self, event: pygame.Event) -> None:
        context = self._screen.context
        typing = context is Context.TYPING and not self._help_open
        if typing and isinstance(self._screen, TypingScreen) and self._screen.type(event):
            return
        command = self.devices.handle(event, context)
        if command is not None:
            self._apply(command)
        elif event.type in (pygame.MOUSEMOTION, pygame.MOUSEBUTTONDOWN) and not self._help_open:
            self._screen.mouse(event, self.in_pixels(event.pos))
        elif event.type == pygame.WINDOWFOCUSLOST:
            self._screen.lose_focus()

    def _apply(self, command: Command) -> None:
        """Does what means the same on every screen; leaves all else to the one that is open."""
        match command:
            case Command.QUIT:
                self.closed = True
            case Command.HELP:
                self._help_open = not self._help_open
            case Command.BACK if self._help_open:
                self._help_open = False
            case Command.SCREENSHOT:
                self.toast.show(keepsakes.save_screenshot(self._display.get_surface()))
            case Command.MUTE:
                self.keep(replace(self.settings, muted=not self.settings.muted))
                self.toast.show("sound off" if self.settings.muted else "sound on")
            case Command.LOUDER | Command.QUIETER:
                volume = self.settings.volume + (_VOLUME_STEP if command is Command.LOUDER else -_VOLUME_STEP)
                self.keep(replace(self.settings, volume=min(max(volume, 0), 100), muted=False))
                self.toast.show(f"volume {self.settings.volume}")
            case Command.WHOLE_PIXELS:
                self.keep(replace(self.settings, whole_pixels=not self.settings.whole_pixels))
            case Command.FULL_SCREEN:
                self.keep(replace(self.settings, full_screen=not self.settings.full_screen))
            case _:
                self._screen.command(command)

    def _apply_settings(self) -> None:
        self.speaker.volume, self.speaker.muted = self.settings.volume, self.settings.muted
        if self.settings.full_screen != self._full_screen:
            self._full_screen = self.settings.full_screen
            if self._full_screen:
                self._display.set_fullscreen(desktop=True)
            else:
                self._display.set_windowed()

    def _draw_over(self, surface: pygame.Surface, elapsed: float) -> None:
        """What lies over every screen: the help page, and the last message."""
        if self._help_open:
            help_page.draw(surface, controls.pages(self.table, self._screen.context))
        self.toast.update(elapsed)
        scale = theme.scale_of(surface.size)
        # Over the line of hints, which can be missed for a moment.
        widgets.draw_toast(surface, (surface.width // 2, surface.height - round(22 * scale)), scale, self.toast)
