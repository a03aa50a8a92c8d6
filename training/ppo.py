"""Proximal policy optimisation, and the importance-weighted surrogate that it clips.

Schulman et al. 2017, "Proximal Policy Optimization Algorithms".
"""

from __future__ import annotations

import math

import torch
from torch import nn

from models.losses import approximate_kl, clipped_fraction, clipped_surrogate
from models.returns import generalized_advantages, normalized
from training.gradient import (
    Averages,
    Count,
    Fraction,
    GradientSettings,
    Positive,
    descend,
    explained_variance,
    next_learning_rate,
)
from training.learner import Learner
from training.rollout import Rollout


class PpoSettings(GradientSettings, tag_field="algorithm", tag="ppo", frozen=True, kw_only=True):
    """PPO's hyperparameters."""

    gae_lambda: Fraction = 0.95
    epochs: Count = 3
    minibatch_size: Count = 768
    clip_epsilon: Positive | None = 0.2
    """How far from 1 the ratio of new to old probability may be pushed; None: as far as it goes, which is the
    importance-weighted surrogate alone."""


def update(learner: Learner, rollout: Rollout, settings: PpoSettings, progress: float) -> dict[str, float]:
    """Improves the learner's policy by one rollout; gives diagnostics by name.

    `progress` is the share of training done, from 0 to 1.
    """
    advantages = generalized_advantages(
        rollout.rewards,
        rollout.values,
        rollout.next_values,
        rollout.terminations,
        rollout.truncations,
        gamma=settings.gamma,
        gae_lambda=settings.gae_lambda,
    )
    returns = (advantages + rollout.values).flatten()
    learner.learn_return_statistics(returns)
    advantages = normalized(advantages.flatten())
    observations, actions = rollout.observations.flatten(0, 1), rollout.actions.flatten(0, 1)
    old_log_probs, target_values = rollout.log_probs.flatten(), learner.network.returns.normalize(returns)
    entropy_coefficient = settings.entropy_coefficient * (1 - progress)
    clip_epsilon = math.inf if settings.clip_epsilon is None else settings.clip_epsilon

    for _ in range(settings.epochs):
        averages = Averages()
        order = torch.randperm(len(actions), generator=learner.generator, device=learner.device)
        for indices in order.split(settings.minibatch_size):
            output = learner.evaluate(observations[indices])
            distribution = output.distribution
            log_probs = distribution.log_prob(actions[indices])
            surrogate = clipped_surrogate(
                log_probs, old_log_probs[indices], advantages[indices], clip_epsilon=clip_epsilon
            )
            values = learner.network.returns.normalize(output.value)
            value_loss = nn.functional.mse_loss(values, target_values[indices])
            entropy = distribution.entropy().mean()
            loss = -surrogate - entropy_coefficient * entropy + settings.value_coefficient * value_loss
            descend(learner, loss, settings)
            with torch.no_grad():
                kl = approximate_kl(log_probs, old_log_probs[indices])
                clipped = clipped_fraction(log_probs, old_log_probs[indices], clip_epsilon=clip_epsilon)
            averages.add(kl=kl, clipped_fraction=clipped, entropy=entropy, value_loss=value_loss, surrogate=surrogate)
        metrics = averages()
        learner.learning_rate = next_learning_rate(learner.learning_rate, metrics["kl"], settings, progress)
    return metrics | {
        "explained_variance": explained_variance(rollout.values.flatten(), returns),
        "learning_rate": learner.learning_rate,
    }
