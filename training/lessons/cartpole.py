"""What lessons on CartPole share: a policy that begins to learn there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager

import numpy as np
import torch

from training.environments import make, specification
from training.learner import Learner
from training.policy_gradient import WARM_UP_STEPS
from training.rollout import Collector

ENVIRONMENT = "CartPole-v1"


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
