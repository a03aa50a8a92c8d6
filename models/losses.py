"""Losses and their diagnostics, as pure functions: no network, environment or logger.

A ratio is the new probability of an action taken divided by its old one, `[B]`: see `importance_ratio`.
"""

from __future__ import annotations

import torch
from torch import Tensor


def policy_gradient(log_probs: Tensor, weights: Tensor) -> Tensor:
    """Returns the objective to maximise for the policy gradient: the mean over `[B]` of weight log pi(a|s).

    `log_probs` belong to the actions taken; `weights` are constants that say how good each was. This is the mean over
    decisions; the gradient of the return is the sum over a trajectory, so it is this times the mean length of the
    trajectories. With many at a time, the step size absorbs that factor; with few, it must be in the weights.

    Williams 1992, "Simple Statistical Gradient-Following Algorithms for Connectionist Reinforcement Learning", eq. 11.
    """
    return (log_probs * weights).mean()


def importance_ratio(log_probs: Tensor, old_log_probs: Tensor) -> Tensor:
    """Returns how many times more probable actions became, `[B]`, from their new and old log-probabilities, `[B]`.

    Importance sampling: weighted by this ratio, the old policy's experience estimates the new policy's.
    """
    return (log_probs - old_log_probs).exp()


def clipped_surrogate(ratio: Tensor, advantages: Tensor, *, clip_epsilon: float) -> Tensor:
    """Returns PPO's objective to maximise, one number: the mean over `[B]` of min(ratio A, clip(ratio) A).

    The ratio is clipped to 1 -+ `clip_epsilon`.

    Schulman et al. 2017, "Proximal Policy Optimization Algorithms", eq. 7.
    """
    clipped = ratio.clamp(1 - clip_epsilon, 1 + clip_epsilon)
    return torch.minimum(ratio * advantages, clipped * advantages).mean()


def clipped_weights(ratio: Tensor, advantages: Tensor, *, clip_epsilon: float) -> Tensor:
    """Returns the factor of each grad log pi(a|s) in the gradient of `clipped_surrogate`, `[B]`, before the mean.

    Because d ratio / d log pi = ratio, the factor is ratio A. It is 0 if A has pushed the ratio out of
    1 -+ `clip_epsilon`, because there the minimum is the clipped term, which is constant.
    """
    clipped = torch.where(advantages > 0, ratio > 1 + clip_epsilon, ratio < 1 - clip_epsilon)
    return ratio * advantages * ~clipped


def clipped_fraction(ratio: Tensor, *, clip_epsilon: float) -> Tensor:
    """Returns the share of `[B]` ratios outside 1 -+ `clip_epsilon`, one number."""
    return ((ratio - 1).abs() > clip_epsilon).float().mean()


def approximate_kl(log_probs: Tensor, old_log_probs: Tensor) -> Tensor:
    """Returns an estimate of KL(old, new) from actions `[B]` of the old policy, one number, never negative.

    The estimator is (ratio - 1) - log ratio: unbiased, with low variance while the policies are close.

    Schulman 2020, "Approximating KL Divergence", http://joschu.net/blog/kl-approx.html (k3).
    """
    log_ratio = log_probs - old_log_probs
    return (log_ratio.exp() - 1 - log_ratio).mean()
