"""One court with its two players, stepped a decision at a time."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from agents.base import Control, Frame, control_of
from agents.persona import Persona, PersonaAgent
from agents.pong import LONGEST_RALLY, Court, Side
from agents.preprocessing import mirrored
from agents.scripted import TrackerAgent
from agents.sight import look, look_from_left
from models.spec import ActionName, FrameObservation
from training.arena.coach import Coach


class Player(Enum):
    """A player that is no `Persona`."""

    NETWORK = "network"
    """Plays the actions that the environment is given."""
    TRACKER = "tracker"
    """A `TrackerAgent`."""
    ROM = "rom"
    """The ROM's own opponent, on the left only."""


Seated: TypeAlias = Player | Persona


class Matchup(NamedTuple):
    """Who plays a game."""

    left: Seated
    right: Seated


class Outcome(NamedTuple):
    """What a step led to."""

    reward: int
    """The right player's: 1 for a point won, -1 for one lost, 0 for none."""
    terminated: bool
    """A player has won the game."""
    truncated: bool
    """The rally was too long, and the game was cut off."""


class Table:
    """A court and its two players; seats with a network find their observations in `observations`.

    A step is `observation.frame_skip` emulator frames. A network's action is in force for all of them; scripts see
    every frame, and decide on every frame, exactly as in a match. Seats with a network also find a coach's `costs`.
    """

    def __init__(
        self,
        observation: FrameObservation,
        actions: tuple[ActionName, ...],
        observations: NDArray[np.uint8],
        *,
        seed: int,
        sticky: float = 0.0,
        costs: NDArray[np.float64] | None = None,
    ) -> None:
        self.court = Court(seed=seed, sticky=sticky)
        self._spec = observation
        self._controls: list[Control] = [control_of(name) for name in actions]
        self._observations = observations
        """`[2, stack, height, width]`, by side."""
        self._coach = Coach(self._controls, observation.frame_skip)
        self._costs = costs
        """`[2, actions]`, by side: the coach's costs; None to ask no coach."""
        self._random = np.random.default_rng(seed)
        self._scripts: list[TrackerAgent | PersonaAgent | None] = [None, None]
        self._matchup = Matchup(Player.NETWORK, Player.NETWORK)
        self._served = 0
        self._score = self.court.score

    def begin(self, matchup: Matchup, *, idle_frames: int | None = None) -> None:
        """Begins a new game, after that many idle frames (by default a random number), and observes its first frame."""
        self.court.reset(idle_frames=idle_frames)
        self._matchup = matchup
        self._scripts = [_script(player, seed=int(self._random.integers(2**31))) for player in matchup]
        self._served, self._score = 0, self.court.score
        self._observations[:] = 0
        self._observe([self.court.grey()])

    def step(self, actions: NDArray[np.int64]) -> Outcome:
        """Plays a step. `actions`, `[2]` by side, are indices; those of seats without a network are ignored."""
        scripted = any(self._scripts)
        frames: list[Frame] = []
        skip = self._spec.frame_skip
        grey = self.court.grey() if scripted else None
        for frame in range(skip):
            left = None if self._matchup.left is Player.ROM else self._control(Side.LEFT, actions, grey)
            right = self._control(Side.RIGHT, actions, grey)
            assert right is not None, "the ROM plays on the left only"
            self.court.step(right, left)
            over = self.court.over
            if scripted or over or frame >= skip - 2:
                grey = self.court.grey()
                frames.append(grey)
            if over:
                break
        self._observe(frames[-2:])
        return self._outcome()

    def _control(self, side: Side, actions: NDArray[np.int64], grey: Frame | None) -> Control:
        script = self._scripts[side]
        if script is None:
            return self._controls[int(actions[side])]
        assert grey is not None
        return script.decide(look(grey) if side is Side.RIGHT else look_from_left(grey)).control

    def _observe(self, frames: list[Frame]) -> None:
        """Pushes the maximum of the last frames onto the stacks of the seats with a network."""
        size = (self._spec.width, self._spec.height)
        for side in Side:
            if self._matchup[side] is Player.NETWORK:
                seen = [mirrored(frame) for frame in frames] if side is Side.LEFT else frames
                joined = seen[0] if len(seen) == 1 else np.maximum(seen[0], seen[1])
                stack = self._observations[side]
                stack[:-1] = stack[1:]
                stack[-1] = cv2.resize(joined, size, interpolation=cv2.INTER_AREA)
                if self._costs is not None:
                    self._costs[side] = self._coach.costs(self.court, side)

    def _outcome(self) -> Outcome:
        score, before = self.court.score, self._score
        reward = (score.right - before.right) - (score.left - before.left)
        if reward:
            self._score, self._served = score, self.court.frames
        over = self.court.over
        return Outcome(reward, over, not over and self.court.frames - self._served >= LONGEST_RALLY)


def _script(player: Seated, *, seed: int) -> TrackerAgent | PersonaAgent | None:
    if isinstance(player, Persona):
        return PersonaAgent(player, seed=seed)
    return TrackerAgent(seed=seed) if player is Player.TRACKER else None
