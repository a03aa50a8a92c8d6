"""The trailer on a model's page on the Hub: a film of a few points against the game's own opponent, and a still."""

from __future__ import annotations

from pathlib import Path

import torch

from agents.policy import PolicyAgent
from agents.pong import FRAMES_PER_SECOND, Ball, Court, Side
from app.game import headless
from app.game.match import Match
from app.game.seats import AgentSeat, RomSeat
from app.game.snapshot import Snapshot
from app.play.film import filming
from models.files import exists

MIN_SECONDS = 20.0
"""The film ends with the first point after this time."""
MAX_SECONDS = 60.0
"""Two players that never miss would play one point for ever."""
SCORE_SECONDS = 0.75
"""How long the new score is shown at the end."""
SEED = 0
MIDFIELD = range(50, 110)
"""Columns of the court, far from both paddles."""


def make(directory: Path, name: str, film: Path, still: Path) -> None:
    """Films the model in `directory` under the name `name`, on the right side; writes the film and one picture of it.

    `UserError` if the model cannot be loaded or a file cannot be written.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # Sharing one frame's work among threads costs more than it saves.
    try:
        court, rom = Court(seed=SEED), RomSeat()
        match = Match(court, names=(rom.name, name), games=1)
        agent = PolicyAgent.load(directory, name=name, seed=2 * SEED + Side.RIGHT)
        match.seat(rom, AgentSeat(agent, Side.RIGHT))
        with filming(film) as recording:

            def record(now: Snapshot, elapsed: float) -> None:
                recording.add(now, elapsed)
                if not exists(still) and _is_good_still(now, court.ball):
                    recording.save_picture(still)

            headless.run(match, record, lambda *_: None, _Ending(match).reached)
            if not exists(still):
                recording.save_picture(still)
    finally:
        torch.set_num_threads(threads)


def _is_good_still(now: Snapshot, ball: Ball | None) -> bool:
    """Whether the ball comes towards the network in midfield, late enough for the panels to show some history."""
    return now.seconds > MIN_SECONDS / 2 and ball is not None and ball.right > 0 and ball.column in MIDFIELD


class _Ending:
    """Decides when the film ends: soon after the first point scored once it is long enough."""

    def __init__(self, match: Match) -> None:
        self._match = match
        self._points = 0
        self._ends_at = round(MAX_SECONDS * FRAMES_PER_SECOND)

    def reached(self) -> bool:
        """Whether the film ends here; called before each frame."""
        frames, points = self._match.frames, sum(self._match.score)
        if points > self._points and frames >= MIN_SECONDS * FRAMES_PER_SECOND:
            self._ends_at = min(self._ends_at, frames + round(SCORE_SECONDS * FRAMES_PER_SECOND))
        self._points = points
        return frames >= self._ends_at
