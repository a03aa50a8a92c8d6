"""A match without a window, as fast as it goes."""

from __future__ import annotations

from collections.abc import Callable

from rich.console import Console
from rich.markup import escape
from rich.status import Status

from agents.pong import FRAMES_PER_SECOND, Score
from app.game.match import Match
from app.game.snapshot import Snapshot
from models.errors import one_line
from models.interruption import interruption

_PROGRESS_FRAMES = 60


def run(
    match: Match,
    record: Callable[[Snapshot, float], None] | None,
    report: Callable[[int, Score], None],
    enough: Callable[[], bool] = lambda: False,
) -> None:
    """Plays `match` to its end, or until `enough` returns True.

    Calls `record` after every frame, with the snapshot and the seconds since the one before, and `report` after every
    game, with its number and score. If standard error is a terminal, a line there shows the progress. After Ctrl-C or a
    kill, it finishes the frame and raises `KeyboardInterrupt`.
    """
    console = Console(stderr=True)
    reported = 0
    with interruption() as interrupted, console.status("") as progress:
        while not (match.finished or enough() or interrupted()):
            match.advance()
            if record is not None:
                record(match.snapshot(), 1 / FRAMES_PER_SECOND)
            if len(match.results) > reported:
                reported += 1
                report(reported, match.results[-1])
            if match.frames % _PROGRESS_FRAMES == 0:
                _show(progress, match)
    if interrupted():
        raise KeyboardInterrupt


def _show(progress: Status, match: Match) -> None:
    now = match.snapshot()
    left, right = now.names
    score = f"{left} {now.score.left} : {now.score.right} {right}"
    progress.update(escape(one_line(f"game {now.game}   {score}   {match.frames:,} frames")))
