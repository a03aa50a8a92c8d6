from __future__ import annotations

import pytest
import torch
from torch import Tensor

from models.returns import generalized_advantages, n_step_returns, normalized, rewards_to_go, total_rewards


def oracle(
    rewards: Tensor,
    values: Tensor,
    next_values: Tensor,
    terminations: Tensor,
    truncations: Tensor,
    *,
    gamma: float,
    gae_lambda: float,
) -> Tensor:
    """The definition itself: a discounted sum of later TD errors, up to the episode's end, for each step anew."""
    advantages = torch.zeros_like(rewards)
    for start in range(rewards.shape[0]):
        for env in range(rewards.shape[1]):
            weight = 1.0
            for t in range(start, rewards.shape[0]):
                following = 0.0 if terminations[t, env] else float(next_values[t, env])
                error = float(rewards[t, env]) + gamma * following - float(values[t, env])
                advantages[start, env] += weight * error
                weight *= gamma * gae_lambda
                if terminations[t, env] or truncations[t, env]:
                    break
    return advantages


def random_rollout(seed: int, *, ends: bool = True) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    random = torch.Generator().manual_seed(seed)
    rewards, values, next_values = (torch.randn(12, 5, generator=random) for _ in range(3))
    kind = torch.rand(12, 5, generator=random)
    return rewards, values, next_values, ends & (kind < 0.15), ends & (kind > 0.85)


@pytest.mark.parametrize("seed", range(5))
def test_equals_the_sum_of_td_errors(seed: int) -> None:
    rollout = random_rollout(seed)
    advantages = generalized_advantages(*rollout, gamma=0.9, gae_lambda=0.7)
    torch.testing.assert_close(advantages, oracle(*rollout, gamma=0.9, gae_lambda=0.7))


def test_by_hand() -> None:
    # One environment, gamma = lambda = 1/2, three steps; the second is truncated, the third terminates.
    # delta_0 = 1 + 4/2 - 2 = 1;  delta_1 = 0 + 6/2 - 4 = -1 (bootstraps from the 6 of its last observation);
    # delta_2 = 2 + 0 - 8 = -6 (nothing follows a termination, so the 100 must not count).
    # A_2 = -6;  A_1 = -1 (the sum stops there);  A_0 = 1 + (1/4)(-1) = 3/4.
    advantages = generalized_advantages(
        torch.tensor([[1.0], [0.0], [2.0]]),
        torch.tensor([[2.0], [4.0], [8.0]]),
        torch.tensor([[4.0], [6.0], [100.0]]),
        torch.tensor([[False], [False], [True]]),
        torch.tensor([[False], [True], [False]]),
        gamma=0.5,
        gae_lambda=0.5,
    )
    assert advantages.flatten().tolist() == [0.75, -1.0, -6.0]


def test_lambda_0_gives_td_errors() -> None:
    rewards, values, next_values, terminations, truncations = random_rollout(7)
    advantages = generalized_advantages(
        rewards, values, next_values, terminations, truncations, gamma=0.9, gae_lambda=0.0
    )
    following = torch.where(terminations, torch.zeros_like(next_values), next_values)
    torch.testing.assert_close(advantages, rewards + 0.9 * following - values)


def test_lambda_1_gives_returns_minus_values() -> None:
    rewards, values, next_values, terminations, truncations = random_rollout(8, ends=False)
    next_values[:-1] = values[1:]
    advantages = generalized_advantages(
        rewards, values, next_values, terminations, truncations, gamma=0.9, gae_lambda=1.0
    )
    discounts = 0.9 ** torch.arange(12)[:, None]
    returns = torch.stack(
        [(rewards[t:] * discounts[: 12 - t]).sum(0) + 0.9 ** (12 - t) * next_values[-1] for t in range(12)]
    )
    torch.testing.assert_close(advantages, returns - values)


def test_rewards_to_go_by_hand() -> None:
    # gamma = 1/2; the left episode ends after the second step, the right one after the third.
    # Left: 4 + 2/2 = 5, 2 | 8/2 = 4, 8.  Right: 1 + (-2)/4 = 1/2, -2/2 = -1, -2 | 6.
    rewards = torch.tensor([[4.0, 1.0], [2.0, 0.0], [0.0, -2.0], [8.0, 6.0]])
    ends = torch.tensor([[False, False], [True, False], [False, True], [False, False]])
    returns = rewards_to_go(rewards, ends, gamma=0.5)
    assert returns.tolist() == [[5.0, 0.5], [2.0, -1.0], [4.0, -2.0], [8.0, 6.0]]


