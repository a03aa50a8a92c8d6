"""When Volley itself fails: the window goes on if it can, and if not, nothing is lost and one line says where it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NoReturn

import pygame
import pytest

from agents.pong import FRAMES_PER_SECOND
from app import settings, trouble
from app.command.main import main
from app.game import replay
from app.game.lineup import Lineup, Policy, Tracker
from app.game.session import Session
from app.game.snapshot import State
from app.hub import remote
from app.play.panels import saliency
from app.play.screen import MatchScreen
from app.screen import OpenLibrary
from app.settings import PanelName
from app.trouble import Guarded, reports_folder, told_last_time, write_report
from app.ui.bindings import Command
from app.ui.display import open_display
from app.window import Window
from models.errors import UserError

FRAME = 1 / FRAMES_PER_SECOND
TOKEN = "hf_" + "plantedtoken" * 3


@pytest.fixture(autouse=True)
def _nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    monkeypatch.setenv("SDL_AUDIODRIVER", "dummy")
    monkeypatch.setenv("VOLLEY_CONFIG", str(tmp_path / "config"))
    monkeypatch.setenv("VOLLEY_DATA", str(tmp_path / "data"))
    trouble._write.cache_clear()
    yield
    if pygame.display.get_init():
        pygame.event.clear()


@pytest.fixture
def opened() -> Iterator[Callable[..., Window]]:
    windows: list[Window] = []

    def one(session: Session | None = None) -> Window:
        windows.append(Window(open_display(), session))
        return windows[-1]

    yield one
    for window in windows:
        window.services.loader.shutdown()
        window._screen.close()
        window.services.display.close()


def fail(*_: Any, **__: Any) -> NoReturn:
    raise TypeError(f"cannot do that with {TOKEN}")


def reports() -> list[str]:
    return [path.read_text() for path in sorted(reports_folder().glob("*.txt"))]


def until(window: Window, reached: Callable[[], bool]) -> None:
    for _ in range(1000):
        window.frame(FRAME)
        if reached():
            return
        pygame.time.wait(5)
    pytest.fail("never")


# Reports


def test_a_report_tells_how_it_came_about_and_no_secret() -> None:
    try:
        fail()
    except TypeError as error:
        path = write_report(error)
    assert path is not None
    text = path.read_text()
    assert "Volley " in text.splitlines()[0]
    assert "in fail" in text
    assert "cannot do that with [secret]" in text
    assert TOKEN not in text
    address = write_report(ValueError("http://ada:hunter2@127.0.0.1:1 is no proxy"))
    assert address is not None
    assert "http://[secret]127.0.0.1:1" in address.read_text()


def test_what_cannot_be_reported_is_still_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("VOLLEY_DATA", str(tmp_path / "file"))
    assert trouble.in_a_line(KeyError("ball")) == "something went wrong in Volley (KeyError: 'ball')"
    assert str(trouble.crash(AssertionError(), "")) == "something went wrong in Volley (AssertionError)"
    assert told_last_time() == ""


def test_background_calls_fail_with_a_line_and_one_report() -> None:
    def refuse() -> NoReturn:
        raise UserError("no such model")

    with Guarded(ThreadPoolExecutor(1)) as executor:
        assert executor.submit(int, "7").result() == 7
        with pytest.raises(UserError, match=r"^no such model$"):
            executor.submit(refuse).result()
        for _ in range(3):
            with pytest.raises(UserError, match=r"something went wrong in Volley \(TypeError: cannot do that"):
                executor.submit(fail).result()
    assert len(reports()) == 1


# The window goes on


def test_a_failing_search_of_the_hub_is_a_note_in_the_list(
    opened: Callable[..., Window], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    monkeypatch.setattr(remote, "search", fail)
    window = opened()
    window._act(OpenLibrary())
    until(window, lambda: "something went wrong" in window.services.library.hub_status)
    window._act(window._screen.command(Command.BACK))
    window.frame(FRAME)
    assert len(reports()) == 1


@pytest.mark.parametrize("panel", [PanelName.SALIENCY, PanelName.CREDIT])
def test_a_failing_panel_shows_nothing_new_and_the_match_goes_on(
    panel: PanelName, opened: Callable[..., Window], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(saliency, "_map_over_court", fail)
    monkeypatch.setattr("app.play.panels.credit.weigh", fail)
    window = opened(Session(Lineup(Tracker(), Policy("ppo")), seed=1))
    window.services.keep(settings.Settings(panels_watching=frozenset({panel})))
    screen = window._screen
    assert isinstance(screen, MatchScreen)
    match = screen._session.match
    until(window, lambda: match.state is State.PLAYING)
    while sum(match.score) < 2:
        match.advance()
    until(window, lambda: bool(reports()))
    before = match.frames
    for _ in range(30):
        window.frame(FRAME)
    assert match.frames > before
    assert len(reports()) == 1


# The window has to end


@pytest.fixture
def failing_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Drawing a match fails after 3 seconds of it."""
    draw = MatchScreen._draw

    def failing(screen: MatchScreen, *arguments: Any) -> None:
        if screen._session.match.frames >= 180:
            fail()
        draw(screen, *arguments)

    monkeypatch.setattr(MatchScreen, "_draw", failing)
    monkeypatch.setattr("app.window.Pacer.wait", lambda _pacer: FRAME)


@pytest.mark.usefixtures("failing_soon")
def test_a_crash_keeps_the_match_and_the_next_start_says_where(
    opened: Callable[..., Window], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["watch", "ppo", "--versus", "tracker"]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("volley: something went wrong in Volley (TypeError: cannot do that with [secret]); a report")
    (kept,) = settings.replays_folder().iterdir()
    assert f"replay saved: {kept}" in line
    assert len(replay.load(kept).controls()) >= 180
    (report,) = reports()
    assert "in failing" in report
    assert TOKEN not in line + report
    toast = opened().services.toast
    assert toast.text == f"last time: {line.removeprefix('volley: ')}"
    assert opened().services.toast.text == ""


@pytest.mark.usefixtures("failing_soon")
def test_a_crash_in_a_crash_is_still_a_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Session, "replay", fail)
    assert main(["watch", "ppo", "--versus", "tracker"]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "replay" not in line
    assert not settings.replays_folder().exists()
