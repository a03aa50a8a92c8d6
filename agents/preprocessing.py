"""From raw frames to the observations that training saw, bit for bit."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

import cv2
import numpy as np

from agents.base import Frame
from models.screen import (
    FIELD_GREY,
    FIELD_ROWS,
    LEFT_GREY,
    LEFT_PADDLE,
    PADDLE_HEIGHT,
    RIGHT_GREY,
    RIGHT_PADDLE,
    SCREEN_SHAPE,
    WALL_TOP,
)
from models.spec import FrameObservation

_SCORE_ROWS, _COURT_ROWS = slice(1, WALL_TOP), slice(WALL_TOP, None)
_HALF = 80
"""Columns."""
_SWAPPED_GREYS = np.arange(256, dtype=np.uint8)
_SWAPPED_GREYS[[LEFT_GREY, RIGHT_GREY]] = RIGHT_GREY, LEFT_GREY


def mirrored(grey: Frame) -> Frame:
    """The court with left and right exchanged, `[210, 160]`: what an agent on the left is shown.

    The court is flipped; the digits above it change places, but stay readable. For the same knob position the ROM draws
    the right paddle one row lower than the left one, so both are moved by a row. Right of column 125 the ROM sometimes
    draws the ball a row higher; no picture shows when, so this row is not corrected.
    """
    picture = grey.copy()
    picture[_COURT_ROWS] = cv2.flip(grey[_COURT_ROWS], 1)
    # Only the digits and the paddles have the players' greys.
    score = np.asarray(cv2.LUT(grey[_SCORE_ROWS], _SWAPPED_GREYS), np.uint8)
    picture[_SCORE_ROWS, :_HALF], picture[_SCORE_ROWS, _HALF:] = score[:, _HALF:], score[:, :_HALF]
    for paddle in (LEFT_PADDLE, RIGHT_PADDLE):
        picture[_COURT_ROWS, paddle] = cv2.LUT(picture[_COURT_ROWS, paddle], _SWAPPED_GREYS)
    _move(picture[FIELD_ROWS, RIGHT_PADDLE], RIGHT_GREY, 1)
    _move(picture[FIELD_ROWS, LEFT_PADDLE], LEFT_GREY, -1)
    return picture


def _move(strip: Frame, paddle_grey: int, down: int) -> None:
    """Moves a paddle by a row, in place; leaves alone the ball in front of it, and the part that a wall hides."""
    rows = np.flatnonzero((strip == paddle_grey).any(axis=1))
    if not rows.size:
        return
    back, front = (rows[0], rows[-1]) if down > 0 else (rows[-1], rows[0])
    last = len(strip) - 1
    if rows.size == PADDLE_HEIGHT or back not in {0, last}:
        strip[back][strip[back] == paddle_grey] = FIELD_GREY
    if 0 <= front + down <= last:
        ahead = strip[front + down]
        ahead[ahead == FIELD_GREY] = paddle_grey


def shrunk(picture: Frame, observation: FrameObservation) -> Frame:
    """What an observation shows of a picture of the screen, `[210, 160]`, in its size: `[height, width]`."""
    size = (observation.width, observation.height)
    return np.asarray(cv2.resize(observation.region.of(picture), size, interpolation=cv2.INTER_AREA), np.uint8)


class StackerMemory(NamedTuple):
    """The state of a `FrameStacker`."""

    previous: bytes | None
    until_decision: int
    stack: tuple[bytes, ...]


class FrameStacker:
    """The last few decision frames, exactly as ale-py's vector environment stacks them.

    Of every `frame_skip` emulator frames, the last two are joined by maximum (sprites flicker on the Atari), resized by
    area, and pushed onto a stack that starts with zeros.
    """

    def __init__(self, observation: FrameObservation) -> None:
        self._spec = observation
        self._previous: Frame | None = None
        self._until_decision = 0
        self._stack: deque[Frame] = deque(maxlen=observation.stack)
        self._memory: StackerMemory | None = None
        """Made on demand, and kept until the state changes: an agent that does not play costs nothing."""
        self.reset()

    def reset(self) -> None:
        """Forgets all frames; the next one is a game's first."""
        self._previous = self._memory = None
        self._until_decision = 1
        empty = np.zeros((self._spec.height, self._spec.width), np.uint8)
        self._stack.extend([empty] * self._spec.stack)

    @property
    def stacked(self) -> Frame:
        """The observation of the last decision frame, `[stack, height, width]`; zeros before the first."""
        return np.stack(self._stack)

    def push(self, grey: Frame) -> Frame | None:
        """Takes in a grey frame `[210, 160]`; returns the observation on a decision frame, and None on others."""
        before = self._previous
        self._previous, self._memory = grey, None
        self._until_decision -= 1
        if self._until_decision > 0:
            return None
        self._until_decision = self._spec.frame_skip
        self._stack.append(shrunk(grey if before is None else np.maximum(before, grey), self._spec))
        return self.stacked

    def memory(self) -> StackerMemory:
        """Its state, for `recall`."""
        if self._memory is None:
            previous = None if self._previous is None else self._previous.tobytes()
            stack = tuple(frame.tobytes() for frame in self._stack)
            self._memory = StackerMemory(previous, self._until_decision, stack)
        return self._memory

    def recall(self, memory: StackerMemory) -> None:
        """Goes back to the state that `memory` returned."""
        self._previous = None if memory.previous is None else _frame(memory.previous, SCREEN_SHAPE)
        self._until_decision = memory.until_decision
        self._stack.extend(_frame(frame, (self._spec.height, self._spec.width)) for frame in memory.stack)
        self._memory = memory


def _frame(content: bytes, shape: tuple[int, int]) -> Frame:
    return np.frombuffer(content, np.uint8).reshape(shape)
