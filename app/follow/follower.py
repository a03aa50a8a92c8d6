"""A training seen from beside it: its learning curve, and its newest policy as it is saved.

Another process writes the run directory meanwhile: any of its files may be missing, gone or unfinished.
"""

from __future__ import annotations

import time
from concurrent.futures import Executor, Future
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from models import catalog
from models.errors import UserError
from models.files import CONFIG_FILE, WEIGHTS_FILE
from models.run_directory import METRICS_FILE, NEWEST_FOLDER, CurvePoint, CurveReader, read_config
from models.spec import ModelSpec

if TYPE_CHECKING:
    from agents.policy import PolicyAgent
    from models.network import PolicyNetwork

LOOK_EVERY = 1.0
"""Seconds."""
RATE_OVER = 60.0
"""Seconds of training that the speed is measured over."""
RARELY_SAVED = 120.0
"""Seconds. A training that runs saves about once a minute."""

Stamp: TypeAlias = tuple[tuple[int, int, int], ...]
"""What changes when a model's files are replaced."""


@dataclass(frozen=True, slots=True)
class Training:
    """How far a training has come."""

    curve: tuple[CurvePoint, ...] = ()
    """Oldest first."""
    target: int | None = None
    """The agent steps that were asked for; None where the run does not say."""
    silent_for: float = 0.0
    """Seconds since it was last heard of; whole minutes, so that nothing has to be drawn anew each second."""

    @property
    def steps(self) -> int:
        """Agent steps so far."""
        return self.curve[-1].steps if self.curve else 0

    @property
    def rate(self) -> float | None:
        """Agent steps per second of late; None before there are two points."""
        late = [point for point in self.curve if point.seconds >= self.curve[-1].seconds - RATE_OVER][:-1]
        if not late or self.curve[-1].seconds <= late[0].seconds:
            return None
        return (self.curve[-1].steps - late[0].steps) / (self.curve[-1].seconds - late[0].seconds)

    @property
    def seconds_left(self) -> float | None:
        """Of training, at the speed of late; None where that cannot be told."""
        return (max(self.target - self.steps, 0) / self.rate) if self.target is not None and self.rate else None

    @property
    def finished(self) -> bool:
        """Whether all steps that were asked for are done."""
        return self.target is not None and self.steps >= self.target


def load_in_place(directory: Path, spec: ModelSpec) -> PolicyNetwork:
    """The network in a model directory, to play in the place of one of `spec`; `UserError` with the reason why not."""
    from models import checkpoint  # noqa: PLC0415

    try:
        found, network = checkpoint.load(directory)
    except UserError as error:
        raise UserError(str(error).removeprefix(f"cannot load the model in {directory}: ")) from error
    if found != spec:
        raise UserError("it is of another kind than the one that plays")
    return network


@dataclass(frozen=True, slots=True)
class _Look:
    """What was found in the run directory."""

    training: Training
    problem: str = ""
    network: PolicyNetwork | None = None
    """A new one, where there was one."""
    steps: int = 0
    """Its agent steps."""


class Follower:
    """Lets `policy` play as the newest policy of a training does, changing over with each checkpoint.

    The files are read on `executor`. Whatever state they are in, the policy plays on with the last that was whole.
    Without a policy, it tells how far the training has come.
    """

    def __init__(self, run: Path, policy: PolicyAgent | None, executor: Executor) -> None:
        self.training = Training()
        self.changes: tuple[int, ...] = ()
        """The agent steps after which each policy was saved that has played, the newest last."""
        self._run = run
        self._policy = policy
        self._executor = executor
        self._curve = CurveReader(run)
        self._stamp: Stamp | None = None
        self._problem = ""
        self._since = LOOK_EVERY
        self._looking: Future[_Look] | None = None

    @property
    def sign(self) -> str:
        """Who plays, in a line: what is waited for, or what is wrong with the newest checkpoint."""
        if self._problem:
            return self._problem
        return f"plays the policy of {self.changes[-1]:,} steps" if self.changes else "waiting for the first checkpoint"

    def update(self, elapsed: float) -> None:
        """Looks once a second, and changes over to what was found; called by whoever lets the policy play."""
        self._since += elapsed
        if self._looking is None and self._since >= LOOK_EVERY:
            self._since = 0.0
            self._looking = self._executor.submit(self._look)
        elif self._looking is not None and self._looking.done():
            found, self._looking = self._looking.result(), None
            self.training, self._problem = found.training, found.problem
            if found.network is not None and self._policy is not None:
                self._policy.change_network(found.network, name=catalog.short_name(f"{self._run}@{found.steps}"))
                self.changes = (*self.changes, found.steps)

    def _look(self) -> _Look:
        """What is there now; runs on the executor, never twice at once."""
        training = self._training()
        stamp = _stamp(self._run / NEWEST_FOLDER)
        if self._policy is None or stamp == self._stamp:
            return _Look(training, self._problem)
        self._stamp = stamp
        if stamp is None:
            return _Look(training, "its newest policy is gone: the one before plays on")
        try:
            network = load_in_place(self._run / NEWEST_FOLDER, self._policy.spec)
        except UserError as error:
            return _Look(training, f"plays on without the newest checkpoint: {error}")
        return _Look(training, network=network, steps=self._steps_of_checkpoint(training.curve))

    def _training(self) -> Training:
        target, silent_for = None, 0.0
        with suppress(UserError):
            target = read_config(self._run).steps
        curve = self._curve.read()
        with suppress(OSError):
            silent_for = time.time() - (self._run / METRICS_FILE).stat().st_mtime
        return Training(curve, target, max(silent_for // 60 * 60, 0.0))

    def _steps_of_checkpoint(self, curve: tuple[CurvePoint, ...]) -> int:
        """Of the newest one: a training writes a line of metrics, then saves, so the two files tell by their age."""
        if not curve:
            return 0
        with suppress(OSError):
            written = [(self._run / name).stat().st_mtime for name in (METRICS_FILE, f"{NEWEST_FOLDER}/{WEIGHTS_FILE}")]
            # Where more time lies between, the training was stopped and goes on, with no update lost.
            earlier = written[0] - written[1] if written[0] - written[1] < RARELY_SAVED else 0.0
            return min(curve, key=lambda point: abs(curve[-1].seconds - earlier - point.seconds)).steps
        return curve[-1].steps


def _stamp(directory: Path) -> Stamp | None:
    """Of the model in a directory; None where it is not there."""
    try:
        states = [(directory / name).stat() for name in (CONFIG_FILE, WEIGHTS_FILE)]
    except OSError:
        return None
    return tuple((state.st_ino, state.st_mtime_ns, state.st_size) for state in states)
