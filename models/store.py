"""Stores models from elsewhere: downloads, one for each commit, and imported agents.

A download is a model directory with a `download.json`, which says where it came from and has the SHA-256 of every
file. It appears by one rename, so it is never incomplete, and `verify` checks that it has not changed since. Nothing
here uses the network; `hub` does.

    downloads/USER/REPO/COMMIT/   one commit of a repository
    downloads/USER/REPO/current   the commit that USER/REPO refers to
    imported/NAME/                an agent of another program, converted to a Volley model
"""

from __future__ import annotations

import os
import re
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from hashlib import file_digest
from pathlib import Path
from typing import Annotated, Literal, NamedTuple, TypeAlias

import msgspec

from models.errors import UserError, one_line
from models.files import (
    UNDECODABLE,
    atomic_write,
    data_folder,
    exists,
    found_in,
    is_model_directory,
    move_folder,
    unmarked,
)
from models.spec import encode

RECORD_FILE = "download.json"
CURRENT_FILE = "current"
MAX_RECORD_BYTES = 64 * 1024

_NAME = r"[A-Za-z0-9](?:[A-Za-z0-9_-]|\.(?!\.)){0,95}"
"""The name of a user, repository or imported model: never one that leads to another folder."""
REPOSITORY = re.compile(f"({_NAME}/{_NAME})(?:@(.+))?")
IMPORTED = re.compile(_NAME)
COMMIT = re.compile("[0-9a-f]{40}")

RepositoryName: TypeAlias = Annotated[str, msgspec.Meta(pattern=rf"^{_NAME}/{_NAME}\Z")]
Commit: TypeAlias = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{40}\Z")]
Digest: TypeAlias = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}\Z")]
FileName: TypeAlias = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_]+\.[a-z0-9]+\Z")]


