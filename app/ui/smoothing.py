"""Numbers that move smoothly to a new value, at the same pace whatever the frame rate."""

from __future__ import annotations

import math

SETTLE_SECONDS = 0.25
"""The usual time in which 95% of a change is made."""


def gap_left(elapsed: float, settle_seconds: float = SETTLE_SECONDS) -> float:
    """What share of a gap is left after `elapsed` seconds, if 95% of it closes in `settle_seconds`."""
    return math.exp(-3 * elapsed / settle_seconds)


class Smoothed:
    """A number that follows another: it closes the same share of the gap in the same time."""

    def __init__(self, value: float = 0.0) -> None:
        self.value = value

    def towards(self, target: float, elapsed: float) -> float:
        """Moves towards the target for `elapsed` seconds; returns the new value."""
        self.value = target + (self.value - target) * gap_left(elapsed)
        return self.value
