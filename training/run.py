"""Writes run directories. `models.run_directory` describes and reads them."""

from __future__ import annotations

import io
import json
import math
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any, Protocol, TypeAlias
from zipfile import BadZipFile, ZipFile

import msgspec
import torch
from msgspec import Meta, Struct

from models import checkpoint
from models.device import pick_device
from models.errors import UserError, one_line, volley
from models.files import (
    CONFIG_FILE,
    PROVENANCE_FILE,
    STAGES_FOLDER,
    TENSORBOARD_FOLDER,
    WEIGHTS_FILE,
    atomic_write,
    contents,
    exists,
    is_file,
    is_folder,
    is_model_directory,
)
from models.mlp import Network
from models.provenance import read_provenance, write_provenance
from models.run_directory import (
    BEST_FOLDER,
    CHECKPOINT_FILE,
    CHECKPOINTS_FOLDER,
    EVALUATION_FILE,
    METRICS_FILE,
    MOST,
    NEWEST_FOLDER,
    PREVIOUS_CHECKPOINT_FILE,
    Metrics,
    read_evaluation,
    read_metrics,
    stages_in,
)
from models.spec import encode
from training.evaluate import Evaluation
from training.provenance import machine, new_provenance
from training.settings import TrainingSettings, decode
from training.team import ALONE, LostError, Team
from training.tensorboard import EventFile

DIVERGED_FILE = "diverged.pt"
"""The batch at which learning went wrong, by column."""
CHECKPOINT_FORMAT = 2
"""The first had no number, and no games."""

_FILES = (
    CONFIG_FILE,
    WEIGHTS_FILE,
    PROVENANCE_FILE,
    METRICS_FILE,
    CHECKPOINT_FILE,
    DIVERGED_FILE,
    EVALUATION_FILE,
)
_UNFINISHED = re.compile(
    rf"\.({'|'.join(map(re.escape, _FILES))})\.\d+"  # as `files.replacing` names them
    rf"|\.({NEWEST_FOLDER}|{BEST_FOLDER}|\d{{9,}})-[a-z0-9_]{{8}}"  # as `checkpoint.save` does
)
"""The names of what a process that was killed had not written to its end."""


Count: TypeAlias = Annotated[int, Meta(ge=0)]


@dataclass
class Progress:
    """How far a run has got."""

    steps: Count = 0
    """Agent steps."""
    updates: Count = 0
    games: Count = 0
    """Full games."""
    seconds: Annotated[float, Meta(ge=0, le=MOST)] = 0.0
    """Of training, not counting interruptions."""
    best_return: float = -math.inf
    """The highest mean return of an evaluation so far."""


class _Checkpoint(Struct):
    """What a checkpoint holds."""

    learner: dict[str, Any]
    progress: dict[str, Any]
    format: int = 1
    machine: str = ""


