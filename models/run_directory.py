"""A run directory, as it is read: `training.run` writes it.

    config.json          the settings
    provenance.json      command, versions and processor
    metrics.jsonl        a line per update
    tensorboard/         the same for TensorBoard
    checkpoints/         the newest resumable state
    model/               the newest policy
    best/                the best policy by evaluation, with its evaluation.json
    stages/STEPS/        policies kept along the way

A model that ships, or was downloaded, may have a `learning_curve.csv` in place of the metrics, and stages too; so what
reads a curve or stages here takes either directory. Another process may be writing the files, or a stranger may have
written them: what is missing, unfinished or malformed is skipped. Nothing here imports torch.
"""

from __future__ import annotations

import csv
import math
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, TypeAlias

import msgspec
from msgspec import Meta, Raw, Struct

from models.control import PolicySpec, decode_any
from models.errors import UserError, one_line
from models.files import CONFIG_FILE, CURVE_FILE, PROVENANCE_FILE, STAGES_FOLDER, is_model_directory
from models.provenance import read_provenance
from models.results import MAX_RESULTS_BYTES, Result

METRICS_FILE = "metrics.jsonl"
CHECKPOINTS_FOLDER, CHECKPOINT_FILE = "checkpoints", "newest.pt"
NEWEST_FOLDER, BEST_FOLDER = "model", "best"
EVALUATION_FILE = "evaluation.json"
"""In `best/`: what the policy was measured to be worth."""

Metrics: TypeAlias = dict[str, Any]
"""What was logged after an update: finite numbers by name, or None where there was nothing to measure yet. `steps`
(agent steps so far) and `seconds` (of training so far) are always there."""


def is_run(directory: Path) -> bool:
    """Whether `directory` looks like a training run, though it may hold no policy yet."""
    begun = all((directory / name).is_file() for name in (CONFIG_FILE, PROVENANCE_FILE))
    return begun and not is_model_directory(directory)


# Which policies there are


def policy_in(run: Path) -> Path | None:
    """The policy to take of a run: the best by evaluation, or the newest where none was evaluated; None without any."""
    folders = (run / BEST_FOLDER, run / NEWEST_FOLDER)
    return next((folder for folder in folders if is_model_directory(folder)), None)


def stages_in(directory: Path) -> dict[int, Path]:
    """The earlier policies beside a model or in a run, by agent steps, fewest first."""
    folders = (directory / STAGES_FOLDER).glob("*")
    found = {int(path.name): path for path in folders if path.name.isdecimal() and is_model_directory(path)}
    return dict(sorted(found.items()))


def is_stage(model: Path) -> bool:
    """Whether a model directory is an earlier policy of a run or of a model."""
    return model.parent.name == STAGES_FOLDER


def home_of(model: Path) -> Path:
    """The run, or the model with stages, that a model directory belongs to; itself where it stands alone."""
    if is_stage(model):
        return model.parent.parent
    return model.parent if model.name in {BEST_FOLDER, NEWEST_FOLDER} else model


