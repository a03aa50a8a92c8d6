"""The ROM's own sound, from one frame to the next."""

from __future__ import annotations

from collections import deque

import numpy as np
import pygame
from numpy.typing import NDArray

from agents.pong import FRAMES_PER_SECOND, SOUND_SAMPLES

SAMPLE_RATE = round(SOUND_SAMPLES * FRAMES_PER_SECOND)
"""Hz. A frame's samples sound for as long as the frame is shown; the emulator makes them for 2% more."""
HEAD_START = 3
"""Frames. As many are gathered before anything sounds, so that one may come late and leave no gap."""
PIECE = 2
"""Frames that are given to the mixer at once."""
MOST_WAITING = 2
"""Frames. Together with two pieces in the mixer, 100 ms: what comes on top of that is left out."""
SILENCE = 128


class Speaker:
    """Plays what a court sounds like. Without a sound device, and before `open`, it does nothing.

    `volume`, 0 to 100, and `muted` may be set at any time.
    """

    def __init__(self, *, volume: int = 100, muted: bool = False) -> None:
        self.volume = volume
        self.muted = muted
        self._channel: pygame.mixer.Channel | None = None
        self._waiting: deque[NDArray[np.int16]] = deque()

    def open(self) -> None:
        """Looks for a sound device. It can take some 100 ms, in which no other thread runs: show the window first."""
        try:
            # The mixer's buffer is a frame long, so pieces follow one another without a gap; SDL converts to the
            # device's own format.
            pygame.mixer.init(SAMPLE_RATE, -16, 1, SOUND_SAMPLES, allowedchanges=0)
        except pygame.error:
            return
        self._channel = pygame.mixer.Channel(0)

    def play(self, samples: NDArray[np.uint8]) -> None:
        """Takes in a frame's sound, `[512]`, of which 128 is silence; at most once a frame, at normal speed."""
        if self._channel is None:
            return
        loudness = 0.0 if self.muted else 256 * self.volume / 100
        self._waiting.append(((samples.astype(np.float32) - SILENCE) * loudness).astype(np.int16))
        if not self._channel.get_busy():
            if len(self._waiting) >= HEAD_START:
                self._channel.play(self._take(HEAD_START))
        elif self._channel.get_queue() is None and len(self._waiting) >= PIECE:
            self._channel.queue(self._take(PIECE))
        elif len(self._waiting) > MOST_WAITING:
            self._leave_one_out()

    def close(self) -> None:
        """Gives the sound device back."""
        if self._channel is not None:
            self._channel = None
            pygame.mixer.quit()

    def _take(self, frames: int) -> pygame.mixer.Sound:
        return pygame.mixer.Sound(buffer=np.concatenate([self._waiting.popleft() for _ in range(frames)]).tobytes())

    def _leave_one_out(self) -> None:
        """Drops a silent frame, which nobody hears; else the oldest."""
        silent = (place for place, frame in enumerate(self._waiting) if not frame.any())
        del self._waiting[next(silent, 0)]
