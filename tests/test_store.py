from __future__ import annotations

import json
import os
import shutil
from hashlib import sha256
from pathlib import Path

import pytest

from models import catalog, checkpoint, store
from models.errors import UserError
from models.files import CONFIG_FILE, WEIGHTS_FILE
from models.store import Download, StoredModel

FIRST, SECOND = "1" * 40, "2" * 40


@pytest.fixture(autouse=True)
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "data"
    monkeypatch.setenv("VOLLEY_DATA", str(folder))
    return folder


def keep(
    model: Path,
    repository: str = "ada/pong",
    *,
    commit: str = FIRST,
    revision: str = "main",
    downloaded: str = "2026-01-01T00:00:00+00:00",
) -> StoredModel:
    with store.staging(repository) as staged:
        shutil.copytree(model, staged, dirs_exist_ok=True)
        digests = {file.name: sha256(file.read_bytes()).hexdigest() for file in staged.iterdir()}
        return store.install(
            staged,
            Download(repository=repository, revision=revision, commit=commit, sha256=digests, downloaded=downloaded),
        )


def files_under(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize(
    ("model", "named"),
    [
        ("ada/pong", ("ada/pong", None)),
        ("ada/pong@v1.0", ("ada/pong", "v1.0")),
        ("a.da/po-ng_2@refs/pr/1", ("a.da/po-ng_2", "refs/pr/1")),
        ("ppo", None),
        ("ppo@454656", None),
        ("a/b/c", None),
        ("../pong", None),
        ("ada/..", None),
        ("ada/.pong", None),
        ("ada/p..ng", None),
        ("ada/", None),
        ("/pong", None),
        ("ada/po ng", None),
        ("ada\\pong/x", None),
        ("ada/pong\n", None),
    ],
)
def test_what_names_a_repository(model: str, named: tuple[str, str | None] | None) -> None:
    assert store.parse_repository(model) == named


def test_a_download_is_found_by_its_name_its_revision_and_its_commit(model_directory: Path, data: Path) -> None:
    kept = keep(model_directory, revision="v1")
    assert kept.directory == data / "downloads" / "ada" / "pong" / FIRST
    for revision in (None, "v1", FIRST, FIRST[:7]):
        assert store.find("ada/pong", revision) == kept.directory
    assert catalog.resolve("ada/pong@v1") == kept.directory
    assert checkpoint.load(catalog.resolve("ada/pong"))[0].algorithm == "ppo"
    assert store.downloads() == [kept]


def test_a_download_is_found_by_every_name_that_it_was_asked_for(model_directory: Path) -> None:
    keep(model_directory, commit=FIRST, revision="main", downloaded="2026-01-01T00:00:00+00:00")
    keep(model_directory, commit=FIRST, revision="v1", downloaded="2026-01-02T00:00:00+00:00")
    keep(model_directory, commit=SECOND, revision="main", downloaded="2026-01-03T00:00:00+00:00")
    keep(model_directory, commit=FIRST, revision="stable", downloaded="2026-01-04T00:00:00+00:00")
    found = {name: store.find("ada/pong", name).name for name in ("main", "v1", "stable")}
    assert found == {"main": SECOND, "v1": FIRST, "stable": FIRST}


def test_what_a_killed_download_left_goes_after_a_day(model_directory: Path, data: Path) -> None:
    left = [
        data / "downloads" / "ada" / "pong" / name for name in (".unfinished-1-abc", ".deleted-1-abc", ".unfinished-2")
    ]
    for folder in left:
        folder.mkdir(parents=True)
        (folder / WEIGHTS_FILE).touch()
    for folder in left[:2]:
        os.utime(folder, (0, 0))
    keep(model_directory)
    assert [folder.exists() for folder in left] == [False, False, True]


def test_what_is_not_here_says_how_to_get_it(model_directory: Path) -> None:
    with pytest.raises(UserError, match=r"^ada/pong is not downloaded; run: volley pull ada/pong$"):
        catalog.resolve("ada/pong")
    keep(model_directory)
    for revision in ("v2", FIRST[:6]):
        message = (
            rf"^ada/pong@{revision} is not downloaded \(only ada/pong@1111111\); run: volley pull ada/pong@{revision}"
        )
        with pytest.raises(UserError, match=message):
            store.find("ada/pong", revision)


def test_the_name_stands_for_what_was_placed_or_pinned_last(model_directory: Path) -> None:
    first = keep(model_directory)
    second = keep(model_directory, commit=SECOND, downloaded="2026-02-01T00:00:00+00:00")
    assert store.find("ada/pong") == second.directory
    store.pin(first)
    assert store.find("ada/pong") == first.directory
    assert store.current("ada/pong") == FIRST


def test_downloads_by_name_and_the_newest_first(model_directory: Path) -> None:
    assert store.downloads() == []
    old = keep(model_directory, "ada/pong")
    new = keep(model_directory, "ada/pong", commit=SECOND, downloaded="2026-02-01T00:00:00+00:00")
    other = keep(model_directory, "Abe/zebra")
    assert store.downloads() == [other, new, old]


def test_a_folder_on_disk_goes_before_a_repository_of_its_name(
    model_directory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep(model_directory, "ada/pong")
    monkeypatch.chdir(tmp_path)
    shutil.copytree(model_directory, tmp_path / "ada" / "pong")
    assert catalog.resolve("ada/pong") == Path("ada/pong")


def test_an_imported_model_is_found_by_its_name(model_directory: Path) -> None:
    shutil.copytree(model_directory, store.imported_folder("theirs"))
    for name in ("my model", ".theirs-a1b2c3", ".deleted-other"):
        shutil.copytree(model_directory, store.imported_folder("theirs").with_name(name))
    assert store.imported_names() == ["theirs"]
    assert catalog.resolve("theirs") == store.imported_folder("theirs")


@pytest.mark.parametrize("name", ["", "..", ".x", "a/b", "a\\b", "a b", "a\n", "x" * 97, "a..b", "-a"])
def test_what_cannot_be_a_model_s_name(name: str) -> None:
    with pytest.raises(UserError, match="is not a valid model name"):
        store.imported_folder(name)


@pytest.mark.parametrize("file", [CONFIG_FILE, WEIGHTS_FILE])
def test_a_download_that_was_changed_is_not_loaded(model_directory: Path, file: str) -> None:
    directory = keep(model_directory).directory
    content = bytearray((directory / file).read_bytes())
    content[-2] ^= 1
    (directory / file).write_bytes(content)
    for load in (checkpoint.load, checkpoint.load_policy, checkpoint.load_spec):
        with pytest.raises(
            UserError, match=rf"^cannot load .*: {file} has changed since it was downloaded; pull it again$"
        ):
            load(directory)


def test_a_file_of_a_download_that_is_gone_is_told(model_directory: Path) -> None:
    directory = keep(model_directory).directory
    (directory / WEIGHTS_FILE).unlink()
    with pytest.raises(
        UserError, match=r"model\.safetensors cannot be read: No such file or directory; pull it again$"
    ):
        checkpoint.load(directory)


@pytest.mark.parametrize(
    "change",
    [
        {"sha256": {"../../../secret.txt": "0" * 64}},
        {"sha256": {"config.json": "0" * 63}},
        {"commit": "../../x"},
        {"repository": "../x"},
        {"format_version": 2},
        {"more": 1},
    ],
)
def test_a_record_that_is_none_is_refused(model_directory: Path, change: dict[str, object]) -> None:
    directory = keep(model_directory).directory
    record = json.loads((directory / store.RECORD_FILE).read_bytes()) | change
    (directory / store.RECORD_FILE).write_text(json.dumps(record))
    with pytest.raises(UserError, match=r"download\.json is malformed"):
        checkpoint.load(directory)
    assert store.downloads() == []


def test_a_damaged_download_is_replaced_and_a_whole_one_stays(model_directory: Path) -> None:
    kept = keep(model_directory)
    inode = kept.directory.stat().st_ino
    keep(model_directory)
    assert kept.directory.stat().st_ino == inode
    (kept.directory / WEIGHTS_FILE).write_bytes(b"")
    keep(model_directory)
    checkpoint.load(kept.directory)


def test_what_is_staged_and_not_placed_leaves_nothing(data: Path, model_directory: Path) -> None:
    with store.staging("ada/pong") as staged:
        shutil.copytree(model_directory, staged, dirs_exist_ok=True)
    assert not list((data / "downloads").iterdir())


def test_removing(model_directory: Path, data: Path) -> None:
    first, second = keep(model_directory), keep(model_directory, commit=SECOND)
    store.remove(second)
    assert store.find("ada/pong") == first.directory
    store.remove(first)
    assert not files_under(data)
    with pytest.raises(UserError, match="cannot delete"):
        store.remove(first)


def test_a_disk_that_is_full_is_told_in_a_line(
    model_directory: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    keep(model_directory)
    monkeypatch.setattr(Path, "rename", full)
    with pytest.raises(UserError, match=r"^cannot save the model in .*: No space left on device$"):
        keep(model_directory, commit=SECOND)
    assert [kept.download.commit for kept in store.downloads()] == [FIRST]
    assert not list(data.rglob(".unfinished*"))


@pytest.mark.parametrize("name", [f".deleted-1-{FIRST}", f".unfinished-{FIRST}"])
def test_what_is_half_deleted_or_not_yet_whole_is_no_download(model_directory: Path, name: str) -> None:
    kept = keep(model_directory)
    kept.directory.rename(kept.directory.with_name(name))
    assert store.downloads() == []
    with pytest.raises(UserError, match=r"is not downloaded; run: volley pull ada/pong$"):
        store.find("ada/pong")
