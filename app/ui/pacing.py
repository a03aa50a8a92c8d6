"""Time into whole frames, and frames into even time."""

from __future__ import annotations

import time
from collections.abc import Callable


class FrameClock:
    """Counts the whole frames that elapsed time has earned; what is left over is kept, so nothing drifts.

    It starts half a frame ahead: where frames are asked for at their own rate, as a window does, the jitter of a
    single frame then never gives none and two in turn.
    """

    def __init__(self) -> None:
        self._owed = 0.5

    def frames(self, elapsed: float, rate: float) -> int:
        """How many frames have become due after another `elapsed` seconds at `rate` frames a second."""
        self._owed += elapsed * rate
        whole = int(self._owed)
        self._owed -= whole
        return whole


class Pacer:
    """Waits for the next of evenly spaced moments; after a delay it goes on from now and does not hurry."""

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
        """Sleeps until the next moment; gives the seconds since the last call."""
        now = self._clock()
        if now < self._next:
            self._sleep(self._next - now)
            now = self._clock()
        self._next += self._period
        if self._next <= now:
            self._next = now + self._period
        elapsed, self._last = now - self._last, now
        return elapsed
