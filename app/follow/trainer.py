"""Runs a training from the menu, and reports its progress."""

from __future__ import annotations

import time
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path

from app.follow.follower import Follower
from app.follow.process import Phase, TrainingProcess
from models import catalog
from models.errors import UserError
from models.numbers import with_minus
from models.run_directory import CurvePoint, is_run
from models.spec import PONG


@dataclass(frozen=True, slots=True)
class Train:
    """A training to start or resume."""

    algorithm: str
    steps: int | None
    """Total agent steps; None keeps a resumed run's own."""
    resume: Path | None
    """The run to resume; None for a new one."""


@dataclass(frozen=True, slots=True)
class RunningTraining:
    """The training that runs beside the window."""

    run: Path
    about: str
    """Its progress, in a line."""
    curve: tuple[CurvePoint, ...] = ()
    target: int | None = None
    """The agent steps that it is for, once known."""
    for_pong: bool | None = True
    """Whether it learns Pong, so that its policy can be watched; None until its run says."""


class Trainer:
    """Runs one training at a time, beside whatever the window shows. Reads its progress on `executor`."""

    def __init__(self, executor: Executor) -> None:
        self._executor = executor
        self._process: TrainingProcess | None = None
        self._progress: Follower | None = None

    def start(self, request: Train) -> None:
        """Starts or resumes a training; `UserError` if that is not possible, or one is running."""
        if self._process is not None:
            raise UserError("a training run is under way already; stop it first")
        run = request.resume or catalog.RUNS / f"{request.algorithm}-{time.strftime('%Y%m%d-%H%M%S')}"
        process = TrainingProcess(run)
        if request.resume is None:
            process.start(request.algorithm, request.steps or 0)
        else:
            process.resume(request.steps)
        self._process, self._progress = process, Follower(run, None, self._executor)

    def stop(self) -> None:
        """Tells the training to save and end."""
        if self._process is not None:
            self._process.stop()

    def update(self, elapsed: float) -> str:
        """Follows the training for `elapsed` seconds; returns a message once it has ended, else an empty string."""
        if self._process is None or self._progress is None:
            return ""
        self._progress.update(elapsed)
        phase, run = self._process.poll(), self._process.run
        if phase in (Phase.RUNNING, Phase.STOPPING):
            return ""
        reason, self._process = self._process.reason, None
        if phase is Phase.FAILED:
            return f"the training in {run} failed: {reason}"
        if phase is Phase.FINISHED:
            return f"training finished: {run}"
        return f"training saved: {run}" if is_run(run) else "training stopped; there was nothing to save yet"

    @property
    def now(self) -> RunningTraining | None:
        """The running training, if there is one."""
        if self._process is None or self._progress is None:
            return None
        training, about = self._progress.training, self._about(self._process, self._progress)
        for_pong = None if training.environment is None else training.environment == PONG
        return RunningTraining(self._process.run, about, training.curve, training.target, for_pong)

    @staticmethod
    def _about(process: TrainingProcess, progress: Follower) -> str:
        if process.phase is Phase.STOPPING:
            return "Saving …"
        training = progress.training
        if not training.curve:
            return "Starting …"
        newest = training.curve[-1]
        of = f" of {training.target:,}" if training.target else ""
        learned = "" if newest.mean_return is None else f", mean return {with_minus(newest.mean_return, '+z.1f')}"
        return f"{training.steps:,}{of} steps{learned}"

    def close(self) -> str:
        """Stops the training and waits until it is saved; returns a line that says so, empty if none ran."""
        return self._process.close() if self._process is not None else ""
