"""Actor-critic: the bias and the scatter of advantages for each lambda, and trainings with one of them.

Some situations from a policy's own games are played on many times, half of the times after a push to the left and half
after one to the right. An estimate is the difference between two advantages, one of each: an error that both pushes
have in common, as of a critic that is wrong about the situation as a whole, makes neither of them more probable.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack
from typing import Any

import numpy as np
import torch
from gymnasium.envs.classic_control.cartpole import CartPoleVectorEnv
from msgspec.structs import replace
from numpy.typing import NDArray
from torch import Tensor

from models.lessons import Critic, CriticKnobs, Estimates
from training.a2c import A2cSettings
from training.algorithms import A2C
from training.gradient import advantages_of
from training.learner import Learner
from training.lessons import cartpole
from training.lessons.cartpole import Training
from training.rollout import Collector

LAMBDAS = (0.0, 0.5, 0.9, 0.95, 1.0)
SEEDS, STEPS = 3, 12_000
NUM_ENVS, LENGTH = 16, 16
"""Of a rollout: long enough to see how far lambda looks ahead."""
FIRST_UPDATES = 14
"""Of the policy whose advantages are estimated: its critic has learned something, but is still wrong."""
SITUATIONS, COPIES, ROUNDS = 16, 8, 8
"""In each round, a situation is played on `COPIES` times after each push."""
LONGEST = 300
"""Steps of a game; what comes later is worth nothing, discounted to less than a twentieth."""
PUSHES = np.array((0, 1))
"""To the left, and to the right."""
BATCH = NUM_ENVS


class Branches(CartPoleVectorEnv):
    """Games that go on from the same situations, each `[4]`, with a first push of their own, whatever is chosen.

    They are ordered by situation, by push, and by copy.
    """

    def __init__(self, situations: NDArray[np.float32]) -> None:
        self._starts = np.repeat(situations, len(PUSHES) * COPIES, axis=0)
        self._first: NDArray[np.int64] | None = None
        # A cut-off would be followed by a reset, which a rollout must not have. After an end, nothing counts.
        super().__init__(len(self._starts), max_episode_steps=LONGEST + 1)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.float32], dict[str, Any]]:
        """Goes to the situations."""
        super().reset(seed=seed, options=options)
        self.state = self._starts.T.astype(np.float64)  # type: ignore[assignment] # gymnasium leaves it untyped
        self._first = np.tile(np.repeat(PUSHES, COPIES), len(self._starts) // (len(PUSHES) * COPIES))
        return self._starts, {}

    def step(
        self, action: NDArray[Any]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.bool_], NDArray[np.bool_], dict[str, Any]]:
        """Pushes every cart."""
        first, self._first = self._first, None
        return super().step(action if first is None else first)


def settings(gae_lambda: float) -> A2cSettings:
    """Actor-critic with this lambda."""
    return A2cSettings(learning_rate=2e-3, step_size="constant", entropy_coefficient=0.0, gae_lambda=gae_lambda)


def run(knobs: CriticKnobs) -> Iterator[Critic]:
    """The estimates first, from ever more games, then the trainings, by turns."""
    state = Critic(knobs.gae_lambda, curves=[[] for _ in range(SEEDS)], steps=STEPS, batch=BATCH)
    yield state
    learner, situations = some_situations(knobs.seed)
    found: list[Tensor] = []
    for number in range(ROUNDS):
        found.append(branch_advantages(learner, situations, seed=number))
        estimates, truth = judged(torch.cat(found, dim=-1))
        games = found[0][0].numel() * len(found)
        state = replace(state, estimates=estimates, truth=truth, games=games)
        yield state
    with ExitStack() as open_games:
        trainings = [
            open_games.enter_context(training(knobs.gae_lambda, knobs.seed * SEEDS + number)) for number in range(SEEDS)
        ]
        while (behind := min(trainings, key=lambda one: one.collector.steps)).collector.steps < STEPS:
            behind.update()
            yield replace(state, curves=[one.curve for one in trainings])


def training(gae_lambda: float, seed: int) -> AbstractContextManager[Training]:
    """With this lambda."""
    return cartpole.training("a2c", A2C, settings(gae_lambda), num_envs=NUM_ENVS, rollout_length=LENGTH, seed=seed)


def some_situations(seed: int) -> tuple[Learner, NDArray[np.float32]]:
    """A policy that has learned a little, with its critic; and situations, `[S, 4]`, that it has been in."""
    with training(A2cSettings().gae_lambda, seed) as some:
        for _ in range(FIRST_UPDATES):
            some.update()
        seen = some.collector.rollout.observations.flatten(0, 1)
    return some.learner, seen[:: len(seen) // SITUATIONS].numpy()


def branch_advantages(learner: Learner, situations: NDArray[np.float32], *, seed: int) -> Tensor:
    """`[L, S, 2, COPIES]`: the advantage of each push in each situation, estimated from one game with each lambda."""
    collector = Collector(Branches(situations), learner, rollout_length=LONGEST, seed=seed)
    rollout, _ = collector.collect()
    gamma = A2cSettings().gamma
    first = [advantages_of(rollout, gamma=gamma, gae_lambda=gae_lambda)[0] for gae_lambda in LAMBDAS]
    return torch.stack(first).view(len(LAMBDAS), len(situations), len(PUSHES), COPIES)


def judged(advantages: Tensor) -> tuple[list[Estimates], float]:
    """How good the estimates from advantages `[L, S, 2, M]` are, and what those in the one situation should be.

    That is the situation in which the push matters most. With lambda 1, an estimate is what two full games really
    brought: the mean of these over `M` games is the truth that the others are held against.
    """
    estimates = advantages[:, :, 1] - advantages[:, :, 0]
    means, full = estimates.mean(-1), estimates[-1]
    # The square of a mean error of M games is too large by the variance of that mean.
    excess = (estimates - full).var(-1) / estimates.shape[-1]
    biases = ((means - means[-1]).square() - excess).mean(-1).clamp(min=0).sqrt()
    scatters = (estimates.var(-1).mean(-1) / BATCH).sqrt()
    shown = int(means[-1].abs().argmax())
    found = [
        Estimates(
            gae_lambda=gae_lambda,
            examples=estimates[place, shown].tolist(),
            mean=float(means[place, shown]),
            bias=float(biases[place]),
            scatter=float(scatters[place]),
        )
        for place, gae_lambda in enumerate(LAMBDAS)
    ]
    return found, float(means[-1, shown])
