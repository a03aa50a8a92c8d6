"""Where only chance leads out: REINFORCE in the aliased gridworld, and three ways to act on what it has learned."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import numpy as np
import torch
from msgspec.structs import replace
from numpy.typing import NDArray

from models.distributions import Categorical
from models.lessons import Chance, ChanceKnobs, Point, Walk
from training import gridworld
from training.algorithms import REINFORCE
from training.environments import make, specification
from training.gridworld import GAMMA, OBSERVATIONS
from training.learner import Learner
from training.policy_gradient import improve
from training.reinforce import ReinforceSettings, whole_trajectories
from training.rollout import Collector

STEPS, EPSILON = 40_000, 0.1
EVERY = 2
"""Updates from one state to the next."""
SETTINGS = ReinforceSettings(gamma=GAMMA, learning_rate=0.01, step_size="linear")


def learning(seed: int, steps: int = STEPS) -> Iterator[tuple[NDArray[np.float64], int]]:
    """The probability of each move for each of `OBSERVATIONS`, `[4, 4]`, after each update, and the episodes so far."""
    spec = replace(specification(gridworld.NAME, algorithm="reinforce"), hidden=(16,))
    learner = Learner(spec, learning_rate=SETTINGS.learning_rate, seed=seed, device=torch.device("cpu"))
    episodes = 0
    yield _probabilities(learner), episodes
    with closing(make(spec, 8)) as cells:
        experience = whole_trajectories(Collector(cells, learner, rollout_length=16, seed=seed), SETTINGS)
        while experience.steps < steps:
            rollout, ended = experience.collect()
            improve(learner, rollout, REINFORCE, SETTINGS, min(experience.steps / steps, 1.0))
            episodes += len(ended)
            yield _probabilities(learner), episodes


def run(knobs: ChanceKnobs) -> Iterator[Chance]:
    """How the lesson goes."""
    best_deterministic = gridworld.mean_value(gridworld.best_epsilon_greedy(0.0))
    best = gridworld.mean_value(gridworld.random_where_aliased())
    curve: list[Point] = []
    updates = -1
    for policy, episodes in learning(knobs.seed):
        stochastic = _walk(policy)
        favourites = tuple(policy.argmax(1).tolist())
        updates += 1
        if updates % EVERY:
            continue
        curve.append((float(updates), stochastic.value))
        yield Chance(
            stochastic=stochastic,
            epsilon_greedy=_walk(gridworld.epsilon_greedy(favourites, EPSILON)),
            deterministic=_walk(gridworld.epsilon_greedy(favourites, 0.0)),
            best_deterministic=best_deterministic,
            best=best,
            episodes=episodes,
            curve=curve,
        )


def _walk(policy: NDArray[np.float64]) -> Walk:
    return Walk(policy.tolist(), gridworld.values(policy).tolist())


@torch.no_grad()
def _probabilities(learner: Learner) -> NDArray[np.float64]:
    distribution = learner.evaluate(torch.tensor(OBSERVATIONS)).distribution
    assert isinstance(distribution, Categorical)
    return distribution.logits.softmax(-1).double().numpy()
