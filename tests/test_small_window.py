"""Windows smaller than they may be, as tiling window managers make them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pygame
import pytest

from agents.pong import FRAMES_PER_SECOND
from app.game.lineup import Lineup, Person, Tracker
from app.game.session import Session
from app.game.snapshot import State
from app.play.screen import MatchScreen
from app.screen import OpenLibrary, OpenMenu
from app.ui import theme
from app.ui.bindings import Command
from app.ui.display import Display, open_display
from app.window import Window

FRAME = 1 / FRAMES_PER_SECOND
SIZES = [(1280, 380), (600, 380), (1200, 80), (100, 80), (80, 900), (1, 1)]


@pytest.fixture
def window(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Window]:
    for name, value in (("SDL_VIDEODRIVER", "dummy"), ("SDL_AUDIODRIVER", "dummy"), ("HF_HUB_OFFLINE", "1")):
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("VOLLEY_CONFIG", str(tmp_path / "config"))
    monkeypatch.setenv("VOLLEY_DATA", str(tmp_path / "data"))
    one = Window(open_display(), Session(Lineup(Tracker(), Person()), seed=1))
    yield one
    one.services.loader.shutdown()
    one._screen.close()
    one.services.display.close()
    pygame.event.clear()


def resize(display: Display, size: tuple[int, int]) -> pygame.Surface:
    """Returns what is on the desktop."""
    display._window.minimum_size = (1, 1)
    display._window.size = size
    shown = display._window.get_surface()
    assert shown.size == size
    return shown


@pytest.mark.parametrize("size", SIZES)
def test_every_screen_is_shown_in_it(window: Window, size: tuple[int, int]) -> None:
    shown = resize(window.services.display, size)
    screen = window._screen
    assert isinstance(screen, MatchScreen)
    for _ in range(1000):
        window.frame(FRAME)
        if screen._session.match.state is State.PLAYING:
            break
        pygame.time.wait(5)
    points = 21 if size == (600, 380) else 2  # the end screen, once
    while max(screen._session.match.score) < points:
        screen._session.match.advance()
    window.frame(FRAME)
    screen.command(Command.REVIEW)
    window.frame(FRAME)
    for request in (OpenMenu(), OpenLibrary()):
        window._act(request)
        window._do(Command.HELP)
        window.frame(FRAME)
        window._do(Command.HELP)
        window.frame(FRAME)
    if size != (1, 1):
        assert np.ptp(pygame.surfarray.array3d(shown)) > 50, "there is something to see"


@pytest.mark.parametrize("size", SIZES[:5])
def test_the_mouse_points_at_what_is_under_it(window: Window, size: tuple[int, int]) -> None:
    display = window.services.display
    shown = resize(display, size)
    drawn = display.surface
    assert drawn.width >= theme.MIN_SIZE[0]
    assert drawn.height >= theme.MIN_SIZE[1]
    mark = pygame.Rect(0, 0, drawn.width // 4, drawn.height // 4).move_to(center=(drawn.width // 3, drawn.height // 2))
    drawn.fill("black")
    drawn.fill("white", mark)
    display.flip()
    lit = pygame.surfarray.array3d(shown)[..., 0] > 200
    columns, rows = np.nonzero(lit)
    middle = round(float(columns.mean())), round(float(rows.mean()))
    column, row = display.in_pixels(middle)
    assert abs(column - mark.centerx) < 0.05 * drawn.width
    assert abs(row - mark.centery) < 0.05 * drawn.height


def test_where_there_is_room_nothing_is_scaled(window: Window) -> None:
    display = window.services.display
    shown = resize(display, theme.MIN_SIZE)
    assert display.surface is shown
    assert display.in_pixels((123, 456)) == (123, 456)
