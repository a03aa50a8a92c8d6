"""What holds of returns, advantages and losses whatever the rollout is."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from properties import examples
from torch import Tensor

from models.losses import approximate_kl, clipped_fraction, clipped_surrogate, clipped_weights, importance_ratio
from models.returns import generalized_advantages, n_step_returns, normalized, rewards_to_go, total_rewards
from training import a2c, ppo, reinforce
from training.a2c import A2cSettings
from training.gradient import Batch, Targets
from training.ppo import PpoSettings
from training.reinforce import ReinforceSettings
from training.rollout import Rollout

SHARES = st.floats(0, 1)
NUMBERS = st.floats(-10, 10)


class Steps(NamedTuple):
    """Each `[T, N]`, in double precision."""

    rewards: Tensor
    values: Tensor
    next_values: Tensor
    terminations: Tensor
    truncations: Tensor

    @property
    def ends(self) -> Tensor:
        return self.terminations | self.truncations


@st.composite
def steps(draw: st.DrawFn, *, consistent: bool = False, longest: int = 9) -> Steps:
    """Of episodes that go on, end or are cut off. If consistent, a step leads to what the next one sees."""
    shape = draw(st.integers(1, longest)), draw(st.integers(1, 3))
    rewards, values, next_values = (torch.from_numpy(draw(arrays(float, shape, elements=NUMBERS))) for _ in range(3))
    kinds = torch.from_numpy(draw(arrays(int, shape, elements=st.integers(0, 5))))
    terminations, truncations = kinds == 1, kinds == 2
    if consistent:
        next_values[:-1] = torch.where(kinds[:-1] > 2, values[1:], next_values[:-1])
        truncations |= kinds == 0
    return Steps(rewards, values, next_values, terminations, truncations)


def same(one: Tensor, other: Tensor) -> None:
    """Discounts are in single precision even here: a number times a mask is."""
    torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-5)


def slow_n_step_return(of: Steps, t: int, env: int, gamma: float, n: int) -> float:
    """r + gamma r' + ... + gamma^k v, step by step, until there are n, or the episode or the rollout ends."""
    total, weight = 0.0, 1.0
    for last in range(t, min(t + n, len(of.rewards))):
        total += weight * float(of.rewards[last, env])
        weight *= gamma
        if of.ends[last, env]:
            break
    return total if of.terminations[last, env] else total + weight * float(of.next_values[last, env])


def steps_left(of: Steps, t: int, env: int) -> int:
    """From step `t` to the end of its episode, or of the rollout."""
    ended = of.ends[t:, env].nonzero()
    return int(ended[0]) + 1 if len(ended) else len(of.rewards) - t


def places(of: Steps) -> list[tuple[int, int]]:
    length, num_envs = of.rewards.shape
    return [(t, env) for t in range(length) for env in range(num_envs)]


@examples(60)
@given(steps(), SHARES)
def test_reward_to_go_is_the_discounted_sum_of_what_is_left_of_the_episode(of: Steps, gamma: float) -> None:
    expected = torch.zeros_like(of.rewards)
    for t, env in places(of):
        left = of.rewards[t : t + steps_left(of, t, env), env].tolist()
        expected[t, env] = sum(gamma**k * reward for k, reward in enumerate(left))
    same(rewards_to_go(of.rewards, of.ends, gamma=gamma), expected)


@examples(60)
@given(steps())
def test_the_total_reward_is_that_of_all_steps_of_the_same_episode(of: Steps) -> None:
    episode = torch.cat((torch.zeros_like(of.rewards[:1]), of.ends[:-1].cumsum(0)))
    expected = torch.zeros_like(of.rewards)
    for t, env in places(of):
        expected[t, env] = of.rewards[episode[:, env] == episode[t, env], env].sum()
    same(total_rewards(of.rewards, of.ends), expected)


@examples(60)
@given(steps(), SHARES, st.integers(1, 12))
def test_n_step_returns_are_their_definition(of: Steps, gamma: float, n: int) -> None:
    expected = torch.zeros_like(of.rewards)
    for t, env in places(of):
        expected[t, env] = slow_n_step_return(of, t, env, gamma, n)
    rewards, _, *after = of
    same(n_step_returns(rewards, *after, gamma=gamma, n=n), expected)


@examples(60)
@given(steps(consistent=True, longest=7), SHARES, SHARES)
def test_gae_is_the_weighted_mean_of_the_n_step_advantages(of: Steps, gamma: float, gae_lambda: float) -> None:
    # Schulman et al. 2016, eq. 16, before it is summed up: (1 - lambda) lambda^(n-1) for each n before the last, and
    # all the weight that is left, lambda^(last-1), for the last.
    expected = torch.zeros_like(of.rewards)
    for t, env in places(of):
        last = steps_left(of, t, env)
        for n in range(1, last + 1):
            weight = gae_lambda ** (n - 1) * (1 if n == last else 1 - gae_lambda)
            expected[t, env] += weight * (slow_n_step_return(of, t, env, gamma, n) - of.values[t, env])
    same(generalized_advantages(*of, gamma=gamma, gae_lambda=gae_lambda), expected)


