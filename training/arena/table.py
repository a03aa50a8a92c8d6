"""One court with its two players, stepped a decision at a time."""

from __future__ import annotations

import json
from enum import Enum
from typing import Any, NamedTuple, TypeAlias

import msgspec
import numpy as np
from ale_py import ALEState
from numpy.typing import NDArray

from agents.base import Control, Frame, control_of
from agents.persona import Persona, PersonaAgent, PersonaMemory
from agents.pong import LONGEST_RALLY, Court, Side
from agents.preprocessing import mirrored, shrunk
from agents.scripted import TrackerAgent, TrackerMemory
from agents.sight import look, look_from_left
from models.spec import ActionName, FrameObservation
from training.arena.coach import Coach
from training.saving import as_text, from_text, packed, restore_randomness, saved_randomness, unpacked


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


class TableCourt(Court):
    """A court that can be saved with its randomness, so that sticky actions and the next game are the same, too.

    It repeats the right player's actions itself: the state of the emulator, which could, does not hold which one.
    """

    def __init__(self, *, seed: int, sticky: float) -> None:
        super().__init__(seed=seed)
        self._sticky = sticky
        self._last = Control(0)

    def reset(self, *, idle_frames: int | None = None) -> None:
        """As for a `Court`."""
        super().reset(idle_frames=idle_frames)
        self._last = Control(0)

    def step(self, right: Control, left: Control | None = None) -> None:
        """As for a `Court`."""
        if self._sticky and self._random.random() < self._sticky:
            right = self._last
        self._last = right
        super().step(right, left)

    def state_dict(self) -> dict[str, Any]:
        """All that its future depends on, and the picture that it shows."""
        return {
            "emulator": as_text(self._ale.cloneState(include_rng=True).serialize()),
            "frames": self.frames,
            "unserved": self._unserved,
            "last": (self._last.move, self._last.fire),
            "randomness": saved_randomness(self._random),
            "grey": packed(self.grey()),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Goes back to what `state_dict` returned; until its next frame it shows no colours."""
        self._ale.restoreState(ALEState(from_text(state["emulator"])))
        self.frames, self._unserved, self._left_knob = state["frames"], state["unserved"], None
        self._last = Control(*state["last"])
        restore_randomness(self._random, state["randomness"])
        grey = unpacked(state["grey"])
        self._pictures = grey, np.zeros((*grey.shape, 3), np.uint8)


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
        self.court = TableCourt(seed=seed, sticky=sticky)
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

    def state_dict(self) -> dict[str, Any]:
        """All that the game depends on besides who plays."""
        return {
            "court": self.court.state_dict(),
            "randomness": saved_randomness(self._random),
            "scripts": [None if script is None else json.dumps(script.memory()) for script in self._scripts],
            "served": self._served,
            "observations": packed(self._observations),
            "costs": None if self._costs is None else self._costs.tolist(),
        }

    def load_state_dict(self, state: dict[str, Any], matchup: Matchup) -> None:
        """Goes back to a game of these players."""
        self.court.load_state_dict(state["court"])
        self._matchup = matchup
        self._scripts = [_script(player, seed=0) for player in matchup]
        for script, memory in zip(self._scripts, state["scripts"], strict=True):
            if isinstance(script, TrackerAgent):
                script.recall(msgspec.convert(json.loads(memory), TrackerMemory))
            elif script is not None:
                script.recall(msgspec.convert(json.loads(memory), PersonaMemory))
        restore_randomness(self._random, state["randomness"])
        self._served, self._score = state["served"], self.court.score
        self._observations[:] = unpacked(state["observations"])
        if self._costs is not None:
            self._costs[:] = state["costs"]

    def _control(self, side: Side, actions: NDArray[np.int64], grey: Frame | None) -> Control:
        script = self._scripts[side]
        if script is None:
            return self._controls[int(actions[side])]
        assert grey is not None
        return script.decide(look(grey) if side is Side.RIGHT else look_from_left(grey)).control

    def _observe(self, frames: list[Frame]) -> None:
        """Pushes the maximum of the last frames onto the stacks of the seats with a network."""
        for side in Side:
            if self._matchup[side] is Player.NETWORK:
                seen = [mirrored(frame) for frame in frames] if side is Side.LEFT else frames
                joined = seen[0] if len(seen) == 1 else np.maximum(seen[0], seen[1])
                stack = self._observations[side]
                stack[:-1] = stack[1:]
                stack[-1] = shrunk(joined, self._spec)
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
