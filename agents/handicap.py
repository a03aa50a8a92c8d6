"""A reaction time and errors of judgement, which make an agent weaker in the way a person is."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Generic, NamedTuple

import numpy as np

from agents.agent import Agent, Memory
from agents.base import Decision, Frame
from agents.pong import FRAMES_PER_SECOND
from agents.sight import Place, Rows, find_ball, find_left_paddle
from models.screen import (
    BALL_GREY,
    BALL_HEIGHT,
    BALL_WIDTH,
    FIELD_BOTTOM,
    FIELD_GREY,
    FIELD_ROWS,
    FIELD_TOP,
    LEFT_GREY,
    LEFT_PADDLE,
    RIGHT_PADDLE,
)

if TYPE_CHECKING:
    from agents.policy import PolicyAgent

SPEED_FRAMES = 2
"""The ball's speed is measured over two frames: in one, it may move by half a row."""


def reaction_frames(milliseconds: int) -> int:
    """The number of emulator frames in that time, rounded."""
    return round(milliseconds * FRAMES_PER_SECOND / 1000)


class Sight(NamedTuple):
    """What an agent cannot know about a frame before it sees it."""

    ball: Place | None
    opponent: Rows | None


class Judgement(NamedTuple):
    """How an agent judges the ball that is flying now."""

    approaching: bool = False
    error: float = 0.0
    """Rows: how much lower than it will the ball seems to arrive."""


class HandicapMemory(NamedTuple, Generic[Memory]):
    """The state of a `Handicap`."""

    sights: tuple[Sight, ...]
    """What it has seen and not yet reacted to, oldest first."""
    judgement: Judgement
    generator: Mapping[str, Any]
    """The state of its random generator, as numpy returns it."""
    agent: Memory


class Handicap(Generic[Memory]):
    """An agent that, like a person, reacts late and misjudges where the ball will arrive.

    It reacts to nothing until `reaction_ms` milliseconds have passed: it sees the ball and its opponent as they were
    that long ago, but knows where its own paddle is, and extrapolates the ball: in a straight line, off the walls, up
    to the paddles. What it cannot know is where the opponent has hit the ball since then. Delaying its decisions
    instead would cripple it: a network trained without a delay then swings back and forth across the ball, and at 33 ms
    already wins hardly a point against the ROM.

    Whenever the ball turns towards it, it errs anew about the angle: the ball seems to arrive higher or lower than it
    will, by `misjudgement` rows (standard deviation). So it misses as people do, with a paddle in the wrong place.
    """

    def __init__(self, agent: Agent[Memory], reaction_ms: int, *, misjudgement: float = 0.0, seed: int = 0) -> None:
        self.reaction_ms = reaction_ms
        self._agent = agent
        self._misjudgement = misjudgement
        self._frames = reaction_frames(reaction_ms)
        self._random = np.random.default_rng(seed)
        self._sights: deque[Sight] = deque(maxlen=SPEED_FRAMES + self._frames + 1)
        self._judgement = Judgement()

    @property
    def name(self) -> str:
        """The agent's own."""
        return self._agent.name

    @property
    def policy(self) -> PolicyAgent | None:
        """The agent's own."""
        return self._agent.policy

    def reset(self, seed: int | None = None) -> None:
        """Forgets the past: a new game begins. With a seed its randomness begins anew too, else it goes on."""
        self._agent.reset(seed)
        if seed is not None:
            self._random = np.random.default_rng(seed)
        self._sights.clear()
        self._judgement = Judgement()

    def observe(self, grey: Frame) -> Decision:
        """Takes in a grey frame `[210, 160]`; returns the decision on what the agent takes the frame to be."""
        self._sights.append(Sight(find_ball(grey), find_left_paddle(grey)))
        seen = max(len(self._sights) - 1 - self._frames, 0)
        ball, opponent = self._sights[seen]
        before = self._sights[max(seen - SPEED_FRAMES, 0)].ball or ball
        self._judge(before, ball)
        expected = None
        if ball is not None and before is not None:
            expected = _misjudged(expected_ball(before, ball, self._frames), self._judgement)
        return self._agent.observe(imagined(grey, expected, opponent))

    def _judge(self, before: Place | None, ball: Place | None) -> None:
        """Errs anew when the ball turns towards the agent."""
        if ball is None or before is None:
            self._judgement = Judgement()
        elif ball.column != before.column:
            approaching = ball.column > before.column
            if approaching and not self._judgement.approaching:
                self._judgement = Judgement(approaching, self._misjudgement * self._random.normal())
            elif not approaching:
                self._judgement = Judgement()

    def memory(self) -> HandicapMemory[Memory]:
        """What it has not yet reacted to, its judgement and randomness, and the agent's own memory, for `recall`."""
        generator = self._random.bit_generator.state
        return HandicapMemory(tuple(self._sights), self._judgement, generator, self._agent.memory())

    def recall(self, memory: HandicapMemory[Memory]) -> None:
        """Goes back to the state that `memory` returned."""
        self._sights = deque(memory.sights, self._sights.maxlen)
        self._judgement = memory.judgement
        self._random.bit_generator.state = memory.generator
        self._agent.recall(memory.agent)


def _misjudged(ball: Place, judgement: Judgement) -> Place:
    """Where a ball seems to be: the error of an angle grows from nothing at the other paddle."""
    way = (ball.column - LEFT_PADDLE.stop) / (RIGHT_PADDLE.start - BALL_WIDTH - LEFT_PADDLE.stop)
    row = ball.row + round(judgement.error * way)
    return ball._replace(row=min(max(row, FIELD_TOP), FIELD_BOTTOM - BALL_HEIGHT))


def expected_ball(before: Place, now: Place, frames: int) -> Place:
    """Where the ball will be in `frames`, off the walls and never past a paddle; `before` is from two frames ago."""
    lowest = FIELD_BOTTOM - BALL_HEIGHT
    room = lowest - FIELD_TOP
    row = now.row - FIELD_TOP + (now.row - before.row) * frames // SPEED_FRAMES
    # There and back is twice the room; in the second half the ball is on its way back.
    row %= 2 * room
    column = now.column + (now.column - before.column) * frames // SPEED_FRAMES
    return Place(
        FIELD_TOP + min(row, 2 * room - row), min(max(column, LEFT_PADDLE.stop), RIGHT_PADDLE.start - BALL_WIDTH)
    )


def imagined(grey: Frame, ball: Place | None, opponent: Rows | None) -> Frame:
    """A copy of a frame with the ball and the opponent's paddle moved, or removed if None."""
    picture = grey.copy()
    field = picture[FIELD_ROWS]
    field[field == BALL_GREY] = FIELD_GREY
    field[:, LEFT_PADDLE] = FIELD_GREY
    if opponent is not None:
        picture[opponent.first : opponent.last + 1, LEFT_PADDLE] = LEFT_GREY
    if ball is not None:
        picture[ball.row : ball.row + BALL_HEIGHT, ball.column : ball.column + BALL_WIDTH] = BALL_GREY
    return picture
