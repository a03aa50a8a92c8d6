"""The algorithms that there are, and what the policy gradients among them do in the training loop."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Protocol, TypeAlias

from training import a2c, ppo, reinforce
from training.a2c import A2cSettings
from training.gradient import GradientSettings
from training.learner import Learner
from training.ppo import PpoSettings
from training.reinforce import ReinforceSettings
from training.rollout import Collector, Episode, Rollout
from training.search import AnySearchSettings
from training.trajectories import TrajectoryCollector

AlgorithmSettings: TypeAlias = ReinforceSettings | PpoSettings | A2cSettings | AnySearchSettings

_UPDATES: dict[type, Callable[[Learner, Rollout, Any, float], dict[str, float]]] = {
    ReinforceSettings: reinforce.update,
    PpoSettings: ppo.update,
    A2cSettings: a2c.update,
}


class Experience(Protocol):
    """Where an algorithm's rollouts come from."""

    @property
    def steps(self) -> int:
        """Agent steps taken so far."""
        ...

    def collect(self) -> tuple[Rollout, list[Episode]]:
        """The next rollout, and the full episodes that ended meanwhile."""
        ...


def update(learner: Learner, rollout: Rollout, settings: GradientSettings, progress: float) -> dict[str, float]:
    """Improves the learner's policy by one rollout of `experience`; gives diagnostics by name.

    `progress` is the share of training done, from 0 to 1.
    """
    return _UPDATES[type(settings)](learner, rollout, settings, progress)


def experience(collector: Collector, settings: GradientSettings) -> Experience:
    """What the algorithm learns from: whole trajectories where it never guesses how they go on."""
    if isinstance(settings, ReinforceSettings):
        ends = partial(reinforce.trajectory_ends, settings=settings)
        return TrajectoryCollector(collector, ends, least=settings.trajectories_per_update)
    return collector
