"""What the window costs, on the display that is there: `python benchmarks/window.py [MODEL] [--seconds N]`.

Prints one JSON object: milliseconds of a frame's work and of a decision, the share of frames that took longer than
the display has time for, and seconds from the command's start to its first picture and to the agent's first move.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from agents.base import Decision, Frame
from agents.policy import PolicyAgent
from agents.pong import FRAMES_PER_SECOND, Court
from app.match import Match
from app.pacing import Pacer
from app.player import load_player
from app.window import WatchWindow, open_display
from models import catalog

FRAME_MS = 16.7
"""What a display of 60 Hz gives a frame."""


class TimedPlayer:
    """A player, and how long each of its decisions took."""

    def __init__(self, player: PolicyAgent) -> None:
        self.greedy = player.greedy
        self.name = player.name
        self.milliseconds: list[float] = []
        self._player = player
        self._decision: Decision | None = None

    def reset(self) -> None:
        """Forgets the past."""
        self._player.reset()

    def observe(self, grey: Frame) -> Decision:
        """Observes, and takes the time of it where that led to a decision."""
        start = time.perf_counter()
        decision = self._player.observe(grey)
        if decision is not self._decision:
            self.milliseconds.append(1000 * (time.perf_counter() - start))
            self._decision = decision
        return decision


def measure_frames(model: str, seconds: float) -> dict[str, float]:
    """Plays in a window for so long."""
    player = TimedPlayer(load_player(model, seed=0))
    match = Match(Court(), name=player.name)
    match.seat(player)
    window = WatchWindow(open_display(), match)
    pacer = Pacer(FRAMES_PER_SECOND)
    frames: list[float] = []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end and not window.closed:
        elapsed = pacer.wait()
        start = time.perf_counter()
        window.frame(elapsed)
        frames.append(1000 * (time.perf_counter() - start))
    return {
        "frames": len(frames),
        "frames_per_second": round(len(frames) / seconds, 2),
        **percentiles("frame", frames),
        "frames_late": float(np.mean(np.array(frames) > FRAME_MS)),
        **percentiles("decision", player.milliseconds),
    }


def percentiles(name: str, milliseconds: Sequence[float]) -> dict[str, float]:
    """The median and the 99th percentile."""
    p50, p99 = np.percentile(milliseconds, [50, 99])
    return {f"{name}_ms_p50": round(float(p50), 2), f"{name}_ms_p99": round(float(p99), 2)}


def measure_start(model: str) -> dict[str, float]:
    """Starts `volley watch` in a process of its own; seconds until its first picture and its first move."""
    start = time.monotonic()
    command = [sys.executable, str(Path(__file__).with_name("window_start.py")), model]
    moments = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return {name: round(moment - start, 3) for name, moment in moments.items()}


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", nargs="?", default=catalog.DEFAULT_MODEL)
    parser.add_argument("--seconds", type=float, default=20.0)
    arguments = parser.parse_args()
    print(json.dumps(measure_start(arguments.model) | measure_frames(arguments.model, arguments.seconds)))


if __name__ == "__main__":
    main()
