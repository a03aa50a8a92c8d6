"""Numbers for actions: PPO learns to push the mountain car with a Gaussian, clipped to the bounds or squashed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import torch
from msgspec.structs import replace
from torch import Tensor

from models.control import ContinuousActions, ControlSpec
from models.distributions import Gaussian, TanhGaussian
from models.lessons import FIRST_LOG_DEVIATIONS, Numbers, NumbersKnobs, Point
from training.algorithms import PPO
from training.environments import ActionBounds, make
from training.learner import Learner
from training.policy_gradient import PolicyGradient
from training.presets import training_settings
from training.run import Progress
from training.settings import TrainingSettings

ENVIRONMENT = "MountainCarContinuous-v0"
STEPS = 50_000
SITUATION = (-0.5, 0.03)
"""Position and speed: at the bottom of the valley, rolling towards the flag."""
DRAWS, PLACES, REACH = 120, 241, 5.0
"""How many draws and points of the density are shown, and how many deviations to each side these reach."""


def settings(knobs: NumbersKnobs) -> TrainingSettings:
    """Those of `volley train ppo`, for a shorter training."""
    first = f"first_log_deviation={FIRST_LOG_DEVIATIONS[knobs.spread]}"
    usual = training_settings("ppo", ENVIRONMENT, head=knobs.head, changes=[first])
    return replace(usual, steps=STEPS, seed=knobs.seed, device="cpu")


def run(knobs: NumbersKnobs) -> Iterator[Numbers]:
    """The untrained policy, and the policy after each update."""
    chosen = settings(knobs)
    trainee = PolicyGradient(PPO, chosen)
    curve: list[Point] = []
    yield picture(trainee.learner, curve)
    progress = Progress()
    with closing(make(chosen.model, trainee.num_envs)) as environments:
        trainee.prepare(environments, progress)
        while progress.steps < chosen.steps:
            step = trainee.step(progress)
            progress.steps += step.steps
            progress.updates += 1
            progress.games += step.games
            if progress.games:
                curve.append((float(progress.steps), step.metrics["mean_return"]))
            yield picture(trainee.learner, curve)


@torch.no_grad()
def picture(learner: Learner, curve: list[Point]) -> Numbers:
    """What the policy does in `SITUATION`. The noise of the draws is the same each time: only learning moves them."""
    spec = learner.spec
    assert isinstance(spec, ControlSpec)
    assert isinstance(spec.actions, ContinuousActions)
    distribution = _distribution(learner, DRAWS)
    drawn = distribution.sample(torch.Generator().manual_seed(0))
    gaussian = distribution.gaussian if isinstance(distribution, TanhGaussian) else distribution
    return Numbers(
        place=SITUATION[0],
        density=density(_distribution(learner, PLACES)),
        draws=_as_actions(distribution, drawn),
        pushes=ActionBounds(spec.actions)(drawn.numpy())[:, 0].tolist(),
        bounds=(spec.actions.low[0], spec.actions.high[0]),
        deviation=float(gaussian.log_deviation[0, 0].exp()),
        steps=STEPS,
        curve=curve,
    )


def density(distribution: Gaussian | TanhGaussian) -> list[Point]:
    """Actions and their densities, from a distribution that is the same in all its rows, one row for each point."""
    gaussian = distribution.gaussian if isinstance(distribution, TanhGaussian) else distribution
    distances = torch.linspace(-REACH, REACH, len(gaussian.mean))[:, None]
    drawn = gaussian.mean + gaussian.log_deviation.exp() * distances
    heights = distribution.log_prob(drawn).exp().tolist()
    return list(zip(_as_actions(distribution, drawn), heights, strict=True))


def _distribution(learner: Learner, rows: int) -> Gaussian | TanhGaussian:
    """Of the action in `SITUATION`, the same in each row."""
    distribution = learner.evaluate(torch.tensor([SITUATION]).expand(rows, -1)).distribution
    assert isinstance(distribution, Gaussian | TanhGaussian)
    return distribution


def _as_actions(distribution: Gaussian | TanhGaussian, drawn: Tensor) -> list[float]:
    """What draws `[B, 1]` stand for. The car's bounds are -1 and 1, so that it takes a policy's numbers as they are."""
    actions = drawn.tanh() if isinstance(distribution, TanhGaussian) else drawn
    return [float(action) for action in actions.squeeze(1)]
