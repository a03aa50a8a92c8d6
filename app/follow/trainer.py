"""The training that a person has started from the menu, and how far it is."""

from __future__ import annotations

import time
from concurrent.futures import Executor
from pathlib import Path

from app.follow.follower import Follower
from app.follow.process import Phase, TrainingProcess
from app.menu.model import Train, TrainingNow
from models import catalog


class Trainer:
    """Runs one training at a time, beside whatever the window shows. Progress is read on `executor`."""

    def __init__(self, executor: Executor) -> None:
        self._executor = executor
        self._process: TrainingProcess | None = None
        self._progress: Follower | None = None

    def begin(self, wanted: Train) -> None:
        """Starts a training, or goes on with one; `UserError` where that is not possible."""
        run = wanted.resume or catalog.RUNS / f"{wanted.algorithm}-{time.strftime('%Y%m%d-%H%M%S')}"
        process = TrainingProcess(run)
        if wanted.resume is None:
            process.start(wanted.algorithm, wanted.steps or 0)
        else:
            process.resume(wanted.steps)
        self._process, self._progress = process, Follower(run, None, self._executor)

    def stop(self) -> None:
        """Lets the training save, and end."""
        if self._process is not None:
            self._process.stop()

    def update(self, elapsed: float) -> str:
        """Follows the training for `elapsed` seconds; gives a line to show once it has ended."""
        if self._process is None or self._progress is None:
            return ""
        self._progress.update(elapsed)
        phase, run = self._process.poll(), self._process.run
        if phase in (Phase.RUNNING, Phase.STOPPING):
            return ""
        reason, self._process = self._process.reason, None
        if phase is Phase.FAILED:
            return f"the training in {run} failed: {reason}"
        return f"the training is finished: {run}" if phase is Phase.FINISHED else f"the training is saved: {run}"

    @property
    def now(self) -> TrainingNow | None:
        """The training that runs; None where none does."""
        if self._process is None or self._progress is None:
            return None
        return TrainingNow(self._process.run, self._about(self._process, self._progress))

    @staticmethod
    def _about(process: TrainingProcess, progress: Follower) -> str:
        if process.phase is Phase.STOPPING:
            return "is being saved …"
        training = progress.training
        if not training.curve:
            return "begins …"
        newest = training.curve[-1]
        of = f" of {training.target:,}" if training.target else ""
        learned = "" if newest.mean_return is None else f", mean return {newest.mean_return:+.1f}"
        return f"{training.steps:,}{of} steps{learned}"

    def close(self) -> str:
        """Stops the training and waits until it is saved; says so in a line, empty where none ran."""
        return self._process.close() if self._process is not None else ""

    @property
    def runs(self) -> list[Path]:
        """The runs that can be gone on with."""
        return catalog.runs()
