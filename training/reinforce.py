"""REINFORCE, and the cures for its noise.

Williams 1992, "Simple Statistical Gradient-Following Algorithms for Connectionist Reinforcement Learning": an action is
made more probable by as much as was won after it. Each cure is a switch: several trajectories to an update, normalised
returns, credit for the rewards to come only and within one point, and a baseline (Sutton and Barto 2018, "Reinforcement
Learning: An Introduction", sec. 13.4). No return is ever cut short and completed by a guess: whatever
is learned from has ended.
"""

from __future__ import annotations

from functools import partial
from typing import Literal

from torch import Tensor

from models.losses import approximate_kl, policy_gradient
from models.returns import normalized, rewards_to_go, total_rewards
from training.gradient import Averages, Batch, Count, GradientSettings, Targets, descend
from training.learner import Learner
from training.rollout import Collector, Rollout
from training.trajectories import TrajectoryCollector


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

    @property
    def has_critic(self) -> bool:
        """Whether there is a baseline to learn."""
        return self.baseline == "value"


def trajectory_ends(rollout: Rollout, settings: ReinforceSettings) -> Tensor:
    """After which steps a trajectory ends: bool, of the shape of the rollout's rewards."""
    ends = rollout.terminations | rollout.truncations
    return ends | (rollout.rewards != 0) if settings.trajectory == "point" else ends


def whole_trajectories(collector: Collector, settings: ReinforceSettings) -> TrajectoryCollector:
    """The experience: trajectories that have ended, as returns are never completed by a guess."""
    ends = partial(trajectory_ends, settings=settings)
    return TrajectoryCollector(collector, ends, least=settings.trajectories_per_update)


def advantages(rollout: Rollout, settings: ReinforceSettings) -> Targets:
    """What was won after each action or in all, less the baseline; and the returns that the baseline guesses at."""
    ends = trajectory_ends(rollout, settings)
    if settings.credit == "total":
        returns = total_rewards(rollout.rewards, ends)
    else:
        returns = rewards_to_go(rollout.rewards, ends, gamma=settings.gamma)
    judged = returns - rollout.values if settings.baseline == "value" else returns
    return Targets(normalized(judged) if settings.normalize else judged, returns)


def update(learner: Learner, batch: Batch, settings: ReinforceSettings, entropy_coefficient: float) -> Averages:
    """One pass over the trajectories, each decision used once; returns diagnostics of its steps."""
    averages = Averages()
    for minibatch in batch.shuffled(settings.minibatch_size, learner.generator):
        output = learner.evaluate(minibatch.observations)
        log_probs = output.distribution.log_prob(minibatch.actions)
        objective = policy_gradient(log_probs, minibatch.advantages)
        entropy = output.distribution.entropy().mean()
        value_loss = learner.value_loss(output.value, minibatch.returns)
        if not settings.has_critic:
            value_loss = value_loss.detach()  # only reported: there is no baseline to learn
        loss = -objective - entropy_coefficient * entropy + settings.value_coefficient * value_loss
        descend(learner, loss, settings)
        averages.add(kl=approximate_kl(log_probs, minibatch.log_probs), entropy=entropy, value_loss=value_loss)
    return averages
