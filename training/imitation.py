"""Imitation of a coach, who says at each decision of the policy how much each action would have cost.

The policy plays, so it learns what to do where its own mistakes lead (Ross, Gordon and Bagnell 2011, "A Reduction of
Imitation Learning and Structured Prediction to No-Regret Online Learning"). It is a policy gradient without the noise:
instead of the return of the one action that was taken, it has the cost of every action, so the expectation over actions
is exact (Sun et al. 2017, "Deeply AggreVaTeD: Differentiable Imitation Learning for Sequential Prediction"). So the
policy grows sure where it matters. If it only made the coach's actions more likely, it would stay as unsure as it is of
them, and now and then draw an action that misses the ball. The critic learns as in PPO.
"""

from __future__ import annotations

from typing import Literal

from models.losses import approximate_kl
from models.network import PolicyOutput
from training.gradient import (
    Averages,
    Batch,
    Count,
    Fraction,
    GradientSettings,
    NotNegative,
    Positive,
    Targets,
    advantages_of,
    descend,
)
from training.learner import Learner
from training.rollout import Rollout


class ImitationSettings(GradientSettings, tag_field="algorithm", tag="imitation", frozen=True, kw_only=True):
    """Hyperparameters of imitation."""

    learning_rate: Positive = 1e-3
    step_size: Literal["kl", "linear", "constant"] = "linear"
    entropy_coefficient: NotNegative = 0.0
    cost_coefficient: Positive = 5.0
    """Weight of the expected cost."""
    gae_lambda: Fraction = 0.95
    """For the critic's targets, as in PPO."""
    epochs: Count = 3
    """Passes over each rollout."""
    minibatch_size: Count = 256
    """Decisions per optimiser step."""

    @property
    def normalizes(self) -> bool:
        """No: the costs are learned from as they are."""
        return False


def targets(rollout: Rollout, settings: ImitationSettings) -> Targets:
    """PPO's advantages, which only the critic's returns need: the coach's costs take their place."""
    estimates = advantages_of(rollout, gamma=settings.gamma, gae_lambda=settings.gae_lambda)
    return Targets(estimates, returns=estimates + rollout.values)


def update(learner: Learner, batch: Batch, settings: ImitationSettings, entropy_coefficient: float) -> Averages:
    """One pass over the batch in minibatches; returns the diagnostics of its steps."""
    averages = Averages()
    for minibatch in batch.shuffled(settings.minibatch_size, learner.generator, learner.team):
        assert minibatch.costs is not None, "the environments have a coach"
        output = learner.evaluate(minibatch.observations)
        assert isinstance(output, PolicyOutput), "a coach advises policies of Pong"
        probabilities = output.logits.softmax(1)
        cost = (probabilities * minibatch.costs).sum(1).mean()
        entropy = output.distribution.entropy().mean()
        value_loss = learner.value_loss(output.value, minibatch.returns)
        loss = settings.cost_coefficient * cost - entropy_coefficient * entropy
        loss += settings.value_coefficient * value_loss
        descend(learner, loss, len(minibatch.actions), settings)
        averages.add(
            kl=approximate_kl(output.distribution.log_prob(minibatch.actions), minibatch.log_probs),
            entropy=entropy,
            value_loss=value_loss,
            cost=cost,
            agreement=probabilities[minibatch.costs == 0].sum() / len(minibatch.costs),
        )
    return averages
