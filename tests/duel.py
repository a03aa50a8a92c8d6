"""Two players for tests that need a real game: they follow the ball, but not too well, so that both win points."""

from __future__ import annotations

import numpy as np

from agents.base import FULL_SPEED, Control
from agents.pong import Ball, Court, Side

FRAMES_PER_CHOICE = 2


class Duel:
    """Chooses for both sides, every few frames anew."""

    def __init__(self, seed: int) -> None:
        self._random = np.random.default_rng(seed)
        self._until_choice = 0
        self._controls = {Side.LEFT: Control(), Side.RIGHT: Control()}

    def controls(self, court: Court) -> tuple[Control, Control]:
        """The right and the left player's, as `Court.step` takes them."""
        if self._until_choice == 0:
            ball = court.ball
            for side in Side:
                self._controls[side] = self._choose(court, side, ball)
        self._until_choice = (self._until_choice - 1) % FRAMES_PER_CHOICE
        return self._controls[Side.RIGHT], self._controls[Side.LEFT]

    def _choose(self, court: Court, side: Side, ball: Ball | None) -> Control:
        follows, wherever, presses = self._random.random(3)
        direction = int(wherever * 3) - 1
        if ball is not None and follows < 0.6:
            off = ball.row + 2 - court.paddle_row(side)
            direction = int(np.sign(off)) if abs(off) > 4 else 0
        return Control(direction * FULL_SPEED, fire=bool(presses < 0.5))
