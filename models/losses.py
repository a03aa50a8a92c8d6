"""Losses and their diagnostics, as pure functions: no network, environment or logger.

The ratio is that of the new to the old probability of each action taken, `[B]`: see `importance_ratio`.
"""

from __future__ import annotations

import torch
from torch import Tensor


def policy_gradient(log_probs: Tensor, weights: Tensor) -> Tensor:
    """What to maximise so that its gradient is the policy gradient: the mean over `[B]` of weight log pi(a|s).

    `log_probs` are those of the actions taken, `weights` what each is judged by, constant. It is the mean over
    decisions, not the sum over a trajectory: the step size takes up the factor between them, which is the same in each
    update where trajectories are equally long, and nearly so where there are many.

    Williams 1992, "Simple Statistical Gradient-Following Algorithms for Connectionist Reinforcement Learning", eq. 11.
    """
    return (log_probs * weights).mean()


def importance_ratio(log_probs: Tensor, old_log_probs: Tensor) -> Tensor:
    """How many times more probable actions have become, `[B]`, from their new and their old log-probabilities, `[B]`.

    Weighted by it, what happened to the old policy tells what would happen to the new one: importance sampling.
    """
    return (log_probs - old_log_probs).exp()


def clipped_surrogate(ratio: Tensor, advantages: Tensor, *, clip_epsilon: float) -> Tensor:
    """PPO's objective to be maximised, one number: the mean over `[B]` of min(ratio A, clip(ratio) A).

    The ratio is clipped to 1 -+ `clip_epsilon`.

    Schulman et al. 2017, "Proximal Policy Optimization Algorithms", eq. 7.
    """
    clipped = ratio.clamp(1 - clip_epsilon, 1 + clip_epsilon)
    return torch.minimum(ratio * advantages, clipped * advantages).mean()


def clipped_weights(ratio: Tensor, advantages: Tensor, *, clip_epsilon: float) -> Tensor:
    """What multiplies each sample's grad log pi(a|s) in the gradient of `clipped_surrogate`, `[B]`, before the mean.

    As d ratio / d log pi = ratio, it is ratio A; and 0 where the ratio has left 1 -+ `clip_epsilon` in the direction
    that A pushes it, for there the minimum takes the clipped term, which is constant.
    """
    clipped = torch.where(advantages > 0, ratio > 1 + clip_epsilon, ratio < 1 - clip_epsilon)
    return ratio * advantages * ~clipped


def clipped_fraction(ratio: Tensor, *, clip_epsilon: float) -> Tensor:
    """The share of `[B]` ratios outside 1 -+ `clip_epsilon`, one number."""
    return ((ratio - 1).abs() > clip_epsilon).float().mean()


def approximate_kl(log_probs: Tensor, old_log_probs: Tensor) -> Tensor:
    """KL(old, new) estimated from actions `[B]` of the old policy, one number, never negative.

    The estimator (ratio - 1) - log ratio: unbiased, and of low variance while the policies are close.

    Schulman 2020, "Approximating KL Divergence", http://joschu.net/blog/kl-approx.html (k3).
    """
    log_ratio = log_probs - old_log_probs
    return (log_ratio.exp() - 1 - log_ratio).mean()
