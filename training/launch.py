"""Starts, interrupts and resumes a training from the command line."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from types import FrameType
from typing import Any

import msgspec

from models.catalog import RUNS
from models.device import DeviceName, pick_device
from models.errors import UserError
from models.spec import PONG, ModelSpec
from training.arena.opponents import Opponents
from training.display import TerminalDisplay
from training.environments import FINE_ACTIONS, Head
from training.gradient import GradientSettings
from training.loop import train
from training.policy_gradient import opposing_network, starting_network
from training.presets import training_settings
from training.run import Progress, RunDirectory
from training.settings import TrainingSettings, decode, encode


def new_run(
    path: Path | None,
    *,
    algorithm: str,
    steps: int | None = None,
    seed: int | None = None,
    sticky: float | None = None,
    device: DeviceName | None = None,
    environment: str = PONG,
    head: Head | None = None,
    changes: Sequence[str] = (),
    opponents: Opponents | None = None,
    start: str | None = None,
    frame_skip: int | None = None,
    slow_moves: bool | None = None,
) -> RunDirectory:
    """A new run in `path`, or in a folder of `RUNS` named after the time; a setting that is None keeps its default.

    `UserError` if a setting is wrong, or as for `RunDirectory.create`.
    """
    path = path or RUNS / f"{algorithm}-{datetime.now().astimezone():%Y%m%d-%H%M%S}"
    overrides = {"steps": steps, "seed": seed, "sticky": sticky, "device": device}
    settings = training_settings(algorithm, environment, head=head, changes=changes)
    if isinstance(settings.model, ModelSpec):
        overrides |= _pong_overrides(settings, opponents, start, frame_skip, slow_moves=slow_moves or False)
    else:
        pong = {
            "--sticky": sticky,
            "--opponents": opponents,
            "--from": start,
            "--frame-skip": frame_skip,
            "--slow-moves": slow_moves,
        }
        for option in _given(pong):
            raise UserError(f"{option} is only for Pong; leave it out for {environment}")
    settings = msgspec.structs.replace(settings, **_given(overrides))
    # What is wrong is better found before a run is made for it.
    _check_bounds(settings)
    pick_device(settings.device)
    if start is not None:
        starting_network(start, settings)
    if opponents is not None and opponents.model is not None:
        opposing_network(opponents.model, settings)
    return RunDirectory.create(path, settings)


def _check_bounds(settings: TrainingSettings) -> None:
    """`UserError` if a setting is out of bounds, so that the run could not be read again."""
    try:
        decode(encode(settings))
    except UserError as error:
        raise UserError(f"a setting is out of bounds: {error.__cause__}") from error


def _pong_overrides(
    settings: TrainingSettings,
    opponents: Opponents | None,
    start: str | None,
    frame_skip: int | None,
    *,
    slow_moves: bool,
) -> dict[str, Any]:
    """The settings that these options stand for."""
    assert isinstance(settings.model, ModelSpec)
    if (opponents or start) and not isinstance(settings.algorithm, GradientSettings):
        raise UserError(f"--opponents and --from are for policy gradients, such as ppo; not {settings.model.algorithm}")
    overrides: dict[str, Any] = {"start": start}
    if opponents is not None:
        overrides |= {"opponents": opponents, "num_envs": opponents.seats}
    model = settings.model
    if frame_skip is not None:
        observation = msgspec.structs.replace(model.observation, frame_skip=frame_skip)
        model = msgspec.structs.replace(model, observation=observation)
    if slow_moves:
        model = msgspec.structs.replace(model, actions=FINE_ACTIONS)
    return overrides | {"model": model}


def resumed_run(path: Path, *, steps: int | None, device: DeviceName | None) -> RunDirectory:
    """The run in `path`, with new `steps` or `device` unless None. `UserError` as for `RunDirectory.open`."""
    run = RunDirectory.open(path)
    if device is not None:
        pick_device(device)
    run.write_settings(msgspec.structs.replace(run.settings, **_given({"steps": steps, "device": device})))
    return run


def _given(arguments: dict[str, Any]) -> dict[str, Any]:
    """The arguments that are not None."""
    return {name: value for name, value in arguments.items() if value is not None}


def train_until_interrupted(run: RunDirectory) -> tuple[Progress, bool]:
    """Trains with a progress display; returns the progress, and whether it was interrupted.

    The first Ctrl-C or SIGTERM, or the end of the terminal, finishes the current update and saves the run. A second one
    exits immediately, leaving the last checkpoint.
    """
    with (
        TerminalDisplay(run.settings.steps, run.settings.model.algorithm) as display,
        _catch_interrupt() as interrupted,
    ):
        progress = train(run, display, stop=interrupted)
    return progress, interrupted()


_SIGNALS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
"""SIGHUP says that the terminal is gone; Windows has none."""


@contextmanager
def _catch_interrupt() -> Iterator[Callable[[], bool]]:
    """Yields a function that says whether a signal to end has arrived; a second one has its usual effect."""
    received: list[int] = []
    previous = {number: signal.getsignal(number) for number in _SIGNALS}

    def restore() -> None:
        for number, handler in previous.items():
            signal.signal(number, handler)

    def catch(number: int, _frame: FrameType | None) -> None:
        received.append(number)
        restore()

    for number in previous:
        signal.signal(number, catch)
    try:
        yield lambda: bool(received)
    finally:
        restore()
