"""REINFORCE on environments that a right algorithm must solve, and its switches one by one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import numpy as np
import pytest
import torch
from probes import SIZE, Outcome, Probe
from torch import Tensor

from models.control import ControlSpec, DiscreteActions
from models.distributions import Categorical
from models.losses import policy_gradient
from models.mlp import ControlNetwork
from models.spec import CnnSpec, ConvLayer, FrameObservation, ModelSpec
from training import reinforce
from training.algorithms import REINFORCE
from training.learner import Learner
from training.policy_gradient import improve
from training.reinforce import ReinforceSettings, advantages, before_time_limit, trajectory_ends, whole_trajectories
from training.rollout import Collector, Rollout

SPEC = ModelSpec(
    algorithm="reinforce",
    observation=FrameObservation(height=SIZE, width=SIZE, stack=1),
    actions=("FIRE", "RIGHTFIRE", "LEFTFIRE"),
    network=CnnSpec((ConvLayer(4, 8, 4),), hidden=32, mirror=False),
)
SETTINGS = ReinforceSettings(
    gamma=0.5, minibatch_size=64, entropy_coefficient=0.0, learning_rate=3e-3, step_size="constant"
)
BRIGHT, DARK = 200, 50


def train(environment: Probe, *, updates: int = 40, settings: ReinforceSettings = SETTINGS) -> Learner:
    learner = Learner(SPEC, learning_rate=settings.learning_rate, seed=1, device=torch.device("cpu"))
    collector = Collector(environment, learner, rollout_length=8, seed=1)
    learner.update_input_statistics(collector.random_observations(4, np.random.default_rng(1)))
    experience = whole_trajectories(collector, settings)
    for _ in range(updates):
        rollout, _ = experience.collect()
        improve(learner, rollout, REINFORCE, settings, progress=0.0)
    return learner


def judge(learner: Learner, shade: int) -> tuple[float, list[float]]:
    """Value and probabilities for a shade."""
    with torch.no_grad():
        output = learner.evaluate(torch.full((1, 1, SIZE, SIZE), shade, dtype=torch.uint8))
    assert isinstance(output.distribution, Categorical)
    return float(output.value), output.distribution.logits.softmax(-1)[0].tolist()


def alternating(episode: int, _step: int) -> int:
    # By a multiplicative hash, so that no environment sees one shade only.
    return BRIGHT if (episode * 2654435761) >> 7 & 1 else DARK


def two_steps(_episode: int, step: int) -> int:
    return BRIGHT if step == 1 else DARK


def test_constant_reward_is_valued() -> None:
    learner = train(Probe(32, shade=lambda *_: BRIGHT, outcome=lambda *_: Outcome(1.0, terminated=True)))
    assert judge(learner, BRIGHT)[0] == pytest.approx(1.0, abs=0.05)


def test_value_depends_on_the_observation() -> None:
    learner = train(
        Probe(
            32, shade=alternating, outcome=lambda shade, *_: Outcome(1.0 if shade == BRIGHT else -1.0, terminated=True)
        ),
    )
    assert judge(learner, BRIGHT)[0] == pytest.approx(1.0, abs=0.1)
    assert judge(learner, DARK)[0] == pytest.approx(-1.0, abs=0.1)


@pytest.mark.parametrize("truncated", [False, True])
def test_delayed_reward_is_discounted_and_nothing_is_guessed_after_a_timeout(*, truncated: bool) -> None:
    # Dark leads to bright, and both bring a reward of 1: the values are 1 + gamma = 1.5 and 1. A return is what was
    # won, never completed by a guess at what would have been: so a timeout counts as an end, and the value learned is
    # the sum up to it, where an algorithm that bootstraps learns what an endless game would bring, 1 / (1 - gamma) = 2.
    learner = train(
        Probe(
            32,
            shade=two_steps,
            outcome=lambda _, step, __: Outcome(1.0, step == 1 and not truncated, step == 1 and truncated),
        ),
        updates=60,
    )
    assert judge(learner, BRIGHT)[0] == pytest.approx(1.0, abs=0.1)
    assert judge(learner, DARK)[0] == pytest.approx(1.5, abs=0.1)


@pytest.mark.parametrize("switches", [{}, {"credit": "total"}, {"baseline": "none"}, {"normalize": False}])
def test_the_rewarded_action_is_learned(switches: dict[str, Any]) -> None:
    settings = msgspec.structs.replace(SETTINGS, **switches)
    environment = Probe(
        32, shade=lambda *_: BRIGHT, outcome=lambda _, __, action: Outcome(float(action == 2), terminated=True)
    )
    assert judge(train(environment, updates=25, settings=settings), BRIGHT)[1][2] > 0.9


def test_the_right_action_for_each_observation_is_learned() -> None:
    def outcome(shade: int, _step: int, action: int) -> Outcome:
        return Outcome(float(action == (1 if shade == BRIGHT else 2)), terminated=True)

    learner = train(Probe(32, shade=alternating, outcome=outcome), updates=60)
    assert judge(learner, BRIGHT)[1][1] > 0.9
    assert judge(learner, DARK)[1][2] > 0.9


@pytest.mark.parametrize(("trajectory", "stops"), [("episode", False), ("point", True)])
def test_an_action_is_credited_with_what_comes_later(trajectory: Any, *, stops: bool) -> None:
    # In the dark, action 2 ends the episode with nothing; the others cost 0.3 and lead to a reward of 1, which makes
    # -0.3 + gamma = 0.2 in all. Within a point, only the cost is seen.
    def outcome(shade: int, _step: int, action: int) -> Outcome:
        if shade == BRIGHT:
            return Outcome(1.0, terminated=True)
        return Outcome(0.0, terminated=True) if action == 2 else Outcome(-0.3)

    settings = msgspec.structs.replace(SETTINGS, trajectory=trajectory)
    learner = train(Probe(32, shade=two_steps, outcome=outcome), settings=settings)
    stopping = judge(learner, DARK)[1][2]
    assert stopping > 0.9 if stops else stopping < 0.1


def test_same_seed_same_result() -> None:
    def environment() -> Probe:
        return Probe(4, shade=alternating, outcome=lambda _, __, action: Outcome(float(action), terminated=True))

    first, second = (train(environment(), updates=3).network.state_dict() for _ in range(2))
    assert all(torch.equal(first[name], second[name]) for name in first)


# A rollout of two episodes. Rewards: 0 1 2 and the end by the rules; 0 -1 and the end by the clock. Nothing of the 100
# that a critic might guess to follow may count.
REWARDS = [0.0, 1.0, 2.0, 0.0, -1.0]
VALUE = 0.5


def by_hand() -> Rollout:
    def column(*values: float) -> Tensor:
        return torch.tensor(values)[:, None]

    return Rollout(
        observations=column(0, 1, 2, 3, 4)[..., None],  # each tells its step
        actions=column(0, 1, 0, 1, 1).long(),
        log_probs=column(*[float(np.log(0.5))] * 5),
        rewards=column(*REWARDS),
        terminations=column(0, 0, 1, 0, 0).bool(),
        truncations=column(0, 0, 0, 0, 1).bool(),
        values=column(*[VALUE] * 5),
        next_values=column(*[100.0] * 5),
    )


def control_learner() -> Learner:
    spec = ControlSpec(
        algorithm="reinforce", environment="none", observation_size=1, actions=DiscreteActions(2), hidden=(4,)
    )
    return Learner(spec, learning_rate=1e-3, seed=1, device=torch.device("cpu"))


@pytest.fixture
def judged(monkeypatch: pytest.MonkeyPatch) -> Callable[[ReinforceSettings], list[dict[int, float]]]:
    """What each step is judged by, for each step of the optimiser in an update of the rollout by hand."""

    def update(settings: ReinforceSettings) -> list[dict[int, float]]:
        learner, seen, weighed = control_learner(), list[Tensor](), list[Tensor]()
        evaluate = learner.evaluate

        def evaluate_and_note(observations: Tensor) -> Any:
            seen.append(observations)
            return evaluate(observations)

        def weigh_and_note(log_probs: Tensor, weights: Tensor) -> Tensor:
            weighed.append(weights)
            return policy_gradient(log_probs, weights)

        monkeypatch.setattr(learner, "evaluate", evaluate_and_note)
        monkeypatch.setattr(reinforce, "policy_gradient", weigh_and_note)
        improve(learner, by_hand(), REINFORCE, settings, progress=0.0)
        return [
            {int(step): weight for step, weight in zip(steps.flatten().tolist(), weights.tolist(), strict=True)}
            # A look after the only step, at how far it went, weighs nothing.
            for steps, weights in zip(seen, weighed, strict=False)
        ]

    return update


@pytest.mark.parametrize(
    ("switches", "expected"),
    [
        # gamma = 1/2: 0 + 2/2, 1 + 2/2, 2 | 0 - 1/2, -1.
        ({}, [1, 2, 2, -0.5, -1]),
        # All of an episode, undiscounted: 0 + 1 + 2 | 0 - 1.
        ({"credit": "total"}, [3, 3, 3, -1, -1]),
        # Up to the next reward: 0 + 1/2, 1 | 2 | 0 - 1/2, -1.
        ({"trajectory": "point"}, [0.5, 1, 2, -0.5, -1]),
        ({"trajectory": "point", "credit": "total"}, [1, 1, 2, -1, -1]),
        # What was expected, 0.5 everywhere, is taken away.
        ({"baseline": "value"}, [0.5, 1.5, 1.5, -1, -1.5]),
        # The mean of the first is 0.7; .3^2 + 1.3^2 + 1.3^2 + 1.2^2 + 1.7^2 = 7.8, and 7.8 / 4 = 1.396424^2.
        ({"normalize": True}, [0.214834, 0.930949, 0.930949, -0.859338, -1.217395]),
        # What all have in common normalises away.
        ({"normalize": True, "baseline": "value"}, [0.214834, 0.930949, 0.930949, -0.859338, -1.217395]),
    ],
)
def test_what_an_action_is_judged_by(
    judged: Callable[[ReinforceSettings], list[dict[int, float]]], switches: dict[str, Any], expected: list[float]
) -> None:
    plain: dict[str, Any] = {"gamma": 0.5, "normalize": False, "baseline": "none"}
    settings = ReinforceSettings(**(plain | switches))
    (weights,) = judged(settings)
    # An update takes the mean over five decisions; the gradient is the sum over a trajectory, of which there are two,
    # or three that end with a reward.
    length = 5 / (3 if settings.trajectory == "point" else 2)
    scale = 1 if settings.normalize else length
    assert [weights[step] / scale for step in range(5)] == pytest.approx(expected, abs=1e-5)


def test_each_decision_is_used_once(judged: Callable[[ReinforceSettings], list[dict[int, float]]]) -> None:
    minibatches = judged(ReinforceSettings(gamma=0.5, minibatch_size=2, baseline="none"))
    assert [len(minibatch) for minibatch in minibatches] == [2, 2, 1]
    together = {step: weight for minibatch in minibatches for step, weight in minibatch.items()}
    assert sorted(together) == [0, 1, 2, 3, 4]
    # Normalised over the update, not over the two of a minibatch.
    assert together[1] == pytest.approx(0.930949, abs=1e-5)


def test_the_total_reward_of_one_game_teaches_where_every_decision_brings_the_same() -> None:
    """A policy tosses a coin for as long as it shows heads, at most twice: one reward a toss.

    The mean return is 1 + p, so its slope in p is 1. By hand: tails at once, -1/(1 - p), with 1 - p; heads, tails,
    2 (1/p - 1/(1 - p)), with p (1 - p); heads twice, 2 (2/p), with p^2: together -1 + 2 (1 - 2p) + 4p = 1. With the
    mean over decisions in place of the sum it would be -1 + (1 - 2p) + 2p = 0.
    """
    chance, slope = 0.3, 0.0
    for heads in ((0,), (1, 0), (1, 1)):
        tosses = torch.tensor(heads, dtype=torch.float32)[:, None]
        ends = torch.zeros_like(tosses, dtype=torch.bool)
        ends[-1] = True
        none = torch.zeros_like(tosses)
        game = Rollout(none, tosses, none, torch.ones_like(tosses), ends, torch.zeros_like(ends), none, none)
        settings = ReinforceSettings(credit="total", normalize=False, baseline="none")
        weights = advantages(game, settings).advantages
        scores = torch.where(tosses == 1, 1 / chance, -1 / (1 - chance))
        probability = float(torch.where(tosses == 1, chance, 1 - chance).prod())
        slope += probability * float((weights * scores).mean())
    assert slope == pytest.approx(1)


def test_the_divergence_of_an_only_step_is_seen() -> None:
    learner = control_learner()
    learner.learning_rate = 0.1
    settings = ReinforceSettings(highest_kl=1e-6, lowest_kl=1e-7)
    metrics = improve(learner, by_hand(), REINFORCE, settings, progress=0.0)
    assert metrics["kl"] > 1e-6
    assert learner.learning_rate < 0.1


@pytest.mark.parametrize(("trajectory", "ended"), [("episode", [2, 4]), ("point", [1, 2, 4])])
def test_where_a_trajectory_ends(trajectory: Any, ended: list[int]) -> None:
    settings = ReinforceSettings(trajectory=trajectory)
    assert trajectory_ends(by_hand(), settings).flatten().nonzero().flatten().tolist() == ended


@pytest.mark.parametrize(("tail", "cut"), [(0, []), (1, [4]), (2, [3, 4]), (9, [3, 4])])
def test_what_a_time_limit_cuts_off_counts_as_expected(tail: int, cut: list[int]) -> None:
    """The first episode of three steps ends by itself, the second, of two, by the limit."""
    rollout = by_hand()
    rest = [step for step in range(5) if step not in cut]
    plain, targets = (advantages(rollout, ReinforceSettings(tail=some)) for some in (0, tail))
    assert (
        before_time_limit(rollout, trajectory_ends(rollout, ReinforceSettings()), tail)
        .flatten()
        .nonzero()
        .flatten()
        .tolist()
        == cut
    )
    for learned, known, without in zip(targets, (torch.zeros(5, 1), rollout.values), plain, strict=True):
        assert torch.equal(learned[cut], known[cut])
        assert torch.equal(learned[rest], without[rest])


def test_a_time_limit_cuts_off_only_the_point_that_it_ends() -> None:
    """And no step of the environment before, whose steps end with a point."""
    rollout = by_hand()
    ends = trajectory_ends(rollout, ReinforceSettings(trajectory="point"))
    assert before_time_limit(rollout, ends, 9).flatten().nonzero().flatten().tolist() == [3, 4]
    ends[3] = True
    assert before_time_limit(rollout, ends, 9).flatten().nonzero().flatten().tolist() == [4]


@pytest.mark.parametrize(("baseline", "learned"), [("none", False), ("value", True)])
def test_only_with_a_baseline_is_a_value_learned(baseline: Any, *, learned: bool) -> None:
    learner = control_learner()
    assert isinstance(learner.network, ControlNetwork)
    value = learner.network.value
    before = [weight.clone() for weight in value.parameters()]
    improve(learner, by_hand(), REINFORCE, ReinforceSettings(baseline=baseline), progress=0.0)
    assert all(map(torch.equal, before, value.parameters())) is not learned


def test_the_entropy_bonus_falls_to_nothing() -> None:
    # Without a reward, only the bonus moves the policy.
    def moved(progress: float) -> bool:
        learner, rollout = control_learner(), by_hand()
        assert isinstance(learner.network, ControlNetwork)
        rollout.rewards.zero_()
        before = [weight.clone() for weight in learner.network.policy.parameters()]
        settings = ReinforceSettings(baseline="none", entropy_coefficient=0.1)
        improve(learner, rollout, REINFORCE, settings, progress=progress)
        return not all(map(torch.equal, before, learner.network.policy.parameters()))

    assert moved(0.0)
    assert not moved(1.0)


def test_settings_out_of_bounds_are_refused() -> None:
    for wrong in (b'{"trajectories_per_update": 0}', b'{"credit": "some"}', b'{"gama": 0.9}'):
        tagged = wrong.replace(b"{", b'{"algorithm": "reinforce", ')
        with pytest.raises(msgspec.ValidationError):
            msgspec.json.decode(tagged, type=ReinforceSettings)
