"""Plays for hours without a window: `python benchmarks/soak.py [--games N] [--write]`.

Agents of all kinds play full games, which are recorded. Every replay is saved, loaded and played again, and must end
in the same state. At every 100th frame of a game everything (the court, both players with their memory and randomness)
is saved, disturbed by half a second of play, restored, and compared to the byte. After each game the memory of the
process, its open files and its threads are counted. Prints the slope of memory in MB per hour after a warm-up;
`--write` draws docs/soak.png and puts the figures in benchmarks/results/soak.json.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import tempfile
import threading
import time
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from rich.console import Console
from rich.progress import track

from agents.agent import Remembered
from app.game import replay
from app.game.levels import LEVELS
from app.game.lineup import Ladder, Lineup, Policy, Rom, Script, Tracker
from app.game.match import Match
from app.game.session import Session
from models.drawing import plain_matplotlib
from training.memory import return_freed_memory

LINEUPS = (
    Lineup(Script("casual"), Policy("champion")),
    Lineup(LEVELS[0].player, LEVELS[2].player),
    Lineup(Rom(), Policy("ppo")),
    Lineup(Ladder(), Script("casual")),
    Lineup(Policy("champion", greedy=True), Tracker(230)),
    Lineup(Script("edger"), Policy("reinforce", temperature=2.0)),
)
ENDLESS = Lineup(Policy("champion", greedy=True), Policy("champion", greedy=True))
"""Nobody misses. This game comes first, because one that is longer than all before it leaves gaps in the memory."""
HEAVY_EVERY, DISTURBED_FRAMES = 100, 30
LONGEST_GAME = 40_000
"""Frames: two programs that never miss would play for ever."""
WARM_UP = 0.15
"""Of the games."""
ROOT = Path(__file__).parent
RESULTS, PICTURE = ROOT / "results" / "soak.json", ROOT.parent / "docs" / "soak.png"


class Sample(NamedTuple):
    """The process after a game."""

    hours: float
    memory: float
    """MB."""
    files: int
    threads: int


def main() -> None:
    """Plays, counts and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--games", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--write", action="store_true", help="write the figures and the picture")
    arguments = parser.parse_args()
    begun, samples, frames, moments = time.monotonic(), list[Sample](), 0, 0
    with tempfile.TemporaryDirectory() as folder:
        play(Session(ENDLESS, seed=arguments.seed, games=1))
        for number in track(range(arguments.games), "games", console=Console(stderr=True)):
            session = Session(LINEUPS[number % len(LINEUPS)], seed=arguments.seed + number, games=1)
            moments += play(session)
            frames += session.match.court.frames
            play_again(session, Path(folder) / "game.volley")
            del session  # Only what outlives a game counts.
            samples.append(sample(time.monotonic() - begun))
    late = samples[round(WARM_UP * len(samples)) :]
    slope = float(np.polyfit([one.hours for one in late], [one.memory for one in late], 1)[0]) if len(late) > 1 else 0.0
    figures = {
        "games": len(samples),
        "frames": frames,
        "hours": round(samples[-1].hours, 2),
        "moments restored to the byte": moments,
        "replays that ended the same": len(samples),
        "memory slope, MB per hour": round(slope, 2),
        "memory, MB": [round(late[0].memory, 1), round(late[-1].memory, 1)],
        "open files": [late[0].files, late[-1].files],
        "threads": [late[0].threads, late[-1].threads],
    }
    print(json.dumps(figures, indent=1))
    if arguments.write:
        RESULTS.write_text(json.dumps(figures, indent=1) + "\n")
        draw(samples)


def play(session: Session) -> int:
    """Plays a game in heavy mode; returns how many moments were restored."""
    session.begin_now()
    match, moments = session.match, 0
    while not match.finished and match.court.frames < LONGEST_GAME:
        match.advance()
        if match.court.frames % HEAVY_EVERY == 0 and not match.game_over:
            check_restoring(match)
            moments += 1
    return moments


def check_restoring(match: Match) -> None:
    """Saves everything, plays on, goes back, and compares to the byte."""
    court, remembered = match.court.save(), [Remembered.now(seat) for seat in match.seats]
    before = moment(match)
    for _ in range(DISTURBED_FRAMES):
        left, right = (seat.control(match.court) for seat in match.seats)
        assert right is not None, "the ROM plays on the left only"
        match.court.step(right, left)
        for seat in match.seats:
            seat.observe(match.court.grey())
    assert moment(match) != before, "nothing was disturbed"
    match.court.restore(court)
    for one in remembered:
        one.restore()
    assert moment(match) == before, f"frame {match.court.frames} of {match.names} is not as it was"


def moment(match: Match) -> tuple[bytes, bytes, list[Any]]:
    """All that the rest of a game depends on: the emulator, its picture, and the memory of both players."""
    court = match.court
    return court.save().emulator.serialize(), court.grey().tobytes(), [seat.memory() for seat in match.seats]


def play_again(session: Session, file: Path) -> None:
    """Saves a game, loads it, and plays it to its end."""
    kept = session.replay()
    assert kept is not None, "it was played"
    replay.save(kept, file)
    again = Session(session.lineup, seed=0, replay=replay.load(file), games=1)
    again.begin_now()
    while again.match.court.frames < session.match.court.frames:
        again.match.advance()
    assert again.match.court.fingerprint() == session.match.court.fingerprint(), "the replay ends elsewhere"


def sample(seconds: float) -> Sample:
    """The process now.

    The allocator keeps what a long game has freed, in pieces: unless it is told to return that, the next games fill the
    gaps or not as it happens, and a leak of a few megabytes would not be seen among jumps of a hundred.
    """
    gc.collect()
    return_freed_memory()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    files = len(list(Path("/proc/self/fd").iterdir()))
    return Sample(seconds / 3600, pages * os.sysconf("SC_PAGE_SIZE") / 1e6, files, threading.active_count())


def draw(samples: list[Sample]) -> None:
    """Saves a picture of memory over the hours."""
    with plain_matplotlib():
        from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415 - within plain settings
        from matplotlib.figure import Figure  # noqa: PLC0415

        figure = Figure(figsize=(8, 3.2), facecolor="#12100E", layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.add_subplot(facecolor="#12100E")
        axes.plot([one.hours for one in samples], [one.memory for one in samples], color="#F2C14E", linewidth=1.6)
        axes.set_ylim(0, 1.3 * max(one.memory for one in samples))
        axes.set_xlabel("hours", color="#ECECEC")
        axes.set_ylabel("memory, MB", color="#ECECEC")
        axes.tick_params(colors="#A8A29E")
        for spine in axes.spines.values():
            spine.set_color("#3A342E")
        figure.savefig(PICTURE, dpi=110)


if __name__ == "__main__":
    main()
