"""The way of a reward to a gradient: collect, advantages, update, and what surrounds these in every policy gradient."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
import torch
from gymnasium.vector import VectorEnv

from models.device import pick_device
from models.losses import approximate_kl
from training.gradient import Averages, Batch, GradientSettings, Targets, explained_variance, next_learning_rate
from training.learner import Learner
from training.rollout import Collector, Episode, Rollout
from training.run import Progress
from training.settings import TrainingSettings
from training.trainee import Step

WARM_UP_STEPS = 32
"""Random steps per environment before learning begins, for the first statistics of the inputs."""
INPUT_STATISTICS_UPDATES = 20
"""After these the inputs' statistics stay: a moving normalisation would move the policy with it."""
EVALUATION_GAMES = 20
RECENT_GAMES = 100
"""Over which returns and lengths are averaged."""


class Experience(Protocol):
    """Where rollouts come from."""

    @property
    def steps(self) -> int:
        """Agent steps taken so far."""
        ...

    @property
    def metrics(self) -> Mapping[str, float]:
        """Diagnostics of the newest rollout, by name."""
        ...

    def collect(self) -> tuple[Rollout, list[Episode]]:
        """The next rollout, and the full episodes that ended meanwhile."""
        ...


def rollouts(collector: Collector, _settings: GradientSettings) -> Experience:
    """The experience of algorithms whose critic completes what a rollout cuts off: each rollout as it is."""
    return collector


class Method(NamedTuple):
    """What tells one policy gradient from another."""

    advantages: Callable[[Rollout, Any], Targets]
    """What a rollout teaches, under the algorithm's settings."""
    update: Callable[[Learner, Batch, Any, float], Averages]
    """One pass over a batch, under the algorithm's settings and with an entropy coefficient."""
    experience: Callable[[Collector, Any], Experience] = rollouts
    """Where its rollouts come from."""


def improve(
    learner: Learner, rollout: Rollout, method: Method, settings: GradientSettings, progress: float
) -> dict[str, float]:
    """Improves the policy by one rollout; returns diagnostics by name.

    `progress` is the share of training done, from 0 to 1.
    """
    targets = method.advantages(rollout, settings)
    if settings.has_critic:
        learner.learn_return_statistics(targets.returns)
    batch = Batch.of(rollout, targets)
    entropy_coefficient = settings.entropy_coefficient * (1 - progress)
    metrics: dict[str, float] = {}
    for _ in range(settings.epochs):
        averages = method.update(learner, batch, settings, entropy_coefficient)
        metrics = averages.means()
        if settings.epochs == len(averages) == 1:  # what the only step changed shows only after it
            metrics["kl"] = divergence(learner, batch)
        learner.learning_rate = next_learning_rate(learner.learning_rate, metrics["kl"], settings, progress)
    return metrics | {
        "explained_variance": explained_variance(rollout.values, targets.returns),
        "learning_rate": learner.learning_rate,
    }


@torch.no_grad()
def divergence(learner: Learner, batch: Batch) -> float:
    """The KL divergence, in nats, of the policy as it is now from the one that took the batch's actions."""
    log_probs = learner.evaluate(batch.observations).distribution.log_prob(batch.actions)
    return float(approximate_kl(log_probs, batch.log_probs))


class PolicyGradient:
    """A policy that learns by its gradient: a trainee."""

    greedy = False

    def __init__(self, method: Method, settings: TrainingSettings) -> None:
        assert isinstance(settings.algorithm, GradientSettings)
        self._method = method
        self._settings = settings
        self._algorithm = settings.algorithm
        self._recent: deque[Episode] = deque(maxlen=RECENT_GAMES)
        self.num_envs = settings.num_envs
        self.evaluation_games = EVALUATION_GAMES
        self.device = pick_device(settings.device)
        self.learner = Learner(
            settings.model,
            learning_rate=self._algorithm.learning_rate,
            first_log_deviation=self._algorithm.first_log_deviation,
            seed=settings.seed,
            device=self.device,
        )
        self.network = self.learner.network

    def prepare(self, environments: VectorEnv, progress: Progress) -> None:
        """Plays at random for a while; a new run takes its first input statistics from that."""
        seed = self._settings.seed + progress.updates
        collector = Collector(environments, self.learner, rollout_length=self._settings.rollout_length, seed=seed)
        observations = collector.random_observations(WARM_UP_STEPS, np.random.default_rng(seed))
        if progress.updates == 0:
            self.learner.learn_input_statistics(observations)
        self._experience = self._method.experience(collector, self._algorithm)

    def step(self, progress: Progress) -> Step:
        """Collects a rollout and learns from it."""
        steps = self._experience.steps
        rollout, episodes = self._experience.collect()
        share = progress.steps / self._settings.steps
        metrics = improve(self.learner, rollout, self._method, self._algorithm, share)
        if progress.updates < INPUT_STATISTICS_UPDATES:
            self.learner.learn_input_statistics(rollout.observations[::8].flatten(0, 1))
        self._recent.extend(episodes)
        metrics |= self._experience.metrics
        return Step(self._experience.steps - steps, len(episodes), metrics | summary(self._recent))

    def evaluated(self, mean_return: float, progress: Progress) -> dict[str, float]:
        """Nothing: a gradient does not depend on it."""
        del mean_return, progress
        return {}

    def state_dict(self) -> dict[str, Any]:
        """All that must be kept to go on. Games cannot be saved in mid-play: a continued run begins new ones."""
        return self.learner.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """What `state_dict` gave."""
        self.learner.load_state_dict(state)


def summary(episodes: Sequence[Episode]) -> dict[str, float]:
    """Mean return and length of full games; NaN where there are none."""
    if not episodes:
        return {"mean_return": math.nan, "mean_length": math.nan}
    returns, lengths = zip(*episodes, strict=True)
    return {"mean_return": float(np.mean(returns)), "mean_length": float(np.mean(lengths))}
