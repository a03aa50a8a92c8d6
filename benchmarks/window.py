"""What the window costs: `xvfb-run -a -s "-screen 0 1280x800x24 -noreset" python benchmarks/window.py`.

Runs each measurement in a separate process on the current display, and prints a table after each, or, with `--json`,
one JSON object at the end:

- seconds from the start of the command to the first picture, and to the match's first frame: medians of several;
- for a match between two agents at normal speed: milliseconds of work per frame and per decision, the fraction of
  frames that took longer than a 60 Hz display allows, the fraction of one core used, and the memory after some minutes;
- from the press of a real key, sent through the X server, to the paddle's first move in the picture: milliseconds, and
  frames of the match since the key was read. `rom_frames` is the ROM's share of these, measured on the court alone.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from threading import Thread
from typing import Any, ClassVar

import numpy as np

from agents.base import FULL_SPEED, Control, Frame
from agents.pong import FRAMES_PER_SECOND, Court, Side
from app.game import cast
from app.game.lineup import Lineup, Person, Policy, Rom
from app.game.seats import AgentSeat
from app.game.session import Session
from app.game.snapshot import State
from app.ui.display import open_display
from app.window import Window
from models import catalog

FRAME_MS = 16.7
"""The time for a frame on a 60 Hz display."""
STARTS = 5
PRESSES = 30
MEMORY_AFTER = (1, 20)
"""Minutes."""
UP_KEY, DOWN_KEY = 0xFF52, 0xFF54
"""X keysyms of the arrow keys."""

Figures = dict[str, Any]


class TimedSeat(AgentSeat[Any]):
    """An agent's seat that times each decision."""

    milliseconds: ClassVar[list[float]] = []
    """Of all seats."""

    def observe(self, grey: Frame) -> None:
        """Observes a frame, and keeps the time it took if that led to a decision."""
        before, start = self.decision, time.perf_counter()
        super().observe(grey)
        if self.decision is not before:
            self.milliseconds.append(1000 * (time.perf_counter() - start))


class TimedWindow(Window):
    """A window that times each frame of its match, and closes after `seconds` of it."""

    def __init__(self, match_session: Session, seconds: float) -> None:
        super().__init__(open_display(), match_session)
        self.milliseconds: list[float] = []
        self.memory: dict[int, float] = {}
        """In MiB, by minutes since the match began."""
        self.seconds = 0.0
        self._match = match_session.match
        self._duration = seconds
        self._begun: tuple[float, float] | None = None

    @property
    def cpu_share(self) -> float:
        """The fraction of one core used since the match began."""
        assert self._begun is not None
        return (time.process_time() - self._begun[1]) / self.seconds

    def frame(self, elapsed: float) -> None:
        """One turn of the loop."""
        start = time.perf_counter()
        super().frame(elapsed)
        end = time.perf_counter()
        if self._match.state is State.WAITING:
            return
        if self._begun is None:
            self._begun = end, time.process_time()
            return
        self.milliseconds.append(1000 * (end - start))
        self.seconds = end - self._begun[0]
        for minutes in MEMORY_AFTER:
            if self.seconds >= 60 * minutes and minutes not in self.memory:
                self.memory[minutes] = _memory_mib()
        self.closed = self.closed or self.seconds >= self._duration


class PressedWindow(Window):
    """A window that measures how long after a key press the right paddle moves in the picture."""

    def __init__(self, match_session: Session) -> None:
        super().__init__(open_display(), match_session)
        self.pressed_at = 0.0
        self.answers: list[tuple[int, float]] = []
        """Frames, and milliseconds since the press."""
        self.match = match_session.match
        self._rows = _paddle_rows(self.match.snapshot().picture)
        self._waited: int | None = None

    def frame(self, elapsed: float) -> None:
        """One turn of the loop."""
        before = self.match.frames
        super().frame(elapsed)
        end, rows = time.perf_counter(), _paddle_rows(self.match.snapshot().picture)
        if not self.services.devices.hand(Side.RIGHT, {Side.RIGHT}).move:
            self._waited = 0
        elif self._waited is not None:
            self._waited += self.match.frames - before
            if rows != self._rows:
                self.answers.append((self._waited, 1000 * (end - self.pressed_at)))
                self._waited = None
        self._rows = rows


class Keyboard:
    """Presses and releases keys on the X display, as a person would."""

    def __init__(self) -> None:
        self._x11, self._test = ctypes.CDLL("libX11.so.6"), ctypes.CDLL("libXtst.so.6")
        self._x11.XOpenDisplay.restype = ctypes.c_void_p
        self._display = ctypes.c_void_p(self._x11.XOpenDisplay(None))

    def send(self, key: int, *, down: bool) -> None:
        """Presses or releases a key."""
        code = self._x11.XKeysymToKeycode(self._display, ctypes.c_ulong(key))
        self._test.XTestFakeKeyEvent(self._display, code, down, ctypes.c_ulong(0))
        self._x11.XFlush(self._display)


def measure_start(*words: str) -> Figures:
    """Starts a command of `volley` several times; returns the median seconds until each thing it shows."""
    program = str(Path(__file__).with_name("window_start.py"))
    starts: list[dict[str, float]] = []
    for _ in range(STARTS):
        start = time.monotonic()
        done = subprocess.run([sys.executable, program, *words], check=True, capture_output=True, text=True)
        moments = json.loads(done.stdout)
        starts.append({name: moment - start for name, moment in moments.items()})
    return {name: round(median(start[name] for start in starts), 2) for name in starts[0]}