def read_evaluation(policy: Path) -> Result | None:
    """What the best policy of a run was measured to be worth; None where that is not known."""
    file = policy / EVALUATION_FILE
    with suppress(OSError, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        if file.stat().st_size <= MAX_RESULTS_BYTES:
            return msgspec.json.decode(file.read_bytes(), type=Result)
    return None


# What was asked


@dataclass(frozen=True)
class RunConfig:
    """A run's `config.json`, as far as its readers need it. A model's is its specification alone."""

    spec: PolicySpec
    steps: int | None = None
    """The agent steps that were asked for; None for a model."""
    seed: int | None = None
    settings: dict[str, object] | None = None
    """All of it, as plain JSON; None for a model."""


class _Settings(Struct):
    model: Raw
    steps: int
    seed: int = 0


def read_config(directory: Path) -> RunConfig:
    """What the run or model in `directory` is; `UserError` where its `config.json` does not say."""
    try:
        content = (directory / CONFIG_FILE).read_bytes()
        settings = msgspec.json.decode(content, type=dict[str, object])
        if "model" not in settings:
            return RunConfig(decode_any(content))
        asked = msgspec.json.decode(content, type=_Settings)
        return RunConfig(decode_any(bytes(asked.model)), asked.steps, asked.seed, settings)
    except OSError as error:
        raise UserError(f"{directory} is not a run of 'volley train': {error.strerror}: {CONFIG_FILE}") from error
    except (UserError, msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UserError(
            f"{directory}: its {CONFIG_FILE} is neither a run's nor a model's: {one_line(error)}"
        ) from error


# How it went


def read_metrics(directory: Path) -> list[Metrics]:
    """The metrics of a run, or the learning curve beside a model, oldest first; empty where there are none."""
    return _read_log(directory / METRICS_FILE) or _read_csv(directory / CURVE_FILE)


def _read_log(file: Path) -> list[Metrics]:
    found = []
    with suppress(OSError):
        for line in file.read_bytes().splitlines():
            with suppress(msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                found.append(msgspec.json.decode(line, type=dict[str, int | float | None]))
    return [metrics for line in found if (metrics := _checked(line)) is not None]


def _read_csv(file: Path) -> list[Metrics]:
    with suppress(OSError), file.open(errors="replace", newline="") as stream:
        return list(_parse_csv(stream))
    return []


def _parse_csv(lines: Iterable[str]) -> Iterator[Metrics]:
    with suppress(csv.Error):
        for row in csv.DictReader(lines):
            # Of a row that is too long, the rest stands under None; in one that is too short, None stands for the rest.
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
    """The line with None for every number that is not finite; None where it does not say when it was logged."""
    finite = {name: number if number is None or math.isfinite(number) else None for name, number in line.items()}
    steps, seconds = finite.get("steps"), finite.get("seconds")
    return finite if steps is not None and steps >= 0 and seconds is not None else None


class CurvePoint(Struct, frozen=True):
    """A point of a learning curve."""

    steps: Annotated[int, Meta(ge=0)]
    """Agent steps."""
    seconds: float
    """Of training."""
    mean_return: float | None = None
    """Of recent training games; None before the first has ended."""


def read_curve(directory: Path) -> tuple[CurvePoint, ...]:
    """The learning curve of a run, or the one beside a model, oldest first; empty where there is none."""
    return CurveReader(directory).read() or _curve_of(_read_csv(directory / CURVE_FILE))


def parse_curve(text: str) -> tuple[CurvePoint, ...]:
    """The learning curve in the text of a `learning_curve.csv`, oldest first; empty where it holds none."""
    return _curve_of(_parse_csv(text.splitlines()))


def _curve_of(lines: Iterable[Metrics]) -> tuple[CurvePoint, ...]:
    """The points at which a return is known."""
    return tuple(
        CurvePoint(int(line["steps"]), line["seconds"], line["mean_return"])
        for line in lines
        if line.get("mean_return") is not None
    )


class CurveReader:
    """Reads a run's learning curve as it grows."""

    def __init__(self, run: Path) -> None:
        self._file = run / METRICS_FILE
        self._inode = -1
        self._bytes_read = 0
        self._points: list[CurvePoint] = []

    def read(self) -> tuple[CurvePoint, ...]:
        """All points so far, oldest first; once the file is gone, those it had. Malformed lines are skipped."""
        with suppress(OSError):
            *lines, unfinished = self._new_bytes().split(b"\n")
            self._bytes_read -= len(unfinished)
            for line in lines:
                with suppress(msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                    self._points.append(msgspec.json.decode(line, type=CurvePoint))
        return tuple(self._points)

    def _new_bytes(self) -> bytes:
        """What was added since the last time; everything, where the file was replaced, as when a training resumes."""
        with self._file.open("rb") as stream:
            status = os.fstat(stream.fileno())
            if status.st_ino != self._inode or status.st_size < self._bytes_read:
                self._inode, self._bytes_read, self._points = status.st_ino, 0, []
            stream.seek(self._bytes_read)
            new = stream.read()
        self._bytes_read += len(new)
        return new


def trained_steps(directory: Path, curve: tuple[CurvePoint, ...]) -> int | None:
    """The agent steps that a run, or a model, was trained for; None where neither its record nor its curve says."""
    recorded = read_provenance(directory).steps
    if recorded is not None:
        return recorded
    return curve[-1].steps if curve else None
