"""The library, driven by synthetic events and a fake clock; its fake Hub answers when the test says so."""

from __future__ import annotations

import itertools
import json
import shutil
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

import pygame
import pytest

import models.hub
from app import settings
from app.game.lineup import Lineup, Person, Policy, Rom
from app.hub import local, remote
from app.hub.library import TYPING_PAUSE, Library, Note, Retry
from app.hub.local import Entry, ModelAction, Section, plausible_curve
from app.hub.remote import LOADING
from app.library.layout import LibraryLayout
from app.library.selection import (
    LibraryArea,
    LibraryButton,
    LibraryModel,
    LibraryTarget,
)
from app.library.view import LibraryView
from app.menu.screen import MenuScreen
from app.screen import OpenLibrary, OpenMenu, Publish, Request, Start
from app.ui import theme, widgets
from app.ui.bindings import BINDINGS, Command, Context
from app.ui.display import open_display
from app.window import Window
from models import store
from models.control import ControlSpec, DiscreteActions
from models.errors import UserError
from models.files import CONFIG_FILE
from models.hub.reading import Cancelled, Preview, RemoteFile, RemoteModel, Revision, SearchResult
from models.results import Result, Results
from models.run_directory import CurvePoint
from models.spec import ModelSpec, encode
from models.store import StoredModel
from training.run import RunDirectory
from training.settings import TrainingSettings

SIZES = [(800, 600), (1280, 800), (2560, 1440)]
ADA, ZOE = "ada/ppo-pong", "zoe/ppo-pong"
OLD, NEW = "a" * 40, "b" * 40
WHEN = datetime(2026, 11, 20, tzinfo=UTC)
CARD = "# A model\n\n" + "It was trained for five million steps.\n\n" * 60
RESULTS = Results(20.78, 0.6, False, 100, "", (Result(20.78, 0.6, 100, 0.0, greedy=False),))


class Call(NamedTuple):
    future: Future[Any]
    run: Callable[[], Any]
    name: str


class Calls(Executor):
    """An executor that runs calls when the test says so."""

    def __init__(self) -> None:
        self.waiting: list[Call] = []

    def submit(self, call: Callable[..., Any], /, *arguments: Any, **options: Any) -> Future[Any]:
        future: Future[Any] = Future()
        self.waiting.append(Call(future, lambda: call(*arguments, **options), call.__name__))
        return future

    def run(self, name: str, place: int = 0) -> None:
        """Runs a waiting call of that name, the one at this place among them."""
        call = [call for call in self.waiting if call.name == name][place]
        self.waiting.remove(call)
        try:
            call.future.set_result(call.run())
        except Exception as error:  # noqa: BLE001 - as an executor does
            call.future.set_exception(error)

    def names(self) -> list[str]:
        return [call.name for call in self.waiting]


class FakeHub:
    """Replaces `models.hub.reading`."""

    Cancelled = Cancelled

    def __init__(self, spec: ModelSpec, directory: Path) -> None:
        self.found = {query: [found(ZOE)] for query in ("", "ppo")}
        self.failure = ""
        self.pulls: list[tuple[str, str | None]] = []
        self.meanwhile: Callable[[], None] = lambda: None
        """Called when half of a download has arrived."""
        self.config = encode(spec)
        self._directory = directory

    def search(self, query: str) -> list[SearchResult]:
        self._fail("search the Hub")
        return self.found.get(query, [])

    def examine(self, repository: str, revision: str | None = None) -> RemoteModel:
        self._fail(f"find {repository}")
        return RemoteModel(
            repository, revision or "main", NEW, WHEN, {"model.safetensors": RemoteFile(2_800_000, None, "")}
        )

    def preview(self, remote: RemoteModel) -> Preview:
        del remote
        return Preview(CARD, RESULTS, "steps,seconds,mean_return\n0,0,-21\n1000000,60,3\n", self.config)

    def revisions(self, repository: str) -> list[Revision]:
        self._fail(f"read the history of {repository}")
        return [Revision(NEW, "Train on", WHEN), Revision(OLD, "Publish from Volley", WHEN)]

    def pull(
        self, repository: str, revision: str | None = None, *, progress: Callable[[int, int], None]
    ) -> StoredModel:
        self.pulls.append((repository, revision))
        self._fail(f"download {repository}")
        with store.staging(repository) as staged:
            for file in self._directory.iterdir():
                progress(500, 1000)
                self.meanwhile()
                progress(500, 1000)
                shutil.copy(file, staged)
            stored = store.install(staged, record(repository, revision or NEW, staged))
            store.pin(stored)
            return stored

    def _fail(self, what: str) -> None:
        if self.failure:
            raise UserError(f"cannot {what}: {self.failure}")


def found(repository: str, algorithm: str = "ppo") -> SearchResult:
    return SearchResult(repository, algorithm, "20.78 +/- 0.60", WHEN, private=False)


def record(repository: str, commit: str, folder: Path) -> store.Download:
    digests = {file.name: sha256(file.read_bytes()).hexdigest() for file in folder.iterdir()}
    when = "2026-11-24T10:00:00+00:00"
    return store.Download(repository=repository, revision="main", commit=commit, sha256=digests, downloaded=when)


