"""What lessons on CartPole share: a policy that begins to learn there, and its training."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from contextlib import closing, contextmanager

import numpy as np
import torch

from models.lessons import Point
from training.environments import make, specification
from training.gradient import GradientSettings
from training.learner import Learner
from training.policy_gradient import WARM_UP_STEPS, Method, improve
from training.rollout import Collector, Episode

ENVIRONMENT = "CartPole-v1"
RECENT = 20
"""Games that a curve is the mean of."""


@contextmanager
def beginner(
    algorithm: str, *, learning_rate: float, num_envs: int, rollout_length: int, seed: int
) -> Iterator[tuple[Learner, Collector]]:
    """An untrained policy, and its games, which end with the context."""
    spec = specification(ENVIRONMENT, algorithm=algorithm)
    learner = Learner(spec, learning_rate=learning_rate, seed=seed, device=torch.device("cpu"))
    with closing(make(spec, num_envs)) as environments:
        collector = Collector(environments, learner, rollout_length=rollout_length, seed=seed)
        seen = collector.random_observations(WARM_UP_STEPS, np.random.default_rng(seed))
        learner.update_input_statistics(seen)
        yield learner, collector


class Training:
    """One training of a seed, whose settings do not change as it goes on."""

    def __init__(self, learner: Learner, collector: Collector, method: Method, settings: GradientSettings) -> None:
        self.learner, self.collector = learner, collector
        self.experience = method.experience(collector, settings)
        self._method, self._settings = method, settings
        self._recent: deque[Episode] = deque(maxlen=RECENT)
        self.curve: list[Point] = []
        """Agent steps, and the mean return of the last games."""

    def update(self) -> None:
        """Collects, and learns."""
        rollout, episodes = self.experience.collect()
        self._recent.extend(episodes)
        improve(self.learner, rollout, self._method, self._settings, progress=0.0)
        if self._recent:
            mean = sum(episode.episode_return for episode in self._recent) / len(self._recent)
            self.curve.append((float(self.collector.steps), mean))


@contextmanager
def training(
    algorithm: str, method: Method, settings: GradientSettings, *, num_envs: int, rollout_length: int, seed: int
) -> Iterator[Training]:
    """A training before its first step; its games end with the context."""
    with beginner(
        algorithm, learning_rate=settings.learning_rate, num_envs=num_envs, rollout_length=rollout_length, seed=seed
    ) as (learner, collector):
        yield Training(learner, collector, method, settings)
