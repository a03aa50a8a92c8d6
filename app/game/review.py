"""Going back over a game: the chance of winning at each moment, and the moments that cost most."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from typing import NamedTuple

from agents.pong import FRAMES_PER_SECOND, Court, Score, Side
from app.game.chances import Scene, win_chance
from app.game.story import Rally

EVERY = 4
"""Frames from one estimate of the chance to the next."""
BEFORE = round(2.5 * FRAMES_PER_SECOND)
"""How much of the game is shown before a moment."""
AFTER = round(1.0 * FRAMES_PER_SECOND)
"""And at most after it."""
MOMENTS = 3
LEAST_COST = 0.005
"""A point that cost less of the chance of winning did not matter."""


class Chance(NamedTuple):
    """The right player's chance of winning the game, from 0 to 1."""

    frame: int
    value: float


class Moment(NamedTuple):
    """Where a player lost much of their chance of winning."""

    frame: int
    """Of the game: the last one in which at least half of what was lost was still there."""
    score: Score
    """Before the point."""
    before: float
    """The player's chance of winning the game: the best of the rally."""
    after: float
    """Once the point was lost."""
    since: int
    """The frame in which the point before it ended; 0 for the first."""
    ended: int
    """The frame in which it was lost."""

    @property
    def cost(self) -> float:
        """How much of the chance was lost."""
        return self.before - self.after

    @property
    def clip(self) -> tuple[int, int]:
        """The first and the last frame to show of it."""
        return max(self.frame - BEFORE, self.since), min(self.frame + AFTER, self.ended)


class ChanceLog:
    """The chance of winning over a game so far."""

    def __init__(self) -> None:
        self.chances: list[Chance] = [Chance(0, 0.5)]

    def watch(self, court: Court, score: Score, *, point: bool) -> None:
        """Takes in a frame; `point` says whether one was scored in it."""
        if point or court.frames % EVERY == 0:
            scene = None if point else Scene.of(court)
            self.chances.append(Chance(court.frames, win_chance(scene, score.left, score.right)))

    def cut(self, frame: int) -> None:
        """Forgets all that came after this frame."""
        del self.chances[bisect_right(self.chances, frame, key=_frame_of) :]

    def at(self, frame: int) -> float:
        """The right player's chance at this frame."""
        return self.chances[bisect_right(self.chances, frame, key=_frame_of) - 1].value


def costliest(
    chances: Sequence[Chance], rallies: Sequence[Rally], scores: Sequence[Score], side: Side, count: int = MOMENTS
) -> list[Moment]:
    """The lost points that cost `side` most of its chance of winning, in the order of the game, at most `count`.

    `scores` are those before each rally, and after the last.
    """
    ends = (0, *(rally.ended for rally in rallies))
    lost = [
        _moment(chances, rally, score, side, end_before)
        for rally, score, end_before in zip(rallies, scores, ends, strict=False)
        if rally.winner is not side
    ]
    worst = sorted(lost, key=lambda moment: moment.cost, reverse=True)[:count]
    return sorted(moment for moment in worst if moment.cost >= LEAST_COST)


def _moment(chances: Sequence[Chance], rally: Rally, score: Score, side: Side, since: int) -> Moment:
    first = bisect_left(chances, rally.begun, key=_frame_of)
    last = bisect_left(chances, rally.ended, key=_frame_of)
    during = [
        (chance.frame, chance.value if side is Side.RIGHT else 1 - chance.value) for chance in chances[first : last + 1]
    ]
    after = during[-1][1]
    before = max(value for _, value in during)
    turned = max(frame for frame, value in during if value >= (before + after) / 2)
    return Moment(turned, score, before, after, since, rally.ended)


def _frame_of(chance: Chance) -> int:
    return chance.frame