@pytest.fixture(autouse=True)
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A dummy display, and temporary folders."""
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    monkeypatch.setenv("SDL_AUDIODRIVER", "dummy")
    monkeypatch.setenv("VOLLEY_CONFIG", str(tmp_path / "config"))
    monkeypatch.setenv("VOLLEY_DATA", str(tmp_path / "data"))
    for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    yield
    if pygame.display.get_init():
        pygame.event.clear()


@pytest.fixture(autouse=True)
def hub(spec: ModelSpec, model_directory: Path, monkeypatch: pytest.MonkeyPatch) -> FakeHub:
    fake = FakeHub(spec, model_directory)
    monkeypatch.setattr(models.hub, "reading", fake)
    return fake


@pytest.fixture
def one() -> Iterator[Window]:
    """A window on the dummy display, with its menu."""
    window = Window(open_display())
    yield window
    window.services.loader.shutdown()
    window._screen.close()
    window.services.display.close()


@pytest.fixture
def keep(model_directory: Path) -> Callable[..., StoredModel]:
    """Makes a download, as a pull does."""

    def kept(repository: str, commit: str = OLD, **more: bytes) -> StoredModel:
        with store.staging(repository) as staged:
            shutil.copytree(model_directory, staged, dirs_exist_ok=True)
            (staged / "README.md").write_text(CARD)
            for name, content in more.items():
                (staged / f"{name}.json").write_bytes(content)
            stored = store.install(staged, record(repository, commit, staged))
        store.pin(stored)
        return stored

    return kept


class Bench:
    """A library, its model and view, and the waiting calls."""

    def __init__(self) -> None:
        self.questions, self.transfers = Calls(), Calls()
        self.library = Library(self.questions, self.transfers)
        self.model = LibraryModel(self.library)
        self.view = LibraryView(self.model)
        self.message = ""

    def go(self, seconds: float = 0.01) -> None:
        self.message = self.library.update(seconds) or self.message
        self.model.settle()

    def answer(self, name: str, place: int = 0) -> None:
        executor = self.questions if name in self.questions.names() else self.transfers
        executor.run(name, place)
        self.go()

    def type(self, text: str) -> None:
        """Types as a keyboard does: each letter is a key, then a text."""
        for letter in text:
            pressed = pygame.Event(pygame.KEYDOWN, key=ord(letter), mod=0, unicode=letter)
            assert self.model.take(pressed)
            assert self.model.take(pygame.Event(pygame.TEXTINPUT, text=letter))

    def press(self, *commands: Command) -> Request | None:
        outcome = None
        for command in commands:
            assert outcome is None
            outcome = self.model.command(command)
        return outcome

    def choose(self, name: str) -> None:
        self.model.click(self.entry(name))
        self.go()

    def open_history(self, name: str) -> None:
        """Of a model that was downloaded just now."""
        self.library.refresh()
        self.choose(name)
        self.model.focus.go(ModelAction.REVISIONS)
        self.press(Command.CONFIRM)

    def entry(self, name: str) -> Entry:
        return next(row for row in self.library.rows if isinstance(row, Entry) and row.name == name)

    def names(self, section: Section) -> list[str]:
        return [row.name for row in self.library.rows if isinstance(row, Entry) and row.section is section]

    @property
    def notes(self) -> list[str]:
        return [row.text for row in self.library.rows if isinstance(row, Note)]

    def draw(self, size: tuple[int, int] = (1280, 800)) -> pygame.Surface:
        surface = pygame.Surface(size, depth=32)
        self.view.draw(surface)
        return surface


@pytest.fixture
def bench() -> Bench:
    """The library with only the bundled models, and the Hub's first answer."""
    bench = Bench()
    bench.go()
    bench.answer("search")
    return bench


# Search


def test_the_hub_is_searched_after_a_pause_in_typing(bench: Bench) -> None:
    bench.press(Command.SEARCH)
    for letter in "ppo":
        bench.type(letter)
        bench.go(TYPING_PAUSE / 2)
        assert "search" not in bench.questions.names()
    bench.go(TYPING_PAUSE)
    assert bench.questions.names().count("search") == 1
    bench.answer("search")
    assert bench.names(Section.HUB) == [ZOE]


def test_local_models_are_found_immediately(bench: Bench, keep: Callable[..., StoredModel]) -> None:
    keep(ADA)
    bench.library.refresh()
    bench.press(Command.SEARCH)
    bench.type("ada")
    assert bench.names(Section.DOWNLOADED) == [ADA]
    assert bench.names(Section.BUNDLED) == []


def test_a_late_answer_never_replaces_a_newer_one(bench: Bench, hub: FakeHub) -> None:
    hub.found = {"p": [found("old/answer-p")], "pp": [found("new/answer-pp")]}
    bench.press(Command.SEARCH)
    for letter in "pp":
        bench.type(letter)
        bench.go(TYPING_PAUSE)
    bench.answer("search", 1)
    assert bench.names(Section.HUB) == ["new/answer-pp"]
    bench.answer("search", 0)
    assert bench.names(Section.HUB) == ["new/answer-pp"]


