"""The court for two as a PettingZoo environment: two players who move at the same time."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
from gymnasium.spaces import Box, Discrete
from gymnasium.utils.seeding import np_random
from numpy.typing import NDArray

from agents.pong import FRAMES_PER_SECOND, MAX_NOOPS, Side
from models.spec import ACTIONS, FrameObservation
from training.arena.single import RENDER_MODES, checked_render_mode
from training.arena.table import Matchup, Player, Table
from training.arena.window import CourtWindow

# PettingZoo silences pygame's greeting for the whole program, which is not for an import to decide.
_variables = dict(os.environ)
from pettingzoo import ParallelEnv  # noqa: E402

for _added in os.environ.keys() - _variables:
    del os.environ[_added]

NAMES = ("left", "right")


class CourtForTwo(ParallelEnv[str, NDArray[np.uint8], np.int64]):  # type: ignore[misc]
    """Full games of Pong between `left` and `right`, to 21 points.

    Each player sees itself on the right: the court is mirrored for the left one. Observations are `[stack, height,
    width]` uint8, actions the ROM's six and four slow moves, rewards points (+1, -1). Who does not serve is made to
    after 1.5 seconds. A rally of a minute ends the game as a truncation.
    """

    metadata = {  # noqa: RUF012 - as PettingZoo declares it
        "name": "volley_pong_v0",
        "render_modes": list(RENDER_MODES),
        "render_fps": FRAMES_PER_SECOND / 4,
        "is_parallelizable": True,
    }

    def __init__(self, *, observation: FrameObservation | None = None, render_mode: str | None = None) -> None:
        spec = observation or FrameObservation()
        self.possible_agents = list(NAMES)
        self.agents: list[str] = []
        self.render_mode = checked_render_mode(render_mode)
        self._frames_per_second = FRAMES_PER_SECOND / spec.frame_skip
        self.metadata = self.metadata | {"render_fps": self._frames_per_second}
        self.observation_spaces = {name: Box(0, 255, spec.shape, np.uint8) for name in NAMES}
        self.action_spaces = {name: Discrete(len(ACTIONS)) for name in NAMES}
        self._seen = np.zeros((2, *spec.shape), np.uint8)
        self._table = Table(spec, ACTIONS, self._seen, seed=0)
        self._random, _ = np_random()
        self._window: CourtWindow | None = None

    def observation_space(self, agent: str) -> Box:
        """The space of the observations of `left` or `right`."""
        return self.observation_spaces[agent]

    def action_space(self, agent: str) -> Discrete:
        """The space of the actions of `left` or `right`."""
        return self.action_spaces[agent]

    def reset(
        self, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, NDArray[np.uint8]], dict[str, dict[str, Any]]]:
        """Begins a new game, after 1 to 30 idle frames."""
        del options
        if seed is not None:
            self._random, _ = np_random(seed)
        self.agents = list(NAMES)
        idle_frames = int(self._random.integers(1, MAX_NOOPS + 1))
        self._table.begin(Matchup(Player.NETWORK, Player.NETWORK), idle_frames=idle_frames)
        self._show()
        return self._observations, self._infos

    def step(
        self, actions: dict[str, np.int64]
    ) -> tuple[
        dict[str, NDArray[np.uint8]], dict[str, float], dict[str, bool], dict[str, bool], dict[str, dict[str, Any]]
    ]:
        """Plays `frame_skip` emulator frames with both players' actions."""
        outcome = self._table.step(np.array([actions[name] for name in NAMES], np.int64))
        self._show()
        results = (
            self._observations,
            {"left": float(-outcome.reward), "right": float(outcome.reward)},
            dict.fromkeys(NAMES, outcome.terminated),
            dict.fromkeys(NAMES, outcome.truncated),
            self._infos,
        )
        if outcome.terminated or outcome.truncated:
            self.agents = []
        return results

    def render(self) -> NDArray[np.uint8] | None:
        """The court in colour, `[210, 160, 3]`, in mode `rgb_array`; None in mode `human`, whose window follows."""
        return self._table.court.colour() if self.render_mode == "rgb_array" else None

    def close(self) -> None:
        """Closes the window, if there is one."""
        if self._window is not None:
            self._window.close()
            self._window = None

    @property
    def _observations(self) -> dict[str, NDArray[np.uint8]]:
        return {name: self._seen[side].copy() for name, side in zip(NAMES, Side, strict=True)}

    @property
    def _infos(self) -> dict[str, dict[str, Any]]:
        score = tuple(self._table.court.score)
        return {name: {"score": score} for name in NAMES}

    def _show(self) -> None:
        if self.render_mode == "human":
            if self._window is None:
                self._window = CourtWindow(self._frames_per_second)
            self._window.show(self._table.court.colour())
