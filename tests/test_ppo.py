"""PPO on environments that a right algorithm must solve, each of which a typical mistake would fail."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import numpy as np
import pytest
import torch
from probes import SIZE, Outcome, Probe

from models.spec import CnnSpec, ConvLayer, FrameObservation, ModelSpec
from training import ppo
from training.learner import Learner
from training.ppo import PpoSettings
from training.rollout import Collector

SPEC = ModelSpec(
    algorithm="ppo",
    observation=FrameObservation(height=SIZE, width=SIZE, stack=1),
    actions=("FIRE", "RIGHTFIRE", "LEFTFIRE"),
    network=CnnSpec((ConvLayer(4, 8, 4),), hidden=32, mirror=False),
)
SETTINGS = PpoSettings(gamma=0.5, minibatch_size=64, entropy_coefficient=0.0, highest_kl=0.05, learning_rate=3e-3)
BRIGHT, DARK = 200, 50


def solve(
    environment: Probe, *, updates: int = 40, settings: PpoSettings = SETTINGS
) -> Callable[[int], tuple[float, list[float]]]:
    """Trains; gives what tells value and probabilities for a shade."""
    learner = Learner(SPEC, learning_rate=settings.learning_rate, seed=1, device=torch.device("cpu"))
    collector = Collector(environment, learner, rollout_length=32, seed=1)
    learner.learn_pixel_statistics(collector.random_observations(16, np.random.default_rng(1)))
    for _ in range(updates):
        rollout, _ = collector.collect()
        ppo.update(learner, rollout, settings, progress=0.0)

    def judge(shade: int) -> tuple[float, list[float]]:
        with torch.no_grad():
            output = learner.evaluate(torch.full((1, 1, SIZE, SIZE), shade, dtype=torch.uint8))
        return float(output.value), output.logits.softmax(-1)[0].tolist()

    return judge


def alternating(episode: int, _step: int) -> int:
    # By a multiplicative hash, so that no environment sees one shade only.
    return BRIGHT if (episode * 2654435761) >> 7 & 1 else DARK


def test_constant_reward_is_valued() -> None:
    judge = solve(Probe(8, shade=lambda *_: BRIGHT, outcome=lambda *_: Outcome(1.0, terminated=True)))
    assert judge(BRIGHT)[0] == pytest.approx(1.0, abs=0.05)


def test_value_depends_on_the_observation() -> None:
    judge = solve(
        Probe(
            8, shade=alternating, outcome=lambda shade, *_: Outcome(1.0 if shade == BRIGHT else -1.0, terminated=True)
        )
    )
    assert judge(BRIGHT)[0] == pytest.approx(1.0, abs=0.1)
    assert judge(DARK)[0] == pytest.approx(-1.0, abs=0.1)


def test_delayed_reward_is_discounted() -> None:
    # Dark leads to bright, and bright to a reward of 1: the values are gamma = 0.5 and 1.
    judge = solve(
        Probe(
            8,
            shade=lambda _, step: BRIGHT if step == 1 else DARK,
            outcome=lambda _, step, __: Outcome(float(step == 1), terminated=step == 1),
        ),
        updates=60,
    )
    assert judge(BRIGHT)[0] == pytest.approx(1.0, abs=0.1)
    assert judge(DARK)[0] == pytest.approx(0.5, abs=0.1)


def test_the_rewarded_action_is_learned() -> None:
    judge = solve(
        Probe(8, shade=lambda *_: BRIGHT, outcome=lambda _, __, action: Outcome(float(action == 2), terminated=True))
    )
    assert judge(BRIGHT)[1][2] > 0.95


def test_the_right_action_for_each_observation_is_learned() -> None:
    def outcome(shade: int, _step: int, action: int) -> Outcome:
        return Outcome(float(action == (1 if shade == BRIGHT else 2)), terminated=True)

    judge = solve(Probe(8, shade=alternating, outcome=outcome), updates=60)
    assert judge(BRIGHT)[1][1] > 0.9
    assert judge(DARK)[1][2] > 0.9


@pytest.mark.parametrize(("truncated", "value"), [(True, 1 / (1 - 0.5)), (False, 1.0)])
def test_a_timeout_is_not_an_end(truncated: bool, value: float) -> None:
    # Every step brings 1 and ends its episode. Cut off, there would have been more: 1/(1-gamma) in all; by the rules,
    # there is no more than this 1.
    judge = solve(
        Probe(8, shade=lambda *_: BRIGHT, outcome=lambda *_: Outcome(1.0, not truncated, truncated)), updates=60
    )
    assert judge(BRIGHT)[0] == pytest.approx(value, abs=0.1)


@pytest.mark.parametrize(
    ("kl", "progress", "factor"),
    [
        (0.03, 0.0, 1 / 1.5),
        (0.01, 0.0, 1.0),
        (0.001, 0.0, 1.5),
        (0.01, 0.9, 1 / 1.5),
        (0.003, 0.0, 1.5),
        (0.003, 0.5, 1),
    ],
)
def test_the_step_size_follows_the_divergence(kl: float, progress: float, factor: float) -> None:
    # At half of the training the bounds are half of 0.005 and 0.02, and so on.
    assert ppo._adapted(1e-3, kl, PpoSettings(), progress) == pytest.approx(1e-3 * factor)


def test_settings_out_of_bounds_are_refused() -> None:
    for wrong in (b'{"gamma": 1.5}', b'{"epochs": 0}', b'{"gama": 0.9}'):
        with pytest.raises(msgspec.ValidationError):
            msgspec.json.decode(wrong, type=PpoSettings)
