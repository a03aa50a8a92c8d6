"""Gradient estimators against the exact gradient, on problems so small that every trajectory can be listed.

Two observations, three actions, three steps, and transitions by chance: 2 (3 x 2)^3 = 432 trajectories. They stand side
by side as one rollout, `[3, 432]`, so that the functions under test see them as they see any other.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from itertools import product
from typing import Any, NamedTuple

import pytest
import torch
from torch import Tensor, nn

from models.control import ControlSpec, DiscreteActions
from models.losses import policy_gradient
from models.mlp import ControlNetwork
from models.returns import normalized, rewards_to_go, total_rewards
from training.algorithms import PPO, REINFORCE
from training.gradient import GradientSettings
from training.learner import Learner
from training.policy_gradient import Method, improve
from training.ppo import PpoSettings
from training.reinforce import ReinforceSettings, trajectory_ends
from training.rollout import Rollout

HORIZON, STATES, ACTIONS = 3, 2, 3
UNIFORM = torch.zeros(STATES, ACTIONS, dtype=torch.float64)
SKEWED = torch.tensor([[0.3, -0.5, 0.1], [-0.2, 0.4, 0.6]], dtype=torch.float64)
"""Logits of a tabular softmax policy, `[S, A]`."""


class Problem(NamedTuple):
    start: tuple[Fraction, ...]
    """`[S]`: the probability of beginning there."""
    transitions: tuple[tuple[tuple[Fraction, ...], ...], ...]
    """`[S][A][S]`: the probability of each next state."""
    rewards: tuple[tuple[tuple[float, ...], ...], ...]
    """`[S][A][S]`: what comes of each."""


def quarters(*numerators: int) -> tuple[Fraction, ...]:
    return tuple(Fraction(numerator, 4) for numerator in numerators)


WALK = Problem(
    start=quarters(2, 2),
    transitions=(
        (quarters(3, 1), quarters(1, 3), quarters(2, 2)),
        (quarters(1, 3), quarters(3, 1), quarters(1, 3)),
    ),
    # The second state is the better one to be in: what an action leads to counts beside what it brings.
    rewards=(((1.0, 0.0), (0.0, 0.0), (0.5, 0.5)), ((1.0, 2.0), (3.0, 2.0), (2.0, 1.0))),
)
GAME = Problem(
    start=quarters(1, 3),
    # After each step, which is a point won or lost, the next begins as if nothing had been.
    transitions=((quarters(1, 3),) * 3,) * 2,
    rewards=(((1.0, -1.0), (1.0, 1.0), (-1.0, -1.0)), ((-1.0, -1.0), (-1.0, 1.0), (1.0, 1.0))),
)


class Enumeration(NamedTuple):
    chances: tuple[Fraction, ...]
    """`[432]`: the product of what is not up to the policy."""
    states: Tensor
    """`[3, 432]`, as are the next two."""
    actions: Tensor
    rewards: Tensor


def enumerate_trajectories(problem: Problem) -> Enumeration:
    listed = []
    outcomes = list(product(range(ACTIONS), range(STATES)))
    for first, steps in product(range(STATES), product(outcomes, repeat=HORIZON)):
        chance, state, trajectory = problem.start[first], first, []
        for action, following in steps:
            chance *= problem.transitions[state][action][following]
            trajectory.append((state, action, problem.rewards[state][action][following]))
            state = following
        listed.append((chance, trajectory))
    columns = torch.tensor([trajectory for _, trajectory in listed], dtype=torch.float64).permute(2, 1, 0)
    return Enumeration(tuple(chance for chance, _ in listed), columns[0].long(), columns[1].long(), columns[2])


def log_probs_of(logits: Tensor, trajectories: Enumeration) -> Tensor:
    """`[3, 432]`: of the actions."""
    return logits.log_softmax(-1)[trajectories.states, trajectories.actions]


def probabilities(logits: Tensor, trajectories: Enumeration) -> Tensor:
    """`[432]`: of whole trajectories."""
    chances = torch.tensor([float(chance) for chance in trajectories.chances], dtype=torch.float64)
    return chances * log_probs_of(logits, trajectories).sum(0).exp()


def expected_return(problem: Problem, logits: Tensor) -> Tensor:
    """By Bellman's equations backwards in time, without any trajectory."""
    transitions = torch.tensor([[list(map(float, p)) for p in row] for row in problem.transitions], dtype=torch.float64)
    rewards = torch.tensor(problem.rewards, dtype=torch.float64)
    values = torch.zeros(STATES, dtype=torch.float64)
    for _ in range(HORIZON):
        values = (logits.softmax(-1) * (transitions * (rewards + values)).sum(-1)).sum(-1)
    return torch.tensor([float(p) for p in problem.start], dtype=torch.float64) @ values


