"""A training that is stopped and resumed ends, bit for bit, where an unbroken one ends."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import here
import pytest
import torch
from msgspec.structs import replace

from models.spec import PONG, SEARCHES, ModelSpec
from training import execution, policy_gradient
from training.arena.opponents import Opponents
from training.environments import FINE_ACTIONS
from training.loop import Display, train
from training.presets import training_settings
from training.run import Progress, RunDirectory
from training.search import SearchSettings
from training.settings import TrainingSettings

games_here = here.games_here
UPDATES = 4
EVERYBODY = Opponents(itself=1, past=1, scripts=3, rom=1)


class Until(Display):
    """Stops a training after an update."""

    def __init__(self, updates: int) -> None:
        self._stop = updates
        self._done = 0

    def update(self, progress: Progress, metrics: dict[str, float]) -> None:
        del metrics
        self._done = progress.updates

    def __call__(self) -> bool:
        return self._done >= self._stop


def control(algorithm: str, environment: str, *changes: str, **fields: Any) -> TrainingSettings:
    return replace(training_settings(algorithm, environment, changes=changes), device="cpu", seed=7, **fields)


def search(algorithm: str) -> TrainingSettings:
    settings = control(algorithm, "CartPole-v1", num_envs=4)
    assert isinstance(settings.algorithm, SearchSettings)
    few = {"population_size": min(settings.algorithm.population_size, 8), "episodes": 2}
    return replace(settings, algorithm=replace(settings.algorithm, **few))


def pong(algorithm: str, spec: ModelSpec, *changes: str, **fields: Any) -> TrainingSettings:
    settings = training_settings(algorithm, PONG, changes=changes)
    model = replace(spec, algorithm=algorithm)
    return replace(settings, model=model, device="cpu", seed=7, sticky=0.25, rollout_length=24, **fields)


def families(spec: ModelSpec) -> dict[str, TrainingSettings]:
    fine = replace(spec, actions=FINE_ACTIONS)
    seats = EVERYBODY.seats
    return {
        "ppo on CartPole": control("ppo", "CartPole-v1", num_envs=3, rollout_length=64),
        "ppo on Pendulum": control("ppo", "Pendulum-v1", num_envs=3, rollout_length=64),
        "a2c on MountainCarContinuous": control("a2c", "MountainCarContinuous-v0", num_envs=3),
        "reinforce on CartPole": control("reinforce", "CartPole-v1", num_envs=3, rollout_length=16),
        "reinforce on the gridworld": control("reinforce", "volley/AliasedGridworld-v0", num_envs=2, rollout_length=8),
        "ppo on optimal execution": control("ppo", execution.NAME, num_envs=3, rollout_length=64),
        "ppo on Pong": pong("ppo", fine, "minibatch_size=32", num_envs=3, slow_moves_after=100),
        "reinforce on Pong": pong("reinforce", spec, "minibatch_size=32", "averaging=0.9", num_envs=3),
        "ppo by self-play": pong("ppo", fine, "minibatch_size=32", num_envs=seats, opponents=EVERYBODY),
        "imitation": pong("imitation", fine, "minibatch_size=32", num_envs=seats, opponents=EVERYBODY),
        **{name: search(name) for name in SEARCHES},
    }


NAMES = list(families(ModelSpec(algorithm="ppo", actions=FINE_ACTIONS)))


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(policy_gradient, "EVALUATION_GAMES", 1)
    monkeypatch.setattr(policy_gradient, "WARM_UP_STEPS", 3)
    monkeypatch.setattr("training.arena.experience.ADMISSION_INTERVAL", 2)
    monkeypatch.setattr("training.loop.keep_best", lambda *_: math.nan)


def trained(path: Path, settings: TrainingSettings, *stops: int) -> RunDirectory:
    """A run of some updates, which is stopped after those that `stops` says, and resumed."""
    run = RunDirectory.create(path, settings)
    for stop in (*stops, UPDATES):
        until = Until(stop)
        train(RunDirectory.open(path), until, stop=until)
    return run


def outcome(run: RunDirectory) -> tuple[Any, list[dict[str, Any]]]:
    state = torch.load(run.path / "checkpoints" / "newest.pt", weights_only=True)
    state["progress"].pop("seconds")
    lines = [{k: v for k, v in line.items() if "second" not in k} for line in run.metrics()]
    return state, lines


def assert_identical(one: Any, other: Any, at: str = "") -> None:
    """To the bit."""
    assert type(one) is type(other), at
    if isinstance(one, torch.Tensor):
        assert one.dtype == other.dtype, at
        assert one.shape == other.shape, at
        assert one.cpu().numpy().tobytes() == other.cpu().numpy().tobytes(), at
    elif isinstance(one, dict):
        assert one.keys() == other.keys(), at
        for key in one:
            assert_identical(one[key], other[key], f"{at}/{key}")
    elif isinstance(one, list | tuple):
        assert len(one) == len(other), at
        for index, pair in enumerate(zip(one, other, strict=True)):
            assert_identical(*pair, f"{at}/{index}")
    else:
        assert one == other or one != one, at  # noqa: PLR0124 - NaN


@pytest.mark.parametrize("name", NAMES)
def test_a_run_that_was_stopped_ends_where_an_unbroken_one_ends(
    name: str, tmp_path: Path, spec: ModelSpec, request: pytest.FixtureRequest
) -> None:
    settings = families(spec)[name]
    if name != "ppo by self-play":
        request.getfixturevalue("games_here")
    unbroken = outcome(trained(tmp_path / "unbroken", settings))
    assert [line["updates"] for line in unbroken[1]] == list(range(1, UPDATES + 1))
    # To start games on courts takes seconds, so those runs are stopped only once.
    stops = (2,) if isinstance(settings.model, ModelSpec) else (1, 2, 3)
    broken = outcome(trained(tmp_path / "broken", settings, *stops))
    assert_identical(unbroken, broken)