def test_a_late_failure_is_not_shown_either(bench: Bench, hub: FakeHub) -> None:
    hub.found = {"pp": [found("new/answer-pp")]}
    bench.press(Command.SEARCH)
    for letter in "pp":
        bench.type(letter)
        bench.go(TYPING_PAUSE)
    bench.answer("search", 1)
    hub.failure = "no answer"
    bench.answer("search", 0)
    assert bench.names(Section.HUB) == ["new/answer-pp"]
    assert bench.library.hub_status == ""


def test_of_two_searches_for_the_same_the_newer_counts(bench: Bench, hub: FakeHub) -> None:
    for query in ("ppo", "", "ppo"):
        bench.library.search(query)
        bench.go(TYPING_PAUSE)
    bench.answer("search", 2)
    assert bench.names(Section.HUB) == [ZOE]
    hub.failure = "no answer"
    bench.answer("search", 0)
    assert bench.names(Section.HUB) == [ZOE]
    assert bench.library.hub_status == ""


def test_a_date_at_the_end_of_time_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    try:
        assert local.format_date(datetime(9999, 12, 31, 23, 59, tzinfo=UTC)) == "31 Dec 9999"
        assert local.format_date(datetime(2026, 6, 30, 23, 59, tzinfo=UTC)) == "1 Jul 2026"
    finally:
        monkeypatch.undo()
        time.tzset()


def test_few_searches_wait_for_a_silent_hub(bench: Bench) -> None:
    bench.press(Command.SEARCH)
    for letter in "ppo-pong":
        bench.type(letter)
        bench.go(TYPING_PAUSE)
    assert bench.questions.names().count("search") == 3
    bench.answer("search")
    assert bench.questions.names().count("search") == 3


def test_without_a_network_the_list_shows_the_reason_and_local_models(hub: FakeHub) -> None:
    hub.failure = "the Hub does not answer"
    bench = Bench()
    assert bench.notes[-1] == LOADING
    assert bench.names(Section.BUNDLED) == ["champion", "ppo", "reinforce"]
    bench.go()
    assert bench.notes[-1] == LOADING
    bench.answer("search")
    assert bench.notes[-1] == "cannot search the Hub: the Hub does not answer"
    hub.failure = ""
    bench.press(*[Command.DOWN] * 10)
    assert isinstance(bench.model.row, Retry)
    bench.press(Command.CONFIRM)
    bench.go()
    bench.answer("search")
    assert bench.names(Section.HUB) == [ZOE]


def test_offline_the_hub_is_not_asked(monkeypatch: pytest.MonkeyPatch, keep: Callable[..., StoredModel]) -> None:
    keep(ADA)
    monkeypatch.setenv("TRANSFORMERS_OFFLINE", "1")
    bench = Bench()
    assert "Offline (TRANSFORMERS_OFFLINE is set)" in bench.notes[-1]
    bench.press(Command.SEARCH)
    bench.type("ada")
    bench.press(Command.DOWN)
    bench.model.focus.go(ModelAction.REVISIONS)
    bench.press(Command.CONFIRM)
    bench.go(10)
    assert {*bench.questions.names(), *bench.transfers.names()} == {"details"}
    assert bench.library.history is not None
    assert [commit.id for commit in bench.library.history.commits] == [OLD]


# Downloads


def test_a_download_reports_its_progress_and_can_then_be_played(bench: Bench, hub: FakeHub) -> None:
    bench.choose(ZOE)
    assert bench.press(Command.CONFIRM) is None
    seen = []

    def note_progress() -> None:
        bench.go()
        assert bench.library.download is not None
        seen.append((bench.library.download.share, bench.library.download.status, bench.names(Section.DOWNLOADED)))

    hub.meanwhile = note_progress
    bench.answer("pull")
    assert seen[0] == (0.5, "500 bytes of 1 kB", [])
    assert bench.library.download is None
    assert bench.message == f"downloaded {ZOE} at {NEW[:7]}"
    assert bench.names(Section.DOWNLOADED) == [ZOE]
    assert bench.names(Section.HUB) == []
    assert bench.press(Command.CONFIRM) == Start(
        Lineup(Policy(f"{ZOE}@{NEW}"), Person()), back=OpenLibrary(f"{ZOE}@{NEW}")
    )


@pytest.mark.parametrize("by", ["escape", "button", "mouse"])
def test_a_download_is_cancelled_and_leaves_nothing(by: str, bench: Bench, hub: FakeHub, tmp_path: Path) -> None:
    bench.choose(ZOE)
    bench.press(Command.CONFIRM)

    def cancel() -> None:
        bench.go()
        assert list((tmp_path / "data" / "downloads").rglob("*"))
        if by == "escape":
            assert bench.press(Command.BACK) is None
        elif by == "button":
            bench.model.focus.go(LibraryButton.CANCEL)
            bench.press(Command.CONFIRM)
        else:
            layout = LibraryLayout.of((1280, 800), bench.model)
            bench.view.click(dict(layout.buttons)[LibraryButton.CANCEL].center, (1280, 800))

    hub.meanwhile = cancel
    bench.answer("pull")
    assert bench.library.download is None
    assert not list((tmp_path / "data" / "downloads").rglob("*"))
    assert (bench.names(Section.DOWNLOADED), bench.names(Section.HUB)) == ([], [ZOE])
    assert bench.library.notice == ""
    hub.meanwhile = lambda: None
    if by != "escape":
        assert bench.model.focus.target is ModelAction.DOWNLOAD
    bench.press(Command.CONFIRM)
    bench.answer("pull")
    assert bench.names(Section.DOWNLOADED) == [ZOE]


