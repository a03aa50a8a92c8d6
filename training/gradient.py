"""What all policy gradients share: their hyperparameters, the step of the optimiser, and how large it is."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
import torch
from torch import Tensor, nn

from models.mlp import FIRST_LOG_DEVIATION
from training.learner import Learner

Positive = Annotated[float, msgspec.Meta(gt=0)]
NotNegative = Annotated[float, msgspec.Meta(ge=0)]
Fraction = Annotated[float, msgspec.Meta(ge=0, le=1)]
Count = Annotated[int, msgspec.Meta(ge=1)]


class GradientSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Hyperparameters that every policy gradient has."""

    gamma: Fraction = 0.99
    """What a reward is worth one step later."""
    value_coefficient: Positive = 1.0
    entropy_coefficient: NotNegative = 0.01
    """At the start; it falls linearly to 0, so that the finished policy is as sure as it can be."""
    max_gradient_norm: Positive = 1.0
    learning_rate: Positive = 3e-4
    """At the start."""
    first_log_deviation: float = FIRST_LOG_DEVIATION
    """Of continuous actions, in halves of the way between their bounds: how widely they are drawn at first. 0 and more
    tries the bounds themselves, which finds rewards that take long and steady effort."""
    step_size: Literal["kl", "linear", "constant"] = "kl"
    """How the learning rate goes on: after the KL divergence, linearly to 0, or not at all."""
    highest_learning_rate: Positive = 1e-2
    lowest_kl: Positive = 0.005
    highest_kl: Positive = 0.02
    """Of one pass over the experience, in nats, between which the step size stays as it is. Both fall linearly to a
    twentieth: small steps at the end average over the noise of the games."""
    learning_rate_factor: Annotated[float, msgspec.Meta(gt=1)] = 1.5


LEAST_KL_SHARE = 0.05
LOWEST_LEARNING_RATE = 1e-6


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
    """Diagnostics, averaged over the steps of an update."""

    def __init__(self) -> None:
        self._names: tuple[str, ...] = ()
        self._steps: list[Tensor] = []

    def add(self, **diagnostics: Tensor) -> None:
        """Takes in those of one step, a number each."""
        self._names = tuple(diagnostics)
        self._steps.append(torch.stack([value.detach() for value in diagnostics.values()]))

    def __call__(self) -> dict[str, float]:
        """The means since the start."""
        return dict(zip(self._names, torch.stack(self._steps).mean(0).tolist(), strict=True))
