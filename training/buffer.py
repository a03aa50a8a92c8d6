"""Memory for steps of rollouts, allocated once and reused."""

from __future__ import annotations

from dataclasses import fields

import torch
from torch import Tensor

from training.rollout import Rollout


class RolloutBuffer:
    """Grows to the most steps ever needed in one call. Each call overwrites what the last one returned.

    Allocating hundreds of megabytes anew, each time of another size, would leave holes that no later block fits.
    """

    def __init__(self) -> None:
        self._steps: Rollout | None = None

    def join(self, before: Rollout, after: Rollout) -> Rollout:
        """The steps of both, one after the other."""
        steps = self._reserve(len(before.rewards) + len(after.rewards), like=after)
        for field in fields(Rollout):
            torch.cat((getattr(before, field.name), getattr(after, field.name)), out=getattr(steps, field.name))
        return steps

    def select(self, rollout: Rollout, indices: Tensor) -> Rollout:
        """The steps of a rollout at these indices, `[S]` int64, in that order."""
        steps = self._reserve(len(indices), like=rollout)
        for field in fields(Rollout):
            torch.index_select(getattr(rollout, field.name), 0, indices, out=getattr(steps, field.name))
        return steps

    def _reserve(self, length: int, *, like: Rollout) -> Rollout:
        if self._steps is None or len(self._steps.rewards) < length:
            self._steps = Rollout.empty(length + length // 4, like.observations[0], like.actions[0])
        return Rollout(*(getattr(self._steps, field.name)[:length] for field in fields(Rollout)))