def exact_gradient(problem: Problem, logits: Tensor) -> Tensor:
    """`[S, A]`."""
    logits = logits.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(expected_return(problem, logits), logits)
    return gradient


def rollout_of(trajectories: Enumeration, values: Tensor | None = None) -> Rollout:
    ends = torch.zeros(trajectories.rewards.shape, dtype=torch.bool)
    ends[-1] = True
    values = torch.zeros_like(trajectories.rewards) if values is None else values
    return Rollout(
        observations=torch.nn.functional.one_hot(trajectories.states, STATES).float(),
        actions=trajectories.actions,
        log_probs=torch.zeros_like(trajectories.rewards),
        rewards=trajectories.rewards,
        terminations=ends,
        truncations=torch.zeros_like(ends),
        values=values,
        next_values=torch.zeros_like(values),
    )


def credited(trajectories: Enumeration, credit: str, trajectory: str = "episode") -> Tensor:
    """`[3, 432]`: what each action is judged by, before a baseline."""
    settings = ReinforceSettings(trajectory=trajectory)  # type: ignore[arg-type]
    ends = trajectory_ends(rollout_of(trajectories), settings)
    if credit == "total":
        return total_rewards(trajectories.rewards, ends)
    return rewards_to_go(trajectories.rewards, ends, gamma=1.0)


def expected_where(trajectories: Enumeration, returns: Tensor, logits: Tensor) -> Tensor:
    """`[3, 432]`: the mean of `returns` over all visits to the state, which is all that a value network can learn."""
    weights = probabilities(logits, trajectories).expand(HORIZON, -1)
    means = [
        (weights * returns)[trajectories.states == s].sum() / weights[trajectories.states == s].sum()
        for s in range(STATES)
    ]
    return torch.stack(means)[trajectories.states]


def each_gradient(trajectories: Enumeration, weights: Tensor, logits: Tensor) -> Tensor:
    """`[432, S, A]`: what a trajectory alone says the gradient is."""
    logits = logits.clone().requires_grad_()
    log_probs = log_probs_of(logits, trajectories)
    # policy_gradient is the mean over decisions; the gradient of the return is their sum.
    return torch.stack(
        [
            torch.autograd.grad(HORIZON * policy_gradient(log_probs[:, i], weights[:, i]), logits, retain_graph=True)[0]
            for i in range(log_probs.shape[1])
        ]
    )


def mean_and_variance(trajectories: Enumeration, weights: Tensor, logits: Tensor) -> tuple[Tensor, float]:
    """The exact mean of the gradient, `[S, A]`, and the sum of its numbers' variances."""
    probability = probabilities(logits, trajectories)[:, None, None]
    gradients = each_gradient(trajectories, weights, logits)
    mean = (probability * gradients).sum(0)
    return mean, float((probability * (gradients - mean).square()).sum())


def judged(trajectories: Enumeration, credit: str, baseline: str, logits: Tensor) -> Tensor:
    returns = credited(trajectories, credit)
    return returns - expected_where(trajectories, returns, logits) if baseline == "value" else returns


