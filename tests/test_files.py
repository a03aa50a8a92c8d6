"""Files appear whole or not at all, also on a full disk and after a power cut."""

from __future__ import annotations

import dataclasses
import errno
import io
import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pygame
import pytest

from agents.pong import Court
from app import settings
from app.game.match import Match
from app.game.snapshot import Snapshot
from app.play import keep
from app.play.film import filming
from app.play.film_formats import Mp4
from app.play.keep import FilmRecorder
from app.play.scene import MatchScene
from models.errors import UserError
from models.files import atomic_write, move_folder, replacing


class Quota(io.FileIO):
    """A file on a disk with room for so many bytes."""

    room = 0

    def write(self, content: Any) -> int:
        if len(content) > self.room:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self.room -= len(content)
        return super().write(content)


@pytest.fixture
def full_disk(monkeypatch: pytest.MonkeyPatch) -> type[Quota]:
    """Makes `Path.open` and what is built on it write to a full disk; its `room` can be changed."""

    class Disk(Quota):
        pass

    opened = Path.open

    def limited(path: Path, mode: str = "r", *rest: Any, **more: Any) -> Any:
        return Disk(path, mode.replace("b", "")) if "w" in mode else opened(path, mode, *rest, **more)

    monkeypatch.setattr(Path, "open", limited)
    return Disk


def test_what_was_there_stays_until_all_is_written(tmp_path: Path) -> None:
    file = tmp_path / "kept"
    atomic_write(file, b"old")
    with suppress(RuntimeError), replacing(file) as unfinished:
        unfinished.write_bytes(b"half")
        assert file.read_bytes() == b"old"
        raise RuntimeError
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]
    assert file.read_bytes() == b"old"
    atomic_write(file, b"new")
    assert file.read_bytes() == b"new"
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]


def test_what_was_there_can_be_kept_under_another_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file, before = tmp_path / "kept", tmp_path / "before"
    for content in (b"first", b"second", b"third"):
        atomic_write(file, content, keep_as=before)
    assert (file.read_bytes(), before.read_bytes()) == (b"third", b"second")

    def broken(_: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "fsync", broken)
    with pytest.raises(OSError, match="Input/output error"):
        atomic_write(file, b"fourth", keep_as=before)
    assert (file.read_bytes(), before.read_bytes()) == (b"third", b"second")


def test_what_was_there_stays_if_the_new_file_cannot_take_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, before = tmp_path / "kept", tmp_path / "before"
    atomic_write(file, b"first", keep_as=before)
    replace = Path.replace

    def in_use(path: Path, target: Path) -> Path:
        if path.name.startswith("."):
            raise PermissionError(errno.EACCES, "in use")
        return replace(path, target)

    monkeypatch.setattr(Path, "replace", in_use)
    with pytest.raises(PermissionError):
        atomic_write(file, b"second", keep_as=before)
    assert file.read_bytes() == b"first"


def test_several_threads_may_write_one_file(tmp_path: Path) -> None:
    file, contents = tmp_path / "kept", [bytes([65 + number]) * 10_000 for number in range(4)]
    with ThreadPoolExecutor(4) as pool:
        for write in [pool.submit(atomic_write, file, content) for content in contents * 15]:
            write.result()
    assert file.read_bytes() in contents
    assert list(tmp_path.iterdir()) == [file]


def test_a_full_disk_leaves_the_old_file(tmp_path: Path, full_disk: type[Quota]) -> None:
    file = tmp_path / "kept"
    full_disk.room = 3
    atomic_write(file, b"old")
    full_disk.room = 3
    with pytest.raises(OSError, match="No space left"):
        atomic_write(file, b"newer")
    assert file.read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]


def test_a_file_is_on_the_disk_before_it_has_its_name_and_then_the_name_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise, after a power cut, the name may stand for an empty file."""
    log: list[str] = []
    sync, replace = os.fsync, Path.replace

    def noted_sync(handle: int) -> None:
        log.append("folder" if Path(f"/proc/self/fd/{handle}").is_dir() else "file")
        sync(handle)

    def noted_replace(path: Path, target: Path) -> Path:
        log.append("rename")
        return replace(path, target)

    monkeypatch.setattr(os, "fsync", noted_sync)
    monkeypatch.setattr(Path, "replace", noted_replace)
    atomic_write(tmp_path / "kept", b"new")
    assert log == ["file", "rename", "folder"]


def test_a_folder_is_on_the_disk_with_all_its_files_before_it_has_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    staged, folder = tmp_path / "staged", tmp_path / "folder"
    (staged / "inner").mkdir(parents=True)
    for name in ("a", "inner/b"):
        (staged / name).write_text(name)
    log: list[str] = []
    sync, rename = os.fsync, Path.rename

    def noted_sync(handle: int) -> None:
        log.append(Path(f"/proc/self/fd/{handle}").readlink().name)
        sync(handle)

    def noted_rename(path: Path, target: Path) -> Path:
        log.append("rename")
        return rename(path, target)

    monkeypatch.setattr(os, "fsync", noted_sync)
    monkeypatch.setattr(Path, "rename", noted_rename)
    move_folder(staged, folder)
    assert sorted(log[:4]) == ["a", "b", "inner", "staged"]
    assert log[4:] == ["rename", tmp_path.name]
    assert (folder / "inner" / "b").read_text() == "inner/b"


NOISE = np.random.default_rng(0).integers(0, 256, (40, 210, 160, 3), dtype=np.uint8)


@pytest.fixture
def noisy() -> list[Snapshot]:
    """What fills a disk fast."""
    now = Match(Court(), names=("Atari CPU", "ppo")).snapshot()
    return [dataclasses.replace(now, picture=picture) for picture in NOISE]


@pytest.mark.parametrize("suffix", [".mp4", ".gif"])
@pytest.mark.parametrize("room", [0, 200_000])
def test_a_film_on_a_full_disk_ends_in_a_line_and_leaves_nothing(
    suffix: str, room: int, tmp_path: Path, full_disk: type[Quota], noisy: list[Snapshot]
) -> None:
    full_disk.room = room

    def record() -> None:
        with filming(tmp_path / f"film{suffix}") as film:
            for now in noisy:
                film.add(now, 3 / float(Mp4.rate))

    with pytest.raises(UserError, match="No space left on device; choose another place"):
        record()
    assert not list(tmp_path.iterdir())


def test_filming_stops_and_the_match_goes_on(
    tmp_path: Path, full_disk: type[Quota], noisy: list[Snapshot], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VOLLEY_DATA", str(tmp_path))
    scene, recorder = MatchScene(), FilmRecorder()
    assert recorder.start({}) == "filming"
    full_disk.room = 1000
    said = [recorder.add(now, 3 / float(Mp4.rate), scene) for _ in range(10) for now in noisy]
    assert [line for line in said if line] == ["filming stopped: No space left on device"]
    assert not recorder.running
    assert recorder.stop() == ""
    assert not list(settings.films_folder().iterdir())


def test_a_screenshot_that_could_not_be_saved_says_so(
    tmp_path: Path, full_disk: type[Quota], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VOLLEY_DATA", str(tmp_path))
    surface = pygame.Surface((20, 10))
    assert keep.save_screenshot(surface).endswith("No space left on device")
    assert not list(settings.screenshots_folder().iterdir())
    full_disk.room = 100_000
    assert keep.save_screenshot(surface).startswith("screenshot saved")
    (file,) = settings.screenshots_folder().iterdir()
    assert pygame.image.load(file).get_size() == (20, 10)