class Download(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where a download came from: its `download.json`."""

    format_version: Literal[1] = 1
    repository: RepositoryName
    revision: str
    """As last requested: a branch, a tag or a commit."""
    commit: Commit
    """The commit that the revision referred to."""
    sha256: dict[FileName, Digest]
    """The digest of each file."""
    downloaded: str
    """When it was last asked for, in ISO 8601."""
    earlier: dict[str, str] = {}
    """Other revisions that referred to the commit, and when each was last asked for."""

    def asked_for(self, revision: str) -> str:
        """When it was last asked for by this name; empty if never."""
        return self.downloaded if revision == self.revision else self.earlier.get(revision, "")


class StoredModel(NamedTuple):
    """A download on this machine."""

    download: Download
    directory: Path


def parse_repository(model: str) -> tuple[str, str | None] | None:
    """Returns the repository and the revision in `USER/REPO[@REVISION]`; None if `model` is not such a name."""
    match = REPOSITORY.fullmatch(model)
    return (match[1], match[2]) if match else None


def downloads() -> list[StoredModel]:
    """Returns all downloads, sorted by repository, the newest of each first.

    Skips folders with an unreadable `download.json`, and those that are half deleted or not yet whole.
    """
    found = []
    for file in found_in(_downloads_folder(), f"*/*/*/{RECORD_FILE}"):
        with suppress(UserError):
            if COMMIT.fullmatch(file.parent.name):
                found.append(StoredModel(_read_record(file.parent), file.parent))
    newest_first = sorted(found, key=lambda stored: stored.download.downloaded, reverse=True)
    return sorted(newest_first, key=lambda stored: stored.download.repository.lower())


def find(repository: str, revision: str | None = None) -> Path:
    """Returns the directory of a download: of `revision`, or of the commit that was downloaded or pinned last.

    `UserError` if it is not downloaded.
    """
    found = [stored for stored in downloads() if stored.download.repository == repository]
    if revision is None:
        pinned = [stored for stored in found if stored.download.commit == current(repository)]
        matching = pinned or found
    else:
        # A branch may have referred to several commits.
        named = [stored for stored in found if stored.download.asked_for(revision)]
        named.sort(key=lambda stored: stored.download.asked_for(revision), reverse=True)
        digits = revision if len(revision) >= _MIN_DIGITS else "none"
        matching = named or [stored for stored in found if stored.download.commit.startswith(digits)]
    if matching:
        return matching[0].directory
    name = repository if revision is None else f"{repository}@{revision}"
    others = ", ".join(f"{repository}@{stored.download.commit[:7]}" for stored in found)
    raise UserError(f"{name} is not downloaded{f' (only {others})' if others else ''}; run: volley pull {name}")


_MIN_DIGITS = 7
"""The fewest hexadecimal digits that identify a commit."""


def current(repository: str) -> str:
    """Returns the commit that the repository's name refers to; empty if none is pinned."""
    try:
        return (_downloads_folder() / repository / CURRENT_FILE).read_text().strip()
    except (OSError, UnicodeDecodeError):
        return ""


def ask_again(stored: StoredModel, revision: str, now: str) -> StoredModel:
    """Makes this revision refer to a download that is here already, beside those that do."""
    before = stored.download
    earlier = {name: when for name, when in before.earlier.items() if name != revision}
    if before.revision != revision:
        earlier[before.revision] = before.downloaded
    download = msgspec.structs.replace(before, revision=revision, downloaded=now, earlier=earlier)
    with _explaining_failures("save"):
        atomic_write(stored.directory / RECORD_FILE, encode(download))
    return StoredModel(download, stored.directory)


def pin(stored: StoredModel) -> None:
    """Makes the repository's name refer to this download."""
    with _explaining_failures("pin"):
        atomic_write(stored.directory.parent / CURRENT_FILE, f"{stored.download.commit}\n".encode())


_A_DAY = 24 * 3600
"""In seconds; no download takes as long."""


@contextmanager
def staging(repository: str) -> Iterator[Path]:
    """Makes an empty folder for `install`, on the same disk as the downloads; removes it at the end of the block.

    What a process that was killed has left of another one goes, too, after a day.
    """
    with _explaining_failures("save"):
        folder = _downloads_folder() / repository
        for left_over in (*found_in(folder, ".unfinished-*"), *found_in(folder, ".deleted-*")):
            with suppress(OSError):
                if time.time() - left_over.stat().st_mtime > _A_DAY:
                    shutil.rmtree(left_over)
        staged = folder / f".unfinished-{os.getpid()}-{os.urandom(4).hex()}"
        staged.mkdir(parents=True)
    try:
        yield staged
    finally:
        shutil.rmtree(staged, ignore_errors=True)
        for empty in (folder, folder.parent):
            with suppress(OSError):
                empty.rmdir()  # only if it is empty


def install(staged: Path, download: Download) -> StoredModel:
    """Moves `staged`, a folder from `staging`, to the downloads.

    If another process was faster, its download stays if it is intact. `UserError` if the disk fails.
    """
    with _explaining_failures("save"):
        stored = StoredModel(download, _downloads_folder() / download.repository / download.commit)
        (staged / RECORD_FILE).write_bytes(encode(download))
        if is_intact(stored):
            here = StoredModel(_read_record(stored.directory), stored.directory)
            return ask_again(here, download.revision, download.downloaded)
        shutil.rmtree(stored.directory, ignore_errors=True)
        try:
            move_folder(staged, stored.directory)
        except OSError:
            if not is_intact(stored):
                raise
    return stored


def is_intact(stored: StoredModel) -> bool:
    """Whether a download exists and is unchanged."""
    try:
        verify(stored.directory)
    except UserError:
        return False
    return is_model_directory(stored.directory)


def verify(directory: Path) -> None:
    """Checks a download's files: `UserError` if one has changed, or its `download.json` cannot be read.

    A directory without a `download.json` is not a download, and is not checked.
    """
    if not exists(directory / RECORD_FILE):
        return
    for name, digest in _read_record(directory).sha256.items():
        try:
            with (directory / name).open("rb") as file:
                found = file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise UserError(f"{name} cannot be read: {error.strerror}; pull it again") from error
        if found != digest:
            raise UserError(f"{name} has changed since it was downloaded; pull it again")


def _read_record(directory: Path) -> Download:
    file = directory / RECORD_FILE
    try:
        if file.stat().st_size > MAX_RECORD_BYTES:
            raise UserError(f"{RECORD_FILE} is too large")
        return msgspec.json.decode(unmarked(file.read_bytes()), type=Download)
    except OSError as error:
        raise UserError(f"{RECORD_FILE} cannot be read: {error.strerror}") from error
    except UNDECODABLE as error:
        raise UserError(f"{RECORD_FILE} is malformed: {one_line(error)}") from error


def remove(stored: StoredModel) -> None:
    """Deletes a download; `UserError` if that fails."""
    with _explaining_failures("delete"):
        deleted = stored.directory.with_name(f".deleted-{os.getpid()}-{stored.directory.name}")
        stored.directory.rename(deleted)  # One step, so that nobody finds a half-deleted model.
        shutil.rmtree(deleted)
        if current(stored.download.repository) == stored.download.commit:
            (stored.directory.parent / CURRENT_FILE).unlink()
    for empty in stored.directory.parents[:2]:
        with suppress(OSError):
            empty.rmdir()


def imported_names() -> list[str]:
    """Returns the names of imported models, sorted. What was left half written, or has no valid name, is none."""
    paths = (path for path in found_in(_imported_folder()) if IMPORTED.fullmatch(path.name))
    return sorted(path.name for path in paths if is_model_directory(path))


def imported_folder(name: str) -> Path:
    """Returns the folder for an imported model of that name; `UserError` if the name is invalid."""
    if not IMPORTED.fullmatch(name):
        raise UserError(f"{name!r} is not a valid model name: start with a letter or digit, then also use . _ and -")
    return _imported_folder() / name


_chosen_folder: ContextVar[Path | None] = ContextVar("chosen_folder", default=None)


@contextmanager
def keeping_downloads_in(folder: Path | None) -> Iterator[None]:
    """In the block, and in this thread only, downloads are in `folder`; None changes nothing."""
    before = _chosen_folder.set(folder or _chosen_folder.get())
    try:
        yield
    finally:
        _chosen_folder.reset(before)


def _downloads_folder() -> Path:
    return _chosen_folder.get() or data_folder() / "downloads"


def _imported_folder() -> Path:
    return data_folder() / "imported"


@contextmanager
def _explaining_failures(action: str) -> Iterator[None]:
    """Turns a failure of the disk into a `UserError`: which action failed, and why."""
    try:
        yield
    except OSError as error:
        raise UserError(f"cannot {action} the model in {_downloads_folder()}: {error.strerror or error}") from error
