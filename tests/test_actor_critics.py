"""Algorithms with a critic, on environments that a right one must solve, each of which a typical mistake would fail."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from probes import SIZE, Outcome, Probe

from models.network import PolicyOutput
from models.spec import CnnSpec, ConvLayer, FrameObservation, ModelSpec
from training.a2c import A2cSettings
from training.algorithms import A2C as A2C_METHOD
from training.algorithms import PPO as PPO_METHOD
from training.learner import Learner
from training.policy_gradient import improve
from training.ppo import PpoSettings
from training.rollout import Collector

SPEC = ModelSpec(
    algorithm="ppo",
    observation=FrameObservation(height=SIZE, width=SIZE, stack=1),
    actions=("FIRE", "RIGHTFIRE", "LEFTFIRE"),
    network=CnnSpec((ConvLayer(4, 8, 4),), hidden=32, mirror=False),
)
COMMON: dict[str, Any] = {
    "gamma": 0.5,
    "entropy_coefficient": 0.0,
    "highest_kl": 0.05,
    "learning_rate": 3e-3,
    "highest_learning_rate": 3e-3,
}
PPO = PpoSettings(minibatch_size=64, **COMMON)
SURROGATE = PpoSettings(minibatch_size=64, clip_epsilon=None, **COMMON)
A2C = A2cSettings(step_size="kl", **COMMON)
N_STEP = A2cSettings(step_size="kl", advantages="n-step", n=5, **COMMON)
BRIGHT, DARK = 200, 50
ALGORITHMS = pytest.mark.parametrize(
    "settings", [PPO, SURROGATE, A2C, N_STEP], ids=["ppo", "surrogate", "a2c", "a2c n-step"]
)


def solve(
    environment: Probe, settings: PpoSettings | A2cSettings, *, longer: float = 1.0
) -> Callable[[int], tuple[float, list[float]]]:
    """Trains; gives what tells value and probabilities for a shade."""
    learner = Learner(SPEC, learning_rate=settings.learning_rate, seed=1, device=torch.device("cpu"))
    # PPO takes many steps of the optimiser from one rollout, A2C a single one.
    method, length, updates = (PPO_METHOD, 32, 25) if isinstance(settings, PpoSettings) else (A2C_METHOD, 8, 200)
    collector = Collector(environment, learner, rollout_length=length, seed=1)
    learner.update_input_statistics(collector.random_observations(16, np.random.default_rng(1)))
    for _ in range(round(updates * longer)):
        rollout, _ = collector.collect()
        improve(learner, rollout, method, settings, progress=0.0)

    def judge(shade: int) -> tuple[float, list[float]]:
        with torch.no_grad():
            output = learner.evaluate(torch.full((1, 1, SIZE, SIZE), shade, dtype=torch.uint8))
        assert isinstance(output, PolicyOutput)
        return float(output.value), output.logits.softmax(-1)[0].tolist()

    return judge


def alternating(episode: int, _step: int) -> int:
    # By a multiplicative hash, so that no environment sees one shade only.
    return BRIGHT if (episode * 2654435761) >> 7 & 1 else DARK


@ALGORITHMS
def test_value_depends_on_the_observation(settings: PpoSettings | A2cSettings) -> None:
    judge = solve(
        Probe(
            8, shade=alternating, outcome=lambda shade, *_: Outcome(1.0 if shade == BRIGHT else -1.0, terminated=True)
        ),
        settings,
    )
    assert judge(BRIGHT)[0] == pytest.approx(1.0, abs=0.1)
    assert judge(DARK)[0] == pytest.approx(-1.0, abs=0.1)


@ALGORITHMS
def test_delayed_reward_is_discounted(settings: PpoSettings | A2cSettings) -> None:
    # Dark leads to bright, and bright to a reward of 1: the values are gamma = 0.5 and 1.
    judge = solve(
        Probe(
            8,
            shade=lambda _, step: BRIGHT if step == 1 else DARK,
            outcome=lambda _, step, __: Outcome(float(step == 1), terminated=step == 1),
        ),
        settings,
        longer=1.5,
    )
    assert judge(BRIGHT)[0] == pytest.approx(1.0, abs=0.1)
    assert judge(DARK)[0] == pytest.approx(0.5, abs=0.1)


@ALGORITHMS
def test_the_right_action_for_each_observation_is_learned(settings: PpoSettings | A2cSettings) -> None:
    def outcome(shade: int, _step: int, action: int) -> Outcome:
        return Outcome(float(action == (1 if shade == BRIGHT else 2)), terminated=True)

    judge = solve(Probe(8, shade=alternating, outcome=outcome), settings, longer=1.5)
    assert judge(BRIGHT)[1][1] > 0.9
    assert judge(DARK)[1][2] > 0.9


@ALGORITHMS
@pytest.mark.parametrize(("truncated", "value"), [(True, 1 / (1 - 0.5)), (False, 1.0)])
def test_a_timeout_is_not_an_end(settings: PpoSettings | A2cSettings, truncated: bool, value: float) -> None:
    # Every step brings 1 and ends its episode. Cut off, there would have been more: 1/(1-gamma) in all; by the rules,
    # there is no more than this 1.
    judge = solve(
        Probe(8, shade=lambda *_: BRIGHT, outcome=lambda *_: Outcome(1.0, not truncated, truncated)),
        settings,
        longer=1.5,
    )
    assert judge(BRIGHT)[0] == pytest.approx(value, abs=0.1)
