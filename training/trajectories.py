"""Whole trajectories out of rollouts that cut through them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields

import torch
from torch import Tensor

from training.arena import Arena
from training.rollout import Collector, Episode, Rollout


class TrajectoryCollector:
    """Gathers the rollouts of `collector` until they hold enough trajectories that have ended.

    Steps of a trajectory that goes on wait for its end: to drop them would leave out long trajectories more often than
    short ones. `ends` tells after which steps of a rollout, `[T, N]`, a trajectory ends.
    """

    def __init__(self, collector: Collector, ends: Callable[[Rollout], Tensor], *, least: int) -> None:
        self._collector = collector
        self._ends = ends
        self._least = least
        self._joined, self._whole, self._kept = Arena(), Arena(), Arena()
        self._waiting: Rollout | None = None
        """`[W, 1]`: steps whose trajectories had not ended."""
        self._environments = torch.empty(0, dtype=torch.int64)
        """`[W]`: which environment each waiting step is from."""
        self._trajectories = 0

    @property
    def steps(self) -> int:
        """Agent steps taken so far, including those that wait."""
        return self._collector.steps

    @property
    def metrics(self) -> dict[str, float]:
        """How many trajectories `collect` returned last."""
        return {"trajectories": float(self._trajectories)}

    def collect(self) -> tuple[Rollout, list[Episode]]:
        """Whole trajectories, at least as many as asked for, one after the other, and the episodes that ended.

        The trajectories are a rollout `[T, 1]`, which is overwritten by the next call. Its `next_values` are those of
        the next observation, also where a trajectory ends.
        """
        episodes: list[Episode] = []
        while True:
            rollout, ended = self._collector.collect()
            episodes += ended
            steps, environments = self._join(rollout)
            environments, order = environments.sort(stable=True)  # one after the other, each in the order of time
            ends = self._ends(steps).squeeze(1)[order]
            whole = _in_whole_trajectories(ends, environments)
            self._trajectories = int(ends[whole].sum())
            enough = self._trajectories >= self._least
            kept = ~whole if enough else torch.ones_like(whole)
            self._waiting, self._environments = self._kept.select(steps, order[kept]), environments[kept]
            if enough:
                return self._whole.select(steps, order[whole]), episodes

    def _join(self, rollout: Rollout) -> tuple[Rollout, Tensor]:
        """The steps that wait and the new ones, `[T, 1]`, in the order of time; and each one's environment, `[T]`."""
        length, num_envs = rollout.rewards.shape
        environments = torch.arange(num_envs, device=rollout.rewards.device).repeat(length)
        new = Rollout(*(getattr(rollout, field.name).flatten(0, 1).unsqueeze(1) for field in fields(Rollout)))
        if self._waiting is None:
            return new, environments
        return self._joined.join(self._waiting, new), torch.cat((self._environments, environments))


def _in_whole_trajectories(ends: Tensor, environments: Tensor) -> Tensor:
    """`[T]` bool: which steps have an end, at or after them, in their own environment."""
    at = ends.nonzero().squeeze(1)
    if len(at) == 0:
        return torch.zeros_like(ends)
    following = torch.searchsorted(at, torch.arange(len(ends), device=ends.device))
    end = at[following.clamp(max=len(at) - 1)]
    return (following < len(at)) & (environments[end] == environments)
