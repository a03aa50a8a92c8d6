from __future__ import annotations

import time
from itertools import islice
from typing import Any

import gymnasium
import numpy as np
import pytest
import torch
from gymnasium import VectorizeMode
from gymnasium.envs.classic_control.cartpole import CartPoleEnv
from msgspec.structs import replace
from torch import nn

from app.follow.tutor import Tutor
from app.learn.clip import ClipLesson
from models.lessons import Clip, ClipKnobs, Tell, decode_tell, encode
from models.losses import clipped_surrogate
from models.mlp import ControlNetwork
from training.algorithms import PPO
from training.lessons import clip
from training.lessons.cartpole import beginner
from training.policy_gradient import improve

BEFORE = Clip(
    rollouts=10,
    passes=0,
    clip_epsilon=None,
    reach=16.0,
    histogram=[0, 1, 0],
    largest=1.0,
    surrogates=[],
    returns=[],
)


class Told(Tutor):
    """Has told one state, without a process."""

    def __init__(self, state: Clip) -> None:
        self._told = {Clip: state}


def game_from(state: Any) -> gymnasium.Env[Any, Any]:
    """A single game of gymnasium's that goes on from there."""
    game = CartPoleEnv()
    game.reset()
    game.state = np.array(state, np.float64)
    return game


def test_ratios_are_1_before_the_first_pass_and_the_surrogate_is_0() -> None:
    chosen = clip.settings(ClipKnobs())
    with beginner("ppo", learning_rate=3e-3, num_envs=4, rollout_length=16, seed=0) as (learner, collector):
        rollout, _ = collector.collect()
        batch = clip.batch_of(rollout, chosen)
        before = clip.ratios(learner, batch)
        assert before == pytest.approx(torch.ones(64), abs=1e-5)
        assert float(clipped_surrogate(before, batch.advantages, clip_epsilon=0.2)) == pytest.approx(0, abs=1e-5)
        improve(learner, rollout, PPO, chosen, progress=0.0)
        after = clip.ratios(learner, batch)
    # The better actions have become more probable.
    assert (after * batch.advantages).mean() > 0.01
    assert after.max() > 1.05


def test_histogram_counts_each_ratio_and_those_beyond_at_its_ends() -> None:
    counts = clip.histogram(torch.tensor([1.0, 1.0, 1.05, 16.0, 400.0, 0.001]))
    assert len(counts) == clip.BINS
    assert (counts[0], counts[clip.BINS // 2], counts[-1], sum(counts)) == (1, 3, 2, 6)
    # One bin is 2 ln 16 / 41 = 0.135 wide: ln 1.1 = 0.095 is in the one after the middle, which ends at 0.068.
    assert clip.histogram(torch.tensor([1.1]))[clip.BINS // 2 + 1] == 1


def test_looks_share_the_passes() -> None:
    assert [clip.shares(passes) for passes in (1, 3, 4, 6, 64)] == [
        [1],
        [1, 1, 1],
        [1, 1, 1, 1],
        [2, 1, 1, 2],
        [16, 16, 16, 16],
    ]


def test_mean_return_is_that_of_single_games() -> None:
    with beginner("ppo", learning_rate=3e-3, num_envs=2, rollout_length=4, seed=0) as (learner, _):
        assert isinstance(learner.network, ControlNetwork)
        last = learner.network.policy[-1]
        assert isinstance(last, nn.Linear)
        with torch.no_grad():
            last.weight.zero_()
            last.bias.copy_(torch.tensor([-50.0, 50.0]))  # always to the right
        measured = clip.mean_return(learner, seed=3)
    games = gymnasium.make_vec("CartPole-v1", clip.GAMES, vectorization_mode=VectorizeMode.VECTOR_ENTRY_POINT)
    starts, _ = games.reset(seed=3)
    lengths = []
    for start in starts:
        single = game_from(start)
        steps, ended = 0, False
        while not ended:
            _, _, ended, _, _ = single.step(1)
            steps += 1
        lengths.append(steps)
    assert measured == pytest.approx(np.mean(lengths))


def test_states_come_in_order_and_the_first_at_once() -> None:
    began = time.monotonic()
    states = clip.run(ClipKnobs(passes=4, clip_epsilon=0.2))
    first = next(states)
    assert time.monotonic() - began < 1
    assert (first.surrogates, first.returns, first.clip_epsilon) == ([], [], 0.2)
    told = list(islice(states, 10))
    assert [state.passes for state in told] == [0, 1, 2, 3, 4] * 2
    assert [len(state.surrogates) for state in told] == [1] * 5 + [2] * 5
    assert [place for place, _ in told[4].surrogates[0]] == [0, 0.25, 0.5, 0.75, 1]
    assert [place for place, _ in told[9].returns] == [0, 1, 2]
    assert all(sum(state.histogram) == clip.NUM_ENVS * clip.LENGTH for state in told)
    assert decode_tell(encode(Tell(1, told[9]))).state == told[9]


def test_without_the_clip_ratios_explode_and_the_return_falls_though_the_surrogate_rises() -> None:
    plain, clipped = (list(islice(clip.run(ClipKnobs(16, epsilon, seed=0)), 1 + 3 * 5))[1:] for epsilon in (None, 0.2))
    assert max(state.largest for state in plain) > 8
    assert max(state.largest for state in clipped) < 2.5
    assert plain[-1].surrogates[-1][-1][1] > 0.1
    returns = [value for _, value in plain[-1].returns]
    assert returns[-1] < 0.5 * max(returns)
    assert clipped[-1].returns[-1][1] > 1.5 * returns[-1]


def test_the_point_is_shown_by_a_collapse_or_by_a_clip_to_the_end() -> None:
    lesson = ClipLesson()
    assert lesson.knobs(3) == ClipKnobs(16, None, 3)
    rising = replace(BEFORE, returns=[(0.0, 20.0), (1.0, 200.0), (2.0, 150.0)])
    assert not lesson.shown(Told(BEFORE))
    assert not lesson.shown(Told(rising))
    assert lesson.shown(Told(replace(rising, returns=[*rising.returns, (3.0, 99.0)])))
    # So little says nothing: chance alone might halve it.
    assert not lesson.shown(Told(replace(BEFORE, returns=[(0.0, 40.0), (1.0, 15.0)])))
    assert lesson.shown(Told(replace(rising, clip_epsilon=0.2, returns=[(0.0, 20.0), (10.0, 450.0)])))
