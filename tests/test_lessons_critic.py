from __future__ import annotations

import math
import time
from itertools import pairwise
from typing import Any

import gymnasium
import numpy as np
import pytest
import torch
from gymnasium.envs.classic_control.cartpole import CartPoleEnv

from app.follow.tutor import Tutor
from app.learn.critic import CriticLesson
from models.lessons import Critic, CriticKnobs, Estimates, Tell, decode_tell, encode
from training.lessons import critic
from training.lessons.cartpole import beginner

GAMMA = 0.99
SITUATIONS = np.array([[0.0, 0.0, 0.05, 0.2], [0.3, -0.5, -0.1, 0.4]], np.float32)


class Told(Tutor):
    """Has told one state, without a process."""

    def __init__(self, state: Critic) -> None:
        self._told = {Critic: state}


def game_from(state: Any) -> gymnasium.Env[Any, Any]:
    """A single game of gymnasium's that goes on from there."""
    game = CartPoleEnv()
    game.reset()
    game.state = np.array(state, np.float64)
    return game


def test_bias_scatter_and_truth_by_hand() -> None:
    advantages = torch.zeros(len(critic.LAMBDAS), 1, 2, 2)
    advantages[-1, 0, 1] = torch.tensor([2.0, 4.0])
    advantages[0, 0, 0], advantages[0, 0, 1] = 0.5, 1.5
    found, truth = critic.judged(advantages)
    assert truth == 3
    assert (found[-1].mean, found[-1].bias, found[-1].examples) == (3, 0, [2, 4])
    assert found[-1].scatter == pytest.approx(math.sqrt(2 / critic.BATCH))
    # Estimates of 1 beside 2 and 4: the error is 2, its square 4; half the variance of 1 and 3 is chance.
    assert (found[0].mean, found[0].scatter) == (1, 0)
    assert found[0].bias == pytest.approx(math.sqrt(4 - 1))


def test_the_one_situation_is_where_the_push_matters_most() -> None:
    advantages = torch.zeros(len(critic.LAMBDAS), 3, 2, 4)
    advantages[-1, :, 0] = torch.tensor([1.0, 7.0, -3.0])[:, None]
    found, truth = critic.judged(advantages)
    assert truth == -7
    assert found[-1].examples == [-7] * 4
    assert {one.mean for one in found[:-1]} == {0}


def test_branches_begin_with_their_own_pushes_and_go_on_as_the_game_does() -> None:
    games = critic.Branches(SITUATIONS)
    begun, _ = games.reset(seed=0)
    columns = len(SITUATIONS) * 2 * critic.COPIES
    assert begun.shape == (columns, 4)
    chosen = np.ones(columns, np.int64)
    once, *_ = games.step(chosen)
    twice, *_ = games.step(chosen)
    for column in range(columns):
        situation, push = divmod(column // critic.COPIES, 2)
        single = game_from(SITUATIONS[situation])
        assert single.step(push)[0] == pytest.approx(once[column], abs=1e-6)
        assert single.step(1)[0] == pytest.approx(twice[column], abs=1e-6)


def test_with_lambda_1_an_advantage_is_what_a_whole_game_brings_less_the_value(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(critic, "LONGEST", 150)
    with beginner("a2c", learning_rate=2e-3, num_envs=2, rollout_length=4, seed=0) as (learner, _):
        found = critic.branch_advantages(learner, SITUATIONS, seed=0)
        with torch.no_grad():
            values = learner.value(torch.from_numpy(SITUATIONS))
    assert found.shape == (len(critic.LAMBDAS), 2, 2, critic.COPIES)
    returns = (found[-1] + values[:, None, None]).double()
    # A game of n steps is worth 1 + 0.99 + ... = (1 - 0.99^n) / 0.01, for a whole n.
    steps = (1 - (1 - GAMMA) * returns).log() / math.log(GAMMA)
    assert steps == pytest.approx(steps.round(), abs=0.02)
    assert 3 < steps.min() < steps.max() < critic.LONGEST
    # With lambda 0 it is what the critic says after one step, and CartPole leaves nothing to chance there.
    assert found[0].std(-1) == pytest.approx(torch.zeros(2, 2), abs=1e-5)


def test_states_come_in_order_and_show_bias_fall_and_scatter_grow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(critic, "ROUNDS", 3)
    monkeypatch.setattr(critic, "STEPS", 512)
    began = time.monotonic()
    states = critic.run(CriticKnobs(gae_lambda=0.5))
    first = next(states)
    assert time.monotonic() - began < 1
    assert (first.gae_lambda, first.estimates, first.curves) == (0.5, [], [[], [], []])
    told = list(states)
    games = critic.SITUATIONS * 2 * critic.COPIES
    assert [state.games for state in told[:3]] == [games, 2 * games, 3 * games]
    assert all(not curve for curve in told[2].curves)
    judged = told[2].estimates
    assert [one.gae_lambda for one in judged] == list(critic.LAMBDAS)
    assert all(before.scatter < after.scatter for before, after in pairwise(judged))
    assert judged[0].bias > 1.2 * judged[3].bias > judged[4].bias == 0
    assert judged[4].mean == pytest.approx(told[2].truth)
    assert [[place for place, _ in curve][-1] for curve in told[-1].curves] == [512] * 3
    assert decode_tell(encode(Tell(1, told[-1]))).state == told[-1]


def test_the_point_is_shown_once_there_are_estimates_and_curves() -> None:
    lesson = CriticLesson()
    assert lesson.knobs(2) == CriticKnobs(0.9, 2)
    estimates = [Estimates(0.0, [1.0], mean=1.0, bias=2.0, scatter=0.0)]
    curve = [(256.0, 20.0), (2048.0, 30.0)]
    assert not lesson.shown(Told(Critic(0.9, [[], [], []], 12_000)))
    assert not lesson.shown(Told(Critic(0.9, [curve, curve, curve[:1]], 12_000, estimates)))
    assert lesson.shown(Told(Critic(0.9, [curve] * 3, 12_000, estimates)))
