"""Folders that may not be entered, and names that no file can have."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.command.main import main
from app.hub.local import entries
from models import catalog, store
from models.errors import UserError
from models.files import CONFIG_FILE, is_model_directory

NOBODY = 65534


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The current folder of someone who is not root, with a data folder in it."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    monkeypatch.chdir(folder)
    monkeypatch.setenv("VOLLEY_DATA", str(folder / "data"))
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def unprivileged(here: Path) -> Iterator[None]:
    """Nobody is stopped from entering a folder as root."""
    del here
    root = os.geteuid() == 0
    if root:
        os.seteuid(NOBODY)
    yield
    if root:
        os.seteuid(0)


def lock(folder: Path) -> None:
    folder.mkdir(parents=True)
    (folder / CONFIG_FILE).write_text("{}")
    folder.chmod(0)


@pytest.mark.skipif(os.name == "nt", reason="Windows has other permissions")
def test_folders_that_may_not_be_entered_are_passed_over(
    here: Path, request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["models"]) == 0  # so that all is imported that only root may read
    lock(here / "runs" / "locked")
    lock(here / "data" / "imported" / "locked")
    lock(here / "data" / "hub" / "ada" / "locked")
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
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("volley: ")
    assert len(line) < 400
