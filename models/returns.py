"""Returns and advantages, as pure functions of `[T, N]` tensors."""

from __future__ import annotations

import torch
from torch import Tensor


def rewards_to_go(rewards: Tensor, ends: Tensor, *, gamma: float) -> Tensor:
    """The discounted sum of the rewards from each step on, `[T, N]`: R_t = r_t + gamma R_{t+1}, up to the first end.

    `rewards` and `ends` are `[T, N]`; `ends` says (bool) after which steps nothing counts that comes later: at an
    episode's end, or at each point of a game, where the next one begins anew.

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
    """At every step the sum of all rewards between the ends around it, `[T, N]`; arguments as `rewards_to_go`'s."""
    totals = rewards_to_go(rewards, ends, gamma=1.0)
    for t in range(1, len(totals)):
        totals[t] = torch.where(ends[t - 1], totals[t], totals[t - 1])
    return totals


def normalized(weights: Tensor) -> Tensor:
    """`weights` minus their mean, by their deviation, same shape; a single one, which has no deviation, becomes 0.

    A mean that no action had a part in only adds noise to a policy gradient.
    """
    if weights.numel() < 2:
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
    """Generalised advantage estimates, `[T, N]`.

    All arguments are `[T, N]`; `next_values[t]` is the value of the observation that step `t` led to, also where the
    episode was truncated there. A termination ends the bootstrap, a truncation only the sum: delta_t = r_t +
    gamma v_{t+1} (1 - terminated_t) - v_t, and A_t = delta_t + gamma lambda A_{t+1} unless the episode ended at t.

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
    """The discounted sum of the next `n` rewards and the value of what they led to, `[T, N]`; all arguments `[T, N]`.

    It adds up fewer where the episode or the rollout ends before: G_t = r_t + ... + gamma^(k-1) r_(t+k-1) +
    gamma^k v_(t+k), where v is 0 after a termination.

    Sutton and Barto 2018, "Reinforcement Learning: An Introduction", eq. 7.1.
    """
    bootstraps = gamma * next_values * ~terminations
    returns = rewards + bootstraps
    for _ in range(n - 1):
        following = torch.cat((returns[1:], returns[-1:]))
        ended = terminations | truncations
        ended[-1] = True
        returns = rewards + torch.where(ended, bootstraps, gamma * following)
    return returns
