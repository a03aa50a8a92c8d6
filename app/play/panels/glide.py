"""Smoothing for the eye: numbers that move towards their target, alike at any frame rate."""

from __future__ import annotations

import math

SETTLE = 0.25
"""Seconds after which 95% of a jump has been made."""
_TIME_CONSTANT = SETTLE / 3


class Glide:
    """A number that follows another: it closes the same share of the gap in the same time."""

    def __init__(self, value: float = 0.0) -> None:
        self.value = value

    def towards(self, target: float, elapsed: float) -> float:
        """Moves on for `elapsed` seconds; gives where it is now."""
        self.value = target + (self.value - target) * math.exp(-elapsed / _TIME_CONSTANT)
        return self.value
