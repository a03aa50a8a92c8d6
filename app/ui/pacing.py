"""Frames at an even pace."""

from __future__ import annotations

import time
from collections.abc import Callable


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
