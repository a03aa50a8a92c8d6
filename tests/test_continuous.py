"""Continuous actions: each policy gradient finds, with either head, the action that is rewarded most."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from gymnasium.spaces import Box
from gymnasium.vector import AutoresetMode, VectorEnv
from msgspec.structs import replace
from numpy.typing import NDArray

from models.control import ContinuousActions, ControlSpec
from models.distributions import Gaussian
from training.a2c import A2cSettings
from training.algorithms import A2C, PPO, REINFORCE
from training.environments import ActionBounds
from training.gradient import GradientSettings
from training.learner import Learner
from training.policy_gradient import Method, improve
from training.ppo import PpoSettings
from training.reinforce import ReinforceSettings
from training.rollout import Collector

LOW, HIGH = -1.0, 3.0
UPDATES = 200
ALGORITHMS: list[tuple[Method, GradientSettings]] = [
    (REINFORCE, ReinforceSettings(trajectories_per_update=64)),
    (PPO, PpoSettings(epochs=2, minibatch_size=64)),
    (A2C, A2cSettings(step_size="constant")),
]


class Aim(VectorEnv[NDArray[np.float32], NDArray[Any], NDArray[Any]]):
    """Episodes of one step: what is seen is 1 or -1, and the nearer the action is to 2 or 0, the better."""

    def __init__(self, num_envs: int, actions: ContinuousActions) -> None:
        self.num_envs = num_envs
        self.metadata = {"autoreset_mode": AutoresetMode.SAME_STEP}
        self.single_observation_space = Box(-1, 1, (1,), np.float32)
        self.single_action_space = Box(-np.inf, np.inf, (1,), np.float32)
        self._within = ActionBounds(actions)
        self._rng = np.random.default_rng(0)

    def reset(
        self, *, seed: int | list[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.float32], dict[str, Any]]:
        del seed, options
        self._seen = self._rng.choice(np.array([-1, 1], np.float32), (self.num_envs, 1))
        return self._seen, {}

    def step(
        self, actions: NDArray[Any]
    ) -> tuple[NDArray[np.float32], NDArray[Any], NDArray[Any], NDArray[Any], dict[str, Any]]:
        rewards = -((self._within(actions) - (1 + self._seen)) ** 2)[:, 0]
        final = self._seen
        ended, never = np.ones(self.num_envs, bool), np.zeros(self.num_envs, bool)
        return self.reset()[0], rewards, ended, never, {"final_obs": final}


@pytest.mark.parametrize("head", ["gaussian", "tanh-gaussian"])
@pytest.mark.parametrize(("method", "settings"), ALGORITHMS, ids=["reinforce", "ppo", "a2c"])
def test_the_best_action_is_found(method: Method, settings: GradientSettings, head: Any) -> None:
    actions = ContinuousActions((LOW,), (HIGH,), head)
    spec = ControlSpec(algorithm="x", environment="Aim-v0", observation_size=1, actions=actions, hidden=(16,))
    settings = replace(settings, entropy_coefficient=0.0, learning_rate=1e-2, step_size="linear")
    learner = Learner(spec, learning_rate=settings.learning_rate, seed=0, device=torch.device("cpu"))
    collector = Collector(Aim(32, actions), learner, rollout_length=8, seed=0)
    experience = method.experience(collector, settings)
    for update in range(UPDATES):
        improve(learner, experience.collect()[0], method, settings, progress=update / UPDATES)
    with torch.no_grad():
        mode = learner.evaluate(torch.tensor([[-1.0], [1.0]])).distribution.mode
    np.testing.assert_allclose(ActionBounds(actions)(mode.numpy())[:, 0], [0.0, 2.0], atol=0.15)


def test_a_run_begins_with_the_deviation_it_is_told() -> None:
    spec = ControlSpec(
        algorithm="x", environment="Aim-v0", observation_size=1, actions=ContinuousActions((LOW,), (HIGH,))
    )
    learner = Learner(spec, learning_rate=1e-3, seed=0, device=torch.device("cpu"), first_log_deviation=0.75)
    distribution = learner.evaluate(torch.zeros(1, 1)).distribution
    assert isinstance(distribution, Gaussian)
    assert distribution.log_deviation.item() == 0.75
