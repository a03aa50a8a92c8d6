"""Runs `volley watch MODEL` until the agent's first move, and prints when what was seen.

A program of its own, which imports no more than the command does: `benchmarks/window.py` starts it.
"""

from __future__ import annotations

import json
import sys
import time

from app import cli, window

moments: dict[str, float] = {}
"""On the clock that all processes share."""


class TimedWindow(window.WatchWindow):
    """Notes its first picture and the agent's first move, and closes."""

    def frame(self, elapsed: float) -> None:
        """One turn of the loop."""
        super().frame(elapsed)
        moments.setdefault("first_picture_s", time.monotonic())
        if self.match.frames > 0:
            moments["first_move_s"] = time.monotonic()
            self.closed = True


window.WatchWindow = TimedWindow  # type: ignore[misc]
cli.main(["watch", *sys.argv[1:]])
print(json.dumps(moments))
