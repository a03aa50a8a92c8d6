"""Runs a command of `volley` that opens a window, given as the arguments, and prints when its first pictures appear.

`benchmarks/window.py` runs it as a separate program, which imports no more than the command does.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable

from app import window
from app.command.main import main
from app.game.session import Session
from app.game.snapshot import Snapshot
from app.ui.display import Display

moments: dict[str, float] = {}
"""By `time.monotonic`, a clock that all processes share."""


class TimedWindow(window.Window):
    """Records when its first picture and the match's first frame appear, then closes; a menu has only the former."""

    def __init__(
        self,
        display: Display,
        session: Session | None = None,
        *,
        record: Callable[[Snapshot, float], None] | None = None,
    ) -> None:
        super().__init__(display, session, record=record)
        self._session = session

    def frame(self, elapsed: float) -> None:
        """One turn of the loop."""
        super().frame(elapsed)
        moments.setdefault("first_picture_s", time.monotonic())
        if self._session is None:
            self.closed = True
        elif self._session.match.frames > 0:
            moments["first_move_s"] = time.monotonic()
            self.closed = True


window.Window = TimedWindow  # type: ignore[misc]
code = main(sys.argv[1:])
print(json.dumps(moments))
sys.exit(code)
