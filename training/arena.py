"""Memory for steps of rollouts, used again and again."""

from __future__ import annotations

from dataclasses import fields

import torch
from torch import Tensor

from training.rollout import Rollout


class Arena:
    """Room for the most steps that were ever needed at once. What it returned is overwritten when it is used again.

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
        """Those of a rollout's steps, `[S]` int64, in that order."""
        room = self._room(len(steps), like=rollout)
        for field in fields(Rollout):
            torch.index_select(getattr(rollout, field.name), 0, steps, out=getattr(room, field.name))
        return room

    def _room(self, length: int, *, like: Rollout) -> Rollout:
        if self._steps is None or len(self._steps.rewards) < length:
            self._steps = Rollout.empty(length + length // 4, like.observations[0], like.actions[0])
        return Rollout(*(getattr(self._steps, field.name)[:length] for field in fields(Rollout)))