def test_the_enumeration_is_complete() -> None:
    trajectories = enumerate_trajectories(WALK)
    assert trajectories.rewards.shape == (HORIZON, 432)
    probability = probabilities(SKEWED, trajectories)
    assert float(probability.sum()) == pytest.approx(1)
    assert float(probability @ trajectories.rewards.sum(0)) == pytest.approx(float(expected_return(WALK, SKEWED)))


SWITCHES = [("total", "none"), ("to-go", "none"), ("total", "value"), ("to-go", "value")]


@pytest.mark.parametrize(("credit", "baseline"), SWITCHES)
@pytest.mark.parametrize("logits", [UNIFORM, SKEWED])
def test_the_expected_estimate_is_the_gradient_of_the_expected_return(
    credit: str, baseline: str, logits: Tensor
) -> None:
    trajectories = enumerate_trajectories(WALK)
    expected, _ = mean_and_variance(trajectories, judged(trajectories, credit, baseline, logits), logits)
    exact = exact_gradient(WALK, logits)
    torch.testing.assert_close(expected, exact)
    assert exact.abs().max() > 0.1


def test_credit_for_what_came_before_only_is_biased() -> None:
    # An arm that must fail: the rewards up to each step, without those that followed.
    trajectories = enumerate_trajectories(WALK)
    expected, _ = mean_and_variance(trajectories, trajectories.rewards.cumsum(0), SKEWED)
    assert not torch.allclose(expected, exact_gradient(WALK, SKEWED), atol=0.05)


@pytest.mark.parametrize(("problem", "unbiased"), [(GAME, True), (WALK, False)])
def test_credit_within_a_point_is_unbiased_where_points_are_independent(problem: Problem, *, unbiased: bool) -> None:
    trajectories = enumerate_trajectories(problem)
    whole, whole_variance = mean_and_variance(trajectories, credited(trajectories, "to-go"), SKEWED)
    expected, variance = mean_and_variance(trajectories, credited(trajectories, "to-go", "point"), SKEWED)
    exact = exact_gradient(problem, SKEWED)
    torch.testing.assert_close(whole, exact)
    assert torch.allclose(expected, exact) is unbiased
    assert variance < whole_variance


def test_the_cures_lower_the_variance_one_after_the_other(record_property: Callable[[str, object], None]) -> None:
    trajectories = enumerate_trajectories(WALK)
    variances = {
        switches: mean_and_variance(trajectories, judged(trajectories, *switches, SKEWED), SKEWED)[1]
        for switches in SWITCHES
    }
    for (credit, baseline), variance in variances.items():
        record_property(f"variance: credit {credit}, baseline {baseline}", round(variance, 3))
        print(f"credit {credit:6} baseline {baseline:6} variance {variance:7.3f}")  # noqa: T201
    assert variances["total", "none"] > 1.3 * variances["to-go", "none"]
    assert variances["to-go", "none"] > 1.3 * variances["to-go", "value"]
    assert variances["total", "none"] > variances["total", "value"]


@pytest.mark.parametrize(("credit", "baseline"), SWITCHES)
def test_samples_agree_within_their_error(credit: str, baseline: str) -> None:
    trajectories = enumerate_trajectories(WALK)
    gradients = each_gradient(trajectories, judged(trajectories, credit, baseline, SKEWED), SKEWED)
    random = torch.Generator().manual_seed(4)
    drawn = torch.multinomial(probabilities(SKEWED, trajectories), 50_000, replacement=True, generator=random)
    sample = gradients[drawn]
    error = sample.std(0) / 50_000**0.5
    assert ((sample.mean(0) - exact_gradient(WALK, SKEWED)).abs() < 4 * error).all()
    # Small enough an error to tell: of the largest number of the gradient, at most 5%.
    assert error.max() < 0.05 * exact_gradient(WALK, SKEWED).abs().max()


