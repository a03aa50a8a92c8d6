"""Returns and advantages, as pure functions of `[T, N]` tensors."""

from __future__ import annotations

import torch
from torch import Tensor


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
