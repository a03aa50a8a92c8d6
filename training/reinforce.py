"""REINFORCE, and the ways to reduce its variance.

Williams 1992, "Simple Statistical Gradient-Following Algorithms for Connectionist Reinforcement Learning": the higher
the return, the more probable the action becomes. Each way to reduce variance is a switch: several trajectories per
update, normalised returns, reward to go, trajectories that end with the point, and a baseline (Sutton and Barto 2018,
"Reinforcement Learning: An Introduction", sec. 13.4). Returns are never bootstrapped: REINFORCE learns only from
trajectories that have ended.
"""

from __future__ import annotations

from functools import partial
from typing import Annotated, Literal

import msgspec
import torch
from torch import Tensor

from models.losses import approximate_kl, policy_gradient
from models.returns import rewards_to_go, total_rewards
from training.gradient import Averages, Batch, Count, GradientSettings, Targets, descend
from training.learner import Learner
from training.rollout import Collector, Rollout
from training.trajectories import TrajectoryCollector


class ReinforceSettings(GradientSettings, tag_field="algorithm", tag="reinforce", frozen=True, kw_only=True):
    """REINFORCE's hyperparameters."""

    trajectories_per_update: Annotated[int, msgspec.Meta(ge=1, le=4096)] = 8
    """The fewest complete trajectories to learn from at a time."""
    minibatch_size: Count | None = None
    """Decisions per optimiser step, drawn at random and each used once; None takes all in one step."""
    trajectory: Literal["episode", "point"] = "episode"
    """Where a return ends: with the episode, or with the next nonzero reward, as in a game played for points."""
    credit: Literal["total", "to-go"] = "to-go"
    """What an action is credited with: all rewards of its trajectory, or only those from that action on."""
    tail: Annotated[int, msgspec.Meta(ge=0, le=10**6)] = 0
    """How many decisions before a time limit count as what was expected, neither better nor worse: the limit cut off
    their returns, and no observation tells when (Pardo et al. 2018, "Time Limits in Reinforcement Learning").
    Normalising then takes the mean from them as from all others, so while the critic is far off they do count."""
    normalize: bool = True
    """Whether to normalise advantages to mean 0 and standard deviation 1 over each update."""
    baseline: Literal["none", "value"] = "value"
    """What to subtract from returns: nothing, or their learned estimate from the observation alone."""

    @property
    def normalizes(self) -> bool:
        """As `normalize` says."""
        return self.normalize

    @property
    def has_critic(self) -> bool:
        """Whether there is a baseline to learn."""
        return self.baseline == "value"


def trajectory_ends(rollout: Rollout, settings: ReinforceSettings) -> Tensor:
    """Whether a trajectory ends after each step: bool, the shape of the rollout's rewards."""
    ends = rollout.terminations | rollout.truncations
    return ends | (rollout.rewards != 0) if settings.trajectory == "point" else ends


def whole_trajectories(collector: Collector, settings: ReinforceSettings) -> TrajectoryCollector:
    """Collects complete trajectories only, because returns are never bootstrapped; in a team, everybody its share."""
    ends = partial(trajectory_ends, settings=settings)
    minimum = -(-settings.trajectories_per_update // collector.learner.team.size)
    return TrajectoryCollector(collector, ends, minimum=minimum)


def advantages(rollout: Rollout, settings: ReinforceSettings) -> Targets:
    """Advantages: the returns, less the baseline if there is one; and the returns, which the baseline predicts.

    The gradient is the sum over a trajectory, and an update takes the mean over decisions: so advantages are times the
    mean length of the trajectories. Else a long game would count no more than a short one, and where each decision
    brings the same reward, as in CartPole, the total reward of a single game would teach nothing at all. Where they are
    normalised, the factor would have no effect, and is left out.
    """
    ends = trajectory_ends(rollout, settings)
    if settings.credit == "total":
        returns = total_rewards(rollout.rewards, ends)
    else:
        returns = rewards_to_go(rollout.rewards, ends, gamma=settings.gamma)
    estimates = returns - rollout.values if settings.baseline == "value" else returns
    if not settings.normalize:
        estimates = estimates * (ends.numel() / max(int(ends.sum()), 1))
    cut = before_time_limit(rollout, ends, settings.tail)
    # The critic's own estimate stands in for what the limit cut off, so it learns nothing from there either.
    return Targets(estimates.masked_fill(cut, 0.0), torch.where(cut, rollout.values, returns))


def before_time_limit(rollout: Rollout, ends: Tensor, tail: int) -> Tensor:
    """Whether each step is one of the last `tail` of a trajectory that a time limit ended: bool, as the rewards."""
    steps = torch.arange(len(rollout.rewards), device=rollout.rewards.device)[:, None]

    def following(ends: Tensor) -> Tensor:
        """The step of the first end that is not before each step."""
        return torch.where(ends, steps, len(steps) + tail).flip(0).cummin(0).values.flip(0)

    limit = following(rollout.truncations & ~rollout.terminations)
    return (limit - steps < tail) & (limit == following(ends))


def update(learner: Learner, batch: Batch, settings: ReinforceSettings, entropy_coefficient: float) -> Averages:
    """One pass over the trajectories, each decision used once; returns the diagnostics of its steps."""
    averages = Averages()
    for minibatch in batch.shuffled(settings.minibatch_size, learner.generator, learner.team):
        output = learner.evaluate(minibatch.observations)
        log_probs = output.distribution.log_prob(minibatch.actions)
        objective = policy_gradient(log_probs, minibatch.advantages)
        entropy = output.distribution.entropy().mean()
        value_loss = learner.value_loss(output.value, minibatch.returns)
        if not settings.has_critic:
            value_loss = value_loss.detach()  # only reported: there is no baseline to learn
        loss = -objective - entropy_coefficient * entropy + settings.value_coefficient * value_loss
        descend(learner, loss, len(minibatch.actions), settings)
        averages.add(kl=approximate_kl(log_probs, minibatch.log_probs), entropy=entropy, value_loss=value_loss)
    return averages
