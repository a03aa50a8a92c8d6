"""Starting, interrupting and resuming a training from the command line."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from types import FrameType
from typing import Any

import msgspec

from models.device import DeviceName
from models.errors import UserError
from models.spec import PONG, ModelSpec
from training.display import TerminalDisplay
from training.environments import Head
from training.loop import train
from training.presets import training_settings
from training.run import Progress, RunDirectory


def new_run(
    path: Path | None,
    *,
    algorithm: str,
    steps: int | None,
    seed: int | None,
    sticky: float | None,
    device: DeviceName | None,
    environment: str = PONG,
    head: Head | None = None,
    changes: Sequence[str] = (),
) -> RunDirectory:
    """A new run, in `path` or in a folder under `runs/` named after the time; what is None has its default.

    `UserError` as for `RunDirectory.create`.
    """
    path = path or Path("runs") / f"{algorithm}-{datetime.now().astimezone():%Y%m%d-%H%M%S}"
    asked = {"steps": steps, "seed": seed, "sticky": sticky, "device": device}
    settings = training_settings(algorithm, environment, head=head, changes=changes)
    if sticky is not None and not isinstance(settings.model, ModelSpec):
        raise UserError(f"--sticky is for Pong: {environment} repeats no actions; leave it out")
    return RunDirectory.create(path, msgspec.structs.replace(settings, **_given(asked)))


def resumed_run(path: Path, *, steps: int | None, device: DeviceName | None) -> RunDirectory:
    """The run in `path`, to more or fewer steps or on another device where asked. `UserError` as for `open`."""
    run = RunDirectory.open(path)
    run.write_settings(msgspec.structs.replace(run.settings, **_given({"steps": steps, "device": device})))
    return run


def _given(arguments: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in arguments.items() if value is not None}


def train_until_interrupted(run: RunDirectory) -> tuple[Progress, bool]:
    """Trains with a progress display; returns how far it came, and whether it was interrupted.

    After the first Ctrl-C or termination signal the current update is finished and the run saved. A second one ends it
    at once, and the last checkpoint stands.
    """
    with (
        TerminalDisplay(run.settings.steps, run.settings.model.algorithm) as display,
        _notice_interruption() as interrupted,
    ):
        progress = train(run, display, stop=interrupted)
    return progress, interrupted()


@contextmanager
def _notice_interruption() -> Iterator[Callable[[], bool]]:
    """Yields a function that says whether Ctrl-C or a termination signal has come; a second one acts as usual."""
    received: list[int] = []
    usual = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def restore() -> None:
        for number, handler in usual.items():
            signal.signal(number, handler)

    def notice(number: int, _frame: FrameType | None) -> None:
        received.append(number)
        restore()

    for number in usual:
        signal.signal(number, notice)
    try:
        yield lambda: bool(received)
    finally:
        restore()