def measure_match(lineup: Lineup, seconds: float) -> Figures:
    """Plays in a window for `seconds`."""
    cast.AgentSeat = TimedSeat  # type: ignore[attr-defined]
    window = TimedWindow(Session(lineup, seed=0, sound=True), seconds)
    window.run()
    return {
        "frames": len(window.milliseconds),
        "frames_per_second": round(len(window.milliseconds) / window.seconds, 2),
        **percentiles("frame", window.milliseconds),
        "frames_late": round(float(np.mean(np.array(window.milliseconds) > FRAME_MS)), 5),
        **percentiles("decision", TimedSeat.milliseconds),
        "cpu_share": round(window.cpu_share, 3),
        **{f"memory_mib_after_{minutes}_min": round(mib, 1) for minutes, mib in window.memory.items()},
    }


def measure_keys(lineup: Lineup) -> Figures:
    """Presses the up and down keys in turn, in a match with a person on the right."""
    window = PressedWindow(Session(lineup, seed=0, sound=True))
    hand = Thread(target=_press_keys, args=(window,))
    hand.start()
    window.run()
    hand.join()
    frames, milliseconds = zip(*window.answers, strict=True)
    return {
        "presses": len(window.answers),
        **spread("frames", frames),
        **spread("ms", milliseconds),
        **spread("rom_frames", [_court_frames(idle) for idle in (0, 1)]),
    }


def percentiles(name: str, milliseconds: Sequence[float]) -> Figures:
    """The median and the 99th percentile."""
    p50, p99 = np.percentile(milliseconds, [50, 99])
    return {f"{name}_ms_p50": round(float(p50), 2), f"{name}_ms_p99": round(float(p99), 2)}


def spread(name: str, values: Sequence[float]) -> Figures:
    """The median and the range."""
    return {
        f"{name}_median": round(median(values), 1),
        f"{name}_least": round(min(values), 1),
        f"{name}_most": round(max(values), 1),
    }


def _press_keys(window: PressedWindow) -> None:
    """Presses keys out of step with the frames, then closes the window."""
    keyboard, random = Keyboard(), np.random.default_rng(0)
    while window.match.frames < FRAMES_PER_SECOND and not window.closed:
        time.sleep(0.1)
    for number in range(PRESSES):
        time.sleep(random.uniform(0.5, 0.6))  # until the paddle has coasted to rest
        key = (UP_KEY, DOWN_KEY)[number % 2]
        window.pressed_at = time.perf_counter()
        keyboard.send(key, down=True)
        time.sleep(0.15)
        keyboard.send(key, down=False)
    window.closed = True


def _court_frames(idle: int) -> int:
    """How many frames the ROM takes to show a move that begins after `idle` more; it reads knobs every second frame."""
    court = Court()
    for _ in range(120 + idle):
        court.step(Control(), Control())
    at_rest, start = _paddle_rows(court.colour()), court.frames
    while _paddle_rows(court.colour()) == at_rest:
        court.step(Control(FULL_SPEED), Control())
    return court.frames - start


def _paddle_rows(picture: Frame) -> bytes:
    """The rows of a picture that show the right paddle, as bytes to compare."""
    return bytes((picture[34:194, 142] == (92, 186, 92)).all(axis=1))


def _memory_mib() -> float:
    """The process's resident memory, as reported by Linux."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def in_own_process(measure: Callable[..., Figures], *arguments: object) -> Figures:
    """Runs a measurement in a separate process."""
    # Not a Pool, which ends its process with a signal that SDL intercepts.
    with ProcessPoolExecutor(1, get_context("spawn")) as process:
        return process.submit(measure, *arguments).result()


def table(name: str, figures: Figures) -> str:
    """Figures for people to read, below the name of what was measured."""
    return "\n".join([name, *(f"  {figure:<24} {value:>10}" for figure, value in figures.items())])


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", nargs="?", default=catalog.DEFAULT_MODEL, help="plays right (default: %(default)s)")
    parser.add_argument("--versus", metavar="cpu|MODEL", help="plays left (default: the same model)")
    parser.add_argument("--seconds", type=float, default=60.0, help="length of the match (default: 60)")
    parser.add_argument("--minutes", type=float, help="length of the match, instead of --seconds")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    arguments = parser.parse_args()
    policy = Policy(arguments.model)
    left = Rom() if arguments.versus == "cpu" else Policy(arguments.versus or arguments.model)
    seconds = arguments.seconds if arguments.minutes is None else 60 * arguments.minutes
    figures: dict[str, Figures] = {}
    with tempfile.TemporaryDirectory() as folder:
        os.environ |= {"VOLLEY_CONFIG": folder, "VOLLEY_DATA": folder, "SDL_AUDIODRIVER": "dummy"}
        for name, measure, given in (
            ("volley", measure_start, ()),
            (f"volley watch {arguments.model}", measure_start, ("watch", arguments.model)),
            (f"a match of {seconds:g} s", measure_match, (Lineup(left, policy), seconds)),
            ("a key", measure_keys, (Lineup(policy, Person()),)),
        ):
            figures[name] = in_own_process(measure, *given)
            if not arguments.json:
                print(table(name, figures[name]), flush=True)
    if arguments.json:
        print(json.dumps(figures))


if __name__ == "__main__":
    main()
