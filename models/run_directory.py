"""Reads a run directory. `training.run` writes it.

    config.json          the settings
    provenance.json      command, versions and processor
    metrics.jsonl        one line per update
    tensorboard/         the same metrics for TensorBoard
    checkpoints/         the newest resumable state, and the one before it
    model/               the newest policy
    best/                the best policy by evaluation, with its evaluation.json
    stages/STEPS/        policies kept along the way
    diverged.pt          what a policy was learning from when learning went wrong, if it ever did

A bundled or downloaded model may have a `learning_curve.csv` instead of the metrics, and stages too, so the functions
for curves and stages accept either kind of directory. Another process may be writing the files, or a stranger may have
written them: anything missing, unfinished or malformed is skipped. Nothing here imports torch.
"""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import msgspec
from msgspec import Raw, Struct

from models.control import PolicySpec, decode_any
from models.errors import UserError, one_line
from models.files import (
    CONFIG_FILE,
    CURVE_FILE,
    PROVENANCE_FILE,
    STAGES_FOLDER,
    UNDECODABLE,
    found_in,
    is_file,
    is_model_directory,
    unmarked,
)
from models.provenance import read_provenance
from models.results import MAX_RESULTS_BYTES, Result
from models.spec import unique

METRICS_FILE = "metrics.jsonl"
CHECKPOINTS_FOLDER, CHECKPOINT_FILE, PREVIOUS_CHECKPOINT_FILE = "checkpoints", "newest.pt", "previous.pt"
NEWEST_FOLDER, BEST_FOLDER = "model", "best"
EVALUATION_FILE = "evaluation.json"
"""In `best/`: the evaluation of that policy."""

Metrics: TypeAlias = dict[str, Any]
"""The metrics logged after an update: numbers by name, or None if there was nothing to measure yet, or what is there is
no measurement (see `MOST`). `steps` (agent steps so far) and `seconds` (training time so far) are always present."""
MOST = 1e15
"""What is not finite, or further from 0 than this, measures nothing."""


def is_run(directory: Path) -> bool:
    """Whether `directory` looks like a training run; it may hold no policy yet.

    One that was killed as it began has settings and no provenance: it can be resumed, so it is a run.
    """
    if is_model_directory(directory) or not is_file(directory / CONFIG_FILE):
        return False
    return is_file(directory / PROVENANCE_FILE) or _has_settings(directory)


def _has_settings(directory: Path) -> bool:
    """Whether its `config.json` is a run's, and can be read."""
    with suppress(UserError):
        return read_config(directory).settings is not None
    return False


# Policies


def policy_in(run: Path) -> Path | None:
    """Returns a run's policy: the best by evaluation, or the newest if none was evaluated; None if it has none."""
    folders = (run / BEST_FOLDER, run / NEWEST_FOLDER)
    return next((folder for folder in folders if is_model_directory(folder)), None)


def stages_in(directory: Path) -> dict[int, Path]:
    """Returns the earlier policies of a model or run, by agent steps, fewest first."""
    folders = found_in(directory / STAGES_FOLDER)
    found = {int(path.name): path for path in folders if path.name.isdecimal() and is_model_directory(path)}
    return dict(sorted(found.items()))


def is_stage(model: Path) -> bool:
    """Whether a model directory is an earlier policy of a run or a model."""
    return model.parent.name == STAGES_FOLDER


def home_of(model: Path) -> Path:
    """Returns the run, or the model with stages, that a model directory belongs to; by default itself."""
    if is_stage(model):
        return model.parent.parent
    # A model of that name which is no run's has a provenance of its own.
    of_a_run = model.name in {BEST_FOLDER, NEWEST_FOLDER} and not is_file(model / PROVENANCE_FILE)
    return model.parent if of_a_run else model


def read_evaluation(policy: Path) -> Result | None:
    """Returns the evaluation of a run's best policy; None if there is none."""
    file = policy / EVALUATION_FILE
    with suppress(OSError, *UNDECODABLE):
        if file.stat().st_size <= MAX_RESULTS_BYTES:
            return msgspec.json.decode(unmarked(file.read_bytes()), type=Result)
    return None


# Settings


@dataclass(frozen=True)
class RunConfig:
    """The parts of a run's `config.json` that readers need. A model's is only its specification."""

    spec: PolicySpec
    steps: int | None = None
    """The agent steps to train for; None for a model."""
    seed: int | None = None
    settings: dict[str, object] | None = None
    """The whole file as plain JSON; None for a model."""


class _Settings(Struct):
    model: Raw
    steps: int
    seed: int = 0


def read_config(directory: Path) -> RunConfig:
    """Returns the configuration of the run or model in `directory`; `UserError` if its `config.json` is invalid."""
    try:
        content = unmarked((directory / CONFIG_FILE).read_bytes())
        settings = msgspec.json.decode(content, type=dict[str, object])
        json.loads(content, object_pairs_hook=unique)
        if "model" not in settings:
            return RunConfig(decode_any(content))
        run = msgspec.json.decode(content, type=_Settings)
        return RunConfig(decode_any(bytes(run.model)), run.steps, run.seed, settings)
    except OSError as error:
        raise UserError(f"{directory} is not a run of 'volley train': {error.strerror}: {CONFIG_FILE}") from error
    except (UserError, *UNDECODABLE) as error:
        raise UserError(
            f"{directory}: its {CONFIG_FILE} is neither a run's nor a model's: {one_line(error)}"
        ) from error


