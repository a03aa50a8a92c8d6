"""A scripted agent, which follows the ball."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from agents.base import Decision, Frame
from agents.sight import View, look
from models.screen import BALL_HEIGHT, FIELD_MIDDLE
from models.spec import ActionName

_FURTHEST_AIM = 5
"""Rows between the paddle's middle and the part that is to meet the ball. Near 8 it would miss too often."""
_DEAD_BAND = 4
"""Rows. A paddle this close to its target stays where it is, so that it does not tremble."""

_ACTIONS: tuple[ActionName, ...] = ("FIRE", "RIGHTFIRE", "LEFTFIRE")
_STAY, _UP, _DOWN = (
    Decision(action, _ACTIONS, tuple(float(action == name) for name in _ACTIONS), value=None) for action in _ACTIONS
)


class Track(NamedTuple):
    """What a tracker carries from frame to frame."""

    ball_column: int | None = None
    approaching: bool = False
    """Whether the ball is flying towards it."""
    aim: float = 0.0
    """Where the paddle's middle should be when it meets the ball, in rows below the ball's middle."""
    paddle: tuple[float, float] = (FIELD_MIDDLE, FIELD_MIDDLE)
    """The paddle's middle row in the two newest frames, newest last."""


class TrackerMemory(NamedTuple):
    """The state of a `TrackerAgent`."""

    track: Track
    generator: Mapping[str, Any]
    """The state of its random generator, as numpy returns it."""


class TrackerAgent:
    """Follows the ball at the speed of a person's paddle, and always holds FIRE, so that the ball flies fast.

    While the ball flies away, or is not in play, it waits in the middle. It meets each ball with a different part of
    the paddle, so that the ball bounces off at different angles, and no rally lasts for ever.
    """

    policy = None
    reaction_ms = 0

    def __init__(self, *, name: str = "Tracker", seed: int = 0) -> None:
        self.name = name
        self._random = np.random.default_rng(seed)
        self._track = Track()

    def reset(self, seed: int | None = None) -> None:
        """Forgets the past: a new game begins. With a seed its randomness begins anew too, else it goes on."""
        if seed is not None:
            self._random = np.random.default_rng(seed)
        self._track = Track()

    def observe(self, grey: Frame) -> Decision:
        """Takes in a grey frame `[210, 160]`; it decides on every one."""
        return self.decide(look(grey))

    def decide(self, view: View) -> Decision:
        """Takes in what it sees in the newest frame."""
        ball, paddle = view.ball, view.own
        before_last, last = self._track.paddle
        middle = last if paddle is None else paddle.middle
        approaching, aim = self._follow(None if ball is None else ball.column)
        self._track = Track(None if ball is None else ball.column, approaching, aim, (last, middle))
        target = ball.row + (BALL_HEIGHT - 1) / 2 + aim if ball is not None and approaching else FIELD_MIDDLE
        # Every second frame the ROM moves the paddle half-way to the knob, so it coasts as far as it has just moved.
        off = target - (middle + (middle - before_last))
        if abs(off) <= _DEAD_BAND:
            return _STAY
        return _DOWN if off > 0 else _UP

    def _follow(self, column: int | None) -> tuple[bool, float]:
        """Whether the ball is approaching, and the aim, which is drawn anew when the ball turns towards the paddle."""
        before = self._track
        if column is None or before.ball_column is None:
            return False, before.aim
        approaching = before.approaching if column == before.ball_column else column > before.ball_column
        if approaching and not before.approaching:
            return True, self._random.uniform(-_FURTHEST_AIM, _FURTHEST_AIM)
        return approaching, before.aim

    def memory(self) -> TrackerMemory:
        """What it carries from frame to frame, and its randomness, for `recall`."""
        return TrackerMemory(self._track, self._random.bit_generator.state)

    def recall(self, memory: TrackerMemory) -> None:
        """Goes back to the state that `memory` returned."""
        self._track, self._random.bit_generator.state = memory
