"""How a policy chooses its actions."""

from __future__ import annotations

import torch
from torch import Tensor

from models.distributions import Distribution

SEARCHES = frozenset(
    {
        "hill-climbing",
        "steepest-ascent",
        "simulated-annealing",
        "adaptive-noise",
        "cross-entropy",
        "evolution-strategies",
    }
)
"""Algorithms that search for a policy that always takes its likeliest action: sampled, it is another policy."""


def meant_greedy(algorithm: str) -> bool:
    """Whether a policy of that algorithm is meant to take its likeliest action, or to sample."""
    return algorithm in SEARCHES


def choose(distribution: Distribution, generator: torch.Generator, *, greedy: bool = False) -> Tensor:
    """Returns one action per observation, `[B]` or `[B, D]`: sampled with `generator`, or the mode if `greedy`.

    To play at a temperature, pass `Categorical.at_temperature(...)`.
    """
    return distribution.mode if greedy else distribution.sample(generator)
