"""Proximal policy optimisation (PPO), and the importance-weighted surrogate objective that it clips.

Schulman et al. 2017, "Proximal Policy Optimization Algorithms".
"""

from __future__ import annotations

import math

from models.losses import approximate_kl, clipped_fraction, clipped_surrogate, importance_ratio
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


class PpoSettings(GradientSettings, tag_field="algorithm", tag="ppo", frozen=True, kw_only=True):
    """PPO's hyperparameters."""

    gae_lambda: Fraction = 0.95
    """How far advantages trust rewards over the critic: from 0, one step ahead, to 1, the whole rollout."""
    epochs: Count = 3
    """Passes over each rollout."""
    minibatch_size: Count = 768
    """Decisions per optimiser step."""
    clip_epsilon: Positive | None = 0.2
    """How far from 1 the ratio of new to old probability may move before it is clipped; None never clips, which
    optimises the plain surrogate."""


def advantages(rollout: Rollout, settings: PpoSettings) -> Targets:
    """Advantages, and the returns: advantages plus values."""
    estimates = advantages_of(rollout, gamma=settings.gamma, gae_lambda=settings.gae_lambda)
    return Targets(estimates, returns=estimates + rollout.values)


def update(learner: Learner, batch: Batch, settings: PpoSettings, entropy_coefficient: float) -> Averages:
    """One pass over the batch in minibatches; returns the diagnostics of its steps."""
    clip_epsilon = math.inf if settings.clip_epsilon is None else settings.clip_epsilon
    averages = Averages()
    for minibatch in batch.shuffled(settings.minibatch_size, learner.generator, learner.team):
        output = learner.evaluate(minibatch.observations)
        log_probs = output.distribution.log_prob(minibatch.actions)
        ratio = importance_ratio(log_probs, minibatch.log_probs)
        objective = clipped_surrogate(ratio, minibatch.advantages, clip_epsilon=clip_epsilon)
        entropy = output.distribution.entropy().mean()
        value_loss = learner.value_loss(output.value, minibatch.returns)
        loss = -objective - entropy_coefficient * entropy + settings.value_coefficient * value_loss
        descend(learner, loss, len(minibatch.actions), settings)
        averages.add(
            kl=approximate_kl(log_probs, minibatch.log_probs),
            clipped_fraction=clipped_fraction(ratio, clip_epsilon=clip_epsilon),
            entropy=entropy,
            value_loss=value_loss,
            surrogate=objective,
        )
    return averages