def test_a_download_that_fails_says_why_and_can_be_tried_again(bench: Bench, hub: FakeHub) -> None:
    bench.choose(ZOE)
    bench.press(Command.CONFIRM)
    hub.failure = "the disk is full"
    bench.answer("pull")
    assert bench.library.notice == f"cannot download {ZOE}: the disk is full"
    assert bench.names(Section.DOWNLOADED) == []
    hub.failure = ""
    bench.press(Command.CONFIRM)
    assert bench.library.notice == ""
    bench.answer("pull")
    assert bench.names(Section.DOWNLOADED) == [ZOE]


def test_one_download_at_a_time(bench: Bench, hub: FakeHub, keep: Callable[..., StoredModel]) -> None:
    keep(ADA)
    bench.library.refresh()
    bench.choose(ZOE)
    bench.press(Command.CONFIRM)
    bench.choose(ADA)
    assert ModelAction.UPDATE not in bench.model.buttons
    bench.library.start_download(ADA)
    assert bench.transfers.names().count("pull") == 1
    bench.answer("pull")
    assert hub.pulls == [(ZOE, None)]
    # The focus stays on another model.
    assert bench.model.entry is not None
    assert bench.model.entry.name == ADA


def test_closing_the_window_during_a_download_leaves_nothing(hub: FakeHub, tmp_path: Path) -> None:
    """With real threads: the window closes only after the download has ended."""
    one = Window(open_display())
    one._act(OpenLibrary())

    def close() -> None:
        assert one.services.library.download is not None
        cancelled = one.services.library.download.cancelled
        pygame.event.post(pygame.Event(pygame.QUIT))
        assert cancelled.wait(30)
        ended.append(bool(list((tmp_path / "data" / "downloads").rglob("*"))))

    ended: list[bool] = []
    hub.meanwhile = close
    one.services.library.start_download(ZOE)
    one.run()
    assert ended == [True]
    assert not list((tmp_path / "data" / "downloads").rglob("*"))


# Revisions


def test_a_new_revision_is_downloaded_and_a_downloaded_one_is_pinned(
    bench: Bench, hub: FakeHub, keep: Callable[..., StoredModel]
) -> None:
    keep(ADA)
    bench.open_history(ADA)
    assert at(bench, LibraryArea.HISTORY)
    bench.answer("history")
    assert bench.library.history is not None
    assert [(each.title, each.current) for each in bench.library.history.commits] == [
        ("Train on", False),
        ("Publish from Volley", True),
    ]
    assert bench.model.commit == bench.library.history.commits[1], "the one that was in focus before the Hub answered"
    bench.press(Command.UP, Command.CONFIRM)
    bench.answer("pull")
    assert hub.pulls == [(ADA, NEW)]
    assert store.current(ADA) == NEW
    assert [each.current for each in bench.library.history.commits] == [True, False]
    bench.press(Command.DOWN, Command.CONFIRM)
    bench.go()
    assert store.current(ADA) == OLD
    assert len(hub.pulls) == 1
    assert bench.press(Command.BACK) is None
    assert at(bench, ModelAction.REVISIONS)


def test_a_history_that_cannot_be_fetched_shows_downloaded_commits(
    bench: Bench, hub: FakeHub, keep: Callable[..., StoredModel]
) -> None:
    keep(ADA)
    bench.open_history(ADA)
    hub.failure = "no answer"
    bench.answer("history")
    assert bench.library.history is not None
    assert "no answer" in bench.library.history.status
    assert [each.id for each in bench.library.history.commits] == [OLD]


@pytest.mark.parametrize("query", ["reinforce", "nothing-has-this-name"])
def test_a_search_that_leads_to_another_model_closes_the_history(
    bench: Bench, keep: Callable[..., StoredModel], query: str
) -> None:
    keep(ADA)
    bench.open_history(ADA)
    assert bench.library.history is not None
    bench.press(Command.SEARCH)
    bench.type(query)
    history: object = bench.library.history
    assert history is None
    bench.press(Command.BACK)
    assert bench.press(Command.BACK) == OpenMenu()


# Deleting


def test_a_download_is_deleted_after_a_question(bench: Bench, keep: Callable[..., StoredModel]) -> None:
    kept = keep(ADA)
    bench.library.refresh()
    bench.choose(ADA)
    bench.model.focus.go(ModelAction.DELETE)
    bench.press(Command.CONFIRM)
    assert bench.model.question.startswith(f"Delete {ADA} at {OLD[:7]}")
    bench.press(Command.CONFIRM)  # "Keep it" is in focus.
    assert kept.directory.exists()
    bench.press(Command.CONFIRM, Command.RIGHT, Command.CONFIRM)
    assert not kept.directory.exists()
    assert bench.names(Section.DOWNLOADED) == []


