"""Publishing from the window: a script stands for `volley publish`, and a fake for the Hub."""

from __future__ import annotations

import itertools
import json
import os
import shutil
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pygame
import pytest

import models.hub
from app.hub import preparation
from app.hub.publishing import LOGIN_CHECK_SECONDS, File, Publishing, Stage
from app.publish.form import PublishingButton, PublishingModel
from app.publish.screen import PublishingScreen
from app.publish.view import PublishingLayout, PublishingView
from app.screen import Publish
from app.ui import theme
from app.ui.bindings import Command
from app.ui.display import open_display
from app.window import Window
from models.control import ControlSpec, DiscreteActions
from models.errors import UserError
from models.spec import encode

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="processes are told to end by signals")

SIZES = [(800, 600), (1280, 800), (2560, 1440)]
NAME = "ada/ppo-pong"

# Stands for `volley publish`: leaves its words and its number, fills the folder, and says how far it is.
PREPARES = """
import json, os, sys, time
from pathlib import Path
words = sys.argv[1:]
folder = Path(words[words.index("--folder") + 1])
(folder.parent.parent / "started").write_text(json.dumps([os.getpid(), words, str(folder)]))
print(json.dumps({"stage": "evaluate", "done": 1, "total": 4}), flush=True)
"""
ENDS = """
(folder / "tensorboard").mkdir(parents=True)
(folder / "README.md").write_text("# My agent" + chr(10) + chr(10) + "It plays." + chr(10) * 2)
(folder / "model.safetensors").write_bytes(bytes(3000))
(folder / "tensorboard" / "events.1").write_bytes(bytes(20))
print(json.dumps({"folder": str(folder), "files": {}}), flush=True)
"""
HANGS = "time.sleep(60)"
FAILS = "print('volley: the disk is full', file=sys.stderr); sys.exit(2)"


class FakeHub:
    """In the place of `models.hub.reading` and `models.hub.publishing`."""

    def __init__(self) -> None:
        self.who: str | None = "ada"
        self.failure = ""
        self.published: list[tuple[str, bool, dict[str, int]]] = []
        self.meanwhile: Callable[[], object] = lambda: None

    def search(self, query: str) -> list[Any]:
        del query
        return []

    def user(self) -> str:
        if self.who is None:
            raise UserError("cannot publish: you are not logged in; log in with: hf auth login")
        return self.who

    def publish(self, folder: Path, repository: str, *, private: bool, delete_patterns: list[str]) -> Any:
        assert "tensorboard/*" in delete_patterns
        self.meanwhile()
        if self.failure:
            raise UserError(f"cannot publish to {repository}: {self.failure}")
        files = {path.relative_to(folder).as_posix(): path.stat().st_size for path in folder.rglob("*.*")}
        self.published.append((repository, private, files))
        return SimpleNamespace(url=f"https://hub.example/{repository}")


@pytest.fixture(autouse=True)
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeHub:
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    monkeypatch.setenv("SDL_AUDIODRIVER", "dummy")
    monkeypatch.setenv("VOLLEY_CONFIG", str(tmp_path / "config"))
    monkeypatch.setenv("VOLLEY_DATA", str(tmp_path / "data"))
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    monkeypatch.setattr(preparation, "MAX_SECONDS_TO_END", 100.0)  # A process is told to end, and needs no killing.
    fake = FakeHub()
    monkeypatch.setattr(models.hub, "reading", fake, raising=False)
    monkeypatch.setattr(models.hub, "publishing", fake, raising=False)
    return fake


