"""How a policy chooses its actions."""

from __future__ import annotations

import torch
from torch import Tensor

from models.distributions import Distribution


def choose(distribution: Distribution, generator: torch.Generator, *, greedy: bool = False) -> Tensor:
    """Returns one action per observation, `[B]` or `[B, D]`: sampled with `generator`, or the mode if `greedy`.

    To play at a temperature, pass `Categorical.at_temperature(...)`.
    """
    return distribution.mode if greedy else distribution.sample(generator)
