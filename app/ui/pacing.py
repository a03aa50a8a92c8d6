"""Turns elapsed time into whole frames, and spaces frames evenly in time."""

from __future__ import annotations

import time
from collections.abc import Callable


class FrameClock:
    """Counts the whole frames that are due; it carries the remainder over, so that nothing drifts.

    It starts half a frame ahead. A window asks at about the rate of the frames themselves, and a little jitter then
    never gives it no frame in one turn and two in the next.
    """

    def __init__(self) -> None:
        self._owed = 0.5

    def frames(self, elapsed: float, rate: float) -> int:
        """How many frames are due after another `elapsed` seconds at `rate` frames a second."""
        self._owed += elapsed * rate
        whole = int(self._owed)
        self._owed -= whole
        return whole


class Pacer:
    """Waits for the next of evenly spaced moments; after a delay it continues from now, without catching up."""

    def __init__(
        self,
        rate: float,
        clock: Callable[[], float] = time.perf_counter,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._period = 1 / rate
        self._clock = clock
        self._sleep = sleep
        self._last = self._next = clock()

    def wait(self) -> float:
        """Sleeps until the next moment; returns the seconds since the last call."""
        now = self._clock()
        if now < self._next:
            self._sleep(self._next - now)
            now = self._clock()
        self._next += self._period
        if self._next <= now:
            self._next = now + self._period
        elapsed, self._last = now - self._last, now
        return elapsed