def test_without_values_advantages_are_rewards_to_go() -> None:
    rewards, values, _, ends, never = random_rollout(9)
    nothing, never = torch.zeros_like(values), torch.zeros_like(never)
    advantages = generalized_advantages(rewards, nothing, nothing, ends, never, gamma=0.9, gae_lambda=1.0)
    torch.testing.assert_close(rewards_to_go(rewards, ends, gamma=0.9), advantages)


def test_total_rewards_by_hand() -> None:
    # Left: 4 + 2 = 6 twice, then 0 + 8 = 8 twice.  Right: 1 + 0 - 2 = -1 three times, then 6.
    rewards = torch.tensor([[4.0, 1.0], [2.0, 0.0], [0.0, -2.0], [8.0, 6.0]])
    ends = torch.tensor([[False, False], [True, False], [False, True], [False, False]])
    assert total_rewards(rewards, ends).tolist() == [[6.0, -1.0], [6.0, -1.0], [8.0, -1.0], [8.0, 6.0]]


def test_normalized_by_hand() -> None:
    # The mean is 3, the deviations -3, -1, 1, 3: their squares add up to 20, and 20 / (4 - 1) = 6.6667 = 2.58199^2.
    expected = torch.tensor([-1.161895, -0.387298, 0.387298, 1.161895])
    torch.testing.assert_close(normalized(torch.tensor([0.0, 2.0, 4.0, 6.0])), expected)


def test_what_all_have_in_common_normalizes_away() -> None:
    weights = torch.randn(50, generator=torch.Generator().manual_seed(2))
    torch.testing.assert_close(normalized(3 * weights + 7), normalized(weights))
    assert normalized(torch.full((5,), 2.0)).tolist() == [0.0] * 5
    # As float32, the mean of these is not quite each of them.
    assert normalized(torch.full((200,), -1606.8961)).tolist() == [0.0] * 200
    assert normalized(torch.tensor([2.0])).tolist() == [0.0]


def n_steps_oracle(
    rewards: Tensor, next_values: Tensor, terminations: Tensor, truncations: Tensor, *, gamma: float, n: int
) -> Tensor:
    """The definition itself, for each step anew."""
    returns = torch.zeros_like(rewards)
    for start in range(rewards.shape[0]):
        for env in range(rewards.shape[1]):
            weight = 1.0
            for t in range(start, min(start + n, rewards.shape[0])):
                returns[start, env] += weight * rewards[t, env]
                weight *= gamma
                if terminations[t, env] or truncations[t, env]:
                    break
            if not terminations[t, env]:
                returns[start, env] += weight * next_values[t, env]
    return returns


@pytest.mark.parametrize("n", [1, 2, 5, 12, 50])
def test_n_step_returns_add_up_what_they_say(n: int) -> None:
    rewards, _, *rest = random_rollout(n)
    torch.testing.assert_close(
        n_step_returns(rewards, *rest, gamma=0.9, n=n), n_steps_oracle(rewards, *rest, gamma=0.9, n=n)
    )


def test_more_steps_than_there_are_take_no_time() -> None:
    rewards, _, *rest = random_rollout(5)
    torch.testing.assert_close(
        n_step_returns(rewards, *rest, gamma=0.9, n=10**9), n_step_returns(rewards, *rest, gamma=0.9, n=len(rewards))
    )


def test_over_the_whole_rollout_n_step_returns_are_those_of_lambda_1() -> None:
    rewards, values, *rest = random_rollout(3)
    values[1:] = rest[0][:-1]  # What a step led to is the next observation, but where an episode ended.
    advantages = generalized_advantages(rewards, values, *rest, gamma=0.9, gae_lambda=1.0)
    torch.testing.assert_close(n_step_returns(rewards, *rest, gamma=0.9, n=12) - values, advantages)


def test_n_step_returns_by_hand() -> None:
    # gamma = 1/2, n = 2, nothing ends: 1 + 2/2 + 8/4 = 4;  2 + 4/2 + 16/4 = 8;  4 + 16/2 = 12, for the rollout ends.
    never = torch.zeros(3, 1, dtype=torch.bool)
    rewards, next_values = torch.tensor([[1.0], [2.0], [4.0]]), torch.tensor([[100.0], [8.0], [16.0]])
    assert n_step_returns(rewards, next_values, never, never, gamma=0.5, n=2).flatten().tolist() == [4, 8, 12]
