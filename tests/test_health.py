"""Learning that goes wrong is noticed: numbers that are not finite, policies that stop exploring or run away."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
import torch
from gymnasium.envs.classic_control import CartPoleEnv
from msgspec.structs import replace
from numpy.typing import NDArray

from app.command.main import main
from models import checkpoint
from models.spec import PONG
from training.health import RUNAWAY_UPDATES, Health
from training.presets import training_settings

SICK = ("reward", "observation")


class Sick(CartPoleEnv):
    """CartPole that gives NaN from its 600th step on."""

    def __init__(self, **kwargs: Any) -> None:
        self._where, self._steps = kwargs.pop("where"), 0
        super().__init__(**kwargs)

    def step(self, action: Any) -> tuple[NDArray[np.float32], float, bool, bool, dict[str, Any]]:
        observation, reward, *ends, info = super().step(action)  # type: ignore[no-untyped-call]
        self._steps += 1
        if self._steps > 600:
            reward = math.nan if self._where == "reward" else reward
            observation = observation * (math.nan if self._where == "observation" else 1)
        return np.asarray(observation, np.float32), float(reward), bool(ends[0]), bool(ends[1]), info


@pytest.fixture(autouse=True)
def _sick() -> Iterator[None]:
    for where in SICK:
        gymnasium.register(f"Sick-{where}-v0", Sick, max_episode_steps=500, kwargs={"where": where})
    yield
    for where in SICK:
        del gymnasium.registry[f"Sick-{where}-v0"]


def finite(run: Path) -> bool:
    _, network = checkpoint.load_policy(run / "model")
    state = torch.load(run / "checkpoints" / "newest.pt", weights_only=True)
    weights = [*network.parameters(), *state["learner"]["network"].values()]
    return all(part.isfinite().all() for part in weights)


@pytest.mark.filterwarnings("ignore:.*(nan|NaN|invalid value).*")
@pytest.mark.parametrize("algorithm", ["ppo", "reinforce", "a2c"])
@pytest.mark.parametrize("where", SICK)
def test_numbers_that_are_not_finite_end_a_training_at_its_last_good_checkpoint(
    where: str, algorithm: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("training.loop.CHECKPOINT_SECONDS", 0.0)
    run = tmp_path / "run"
    options = ["--env", f"Sick-{where}-v0", "--steps", "100000", "--device", "cpu", "--run", str(run)]
    assert main(["train", algorithm, *options]) == 2
    line = capsys.readouterr().err.splitlines()[-1]
    assert line.startswith("volley: learning went wrong after ")
    assert f": the {'observations' if where == 'observation' else 'advantages'} of the games are not finite. " in line
    assert "The last checkpoint is from before" in line
    if where == "reward":
        assert f", and what it was learning from is in {run / 'diverged.pt'}; " in line
        assert not torch.load(run / "diverged.pt", weights_only=True)["returns"].isfinite().all()
    assert line.endswith(f"; look at the environment's {where}s")
    assert finite(run)


@pytest.mark.parametrize("algorithm", ["cross-entropy", "hill-climbing", "evolution-strategies"])
def test_rewards_that_are_not_finite_end_a_search(
    algorithm: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--env", "Sick-reward-v0", "--steps", "100000", "--device", "cpu", "--run", str(tmp_path / "run")]
    assert main(["train", algorithm, *options]) == 2
    line = capsys.readouterr().err.splitlines()[-1]
    assert line.startswith("volley: learning went wrong after ")
    assert ": the returns of the games are not finite. " in line
    assert line.endswith("; look at the environment's rewards")


def test_steps_that_are_far_too_large_are_noticed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("training.loop.CHECKPOINT_SECONDS", 0.0)
    run = tmp_path / "run"
    changes = ["--set", "step_size=constant", "--set", "learning_rate=1e37", "--set", "max_gradient_norm=1e30"]
    assert main(["train", "ppo", "--env", "CartPole-v1", "--device", "cpu", "--run", str(run), *changes]) == 2
    said = capsys.readouterr().err
    assert "learning went wrong after 0 steps: the " in said
    assert ". There is no checkpoint yet" in said
    assert "train again with smaller steps" in said
    assert "The last checkpoint" not in said
    assert main(["train", "--resume", str(run)]) == 2, "it is exact, so it goes wrong again"


def health(environment: str = "CartPole-v1", good: float = 475.0) -> Health:
    return Health(training_settings("ppo", environment), good)


def test_a_policy_that_is_certain_but_bad_is_reported_once() -> None:
    watch, bad = health(), {"entropy": 0.004, "mean_return": 12.0, "kl": 0.0}
    assert watch.look({"entropy": 0.6, "mean_return": 12.0, "kl": 0.0}) == []
    (line,) = watch.look(bad)
    assert line.startswith(
        "the policy is almost certain of its actions (entropy 0.004) while its mean return is only 12:"
    )
    assert watch.look(bad) == []
    assert line.endswith("train again with more: --set entropy_coefficient=0.03")
    had = training_settings("ppo", PONG, changes=["entropy_coefficient=0.05"])
    (line,) = Health(had, 475.0).look({"entropy": 0.004, "mean_return": -19.0, "kl": 0.0})
    assert line.endswith("train again with more: --set entropy_coefficient=0.15"), "more than it had"
    assert health().look({"entropy": 0.004, "mean_return": 490.0, "kl": 0.0}) == [], "it may be"
    assert health(good=math.inf).look(bad) == [], "nobody knows what is good"
    assert health().look({"entropy": 0.004, "mean_return": math.nan, "kl": 0.0}) == []
    assert health(PONG).look({"entropy": 0.004, "mean_return": -19.0, "kl": 0.0}) != []
    assert health(PONG).look({"entropy": 0.004, "mean_return": 3.0, "kl": 0.0}) == []
    assert health("Pendulum-v1").look({"entropy": -3.0, "mean_return": -900.0, "kl": 0.0}) == [], "no bound"


def test_a_policy_that_runs_away_is_reported_once() -> None:
    watch = health()
    far, near = {"kl": 0.9, "entropy": 0.5, "mean_return": 20.0}, {"kl": 0.01, "entropy": 0.5, "mean_return": 20.0}
    said = [watch.look(metrics) for metrics in (far, far, near, *[far] * (RUNAWAY_UPDATES + 2))]
    assert [bool(lines) for lines in said] == [False] * (3 + RUNAWAY_UPDATES - 1) + [True, False, False]
    assert said[-3][0].endswith("train again with smaller steps: --set highest_learning_rate=0.0001"), "it was 0.001"
    constant = training_settings("ppo", "CartPole-v1", changes=["step_size=constant"])
    watch = Health(replace(constant), 475.0)
    assert not any(watch.look(far) for _ in range(10)), "its steps do not adapt"
