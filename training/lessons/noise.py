"""REINFORCE and its noise: how far estimates of a gradient scatter, and how trainings go, with each cure by itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import fields
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.lessons import Noise, NoiseKnobs, Point
from models.losses import policy_gradient
from models.returns import normalized
from training import reinforce
from training.algorithms import REINFORCE
from training.learner import Learner
from training.lessons import cartpole
from training.lessons.cartpole import Training
from training.reinforce import ReinforceSettings, trajectory_ends
from training.rollout import Rollout

SEEDS, STEPS = 3, 10_000
BATCH = 8
"""Trajectories that the cure averages over."""
NO_CLIPPING = 1e9
"""A longest gradient that none reaches: cut to one length, all would be as long, whatever the return."""
ESTIMATES = 24
"""That are shown; of single trajectories, there are `BATCH` times as many."""
FIRST_UPDATES = 8
"""Of the policy whose gradient is estimated: an untrained one's says little about a baseline."""


def settings(knobs: NoiseKnobs) -> ReinforceSettings:
    """REINFORCE with those cures."""
    return ReinforceSettings(
        learning_rate=3e-3,
        step_size="constant",
        entropy_coefficient=0.0,
        max_gradient_norm=NO_CLIPPING,
        trajectories_per_update=BATCH if knobs.batch else 1,
        normalize=knobs.normalize,
        credit="to-go" if knobs.to_go else "total",
        baseline="value" if knobs.baseline else "none",
    )


CURED = NoiseKnobs(batch=True, normalize=True, to_go=True, baseline=True)


def training(chosen: ReinforceSettings, seed: int) -> AbstractContextManager[Training]:
    """With these cures."""
    # For one trajectory per update, a single environment and short rollouts.
    num_envs, length = (1, 8) if chosen.trajectories_per_update == 1 else (BATCH, 32)
    return cartpole.training("reinforce", REINFORCE, chosen, num_envs=num_envs, rollout_length=length, seed=seed)


class Cloud(NamedTuple):
    """Estimates of one gradient."""

    points: list[Point]
    """In lengths of their mean: along it, and across it in the direction in which they scatter most."""
    spread: float
    """Their standard deviation, in the same unit."""


def run(knobs: NoiseKnobs) -> Iterator[Noise]:
    """The clouds first, then the trainings, by turns."""
    yield Noise(curves=[[] for _ in range(SEEDS)], steps=STEPS)
    learner, trajectories = some_trajectories(knobs.seed)
    chosen = settings(knobs)
    size = chosen.trajectories_per_update
    cloud = cloud_of([gradient(learner, some, chosen) for some in _groups(trajectories, size)])
    plain = cloud_of([gradient(learner, some, settings(NoiseKnobs())) for some in _groups(trajectories, 1)])
    with ExitStack() as open_games:
        trainings = [open_games.enter_context(training(chosen, knobs.seed * SEEDS + number)) for number in range(SEEDS)]
        while True:
            yield Noise(
                curves=[one.curve for one in trainings],
                steps=STEPS,
                gradients=cloud.points[:ESTIMATES],
                plain=plain.points[:ESTIMATES],
                spread=cloud.spread,
                plain_spread=plain.spread,
            )
            behind = min(trainings, key=lambda one: one.collector.steps)
            if behind.collector.steps >= STEPS:
                return
            until = behind.collector.steps + STEPS // 100
            while behind.collector.steps < until:
                behind.update()


def some_trajectories(seed: int) -> tuple[Learner, list[Rollout]]:
    """A policy that has learned a little, and trajectories of it, each `[T, 1]`, enough for all estimates."""
    with training(settings(CURED), seed) as some:
        for _ in range(FIRST_UPDATES):
            some.update()
        found: list[Rollout] = []
        while len(found) < BATCH * ESTIMATES:
            rollout, _ = some.experience.collect()
            found += _apart(rollout)
    return some.learner, found


def _apart(rollout: Rollout) -> Iterator[Rollout]:
    """The trajectories of a rollout `[T, 1]`, one by one; copies, because the next rollout overwrites it."""
    ends = trajectory_ends(rollout, ReinforceSettings()).squeeze(1).nonzero().squeeze(1) + 1
    start = 0
    for end in ends.tolist():
        yield Rollout(*(getattr(rollout, field.name)[start:end].clone() for field in fields(Rollout)))
        start = end


def _groups(trajectories: Sequence[Rollout], size: int) -> Iterator[Rollout]:
    """All groups of so many trajectories, joined: the mean of few single ones would be mostly noise."""
    for first in range(0, len(trajectories) - size + 1, size):
        yield Rollout.joined(trajectories[first : first + size])


def gradient(learner: Learner, rollout: Rollout, chosen: ReinforceSettings) -> Tensor:
    """`[n]`: REINFORCE's estimate of the policy's gradient from these trajectories, nothing being learned."""
    weights = reinforce.advantages(rollout, chosen).advantages
    if chosen.normalize:
        weights = normalized(weights)
    distribution = learner.evaluate(rollout.observations.flatten(0, 1)).distribution
    objective = policy_gradient(distribution.log_prob(rollout.actions.flatten()), weights.flatten())
    parameters = [weights for name, weights in learner.network.named_parameters() if name.startswith("policy")]
    return torch.cat([part.flatten() for part in torch.autograd.grad(objective, parameters)])


def cloud_of(gradients: Sequence[Tensor]) -> Cloud:
    """The estimates as points; all at the origin if there is no gradient at all."""
    estimates = torch.stack(list(gradients)).double().numpy()
    mean = estimates.mean(0)
    length = float(np.linalg.norm(mean))
    if length < 1e-9:
        return Cloud([(0.0, 0.0)] * len(estimates), 0.0)
    along = estimates @ mean / length**2
    rest = estimates / length - along[:, None] * mean / length
    across = rest @ _widest(rest)
    spread = float(np.sqrt(estimates.var(0).sum())) / length
    return Cloud([(float(x), float(y)) for x, y in zip(along, across, strict=True)], spread)


def _widest(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """The unit vector along which points scatter most."""
    return np.asarray(np.linalg.svd(points, full_matrices=False)[2][0])
