"""A model directory's files: what they are called. Imports nothing heavy: finding a model must not cost loading one.

What else a run directory holds is in `run_directory.py`.
"""

from __future__ import annotations

import os
from hashlib import sha256
from pathlib import Path

import platformdirs

CONFIG_FILE, WEIGHTS_FILE = "config.json", "model.safetensors"
"""What makes a directory a model. Beside them there may be any of the following."""
CARD_FILE, RESULTS_FILE, PROVENANCE_FILE = "README.md", "results.json", "provenance.json"
SETTINGS_FILE = "training_config.json"
"""The settings of the training, which in its run are the `config.json`."""
CURVE_FILE, CURVE_PICTURE = "learning_curve.csv", "learning_curve.png"
REPLAY_FILE, STILL_FILE = "replay.mp4", "replay.png"
TENSORBOARD_FOLDER = "tensorboard"
STAGES_FOLDER = "stages"
"""Earlier policies of the same training, each in a folder named by its agent steps."""


def data_folder() -> Path:
    """Where what Volley keeps for a person goes; the environment variable VOLLEY_DATA names another folder."""
    folder = os.environ.get("VOLLEY_DATA")
    return Path(folder) if folder else platformdirs.user_data_path("volley", appauthor=False)


def is_model_directory(directory: Path) -> bool:
    """Whether `directory` looks like a model: it holds a `config.json` and a `model.safetensors`."""
    return (directory / CONFIG_FILE).is_file() and (directory / WEIGHTS_FILE).is_file()


def fingerprint(directory: Path) -> str:
    """What tells a model from every other: the SHA-256, in hex, over its two files."""
    digest = sha256()
    for name in (CONFIG_FILE, WEIGHTS_FILE):
        digest.update((directory / name).read_bytes())
    return digest.hexdigest()


def atomic_write(path: Path, content: bytes) -> None:
    """Writes a file whole or not at all; `OSError` where it cannot be written."""
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        unfinished.write_bytes(content)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
