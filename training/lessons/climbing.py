"""Hill climbing and its relatives, on a landscape that can be drawn: the mountain car with a policy of two weights.

The push is the position times one weight plus the speed times another, each in units that make it about 1, clipped to
-1 and 1. Weights of 0 never push, which costs nothing: a local maximum, from which only large steps lead to the hill
where the car swings itself up to the flag.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.lessons import Climb, ClimbingKnobs, Landscape, Point, Rule
from training import search
from training.search import (
    AdaptiveNoiseSettings,
    CrossEntropySettings,
    EvolutionStrategiesSettings,
    HillClimbingSettings,
    SimulatedAnnealingSettings,
    SteepestAscentSettings,
)

REACH = 2.0
GRID = 49
"""Policies on each side of the landscape."""
STARTS = np.linspace(-0.6, -0.4, 3)
"""Where the car may stand at first; gymnasium draws from the same range."""
MIDDLE, HALF, FASTEST = -0.5, 0.5, 0.07
"""Of the valley, in its units of position and speed: what the policy's inputs are scaled by."""
LONGEST, MOST_GAMES = 999, 4000
FLAG, FORCE, GRAVITY, FUEL, PRIZE = 0.45, 0.0015, 0.0025, 0.1, 100.0
LEFT_END = -1.2

SETTINGS: dict[Rule, tuple[Callable[[Any, Tensor], search.Rule], search.SearchSettings]] = {
    "hill-climbing": (search.HillClimbing, HillClimbingSettings(noise_scale=0.15)),
    "steepest-ascent": (search.HillClimbing, SteepestAscentSettings(noise_scale=0.15)),
    "simulated-annealing": (search.SimulatedAnnealing, SimulatedAnnealingSettings(noise_scale=0.15, temperature=30.0)),
    "adaptive-noise": (search.AdaptiveNoise, AdaptiveNoiseSettings(noise_scale=0.15)),
    "cross-entropy": (search.CrossEntropy, CrossEntropySettings(noise_scale=0.5, extra_variance=0.0)),
    "evolution-strategies": (search.EvolutionStrategies, EvolutionStrategiesSettings(noise_scale=0.3)),
}


def mean_returns(weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """`[P]`: the mean return, over `STARTS`, of policies with these weights of position and speed, `[P, 2]`.

    The car is gymnasium's MountainCarContinuous-v0 (Moore 1990), all policies' at the same time, and rounds as that
    does: some policies end elsewhere after another rounding.
    """
    by_place, by_speed = (np.repeat(weights[:, column], len(STARTS)).astype(np.float32) for column in range(2))
    place, speed = np.tile(STARTS.astype(np.float32), len(weights)), np.zeros(len(by_place), np.float32)
    returns, going = np.zeros(len(place)), np.ones(len(place), np.bool_)
    for _ in range(LONGEST):
        push = np.clip(by_place * (place - MIDDLE) / HALF + by_speed * speed / FASTEST, -1, 1)
        returns[going] -= FUEL * push[going] ** 2
        speed = np.clip(speed + push * FORCE - GRAVITY * np.cos(3 * place), -FASTEST, FASTEST)
        place = np.clip(place + speed, LEFT_END, 0.6)
        speed[(place == LEFT_END) & (speed < 0)] = 0
        arrived = going & (place >= FLAG)
        returns[arrived] += PRIZE
        going &= ~arrived
        if not going.any():
            break
    return np.asarray(returns.reshape(-1, len(STARTS)).mean(1))


def landscape() -> Landscape:
    """The mean returns of all policies on the grid."""
    weights = np.linspace(-REACH, REACH, GRID)
    by_place, by_speed = np.meshgrid(weights, weights)
    returns = mean_returns(np.stack((by_place.ravel(), by_speed.ravel()), 1))
    return Landscape(REACH, returns.reshape(GRID, GRID).round(2).tolist())


def run(knobs: ClimbingKnobs) -> Iterator[Landscape | Climb]:
    """The landscape, then the search, which begins without pushing."""
    yield landscape()
    make, settings = SETTINGS[knobs.rule]
    rule = make(settings, torch.zeros(2))
    generator = torch.Generator().manual_seed(knobs.seed)
    path, games, best, best_return = [(0.0, 0.0)], 0, (0.0, 0.0), float(mean_returns(np.zeros((1, 2)))[0])
    while games < MOST_GAMES:
        population = rule.propose(generator)
        returns = mean_returns(population.numpy().astype(np.float64))
        games += len(population) * len(STARTS)
        metrics = rule.learn(population, torch.from_numpy(returns).float(), generator)
        position = _point(rule.position if isinstance(rule, search.HillClimbing) else rule.incumbent)
        if position != path[-1]:
            path.append(position)
        if returns.max() > best_return:
            best, best_return = _point(population[returns.argmax()]), float(returns.max())
        yield Climb(
            tried=[_point(weights) for weights in population],
            path=path,
            best=best,
            best_return=best_return,
            games=games,
            spread=metrics.get("noise_scale", settings.noise_scale),
        )


def _point(weights: Tensor) -> Point:
    across, up = weights.tolist()
    return across, up
