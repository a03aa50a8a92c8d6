"""Returns and advantages, as pure functions of `[T, N]` tensors."""

from __future__ import annotations

import torch
from torch import Tensor


def rewards_to_go(rewards: Tensor, ends: Tensor, *, gamma: float) -> Tensor:
    """Returns the discounted reward-to-go of each step, `[T, N]`: R_t = r_t + gamma R_{t+1}, up to the first end.

    `rewards` and `ends` are `[T, N]`. `ends` (bool) marks the steps after which later rewards do not count: the end of
    an episode, or of each point in a game.

    Williams 1992, "Simple Statistical Gradient-Following Algorithms for Connectionist Reinforcement Learning", sec. 6.
    """
    continues = gamma * ~ends
    returns = torch.empty_like(rewards)
    following = torch.zeros_like(rewards[0])
    for t in reversed(range(len(rewards))):
        following = rewards[t] + continues[t] * following
        returns[t] = following
    return returns


def total_rewards(rewards: Tensor, ends: Tensor) -> Tensor:
    """Returns, for every step, the sum of all rewards between the ends around it, `[T, N]`; see `rewards_to_go`."""
    totals = rewards_to_go(rewards, ends, gamma=1.0)
    for t in range(1, len(totals)):
        totals[t] = torch.where(ends[t - 1], totals[t], totals[t - 1])
    return totals


def normalized(weights: Tensor) -> Tensor:
    """Returns `weights` with mean 0 and standard deviation 1, same shape; equal weights, or a single one, become 0.

    A common mean, which no action causes, would only add noise to the policy gradient.
    """
    if weights.numel() < 2 or weights.max() == weights.min():  # the mean of equal numbers may differ in its last bit
        return torch.zeros_like(weights)
    return (weights - weights.mean()) / (weights.std() + 1e-8)


def generalized_advantages(
    rewards: Tensor,
    values: Tensor,
    next_values: Tensor,
    terminations: Tensor,
    truncations: Tensor,
    *,
    gamma: float,
    gae_lambda: float,
) -> Tensor:
    """Returns generalised advantage estimates, `[T, N]`.

    All arguments are `[T, N]`; `next_values[t]` is the value of the observation that step `t` led to, even if the
    episode was truncated there. A termination ends the bootstrap and the sum, a truncation only the sum:
    delta_t = r_t + gamma v_{t+1} (1 - terminated_t) - v_t, and A_t = delta_t + gamma lambda A_{t+1} unless the episode
    ended at t.

    Schulman et al. 2016, "High-Dimensional Continuous Control Using Generalized Advantage Estimation", eq. 16.
    """
    deltas = rewards + gamma * next_values * ~terminations - values
    continues = gamma * gae_lambda * ~(terminations | truncations)
    advantages = torch.empty_like(deltas)
    advantage = torch.zeros_like(deltas[0])
    for t in reversed(range(len(deltas))):
        advantage = deltas[t] + continues[t] * advantage
        advantages[t] = advantage
    return advantages


def n_step_returns(
    rewards: Tensor, next_values: Tensor, terminations: Tensor, truncations: Tensor, *, gamma: float, n: int
) -> Tensor:
    """Returns the discounted sum of the next `n` rewards plus the value after them, `[T, N]`; all arguments `[T, N]`.

    It sums fewer rewards if the episode or the rollout ends first: G_t = r_t + ... + gamma^(k-1) r_(t+k-1) +
    gamma^k v_(t+k), where v is 0 after a termination.

    Sutton and Barto 2018, "Reinforcement Learning: An Introduction", eq. 7.1.
    """
    bootstraps = gamma * next_values * ~terminations
    returns = rewards + bootstraps
    for _ in range(min(n, len(rewards)) - 1):
        following = torch.cat((returns[1:], returns[-1:]))
        ended = terminations | truncations
        ended[-1] = True
        returns = rewards + torch.where(ended, bootstraps, gamma * following)
    return returns
