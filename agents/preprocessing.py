"""Raw frames to the observation that training saw, bit for bit."""

from __future__ import annotations

from collections import deque

import cv2
import numpy as np

from agents.base import Frame
from models.spec import FrameObservation


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
