"""From elapsed time to whole frames."""

from __future__ import annotations


class FrameClock:
    """Counts the whole frames that are due after elapsed time; carries the remainder over, so nothing drifts.

    It starts half a frame ahead. A window asks for frames at about their own rate, and its jitter would otherwise give
    none and two in turn.
    """

    def __init__(self) -> None:
        self._owed = 0.5

    def frames(self, elapsed: float, rate: float) -> int:
        """How many frames have become due after another `elapsed` seconds at `rate` frames per second."""
        self._owed += elapsed * rate
        whole = int(self._owed)
        self._owed -= whole
        return whole
