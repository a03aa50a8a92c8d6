"""What each panel costs: `xvfb-run -a -s "-screen 0 1280x800x24 -noreset" python benchmarks/panels.py`.

Shows a match of a policy against the ROM in a window of 1280 x 800: without panels, with each panel alone, and with
all of them, and then the review of it, each time in a separate process pinned to one core; the X server has another.
Prints a row for each: the
work of a frame in milliseconds, the fraction of frames that took longer than a 60 Hz display allows, and the fraction
of the core used. With `--beside-training`, a training started as the menu does runs on the same core; it shows no
panels, the usual ones, and all.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

import numpy as np
from msgspec.structs import replace
from window import FRAME_MS, Figures, TimedWindow, in_own_process, percentiles

from app import settings
from app.follow.process import TrainingProcess
from app.game.lineup import Lineup, Policy, Rom
from app.game.session import Session
from app.settings import PANELS_WHILE_WATCHING, PanelName
from app.ui.bindings import Command
from models import catalog

SETS: dict[str, tuple[PanelName, ...]] = {
    "none": (),
    **{name.value: (name,) for name in PanelName},
    "usual": tuple(PANELS_WHILE_WATCHING),
    "all": tuple(PanelName),
}
REVIEW = "review"


class ReviewingWindow(TimedWindow):
    """Opens the review when its time is over, and begins to time anew."""

    _reviewing = False

    def frame(self, elapsed: float) -> None:
        """One turn of the loop."""
        super().frame(elapsed)
        if self.closed and not self._reviewing:
            self._reviewing, self.closed, self._begun = True, False, None
            self.milliseconds.clear()
            self._screen.command(Command.REVIEW)


def measure(model: str, shown: str, seconds: float) -> Figures:
    """Plays in a window with these panels, or with none until the review is opened."""
    chosen, _ = settings.load()
    settings.save(replace(chosen, panels_watching=frozenset(SETS.get(shown, ()))))
    match = Session(Lineup(Rom(), Policy(model)), seed=0, sound=True)
    window = (ReviewingWindow if shown == REVIEW else TimedWindow)(match, seconds)
    window.run()
    return {
        **percentiles("frame", window.milliseconds),
        "late": round(float(np.mean(np.array(window.milliseconds) > FRAME_MS)), 4),
        "cpu": round(window.cpu_share, 2),
        "frames_per_second": round(len(window.milliseconds) / window.seconds, 1),
    }


@contextmanager
def training(folder: Path) -> Iterator[None]:
    """Runs a training during the block."""
    process = TrainingProcess(folder / "run")
    process.start("ppo", steps=10_000_000)
    time.sleep(20)  # until it has begun to learn
    try:
        yield
    finally:
        process.close()


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", nargs="?", default=catalog.DEFAULT_MODEL, help="who plays (default: %(default)s)")
    parser.add_argument("--seconds", type=float, default=30.0, help="length of each match (default: 30)")
    parser.add_argument("--beside-training", action="store_true", help="measure while a training runs")
    arguments = parser.parse_args()
    names = ("none", "usual", "all") if arguments.beside_training else (*SETS, REVIEW)
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    with tempfile.TemporaryDirectory() as folder:
        os.environ |= {"VOLLEY_CONFIG": folder, "VOLLEY_DATA": folder, "SDL_AUDIODRIVER": "dummy"}
        with training(Path(folder)) if arguments.beside_training else nullcontext():
            for name in names:
                figures = in_own_process(measure, arguments.model, name, arguments.seconds)
                print(f"{name:<10}", *(f"{figure} {value:<8}" for figure, value in figures.items()), flush=True)


if __name__ == "__main__":
    main()
