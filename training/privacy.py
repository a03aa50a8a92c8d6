"""What is published of a training's command and settings: not where on this machine its runs and models are."""

from __future__ import annotations

import os
import re
import shlex
from itertools import pairwise
from pathlib import Path

from msgspec.structs import replace

from models.files import exists, expanded
from models.store import downloads, parse_repository
from training.settings import TrainingSettings


def command_without_paths(command: str) -> str:
    """A training's command with its runs and models by their own names; empty if it cannot be parsed."""
    try:
        words = shlex.split(command)
    except ValueError:
        return ""
    public = []
    for before, word in pairwise(["", *words]):
        option, equals, value = word.partition("=")
        if before in _MODEL_OPTIONS:
            public.append(_models_by_name(word))
        elif option in _MODEL_OPTIONS and equals:
            public.append(f"{option}={_models_by_name(value)}")
        else:
            public.append(word)
    return shlex.join(public)


_MODEL_OPTIONS = ("--run", "--from", "--opponents")


def _models_by_name(value: str) -> str:
    """A model or a run, or KIND=N,..., where a kind may be a model."""
    parts = [re.fullmatch(r"(.*?)(=\d+)?", part) for part in value.split(",")]
    return ",".join(f"{_by_name(part[1])}{part[2] or ''}" for part in parts if part is not None)


def _by_name(model: str) -> str:
    """A model without the folder that it is in, if it is in one of this machine's."""
    here = exists(expanded(model)) or exists(expanded(model.rpartition("@")[0] or model))
    repository = parse_repository(model)
    # A folder that has been moved away since looks like USER/REPO, too; its name is nobody's business.
    on_hub = repository is not None and any(repository[0] == known.download.repository for known in downloads())
    local = ("/" in model or os.sep in model) and (here or not on_hub)
    return f"runs/{Path(model).name}" if local else model


def settings_without_paths(settings: TrainingSettings) -> TrainingSettings:
    """A training's settings with its start and its opponent by their own names."""
    start, opponents = settings.start, settings.opponents
    if opponents is not None and opponents.model is not None:
        opponents = replace(opponents, model=_by_name(opponents.model))
    return replace(settings, start=None if start is None else _by_name(start), opponents=opponents)
