"""REINFORCE, and the cures for its noise.

Williams 1992, "Simple Statistical Gradient-Following Algorithms for Connectionist Reinforcement Learning": an action is
made more probable by as much as was won after it. Each cure is a switch: several trajectories to an update, normalised
returns, credit for the rewards to come only and within one point, and a baseline (Sutton and Barto 2018, "Reinforcement
Learning: An Introduction", sec. 13.4). No return is ever cut short and completed by a guess: whatever
is learned from has ended.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from models.losses import approximate_kl, policy_gradient
from models.returns import normalized, rewards_to_go, total_rewards
from training.gradient import Averages, Count, GradientSettings, descend, explained_variance, next_learning_rate
from training.learner import Learner
from training.rollout import Rollout


class ReinforceSettings(GradientSettings, tag_field="algorithm", tag="reinforce", frozen=True, kw_only=True):
    """REINFORCE's hyperparameters."""

    trajectories_per_update: Count = 8
    """At least so many are gathered before the policy learns from them."""
    minibatch_size: Count | None = None
    """How many of their decisions, at random, make a step of the optimiser; None: all. Each is used once."""
    trajectory: Literal["episode", "point"] = "episode"
    """What a return adds up: a whole episode's rewards, or those up to the next that is not 0, as in a game of
    points."""
    credit: Literal["total", "to-go"] = "to-go"
    """What an action is judged by: all its trajectory's rewards, or only those that came after it."""
    normalize: bool = True
    """Whether what actions are judged by is given mean 0 and deviation 1 over each update's trajectories."""
    baseline: Literal["none", "value"] = "value"
    """What is taken from the returns first: nothing, or a learned guess at them from the observation alone."""


def trajectory_ends(rollout: Rollout, settings: ReinforceSettings) -> Tensor:
    """After which steps a trajectory ends: bool, of the shape of the rollout's rewards."""
    ends = rollout.terminations | rollout.truncations
    return ends | (rollout.rewards != 0) if settings.trajectory == "point" else ends


def update(learner: Learner, rollout: Rollout, settings: ReinforceSettings, progress: float) -> dict[str, float]:
    """Improves the learner's policy by whole trajectories, `[T, 1]`, each used once; gives diagnostics by name.

    `progress` is the share of training done, from 0 to 1.
    """
    ends = trajectory_ends(rollout, settings)
    returns = (
        total_rewards(rollout.rewards, ends)
        if settings.credit == "total"
        else rewards_to_go(rollout.rewards, ends, gamma=settings.gamma)
    ).squeeze(1)
    values = rollout.values.squeeze(1)
    weights = returns
    if settings.baseline == "value":
        learner.learn_return_statistics(returns)
        weights = returns - values
    if settings.normalize:
        weights = normalized(weights)
    targets = learner.network.returns.normalize(returns)
    observations, actions, old_log_probs = (
        column.squeeze(1) for column in (rollout.observations, rollout.actions, rollout.log_probs)
    )
    entropy_coefficient = settings.entropy_coefficient * (1 - progress)
    averages = Averages()
    order = torch.randperm(len(actions), generator=learner.generator, device=learner.device)
    minibatches = order.split(settings.minibatch_size or len(order))
    for indices in minibatches:
        output = learner.evaluate(observations[indices])
        log_probs = output.distribution.log_prob(actions[indices])
        objective = policy_gradient(log_probs, weights[indices])
        entropy = output.distribution.entropy().mean()
        value_loss = nn.functional.mse_loss(learner.network.returns.normalize(output.value), targets[indices])
        loss = -objective - entropy_coefficient * entropy
        if settings.baseline == "value":
            loss = loss + settings.value_coefficient * value_loss
        descend(learner, loss, settings)
        averages.add(
            kl=approximate_kl(log_probs.detach(), old_log_probs[indices]), entropy=entropy, value_loss=value_loss
        )
    metrics = averages()
    if len(minibatches) == 1:  # What the only step has changed shows after it.
        with torch.no_grad():
            log_probs = learner.evaluate(observations).distribution.log_prob(actions)
        metrics["kl"] = float(approximate_kl(log_probs, old_log_probs))
    learner.learning_rate = next_learning_rate(learner.learning_rate, metrics["kl"], settings, progress)
    return metrics | {
        "explained_variance": explained_variance(values, returns),
        "trajectories": float(ends.sum()),
        "learning_rate": learner.learning_rate,
    }
