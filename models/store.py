"""Models that came from elsewhere: downloads, each kept by its commit, and agents that were imported.

A download is a model directory with a `download.json` in it, which says where it came from and holds the SHA-256 of
every file. It appears by one rename, so that it is there whole or not at all, and `verify` checks that it still is
what was downloaded. Nothing here uses the network; that is `hub`.

    downloads/USER/REPO/COMMIT/   one commit of a repository
    downloads/USER/REPO/current   the commit that USER/REPO stands for
    imported/NAME/                an agent of another program, made a model of Volley's
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from hashlib import file_digest
from pathlib import Path
from typing import Annotated, Literal, NamedTuple, TypeAlias

import msgspec

from models.errors import UserError, one_line
from models.files import atomic_write, data_folder, is_model_directory

RECORD_FILE = "download.json"
CURRENT_FILE = "current"
MAX_RECORD_BYTES = 64 * 1024

_NAME = r"[A-Za-z0-9](?:[A-Za-z0-9_-]|\.(?!\.)){0,95}"
"""Of a user, a repository or an imported model: no word that a file system would take for another folder."""
REPOSITORY = re.compile(f"({_NAME}/{_NAME})(?:@(.+))?")
IMPORTED = re.compile(_NAME)
COMMIT = re.compile("[0-9a-f]{40}")

RepositoryName: TypeAlias = Annotated[str, msgspec.Meta(pattern=f"^{_NAME}/{_NAME}$")]
Commit: TypeAlias = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{40}$")]
Digest: TypeAlias = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
FileName: TypeAlias = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_]+\.[a-z0-9]+$")]


class Download(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where a model came from: its `download.json`."""

    format_version: Literal[1] = 1
    repository: RepositoryName
    revision: str
    """As it was asked for: a branch, a tag or a commit."""
    commit: Commit
    """What that stood for."""
    sha256: dict[FileName, Digest]
    """Of each file."""
    downloaded: str
    """When, in ISO 8601."""


class Kept(NamedTuple):
    """A download on this machine."""

    download: Download
    directory: Path


def split(model: str) -> tuple[str, str | None] | None:
    """The repository and the revision in `USER/REPO[@REVISION]`; None where `model` is not such a name."""
    match = REPOSITORY.fullmatch(model)
    return (match[1], match[2]) if match else None


def downloads() -> list[Kept]:
    """All downloads, in the order of their repositories' names, the newest of each first.

    Skips folders whose record cannot be read.
    """
    found = []
    for file in _downloads_folder().glob(f"*/*/*/{RECORD_FILE}"):
        with suppress(UserError):
            found.append(Kept(_read_record(file.parent), file.parent))
    newest_first = sorted(found, key=lambda kept: kept.download.downloaded, reverse=True)
    return sorted(newest_first, key=lambda kept: kept.download.repository.lower())


def find(repository: str, revision: str | None = None) -> Path:
    """The directory of a download: of `revision`, or of the commit that was downloaded or pinned last.

    `UserError` where it is not here.
    """
    kept = [found for found in downloads() if found.download.repository == repository]
    for download, directory in kept:
        if revision is None:
            if download.commit == current(repository):
                return directory
        elif revision == download.revision or (len(revision) >= _LEAST_HASH and download.commit.startswith(revision)):
            return directory
    if kept and revision is None:
        return kept[0].directory
    asked = repository if revision is None else f"{repository}@{revision}"
    here = ", ".join(f"{repository}@{found.download.commit[:7]}" for found in kept)
    raise UserError(f"{asked} is not here{f' (only {here})' if here else ''}; get it by: volley pull {asked}")


_LEAST_HASH = 7
"""Hexadecimal digits that a commit may be shortened to."""


def current(repository: str) -> str:
    """The commit that the repository's name stands for; empty where none was chosen."""
    try:
        return (_downloads_folder() / repository / CURRENT_FILE).read_text().strip()
    except (OSError, UnicodeDecodeError):
        return ""


def pin(kept: Kept) -> None:
    """Makes this the download that the repository's name stands for."""
    with _explaining_failures("cannot be pinned"):
        atomic_write(kept.directory.parent / CURRENT_FILE, f"{kept.download.commit}\n".encode())