class Resumable(Protocol):
    """What a run saves and resumes: a network, with the state of its training."""

    network: Network
    device: torch.device

    def state_dict(self) -> dict[str, Any]:
        """Everything needed to resume."""
        ...

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restores what `state_dict` returned."""
        ...


class RunDirectory:
    """Writes one run, and reads it to resume. Made by `create` or `open`."""

    def __init__(self, path: Path, settings: TrainingSettings) -> None:
        self.path = path
        self.settings = settings
        self.team = ALONE
        """The processes that train it."""
        self._events: EventFile | None = None
        self.moved_from = ""
        """The machine that a restored run was on, if it is another one now, where sums differ in their last bits."""
        self._resumed = False
        self._newest_is_whole = False
        """This process has read or written the newest checkpoint, so it may take the place of the one before."""

    @classmethod
    def create(cls, path: Path, settings: TrainingSettings) -> RunDirectory:
        """A new run in `path`; `UserError` if something is already there, or it cannot be written."""
        try:
            # What begins with a dot is left of a run that was killed as it began.
            if exists(path) and not (is_folder(path) and all(file.name.startswith(".") for file in contents(path))):
                resume = volley("train", "--resume", path)
                raise UserError(f"{path} already exists; go on with it by {resume}, or choose another with --run")
            path.mkdir(parents=True, exist_ok=True)
            atomic_write(path / CONFIG_FILE, encode(settings))
            write_provenance(path, new_provenance(pick_device(settings.device), settings.start))
        except OSError as error:
            raise UserError(f"cannot write to {path}: {error.strerror}; choose another with --run") from error
        return cls(path, settings)

    @classmethod
    def open(cls, path: Path) -> RunDirectory:
        """The run in `path`; `UserError` if there is none, or its settings cannot be read."""
        try:
            return cls(path, decode((path / CONFIG_FILE).read_bytes()))
        except OSError as error:
            raise UserError(f"{path} is not a run of 'volley train': {error.strerror}: {CONFIG_FILE}") from error
        except UserError as error:
            raise UserError(f"cannot resume {path}: {error}") from error

    def write_settings(self, settings: TrainingSettings) -> None:
        """Replaces the settings of the run."""
        self.settings = settings
        with self._explaining_failures():
            atomic_write(self.path / CONFIG_FILE, encode(settings))

    def log(self, progress: Progress, metrics: Mapping[str, float]) -> None:
        """Adds a line to the metrics and a point to each TensorBoard curve; values that are not finite become null."""
        finite = {name: value for name, value in metrics.items() if math.isfinite(value)}
        counters = {"steps": progress.steps, "updates": progress.updates, "games": progress.games}
        line = counters | {"seconds": round(progress.seconds, 2)} | {name: finite.get(name) for name in metrics}
        with self._explaining_failures():
            if self._events is None:
                self._events = EventFile(self.path / TENSORBOARD_FOLDER, progress.steps)
            self._events.add(finite, progress.steps)
            with (self.path / METRICS_FILE).open("a") as file:
                file.write(json.dumps(line) + "\n")

    def metrics(self) -> list[Metrics]:
        """All lines of the metrics so far."""
        return read_metrics(self.path)

    def save(self, trainee: Resumable, progress: Progress) -> None:
        """Saves the resumable state and the newest policy."""
        state = io.BytesIO()  # torch would hide a full disk behind an error of its own.
        torch.save(
            {
                "format": CHECKPOINT_FORMAT,
                "machine": machine(trainee.device),
                "learner": trainee.state_dict(),
                "progress": asdict(progress),
            },
            state,
        )
        newest = self.path / CHECKPOINTS_FOLDER / CHECKPOINT_FILE
        previous = newest.with_name(PREVIOUS_CHECKPOINT_FILE)
        with self._explaining_failures():
            newest.parent.mkdir(exist_ok=True)
            atomic_write(newest, state.getbuffer(), keep_as=previous if self._newest_is_whole else None)
            self._newest_is_whole = True
            checkpoint.save(self.path / NEWEST_FOLDER, self.settings.model, trainee.network)

    def restore(self, trainee: Resumable) -> Progress:
        """Restores the saved state, clears away what came after it and was lost, and returns the progress.

        A run that was stopped before its first save starts over. If the newest checkpoint is damaged, the one before it
        is taken; `UserError` if that is, too, or both are gone.
        """
        progress, saved = Progress(), self._checkpoint()
        if saved is not None:
            self._resumed = True
            with self.explaining_misfits():
                trainee.load_state_dict(saved.learner)
                if saved.progress.keys() != asdict(progress).keys():
                    raise ValueError("its progress is incomplete")
                progress = msgspec.convert(saved.progress, Progress)
            self.moved_from = saved.machine if saved.machine != machine(trainee.device) else ""
        if self.moved_from:
            self._note_move(trainee.device)
        self._clear_after(progress)
        if (best := read_evaluation(self.path / BEST_FOLDER)) is not None:
            progress.best_return = max(progress.best_return, best.mean_return)  # found after the save
        return progress

    def _note_move(self, device: torch.device) -> None:
        """Says in the run's provenance where it was before, and where it is now."""
        before, now = read_provenance(self.path), new_provenance(device)
        here = {name: getattr(now, name) for name in ("python", "packages", "processor", "cores", "cuda")}
        earlier = tuple(dict.fromkeys((*before.moved_from, self.moved_from)))
        with self._explaining_failures():
            write_provenance(self.path, msgspec.structs.replace(before, moved_from=earlier, **here))

    def _clear_after(self, progress: Progress) -> None:
        """Drops the metrics and stages of later updates, and what was still being written when a process was killed."""
        kept = [json.dumps(line) + "\n" for line in self.metrics() if line["steps"] <= progress.steps]
        with self._explaining_failures():
            for path in [path for path in self.path.rglob(".*") if _UNFINISHED.fullmatch(path.name)]:
                _remove(path)
            for path in [path for steps, path in stages_in(self.path).items() if steps > progress.steps]:
                _remove(path)
            atomic_write(self.path / METRICS_FILE, "".join(kept).encode())

    def _checkpoint(self) -> _Checkpoint | None:
        """The newest state, for everybody in the team."""
        saved: _Checkpoint | None = self.team.from_first(self._read_checkpoint())
        return saved

    def _read_checkpoint(self) -> _Checkpoint | None:
        """The newest state that can be read; None if nothing was saved."""
        damaged: Exception | None = None
        for name in (CHECKPOINT_FILE, PREVIOUS_CHECKPOINT_FILE):
            file = self.path / CHECKPOINTS_FOLDER / name
            try:
                _check_sums(file)
                saved = msgspec.convert(torch.load(file, map_location="cpu", weights_only=True), _Checkpoint)
            except FileNotFoundError:
                continue
            except Exception as error:  # noqa: BLE001 - a damaged file makes torch raise errors of many types
                damaged = error
                continue
            if saved.format > CHECKPOINT_FORMAT:
                raise UserError(
                    f"cannot resume {self.path}: its checkpoint has format {saved.format}, and this version of "
                    f"Volley reads formats up to {CHECKPOINT_FORMAT}: update it"
                )
            self._newest_is_whole = name == CHECKPOINT_FILE
            return saved
        if damaged is not None:
            raise self._not_resumable(f"its checkpoints cannot be read ({one_line(damaged, 80)})")
        if is_model_directory(self.path / NEWEST_FOLDER):
            # It is saved after the first checkpoint: starting over would lose all that the run has.
            raise self._not_resumable("its checkpoints are gone")
        return None

    @property
    def has_checkpoint(self) -> bool:
        """Whether there is a state to resume from, damaged or not."""
        folder = self.path / CHECKPOINTS_FOLDER
        return any(is_file(folder / name) for name in (CHECKPOINT_FILE, PREVIOUS_CHECKPOINT_FILE))

    @contextmanager
    def explaining_misfits(self) -> Iterator[None]:
        """Turns whatever goes wrong as a saved state is taken up into a `UserError`; a new run's failures stay."""
        try:
            yield
        except (UserError, LostError):
            raise
        except Exception as error:
            if not self._resumed:
                raise
            reason = one_line(f"{type(error).__name__}: {error}", 80)
            raise self._not_resumable(f"its checkpoint does not fit its {CONFIG_FILE} ({reason})") from error

    def _not_resumable(self, reason: str) -> UserError:
        return UserError(f"cannot resume {self.path}: {reason}; its newest policy is in {self.path / NEWEST_FOLDER}")

    @contextmanager
    def _explaining_failures(self) -> Iterator[None]:
        """Turns a failure of the disk into a `UserError`."""
        try:
            yield
        except OSError as error:
            intact = "its last checkpoint is intact: " if self.has_checkpoint else ""
            raise UserError(
                f"cannot write to {self.path}: {error.strerror}; {intact}fix that, then go on with "
                f"{volley('train', '--resume', self.path)}"
            ) from error

    def keep_batch(self, batch: Mapping[str, torch.Tensor]) -> Path:
        """Keeps what a policy was to learn from when learning went wrong; returns the file."""
        content, file = io.BytesIO(), self.path / DIVERGED_FILE
        torch.save(dict(batch), content)
        with self._explaining_failures():
            atomic_write(file, content.getbuffer())
        return file

    def save_stage(self, trainee: Resumable, progress: Progress) -> None:
        """Keeps the current policy as a stage."""
        with self._explaining_failures():
            checkpoint.save(self.path / STAGES_FOLDER / f"{progress.steps:09d}", self.settings.model, trainee.network)

    def save_best(self, trainee: Resumable, evaluation: Evaluation) -> None:
        """Keeps the current policy as the best so far."""
        folder = self.path / BEST_FOLDER
        with self._explaining_failures():
            checkpoint.save(folder, self.settings.model, trainee.network)
            atomic_write(folder / EVALUATION_FILE, json.dumps(asdict(evaluation), indent=2).encode() + b"\n")


