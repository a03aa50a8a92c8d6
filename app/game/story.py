"""The story of a game: its rallies, found by watching the court frame by frame."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from agents.pong import FRAMES_PER_SECOND, Ball, Score, Side


@dataclass(frozen=True, slots=True)
class Rally:
    """One point, from the ball's first frame in play to the score."""

    winner: Side
    hits: tuple[int, int]
    """Of the left and the right player."""
    begun: int
    """The game's frame in which the ball came into play."""
    ended: int
    """The game's frame in which the point was scored."""

    @property
    def seconds(self) -> float:
        """At normal speed."""
        return (self.ended - self.begun) / FRAMES_PER_SECOND


@dataclass(frozen=True, slots=True)
class Story:
    """A game so far."""

    rallies: tuple[Rally, ...] = ()

    @property
    def scores(self) -> tuple[Score, ...]:
        """The score at the start and after each rally."""
        course = [Score(0, 0)]
        for rally in self.rallies:
            left, right = course[-1]
            course.append(Score(left + (rally.winner is Side.LEFT), right + (rally.winner is Side.RIGHT)))
        return tuple(course)

    @property
    def longest(self) -> Rally | None:
        """The rally with the most hits, or the first of these; None before the first point."""
        return max(self.rallies, key=lambda rally: sum(rally.hits), default=None)

    def until(self, frame: int) -> Story:
        """The story as it was at a frame of the game."""
        return Story(tuple(rally for rally in self.rallies if rally.ended <= frame))

    def aces(self, side: Side) -> int:
        """How many points `side` won without a hit by the other player."""
        return sum(rally.winner is side and rally.hits[side.other] == 0 for rally in self.rallies)

    def longest_run(self, side: Side) -> int:
        """The most points that `side` won in a row."""
        best = run = 0
        for rally in self.rallies:
            run = run + 1 if rally.winner is side else 0
            best = max(best, run)
        return best


class StoryMemory(NamedTuple):
    """The state of a `Storyteller`."""

    story: Story
    score: Score
    begun: int | None
    """The frame in which the current rally began."""
    hits: tuple[int, int]
    """In the current rally."""
    rightwards: bool | None
    """Whether the ball flew to the right when it was last in play."""


class Storyteller:
    """Builds the story of a game: see `watch`."""

    def __init__(self) -> None:
        self.story = Story()
        self._score = Score(0, 0)
        self._begun: int | None = None
        self._hits = (0, 0)
        self._rightwards: bool | None = None

    def watch(self, frame: int, score: Score, ball: Ball | None) -> Side | None:
        """Takes in one frame; returns the side that has just scored."""
        winner = self._winner(score)
        self._score = score
        if winner is not None:
            begun = frame if self._begun is None else self._begun
            self.story = Story((*self.story.rallies, Rally(winner, self._hits, begun, frame)))
            self._begun, self._hits, self._rightwards = None, (0, 0), None
        elif ball is not None:
            self._follow(frame, ball)
        return winner

    def _winner(self, score: Score) -> Side | None:
        if score.left > self._score.left:
            return Side.LEFT
        return Side.RIGHT if score.right > self._score.right else None

    def _follow(self, frame: int, ball: Ball) -> None:
        """Counts a hit whenever the ball changes between left and right: only a paddle does that."""
        if self._begun is None:
            self._begun = frame
        rightwards = ball.right > 0
        if self._rightwards is not None and rightwards != self._rightwards:
            left, right = self._hits
            self._hits = (left + 1, right) if rightwards else (left, right + 1)
        self._rightwards = rightwards

    def memory(self) -> StoryMemory:
        """Its state, for `recall`."""
        return StoryMemory(self.story, self._score, self._begun, self._hits, self._rightwards)

    def recall(self, memory: StoryMemory) -> None:
        """Goes back to the state that `memory` returned."""
        self.story, self._score, self._begun, self._hits, self._rightwards = memory
