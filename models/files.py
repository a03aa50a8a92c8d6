"""The names of the files in a model directory. Imports nothing heavy, so that finding a model does not load one.

`run_directory.py` has the other files of a run.
"""

from __future__ import annotations

import codecs
import os
from collections.abc import Iterator
from contextlib import contextmanager
from glob import glob
from hashlib import sha256
from pathlib import Path
from secrets import randbelow

import platformdirs

from models.errors import UserError

CONFIG_FILE, WEIGHTS_FILE = "config.json", "model.safetensors"
"""Every model directory has these two. All files below are optional."""
CARD_FILE, RESULTS_FILE, PROVENANCE_FILE = "README.md", "results.json", "provenance.json"
SETTINGS_FILE = "training_config.json"
"""The training's settings; in a run directory these are the `config.json`."""
CURVE_FILE, CURVE_PICTURE = "learning_curve.csv", "learning_curve.png"
REPLAY_FILE, STILL_FILE = "replay.mp4", "replay.png"
TENSORBOARD_FOLDER = "tensorboard"
STAGES_FOLDER = "stages"
"""Earlier policies of the same training, each in a folder named after its agent steps."""


UNDECODABLE = (ValueError, RecursionError)
"""What decoding a damaged or wicked file raises: the errors of msgspec and of Unicode are ValueErrors."""


def data_folder() -> Path:
    """Returns the folder for the user's data: the environment variable VOLLEY_DATA, or the system's default."""
    folder = os.environ.get("VOLLEY_DATA")
    return Path(folder) if folder else platformdirs.user_data_path("volley", appauthor=False)


# What may not be looked at, or has an impossible name, is not there: the methods of `Path` raise an exception for it.


def exists(path: Path) -> bool:
    """Whether there is anything that may be looked at."""
    return os.path.exists(path)  # noqa: PTH110


def is_file(path: Path) -> bool:
    """Whether there is a file."""
    return os.path.isfile(path)  # noqa: PTH113


def is_folder(path: Path) -> bool:
    """Whether there is a folder."""
    return os.path.isdir(path)  # noqa: PTH112


def found_in(folder: Path, pattern: str = "*") -> list[Path]:
    """Returns what in a folder matches the pattern, sorted; `**` stands for all folders below it."""
    if not is_folder(folder):
        return []
    names = glob(pattern, root_dir=folder, recursive=True, include_hidden=True)  # noqa: PTH207
    return sorted(folder / name for name in names)


def files_below(folder: Path) -> list[Path]:
    """Returns all files in a folder and in the folders below it, sorted."""
    return [path for path in found_in(folder, "**/*") if is_file(path)]


def contents(folder: Path) -> list[Path]:
    """Returns what is in a folder; `OSError` if it may not be looked at, so that nobody takes it for an empty one."""
    return list(folder.iterdir())


def expanded(name: str) -> Path:
    """A path as a user wrote it, with ~ for a home folder, if there is one of that name."""
    return Path(os.path.expanduser(name))  # noqa: PTH111


def is_utf8(name: str) -> bool:
    """Whether a file's name can be written in UTF-8; on Linux one may hold any bytes."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def unmarked(content: bytes) -> bytes:
    """Returns a text without the mark of its encoding, with which some editors begin a file."""
    return content.removeprefix(codecs.BOM_UTF8)


def is_model_directory(directory: Path) -> bool:
    """Whether `directory` looks like a model: it has a `config.json` and a `model.safetensors`."""
    return is_file(directory / CONFIG_FILE) and is_file(directory / WEIGHTS_FILE)


def fingerprint(directory: Path) -> str:
    """Returns the SHA-256 of the model's two files, in hex: it identifies the model.

    `UserError` if one cannot be read.
    """
    digest = sha256()
    for name in (CONFIG_FILE, WEIGHTS_FILE):
        try:
            digest.update((directory / name).read_bytes())
        except OSError as error:
            raise UserError(f"cannot load the model in {directory}: {name} cannot be read: {error.strerror}") from error
    return digest.hexdigest()


# Files that matter appear whole or not at all, also after a power cut: written under another name, brought to the disk,
# and renamed, which is one step.


@contextmanager
def replacing(path: Path, keep_as: Path | None = None) -> Iterator[Path]:
    """The name of a file to be written in the block; at its end the file takes the place of `path`.

    What was at `path` is then at `keep_as`, if given. If the block fails, or the disk does (`OSError`), what was at
    `path` stays, and nothing else. Several threads and processes may do so at once: the last one's file stays.
    """
    unfinished = path.with_name(f".{path.name}.{os.getpid()}{randbelow(10**9):09}")
    try:
        yield unfinished
        _bring_to_disk(unfinished)
        if keep_as is not None and path.exists():
            path.replace(keep_as)
        try:
            unfinished.replace(path)
        except OSError:
            if keep_as is not None and not path.exists():
                keep_as.replace(path)
            raise
        _bring_to_disk(path.parent)
    finally:
        unfinished.unlink(missing_ok=True)


def atomic_write(path: Path, content: bytes | memoryview, keep_as: Path | None = None) -> None:
    """Writes a whole file or nothing; `OSError` if it cannot be written. What was there is kept as for `replacing`."""
    with replacing(path, keep_as) as unfinished:
        unfinished.write_bytes(content)


def move_folder(folder: Path, to: Path) -> None:
    """Gives a finished folder its name, in one step; `OSError` if that is taken, or the disk fails."""
    for path in (*folder.rglob("*"), folder):
        _bring_to_disk(path)
    folder.rename(to)
    _bring_to_disk(to.parent)


def _bring_to_disk(path: Path) -> None:
    """Waits until a file, or a folder's list of files, is on the disk and no longer in memory alone."""
    if path.is_dir() and os.name == "nt":  # Windows opens no folders.
        return
    handle = os.open(path, os.O_RDWR if path.is_file() else os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
