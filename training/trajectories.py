"""Whole trajectories out of rollouts that cut through them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields

import torch
from torch import Tensor

from training.rollout import Collector, Episode, Rollout


class TrajectoryCollector:
    """Gathers the rollouts of `collector` until they hold enough trajectories that have ended.

    Steps of a trajectory that goes on wait for its end: to drop them would leave out the long ones more often than the
    short. `ends` tells after which steps of a rollout, `[T, N]`, a trajectory ends.
    """

    def __init__(self, collector: Collector, ends: Callable[[Rollout], Tensor], *, least: int) -> None:
        self._collector = collector
        self._ends = ends
        self._least = least
        self._waiting: Rollout | None = None
        self._environment = torch.empty(0, dtype=torch.int64)
        """`[T]`: which environment each waiting step is of."""

    @property
    def steps(self) -> int:
        """Agent steps taken so far, those that wait among them."""
        return self._collector.steps

    def collect(self) -> tuple[Rollout, list[Episode]]:
        """At least so many whole trajectories one after the other, as a rollout `[T, 1]`, and the episodes that ended.

        The rollout's `next_values` are those of the next observation, also where a trajectory ends.
        """
        episodes: list[Episode] = []
        while True:
            rollout, ended = self._collector.collect()
            episodes += ended
            steps, environment = self._joined(rollout)
            environment, order = environment.sort(stable=True)  # One after the other, each in the order of time.
            ends = self._ends(steps).squeeze(1)[order]
            whole = _in_whole_trajectories(ends, environment)
            enough = int(ends[whole].sum()) >= self._least
            kept = ~whole if enough else torch.ones_like(whole)
            self._waiting, self._environment = _select(steps, order[kept]), environment[kept]
            if enough:
                return _select(steps, order[whole]), episodes

    def _joined(self, rollout: Rollout) -> tuple[Rollout, Tensor]:
        """What waits and what is new, `[T, 1]`, in the order of time; and `[T]`: which environment each step is of."""
        length, num_envs = rollout.rewards.shape
        environment = torch.arange(num_envs, device=rollout.rewards.device).repeat(length)
        new = Rollout(*(getattr(rollout, field.name).flatten(0, 1).unsqueeze(1) for field in fields(Rollout)))
        if self._waiting is None:
            return new, environment
        columns = (
            torch.cat((getattr(self._waiting, field.name), getattr(new, field.name))) for field in fields(Rollout)
        )
        return Rollout(*columns), torch.cat((self._environment, environment))


def _in_whole_trajectories(ends: Tensor, environment: Tensor) -> Tensor:
    """`[T]` bool: which steps have an end, at or after them, in their own environment."""
    at = ends.nonzero().squeeze(1)
    if len(at) == 0:
        return torch.zeros_like(ends)
    following = torch.searchsorted(at, torch.arange(len(ends), device=ends.device))
    end = at[following.clamp(max=len(at) - 1)]
    return (following < len(at)) & (environment[end] == environment)


def _select(rollout: Rollout, steps: Tensor) -> Rollout:
    return Rollout(*(getattr(rollout, field.name)[steps] for field in fields(Rollout)))
