"""A model directory's files. Imports nothing heavy: finding a model must not cost loading one."""

from __future__ import annotations

from pathlib import Path

CONFIG_FILE = "config.json"
WEIGHTS_FILE = "model.safetensors"


def is_model_directory(directory: Path) -> bool:
    """Whether `directory` looks like a model: it holds a `config.json` and a `model.safetensors`."""
    return (directory / CONFIG_FILE).is_file() and (directory / WEIGHTS_FILE).is_file()