def saved_at(run: Path) -> float:
    """Returns when a run was last saved, in seconds since 1970; before that, when it was begun."""
    for path in (run / CHECKPOINTS_FOLDER / CHECKPOINT_FILE, run):
        with suppress(OSError):
            return path.stat().st_mtime
    return 0.0


# Metrics and learning curves


def read_metrics(directory: Path) -> list[Metrics]:
    """Returns the metrics of a run, or a model's learning curve, oldest first; empty if there are none."""
    return _read_log(directory / METRICS_FILE) or _read_csv(directory / CURVE_FILE)


def _read_log(file: Path) -> list[Metrics]:
    with suppress(OSError):
        return list(_parse_log(unmarked(file.read_bytes()).splitlines()))
    return []


def _parse_log(lines: Iterable[bytes]) -> Iterator[Metrics]:
    for line in lines:
        with suppress(*UNDECODABLE):
            metrics = _checked(msgspec.json.decode(line, type=dict[str, int | float | None]))
            if metrics is not None:
                yield metrics


def _read_csv(file: Path) -> list[Metrics]:
    with suppress(OSError), file.open(encoding="utf-8-sig", errors="replace", newline="") as stream:
        return list(_parse_csv(stream))
    return []


def _parse_csv(lines: Iterable[str]) -> Iterator[Metrics]:
    with suppress(csv.Error):
        for row in csv.DictReader(lines):
            # csv puts the excess of a long row under the key None, and fills a short one with None.
            if None not in row and None not in row.values():
                metrics = _checked({name: _number(cell) for name, cell in row.items()})
                if metrics is not None:
                    yield metrics


def _number(cell: str) -> float | None:
    try:
        return float(cell)
    except ValueError:
        return None


def _checked(line: Mapping[str, float | None]) -> Metrics | None:
    """Replaces what measures nothing by None; returns None for a line without steps or seconds."""
    metrics = {
        name: number if number is not None and -MOST <= number <= MOST else None for name, number in line.items()
    }
    steps, seconds = metrics.get("steps"), metrics.get("seconds")
    if steps is None or steps < 0 or steps != int(steps) or seconds is None or seconds < 0:
        return None
    return metrics | {"steps": int(steps)}


class CurvePoint(Struct, frozen=True):
    """One point of a learning curve."""

    steps: int
    """Agent steps of training."""
    seconds: float
    """Training time."""
    mean_return: float | None = None
    """The mean return of recent training games; None before `FEWEST_GAMES` have ended."""


FEWEST_GAMES = 10
"""Whose mean says something. The first games to end are the most one-sided of those that have begun."""


def read_curve(directory: Path) -> tuple[CurvePoint, ...]:
    """Returns the learning curve of a run or a model, oldest first; empty if there is none."""
    return CurveReader(directory).read() or _with_returns(_read_csv(directory / CURVE_FILE))


def parse_curve(text: str) -> tuple[CurvePoint, ...]:
    """Returns the learning curve in the text of a `learning_curve.csv`, oldest first; empty if it has none."""
    return _with_returns(_parse_csv(text.splitlines()))


def _with_returns(lines: Iterable[Metrics]) -> tuple[CurvePoint, ...]:
    """The points with a known return."""
    return tuple(point for point in map(_point, lines) if point.mean_return is not None)


def _point(line: Metrics) -> CurvePoint:
    games = line.get("games")
    known = games is None or games >= FEWEST_GAMES
    return CurvePoint(line["steps"], float(line["seconds"]), line.get("mean_return") if known else None)


class CurveReader:
    """Reads a run's learning curve while it grows."""

    def __init__(self, run: Path) -> None:
        self._file = run / METRICS_FILE
        self._inode = -1
        self._bytes_read = 0
        self._points: list[CurvePoint] = []

    def read(self) -> tuple[CurvePoint, ...]:
        """Returns all points so far, oldest first, even after the file is deleted. Skips malformed lines."""
        with suppress(OSError):
            *lines, unfinished = self._new_bytes().split(b"\n")
            self._bytes_read -= len(unfinished)
            self._points += map(_point, _parse_log(lines))
        return tuple(self._points)

    def _new_bytes(self) -> bytes:
        """Returns the bytes added since the last call; all of them if the file was replaced, as when resuming."""
        with self._file.open("rb") as stream:
            status = os.fstat(stream.fileno())
            if status.st_ino != self._inode or status.st_size < self._bytes_read:
                self._inode, self._bytes_read, self._points = status.st_ino, 0, []
            stream.seek(self._bytes_read)
            new = stream.read()
        self._bytes_read += len(new)
        return new


def trained_steps(directory: Path, curve: tuple[CurvePoint, ...]) -> int | None:
    """Returns the agent steps that a run or model was trained for, by its provenance or its curve; None if unknown."""
    recorded = read_provenance(directory).steps
    if recorded is not None:
        return recorded
    return curve[-1].steps if curve else None
