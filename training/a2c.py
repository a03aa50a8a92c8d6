"""Advantage actor-critic (A2C): one step up the policy gradient per rollout, with returns bootstrapped from a critic.

Mnih et al. 2016, "Asynchronous Methods for Deep Reinforcement Learning"; here the environments step in sync.
"""

from __future__ import annotations

from typing import Literal

from models.losses import policy_gradient
from models.returns import n_step_returns
from training.gradient import (
    Averages,
    Batch,
    Count,
    Fraction,
    GradientSettings,
    Positive,
    Targets,
    advantages_of,
    descend,
)
from training.learner import Learner
from training.rollout import Rollout


class A2cSettings(GradientSettings, tag_field="algorithm", tag="a2c", frozen=True, kw_only=True):
    """A2C's hyperparameters."""

    learning_rate: Positive = 7e-4
    step_size: Literal["kl", "linear", "constant"] = "linear"
    advantages: Literal["gae", "n-step"] = "gae"
    """How to estimate advantages: GAE, or n-step returns minus values."""
    gae_lambda: Fraction = 0.95
    """How far GAE trusts rewards over the critic: from 0, one step ahead, to 1, the whole rollout."""
    n: Count = 20
    """Rewards in an n-step return; fewer if the rollout ends first."""
    normalize: bool = True
    """Whether to normalise advantages to mean 0 and standard deviation 1 over each rollout."""

    @property
    def normalizes(self) -> bool:
        """As `normalize` says."""
        return self.normalize


def advantages(rollout: Rollout, settings: A2cSettings) -> Targets:
    """Advantages, and the returns: advantages plus values."""
    if settings.advantages == "gae":
        estimates = advantages_of(rollout, gamma=settings.gamma, gae_lambda=settings.gae_lambda)
    else:
        after = (rollout.next_values, rollout.terminations, rollout.truncations)
        estimates = n_step_returns(rollout.rewards, *after, gamma=settings.gamma, n=settings.n) - rollout.values
    return Targets(estimates, returns=estimates + rollout.values)


def update(learner: Learner, batch: Batch, settings: A2cSettings, entropy_coefficient: float) -> Averages:
    """One step on the whole batch; returns its diagnostics."""
    output = learner.evaluate(batch.observations)
    log_probs = output.distribution.log_prob(batch.actions)
    objective = policy_gradient(log_probs, batch.advantages)
    entropy = output.distribution.entropy().mean()
    value_loss = learner.value_loss(output.value, batch.returns)
    loss = -objective - entropy_coefficient * entropy + settings.value_coefficient * value_loss
    descend(learner, loss, len(batch.actions), settings)
    averages = Averages()
    averages.add(entropy=entropy, value_loss=value_loss)
    return averages
