"""A short film of a model at play, for whoever looks at its page: a few points against the game's own opponent."""

from __future__ import annotations

from pathlib import Path

import torch

from agents.policy import PolicyAgent
from agents.pong import FRAMES_PER_SECOND, Ball, Court, Side
from app.game import headless
from app.game.match import Match, Snapshot
from app.game.seats import AgentSeat, RomSeat
from app.play.film import filming

SECONDS = 20.0
"""It ends with the first point after these."""
MOST_SECONDS = 60.0
"""Two that never miss would go on for ever."""
AFTERWARDS = 0.75
"""Seconds that the new score is seen."""
SEED = 0
MIDDLE = range(50, 110)
"""Columns of the court, where the ball is well in play."""


def make(directory: Path, name: str, film: Path, still: Path) -> None:
    """Films the model in `directory`, called `name`, on the right side, and keeps one picture of it.

    `UserError` where the model cannot be loaded, or the film cannot be written.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # One frame at a time: to hand it out to threads costs more than it saves.
    try:
        court, rom = Court(seed=SEED), RomSeat()
        match = Match(court, names=(rom.name, name), games=1)
        agent = PolicyAgent.load(directory, name=name, seed=2 * SEED + Side.RIGHT)
        match.seat(rom, AgentSeat(agent, Side.RIGHT))
        with filming(film) as recording:

            def record(now: Snapshot, elapsed: float) -> None:
                recording.add(now, elapsed)
                if not still.exists() and _is_worth_a_picture(now, court.ball):
                    recording.save_picture(still)

            headless.run(match, record, lambda *_: None, _Ending(match).reached)
            if not still.exists():
                recording.save_picture(still)
    finally:
        torch.set_num_threads(threads)


def _is_worth_a_picture(now: Snapshot, ball: Ball | None) -> bool:
    """Whether the ball comes towards the network in mid-play, late enough for the panels to show a past."""
    return now.seconds > SECONDS / 2 and ball is not None and ball.right > 0 and ball.column in MIDDLE


class _Ending:
    """Where a film ends: a little after the first point that is made once it is long enough."""

    def __init__(self, match: Match) -> None:
        self._match = match
        self._points = 0
        self._ends_at = round(MOST_SECONDS * FRAMES_PER_SECOND)

    def reached(self) -> bool:
        """Whether it is there; asked before each frame."""
        frames, points = self._match.frames, sum(self._match.score)
        if points > self._points and frames >= SECONDS * FRAMES_PER_SECOND:
            self._ends_at = min(self._ends_at, frames + round(AFTERWARDS * FRAMES_PER_SECOND))
        self._points = points
        return frames >= self._ends_at
