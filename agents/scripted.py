"""The agent that is a short script: it follows the ball."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from agents.base import Decision, Frame
from agents.sight import find_ball, find_right_paddle
from models.screen import BALL_HEIGHT, FIELD_BOTTOM, FIELD_TOP
from models.spec import ActionName

_MIDDLE = (FIELD_TOP + FIELD_BOTTOM - 1) / 2
_FURTHEST_AIM = 5
"""Rows between the paddle's middle and the part that is to meet the ball; near 8 it would miss too often."""
_DEAD_BAND = 4
"""Rows. A paddle that is this close to where it should be stays, and does not tremble."""

_ACTIONS: tuple[ActionName, ...] = ("FIRE", "RIGHTFIRE", "LEFTFIRE")
_STAY, _UP, _DOWN = (
    Decision(action, _ACTIONS, tuple(float(action == name) for name in _ACTIONS), value=None) for action in _ACTIONS
)


class _Memory(NamedTuple):
    """What it keeps from frame to frame."""

    ball_column: int | None = None
    comes: bool = False
    """Whether the ball flies towards it."""
    aim: float = 0.0
    """Where the paddle's middle should be when it meets the ball, in rows below the ball's."""
    paddle: tuple[float, float] = (_MIDDLE, _MIDDLE)
    """The paddle's middle row in the two newest frames, newest last."""


class TrackerAgent:
    """Follows the ball as fast as a person's paddle goes, and always holds FIRE, so that the ball flies fast.

    While the ball flies away, or is not in play, it waits in the middle. Each time the ball comes it meets it with
    another part of the paddle: the ball bounces off at another angle, and no rally goes on for ever.
    """

    def __init__(self, *, name: str = "Tracker", seed: int = 0) -> None:
        self._name = name
        self._random = np.random.default_rng(seed)
        self._kept = _Memory()

    @property
    def name(self) -> str:
        """What to call it on screen."""
        return self._name

    def reset(self) -> None:
        """Forgets the past: a new game begins."""
        self._kept = _Memory()

    def observe(self, grey: Frame) -> Decision:
        """Takes in a grey frame `[210, 160]`, and decides on every one."""
        ball, paddle = find_ball(grey), find_right_paddle(grey)
        earlier, row = self._kept.paddle
        middle = row if paddle is None else paddle.middle
        comes, aim = self._follow(None if ball is None else ball.column)
        self._kept = _Memory(None if ball is None else ball.column, comes, aim, (row, middle))
        target = ball.row + (BALL_HEIGHT - 1) / 2 + aim if ball is not None and comes else _MIDDLE
        # Every second frame the ROM moves the paddle half-way to the knob: it goes on as far as it has just come.
        off = target - (middle + (middle - earlier))
        if abs(off) <= _DEAD_BAND:
            return _STAY
        return _DOWN if off > 0 else _UP

    def _follow(self, column: int | None) -> tuple[bool, float]:
        """Whether the ball now comes, and the aim: a new one where it has just turned."""
        kept = self._kept
        if column is None or kept.ball_column is None:
            return False, kept.aim
        comes = kept.comes if column == kept.ball_column else column > kept.ball_column
        return comes, self._random.uniform(-_FURTHEST_AIM, _FURTHEST_AIM) if comes and not kept.comes else kept.aim

    def memory(self) -> object:
        """What it keeps from frame to frame, its randomness too, for `recall`."""
        return self._kept, self._random.bit_generator.state

    def recall(self, memory: object) -> None:
        """Goes back to a moment that `memory` kept."""
        assert isinstance(memory, tuple)
        self._kept, self._random.bit_generator.state = memory
