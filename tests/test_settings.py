from __future__ import annotations

import itertools
import os
from pathlib import Path

import msgspec
import pytest

from app import settings
from app.game.lineup import Ladder, Lineup, Person, Player, Policy, Rom, Tracker
from app.settings import FIRST_OPPONENT, Loaded, Settings

PLAYERS: tuple[Player, ...] = (
    Person(),
    Rom(),
    Tracker(reaction_ms=120),
    Policy("someone/some-model@v1", temperature=0.5, greedy=True, reaction_ms=230),
    Ladder(level=3),
)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The settings folder, which does not exist yet."""
    monkeypatch.setenv("VOLLEY_CONFIG", str(tmp_path / "new" / "config"))
    return tmp_path / "new" / "config"


def write(folder: Path, text: str) -> Path:
    folder.mkdir(parents=True)
    path = folder / "settings.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_without_a_file_there_are_defaults_and_no_warning(folder: Path) -> None:
    now = Settings()
    assert settings.load() == Loaded(now, None)
    assert (now.volume, now.muted, now.whole_pixels, now.full_screen, now.keys) == (60, False, False, False, {})
    assert now.last == Lineup(left=FIRST_OPPONENT, right=Person())
    assert not folder.exists(), "nothing is written before there is something to remember"


@pytest.mark.parametrize(
    ("left", "right"),
    [pair for pair in itertools.product(PLAYERS, PLAYERS) if not isinstance(pair[1], Rom)],
    ids=lambda player: type(player).__name__,
)
def test_every_lineup_comes_back(left: Player, right: Player) -> None:
    kept = Settings(last=Lineup(left, right))
    assert settings.save(kept) is None
    assert settings.load() == Loaded(kept, None)


def test_everything_else_comes_back_and_nothing_is_left_beside_it(folder: Path) -> None:
    kept = Settings(volume=0, muted=True, whole_pixels=True, full_screen=True, keys={"pause": ["o", "left shift"]})
    settings.save(Settings())
    settings.save(kept)
    assert settings.load().settings == kept
    assert [path.name for path in folder.iterdir()] == ["settings.toml"]


def test_a_file_of_a_newer_volley_is_read(folder: Path) -> None:
    write(folder, 'volume = 7\nsmell = "ozone"\n[last.left]\ntype = "person"\nhat = 1\n[last.right]\ntype = "person"\n')
    assert settings.load() == Loaded(Settings(volume=7, last=Lineup(Person(), Person())), None)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("volume = = 3", "Invalid value"),
        ("volume = 101", "<= 100"),
        ('volume = "loud"', "Expected `int`"),
        ('keys = {pause = "o"}', "Expected `array`"),
        ('[last]\nleft = {type = "person"}\nright = {type = "rom"}', "plays the left only"),
        ('[last]\nleft = {type = "ghost"}\nright = {type = "person"}', "ghost"),
    ],
)
def test_a_broken_file_is_renamed_and_replaced_by_the_defaults(folder: Path, text: str, reason: str) -> None:
    path = write(folder, text)
    now, warning = settings.load()
    assert now == Settings()
    assert warning is not None
    assert reason in warning
    assert "settings.toml.broken" in warning
    assert "\n" not in warning
    settings.save(now)
    assert path.with_name("settings.toml.broken").read_text(encoding="utf-8") == text
    assert settings.load() == Loaded(now, None)


def test_a_long_error_is_cut(folder: Path) -> None:
    write(folder, f'[last]\nleft = {{type = "{"ghost" * 200}"}}\nright = {{type = "person"}}')
    _, warning = settings.load()
    assert warning is not None
    assert "ghost" in warning
    assert warning.count("ghost") < 100


def test_a_binary_file_is_renamed(folder: Path) -> None:
    write(folder, "").write_bytes(b"\xff\xfe\x00")
    now, warning = settings.load()
    assert (now, warning is None) == (Settings(), False)
    assert (folder / "settings.toml.broken").read_bytes() == b"\xff\xfe\x00"


def test_a_file_that_cannot_be_opened_is_renamed(folder: Path) -> None:
    (folder / "settings.toml").mkdir(parents=True)
    now, warning = settings.load()
    assert now == Settings()
    assert warning is not None
    assert "cannot read" in warning
    assert settings.save(now) is None
    assert settings.load() == Loaded(now, None)


def test_a_full_disk_is_reported_and_changes_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.save(Settings(volume=5))

    def full(_settings: Settings) -> bytes:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(msgspec.toml, "encode", full)
    warning = settings.save(Settings(volume=6))
    assert warning is not None
    assert "No space left on device" in warning
    assert settings.load().settings.volume == 5
    assert os.listdir(folder) == ["settings.toml"]  # noqa: PTH208 - hidden files too


def test_the_file_is_replaced_and_not_overwritten(folder: Path) -> None:
    settings.save(Settings(volume=5))
    old = folder / "old.toml"
    old.hardlink_to(folder / "settings.toml")
    settings.save(Settings(volume=6))
    assert msgspec.toml.decode(old.read_bytes(), type=Settings).volume == 5


def test_a_folder_that_cannot_be_made_is_reported(folder: Path) -> None:
    folder.parent.write_text("a file where the folder should be", encoding="utf-8")
    assert settings.save(Settings()) is not None


def test_where_files_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VOLLEY_CONFIG")
    monkeypatch.delenv("VOLLEY_DATA", raising=False)
    assert settings.settings_file().name == "settings.toml"
    assert settings.settings_file().parent.name == "volley"
    assert settings.screenshots_folder().name == settings.films_folder().name == "Volley"
    assert settings.replays_folder().parts[-2:] == ("volley", "replays")
    monkeypatch.setenv("VOLLEY_DATA", str(tmp_path))
    folders = (settings.screenshots_folder(), settings.films_folder(), settings.replays_folder())
    assert folders == (tmp_path / "screenshots", tmp_path / "films", tmp_path / "replays")


def test_a_mark_of_the_encoding_is_passed_over(folder: Path) -> None:
    folder.mkdir(parents=True)
    (folder / "settings.toml").write_bytes(b"\xef\xbb\xbfvolume = 25\n")
    assert settings.load() == Loaded(Settings(volume=25), None)
