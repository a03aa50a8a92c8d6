"""Selling without moving the price: PPO learns to sell a million shares, beside the closed form of the best trades."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import gymnasium
import numpy as np
import torch
from numpy.typing import NDArray

from models.acting import choose
from models.control import ContinuousActions, PolicySpec
from models.lessons import Point, Sale, SaleKnobs
from models.mlp import Network
from training.algorithms import PPO
from training.environments import ActionBounds, make
from training.execution import (
    NAMES,
    SHARES,
    TRADES,
    Shortfall,
    optimal_shortfall,
    optimal_trades,
    shares_left,
    shortfall,
)
from training.learner import Learner
from training.policy_gradient import WARM_UP_STEPS, improve
from training.ppo import PpoSettings
from training.presets import training_settings
from training.rollout import Collector

FRONTIER = np.geomspace(2e-8, 3e-5, 40)
"""Risk aversions of the points on the frontier."""


def run(knobs: SaleKnobs) -> Iterator[Sale]:
    """How the policy would sell after each update, playing its mode."""
    best = optimal_shortfall(knobs.risk_aversion)
    frontier = [_place(optimal_shortfall(float(risk_aversion))) for risk_aversion in FRONTIER]
    path: list[Point] = []
    for sold, steps in learning(knobs):
        found = shortfall(sold)
        path.append(_place(found))
        yield Sale(
            held=_held(sold),
            best=_held(optimal_trades(knobs.risk_aversion)),
            path=path,
            frontier=frontier,
            best_place=_place(best),
            utility=found.utility(knobs.risk_aversion),
            best_utility=best.utility(knobs.risk_aversion),
            steps=steps,
        )


def learning(knobs: SaleKnobs) -> Iterator[tuple[NDArray[np.float64], int]]:
    """The trades that the policy would make, `[60]`, at first and after each update; and the steps so far."""
    settings = training_settings("ppo", NAMES[knobs.risk_aversion])
    assert isinstance(settings.algorithm, PpoSettings)
    learner = Learner(
        settings.model,
        learning_rate=settings.algorithm.learning_rate,
        first_log_deviation=settings.algorithm.first_log_deviation,
        seed=knobs.seed,
        device=torch.device("cpu"),
    )
    sale = gymnasium.make(NAMES[knobs.risk_aversion])
    with closing(make(settings.model, settings.num_envs)) as environments:
        collector = Collector(environments, learner, rollout_length=settings.rollout_length, seed=knobs.seed)
        learner.update_input_statistics(collector.random_observations(WARM_UP_STEPS, np.random.default_rng(knobs.seed)))
        yield trades_of(learner.network, settings.model, sale), 0
        while collector.steps < settings.steps:
            rollout, _ = collector.collect()
            improve(learner, rollout, PPO, settings.algorithm, collector.steps / settings.steps)
            yield trades_of(learner.network, settings.model, sale), collector.steps


@torch.inference_mode()
def trades_of(
    network: Network, spec: PolicySpec, environment: gymnasium.Env[Any, Any], *, seed: int = 0
) -> NDArray[np.float64]:
    """The shares that the deterministic policy sells in each trade, `[60]`."""
    assert isinstance(spec.actions, ContinuousActions)
    within, generator = ActionBounds(spec.actions), torch.Generator()
    observation, info = environment.reset(seed=seed)
    left = [info["shares"]]
    while left[-1]:
        drawn = choose(network(torch.from_numpy(observation)[None]).distribution, generator, greedy=True)
        observation, _, _, _, info = environment.step(within(drawn.numpy())[0])
        left.append(info["shares"])
    return np.pad(-np.diff(left), (0, TRADES + 1 - len(left)))


def _held(sold: NDArray[np.float64]) -> list[float]:
    """The fraction of the shares that is left before the first trade, and after each."""
    return [1.0, *(shares_left(sold) / SHARES).tolist()]


def _place(found: Shortfall) -> Point:
    """On the frontier: the standard deviation and the mean of the shortfall, in millions of dollars."""
    return found.deviation / 1e6, found.mean / 1e6