def test_what_arrives_is_not_deleted_in_place_of_what_was_asked_about(
    bench: Bench, keep: Callable[..., StoredModel]
) -> None:
    keep(ADA)
    bench.library.refresh()
    bench.choose(ADA)
    bench.model.focus.go(ModelAction.UPDATE)
    bench.press(Command.CONFIRM)
    bench.model.focus.go(ModelAction.DELETE)
    bench.press(Command.CONFIRM)
    assert bench.model.question.startswith(f"Delete {ADA} at {OLD[:7]}")
    bench.answer("pull")
    bench.press(Command.RIGHT, Command.CONFIRM)
    assert not bench.model.question
    assert len(bench.names(Section.DOWNLOADED)) == 2


def test_what_was_chosen_while_the_hub_was_asked_stays_in_use(bench: Bench, keep: Callable[..., StoredModel]) -> None:
    keep(ADA)
    bench.open_history(ADA)
    late = remote.history(ADA)
    kept = keep(ADA, commit=NEW)
    store.pin(kept)
    assert [commit.current for commit in late] == [False, True]
    history = bench.library.history
    assert history is not None
    bench.library._pending_history = Future()
    bench.library._pending_history.set_result(late)
    bench.library.update(0.0)
    assert [(commit.id, commit.current) for commit in history.commits] == [(NEW, True), (OLD, False)]


def test_an_imported_model_can_be_deleted_but_not_a_bundled_one(bench: Bench, model_directory: Path) -> None:
    shutil.copytree(model_directory, store.imported_folder("dqn"))
    # What a deletion that was broken off left is in nobody's way.
    shutil.copytree(model_directory, store.imported_folder("dqn").with_name(".deleted-dqn"))
    bench.library.refresh()
    bench.choose("dqn")
    bench.model.focus.go(ModelAction.DELETE)
    bench.press(Command.CONFIRM, Command.RIGHT, Command.CONFIRM)
    assert store.imported_names() == []
    bench.choose("ppo")
    assert ModelAction.DELETE not in bench.model.buttons


def test_moving_away_cancels_the_question(bench: Bench, keep: Callable[..., StoredModel]) -> None:
    keep(ADA)
    bench.library.refresh()
    bench.choose(ADA)
    bench.model.focus.go(ModelAction.DELETE)
    bench.press(Command.CONFIRM)
    bench.choose("ppo")
    bench.choose(ADA)
    assert not bench.model.deleting


# Details of a model


def test_details_of_a_bundled_model(bench: Bench) -> None:
    bench.choose("ppo")
    bench.answer("details", -1)
    facts = dict(bench.model.details.facts)
    assert facts["Score"] == "20.97 sampled, sticky 0, 100 games"
    assert facts["Algorithm"] == "ppo, 6.00M steps"
    assert facts["From"] == "bundled with Volley"
    assert len(bench.model.details.curve) > 100


def test_details_from_the_hub_are_fetched_after_a_pause_in_focus(bench: Bench) -> None:
    bench.choose(ZOE)
    assert dict(bench.model.details.facts)["Score"] == "20.78 \N{PLUS-MINUS SIGN} 0.60, according to its card"
    assert bench.model.details.note == LOADING
    assert bench.transfers.names() == []
    bench.go(1)
    bench.answer("examine")
    facts = dict(bench.model.details.facts)
    assert facts["Score"] == "20.78 sampled, sticky 0, 100 games, reported by its author"
    assert (facts["Size"], facts["From"]) == ("2.8 MB", f"{ZOE}@{NEW[:7]}")
    assert [point.mean_return for point in bench.model.details.curve] == [-21, 3]
    assert bench.model.details.card[0] == "A model"
    # It may be published again, and then the list is fetched again.
    bench.library.search_again()
    assert dict(bench.model.details.facts)["Score"] == "20.78 \N{PLUS-MINUS SIGN} 0.60, according to its card"
    bench.go(1)
    assert "examine" in bench.transfers.names()


def test_details_that_failed_are_fetched_again_when_the_model_is_chosen_again(bench: Bench, hub: FakeHub) -> None:
    bench.choose(ZOE)
    hub.failure = "no answer"
    bench.go(1)
    bench.answer("examine")
    assert "no answer" in bench.model.details.note
    bench.go(1)
    assert "examine" not in bench.transfers.names()
    hub.failure = ""
    bench.choose("ppo")
    bench.choose(ZOE)
    bench.go(1)
    bench.answer("examine")
    assert bench.model.details.note == ""


LANDER = ControlSpec(
    algorithm="ppo", environment="LunarLander-v3", observation_size=8, actions=DiscreteActions(count=4)
)


def test_a_model_for_another_environment_is_listed_and_says_so(
    bench: Bench, hub: FakeHub, keep: Callable[..., StoredModel]
) -> None:
    keep(ADA, config=encode(LANDER))
    bench.library.refresh()
    bench.choose(ADA)
    bench.answer("details", -1)
    reason = "It cannot play here: it was trained for LunarLander-v3, not for Pong."
    assert bench.model.details.note == reason
    assert not {ModelAction.PLAY, ModelAction.WATCH} & {*bench.model.buttons}
    hub.config = encode(LANDER)
    bench.choose(ZOE)
    bench.go(1)
    bench.answer("examine")
    assert bench.model.details.note == reason


