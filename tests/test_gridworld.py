from __future__ import annotations

import warnings

import gymnasium
import numpy as np
import pytest
import torch
from gymnasium.utils.env_checker import check_env
from gymnasium.vector import AutoresetMode
from numpy.typing import NDArray

from models.control import ControlSpec, DiscreteActions
from models.distributions import Categorical
from training import gridworld
from training.algorithms import REINFORCE
from training.gridworld import (
    ALIASED,
    CELLS,
    EAST,
    GAMMA,
    NORTH,
    OBSERVATIONS,
    SEEN,
    SOUTH,
    WEST,
    best_epsilon_greedy,
    epsilon_greedy,
    mean_value,
    random_where_aliased,
    values,
)
from training.learner import Learner
from training.policy_gradient import improve
from training.reinforce import ReinforceSettings, whole_trajectories
from training.rollout import Collector

STEPS = 12_000
TRAPS, TREASURE = ((1, 0), (1, 4)), (1, 2)


def test_passes_gymnasiums_checker() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        gridworld.register()
        check_env(gymnasium.make(gridworld.NAME).unwrapped)


def test_the_second_and_the_fourth_cell_look_alike() -> None:
    # North, east, south, west. The outer cells are open below, to the trap, and towards the row; the
    # middle one on all sides but north.
    assert [gridworld.walls(cell) for cell in CELLS] == [
        (1, 0, 0, 1),
        (1, 0, 1, 0),
        (1, 0, 0, 0),
        (1, 0, 1, 0),
        (1, 1, 0, 0),
    ]
    assert SEEN == (0, 1, 2, 1, 3)
    assert ALIASED == 1


@pytest.mark.parametrize(
    ("column", "action", "cell", "reward"),
    [
        (0, NORTH, (0, 0), 0),  # bumped
        (0, WEST, (0, 0), 0),  # bumped
        (0, EAST, (0, 1), 0),
        (0, SOUTH, TRAPS[0], -1),
        (1, SOUTH, (0, 1), 0),  # bumped
        (1, WEST, (0, 0), 0),
        (2, NORTH, (0, 2), 0),  # bumped
        (2, SOUTH, TREASURE, 1),
        (2, EAST, (0, 3), 0),
        (3, SOUTH, (0, 3), 0),  # bumped
        (3, WEST, (0, 2), 0),
        (4, EAST, (0, 4), 0),  # bumped
        (4, SOUTH, TRAPS[1], -1),
    ],
)
def test_moves(column: int, action: int, cell: gridworld.Cell, reward: float) -> None:
    environment = gridworld.AliasedGridworld()
    environment.reset(seed=0)
    environment._cell = (0, column)
    observation, given, terminated, truncated, info = environment.step(np.int64(action))
    assert (info["cell"], given, terminated, truncated) == (cell, reward, reward != 0, False)
    assert tuple(observation) == gridworld.walls(cell)


def test_episodes_begin_anywhere_in_the_row() -> None:
    environment = gridworld.AliasedGridworld()
    starts = [environment.reset(seed=0)[1]["cell"]] + [environment.reset()[1]["cell"] for _ in range(499)]
    assert all(70 <= starts.count(cell) <= 130 for cell in CELLS)  # of 100 each: 3 deviations are 27


def test_an_episode_without_end_is_cut_off() -> None:
    gridworld.register()
    environment = gymnasium.make(gridworld.NAME)
    environment.reset(seed=0)
    ends = [environment.step(np.int64(NORTH))[2:4] for _ in range(gridworld.MAX_STEPS)]
    assert ends == [(False, False)] * (gridworld.MAX_STEPS - 1) + [(False, True)]


def test_values_by_hand() -> None:
    # West wherever the wall is above and below: the second cell leads to the first and that back again, with nothing to
    # win. The fourth is one step from the third, the fifth two.
    stuck = epsilon_greedy((EAST, WEST, SOUTH, WEST), 0.0)
    np.testing.assert_allclose(values(stuck, gamma=0.5), [0, 0, 1, 0.5, 0.25], atol=1e-12)
    # East or west at random, gamma = 1/2: v1 = v2 / 2 and v2 = (v1 + 1) / 4 give v2 (1 - 1/8) = 1/4, so v2 = 2/7.
    np.testing.assert_allclose(values(random_where_aliased(), gamma=0.5), [1 / 7, 2 / 7, 1, 2 / 7, 1 / 7])
    # Any move with probability 1/4, gamma = 1/2. By symmetry v1 = v5, v2 = v4:
    #   v1 = (-1 + (2 v1 + v2) / 2) / 4,  so  6 v1 = v2 - 2
    #   v2 = (v1 + 2 v2 + v3) / 8,        so  6 v2 = v1 + v3
    #   v3 = (1 + (v3 + 2 v2) / 2) / 4,   so  7 v3 = 2 + 2 v2
    # From the first and the last, v1 = (v2 - 2) / 6 and v3 = (2 + 2 v2) / 7. Into the second, times 42:
    # 252 v2 = 7 v2 - 14 + 12 + 12 v2, so v2 = -2 / 233.
    v2 = -2 / 233
    v1, v3 = (v2 - 2) / 6, (2 + 2 * v2) / 7
    np.testing.assert_allclose(values(np.full((4, 4), 0.25), gamma=0.5), [v1, v2, v3, v2, v1])


