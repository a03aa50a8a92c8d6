"""What all policy gradients share: hyperparameters, batches, the optimiser step and its learning rate."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Annotated, Literal, NamedTuple

import msgspec
import torch
from torch import Tensor, nn

from models.mlp import FIRST_LOG_DEVIATION
from models.returns import generalized_advantages, normalized
from training.learner import Cause, DivergedError, Learner
from training.moments import RunningMoments
from training.rollout import CoachedRollout, Rollout
from training.team import ALONE, Team

Positive = Annotated[float, msgspec.Meta(gt=0, le=1e37)]
NotNegative = Annotated[float, msgspec.Meta(ge=0, le=1e37)]
"""Bounded, because the optimiser cannot compute with numbers, ten times as large, that a float32 does not hold."""
Fraction = Annotated[float, msgspec.Meta(ge=0, le=1)]
Count = Annotated[int, msgspec.Meta(ge=1, le=10**6)]
"""Bounded, as what is counted must fit into memory."""


class GradientSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Hyperparameters of every policy gradient."""

    gamma: Fraction = 0.99
    """Discount factor per agent step."""
    value_coefficient: Positive = 1.0
    """Weight of the value loss."""
    entropy_coefficient: NotNegative = 0.01
    """Initial weight of the entropy bonus; it falls linearly to 0, so that the final policy need not stay random."""
    max_gradient_norm: Positive = 1.0
    """Longer gradients are scaled down to this norm."""
    learning_rate: Positive = 3e-4
    """Adam's initial learning rate."""
    first_log_deviation: Annotated[float, msgspec.Meta(ge=-20, le=20)] = FIRST_LOG_DEVIATION
    """Initial log standard deviation of continuous actions, in units of half the range between their bounds. From 0
    up, the policy often tries the bounds themselves, which finds rewards that take long, steady effort."""
    step_size: Literal["kl", "linear", "constant"] = "kl"
    """How the learning rate changes: adapted to the KL divergence, linearly to 0, or not at all."""
    highest_learning_rate: Positive = 1e-2
    """The learning rate never adapts above this."""
    lowest_kl: Positive = 0.005
    highest_kl: Positive = 0.02
    """The learning rate adapts if the KL divergence of a pass, in nats, is outside these bounds. Both fall linearly to
    a twentieth: small steps at the end average out the noise of the games."""
    learning_rate_factor: Annotated[float, msgspec.Meta(gt=1)] = 1.5
    """What the learning rate is then multiplied or divided by."""
    averaging: Annotated[float, msgspec.Meta(ge=0, lt=1)] = 0.0
    """How much of the running average of the weights each optimiser step keeps; above 0, the average is the policy
    that is evaluated and saved, without much of the noise of single steps, while its source goes on learning."""

    @property
    def epochs(self) -> int:
        """Passes over each rollout."""
        return 1

    @property
    def normalizes(self) -> bool:
        """Whether advantages are normalised to mean 0 and standard deviation 1 over each update."""
        return True

    @property
    def has_critic(self) -> bool:
        """Whether the algorithm learns the value of each observation."""
        return True


MIN_KL_SHARE = 0.05
MIN_LEARNING_RATE = 1e-6


class Targets(NamedTuple):
    """What to learn from a rollout; each `[T, N]`."""

    advantages: Tensor
    """How much more or less probable to make each action; not normalised."""
    returns: Tensor
    """What the critic should have predicted for each observation."""


def advantages_of(rollout: Rollout, *, gamma: float, gae_lambda: float) -> Tensor:
    """The generalised advantage estimates `[T, N]` of a rollout's decisions, not normalised."""
    return generalized_advantages(
        rollout.rewards,
        rollout.values,
        rollout.next_values,
        rollout.terminations,
        rollout.truncations,
        gamma=gamma,
        gae_lambda=gae_lambda,
    )


