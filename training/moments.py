"""Running mean and standard deviation."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from training.team import ALONE, Team


class RunningMoments:
    """Mean and variance of all samples so far, over their first dimension.

    Batches are combined as in Chan, Golub and LeVeque 1979, "Updating Formulae and a Pairwise Algorithm for Computing
    Sample Variances".
    """

    def __init__(self) -> None:
        self.count = 0
        self.mean = torch.zeros(())
        self.variance = torch.ones(())

    def update(self, samples: Tensor, team: Team = ALONE) -> None:
        """Adds everybody's `[B, ...]` samples."""
        for count, mean, variance in team.moments(samples.float()):
            self._combine(count, mean, variance)

    def _combine(self, count: int, mean: Tensor, variance: Tensor) -> None:
        if self.count == 0:
            self.count, self.mean, self.variance = count, mean, variance
            return
        total = self.count + count
        shift = mean - self.mean
        self.variance = (self.variance * self.count + variance * count) / total + (
            shift**2 * self.count * count / total**2
        )
        self.mean = self.mean + shift * count / total
        self.count = total

    @property
    def deviation(self) -> Tensor:
        """The standard deviation, in the shape of one sample."""
        return self.variance.sqrt()

    def state_dict(self) -> dict[str, Any]:
        """For a checkpoint."""
        return {"count": self.count, "mean": self.mean, "variance": self.variance}

    def load_state_dict(self, state: dict[str, Any], device: torch.device) -> None:
        """Restores what `state_dict` returned, on that device; `ValueError` if that is no mean and variance."""
        self.count = int(state["count"])
        self.mean, self.variance = state["mean"].to(device), state["variance"].to(device)
        if self.count < 0 or self.mean.shape != self.variance.shape:
            raise ValueError("the statistics are none")
