"""Folders that may not be entered, and names that no file can have."""

from __future__ import annotations

import ast
import ctypes
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pygame
import pytest

import volley
from app.command.main import main
from app.game.lineup import Lineup, Rom, Tracker
from app.game.session import Session
from app.hub.local import entries
from app.play import keep
from app.ui.display import open_display
from app.window import Window
from models import catalog, store
from models.errors import UserError
from models.files import CONFIG_FILE, contents, files_below, found_in, is_model_directory

CAPABILITY_VERSION, DAC_OVERRIDE, DAC_READ_SEARCH = 0x20080522, 1 << 1, 1 << 2
"""From Linux's capability.h."""
CHECKOUT = Path(volley.__file__).parent
not_on_windows = pytest.mark.skipif(os.name == "nt", reason="Windows has other permissions")


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The current folder of someone who is not root, with a data folder in it."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    monkeypatch.chdir(folder)
    monkeypatch.setenv("VOLLEY_DATA", str(folder / "data"))
    yield folder
    for above, names, _ in os.walk(folder):
        for name in names:
            Path(above, name).chmod(0o755)  # Else only root could remove it.
    shutil.rmtree(folder)


@pytest.fixture
def unprivileged(here: Path) -> Iterator[None]:
    """Root, too, may enter only what its permissions allow: on Linux, without the two powers to override them."""
    del here
    if os.geteuid() != 0:
        yield
        return
    if sys.platform != "linux":
        pytest.skip("nobody is stopped from entering a folder as root")
    libc = ctypes.CDLL(None, use_errno=True)
    header, powers = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION, 0), (ctypes.c_uint32 * 6)()
    assert libc.capget(header, powers) == 0
    before, powers[0] = powers[0], powers[0] & ~(DAC_OVERRIDE | DAC_READ_SEARCH)
    assert libc.capset(header, powers) == 0
    yield
    powers[0] = before
    assert libc.capset(header, powers) == 0


def lock(folder: Path) -> None:
    folder.mkdir(parents=True)
    (folder / CONFIG_FILE).write_text("{}")
    folder.chmod(0)


@not_on_windows
def test_folders_that_may_not_be_entered_are_passed_over(
    here: Path, request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]
) -> None:
    lock(here / "runs" / "locked")
    lock(here / "data" / "imported" / "locked")
    lock(here / "data" / "downloads" / "ada" / "locked")
    request.getfixturevalue("unprivileged")
    assert not is_model_directory(here / "runs" / "locked")
    assert catalog.runs() == []
    assert store.downloads() == []
    assert store.imported_names() == []
    assert catalog.bundled_names() == [entry.name for entry in entries()]
    assert main(["models"]) == 0
    assert "ppo" in capsys.readouterr().out
    with pytest.raises(UserError, match=r"holds no model|neither a model's name"):
        catalog.resolve("runs/locked")
    with pytest.raises(UserError, match="neither a model's name"):
        catalog.resolve("runs/locked/model")


@not_on_windows
def test_a_data_folder_that_may_not_be_entered_is_passed_over(
    here: Path, request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]
) -> None:
    lock(here / "data")
    request.getfixturevalue("unprivileged")
    assert store.downloads() == []
    assert store.imported_names() == []
    assert main(["models"]) == 0
    capsys.readouterr()
    assert main(["evaluate", "mine"]) == 2
    assert told(capsys).startswith("volley: 'mine' is neither a model's name nor a directory; known models: ")