def test_downloaded_imported_and_trained_models_can_be_chosen_in_the_menu(
    keep: Callable[..., StoredModel], model_directory: Path, spec: ModelSpec, one: Window
) -> None:
    keep(ADA)
    keep("bo/lander", config=encode(LANDER))
    shutil.copytree(model_directory, store.imported_folder("dqn"))
    run = RunDirectory.create(Path("runs/mine"), TrainingSettings(model=spec))
    shutil.copytree(model_directory, run.path / "model", dirs_exist_ok=True)
    RunDirectory.create(Path("runs/begun"), TrainingSettings(model=spec))
    assert local.playable() == ["runs/mine", "dqn", f"{ADA}@{OLD}"]
    screen = MenuScreen(one.services)
    model = screen._view.model._opponent._model
    assert {"runs/mine", "dqn", f"{ADA}@{OLD}"} < {*model.values}


def test_a_run_can_be_published_once_it_has_a_policy(bench: Bench, model_directory: Path, spec: ModelSpec) -> None:
    run = RunDirectory.create(Path("runs/mine"), TrainingSettings(model=spec))
    bench.library.refresh()
    bench.choose("mine")
    assert bench.model.buttons == ()
    shutil.copytree(model_directory, run.path / "best", dirs_exist_ok=True)
    bench.library.refresh()
    bench.go()
    bench.model.focus.go(ModelAction.PUBLISH)
    assert bench.press(Command.CONFIRM) == Publish(Path("runs/mine"))


# Keys, mouse and typing


def at(bench: Bench, target: LibraryArea | ModelAction) -> bool:
    """Whether this group or target is in focus."""
    return target in (bench.model.focus.group, bench.model.focus.target)


def test_keys_alone_reach_everything(bench: Bench, keep: Callable[..., StoredModel]) -> None:
    keep(ADA)
    bench.library.refresh()
    bench.go()
    bench.press(*[Command.DOWN] * 3)
    assert bench.model.entry is not None
    assert bench.model.entry.name == ADA
    bench.go()
    bench.answer("details", -1)
    bench.draw()
    seen: list[object] = []
    for _ in range(5):
        bench.press(Command.RIGHT)
        seen.append(bench.model.focus.target)
    assert seen == [ModelAction.PLAY, ModelAction.WATCH, ModelAction.UPDATE, ModelAction.REVISIONS, ModelAction.DELETE]
    bench.press(Command.UP)
    assert at(bench, LibraryArea.CARD)
    while at(bench, LibraryArea.CARD):
        bench.press(Command.DOWN)
        bench.draw()
    assert bench.model.card_scroll.top == bench.model.card_scroll.max_top > 0
    assert at(bench, ModelAction.PLAY)
    bench.press(Command.RIGHT)
    assert bench.press(Command.CONFIRM) == Start(
        Lineup(Rom(), Policy(f"{ADA}@{OLD}")), back=OpenLibrary(f"{ADA}@{OLD}")
    )
    bench.press(Command.BACK, *[Command.UP] * 4)
    assert at(bench, LibraryArea.SEARCH)
    assert bench.press(Command.BACK) is None
    assert bench.press(Command.BACK) == OpenMenu()


def test_the_mouse_clicks_and_its_wheel_scrolls(bench: Bench, keep: Callable[..., StoredModel]) -> None:
    for number in range(20):
        keep(f"ada/model-{number:02}")
    bench.library.refresh()
    size = (800, 600)
    bench.choose("ada/model-00")
    bench.answer("details", -1)
    bench.draw(size)
    layout = LibraryLayout.of(size, bench.model)
    centre = layout.list.center  # which may lie between two rows
    middle = next(place for place in (centre, (centre[0], centre[1] + 8)) if bench.model.focus.at(place) is not None)
    first = bench.model.focus.at(middle)
    bench.view.wheel(middle, size, 1)
    bench.draw(size)
    moved = bench.model.focus.at(middle)
    # Three times 22 pixels, and a row is 46 high: it is the next row, or the one after.
    rows = [row for row in bench.library.rows if isinstance(row, Entry)]
    assert isinstance(first, Entry)
    assert isinstance(moved, Entry)
    assert 1 <= rows.index(moved) - rows.index(first) <= 2
    bench.view.wheel(layout.text.center, size, 1)
    assert bench.model.card_scroll.top == 3
    bench.view.click(middle, size)
    assert bench.model.row == moved
    place = dict(LibraryLayout.of(size, bench.model).buttons)[ModelAction.WATCH].center
    assert bench.view.click(place, size) == Start(Lineup(Rom(), Policy(moved.model)), back=OpenLibrary(moved.model))


def test_the_key_that_leads_to_a_field_is_not_typed_into_it(one: Window) -> None:
    one._act(OpenLibrary())
    press(one, ord("w"), "w")
    assert one._screen.context is Context.TYPING
    press(one, ord("q"), "q")
    press(one, pygame.K_F1)
    press(one, ord("h"), "h")
    assert (one._help_open, one.services.library.query) == (False, "q")
    pygame.event.post(pygame.Event(pygame.TEXTINPUT, text="é"))
    one.frame(0.01)
    assert one.services.library.query == "qé", "some text comes without a key"


