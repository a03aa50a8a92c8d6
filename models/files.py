"""The names of the files in a model directory. Imports nothing heavy, so that finding a model does not load one.

`run_directory.py` has the other files of a run.
"""

from __future__ import annotations

import os
from hashlib import sha256
from pathlib import Path

import platformdirs

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


def expanded(name: str) -> Path:
    """A path as a user wrote it, with ~ for a home folder, if there is one of that name."""
    return Path(os.path.expanduser(name))  # noqa: PTH111


def is_model_directory(directory: Path) -> bool:
    """Whether `directory` looks like a model: it has a `config.json` and a `model.safetensors`."""
    return is_file(directory / CONFIG_FILE) and is_file(directory / WEIGHTS_FILE)


def fingerprint(directory: Path) -> str:
    """Returns the SHA-256 of the model's two files, in hex: it identifies the model."""
    digest = sha256()
    for name in (CONFIG_FILE, WEIGHTS_FILE):
        digest.update((directory / name).read_bytes())
    return digest.hexdigest()


def atomic_write(path: Path, content: bytes) -> None:
    """Writes a whole file or nothing; `OSError` if it cannot be written."""
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        unfinished.write_bytes(content)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