class Batch(NamedTuple):
    """`B` decisions, with their targets."""

    observations: Tensor
    """`[B, ...]`."""
    actions: Tensor
    """`[B]` or `[B, D]`."""
    log_probs: Tensor
    """`[B]`: of the actions, under the policy that took them."""
    advantages: Tensor
    """`[B]`."""
    returns: Tensor
    """`[B]`."""
    costs: Tensor | None = None
    """`[B, A]`: of each action, as a coach sees it, if there is one."""

    @classmethod
    def of(cls, rollout: Rollout, targets: Targets) -> Batch:
        """All decisions of a rollout: `B` is `T * N`."""
        columns = [rollout.observations, rollout.actions, rollout.log_probs, *targets]
        if isinstance(rollout, CoachedRollout):
            columns.append(rollout.costs)
        return cls(*(column.flatten(0, 1) for column in columns))

    def shuffled(self, size: int | None, generator: torch.Generator, team: Team = ALONE) -> Iterator[Batch]:
        """All decisions in random order, in minibatches of `size` (the last may be smaller), or in one if None.

        In a team, everybody's minibatches make up one of `size`, and everybody has as many.
        """
        length, columns = len(self.actions), [column for column in self if column is not None]
        order = torch.randperm(length, generator=generator, device=self.actions.device)
        if team.alone:
            shares = order.split(size or length)
        else:
            total = team.total(length)
            shares = order.tensor_split(-(-total // (size or total)))
        for indices in shares:
            # Five times as fast as indexing with them, on a processor.
            yield Batch(*(column.index_select(0, indices) for column in columns))


def descend(learner: Learner, loss: Tensor, rows: int, settings: GradientSettings) -> None:
    """One optimiser step down the gradient of `loss`, a scalar: the mean over `rows` decisions.

    In a team, down that of the mean over everybody's. `DivergedError` instead if it is not finite.
    """
    if not loss.isfinite() and learner.team.alone:
        raise DivergedError("the loss is")  # In a team, everybody's gradient will not be finite.
    learner.optimizer.zero_grad()
    loss.backward()
    learner.team.average_gradients(learner.network.parameters(), rows)
    norm = nn.utils.clip_grad_norm_(learner.network.parameters(), settings.max_gradient_norm)
    if not norm.isfinite():
        raise DivergedError("the gradient is")
    learner.step()


def normalized_together(advantages: Tensor, team: Team) -> Tensor:
    """Advantages with mean 0 and standard deviation 1 over those of the whole team, same shape.

    Equal ones become 0, as for `normalized`.
    """
    if team.alone:
        return normalized(advantages)
    first = team.from_first(float(advantages.flatten()[0]))
    if not team.any(condition=bool((advantages != first).any())):
        return torch.zeros_like(advantages)
    moments = RunningMoments()
    moments.update(advantages.flatten(), team)
    deviation = moments.deviation * math.sqrt(moments.count / (moments.count - 1))
    return (advantages - moments.mean) / (deviation + 1e-8)


def check_finite(batch: Batch, rewards: Tensor) -> None:
    """`DivergedError` if something to be learned from is not finite; `rewards` are those of its games."""
    for name, column in zip(batch._fields, batch, strict=True):
        if column is not None and not column.isfinite().all():
            cause: Cause = "steps" if rewards.isfinite().all() else "rewards"
            if name == "observations":
                cause = "observations"
            raise DivergedError(f"the {name.replace('_', ' ')} of the games are", cause=cause)


def next_learning_rate(learning_rate: float, kl: float, settings: GradientSettings, progress: float) -> float:
    """The learning rate for the next pass, after one that changed the policy by `kl` nats.

    Adapts to the KL divergence as rl_games does (Makoviichuk and Makoviychuk 2021): after too much change it shrinks,
    after too little it grows. `progress` is the fraction of training done, from 0 to 1.
    """
    if settings.step_size == "constant":
        return learning_rate
    if settings.step_size == "linear":
        return settings.learning_rate * (1 - progress)
    share = max(1 - progress, MIN_KL_SHARE)
    if kl > settings.highest_kl * share:
        learning_rate /= settings.learning_rate_factor
    elif kl < settings.lowest_kl * share:
        learning_rate *= settings.learning_rate_factor
    return min(max(learning_rate, MIN_LEARNING_RATE), settings.highest_learning_rate)


def explained_variance(predictions: Tensor, targets: Tensor) -> float:
    """1 for perfect predictions, 0 for ones no better than the mean; not finite if the targets do not vary."""
    return float(1 - (targets - predictions).var() / targets.var())


class Averages:
    """Diagnostics of each step of a pass, to be averaged."""

    def __init__(self) -> None:
        self._names: tuple[str, ...] = ()
        self._steps: list[Tensor] = []

    def add(self, **diagnostics: Tensor) -> None:
        """Adds the diagnostics of one step, each a scalar."""
        self._names = tuple(diagnostics)
        self._steps.append(torch.stack([value.detach() for value in diagnostics.values()]))

    def __len__(self) -> int:
        """The number of steps."""
        return len(self._steps)

    def means(self) -> dict[str, float]:
        """The mean of each diagnostic over the steps, by name."""
        return dict(zip(self._names, torch.stack(self._steps).mean(0).tolist(), strict=True))
