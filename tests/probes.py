"""Environments so small that a right algorithm must solve them, and fake ones that tell what was done to them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from gymnasium.spaces import Box, Discrete
from gymnasium.vector import AutoresetMode, VectorEnv
from numpy.typing import NDArray

SIZE = 16


class Outcome(NamedTuple):
    reward: float
    terminated: bool = False
    truncated: bool = False


class Probe(VectorEnv[NDArray[np.uint8], NDArray[np.int64], NDArray[Any]]):
    """Episodes of single-colour frames `[1, 16, 16]`.

    `shade(episode, step)` is the grey of an observation, `outcome(shade, step, action)` what an action on it brings.
    As with ale-py's environments in same-step mode, an ended episode's successor is there within the same step.
    """

    def __init__(
        self,
        num_envs: int,
        *,
        shade: Callable[[int, int], int],
        outcome: Callable[[int, int, int], Outcome],
        num_actions: int = 3,
    ) -> None:
        self.num_envs = num_envs
        self.metadata = {"autoreset_mode": AutoresetMode.SAME_STEP}
        self.single_observation_space = Box(0, 255, (1, SIZE, SIZE), np.uint8)
        self.single_action_space = Discrete(num_actions)
        self._shade, self._outcome = shade, outcome
        self._episodes = np.arange(num_envs)
        self._steps = np.zeros(num_envs, np.int64)

    def reset(
        self, *, seed: int | list[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.uint8], dict[str, Any]]:
        del seed, options
        return self._observe(), {}

    def step(
        self, actions: NDArray[np.int64]
    ) -> tuple[NDArray[np.uint8], NDArray[Any], NDArray[Any], NDArray[Any], dict[str, Any]]:
        before = [self._shade(int(e), int(s)) for e, s in zip(self._episodes, self._steps, strict=True)]
        outcomes = [
            self._outcome(shade, int(step), int(action))
            for shade, step, action in zip(before, self._steps, actions, strict=True)
        ]
        rewards, terminations, truncations = (np.array(column) for column in zip(*outcomes, strict=True))
        self._steps += 1
        info: dict[str, Any] = {}
        ended = terminations | truncations
        if ended.any():
            info["final_obs"] = self._observe()
            self._episodes[ended] += self.num_envs
            self._steps[ended] = 0
        return self._observe(), rewards.astype(np.float64), terminations, truncations, info

    def _observe(self) -> NDArray[np.uint8]:
        shades = [self._shade(int(e), int(s)) for e, s in zip(self._episodes, self._steps, strict=True)]
        return np.broadcast_to(np.array(shades, np.uint8)[:, None, None, None], (self.num_envs, 1, SIZE, SIZE)).copy()