def test_normalizing_keeps_the_direction_and_not_the_scale() -> None:
    trajectories = enumerate_trajectories(WALK)
    random = torch.Generator().manual_seed(5)
    drawn = torch.multinomial(probabilities(SKEWED, trajectories), 8 * 1000, replacement=True, generator=random)
    exact = exact_gradient(WALK, SKEWED)
    means = []
    for scale in (1.0, 10.0):
        returns = scale * credited(trajectories, "to-go")
        estimates = [batch_gradient(trajectories, returns, batch) for batch in drawn.split(8)]
        # How far each goes in the direction of the exact gradient, for which an unbiased one would be 1 x scale.
        along = torch.stack([(estimate * exact).sum() / exact.square().sum() for estimate in estimates])
        means.append(float(along.mean()))
        assert means[-1] > 10 * float(along.std()) / len(along) ** 0.5
    assert means[0] == pytest.approx(means[1])  # ten times the rewards, and no longer a gradient
    assert abs(means[0] - 1) > 0.1
    mean = torch.stack(estimates).mean(0)
    assert torch.cosine_similarity(mean.flatten(), exact.flatten(), dim=0) > 0.95


def batch_gradient(trajectories: Enumeration, returns: Tensor, batch: Tensor) -> Tensor:
    """`[S, A]`: the estimate from a few trajectories, normalised over them."""
    logits = SKEWED.clone().requires_grad_()
    log_probs = log_probs_of(logits, trajectories)[:, batch].flatten()
    weights = normalized(returns[:, batch].flatten())
    return torch.autograd.grad(HORIZON * policy_gradient(log_probs, weights), logits)[0]


# What follows runs whole updates, of a linear policy whose weights are 0, with each trajectory in the rollout as often
# as it is probable: 2 x 27 x 64 of them. Plain gradient ascent with a step of 1 then changes each weight by the
# expected gradient, of the mean over decisions, which is a third of that of the return.


def representative() -> Enumeration:
    trajectories = enumerate_trajectories(WALK)
    denominator = math.lcm(*(chance.denominator for chance in trajectories.chances))
    counts = torch.tensor([int(chance * denominator) for chance in trajectories.chances])
    columns = (column.repeat_interleave(counts, dim=1) for column in trajectories[1:])
    return Enumeration((Fraction(1, int(counts.sum())),) * int(counts.sum()), *columns)


def change(method: Method, settings: GradientSettings, values: Tensor | None = None) -> Tensor:
    """`[S, A]`: what one update changes the policy's weights by."""
    spec = ControlSpec(
        algorithm="reinforce",
        environment="none",
        observation_size=STATES,
        actions=DiscreteActions(ACTIONS),
        hidden=(),
    )
    learner = Learner(spec, learning_rate=1.0, seed=1, device=torch.device("cpu"))
    assert isinstance(learner.network, ControlNetwork)
    linear = learner.network.policy[0]
    assert isinstance(linear, nn.Linear)
    nn.init.zeros_(linear.weight)
    nn.init.zeros_(linear.bias)
    learner.optimizer = torch.optim.SGD(learner.network.parameters(), lr=1.0)  # type: ignore[assignment]
    side_by_side = rollout_of(representative(), values)
    columns = (column.transpose(0, 1).flatten(0, 1)[:, None] for column in vars(side_by_side).values())
    one_after_the_other = Rollout(*(column.float() if column.is_floating_point() else column for column in columns))
    one_after_the_other.log_probs.fill_(-math.log(ACTIONS))
    improve(learner, one_after_the_other, method, settings, progress=0.0)
    return linear.weight.detach().T.double()


PLAIN: dict[str, Any] = {
    "gamma": 1.0,
    "entropy_coefficient": 0.0,
    "max_gradient_norm": 1e9,
    "step_size": "constant",
}


def state_values() -> Tensor:
    trajectories = representative()
    returns = credited(trajectories, "to-go")
    means = torch.stack([returns[trajectories.states == s].mean() for s in range(STATES)])
    return means[trajectories.states]


