"""The window: a loop that hands events to the open screen, lets it draw, and acts on what it asks for."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import pygame
from msgspec.structs import replace

from agents.pong import FRAMES_PER_SECOND
from app import trouble
from app.game.lineup import Lineup, Policy, Rom
from app.game.session import Session, new_seed
from app.game.snapshot import Snapshot
from app.hub.publishing import Publishing
from app.learn.screen import LearnScreen
from app.library.screen import LibraryScreen
from app.menu.model import Mode
from app.menu.screen import MenuScreen
from app.play import keep
from app.play.screen import MatchScreen
from app.publish.screen import PublishingScreen
from app.screen import (
    Follow,
    OpenLessons,
    OpenLibrary,
    OpenMenu,
    Publish,
    Quit,
    Request,
    RescuableScreen,
    Screen,
    Start,
    TypingScreen,
)
from app.services import Services
from app.ui import bindings, help_page, theme, widgets
from app.ui.bindings import Command, Context
from app.ui.display import Display, silent_libraries
from app.ui.pacing import Pacer
from models.errors import UserError
from models.interruption import interruption

_VOLUME_STEP = 10
_LONGEST_FRAME = 1.0
"""Seconds. A clock may be set back, and a computer may sleep between two frames."""


class Window:
    """Opens on the menu, or on `session` at once.

    `record` gets every frame of that session with the seconds since the one before, until it raises an `OSError`. A
    session with a number of games closes the window after the last.
    """

    def __init__(
        self,
        display: Display,
        session: Session | None = None,
        *,
        record: Callable[[Snapshot, float], None] | None = None,
    ) -> None:
        self.closed = False
        self.services = Services(display)
        self._help_open = False
        self._typing = False
        self._key_is_text = True
        """Whether the key that is held, if one is, went to a field: no command's key is typed as well."""
        self._mode: Mode | None = None
        """The menu's, when it was left; None if it has not been open."""
        self._screen: Screen
        if session is None:
            self._screen = MenuScreen(self.services)
        else:
            self._screen = MatchScreen(self.services, session, record=record, only=True)

    def run(self) -> None:
        """Shows frames at the emulator's own rate until the window is closed, then takes it down.

        Raises what loading the first session's players raised, and `Crash` if Volley itself fails; then the match is
        kept. A window that is closed during loading disappears at once, though this returns only when the loading has
        ended. Ctrl-C and a kill close it in the same way, and then raise `KeyboardInterrupt`.
        """
        with self.services, interruption() as interrupted:
            try:
                self.frame(0.0)
                with silent_libraries():
                    self.services.speaker.open()
                self.services.apply_settings()
                pacer = Pacer(FRAMES_PER_SECOND)
                while not (self.closed or interrupted()):
                    self.frame(pacer.wait())
            except UserError:
                raise
            except Exception as error:
                raise trouble.crash(error, self._rescued()) from error
            finally:
                self._screen.close()
        if interrupted():
            raise KeyboardInterrupt

    def _rescued(self) -> str:
        """What is kept of the open screen, in a line."""
        with suppress(Exception):  # The failure may be there.
            return self._screen.rescue() if isinstance(self._screen, RescuableScreen) else ""
        return ""

    def frame(self, elapsed: float) -> None:
        """One turn of the loop, `elapsed` seconds after the last."""
        elapsed = min(max(elapsed, 0.0), _LONGEST_FRAME)
        services, display = self.services, self.services.display
        for event in pygame.event.get():
            self._handle(event)
        if services.devices.take_loss():
            self._screen.lose_focus()
            services.toast.show("gamepad unplugged: plug it back in, or use the keyboard or mouse")
        if (repeated := services.devices.repeat(elapsed, self._context)) is not None:
            self._act(self._screen.command(repeated))
        self._start_typing()
        services.update(elapsed)
        # Time stands still behind the help page, which covers the court.
        self._act(self._screen.frame(display.surface, 0.0 if self._help_open else elapsed))
        self._draw_over(display.surface, elapsed)
        display.flip()
        services.frame_shown()

    def _act(self, request: Request | None) -> None:
        """Does what a screen asks for; only here does one screen follow another."""
        services = self.services
        match request:
            case Start(lineup, back):
                services.keep(replace(services.settings, last=lineup))
                self._open(MatchScreen(services, Session(lineup, seed=new_seed(), sound=True), back=back))
            case Follow(run, back):
                lineup = Lineup(Rom(), Policy(str(run)))
                session = Session(lineup, seed=new_seed(), follow=run, sound=True)
                self._open(MatchScreen(services, session, back=back))
            case Publish(run):
                self._open(PublishingScreen(services, Publishing(run, services.questions, services.transfers)))
            case OpenMenu():
                self._open(MenuScreen(services, self._mode))
            case OpenLibrary(model):
                self._open(LibraryScreen(services, model))
            case OpenLessons(lesson):
                self._open_lessons(lesson)
            case Quit():
                self.closed = True

    @property
    def _context(self) -> Context:
        """What keys mean now."""
        return Context.HELP if self._help_open else self._screen.context

    def _open_lessons(self, lesson: str) -> None:
        try:
            self._open(LearnScreen(self.services, lesson))
        except UserError as error:
            self.services.toast.show(str(error))

    def _open(self, screen: Screen) -> None:
        self._screen.close()
        if isinstance(self._screen, MenuScreen):
            self._mode = self._screen.mode
        self._screen = screen

    def _handle(self, event: pygame.Event) -> None:
        context = self._context
        if event.type == pygame.KEYDOWN:
            self._key_is_text = context is Context.TYPING
        elif event.type == pygame.KEYUP:
            self._key_is_text = True
        elif event.type == pygame.TEXTINPUT and not self._key_is_text:
            return
        if context is Context.TYPING and isinstance(self._screen, TypingScreen) and self._screen.type(event):
            return
        command = self.services.devices.handle(event, context)
        if command is not None:
            self._do(command)
        elif event.type in (pygame.MOUSEMOTION, pygame.MOUSEBUTTONDOWN) and not self._help_open:
            self._act(self._screen.mouse(event, self.services.display.in_pixels(event.pos)))
        elif event.type == pygame.WINDOWFOCUSLOST:
            self._screen.lose_focus()

    def _do(self, command: Command) -> None:
        """Does what means the same on every screen; leaves the rest to the open one."""
        services, now = self.services, self.services.settings
        match command:
            case Command.QUIT:
                self.closed = True
            case Command.HELP:
                self._help_open = not self._help_open
                self._screen.lose_focus()
            case Command.BACK if self._help_open:
                self._help_open = False
            case Command.SCREENSHOT:
                services.toast.show(keep.save_screenshot(services.display.surface))
            case Command.MUTE:
                services.toast.show("sound on" if now.muted else "sound off")
                services.keep(replace(now, muted=not now.muted))
            case Command.LOUDER | Command.QUIETER:
                step = _VOLUME_STEP if command is Command.LOUDER else -_VOLUME_STEP
                volume = min(max(now.volume + step, 0), 100)
                services.toast.show(f"volume {volume}")
                services.keep(replace(now, volume=volume, muted=False))
            case Command.WHOLE_PIXELS:
                services.keep(replace(now, whole_pixels=not now.whole_pixels))
            case Command.FULL_SCREEN:
                services.keep(replace(now, full_screen=not now.full_screen))
            case _:
                self._act(self._screen.command(command))

    def _start_typing(self) -> None:
        """Tells the desktop when typing begins, so that it sends text and not keys alone."""
        before, self._typing = self._typing, self._screen.context is Context.TYPING
        if self._typing and not before:
            pygame.key.start_text_input()

    def _draw_over(self, surface: pygame.Surface, elapsed: float) -> None:
        """Draws what lies over every screen: the help page, and the last message."""
        services = self.services
        if self._help_open:
            help_page.draw(surface, bindings.pages(services.bindings, self._screen.context))
        services.toast.update(elapsed)
        scale = theme.scale_of(surface.size)
        # Over the line of hints, which can be missed for a moment.
        widgets.draw_toast(surface, (surface.width // 2, surface.height - round(22 * scale)), scale, services.toast)
