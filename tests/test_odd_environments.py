"""Environments that are a stranger's: with other types than usual, missing, broken, or changed since."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import gymnasium
import numpy as np
import pytest
from gymnasium.spaces import Box, Discrete, Space

from app.command.main import main
from models.control import ContinuousActions, ControlSpec, DiscreteActions
from models.errors import UserError
from training.environments import Head, make, specification


class Odd(gymnasium.Env[Any, Any]):
    """Five steps, observed in float64; the reward is 1 for the last of its actions."""

    observation_space: Space[Any] = Box(-1.0, 1.0, (3,), np.float64)
    action_space: Space[Any] = Discrete(2, start=5)
    taken: ClassVar[list[Any]] = []

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed, options=options)
        self._steps = 0
        return np.zeros(3), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        assert self.action_space.contains(action), action
        self.taken.append(action)
        self._steps += 1
        return np.full(3, self._steps / 5), float(np.all(action == 6)), self._steps == 5, False, {}


class Whole(Odd):
    """Takes vectors of whole numbers."""

    action_space = Box(0, 3, (2,), np.int64)


class Half(Odd):
    """Takes numbers of 16 bits."""

    action_space = Box(-0.1, 0.3, (2,), np.float16)


class Vast(Odd):
    """Takes numbers whose distance no float32 holds."""

    action_space = Box(-3e38, 3e38, (2,), np.float32)


class Fixed(Odd):
    """One of its actions can only be 0."""

    action_space = Box(np.zeros(2, np.float32), np.array([1, 0], np.float32))


class Long(Odd):
    """Is observed in more numbers than there are weights for."""

    observation_space = Box(-1.0, 1.0, (10**6,), np.float32)


class Broken(Odd):
    """Fails while it is made."""

    def __init__(self) -> None:
        raise AttributeError("no display")


class Tired(Odd):
    """Fails in its third step."""

    action_space = Discrete(2)

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        if self._steps == 2:
            raise ValueError("out of\nbreath")
        return super().step(action)


class Grown(Odd):
    """What has the name of `Odd` after an update."""

    observation_space = Box(-1.0, 1.0, (4,), np.float64)


@pytest.fixture(autouse=True)
def _registered() -> Iterator[None]:
    names: dict[str, Any] = {"Odd-v0": Odd, "Whole-v0": Whole, "Broken-v0": Broken, "Half-v0": Half, "Vast-v0": Vast}
    names |= {"Tired-v0": Tired, "Fixed-v0": Fixed, "Long-v0": Long}
    for name, kind in names.items():
        gymnasium.register(name, entry_point=kind, disable_env_checker=True)
    Odd.taken.clear()
    yield
    for name in names:
        gymnasium.registry.pop(name, None)


@pytest.mark.parametrize("algorithm", ["ppo", "reinforce", "a2c", "hill-climbing", "evolution-strategies"])
def test_observations_in_float64_and_actions_from_five_on_can_be_learned(
    algorithm: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = str(tmp_path / "run")
    assert main(["train", algorithm, "--env", "Odd-v0", "--steps", "3000", "--run", run]) == 0
    assert {int(action) for action in Odd.taken} == {5, 6}
    assert main(["evaluate", run, "--episodes", "3"]) == 0
    assert "mean return" in capsys.readouterr().out


@pytest.mark.parametrize("algorithm", ["a2c", "hill-climbing"])
def test_a_failure_in_a_game_is_told_in_a_line(
    algorithm: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["train", algorithm, "--env", "Tired-v0", "--steps", "3000", "--run", str(tmp_path / "run")]
    assert main(words) == 2
    line = capsys.readouterr().err.splitlines()[-1]
    assert line == "volley: Tired-v0 failed in mid-game: ValueError: out of breath; it has to be mended there"


def test_observations_are_float32_also_the_last_of_an_episode() -> None:
    environments = make(specification("Odd-v0", algorithm="ppo"), 2)
    seen = [environments.reset(seed=0)[0]]
    for _ in range(5):
        observations, _, ended, _, info = environments.step(np.array([0, 1]))
        seen.append(observations)
    assert {observations.dtype for observations in seen} == {np.dtype(np.float32)}
    assert ended.all()
    assert [final.dtype for final in info["final_obs"]] == [np.float32, np.float32]


def test_whole_numbers_as_actions_are_refused() -> None:
    with pytest.raises(UserError, match="Whole-v0 cannot be learned: its actions are"):
        specification("Whole-v0", algorithm="ppo")


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("Humanoid-v3", "Humanoid-v3 needs a missing package"),
        ("GymV21Environment-v0", "GymV21Environment-v0 needs a missing package"),
        (":", "no environment ':'"),
        ("Fixed-v0", "Fixed-v0 cannot be learned: "),
        ("Long-v0", "Long-v0 cannot be learned: "),
        ("Nowhere-v7", "no environment 'Nowhere-v7'"),
        ("Broken-v0", "no environment 'Broken-v0': no display"),
        ("PongNoFrameskip-v4", "use --env Pong"),
        ("Pong-v0", "use --env Pong"),
    ],
)
def test_what_cannot_be_made_is_told_in_a_line(
    name: str, told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    assert main(["train", "ppo", "--env", name, "--run", str(run)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert told in line
    assert not run.exists()


def test_a_run_whose_environment_is_gone_or_changed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = str(tmp_path / "run")
    assert main(["train", "ppo", "--env", "Odd-v0", "--steps", "600", "--run", run]) == 0
    capsys.readouterr()
    commands = (["evaluate", run], ["train", "--resume", run, "--steps", "1200"])
    monkeypatch.setattr(gymnasium.registry["Odd-v0"], "entry_point", Grown)
    for command in commands:
        assert main(command) == 2
        assert "is not what this policy was trained for: it has (4,) observations" in capsys.readouterr().err
    gymnasium.registry.pop("Odd-v0")
    for command in commands:
        assert main(command) == 2
        assert "no environment 'Odd-v0'" in capsys.readouterr().err


def test_other_numbers_of_actions_are_noticed() -> None:
    few = ControlSpec(algorithm="ppo", environment="Odd-v0", observation_size=3, actions=DiscreteActions(3))
    with pytest.raises(UserError, match="and 2 actions now"):
        make(few, 1)
    vector = ContinuousActions((-2.0, -2.0), (2.0, 2.0))
    arm = ControlSpec(algorithm="ppo", environment="Pendulum-v1", observation_size=3, actions=vector)
    with pytest.raises(UserError, match="and 1 actions now"):
        make(arm, 1)


@pytest.mark.parametrize("head", ["gaussian", "tanh-gaussian"])
@pytest.mark.parametrize("name", ["Half-v0", "Vast-v0"])
def test_actions_are_of_the_environments_type_and_within_its_bounds(name: str, head: Head) -> None:
    """`Odd.step` checks that its space contains them."""
    environments = make(specification(name, algorithm="ppo", head=head), 2)
    environments.reset(seed=0)
    for drawn in (0.0, 0.3, 1.0, 20.0, -20.0):
        environments.step(np.full((2, 2), drawn, np.float32))
    assert len(Odd.taken) == 10
