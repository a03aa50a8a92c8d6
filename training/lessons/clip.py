"""Importance sampling and the clip: what the surrogate promises after many passes, and what comes of it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import closing

import gymnasium
import numpy as np
import torch
from gymnasium import VectorizeMode
from msgspec.structs import replace
from torch import Tensor

from models.acting import choose
from models.lessons import Clip, ClipKnobs, Point
from models.losses import clipped_surrogate, importance_ratio
from models.returns import normalized
from training import ppo
from training.algorithms import PPO
from training.gradient import Batch
from training.learner import DivergedError, Learner
from training.lessons.cartpole import ENVIRONMENT, beginner
from training.policy_gradient import improve
from training.ppo import PpoSettings
from training.rollout import Rollout

ROLLOUTS = 24
NUM_ENVS, LENGTH = 8, 64
"""Of a rollout. It is short: the less experience, the sooner many passes mistake its luck for a rule."""
LOOKS = 4
"""At the ratios, while a rollout is passed over."""
GAMES = 32
"""Played to measure a policy."""
REACH, BINS = 16.0, 41
"""Of the histogram. The middle bin is around 1."""


def settings(knobs: ClipKnobs) -> PpoSettings:
    """PPO, or the plain surrogate, with as many passes."""
    return PpoSettings(
        clip_epsilon=knobs.clip_epsilon,
        epochs=knobs.passes,
        minibatch_size=128,
        learning_rate=3e-3,
        step_size="constant",
        entropy_coefficient=0.0,
    )


def run(knobs: ClipKnobs) -> Iterator[Clip]:
    """Rollout by rollout, each looked at a few times while it is passed over; the policy is measured after the last."""
    chosen = settings(knobs)
    state = Clip(
        rollouts=ROLLOUTS,
        passes=0,
        clip_epsilon=knobs.clip_epsilon,
        reach=REACH,
        histogram=[0] * BINS,
        largest=1.0,
        surrogates=[],
        returns=[],
    )
    yield state
    with beginner(
        "ppo", learning_rate=chosen.learning_rate, num_envs=NUM_ENVS, rollout_length=LENGTH, seed=knobs.seed
    ) as (learner, collector):
        state = _measured(state, learner, knobs.seed)
        for _ in range(ROLLOUTS):
            rollout, _ = collector.collect()
            batch = batch_of(rollout, chosen)
            state = _passed(replace(state, passes=0, surrogates=[*state.surrogates, []]), 0, learner, batch, chosen)
            yield state
            for passes in shares(chosen.epochs):
                try:
                    improve(learner, rollout, PPO, replace(chosen, epochs=passes), progress=0.0)
                except DivergedError:
                    return  # Without the clip, ratios may leave the numbers that are finite.
                state = _passed(state, passes, learner, batch, chosen)
                if state.passes == chosen.epochs:
                    state = _measured(state, learner, knobs.seed)
                yield state


def shares(passes: int) -> list[int]:
    """The passes from one look to the next: all passes in at most `LOOKS` parts, as equal as they can be."""
    ends = np.linspace(0, passes, min(passes, LOOKS) + 1).round().astype(int)
    return [int(share) for share in np.diff(ends)]


def batch_of(rollout: Rollout, chosen: PpoSettings) -> Batch:
    """What `improve` learns from."""
    targets = ppo.advantages(rollout, chosen)
    return Batch.of(rollout, targets._replace(advantages=normalized(targets.advantages)))


@torch.no_grad()
def ratios(learner: Learner, batch: Batch) -> Tensor:
    """`[B]`: how many times more probable each action is now than when it was taken."""
    log_probs = learner.evaluate(batch.observations).distribution.log_prob(batch.actions)
    return importance_ratio(log_probs, batch.log_probs)


def histogram(ratio: Tensor) -> list[int]:
    """How many ratios are in each bin; those beyond the histogram's reach are in its outermost bins."""
    edges = np.linspace(-math.log(REACH), math.log(REACH), BINS + 1)
    logarithms = ratio.double().log().clamp(edges[0], edges[-1]).numpy()
    return [int(count) for count in np.histogram(logarithms, edges)[0]]


@torch.no_grad()
def mean_return(learner: Learner, seed: int) -> float:
    """The mean return of games played with the policy as it is; the training's own chance is left alone."""
    generator = torch.Generator().manual_seed(seed)
    with closing(gymnasium.make_vec(ENVIRONMENT, GAMES, vectorization_mode=VectorizeMode.VECTOR_ENTRY_POINT)) as games:
        observations, _ = games.reset(seed=seed)
        returns, going = np.zeros(GAMES), np.ones(GAMES, np.bool_)
        while going.any():
            actions = choose(learner.evaluate(torch.from_numpy(observations)).distribution, generator)
            observations, rewards, terminations, truncations, _ = games.step(actions.numpy())
            returns[going] += rewards[going]
            going &= ~(terminations | truncations)
    return float(returns.mean())


def _passed(state: Clip, passes: int, learner: Learner, batch: Batch, chosen: PpoSettings) -> Clip:
    """The state after so many more passes over its newest rollout."""
    ratio = ratios(learner, batch)
    epsilon = math.inf if chosen.clip_epsilon is None else chosen.clip_epsilon
    surrogate = float(clipped_surrogate(ratio, batch.advantages, clip_epsilon=epsilon))
    *before, newest = state.surrogates
    done = state.passes + passes
    point: Point = len(before) + done / chosen.epochs, surrogate
    return replace(
        state,
        passes=done,
        histogram=histogram(ratio),
        largest=float(ratio.max()),
        surrogates=[*before, [*newest, point]],
    )


def _measured(state: Clip, learner: Learner, seed: int) -> Clip:
    rollouts = len(state.surrogates)
    return replace(state, returns=[*state.returns, (float(rollouts), mean_return(learner, seed + rollouts))])
