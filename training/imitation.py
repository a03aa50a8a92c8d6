"""Imitation of a coach, who says at each decision of the policy what it would have done.

Ross, Gordon and Bagnell 2011, "A Reduction of Imitation Learning and Structured Prediction to No-Regret Online
Learning" (DAgger): the policy plays, so it learns what to do where its own mistakes lead. It is a policy gradient whose
weights are all 1, for the coach's actions instead of its own. The critic learns as in PPO.
"""

from __future__ import annotations

from typing import Literal

from models.losses import approximate_kl, policy_gradient
from models.returns import generalized_advantages
from training.gradient import (
    Averages,
    Batch,
    Count,
    Fraction,
    GradientSettings,
    NotNegative,
    Positive,
    Targets,
    descend,
)
from training.learner import Learner
from training.rollout import Rollout


class ImitationSettings(GradientSettings, tag_field="algorithm", tag="imitation", frozen=True, kw_only=True):
    """Hyperparameters of imitation."""

    learning_rate: Positive = 1e-3
    step_size: Literal["kl", "linear", "constant"] = "linear"
    entropy_coefficient: NotNegative = 0.0
    gae_lambda: Fraction = 0.95
    """For the critic's targets, as in PPO."""
    epochs: Count = 2
    """Passes over each rollout."""
    minibatch_size: Count = 256
    """Decisions per optimiser step."""


def targets(rollout: Rollout, settings: ImitationSettings) -> Targets:
    """Weights of 1, and the returns for the critic."""
    estimates = generalized_advantages(
        rollout.rewards,
        rollout.values,
        rollout.next_values,
        rollout.terminations,
        rollout.truncations,
        gamma=settings.gamma,
        gae_lambda=settings.gae_lambda,
    )
    return Targets(estimates.new_ones(estimates.shape), returns=estimates + rollout.values)


def update(learner: Learner, batch: Batch, settings: ImitationSettings, entropy_coefficient: float) -> Averages:
    """One pass over the batch in minibatches; returns the diagnostics of its steps."""
    averages = Averages()
    for minibatch in batch.shuffled(settings.minibatch_size, learner.generator):
        assert minibatch.advice is not None, "the environments have a coach"
        output = learner.evaluate(minibatch.observations)
        log_probs = output.distribution.log_prob(minibatch.advice)
        objective = policy_gradient(log_probs, minibatch.advantages)
        entropy = output.distribution.entropy().mean()
        value_loss = learner.value_loss(output.value, minibatch.returns)
        loss = -objective - entropy_coefficient * entropy + settings.value_coefficient * value_loss
        descend(learner, loss, settings)
        averages.add(
            kl=approximate_kl(output.distribution.log_prob(minibatch.actions), minibatch.log_probs),
            entropy=entropy,
            value_loss=value_loss,
            agreement=log_probs.exp().mean(),
        )
    return averages
