"""Publishing from the window, with a script in place of `volley publish` and a fake Hub."""

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
from msgspec.structs import replace

import models.hub
from app.hub import preparation
from app.hub.publishing import LOGIN_CHECK_SECONDS, File, Publishing, Stage
from app.publish.form import PublishingArea, PublishingButton, PublishingModel
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

# Replaces `volley publish`: notes its process and arguments, and reports its progress.
PREPARES = """
import json, os, sys, time
from pathlib import Path
arguments = sys.argv[1:]
folder = Path(arguments[arguments.index("--folder") + 1])
(folder.parent.parent / "started").write_text(json.dumps([os.getpid(), arguments, str(folder)]))
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
    """Replaces `models.hub.reading` and `models.hub.publishing`."""

    def __init__(self) -> None:
        self.logged_in: str | None = "ada"
        self.failure = ""
        self.published: list[tuple[str, bool, dict[str, int]]] = []
        self.meanwhile: Callable[[], object] = lambda: None

    def search(self, query: str) -> list[Any]:
        del query
        return []

    def user(self) -> str:
        if self.logged_in is None:
            raise UserError("cannot publish: nobody is logged in; do so by: hf auth login")
        return self.logged_in

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
    monkeypatch.setattr(preparation, "MAX_SECONDS_TO_END", 100.0)  # Terminating is enough; nothing needs to be killed.
    fake = FakeHub()
    monkeypatch.setattr(models.hub, "reading", fake, raising=False)
    monkeypatch.setattr(models.hub, "publishing", fake, raising=False)
    return fake


def prepares_by(monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """Makes the next preparation run a script."""
    monkeypatch.setattr(preparation, "COMMAND", (sys.executable, "-I", "-c", PREPARES + script))


def left_over(tmp_path: Path) -> list[Path]:
    return [path for path in (tmp_path / "temporary").iterdir() if path.name != "started"]


def started(tmp_path: Path) -> list[Any]:
    found: list[Any] = json.loads((tmp_path / "temporary" / "started").read_text())
    return found


def until(done: Callable[[], object], step: Callable[[], object] = lambda: None) -> None:
    """Steps until something is done."""
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


UPLOAD = (Command.DOWN, Command.RIGHT, Command.CONFIRM)
"""From the card that is to be reviewed."""


class Desk:
    """A publication and its page."""

    def __init__(self) -> None:
        self.transfers = ThreadPoolExecutor(2)
        self.publishing = Publishing(Path("runs/mine"), self.transfers, self.transfers)
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
    """A run with a policy, in the working directory."""
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
    desk.transfers.shutdown()
    assert left_over(tmp_path) == []


def test_the_suggested_name_says_what_was_learned(desk: Desk, mine: Path) -> None:
    spec = ControlSpec(algorithm="a2c", environment="CartPole-v1", observation_size=4, actions=DiscreteActions(2))
    (mine / "best" / "config.json").write_bytes(encode(spec))
    until(lambda: desk.publishing.user, desk.go)
    assert desk.publishing.suggested_name == "ada/a2c-CartPole-v1"
    (mine / "best" / "config.json").write_bytes(encode(replace(spec, environment="volley/AliasedGridworld-v0")))
    assert desk.publishing.suggested_name == "ada/a2c-AliasedGridworld-v0"


def test_a_run_is_prepared_reviewed_and_only_then_uploaded(
    desk: Desk, hub: FakeHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepares_by(monkeypatch, ENDS)
    until(lambda: desk.publishing.user, desk.go)
    assert desk.model.field.text == "ada/ppo-pong"
    desk.press(Command.DOWN, Command.RIGHT, Command.CONFIRM)
    desk.reach(Stage.REVIEW)
    _, arguments, folder = started(tmp_path)
    assert arguments == ["runs/mine", "ada/ppo-pong", "--dry-run", "--folder", folder, "--json"]
    sizes = {"README.md": 23, "model.safetensors": 3000, "tensorboard/events.1": 20}
    assert dict(desk.publishing.files) == sizes
    assert desk.publishing.card == ("My agent", "", "It plays.")
    desk.go(60)
    desk.press(Command.CONFIRM)
    desk.go()
    assert (desk.publishing.stage, hub.published) == (Stage.REVIEW, []), "it may have been meant for Cancel"
    desk.press(*UPLOAD)
    desk.reach(Stage.DONE)
    assert hub.published == [("ada/ppo-pong", True, sizes)]
    assert desk.publishing.url == "https://hub.example/ada/ppo-pong"


def test_preparation_reports_its_progress(desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    prepares_by(monkeypatch, HANGS)
    desk.publishing.prepare(NAME, private=False)
    until(lambda: desk.publishing.preparation and desk.publishing.preparation.share, desk.go)
    assert desk.publishing.preparation is not None
    assert desk.publishing.preparation.status == "Playing full games to measure it: 1 of 4"
    assert desk.publishing.preparation.share == 0.25
    assert desk.press(Command.BACK) is False
    assert desk.publishing.stage is Stage.NAMING
    until(lambda: not left_over(tmp_path))
    assert is_gone(started(tmp_path)[0])


def test_esc_on_the_visibility_leads_to_the_name(desk: Desk) -> None:
    desk.press(Command.DOWN)
    assert desk.model.focus.group is PublishingArea.PRIVATE
    assert ((Command.BACK,), "name") in desk.model.hints
    assert desk.press(Command.BACK) is False
    assert ((Command.BACK,), "models") in desk.model.hints


def test_a_temporary_folder_that_takes_nothing_is_told(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", "/nowhere")
    desk.publishing.prepare(NAME, private=False)
    assert desk.publishing.problem == "cannot start preparing the publication: No such file or directory"
    assert desk.publishing.stage is Stage.NAMING


def test_what_cannot_be_prepared_leaves_nothing(desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preparation, "COMMAND", ("/nowhere/python",))
    desk.publishing.prepare(NAME, private=False)
    assert desk.publishing.problem == "cannot start preparing the publication: No such file or directory"
    assert left_over(tmp_path) == []


def test_a_failed_preparation_says_why_and_can_be_repeated(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    prepares_by(monkeypatch, FAILS)
    desk.publishing.prepare(NAME, private=False)
    until(lambda: desk.go() is Stage.NAMING)
    assert desk.publishing.problem == "the disk is full"
    prepares_by(monkeypatch, ENDS)
    desk.model.field.fill(NAME)
    desk.press(Command.CONFIRM)
    desk.reach(Stage.REVIEW)
    assert desk.publishing.problem == ""


def test_a_failed_upload_says_why_and_can_be_repeated_with_the_same_folder(
    desk: Desk, hub: FakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepares_by(monkeypatch, ENDS)
    desk.publishing.prepare(NAME, private=False)
    desk.reach(Stage.REVIEW)
    hub.failure = "this token may not do that"
    desk.press(*UPLOAD)
    desk.reach(Stage.REVIEW)
    assert desk.publishing.problem == f"cannot publish to {NAME}: this token may not do that"
    assert hub.published == []
    hub.failure = ""
    prepares_by(monkeypatch, FAILS)
    desk.press(*UPLOAD)
    desk.reach(Stage.DONE)
    assert len(hub.published) == 1


def test_a_missing_login_is_reported_and_a_later_one_noticed(desk: Desk, hub: FakeHub) -> None:
    hub.logged_in = None
    desk.publishing._login_check = desk.transfers.submit(hub.user)
    until(lambda: "hf auth login" in desk.publishing.login, desk.go)
    desk.type("me/mine")
    hub.logged_in = "ada"
    desk.go(LOGIN_CHECK_SECONDS)
    until(lambda: desk.publishing.login == "Logged in as ada.", desk.go)
    assert desk.model.field.text == "me/mine"


@pytest.mark.parametrize("name", ["", "ada", "ada/", "../x", "ada/ppo@main", "ada/p/q", "--x/y"])
def test_an_invalid_name_starts_nothing(name: str, desk: Desk) -> None:
    desk.publishing.prepare(name, private=False)
    assert desk.publishing.stage is Stage.NAMING
    assert "USER/REPO" in desk.publishing.problem


def test_closing_the_window_during_preparation_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    prepares_by(monkeypatch, HANGS)
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


def test_closing_the_window_waits_for_the_upload(
    hub: FakeHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    prepares_by(monkeypatch, ENDS)
    one = Window(open_display())
    one._act(Publish(Path("runs/mine")))
    screen = one._screen
    assert isinstance(screen, PublishingScreen)
    publishing = screen._publishing
    publishing.prepare(NAME, private=False)
    until(lambda: publishing.stage is Stage.REVIEW, lambda: publishing.update(0.0))
    hub.meanwhile = lambda: time.sleep(0.3)
    publishing.upload()
    pygame.event.post(pygame.Event(pygame.QUIT))
    one.run()
    assert [files["model.safetensors"] for _, _, files in hub.published] == [3000]
    assert left_over(tmp_path) == []
    assert capsys.readouterr().err.endswith(f"published: https://hub.example/{NAME}\n")


def test_an_upload_reports_its_end_after_its_page_was_left(hub: FakeHub, monkeypatch: pytest.MonkeyPatch) -> None:
    prepares_by(monkeypatch, ENDS)
    one = Window(open_display())
    one._act(Publish(Path("runs/mine")))
    screen = one._screen
    assert isinstance(screen, PublishingScreen)
    publishing = screen._publishing
    publishing.prepare(NAME, private=False)
    until(lambda: publishing.stage is Stage.REVIEW, lambda: publishing.update(0.0))
    hub.failure = "it was changed by somebody else"
    left = threading.Event()
    hub.meanwhile = left.wait
    publishing.upload()
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
    prepares_by(monkeypatch, ENDS)
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
    """Each stage, with texts as long as they get."""
    work, sentence = desk.publishing, "words that go on " * 60
    yield
    work.login, work.problem = sentence, sentence
    yield
    work.repository, work.problem = f"{'u' * 90}/{'r' * 90}", ""
    work.preparation = SimpleNamespace(  # type: ignore[assignment] # as far as it is used
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

    def note(surface: pygame.Surface, text: str, size: int, *style: Any, **anchor: Any) -> pygame.Rect:
        box = draw_text(surface, text, size, *style, **anchor)
        face = next((each for each in style if isinstance(each, theme.Face)), theme.Face.REGULAR)
        assert box.width == theme.font(face, size).size(text)[0], "some of the text is cut off"
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
