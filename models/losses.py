"""Losses and their diagnostics, as pure functions: no network, environment or logger."""

from __future__ import annotations

import torch
from torch import Tensor


def clipped_surrogate(log_probs: Tensor, old_log_probs: Tensor, advantages: Tensor, *, clip_epsilon: float) -> Tensor:
    """PPO's objective to be maximised, one number: the mean over `[B]` of min(ratio A, clip(ratio) A).

    The ratio is that of the new to the old probability of the action taken, clipped to 1 -+ `clip_epsilon`.

    Schulman et al. 2017, "Proximal Policy Optimization Algorithms", eq. 7.
    """
    ratio = (log_probs - old_log_probs).exp()
    clipped = ratio.clamp(1 - clip_epsilon, 1 + clip_epsilon)
    return torch.minimum(ratio * advantages, clipped * advantages).mean()


def approximate_kl(log_probs: Tensor, old_log_probs: Tensor) -> Tensor:
    """KL(old, new) estimated from actions `[B]` of the old policy, one number, never negative.

    The estimator (ratio - 1) - log ratio: unbiased, and of low variance while the policies are close.

    Schulman 2020, "Approximating KL Divergence", http://joschu.net/blog/kl-approx.html (k3).
    """
    log_ratio = log_probs - old_log_probs
    return (log_ratio.exp() - 1 - log_ratio).mean()


def clipped_fraction(log_probs: Tensor, old_log_probs: Tensor, *, clip_epsilon: float) -> Tensor:
    """The share of `[B]` ratios outside 1 -+ `clip_epsilon`, one number."""
    ratio = (log_probs - old_log_probs).exp()
    return ((ratio - 1).abs() > clip_epsilon).float().mean()