def press(one: Window, key: int, text: str = "", mod: int = 0) -> None:
    """A key as SDL reports it: first as itself, then as text."""
    pygame.event.post(pygame.Event(pygame.KEYDOWN, key=key, mod=mod, unicode=text))
    if text.isprintable() and text:
        pygame.event.post(pygame.Event(pygame.TEXTINPUT, text=text))
    one.frame(0.01)
    pygame.event.post(pygame.Event(pygame.KEYUP, key=key, mod=mod))
    one.frame(0.01)


def test_letters_are_text_while_typing(one: Window) -> None:
    one._act(OpenLibrary())
    press(one, pygame.K_TAB, "\t")
    for letter in "mqh w":
        press(one, ord(letter), letter)
    press(one, pygame.K_BACKSPACE, "\b")
    press(one, pygame.K_LEFT)
    press(one, ord("s"), "s")
    assert one.services.library.query == "mqhs "
    assert not one.services.settings.muted
    assert (one.closed, one._help_open) == (False, False)
    press(one, pygame.K_F1)
    assert (one.closed, one._help_open) == (False, True)
    press(one, ord("x"), "x")
    press(one, pygame.K_ESCAPE, "\x1b")
    assert (one._help_open, one.services.library.query) == (False, "mqhs ")
    press(one, pygame.K_RETURN, "\r")
    press(one, ord("m"), "m")
    assert settings.load().settings.muted
    assert one.services.library.query == "mqhs "


def test_a_held_editing_key_repeats(bench: Bench) -> None:
    bench.press(Command.SEARCH)
    bench.type("abcdefgh")
    held: dict[str, Any] = {"key": pygame.K_BACKSPACE, "mod": 0, "unicode": "\b"}
    assert bench.model.take(pygame.Event(pygame.KEYDOWN, **held))
    seen = []
    for _ in range(58):
        bench.model.repeat(0.01)
        seen.append(len(bench.library.query))
    # Once at first, again after 0.4 s, and then every 0.04 s.
    assert (seen[35], seen[45], seen[-1]) == (7, 5, 2)
    assert not bench.model.take(pygame.Event(pygame.KEYUP, **held))
    bench.model.repeat(1)
    assert bench.library.query == "ab"


def test_hints_show_what_works_now(bench: Bench) -> None:
    def shown() -> dict[str, str]:
        return dict(widgets.hints(BINDINGS, bench.model.hints, bench.view.context))

    assert shown()["Enter"] == "play against it"
    bench.press(Command.SEARCH)
    assert bench.view.context is Context.TYPING
    assert shown() == {"Down": "list", "Enter": "done", "Esc": "list"}


def test_hints_say_what_esc_and_enter_do(bench: Bench, keep: Callable[..., StoredModel]) -> None:
    def shown() -> dict[str, str]:
        return dict(widgets.hints(BINDINGS, bench.model.hints, bench.view.context))

    keep(ADA)
    bench.library.refresh()
    bench.choose(ADA)
    assert shown()["Esc"] == "menu"
    bench.model.focus.go(ModelAction.DELETE)
    bench.press(Command.CONFIRM)
    assert shown()["Esc"] == "keep it"
    bench.model.focus.enter(LibraryArea.LIST)
    assert shown()["Esc"] == "keep it"
    bench.press(Command.BACK)
    assert not bench.model.deleting
    bench.model.focus.go(ModelAction.REVISIONS)
    bench.press(Command.CONFIRM)
    bench.answer("history")
    assert (shown()["Enter"], shown()["Esc"]) == ("use this one", "back")
    bench.library.start_download(ZOE)
    bench.model.settle()
    assert (shown().get("Enter"), shown()["Esc"]) == (None, "cancel download")
    bench.press(Command.BACK)
    bench.model.focus.enter(LibraryArea.LIST)
    assert shown()["Esc"] == "back"
    bench.press(Command.BACK)
    assert bench.library.history is None


def test_the_next_model_of_a_search_shows_its_card_from_the_beginning(bench: Bench) -> None:
    bench.choose("ppo")
    bench.answer("details", -1)
    bench.draw()
    bench.model.card_scroll.by(5)
    bench.library.notice = "cannot download it"
    bench.press(Command.SEARCH)
    bench.type("reinforce")
    assert bench.model.entry is not None
    assert bench.model.entry.name == "reinforce"
    assert (bench.model.card_scroll.top, bench.library.notice) == (0, "")


def test_a_curve_whose_steps_fall_is_not_drawn_backwards() -> None:
    steps = (0, 400_000, 200_000, 400_000, 500_000)
    curve = plausible_curve(tuple(CurvePoint(count, 0.0, 3.0) for count in steps))
    assert [point.steps for point in curve] == [0, 400_000, 400_000, 500_000]


# Drawing


@pytest.fixture
def busy(bench: Bench, keep: Callable[..., StoredModel], hub: FakeHub) -> Iterator[None]:
    """Takes a library with long names through all its states."""
    hub.found[""] = [found(f"{'u' * 60}/{'n' * 90}"), found(ZOE, "an algorithm of a name that goes on")]
    keep("a-user-with-a-long-name/a-repository-whose-name-is-also-long-and-goes-on")
    keep(ADA, config=encode(LANDER))
    bench.library.refresh()
    bench.library.search_again()
    bench.go()
    bench.answer("search")
    return steps(bench, hub)


