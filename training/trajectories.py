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
        self._joined_steps, self._whole_steps, self._waiting_steps = _Memory(), _Memory(), _Memory()
        self._waiting: Rollout | None = None
        self._environment = torch.empty(0, dtype=torch.int64)
        """`[T]`: which environment each waiting step is of."""

    @property
    def steps(self) -> int:
        """Agent steps taken so far, those that wait among them."""
        return self._collector.steps

    def collect(self) -> tuple[Rollout, list[Episode]]:
        """At least so many whole trajectories one after the other, as a rollout `[T, 1]`, and the episodes that ended.

        The rollout's `next_values` are those of the next observation, also where a trajectory ends. It is overwritten
        by the next call.
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
            self._waiting, self._environment = self._waiting_steps.select(steps, order[kept]), environment[kept]
            if enough:
                return self._whole_steps.select(steps, order[whole]), episodes

    def _joined(self, rollout: Rollout) -> tuple[Rollout, Tensor]:
        """What waits and what is new, `[T, 1]`, in the order of time; and `[T]`: which environment each step is of."""
        length, num_envs = rollout.rewards.shape
        environment = torch.arange(num_envs, device=rollout.rewards.device).repeat(length)
        new = Rollout(*(getattr(rollout, field.name).flatten(0, 1).unsqueeze(1) for field in fields(Rollout)))
        if self._waiting is None:
            return new, environment
        return self._joined_steps.join(self._waiting, new), torch.cat((self._environment, environment))


def _in_whole_trajectories(ends: Tensor, environment: Tensor) -> Tensor:
    """`[T]` bool: which steps have an end, at or after them, in their own environment."""
    at = ends.nonzero().squeeze(1)
    if len(at) == 0:
        return torch.zeros_like(ends)
    following = torch.searchsorted(at, torch.arange(len(ends), device=ends.device))
    end = at[following.clamp(max=len(at) - 1)]
    return (following < len(at)) & (environment[end] == environment)


class _Memory:
    """Memory for the most steps that were ever needed at once, used again each time.

    Fresh blocks of hundreds of megabytes, each of another size, would leave holes between them that no later one fits.
    """

    def __init__(self) -> None:
        self._steps: Rollout | None = None

    def join(self, before: Rollout, after: Rollout) -> Rollout:
        """The steps of both, one after the other."""
        room = self._room(len(before.rewards) + len(after.rewards), like=after)
        for field in fields(Rollout):
            torch.cat((getattr(before, field.name), getattr(after, field.name)), out=getattr(room, field.name))
        return room

    def select(self, rollout: Rollout, steps: Tensor) -> Rollout:
        """Those of a rollout's steps, in that order."""
        room = self._room(len(steps), like=rollout)
        for field in fields(Rollout):
            torch.index_select(getattr(rollout, field.name), 0, steps, out=getattr(room, field.name))
        return room

    def _room(self, length: int, *, like: Rollout) -> Rollout:
        """For `length` steps; what was there before is overwritten."""
        if self._steps is None or len(self._steps.rewards) < length:
            self._steps = Rollout.empty(length + length // 4, like.observations[0], like.actions[0])
        return Rollout(*(getattr(self._steps, field.name)[:length] for field in fields(Rollout)))