def _remove(path: Path) -> None:
    """Removes a file, or a folder with all that is in it."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _check_sums(file: Path) -> None:
    """`BadZipFile` unless the bytes are those that were saved: torch reads others without a word."""
    with ZipFile(file) as archive:
        if (part := archive.testzip()) is not None:
            raise BadZipFile(f"{part} has changed")


class MemberRun(RunDirectory):
    """A run for those in a team who are not first, perhaps on other machines: they read and write nothing."""

    def __init__(self, path: Path, settings: TrainingSettings, team: Team) -> None:
        super().__init__(path, settings)
        self.team = team

    def log(self, progress: Progress, metrics: Mapping[str, float]) -> None:
        """Leaves that to the first."""

    def save(self, trainee: Resumable, progress: Progress) -> None:
        """Gives the first what it saves."""
        del progress
        trainee.state_dict()

    def save_stage(self, trainee: Resumable, progress: Progress) -> None:
        """Leaves that to the first."""

    def keep_batch(self, batch: Mapping[str, torch.Tensor]) -> Path:
        """Keeps nothing: the first may have its own."""
        del batch
        return self.path / DIVERGED_FILE

    def _note_move(self, device: torch.device) -> None:
        pass

    def _clear_after(self, progress: Progress) -> None:
        pass

    def _read_checkpoint(self) -> _Checkpoint | None:
        return None