@examples(30)
@given(steps(), SHARES)
def test_gae_with_lambda_0_looks_one_step_ahead(of: Steps, gamma: float) -> None:
    rewards, values, *after = of
    one_step = n_step_returns(rewards, *after, gamma=gamma, n=1) - values
    same(generalized_advantages(*of, gamma=gamma, gae_lambda=0), one_step)


@examples(30)
@given(steps(consistent=True), SHARES)
def test_gae_with_lambda_1_looks_to_the_end(of: Steps, gamma: float) -> None:
    rewards, values, *after = of
    whole = n_step_returns(rewards, *after, gamma=gamma, n=len(rewards)) - values
    same(generalized_advantages(*of, gamma=gamma, gae_lambda=1), whole)


def judged(of: Steps, gamma: float, gae_lambda: float, n: int) -> list[Tensor]:
    rewards, _, *after = of
    return [
        generalized_advantages(*of, gamma=gamma, gae_lambda=gae_lambda),
        n_step_returns(rewards, *after, gamma=gamma, n=n),
        rewards_to_go(rewards, of.ends, gamma=gamma),
        total_rewards(rewards, of.ends),
    ]


@examples(60)
@given(st.data(), SHARES, SHARES, st.integers(1, 9))
def test_nothing_is_carried_over_the_end_of_an_episode(
    data: st.DataObject, gamma: float, gae_lambda: float, n: int
) -> None:
    """An episode and what comes after it are judged as each is alone."""
    of = data.draw(steps())
    cut = data.draw(st.integers(1, len(of.rewards)))
    of.truncations[cut - 1] |= ~of.terminations[cut - 1]
    together = judged(of, gamma, gae_lambda, n)
    for part in (slice(cut), slice(cut, None)):
        alone = Steps(*(column[part] for column in of))
        if len(alone.rewards):
            for whole, single in zip(together, judged(alone, gamma, gae_lambda, n), strict=True):
                same(whole[part], single)


@examples(40)
@given(steps(), SHARES, SHARES, st.integers(1, 9))
def test_each_environment_is_judged_alone(of: Steps, gamma: float, gae_lambda: float, n: int) -> None:
    together = judged(of, gamma, gae_lambda, n)
    for env in range(of.rewards.shape[1]):
        alone = Steps(*(column[:, [env]] for column in of))
        for whole, single in zip(together, judged(alone, gamma, gae_lambda, n), strict=True):
            same(whole[:, [env]], single)


@examples(40)
@given(steps(), SHARES, SHARES, st.integers(1, 9), NUMBERS)
def test_only_a_truncation_is_completed_with_what_would_have_come(
    of: Steps, gamma: float, gae_lambda: float, n: int, guess: float
) -> None:
    guessed = of._replace(next_values=torch.where(of.ends, of.next_values + guess, of.next_values))
    before, after = (judged(each, gamma, gae_lambda, n) for each in (of, guessed))
    for one, other in zip(before[:2], after[:2], strict=True):
        same((other - one)[of.ends], gamma * guess * of.truncations.double()[of.ends])
    for one, other in zip(before[2:], after[2:], strict=True):
        assert torch.equal(one, other), "these count what was won, and guess nothing"


LISTS = st.lists(st.integers(-1000, 1000).map(float), min_size=2, max_size=20)


@examples(60)
@given(LISTS, st.floats(0.1, 10), st.floats(-100, 100))
def test_normalized_weights_have_mean_0_and_deviation_1_in_the_same_order(
    weights: list[float], scale: float, shift: float
) -> None:
    given_weights = torch.tensor(weights, dtype=torch.float64)
    found = normalized(scale * given_weights + shift)
    assert abs(float(found.mean())) < 1e-6
    if len(set(weights)) == 1:
        assert found.abs().max() < 1e-4
        return
    assert abs(np.std(found.numpy(), ddof=1) - 1) < 1e-6
    assert np.corrcoef(weights, found.numpy())[0, 1] > 1 - 1e-6


def rollout_of(of: Steps) -> Rollout:
    nothing = torch.zeros_like(of.rewards)
    return Rollout(nothing[..., None], nothing.long(), nothing, *of[:1], *of[3:], *of[1:3])