@not_on_windows
def test_the_window_opens_and_keeps_nothing_where_it_may_not(
    here: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    monkeypatch.setenv("VOLLEY_CONFIG", str(here / "config"))
    session = Session(Lineup(Rom(), Tracker()), seed=0, games=1)
    session.begin_now()
    session.match.advance()
    replay = session.replay()
    assert replay is not None
    lock(here / "data")
    request.getfixturevalue("unprivileged")
    one = Window(open_display())
    one.frame(0.0)
    one.services.loader.shutdown()
    one.services.display.close()
    assert keep.save_screenshot(pygame.Surface((2, 2))).endswith(": Permission denied")
    assert keep.save_replay(replay).startswith("cannot save the replay to ")
    assert keep.FilmRecorder().start({}).endswith("films: Permission denied")


@not_on_windows
def test_a_search_path_that_may_not_be_entered_is_passed_over(
    here: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock(here / "modules")
    monkeypatch.syspath_prepend(here / "modules")
    request.getfixturevalue("unprivileged")
    assert volley._other("models") is None


TRAIN = ["train", "ppo", "--env", "CartPole-v1", "--steps", "1", "--run"]
PUBLISH = ["publish", "ppo", "ada/x", "--dry-run", "--folder"]


@not_on_windows
@pytest.mark.parametrize("name", ["runs/locked", "runs/locked/x", "runs/" + "x" * 300])
@pytest.mark.parametrize("command", [TRAIN, PUBLISH], ids=["train", "publish"])
def test_a_folder_that_cannot_be_written_is_told_in_a_line(
    name: str,
    command: list[str],
    here: Path,
    request: pytest.FixtureRequest,
    capsys: pytest.CaptureFixture[str],
) -> None:
    lock(here / "runs" / "locked")
    request.getfixturevalue("unprivileged")
    assert main([*command, name]) == 2
    line = told(capsys)
    assert line.startswith(f"volley: cannot write {'to ' if command is TRAIN else ''}{name[:50]}")
    assert line.endswith(
        f"{'name too long' if len(name) > 300 else 'Permission denied'}; choose another with {command[-1]}"
    )


@not_on_windows
def test_a_training_without_a_place_for_its_run_is_told_in_a_line(
    here: Path, request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]
) -> None:
    lock(here / "runs")
    request.getfixturevalue("unprivileged")
    assert main(TRAIN[:-1]) == 2
    assert told(capsys).endswith(": Permission denied; choose another with --run")


@not_on_windows
def test_a_folder_whose_list_is_hidden_is_not_taken_for_an_empty_one(
    here: Path, request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]
) -> None:
    run = here / "runs" / "hidden"
    lock(run)
    run.chmod(0o333)
    request.getfixturevalue("unprivileged")
    assert main([*TRAIN, "runs/hidden"]) == 2
    assert told(capsys).startswith("volley: cannot write to runs/hidden: Permission denied")
    assert (run / CONFIG_FILE).read_text() == "{}"


@pytest.mark.parametrize("name", ["~nosuchuser/x", "x" * 300, "a/" + "x" * 300, "a\0b"])
@pytest.mark.parametrize(
    "command",
    [
        ["evaluate"],
        ["plot"],
        ["pull"],
        ["league", "tracker"],
        ["watch", "--headless"],
        ["publish", "--dry-run", "--staged", "NAME", "ada/x"],
    ],
    ids=lambda words: words[0],
)
def test_impossible_names_are_told_in_a_line(
    name: str, command: list[str], here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    del here
    words = [name if word == "NAME" else word for word in command]
    assert main(words if name in words else [*words, name]) == 2
    assert len(told(capsys)) < 400


def told(capsys: pytest.CaptureFixture[str]) -> str:
    """The one line on standard error."""
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("volley: ")
    return line


def test_what_is_found_in_a_folder(tmp_path: Path) -> None:
    for name in ("b/c/one.py", "b/.two.py", "a.py", ".d/three.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert found_in(tmp_path) == [tmp_path / name for name in (".d", "a.py", "b")]
    assert found_in(tmp_path, "*/*.py") == [tmp_path / "b" / ".two.py"]
    assert files_below(tmp_path) == [tmp_path / name for name in (".d/three.txt", "a.py", "b/.two.py", "b/c/one.py")]
    assert found_in(tmp_path / "a.py") == found_in(tmp_path / "x") == found_in(Path("a\0b")) == []
    with pytest.raises(FileNotFoundError):
        contents(tmp_path / "x")


LOOKS = {"exists", "is_dir", "is_file", "glob", "rglob", "iterdir"}
"""Methods of `Path` that raise an exception where one may not look; `models.files` has functions in their place."""
LOOKS_BY_ITSELF = {
    "models/files.py": "it defines those functions; and it looks into folders that it has just written",
    "training/run.py": "before it saves, it looks for its own checkpoint, and tells what goes wrong",
}


@pytest.mark.parametrize("package", ["models", "agents", "training", "app", "volley.py"])
def test_who_looks_into_folders_asks_models_files(package: str) -> None:
    place = CHECKOUT / package
    looking = set()
    for file in files_below(place) if place.is_dir() else [place]:
        if file.suffix == ".py":
            calls = (node.func for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.Call))
            if any(isinstance(call, ast.Attribute) and call.attr in LOOKS for call in calls):
                looking.add(file.relative_to(CHECKOUT).as_posix())
    assert looking == {name for name in LOOKS_BY_ITSELF if name.startswith(package)}
