"""Pong against the ROM as a vector environment whose games can be saved."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
from gymnasium.spaces import Box, Discrete
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray

from models.machine import cores
from models.spec import ModelSpec
from training.games import Games, Stepped, seeds_of_games
from training.solo import Board, Plan, work
from training.workers import Workers, shared_memory


class SoloGames(Games):
    """`num_envs` games of Pong against the ROM with the observations and actions of `spec`, which can be saved.

    The same games as those of ale-py's `AtariVectorEnv`, which cannot save them, nor let some rest. Observations are
    `[num_envs, stack, height, width]` uint8, actions indices into `spec.actions`, rewards points (+1, -1). Games begin
    after 1 to 30 idle frames. `sticky` is the probability, per emulator frame, that the last action repeats.
    """

    def __init__(self, spec: ModelSpec, num_envs: int, *, sticky: float, seed: int = 0) -> None:
        self.num_envs = num_envs
        self.single_observation_space = Box(0, 255, spec.observation.shape, np.uint8)
        self.single_action_space = Discrete(len(spec.actions))
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        memory = shared_memory(Board.size(spec, num_envs))
        self._board = Board(spec, num_envs, memory)
        self.playing = self._board.playing
        """`[num_envs]` bool: games that are False here rest, and their results mean nothing."""
        self.playing[:] = True
        workers = min(cores(), num_envs)
        # Each worker has some games of each half.
        middle = num_envs // 2 if num_envs >= 2 * workers else num_envs
        self.parts = tuple(slice(*ends) for ends in pairwise(dict.fromkeys((0, middle, num_envs))))
        """Games that are stepped together, halves if there are enough: one can play while the policy decides in the
        other."""
        split = [np.array_split(np.arange(part.start, part.stop), workers) for part in self.parts]
        self._shares = [np.concatenate(shares) for shares in zip(*split, strict=True)]
        plan = Plan(spec, seeds_of_games(seed, num_envs), sticky)
        self._workers = Workers(work, [(plan, memory, share.tolist()) for share in self._shares])

    def reset(
        self, *, seed: int | list[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.uint8], dict[str, Any]]:
        """Begins new games, with randomness from `seed`, or from one for each; without one, it goes on as it was."""
        del options
        seeds = seeds_of_games(seed, self.num_envs) if isinstance(seed, int) else seed
        self._workers.ask_all("begin", seeds)
        return self._board.observations.copy(), {}

    def step(self, actions: NDArray[np.int64]) -> Stepped:
        """Takes one action in every game."""
        everything = slice(0, self.num_envs)
        self.send(everything, actions)
        return self.receive(everything)

    def send(self, part: slice, actions: NDArray[np.int64]) -> None:
        """Begins a step of these games. Those of another part may be under way."""
        self._board.actions[part] = actions
        self._workers.send_all("step", range(part.start, part.stop))

    def receive(self, part: slice) -> Stepped:
        """What the step of these games led to, once it is over. It must be the one that was begun first."""
        self._workers.receive()
        board = self._board
        terminated, truncated = board.terminated[part].copy(), board.truncated[part].copy()
        info = {"final_obs": board.finals[part].copy()} if truncated.any() else {}
        return board.observations[part].copy(), board.rewards[part].copy(), terminated, truncated, info

    def state_dict(self) -> dict[str, Any]:
        """The emulators with their randomness, and what the policy sees."""
        saved = [game for games in self._workers.ask_all("save") for game in games]
        return {"games": [saved[place] for place in np.argsort(np.concatenate(self._shares))]}

    def load_state_dict(self, state: dict[str, Any]) -> tuple[NDArray[np.uint8], dict[str, Any]]:
        """Goes back to there."""
        self._workers.ask("load", [([state["games"][index] for index in share],) for share in self._shares])
        return self._board.observations.copy(), {}

    def close_extras(self, **_: object) -> None:
        """Ends the processes."""
        self._workers.close()