@contextmanager
def staging(repository: str) -> Iterator[Path]:
    """An empty folder, on the same disk as the downloads, for `place`; it is removed at the end."""
    with _explaining_failures("cannot be kept"):
        folder = _downloads_folder() / repository
        staged = folder / f".unfinished-{os.getpid()}-{os.urandom(4).hex()}"
        staged.mkdir(parents=True)
    try:
        yield staged
    finally:
        shutil.rmtree(staged, ignore_errors=True)
        for empty in (folder, folder.parent):
            with suppress(OSError):
                empty.rmdir()  # only where nothing else is in it


def place(staged: Path, download: Download) -> Kept:
    """Moves `staged`, a folder from `staging`, to the downloads, and pins it.

    Where another process was faster, its download stays if it is whole. `UserError` where the disk refuses.
    """
    with _explaining_failures("cannot be kept"):
        kept = Kept(download, _downloads_folder() / download.repository / download.commit)
        (staged / RECORD_FILE).write_bytes(msgspec.json.format(msgspec.json.encode(download), indent=2) + b"\n")
        if not is_whole(kept):
            shutil.rmtree(kept.directory, ignore_errors=True)
            try:
                staged.rename(kept.directory)
            except OSError:
                if not is_whole(kept):
                    raise
    pin(kept)
    return kept


def is_whole(kept: Kept) -> bool:
    """Whether a download is there as it was downloaded."""
    try:
        verify(kept.directory)
    except UserError:
        return False
    return is_model_directory(kept.directory)


def verify(directory: Path) -> None:
    """Reads a download's files again: `UserError` where one has changed, or the record cannot be read.

    A directory without a record is not a download, and is not checked.
    """
    if not (directory / RECORD_FILE).exists():
        return
    for name, digest in _read_record(directory).sha256.items():
        try:
            with (directory / name).open("rb") as file:
                found = file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise UserError(f"{name} cannot be read: {error.strerror}; pull it again") from error
        if found != digest:
            raise UserError(f"{name} is not what was downloaded; pull it again")


def record(directory: Path) -> Download | None:
    """Where the model in `directory` came from; None where it is no download."""
    with suppress(UserError):
        return _read_record(directory)
    return None


def _read_record(directory: Path) -> Download:
    file = directory / RECORD_FILE
    try:
        if file.stat().st_size > MAX_RECORD_BYTES:
            raise UserError(f"{RECORD_FILE} is too large")
        return msgspec.json.decode(file.read_bytes(), type=Download)
    except OSError as error:
        raise UserError(f"{RECORD_FILE} cannot be read: {error.strerror}") from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UserError(f"{RECORD_FILE} is malformed: {one_line(error)}") from error


def remove(kept: Kept) -> None:
    """Deletes a download; `UserError` where that is not possible."""
    with _explaining_failures("cannot be deleted"):
        gone = kept.directory.with_name(f".deleted-{os.getpid()}-{kept.directory.name}")
        kept.directory.rename(gone)  # At once, so that no half of it can be found.
        shutil.rmtree(gone)
        if current(kept.download.repository) == kept.download.commit:
            (kept.directory.parent / CURRENT_FILE).unlink()
    for empty in kept.directory.parents[:2]:
        with suppress(OSError):
            empty.rmdir()


def imported_names() -> list[str]:
    """The names of imported models, in alphabetical order."""
    return sorted(path.name for path in _imported_folder().glob("*") if is_model_directory(path))


def imported_folder(name: str) -> Path:
    """Where an imported model of that name is, or would be; `UserError` where it is not a valid name."""
    if not IMPORTED.fullmatch(name):
        raise UserError(f"{name!r} cannot be a model's name: letters, digits and . _ - only, a letter or digit first")
    return _imported_folder() / name


_chosen_folder: ContextVar[Path | None] = ContextVar("chosen_folder", default=None)


@contextmanager
def keeping_downloads_in(folder: Path | None) -> Iterator[None]:
    """Within the block, downloads of this thread are looked for and kept in `folder`; None leaves it as it is."""
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
def _explaining_failures(what: str) -> Iterator[None]:
    """Turns a failure of the disk into a `UserError`: what was not possible, and why."""
    try:
        yield
    except OSError as error:
        raise UserError(f"the model {what} in {data_folder()}: {error.strerror or error}") from error