def steps(bench: Bench, hub: FakeHub) -> Iterator[None]:
    rows = [row for row in bench.library.rows if isinstance(row, Entry)]
    for row in rows:
        bench.model.click(row)
        bench.go(1)
        for name in ("details", "examine"):
            if name in [*bench.questions.names(), *bench.transfers.names()]:
                bench.answer(name, -1)
        yield
    bench.model.focus.go(ModelAction.DOWNLOAD)
    bench.press(Command.CONFIRM)
    assert bench.library.download is not None
    bench.library.download.bytes_done, bench.library.download.bytes_total = 1_234_567, 2_800_000
    yield
    bench.press(Command.BACK)
    bench.library.notice = f"cannot download {ZOE}: {'reasons ' * 60}"
    yield
    bench.choose(ADA)
    bench.model.focus.go(ModelAction.REVISIONS)
    bench.press(Command.CONFIRM)
    bench.answer("history")
    yield
    bench.press(Command.BACK)
    bench.model.focus.go(ModelAction.DELETE)
    bench.press(Command.CONFIRM)
    yield
    bench.press(Command.BACK)
    hub.failure = "the Hub does not answer (ConnectError); check the connection, and try again"
    bench.library.search_again()
    bench.go()
    bench.answer("search")
    yield


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_nothing_is_cut_and_nothing_overlaps(
    size: tuple[int, int], bench: Bench, busy: Iterator[None], monkeypatch: pytest.MonkeyPatch
) -> None:
    texts: list[tuple[pygame.Rect, pygame.Rect]] = []
    draw_text = theme.draw_text

    def note(surface: pygame.Surface, text: str, letters: int, *style: Any, **anchor: Any) -> pygame.Rect:
        box = draw_text(surface, text, letters, *style, **anchor)
        whole = surface.get_rect()
        face = next((each for each in style if isinstance(each, theme.Face)), theme.Face.REGULAR)
        # The visible part. Scrolled rows are cut above and below, but never at the sides.
        assert box.width in (0, theme.font(face, letters).size(text)[0])
        # A third of a line's height is empty.
        texts.append((box.move(surface.get_abs_offset()).inflate(0, -box.height // 3), whole))
        return box

    monkeypatch.setattr(theme, "draw_text", note)
    for _ in busy:
        bench.draw(size)  # Scrolls to the focus.
        texts.clear()
        bench.draw(size)
        layout = LibraryLayout.of(size, bench.model)
        window = pygame.Rect((0, 0), size)
        parts = [layout.title, layout.field, layout.list, layout.panel, layout.hints]
        inner = [layout.heading, layout.facts, layout.text, layout.strip, *(rect for _, rect in layout.buttons)]
        inner += [layout.chart] if bench.model.details.curve else []
        assert all(window.contains(part) for part in parts)
        assert all(layout.panel.contains(part) for part in inner)
        assert not overlaps(parts)
        assert not overlaps([part for part in inner if part.height])
        assert layout.text.height >= 3 * theme.HINT_SIZE or not bench.model.details.card
        assert not overlaps([box for box, _ in texts if window.contains(box)])


def overlaps(rects: list[pygame.Rect]) -> list[tuple[pygame.Rect, pygame.Rect]]:
    return [(one, other) for one, other in itertools.combinations(rects, 2) if one.colliderect(other)]


@pytest.mark.parametrize("area", [LibraryArea.SEARCH, LibraryArea.BUTTONS])
def test_the_focus_ring_is_around_the_target(area: LibraryArea, bench: Bench) -> None:
    bench.model.focus.enter(area)
    surface = bench.draw()
    layout = LibraryLayout.of(surface.size, bench.model)
    rects: dict[LibraryTarget, pygame.Rect] = {bench.model.field: layout.field, **dict(layout.buttons)}
    ringed = [each for each, rect in rects.items() if surface.get_at((rect.centerx, rect.top - 3)) == theme.FOCUS]
    assert ringed == [bench.model.focus.target]


def test_a_card_of_one_endless_word_is_drawn_quickly(bench: Bench, keep: Callable[..., StoredModel]) -> None:
    kept = keep(ADA)
    (kept.directory / "README.md").write_text("W" * 200_000 + "\n" + "w " * 100_000)
    bench.library.refresh()
    bench.choose(ADA)
    bench.answer("details", -1)
    begun = pygame.time.get_ticks()
    bench.draw()
    assert pygame.time.get_ticks() - begun < 1000
    bench.model.card_scroll.by(1)
    assert bench.model.card_scroll.top == 1


def test_a_broken_record_or_config_is_reported_and_breaks_nothing(
    bench: Bench, keep: Callable[..., StoredModel]
) -> None:
    keep(ADA, config=json.dumps({"kind": "pong"}).encode())
    kept = keep(ZOE, NEW)
    (kept.directory / "download.json").write_text("{")
    bench.library.refresh()
    assert bench.names(Section.DOWNLOADED) == [ADA]
    bench.choose(ADA)
    bench.answer("details", -1)
    assert CONFIG_FILE in bench.model.details.note
