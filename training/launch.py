"""Starts, interrupts and resumes a training from the command line."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from models import catalog, checkpoint
from models.catalog import RUNS
from models.device import DeviceName, pick_device
from models.errors import UserError, volley
from models.interruption import interruption
from models.spec import PONG, ModelSpec, encode
from training.arena.opponents import Opponents
from training.display import TerminalDisplay
from training.environments import FAST_ACTIONS, FINE_ACTIONS, Head
from training.gradient import GradientSettings
from training.loop import Display, train
from training.policy_gradient import opposing_network, starting_network
from training.presets import training_settings
from training.reinforce import ReinforceSettings
from training.run import MemberRun, Progress, RunDirectory
from training.settings import TrainingSettings, decode
from training.team import ALONE, LostError, Team
from training.workers import LostWorkerError


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
    team: Team = ALONE,
) -> RunDirectory:
    """A new run in `path`, or in a folder of `RUNS` named after the time; a setting that is None keeps its default.

    `UserError` if a setting is wrong, or as for `RunDirectory.create`.
    """
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
    _check_team(settings, team)
    pick_device(settings.device)
    if start is not None:
        starting_network(start, settings)
    if opponents is not None and opponents.model is not None:
        opposing_network(opponents.model, settings)
    return _shared(RunDirectory.create(path or _new_folder(algorithm), settings), team)


def _new_folder(algorithm: str) -> Path:
    """A folder of `RUNS` named after the time; a new one, also if another training begins in the same second."""
    name = RUNS / f"{algorithm}-{datetime.now().astimezone():%Y%m%d-%H%M%S}"
    for path in (name, *(name.with_name(f"{name.name}-{number}") for number in range(2, 100))):
        try:
            path.mkdir(parents=True)
        except FileExistsError:
            continue
        except OSError:
            break  # whoever writes to it says why
        return path
    return name


def _check_team(settings: TrainingSettings, team: Team) -> None:
    """`UserError` if a team cannot train this."""
    if team.alone:
        return
    if not isinstance(settings.algorithm, GradientSettings) or settings.opponents is not None:
        raise UserError(
            f"{team.size} processes together can train only a policy gradient, on a control problem or against the "
            "ROM; for a search, or with --opponents, start one process without torchrun"
        )
    if not settings.algorithm.normalizes and isinstance(settings.algorithm, ReinforceSettings):
        raise UserError(
            f"{team.size} processes together cannot train without normalising: the weight of a decision would depend "
            "on whose game it is; leave out --set normalize=false, or start one process without torchrun"
        )
    minibatch_size = getattr(settings.algorithm, "minibatch_size", None)
    if minibatch_size is not None and minibatch_size < team.size:
        raise UserError(
            f"minibatches of {minibatch_size} cannot be shared among {team.size} processes; set "
            f"minibatch_size to {team.size} or more"
        )
    if settings.num_envs % team.size:
        raise UserError(
            f"the run's {settings.num_envs} environments cannot be shared evenly among {team.size} processes; start a "
            "number of processes that divides them"
        )


def _shared(run: RunDirectory, team: Team) -> RunDirectory:
    """Tells the others of the team about the run."""
    run.team = team
    team.from_first((run.path, run.settings))
    return run


def join_run(team: Team) -> RunDirectory:
    """The run of the team's first process, for another one of the team."""
    path, settings = team.from_first(None)
    return MemberRun(path, settings, team)


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
    known = start or (opponents.model if opponents is not None else None)
    if known is not None:
        model = _shaped_like(known, model)
    if frame_skip is not None:
        observation = msgspec.structs.replace(model.observation, frame_skip=frame_skip)
        model = msgspec.structs.replace(model, observation=observation)
    if slow_moves or start or opponents:
        # Whoever goes on from a model, or meets players of all kinds, says what moves the policy has from the start.
        model = msgspec.structs.replace(model, actions=FINE_ACTIONS if slow_moves else FAST_ACTIONS)
        overrides["slow_moves_after"] = 0
    return overrides | {"model": model}


def _shaped_like(name: str, model: ModelSpec) -> ModelSpec:
    """The specification with the pictures and the network of the model of that name, however often that decides."""
    spec = checkpoint.load_spec(catalog.resolve(name))
    observation = msgspec.structs.replace(spec.observation, frame_skip=model.observation.frame_skip)
    return msgspec.structs.replace(model, observation=observation, network=spec.network)


def resumed_run(path: Path, *, steps: int | None, device: DeviceName | None, team: Team = ALONE) -> RunDirectory:
    """The run in `path`, with new `steps` or `device` unless None.

    `UserError` as for `RunDirectory.open`, and if it has done more than that many steps.
    """
    run = RunDirectory.open(path)
    _check_steps(run, steps)
    if device is not None:
        pick_device(device)
    settings = msgspec.structs.replace(run.settings, **_given({"steps": steps, "device": device}))
    _check_team(settings, team)
    run.write_settings(settings)
    return _shared(run, team)


def _check_steps(run: RunDirectory, steps: int | None) -> None:
    """`UserError` if the run has already done more than it now should; an update may have led a bit too far."""
    metrics = run.metrics()
    done = metrics[-1]["steps"] if metrics else 0
    if steps is not None and steps < min(done, run.settings.steps):
        raise UserError(f"{run.path} has done {done:,} steps already; --steps counts from its beginning: ask for more")


def _given(arguments: dict[str, Any]) -> dict[str, Any]:
    """The arguments that are not None."""
    return {name: value for name, value in arguments.items() if value is not None}


STOPPING = "stopping after this update; a second Ctrl-C stops at once, at the last save"


def train_until_interrupted(run: RunDirectory) -> tuple[Progress, bool]:
    """Trains with a progress display, if it leads; returns the progress, and whether it was interrupted.

    The first Ctrl-C or SIGTERM, or the end of the terminal, finishes the current update and saves the run. A second one
    exits immediately, leaving the last checkpoint.
    """
    leads, resume = run.team.leads, volley("train", "--resume", run.path)
    shown = TerminalDisplay(run.settings.steps, run.settings.model.algorithm) if leads else nullcontext(Display())
    with shown as display, interruption(STOPPING if leads else "") as interrupted:
        try:
            progress = train(run, display, stop=interrupted)
        except LostError as error:
            raise UserError(f"{error}; start them all again, with {resume} in place of the command") from error
        except LostWorkerError as error:
            raise UserError(f"{error}; go on from the last checkpoint with {resume}") from error
    return progress, progress.steps < run.settings.steps
