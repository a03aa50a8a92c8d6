"""How the lessons run, each in a real window.

    xvfb-run -a -s "-screen 0 1280x800x24 -noreset" python benchmarks/lessons.py [NAME...] [--write]

Opens each lesson in a real window, as a person who has just opened the page before, and changes what shows its point.
Prints, for each, the seconds from its opening to its first picture and to its point, and the 99th percentile of a
frame's work while it runs. `--write` saves benchmarks/results/lessons.json, and pictures in docs/lessons/.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pygame

from agents.pong import FRAMES_PER_SECOND
from app.learn.lesson import Lesson
from app.learn.screen import LearnScreen
from app.screen import OpenLessons
from app.ui.bindings import Command
from app.ui.display import open_display
from app.ui.pacing import Pacer
from app.window import Window

PATIENCE = 60.0
"""Seconds for a lesson to show its point."""
AFTER = 2.0
"""Seconds that it runs on, before its picture is taken."""
KEYS: dict[str, tuple[Command, ...]] = {
    "policy": (Command.CONFIRM, *[Command.LEFT] * 5),
    "noise": (Command.CONFIRM, Command.RIGHT),
    "credit": (Command.CONFIRM, Command.DOWN, Command.RIGHT),
}
"""What one presses to see the point, in lessons that do not show it by themselves."""
ROOT = Path(__file__).parent
RESULTS, PICTURES = ROOT / "results" / "lessons.json", ROOT.parent / "docs" / "lessons"


class Bench:
    """A window with the page of lessons."""

    def __init__(self) -> None:
        self.window = Window(open_display())
        self._pacer = Pacer(FRAMES_PER_SECOND)
        self._milliseconds: list[float] = []
        self.window.frame(0.0)
        self.window._act(OpenLessons())  # noqa: SLF001 - as the menu would ask
        screen = self.window._screen  # noqa: SLF001
        assert isinstance(screen, LearnScreen)
        self.page = screen._view.page  # noqa: SLF001

    def frame(self) -> None:
        """One turn of the loop, in its time."""
        elapsed, started = self._pacer.wait(), time.perf_counter()
        self.window.frame(elapsed)
        self._milliseconds.append(1000 * (time.perf_counter() - started))

    def measure(self, lesson: Lesson, picture: Path | None) -> dict[str, Any]:
        """Opens a lesson, and reports."""
        page = self.page
        page.focus.go(lesson)
        page.command(Command.LEFT)  # which settles the page on it
        self._milliseconds.clear()
        started = time.monotonic()
        first = self._seconds_until(lambda: page.begun and page.tutor.speaks, started)
        for key in KEYS.get(lesson.name, ()):
            page.command(key)
            for _ in range(10):
                self.frame()
        point = self._seconds_until(lambda: lesson.name in page.done, started)
        ends = time.monotonic() + AFTER
        while time.monotonic() < ends:
            self.frame()
        if picture is not None:
            pygame.image.save(self.window.services.display.surface, picture)
        p99 = round(float(np.percentile(self._milliseconds, 99)), 1)
        return {"seconds to the first picture": first, "seconds to the point": point, "frame p99 in ms": p99}

    def _seconds_until(self, ready: Callable[[], bool], started: float) -> float | None:
        while not ready():
            if time.monotonic() - started > PATIENCE:
                return None
            self.frame()
        return round(time.monotonic() - started, 1)


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help="of lessons (default: all)")
    parser.add_argument("--write", action="store_true", help="save figures and pictures")
    arguments = parser.parse_args()
    figures: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as home:
        os.environ |= {"VOLLEY_CONFIG": home, "VOLLEY_DATA": home, "SDL_AUDIODRIVER": "dummy"}
        bench = Bench()
        with bench.window.services:
            while not bench.page.tutor.speaks:  # The process starts while one reads the page's first lesson.
                bench.frame()
            for lesson in bench.page.lessons:
                if lesson.knobs(0) is None or (arguments.names and lesson.name not in arguments.names):
                    continue
                picture = PICTURES / f"{lesson.name}.png" if arguments.write else None
                figures[lesson.name] = bench.measure(lesson, picture)
                print(lesson.name, figures[lesson.name], flush=True)
    if arguments.write:
        RESULTS.write_text(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    main()
