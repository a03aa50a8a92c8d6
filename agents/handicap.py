"""What makes an agent weaker, as a person is: a reaction time."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple, Protocol

from agents.base import Agent, Decision, Frame
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

_SPEED_FRAMES = 2
"""The ball's speed is taken over two frames: its rows need not be whole ones in each."""


def reaction_frames(milliseconds: int) -> int:
    """Emulator frames in so much time, to the nearest."""
    return round(milliseconds * FRAMES_PER_SECOND / 1000)


class Sampler(Agent, Protocol):
    """An agent that draws its actions; `agents.policy.PolicyAgent` is one."""

    greedy: bool
    temperature: float


class _Sight(NamedTuple):
    """What a frame shows that nobody knows beforehand."""

    ball: Place | None
    opponent: Rows | None


class ReactionDelay:
    """An agent that reacts to nothing before `milliseconds` have gone by, as a person does not.

    It sees ball and opponent as they were that long ago, but knows where its own paddle is, and moves the ball on in
    its mind: in a straight line, off the walls, as far as the paddles. What it cannot know is where the opponent has
    hit the ball since then. To delay the decisions instead would be no handicap but a defeat: a network trained without
    a delay swings to and fro across the ball, and already at 33 ms wins hardly a point against the ROM.
    """

    def __init__(self, agent: Agent, milliseconds: int) -> None:
        self.milliseconds = milliseconds
        self._agent = agent
        self._frames = reaction_frames(milliseconds)
        self._sights: deque[_Sight] = deque(maxlen=_SPEED_FRAMES + self._frames + 1)

    @property
    def name(self) -> str:
        """The agent's."""
        return self._agent.name

    @property
    def policy(self) -> object:
        """The network agent that is delayed; None where it is a script."""
        return getattr(self._agent, "policy", None)

    def reset(self) -> None:
        """Forgets the past: a new game begins."""
        self._agent.reset()
        self._sights.clear()

    def observe(self, grey: Frame) -> Decision:
        """Takes in a grey frame `[210, 160]`; gives the decision on what the agent believes it to be."""
        self._sights.append(_Sight(find_ball(grey), find_left_paddle(grey)))
        seen = max(len(self._sights) - 1 - self._frames, 0)
        before = self._sights[max(seen - _SPEED_FRAMES, 0)].ball
        ball, opponent = self._sights[seen]
        expected = None if ball is None else expected_ball(ball if before is None else before, ball, self._frames)
        return self._agent.observe(imagined(grey, expected, opponent))

    def memory(self) -> object:
        """What it has seen and not yet reacted to, and the agent's own memory, for `recall`."""
        return tuple(self._sights), self._agent.memory()

    def recall(self, memory: object) -> None:
        """Goes back to a moment that `memory` kept."""
        assert isinstance(memory, tuple)
        sights, agent = memory
        self._sights = deque(sights, self._sights.maxlen)
        self._agent.recall(agent)


class SamplerReactionDelay(ReactionDelay):
    """The same for an agent that samples its actions, with the two settings of that passed on to it."""

    def __init__(self, agent: Sampler, milliseconds: int) -> None:
        super().__init__(agent, milliseconds)
        self._sampler = agent

    @property
    def greedy(self) -> bool:
        """The agent's."""
        return self._sampler.greedy

    @greedy.setter
    def greedy(self, greedy: bool) -> None:
        self._sampler.greedy = greedy

    @property
    def temperature(self) -> float:
        """The agent's."""
        return self._sampler.temperature

    @temperature.setter
    def temperature(self, temperature: float) -> None:
        self._sampler.temperature = temperature


def expected_ball(before: Place, now: Place, frames: int) -> Place:
    """Where a ball that was `before` two frames ago, and is `now`, will be: off the walls, and never past a paddle."""
    lowest = FIELD_BOTTOM - BALL_HEIGHT
    room = lowest - FIELD_TOP
    row = now.row - FIELD_TOP + (now.row - before.row) * frames // _SPEED_FRAMES
    # There and back again is twice the room; from the far wall on it is on its way back.
    row %= 2 * room
    column = now.column + (now.column - before.column) * frames // _SPEED_FRAMES
    return Place(
        FIELD_TOP + min(row, 2 * room - row), min(max(column, LEFT_PADDLE.stop), RIGHT_PADDLE.start - BALL_WIDTH)
    )


def imagined(grey: Frame, ball: Place | None, opponent: Rows | None) -> Frame:
    """A copy of a frame with ball and opponent put elsewhere, or away."""
    picture = grey.copy()
    field = picture[FIELD_ROWS]
    field[field == BALL_GREY] = FIELD_GREY
    field[:, LEFT_PADDLE] = FIELD_GREY
    if opponent is not None:
        picture[opponent.first : opponent.last + 1, LEFT_PADDLE] = LEFT_GREY
    if ball is not None:
        picture[ball.row : ball.row + BALL_HEIGHT, ball.column : ball.column + BALL_WIDTH] = BALL_GREY
    return picture
