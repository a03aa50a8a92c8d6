"""Advantage actor-critic: one step up the policy gradient from each rollout, with returns that a critic completes.

Mnih et al. 2016, "Asynchronous Methods for Deep Reinforcement Learning", all at once instead of one after the other.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from models.losses import approximate_kl, policy_gradient
from models.returns import generalized_advantages, n_step_returns, normalized
from training.gradient import (
    Averages,
    Count,
    Fraction,
    GradientSettings,
    descend,
    explained_variance,
    next_learning_rate,
)
from training.learner import Learner
from training.rollout import Rollout


class A2cSettings(GradientSettings, tag_field="algorithm", tag="a2c", frozen=True, kw_only=True):
    """A2C's hyperparameters."""

    learning_rate: float = 7e-4
    step_size: Literal["kl", "linear", "constant"] = "linear"
    advantages: Literal["gae", "n-step"] = "gae"
    """What an action is judged by: generalised advantages, or rewards up to so many steps on and then the critic."""
    gae_lambda: Fraction = 0.95
    n: Count = 20
    """Rewards that an n-step return adds up, where the rollout is as long."""
    normalize: bool = True
    """Whether advantages are given mean 0 and deviation 1 over each rollout."""


def estimate_advantages(rollout: Rollout, settings: A2cSettings) -> Tensor:
    """How much better than expected each action was, `[T, N]`."""
    experience = (rollout.rewards, rollout.values, rollout.next_values, rollout.terminations, rollout.truncations)
    if settings.advantages == "gae":
        return generalized_advantages(*experience, gamma=settings.gamma, gae_lambda=settings.gae_lambda)
    rewards, values, *rest = experience
    return n_step_returns(rewards, *rest, gamma=settings.gamma, n=settings.n) - values


def update(learner: Learner, rollout: Rollout, settings: A2cSettings, progress: float) -> dict[str, float]:
    """Improves the learner's policy by one step of the optimiser; gives diagnostics by name.

    `progress` is the share of training done, from 0 to 1.
    """
    advantages = estimate_advantages(rollout, settings)
    returns = (advantages + rollout.values).flatten()
    learner.learn_return_statistics(returns)
    judged = normalized(advantages.flatten()) if settings.normalize else advantages.flatten()
    output = learner.evaluate(rollout.observations.flatten(0, 1))
    log_probs = output.distribution.log_prob(rollout.actions.flatten(0, 1))
    entropy = output.distribution.entropy().mean()
    targets = learner.network.returns.normalize(returns)
    value_loss = nn.functional.mse_loss(learner.network.returns.normalize(output.value), targets)
    entropy_coefficient = settings.entropy_coefficient * (1 - progress)
    objective = policy_gradient(log_probs, judged) + entropy_coefficient * entropy
    descend(learner, settings.value_coefficient * value_loss - objective, settings)
    with torch.no_grad():
        after = learner.evaluate(rollout.observations.flatten(0, 1)).distribution
        kl = approximate_kl(after.log_prob(rollout.actions.flatten(0, 1)), rollout.log_probs.flatten())
    learner.learning_rate = next_learning_rate(learner.learning_rate, float(kl), settings, progress)
    averages = Averages()
    averages.add(kl=kl, entropy=entropy, value_loss=value_loss)
    return averages() | {
        "explained_variance": explained_variance(rollout.values.flatten(), returns),
        "learning_rate": learner.learning_rate,
    }
