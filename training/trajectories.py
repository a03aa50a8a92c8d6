"""Complete trajectories, pieced together from the rollouts that cut through them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from typing import Any

import torch
from torch import Tensor

from training.buffer import RolloutBuffer
from training.rollout import Collector, Episode, Rollout
from training.saving import packed, unpacked


class TrajectoryCollector:
    """Gathers the rollouts of `collector` until they hold at least `minimum` complete trajectories.

    Steps of unfinished trajectories are kept for later: dropping them would leave out long trajectories more often
    than short ones. `ends` says after which steps of a rollout, `[T, N]`, a trajectory ends.
    """

    def __init__(self, collector: Collector, ends: Callable[[Rollout], Tensor], *, minimum: int) -> None:
        self._collector = collector
        self._ends = ends
        self._minimum = minimum
        self._joined, self._complete, self._kept = RolloutBuffer(), RolloutBuffer(), RolloutBuffer()
        self._pending: Rollout | None = None
        """`[W, 1]`: steps whose trajectories have not ended."""
        self._environments = torch.empty(0, dtype=torch.int64)
        """`[W]`: which environment each pending step is from."""
        self._trajectories = 0

    @property
    def steps(self) -> int:
        """Agent steps taken so far, including pending ones."""
        return self._collector.steps

    @property
    def metrics(self) -> dict[str, float]:
        """The number of trajectories that `collect` last returned."""
        return {"trajectories": float(self._trajectories)}

    def collect(self) -> tuple[Rollout, list[Episode]]:
        """Complete trajectories, one after the other, and the full episodes that ended meanwhile.

        The trajectories are a rollout `[T, 1]`, which the next call overwrites. Its `next_values` are those of the next
        observation, even after a trajectory ends.
        """
        episodes: list[Episode] = []
        while True:
            rollout, ended = self._collector.collect()
            episodes += ended
            steps, environments = self._join(rollout)
            environments, order = environments.sort(stable=True)  # one by one, each in order of time
            ends = self._ends(steps).squeeze(1)[order]
            complete = _in_complete_trajectories(ends, environments)
            self._trajectories = int(ends[complete].sum())
            enough = self._trajectories >= self._minimum
            kept = ~complete if enough else torch.ones_like(complete)
            self._pending, self._environments = self._kept.select(steps, order[kept]), environments[kept]
            if enough:
                return self._complete.select(steps, order[complete]), episodes

    def state_dict(self) -> dict[str, Any]:
        """The pending steps, and the collector's own state."""
        pending = None
        if self._pending is not None:
            pending = {
                field.name: packed(getattr(self._pending, field.name).cpu().numpy()) for field in fields(Rollout)
            }
        return self._collector.state_dict() | {"pending": pending, "environments": self._environments.clone()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Goes back to there; `ValueError` if the pending steps are not like the collector's."""
        self._collector.load_state_dict(state)
        environments = state["environments"].to(self._collector.rollout.rewards.device)
        if state["pending"] is not None:
            parts = {name: torch.from_numpy(unpacked(part)) for name, part in state["pending"].items()}
            pending = Rollout(**{name: part.to(environments.device) for name, part in parts.items()})
            for field in fields(Rollout):
                part, new = getattr(pending, field.name), getattr(self._collector.rollout, field.name)
                if part.shape != (*environments.shape, 1, *new.shape[2:]) or part.dtype != new.dtype:
                    raise ValueError(f"the pending {field.name} are not like new ones")
            self._pending = pending
        self._environments = environments

    def _join(self, rollout: Rollout) -> tuple[Rollout, Tensor]:
        """The pending steps and the new ones, `[T, 1]`, in order of time; and the environment of each, `[T]`."""
        length, num_envs = rollout.rewards.shape
        environments = torch.arange(num_envs, device=rollout.rewards.device).repeat(length)
        new = Rollout(*(getattr(rollout, field.name).flatten(0, 1).unsqueeze(1) for field in fields(Rollout)))
        if self._pending is None:
            return new, environments
        return self._joined.join(self._pending, new), torch.cat((self._environments, environments))


def _in_complete_trajectories(ends: Tensor, environments: Tensor) -> Tensor:
    """`[T]` bool: whether a trajectory ends at or after each step in its environment."""
    at = ends.nonzero().squeeze(1)
    if len(at) == 0:
        return torch.zeros_like(ends)
    following = torch.searchsorted(at, torch.arange(len(ends), device=ends.device))
    end = at[following.clamp(max=len(at) - 1)]
    return (following < len(at)) & (environments[end] == environments)