@pytest.mark.parametrize(("credit", "baseline"), SWITCHES)
def test_an_update_follows_the_expected_gradient(credit: str, baseline: str) -> None:
    settings = ReinforceSettings(credit=credit, baseline=baseline, normalize=False, **PLAIN)  # type: ignore[arg-type]
    changed = change(REINFORCE, settings, state_values())
    torch.testing.assert_close(changed, exact_gradient(WALK, UNIFORM), rtol=1e-4, atol=1e-5)


def test_an_update_with_normalization_follows_it_by_the_deviation() -> None:
    changed = change(REINFORCE, ReinforceSettings(baseline="none", **PLAIN))
    deviation = credited(representative(), "to-go").std()
    torch.testing.assert_close(changed, exact_gradient(WALK, UNIFORM) / HORIZON / deviation, rtol=1e-4, atol=1e-5)
    assert abs(float(deviation) - 1) > 0.1


@pytest.mark.parametrize("clip_epsilon", [0.2, None])
def test_the_first_step_of_ppo_is_one_of_reinforce(clip_epsilon: float | None) -> None:
    # With lambda = 1 and a critic that says 0, advantages are returns; and before the first step all ratios are 1.
    settings = PpoSettings(gae_lambda=1.0, epochs=1, minibatch_size=1_000_000, clip_epsilon=clip_epsilon, **PLAIN)
    changed = change(PPO, settings)
    torch.testing.assert_close(changed, change(REINFORCE, ReinforceSettings(baseline="none", **PLAIN)))
    assert changed.abs().max() > 0.01


# The examples of the course. One parameter, theta = P(move) = 0.5: grad log pi is 1/theta = 2 for a move and
# -1/(1 - theta) = -2 for none.
#
# game  actions  rewards  total x sum of grads       rewards to go, x grads
#  1    1 0 1    1 0 1    2 (2 - 2 + 2)  =  4        (2, 1, 1) . (2, -2, 2)  =  4 - 2 + 2 =  4
#  2    1 0 0    0 0 1    1 (2 - 2 - 2)  = -2        (1, 1, 1) . (2, -2, -2) =  2 - 2 - 2 = -2
#  3    0 1 0    1 0 1    2 (-2 + 2 - 2) = -4        (2, 1, 1) . (-2, 2, -2) = -4 + 2 - 2 = -4
#
# That both agree in all three is by chance of the numbers: in a fourth, where a reward at once was none of the later
# moves' merit, they do not.
#  4    0 1 1    1 0 0    1 (-2 + 2 + 2) =  2        (1, 0, 0) . (-2, 2, 2)  = -2
@pytest.mark.parametrize(
    ("actions", "rewards", "by_total", "by_future"),
    [
        ((1, 0, 1), (1, 0, 1), 4, 4),
        ((1, 0, 0), (0, 0, 1), -2, -2),
        ((0, 1, 0), (1, 0, 1), -4, -4),
        ((0, 1, 1), (1, 0, 0), 2, -2),
    ],
)
def test_the_courses_examples(
    actions: tuple[int, ...], rewards: tuple[float, ...], by_total: float, by_future: float
) -> None:
    taken, received = torch.tensor(actions), torch.tensor(rewards, dtype=torch.float32)[:, None]
    ends = torch.tensor([[False], [False], [True]])

    def contribution(weights: Tensor) -> float:
        theta = torch.tensor(0.5, requires_grad=True)
        log_probs = torch.where(taken == 1, theta.log(), (1 - theta).log())
        (gradient,) = torch.autograd.grad(3 * policy_gradient(log_probs, weights.squeeze(1)), theta)
        return float(gradient)

    assert contribution(total_rewards(received, ends)) == pytest.approx(by_total)
    assert contribution(rewards_to_go(received, ends, gamma=1.0)) == pytest.approx(by_future)
