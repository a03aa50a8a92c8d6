"""Follows a training: reads its learning curve, and plays its newest policy as soon as that is saved.

Another process is writing the run directory, so any of its files may be missing, deleted or unfinished.
"""

from __future__ import annotations

import time
from concurrent.futures import Executor, Future
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from msgspec.structs import replace

from models import catalog
from models.errors import UserError
from models.files import CONFIG_FILE, WEIGHTS_FILE
from models.run_directory import METRICS_FILE, NEWEST_FOLDER, CurvePoint, CurveReader, read_config
from models.spec import ModelSpec

if TYPE_CHECKING:
    from agents.policy import PolicyAgent
    from models.network import PolicyNetwork

POLL_SECONDS = 1.0
"""Time between two readings of the run directory."""
RATE_SECONDS = 60.0
"""The last part of the training, over which the speed is measured."""
STALLED_SECONDS = 120.0
"""A training that is silent for longer has probably stopped: it saves about once a minute."""

Stamp: TypeAlias = tuple[tuple[int, int, int], ...]
"""Inode, modification time and size of a model's files: changes when they are replaced."""


@dataclass(frozen=True, slots=True)
class Training:
    """The progress of a training."""

    curve: tuple[CurvePoint, ...] = ()
    """Oldest first."""
    target: int | None = None
    """The agent steps to train for; None if the run does not say."""
    silent_for: float = 0.0
    """Seconds since its last metrics, rounded down to minutes so that the panel need not be redrawn every second."""
    environment: str | None = None
    """What it learns; None until the run says."""

    @property
    def steps(self) -> int:
        """Agent steps so far."""
        return self.curve[-1].steps if self.curve else 0

    @property
    def rate(self) -> float | None:
        """Agent steps per second recently; None until there are two points."""
        recent = [point for point in self.curve if point.seconds >= self.curve[-1].seconds - RATE_SECONDS][:-1]
        if not recent or self.curve[-1].seconds <= recent[0].seconds:
            return None
        return (self.curve[-1].steps - recent[0].steps) / (self.curve[-1].seconds - recent[0].seconds)

    @property
    def seconds_left(self) -> float | None:
        """Time left at the recent speed; None if unknown."""
        return (max(self.target - self.steps, 0) / self.rate) if self.target is not None and self.rate else None

    @property
    def finished(self) -> bool:
        """Whether all steps are done."""
        return self.target is not None and self.steps >= self.target


def load_matching(directory: Path, spec: ModelSpec) -> tuple[ModelSpec, PolicyNetwork]:
    """The model in a directory; `UserError` with the reason if it cannot take the place of one of `spec`."""
    from models import checkpoint  # noqa: PLC0415

    try:
        found, network = checkpoint.load(directory)
    except UserError as error:
        raise UserError(str(error).removeprefix(f"cannot load the model in {directory}: ")) from error
    # A training may have begun with another algorithm, and with fewer actions.
    if replace(found, algorithm=spec.algorithm, actions=spec.actions) != spec:
        raise UserError("it is a different kind of model from the one playing")
    return found, network


@dataclass(frozen=True, slots=True)
class _RunState:
    """What a reading of the run directory found."""

    training: Training
    problem: str = ""
    model: tuple[ModelSpec, PolicyNetwork] | None = None
    """The newest policy, if it has changed."""
    steps: int = 0
    """Its agent steps."""


class Follower:
    """Keeps `policy` up to date with the newest checkpoint of a training; without a policy, only follows its progress.

    The files are read on `executor`. Whatever state they are in, the policy keeps the last complete checkpoint.
    """

    def __init__(self, run: Path, policy: PolicyAgent | None, executor: Executor) -> None:
        self.training = Training()
        self.changes: tuple[int, ...] = ()
        """The agent steps of each policy that has played, newest last."""
        self._run = run
        self._policy = policy
        self._executor = executor
        self._curve = CurveReader(run)
        self._stamp: Stamp | None = None
        self._problem = ""
        self._since_reading = POLL_SECONDS
        self._reading: Future[_RunState] | None = None

    @property
    def status(self) -> str:
        """Which policy plays, in a line, or what is wrong with the newest checkpoint."""
        if self._problem:
            return self._problem
        return (
            f"playing the policy at {self.changes[-1]:,} steps" if self.changes else "waiting for the first checkpoint"
        )

    def update(self, elapsed: float) -> None:
        """Reads the run every `POLL_SECONDS`, and changes to the policy found; call it on the policy's thread."""
        self._since_reading += elapsed
        if self._reading is None and self._since_reading >= POLL_SECONDS:
            self._since_reading = 0.0
            self._reading = self._executor.submit(self._read)
        elif self._reading is not None and self._reading.done():
            reading, self._reading = self._reading, None
            try:
                found = reading.result()
            except UserError as error:  # reported where it failed
                self._problem = str(error)
                return
            self.training, self._problem = found.training, found.problem
            if found.model is not None and self._policy is not None:
                self._policy.change_network(*found.model, name=catalog.short_name(f"{self._run}@{found.steps}"))
                self.changes = (*self.changes, found.steps)

    def _read(self) -> _RunState:
        """Reads the run directory; runs on the executor, never twice at the same time."""
        training = self._training()
        stamp = _stamp(self._run / NEWEST_FOLDER)
        if self._policy is None or stamp == self._stamp:
            return _RunState(training, self._problem)
        self._stamp = stamp
        if stamp is None:
            return _RunState(training, "the newest checkpoint is gone; still playing the one before")
        try:
            model = load_matching(self._run / NEWEST_FOLDER, self._policy.spec)
        except UserError as error:
            return _RunState(training, f"cannot use the newest checkpoint: {error}")
        return _RunState(training, model=model, steps=self._steps_of_checkpoint(training.curve))

    def _training(self) -> Training:
        target, environment, silent_for = None, None, 0.0
        with suppress(UserError):
            config = read_config(self._run)
            target, environment = config.steps, config.spec.environment
        curve = self._curve.read()
        with suppress(OSError):
            silent_for = time.time() - (self._run / METRICS_FILE).stat().st_mtime
        return Training(curve, target, max(silent_for // 60 * 60, 0.0), environment)

    def _steps_of_checkpoint(self, curve: tuple[CurvePoint, ...]) -> int:
        """The steps of the newest checkpoint, found by age: a training writes a line of metrics, then saves."""
        if not curve:
            return 0
        with suppress(OSError):
            written = [(self._run / name).stat().st_mtime for name in (METRICS_FILE, f"{NEWEST_FOLDER}/{WEIGHTS_FILE}")]
            # A longer gap means that the training was stopped and resumed, which loses no update.
            earlier = written[0] - written[1] if written[0] - written[1] < STALLED_SECONDS else 0.0
            return min(curve, key=lambda point: abs(curve[-1].seconds - earlier - point.seconds)).steps
        return curve[-1].steps


def _stamp(directory: Path) -> Stamp | None:
    """The stamp of the model in a directory; None if there is none."""
    try:
        states = [(directory / name).stat() for name in (CONFIG_FILE, WEIGHTS_FILE)]
    except OSError:
        return None
    return tuple((state.st_ino, state.st_mtime_ns, state.st_size) for state in states)
