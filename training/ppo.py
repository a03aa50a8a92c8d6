"""Proximal policy optimisation.

Schulman et al. 2017, "Proximal Policy Optimization Algorithms". The step size follows the policy's own change, as in
rl_games (Makoviichuk and Makoviychuk 2021): too much KL divergence in an epoch and it shrinks, too little and it grows.
"""

from __future__ import annotations

from typing import Annotated

import msgspec
import torch
from torch import nn

from models.losses import approximate_kl, clipped_fraction, clipped_surrogate
from models.returns import generalized_advantages, normalized
from training.learner import Learner
from training.rollout import Rollout

Positive = Annotated[float, msgspec.Meta(gt=0)]
Fraction = Annotated[float, msgspec.Meta(ge=0, le=1)]


class PpoSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """PPO's hyperparameters."""

    gamma: Fraction = 0.99
    gae_lambda: Fraction = 0.95
    epochs: Annotated[int, msgspec.Meta(ge=1)] = 3
    minibatch_size: Annotated[int, msgspec.Meta(ge=1)] = 768
    clip_epsilon: Positive = 0.2
    value_coefficient: Positive = 1.0
    entropy_coefficient: Annotated[float, msgspec.Meta(ge=0)] = 0.01
    """At the start; it falls linearly to 0, so that the finished policy is as sure as it can be."""
    max_gradient_norm: Positive = 1.0
    learning_rate: Positive = 3e-4
    """At the start; from then on it follows the KL divergence."""
    lowest_kl: Positive = 0.005
    highest_kl: Positive = 0.02
    """Of an epoch, in nats, between which the step size stays as it is. Both fall linearly to a twentieth: small steps
    at the end average over the noise of the games."""
    learning_rate_factor: Annotated[float, msgspec.Meta(gt=1)] = 1.5


LEAST_KL_SHARE = 0.05
LEARNING_RATE_BOUNDS = (1e-6, 1e-2)


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
    observations, actions = rollout.observations.flatten(0, 1), rollout.actions.flatten()
    old_log_probs, target_values = rollout.log_probs.flatten(), learner.network.returns.normalize(returns)
    entropy_coefficient = settings.entropy_coefficient * (1 - progress)

    for _ in range(settings.epochs):
        diagnostics = []
        order = torch.randperm(len(actions), generator=learner.generator, device=learner.device)
        for indices in order.split(settings.minibatch_size):
            output = learner.evaluate(observations[indices])
            distribution = output.distribution
            log_probs = distribution.log_prob(actions[indices])
            surrogate = clipped_surrogate(
                log_probs, old_log_probs[indices], advantages[indices], clip_epsilon=settings.clip_epsilon
            )
            values = learner.network.returns.normalize(output.value)
            value_loss = nn.functional.mse_loss(values, target_values[indices])
            entropy = distribution.entropy().mean()
            loss = -surrogate - entropy_coefficient * entropy + settings.value_coefficient * value_loss
            learner.optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(learner.network.parameters(), settings.max_gradient_norm)
            learner.optimizer.step()
            with torch.no_grad():
                kl = approximate_kl(log_probs, old_log_probs[indices])
                clipped = clipped_fraction(log_probs, old_log_probs[indices], clip_epsilon=settings.clip_epsilon)
                diagnostics.append(torch.stack([kl, clipped, entropy, value_loss, surrogate]))
        kl, clipped, entropy, value_loss, surrogate = torch.stack(diagnostics).mean(0).tolist()
        learner.learning_rate = _adapted(learner.learning_rate, kl, settings, progress)
    return {
        "kl": kl,
        "clipped_fraction": clipped,
        "entropy": entropy,
        "value_loss": value_loss,
        "surrogate": surrogate,
        "explained_variance": explained_variance(rollout.values.flatten(), returns),
        "learning_rate": learner.learning_rate,
    }


def explained_variance(predictions: torch.Tensor, targets: torch.Tensor) -> float:
    """1 for perfect predictions, 0 for ones no better than the mean; NaN where the targets do not vary."""
    return float(1 - (targets - predictions).var() / targets.var())


def _adapted(learning_rate: float, kl: float, settings: PpoSettings, progress: float) -> float:
    share = max(1 - progress, LEAST_KL_SHARE)
    if kl > settings.highest_kl * share:
        learning_rate /= settings.learning_rate_factor
    elif kl < settings.lowest_kl * share:
        learning_rate *= settings.learning_rate_factor
    least, most = LEARNING_RATE_BOUNDS
    return min(max(learning_rate, least), most)
