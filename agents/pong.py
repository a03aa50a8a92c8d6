"""The court: one emulator running Pong. It knows frames, paddles, score and time; no policy and no window."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from ale_py import Action, ALEInterface, LoggerMode, roms

from agents.base import Frame
from models.spec import ActionName

FRAMES_PER_SECOND = 59.92
"""NTSC Atari 2600."""
POINTS_TO_WIN = 21
MOST_NOOPS = 30

_LEFT_SCORE, _RIGHT_SCORE = 13, 14
"""RAM bytes."""


class Score(NamedTuple):
    """Points of the left and the right player."""

    left: int
    right: int


class Court:
    """A game of Pong, one emulator frame at a time.

    The ROM's own opponent plays the left paddle. `sticky` is the probability with which an action of the frame before
    is repeated (Machado et al. 2018), 0 as a person plays.
    """

    def __init__(self, *, seed: int = 0, sticky: float = 0.0) -> None:
        ALEInterface.setLoggerMode(LoggerMode.Error)
        self._ale = ALEInterface()
        self._ale.setInt("random_seed", seed)
        self._ale.setFloat("repeat_action_probability", sticky)
        rom = roms.get_rom_path("pong")
        assert rom is not None, "ale-py brings the ROM"
        self._ale.loadROM(rom)
        self._random = np.random.default_rng(seed)
        self.frames = 0
        """Emulator frames since the game began."""
        self.reset()

    def reset(self) -> None:
        """Begins a new game, after up to 30 idle frames: the ROM starts alike each time, and games should differ."""
        self._ale.reset_game()
        for _ in range(int(self._random.integers(1, MOST_NOOPS + 1))):
            self._ale.act(Action.NOOP)
        self.frames = 0

    def step(self, right: ActionName) -> None:
        """Runs one emulator frame with this action of the right player."""
        self._ale.act(Action.__members__[right])
        self.frames += 1

    @property
    def score(self) -> Score:
        """Points so far."""
        ram = self._ale.getRAM()
        return Score(int(ram[_LEFT_SCORE]), int(ram[_RIGHT_SCORE]))

    @property
    def over(self) -> bool:
        """Whether a player has won."""
        return bool(self._ale.game_over(with_truncation=False))

    def grey(self) -> Frame:
        """The picture in grey, `[210, 160]`: what agents see."""
        return self._ale.getScreenGrayscale()

    def colour(self) -> Frame:
        """The picture in colour, `[210, 160, 3]`: what people see."""
        return self._ale.getScreenRGB()
