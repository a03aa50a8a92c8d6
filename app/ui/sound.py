"""Plays the game's own sound, frame by frame."""

from __future__ import annotations

from collections import deque

import numpy as np
import pygame
from numpy.typing import NDArray

from agents.pong import FRAMES_PER_SECOND, SOUND_SAMPLES

SAMPLE_RATE = round(SOUND_SAMPLES * FRAMES_PER_SECOND)
"""Hz: a frame's samples last as long as the frame is shown. The emulator made them for a rate 2% higher."""
HEAD_START = 3
"""Frames collected before playing starts, so that one late frame leaves no gap."""
PIECE = 2
"""Frames given to the mixer at a time."""
MAX_WAITING = 2
"""Frames. With two pieces in the mixer this makes 100 ms; any frame beyond that is dropped."""
SILENCE = 128


class Speaker:
    """Plays the sound of a court. Without a sound device, and before `open`, it does nothing.

    `volume`, 0 to 100, and `muted` may be set at any time.
    """

    def __init__(self) -> None:
        self.volume = 100
        self.muted = False
        self._channel: pygame.mixer.Channel | None = None
        self._waiting: deque[NDArray[np.int16]] = deque()

    def open(self) -> None:
        """Opens the sound device. That can take about 100 ms, in which no other thread runs: show the window first."""
        try:
            # The mixer's buffer is one frame long, so that pieces follow each other without a gap; SDL converts to
            # the device's own format.
            pygame.mixer.init(SAMPLE_RATE, -16, 1, SOUND_SAMPLES, allowedchanges=0)
        except pygame.error:
            return
        self._channel = pygame.mixer.Channel(0)

    def play(self, samples: NDArray[np.uint8]) -> None:
        """Plays a frame's sound, `[512]`, where 128 is silence. Call it at most once a frame, at normal speed."""
        if self._channel is None:
            return
        try:
            self._give(self._channel, samples)
        except pygame.error:  # The device is gone, or whatever else: the game goes on in silence.
            self._channel = None
            self._waiting.clear()

    def _give(self, channel: pygame.mixer.Channel, samples: NDArray[np.uint8]) -> None:
        loudness = 0.0 if self.muted else 256 * self.volume / 100
        self._waiting.append(((samples.astype(np.float32) - SILENCE) * loudness).astype(np.int16))
        if not channel.get_busy():
            if len(self._waiting) >= HEAD_START:
                channel.play(self._take(HEAD_START))
        elif channel.get_queue() is None and len(self._waiting) >= PIECE:
            channel.queue(self._take(PIECE))
        elif len(self._waiting) > MAX_WAITING:
            self._drop_one()

    def close(self) -> None:
        """Closes the sound device."""
        if self._channel is not None:
            self._channel = None
            pygame.mixer.quit()

    def _take(self, frames: int) -> pygame.mixer.Sound:
        return pygame.mixer.Sound(buffer=np.concatenate([self._waiting.popleft() for _ in range(frames)]).tobytes())

    def _drop_one(self) -> None:
        """Drops a silent frame, which nobody misses, or else the oldest."""
        silent = (place for place, frame in enumerate(self._waiting) if not frame.any())
        del self._waiting[next(silent, 0)]
