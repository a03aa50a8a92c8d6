"""The court for two as a Gymnasium environment: you on the right, any named opponent on the left."""

from __future__ import annotations

from typing import Any, SupportsFloat

import gymnasium
import numpy as np
from gymnasium.spaces import Box, Discrete
from numpy.typing import NDArray

from agents import named
from agents.agent import Agent
from agents.base import control_of
from agents.pong import FRAMES_PER_SECOND, LONGEST_RALLY, MAX_NOOPS, Court
from agents.preprocessing import FrameStacker, mirrored
from models.errors import UserError
from models.spec import ACTIONS, FrameObservation
from training.arena.window import CourtWindow

RENDER_MODES = ("rgb_array", "human")


class CourtEnv(gymnasium.Env[NDArray[np.uint8], np.int64]):
    """Full games of Pong to 21 points: you on the right, `opponent` on the left.

    The opponent is `cpu` (the ROM's own), a script (`tracker`, `predictor`, `casual`, ...), or a model: a bundled one,
    a directory, or `USER/REPO` on the Hub. Observations are `[stack, height, width]` uint8, actions the ROM's six and
    four slow moves, rewards points (+1, -1). A rally of a minute ends the game as a truncation. `info` has the score,
    left first. `sticky` is the probability per frame that your last action repeats. `observation` is what your policy
    needs to see: a model's `spec.observation`.

    `UserError` if there is no such opponent.
    """

    metadata = {"render_modes": list(RENDER_MODES), "render_fps": FRAMES_PER_SECOND / 4}  # noqa: RUF012 - as gymnasium's

    def __init__(
        self,
        opponent: str = named.ROM,
        *,
        sticky: float = 0.0,
        observation: FrameObservation | None = None,
        render_mode: str | None = None,
    ) -> None:
        self._spec = observation or FrameObservation()
        self.observation_space = Box(0, 255, self._spec.shape, np.uint8)
        self.action_space = Discrete(len(ACTIONS))
        self.render_mode = checked_render_mode(render_mode)
        self.metadata = self.metadata | {"render_fps": FRAMES_PER_SECOND / self._spec.frame_skip}
        self._name = opponent
        self._sticky = sticky
        self._opponent: Agent[Any] | None = named.agent(opponent, seed=0)
        self._court = Court(sticky=sticky)
        self._frames = FrameStacker(self._spec)
        self._served = 0
        self._window: CourtWindow | None = None

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.uint8], dict[str, Any]]:
        """Begins a new game, after 1 to 30 idle frames."""
        super().reset(seed=seed, options=options)
        if seed is not None:
            self._court = Court(seed=seed, sticky=self._sticky)
        if seed is not None or self._opponent is None:
            self._opponent = named.agent(self._name, seed=int(self.np_random.integers(2**31)))
        self._court.reset(idle_frames=int(self.np_random.integers(1, MAX_NOOPS + 1)))
        if self._opponent is not None:
            self._opponent.reset()
        self._frames.reset()
        self._served = 0
        observation = self._frames.push(self._court.grey())
        assert observation is not None, "a game's first frame is a decision frame"
        self._show()
        return observation, {"score": (0, 0)}

    def step(self, action: np.int64) -> tuple[NDArray[np.uint8], SupportsFloat, bool, bool, dict[str, Any]]:
        """Plays `frame_skip` emulator frames."""
        court, before = self._court, self._court.score
        right = control_of(ACTIONS[int(action)])
        observation = None
        while observation is None:
            left = None if self._opponent is None else self._opponent.observe(mirrored(court.grey())).control
            court.step(right, left)
            observation = self._frames.push(court.grey())
        score = court.score
        reward = (score.right - before.right) - (score.left - before.left)
        if reward:
            self._served = court.frames
        self._show()
        truncated = not court.over and court.frames - self._served >= LONGEST_RALLY
        return observation, float(reward), court.over, truncated, {"score": tuple(score)}

    def render(self) -> NDArray[np.uint8] | None:
        """The court in colour, `[210, 160, 3]`, in mode `rgb_array`; None in mode `human`, whose window follows."""
        return self._court.colour() if self.render_mode == "rgb_array" else None

    def close(self) -> None:
        """Closes the window, if there is one."""
        if self._window is not None:
            self._window.close()
            self._window = None

    def _show(self) -> None:
        if self.render_mode == "human":
            if self._window is None:
                self._window = CourtWindow(self.metadata["render_fps"])
            self._window.show(self._court.colour())


def checked_render_mode(mode: str | None) -> str | None:
    """The mode; `UserError` if there is none of that name."""
    if mode not in {None, *RENDER_MODES}:
        raise UserError(f"there is no render mode {mode!r}; use one of {', '.join(RENDER_MODES)}, or None")
    return mode