def becomes(monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """Lets the next preparation be a script instead."""
    monkeypatch.setattr(preparation, "COMMAND", (sys.executable, "-I", "-c", PREPARES + script))


def left_over(tmp_path: Path) -> list[Path]:
    return [path for path in (tmp_path / "temporary").iterdir() if path.name != "started"]


def started(tmp_path: Path) -> list[Any]:
    found: list[Any] = json.loads((tmp_path / "temporary" / "started").read_text())
    return found


def until(done: Callable[[], object], step: Callable[[], object] = lambda: None) -> None:
    """Goes step by step until something is done."""
    end = time.monotonic() + 30
    step()
    while not done():
        step()
        assert time.monotonic() < end
        time.sleep(0.01)


def is_gone(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return True
    return False


class Desk:
    """A publication, with its page."""

    def __init__(self) -> None:
        self.porter = ThreadPoolExecutor(2)
        self.publishing = Publishing(Path("runs/mine"), self.porter, self.porter)
        self.model = PublishingModel(self.publishing)
        self.view = PublishingView(self.model)

    def go(self, seconds: float = 0.01) -> Stage:
        self.publishing.update(seconds)
        self.model.settle()
        return self.publishing.stage

    def reach(self, stage: Stage) -> None:
        until(lambda: self.go() is stage)

    def press(self, *commands: Command) -> bool:
        return [self.model.command(command) for command in commands][-1]

    def type(self, text: str) -> None:
        assert self.model.take(pygame.Event(pygame.TEXTINPUT, text=text))


@pytest.fixture
def mine(tmp_path: Path, model_directory: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A training with a policy, in the folder that Volley is started in."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(model_directory, "runs/mine/best")
    for name in ("config.json", "provenance.json"):
        Path("runs/mine", name).write_text("{}")
    return Path("runs/mine")


@pytest.fixture
def desk(mine: Path, tmp_path: Path) -> Iterator[Desk]:
    desk = Desk()
    assert desk.publishing.run == mine
    yield desk
    desk.publishing.close()
    desk.porter.shutdown()
    assert left_over(tmp_path) == []


def test_the_name_proposed_says_what_was_learned(desk: Desk, mine: Path) -> None:
    spec = ControlSpec(algorithm="a2c", environment="CartPole-v1", observation_size=4, actions=DiscreteActions(2))
    (mine / "best" / "config.json").write_bytes(encode(spec))
    until(lambda: desk.publishing.user, desk.go)
    assert desk.publishing.suggested_name == "ada/a2c-CartPole-v1"


def test_it_is_prepared_looked_at_and_only_then_uploaded(
    desk: Desk, hub: FakeHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    becomes(monkeypatch, ENDS)
    until(lambda: desk.publishing.user, desk.go)
    assert desk.model.field.text == "ada/ppo-pong"
    desk.press(Command.DOWN, Command.RIGHT, Command.CONFIRM)
    desk.reach(Stage.REVIEW)
    _, words, folder = started(tmp_path)
    assert words == ["runs/mine", "ada/ppo-pong", "--dry-run", "--folder", folder, "--json"]
    sizes = {"README.md": 23, "model.safetensors": 3000, "tensorboard/events.1": 20}
    assert dict(desk.publishing.files) == sizes
    assert desk.publishing.card == ("My agent", "", "It plays.")
    desk.go(60)
    assert hub.published == []
    desk.press(Command.CONFIRM)
    desk.reach(Stage.DONE)
    assert hub.published == [("ada/ppo-pong", True, sizes)]
    assert desk.publishing.url == "https://hub.example/ada/ppo-pong"


def test_what_is_prepared_tells_how_far_it_is(desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    becomes(monkeypatch, HANGS)
    desk.publishing.prepare(NAME, private=False)
    until(lambda: desk.publishing.preparation and desk.publishing.preparation.share, desk.go)
    assert desk.publishing.preparation is not None
    assert desk.publishing.preparation.status == "Playing full games to measure it: 1 of 4"
    assert desk.publishing.preparation.share == 0.25
    assert desk.press(Command.BACK) is False
    assert desk.publishing.stage is Stage.NAMING
    until(lambda: not left_over(tmp_path))
    assert is_gone(started(tmp_path)[0])


def test_what_cannot_be_prepared_says_why_and_can_be_tried_again(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    becomes(monkeypatch, FAILS)
    desk.publishing.prepare(NAME, private=False)
    until(lambda: desk.go() is Stage.NAMING)
    assert desk.publishing.problem == "the disk is full"
    becomes(monkeypatch, ENDS)
    desk.model.field.fill(NAME)
    desk.press(Command.CONFIRM)
    desk.reach(Stage.REVIEW)
    assert desk.publishing.problem == ""


def test_an_upload_that_fails_says_why_and_is_tried_again_with_the_same_folder(
    desk: Desk, hub: FakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    becomes(monkeypatch, ENDS)
    desk.publishing.prepare(NAME, private=False)
    desk.reach(Stage.REVIEW)
    hub.failure = "this token may not do that"
    desk.press(Command.CONFIRM)
    desk.reach(Stage.REVIEW)
    assert desk.publishing.problem == f"cannot publish to {NAME}: this token may not do that"
    assert hub.published == []
    hub.failure = ""
    becomes(monkeypatch, FAILS)
    desk.press(Command.CONFIRM)
    desk.reach(Stage.DONE)
    assert len(hub.published) == 1


def test_nobody_logged_in_is_said_and_seen_once_it_has_changed(desk: Desk, hub: FakeHub) -> None:
    hub.who = None
    desk.publishing._login_check = desk.porter.submit(hub.user)
    until(lambda: "hf auth login" in desk.publishing.login, desk.go)
    desk.type("me/mine")
    hub.who = "ada"
    desk.go(LOGIN_CHECK_SECONDS)
    until(lambda: desk.publishing.login == "Logged in as ada.", desk.go)
    assert desk.model.field.text == "me/mine"


@pytest.mark.parametrize("name", ["", "ada", "ada/", "../x", "ada/ppo@main", "ada/p/q", "--x/y"])
def test_a_name_that_can_be_none_starts_nothing(name: str, desk: Desk) -> None:
    desk.publishing.prepare(name, private=False)
    assert desk.publishing.stage is Stage.NAMING
    assert "USER/REPO" in desk.publishing.problem


def test_the_window_closed_while_it_is_prepared_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    becomes(monkeypatch, HANGS)
    one = Window(open_display())
    one._act(Publish(Path("runs/mine")))
    screen = one._screen
    assert isinstance(screen, PublishingScreen)
    screen._publishing.prepare(NAME, private=False)
    note = tmp_path / "temporary" / "started"
    until(lambda: note.exists() and note.stat().st_size)
    pygame.event.post(pygame.Event(pygame.QUIT))
    one.run()
    assert left_over(tmp_path) == []
    assert is_gone(started(tmp_path)[0])


def test_the_window_closed_while_it_is_uploaded_waits_until_it_is_there(
    hub: FakeHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    becomes(monkeypatch, ENDS)
    one = Window(open_display())
    one._act(Publish(Path("runs/mine")))
    screen = one._screen
    assert isinstance(screen, PublishingScreen)
    at_work = screen._publishing
    at_work.prepare(NAME, private=False)
    until(lambda: at_work.stage is Stage.REVIEW, lambda: at_work.update(0.0))
    hub.meanwhile = lambda: time.sleep(0.3)
    at_work.upload()
    pygame.event.post(pygame.Event(pygame.QUIT))
    one.run()
    assert [files["model.safetensors"] for _, _, files in hub.published] == [3000]
    assert left_over(tmp_path) == []
    assert capsys.readouterr().err.endswith(f"published: https://hub.example/{NAME}\n")


def test_a_page_that_is_left_while_it_uploads_says_later_what_came_of_it(
    hub: FakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    becomes(monkeypatch, ENDS)
    one = Window(open_display())
    one._act(Publish(Path("runs/mine")))
    screen = one._screen
    assert isinstance(screen, PublishingScreen)
    at_work = screen._publishing
    at_work.prepare(NAME, private=False)
    until(lambda: at_work.stage is Stage.REVIEW, lambda: at_work.update(0.0))
    hub.failure = "it was changed by somebody else"
    left = threading.Event()
    hub.meanwhile = left.wait
    at_work.upload()
    one.frame(0.0)
    one._act(screen.command(Command.BACK))
    assert one._screen is not screen
    assert one.services.toast.text == ""
    left.set()
    until(lambda: "somebody else" in one.services.toast.text, lambda: one.frame(0.01))
    one.services.transfers.shutdown()
    one.services.loader.shutdown()
    one.services.display.close()


def test_keys_and_mouse_lead_through_the_page(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    becomes(monkeypatch, ENDS)
    seen: list[object] = []
    for command in (Command.DOWN, Command.DOWN, Command.RIGHT, Command.UP, Command.UP):
        seen.append(desk.model.focus.target)
        desk.press(command)
    assert seen == [
        desk.model.field,
        desk.model.private,
        PublishingButton.PREPARE,
        PublishingButton.LEAVE,
        desk.model.private,
    ]
    desk.model.field.fill(NAME)
    size = (800, 600)
    layout = PublishingLayout.of(size, desk.model)
    assert desk.view.click((layout.private.right - 10, layout.private.centery), size) is False
    assert desk.model.private.value is True
    desk.view.click(dict(layout.buttons)[PublishingButton.PREPARE].center, size)
    desk.reach(Stage.REVIEW)
    assert desk.publishing.private
    layout = PublishingLayout.of(size, desk.model)
    assert desk.view.click(dict(layout.buttons)[PublishingButton.LEAVE].center, size) is True


def pages(desk: Desk) -> Iterator[None]:
    """Each stage, with words as long as they get."""
    work, sentence = desk.publishing, "words that go on " * 60
    yield
    work.login, work.problem = sentence, sentence
    yield
    work.repository, work.problem = f"{'u' * 90}/{'r' * 90}", ""
    work.preparation = SimpleNamespace(  # type: ignore[assignment] # what is read of it
        status=sentence, share=0.4, folder=None, problem="", update=lambda: None, close=lambda *_: None
    )
    for stage in (Stage.PREPARING, Stage.REVIEW, Stage.UPLOADING, Stage.DONE):
        work.stage, work.url = stage, f"https://hub.example/{'u' * 200}"
        work.files = tuple(File(f"{'name' * (number % 30)}.json", 10**number) for number in range(40))
        work.card = (sentence, "", "W" * 500)
        desk.model.settle()
        yield
        work.problem = sentence
        yield
        work.problem = ""


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_nothing_is_cut_and_nothing_overlaps(
    size: tuple[int, int], desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts: list[pygame.Rect] = []
    draw_text = theme.draw_text

    def note(surface: pygame.Surface, text: str, size: int, *look: Any, **anchor: Any) -> pygame.Rect:
        box = draw_text(surface, text, size, *look, **anchor)
        face = next((each for each in look if isinstance(each, theme.Face)), theme.Face.REGULAR)
        assert box.width == theme.font(face, size).size(text)[0], "what is drawn tells how much of it can be seen"
        assert surface.get_rect().contains(box.inflate(0, -box.height // 3))
        texts.append(box.move(surface.get_abs_offset()).inflate(0, -box.height // 3))
        return box

    monkeypatch.setattr(theme, "draw_text", note)
    for _ in pages(desk):
        texts.clear()
        desk.view.draw(pygame.Surface(size, depth=32))
        layout = PublishingLayout.of(size, desk.model)
        spots = [spot for spots in layout.spots(desk.model).values() for spot in spots]
        shown = [rect for target, rect in spots if desk.model.focus.at(rect.center) is target]
        parts = [layout.heading, layout.strip, *shown]
        assert all(layout.panel.contains(part) for part in parts)
        assert not overlaps([part for part in parts if part.height])
        assert not overlaps(texts)


def overlaps(rects: list[pygame.Rect]) -> list[tuple[pygame.Rect, pygame.Rect]]:
    return [(one, other) for one, other in itertools.combinations(rects, 2) if one.colliderect(other)]