@examples(40)
@given(steps(consistent=True), SHARES, SHARES, st.integers(1, 9))
def test_what_algorithms_learn_from_a_rollout(of: Steps, gamma: float, gae_lambda: float, n: int) -> None:
    rollout = rollout_of(of)
    gae, returns, to_go, total = judged(of, gamma, gae_lambda, n)
    common: dict[str, Any] = {"gamma": gamma, "gae_lambda": gae_lambda}

    def learned(found: Targets, advantages: Tensor, returns: Tensor) -> None:
        same(found.advantages, advantages)
        same(found.returns, returns)

    learned(ppo.advantages(rollout, PpoSettings(**common)), gae, gae + of.values)
    learned(a2c.advantages(rollout, A2cSettings(**common)), gae, gae + of.values)
    learned(a2c.advantages(rollout, A2cSettings(**common, normalize=False)), gae, gae + of.values)
    n_step = A2cSettings(gamma=gamma, advantages="n-step", n=n, normalize=False)
    learned(a2c.advantages(rollout, n_step), returns - of.values, returns)
    plain = ReinforceSettings(gamma=gamma, normalize=False)
    length = of.rewards.numel() / max(int((of.terminations | of.truncations).sum()), 1)
    learned(reinforce.advantages(rollout, plain), (to_go - of.values) * length, to_go)
    bare = ReinforceSettings(gamma=gamma, credit="total", baseline="none")
    learned(reinforce.advantages(rollout, bare), total, total)


@examples(30)
@given(steps(), st.integers(1, 30) | st.none(), st.integers(0, 2**31))
def test_each_decision_is_in_one_minibatch_with_what_belongs_to_it(of: Steps, size: int | None, seed: int) -> None:
    number = torch.arange(of.rewards.numel(), dtype=torch.float64).reshape(of.rewards.shape)
    batch = Batch.of(rollout_of(of._replace(rewards=number)), Targets(number, number + 1))
    batch = batch._replace(observations=batch.advantages + 2)
    minibatches = list(batch.shuffled(size, torch.Generator().manual_seed(seed)))
    assert sorted(torch.cat([each.advantages for each in minibatches]).tolist()) == number.flatten().tolist()
    sizes = [len(each.actions) for each in minibatches]
    assert max(sizes) <= (size or number.numel())
    assert len(set(sizes[:-1])) <= 1, "only the last may be smaller"
    for each in minibatches:
        assert torch.equal(each.returns, each.advantages + 1)
        assert torch.equal(each.observations, each.advantages + 2)


DECISIONS = st.lists(st.tuples(st.floats(-5, -0.01), st.floats(-5, -0.01), NUMBERS), min_size=1, max_size=8)


@examples(60)
@given(DECISIONS, st.floats(0.01, 0.9) | st.just(float("inf")))
def test_the_clipped_surrogate_is_its_definition_and_its_weights_are_its_slope(
    decisions: list[tuple[float, float, float]], clip_epsilon: float
) -> None:
    new, old, advantages = (torch.tensor(column, dtype=torch.float64) for column in zip(*decisions, strict=True))
    ratios = importance_ratio(new, old)
    surrogate = clipped_surrogate(ratios, advantages, clip_epsilon=clip_epsilon)
    terms = []
    for (now, before, advantage), ratio in zip(decisions, ratios.tolist(), strict=True):
        assert abs(ratio - np.exp(now) / np.exp(before)) < 1e-9 * ratio
        nearest = min(max(ratio, 1 - clip_epsilon), 1 + clip_epsilon)
        terms.append(min(ratio * advantage, nearest * advantage))
    assert abs(float(surrogate) - np.mean(terms)) < 1e-9
    outside = [ratio > 1 + clip_epsilon or ratio < 1 - clip_epsilon for ratio in ratios.tolist()]
    assert abs(float(clipped_fraction(ratios, clip_epsilon=clip_epsilon)) - np.mean(outside)) < 1e-6
    leaf = new.clone().requires_grad_()
    (slope,) = torch.autograd.grad(
        clipped_surrogate(importance_ratio(leaf, old), advantages, clip_epsilon=clip_epsilon), leaf
    )
    same(clipped_weights(ratios, advantages, clip_epsilon=clip_epsilon), len(decisions) * slope)


@examples(60)
@given(DECISIONS)
def test_the_estimated_divergence_is_never_negative_and_0_only_without_a_change(
    decisions: list[tuple[float, float, float]],
) -> None:
    new, old, _ = (torch.tensor(column, dtype=torch.float64) for column in zip(*decisions, strict=True))
    assert float(approximate_kl(old, old)) == 0
    divergence = float(approximate_kl(new, old))
    # e^x - 1 - x is at least x^2 / 2 e^-|x|: by Taylor's theorem, with the remainder's exponential at its smallest.
    distances = (new - old).abs()
    assert divergence >= float((distances.square() / 2 * (-distances).exp()).mean()) - 1e-9