@pytest.mark.parametrize("policy", [best_epsilon_greedy(0.3), random_where_aliased(), np.full((4, 4), 0.25)])
def test_values_agree_with_play(policy: NDArray[np.float64]) -> None:
    random = np.random.default_rng(1)
    environment = gridworld.AliasedGridworld()
    exact = values(policy)
    for place, cell in enumerate(CELLS):
        returns = []
        for _ in range(400):
            environment.reset()
            environment._cell = cell
            seen, total, discount, ended = SEEN[place], 0.0, 1.0, False
            while not ended and discount > 1e-4:  # what is left out is smaller still
                observation, reward, ended, _, _ = environment.step(np.int64(random.choice(4, p=policy[seen])))
                total, discount = total + discount * reward, discount * GAMMA
                seen = OBSERVATIONS.index(tuple(observation)) if not ended else -1
            returns.append(total)
        assert exact[place] == pytest.approx(np.mean(returns), abs=4 * np.std(returns) / 400**0.5 + 1e-4)


def test_a_deterministic_policy_is_stuck_on_one_side() -> None:
    # The best takes the right way in all cells but two, from where it never comes: (0 + 0 + 1 + 0.9 + 0.81) / 5.
    best = best_epsilon_greedy(0.0)
    assert sorted(values(best)) == pytest.approx([0, 0, 0.81, 0.9, 1])
    assert mean_value(best) == pytest.approx(0.542)


@pytest.mark.parametrize("epsilon", [0.05, 0.1, 0.2, 0.5])
def test_an_epsilon_greedy_policy_gets_away_too_seldom(epsilon: float) -> None:
    best = best_epsilon_greedy(epsilon)
    # Of each pair of cells to the left and to the right of the treasure, one is worth next to nothing.
    outer_left, left, _, right, outer_right = values(best)
    assert min(outer_left + left, outer_right + right) < 0.02
    assert mean_value(best) < mean_value(best_epsilon_greedy(0.0)) < mean_value(random_where_aliased()) - 0.2


def test_no_policy_is_better_than_the_random_one() -> None:
    # gamma = 0.9: v2 = 0.45 (v1 + 1) and v1 = 0.9 v2 give v2 = 0.45 / 0.595 and v1 = 0.405 / 0.595.
    optimum = mean_value(random_where_aliased())
    assert optimum == pytest.approx((1 + 2 * (0.45 + 0.405) / 0.595) / 5)
    random = np.random.default_rng(0)
    for spread in (0.01, 0.1, 1.0):  # close by, and anywhere
        for _ in range(300):
            other = (1 - spread) * random_where_aliased() + spread * random.dirichlet((0.3,) * 4, size=4)
            assert mean_value(other) <= optimum
    assert mean_value(random_where_aliased(east=0.4)) < optimum


def test_reinforce_learns_to_be_random_where_it_must() -> None:
    policy = learned_policy(seed=1)
    assert policy[ALIASED, EAST] > 0.2
    assert policy[ALIASED, WEST] > 0.2
    assert mean_value(policy) > mean_value(best_epsilon_greedy(0.0)) + 0.1


def learned_policy(*, seed: int) -> NDArray[np.float64]:
    """What REINFORCE does for each of `OBSERVATIONS`, `[4, 4]`, after so many."""
    spec = ControlSpec(
        algorithm="reinforce",
        environment=gridworld.NAME,
        observation_size=4,
        actions=DiscreteActions(4),
        hidden=(16,),
    )
    settings = ReinforceSettings(gamma=GAMMA, learning_rate=0.01, step_size="constant")
    learner = Learner(spec, learning_rate=settings.learning_rate, seed=seed, device=torch.device("cpu"))
    gridworld.register()
    environments = gymnasium.make_vec(
        gridworld.NAME, 8, vectorization_mode="sync", vector_kwargs={"autoreset_mode": AutoresetMode.SAME_STEP}
    )
    experience = whole_trajectories(Collector(environments, learner, rollout_length=16, seed=seed), settings)
    while experience.steps < STEPS:
        rollout, _ = experience.collect()
        improve(learner, rollout, REINFORCE, settings, progress=experience.steps / STEPS)
    distribution = learner.evaluate(torch.tensor(OBSERVATIONS)).distribution
    assert isinstance(distribution, Categorical)
    return distribution.logits.softmax(-1).detach().double().numpy()
