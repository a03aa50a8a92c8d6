"""Raw frames to the observation that training saw, bit for bit."""

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
    SCREEN_COLUMNS,
    WALL_TOP,
)
from models.spec import FrameObservation

_SCORE_ROWS, _COURT_ROWS = slice(1, WALL_TOP), slice(WALL_TOP, None)
_HALF = SCREEN_COLUMNS // 2
_SWAPPED_GREYS = np.arange(256, dtype=np.uint8)
_SWAPPED_GREYS[[LEFT_GREY, RIGHT_GREY]] = RIGHT_GREY, LEFT_GREY


def mirrored(grey: Frame) -> Frame:
    """The court as the left player would see it from the right, `[210, 160]`: what a policy on the left is shown.

    The court is turned about; the digits above it change places, but are not turned. The ROM draws the right paddle one
    row lower than the left for the same knob. Right of column 125 it draws the ball a row higher now and then, which no
    picture tells: this row is not made good.
    """
    picture = np.asarray(cv2.LUT(grey, _SWAPPED_GREYS), np.uint8)
    picture[_COURT_ROWS] = cv2.flip(picture[_COURT_ROWS], 1)
    score = picture[_SCORE_ROWS]
    score[:] = np.hstack((score[:, _HALF:], score[:, :_HALF]))
    _move(picture[FIELD_ROWS, RIGHT_PADDLE], RIGHT_GREY, 1)
    _move(picture[FIELD_ROWS, LEFT_PADDLE], LEFT_GREY, -1)
    return picture


def _move(strip: Frame, paddle_grey: int, down: int) -> None:
    """Moves a paddle by a row, in place; the ball, which hides it, stays, and so does what a wall cuts off."""
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


class StackerMemory(NamedTuple):
    """What a `FrameStacker` holds."""

    previous: Frame | None
    until_decision: int
    stack: tuple[Frame, ...]


class FrameStacker:
    """The last few decision frames, as ale-py's vector environment makes them.

    Of every `frame_skip` emulator frames the last two are joined by maximum (sprites flicker on the Atari), resized by
    area, and pushed onto a stack that starts with zeros.
    """

    def __init__(self, observation: FrameObservation) -> None:
        self._spec = observation
        self._previous: Frame | None = None
        self._until_decision = 0
        self._stack: deque[Frame] = deque(maxlen=observation.stack)
        self.reset()

    def reset(self) -> None:
        """Forgets all frames; the next one is a game's first."""
        self._previous = None
        self._until_decision = 1
        empty = np.zeros((self._spec.height, self._spec.width), np.uint8)
        self._stack.extend([empty] * self._spec.stack)

    def push(self, grey: Frame) -> Frame | None:
        """Takes in a grey frame `[210, 160]`; on a decision frame gives the observation, `[stack, height, width]`."""
        joined = grey if self._previous is None else np.maximum(self._previous, grey)
        self._previous = grey
        self._until_decision -= 1
        if self._until_decision > 0:
            return None
        self._until_decision = self._spec.frame_skip
        size = (self._spec.width, self._spec.height)
        self._stack.append(np.asarray(cv2.resize(joined, size, interpolation=cv2.INTER_AREA), np.uint8))
        return np.stack(self._stack)

    def memory(self) -> StackerMemory:
        """This moment, for `recall`."""
        return StackerMemory(self._previous, self._until_decision, tuple(self._stack))

    def recall(self, memory: StackerMemory) -> None:
        """Goes back to a moment that `memory` kept."""
        self._previous, self._until_decision = memory.previous, memory.until_decision
        self._stack.extend(memory.stack)
