"""What all policy gradients share: hyperparameters, batches of experience, the step of the optimiser and its size."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal, NamedTuple

import msgspec
import torch
from torch import Tensor, nn

from models.mlp import FIRST_LOG_DEVIATION
from training.learner import Learner
from training.rollout import Rollout

Positive = Annotated[float, msgspec.Meta(gt=0)]
NotNegative = Annotated[float, msgspec.Meta(ge=0)]
Fraction = Annotated[float, msgspec.Meta(ge=0, le=1)]
Count = Annotated[int, msgspec.Meta(ge=1)]


class GradientSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Hyperparameters that every policy gradient has."""

    gamma: Fraction = 0.99
    """What a reward is worth one step later."""
    value_coefficient: Positive = 1.0
    """Weight of the critic's loss beside the policy's."""
    entropy_coefficient: NotNegative = 0.01
    """Weight of the entropy bonus at the start; it falls linearly to 0, so that the finished policy is as sure as it
    can be."""
    max_gradient_norm: Positive = 1.0
    """Longer gradients are shortened to this."""
    learning_rate: Positive = 3e-4
    """Adam's, at the start."""
    first_log_deviation: float = FIRST_LOG_DEVIATION
    """Of continuous actions, in halves of the way between their bounds: how widely they are drawn at first. 0 and more
    tries the bounds themselves, which finds rewards that take long and steady effort."""
    step_size: Literal["kl", "linear", "constant"] = "kl"
    """How the learning rate goes on: controlled by the KL divergence, linearly to 0, or not at all."""
    highest_learning_rate: Positive = 1e-2
    lowest_kl: Positive = 0.005
    highest_kl: Positive = 0.02
    """Of one pass over the experience, in nats, between which the step size stays as it is. Both fall linearly to a
    twentieth: small steps at the end average over the noise of the games."""
    learning_rate_factor: Annotated[float, msgspec.Meta(gt=1)] = 1.5
    """By which the learning rate shrinks or grows where the KL divergence is outside these bounds."""

    @property
    def epochs(self) -> int:
        """Passes over the same experience."""
        return 1

    @property
    def has_critic(self) -> bool:
        """Whether a value of each observation is learned."""
        return True


LEAST_KL_SHARE = 0.05
LOWEST_LEARNING_RATE = 1e-6


class Targets(NamedTuple):
    """What a rollout teaches; each `[T, N]`."""

    advantages: Tensor
    """How much more probable each action should become, or less."""
    returns: Tensor
    """What the critic should have said of each observation."""


class Batch(NamedTuple):
    """`B` decisions to learn from, and what they teach."""

    observations: Tensor
    """`[B, ...]`."""
    actions: Tensor
    """`[B]` or `[B, D]`."""
    log_probs: Tensor
    """`[B]`: of these actions, under the policy that took them."""
    advantages: Tensor
    """`[B]`."""
    returns: Tensor
    """`[B]`."""

    @classmethod
    def of(cls, rollout: Rollout, targets: Targets) -> Batch:
        """All decisions of a rollout; `B` is `T * N`."""
        columns = (rollout.observations, rollout.actions, rollout.log_probs, *targets)
        return cls(*(column.flatten(0, 1) for column in columns))

    def shuffled(self, size: int | None, generator: torch.Generator) -> Iterator[Batch]:
        """All decisions in random order, in minibatches of `size`, the last perhaps smaller; None: all in one."""
        length = len(self.actions)
        order = torch.randperm(length, generator=generator, device=self.actions.device)
        for indices in order.split(size or length):
            yield Batch(*(column[indices] for column in self))


def descend(learner: Learner, loss: Tensor, settings: GradientSettings) -> None:
    """One step of the optimiser down the gradient of `loss`, one number."""
    learner.optimizer.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(learner.network.parameters(), settings.max_gradient_norm)
    learner.optimizer.step()


def next_learning_rate(learning_rate: float, kl: float, settings: GradientSettings, progress: float) -> float:
    """The learning rate for the next pass, after one that changed the policy by `kl` nats.

    By KL divergence, as in rl_games (Makoviichuk and Makoviychuk 2021): too much in a pass and it shrinks, too little
    and it grows. `progress` is the share of training done, from 0 to 1.
    """
    if settings.step_size == "constant":
        return learning_rate
    if settings.step_size == "linear":
        return settings.learning_rate * (1 - progress)
    share = max(1 - progress, LEAST_KL_SHARE)
    if kl > settings.highest_kl * share:
        learning_rate /= settings.learning_rate_factor
    elif kl < settings.lowest_kl * share:
        learning_rate *= settings.learning_rate_factor
    return min(max(learning_rate, LOWEST_LEARNING_RATE), settings.highest_learning_rate)


def explained_variance(predictions: Tensor, targets: Tensor) -> float:
    """1 for perfect predictions, 0 for ones no better than the mean; not finite where the targets do not vary."""
    return float(1 - (targets - predictions).var() / targets.var())


class Averages:
    """Diagnostics of the steps of a pass, and their means."""

    def __init__(self) -> None:
        self._names: tuple[str, ...] = ()
        self._steps: list[Tensor] = []

    def add(self, **diagnostics: Tensor) -> None:
        """Takes in those of one step, a number each."""
        self._names = tuple(diagnostics)
        self._steps.append(torch.stack([value.detach() for value in diagnostics.values()]))

    def __len__(self) -> int:
        """How many steps were taken."""
        return len(self._steps)

    def means(self) -> dict[str, float]:
        """Over the steps, by name."""
        return dict(zip(self._names, torch.stack(self._steps).mean(0).tolist(), strict=True))
