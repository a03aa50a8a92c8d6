"""Games in progress that can be saved, so that a resumed training goes on as if it had never stopped."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, TypeAlias

import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv
from numpy.typing import NDArray

from models.errors import UserError
from training.saving import packed, unpacked

Stepped: TypeAlias = tuple[NDArray[Any], NDArray[np.float64], NDArray[np.bool_], NDArray[np.bool_], dict[str, Any]]
"""Observations, rewards, terminations, truncations and infos, as a vector environment's `step` returns them."""


class Games(VectorEnv[NDArray[Any], NDArray[Any], NDArray[Any]]):
    """A vector environment whose games in progress can be saved.

    An ended game is replaced within the same step: the observation is the first of the new one. If any was truncated,
    `info["final_obs"]` holds the last observations of all that were stepped, of use for those that were truncated.
    """

    metadata = {"autoreset_mode": AutoresetMode.SAME_STEP}  # noqa: RUF012 - as gymnasium declares it

    @abstractmethod
    def state_dict(self) -> dict[str, Any]:
        """All that the games' future depends on, of plain types."""

    @abstractmethod
    def load_state_dict(self, state: dict[str, Any]) -> tuple[NDArray[Any], dict[str, Any]]:
        """Goes back to the games that `state_dict` returned; returns what `reset` would: observations and infos."""


def seeds_of_games(seed: int, games: int) -> tuple[int, ...]:
    """One for each game, none of which another `seed` gives, as far as chance allows; 31 bits each, as emulators take.

    `seed + i` would not do: two seeds that are neighbours would have all games but one in common.
    """
    return tuple((np.random.SeedSequence(seed).generate_state(games) >> 1).tolist())


class NotRepeatableError(UserError):
    """An environment does not play its games again as they were."""


class RepeatableGames(Games):
    """Saves the games of any environment: a game in progress is its seed and the actions since, to be played again.

    `environments` must be seeded game by game, so their automatic reset must be off. A game's seed follows from `seed`,
    which environment it is in, and how many there were before it.
    """

    def __init__(self, environments: VectorEnv, *, seed: int) -> None:
        self.num_envs = environments.num_envs
        self.spec = environments.spec
        self.single_observation_space = environments.single_observation_space
        self.single_action_space = environments.single_action_space
        self.observation_space, self.action_space = environments.observation_space, environments.action_space
        self._environments = environments
        self._seed = seed
        self._played = [0] * self.num_envs
        """Games before the current one."""
        self._actions: list[list[NDArray[Any]]] = [[] for _ in range(self.num_envs)]
        """Of the current game."""
        self._observations: NDArray[Any] = np.empty(0)

    def reset(
        self, *, seed: int | list[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[Any], dict[str, Any]]:
        """Begins new games; the seed is the constructor's."""
        del seed, options
        self._played = [number + bool(actions) for number, actions in zip(self._played, self._actions, strict=True)]
        self._actions = [[] for _ in self._played]
        self._observations, info = self._environments.reset(seed=self._seeds)  # type: ignore[arg-type] # it takes one for each
        return self._observations, info

    def step(self, actions: NDArray[Any]) -> Stepped:
        """Takes one action in every game."""
        self._observations, rewards, terminations, truncations, info = self._environments.step(actions)
        for history, action in zip(self._actions, actions, strict=True):
            history.append(np.array(action))
        ended = terminations | truncations
        if ended.any():
            info["final_obs"] = self._observations
            for index in np.flatnonzero(ended):
                self._played[index] += 1
                self._actions[index] = []
            self._begin(ended)
        return self._observations, rewards, terminations, truncations, info

    def state_dict(self) -> dict[str, Any]:
        """The number of games before the current ones, and the actions taken in these."""
        actions = [packed(np.array(history)) for history in self._actions]
        return {"played": list(self._played), "actions": actions, "observations": packed(self._observations)}

    def load_state_dict(self, state: dict[str, Any]) -> tuple[NDArray[Any], dict[str, Any]]:
        """Plays the games again, all up to their last action together; `NotRepeatableError` if they go another way."""
        self._played = list(state["played"])
        self._actions = [list(unpacked(history)) for history in state["actions"]]
        ages = np.array([len(history) for history in self._actions])
        idle = np.zeros(self.single_action_space.shape or (), self.single_action_space.dtype)
        self._observations, info = self._environments.reset(seed=self._seeds)  # type: ignore[arg-type] # it takes one for each
        for left in range(ages.max(), 0, -1):
            self._begin(ages == left)
            actions = [history[-left] if left <= len(history) else idle for history in self._actions]
            self._observations, _, terminations, truncations, info = self._environments.step(np.array(actions))
            self._begin(terminations | truncations)  # of games that are only waiting to begin
        self._begin(ages == 0)
        if not np.array_equal(self._observations, unpacked(state["observations"])):
            raise NotRepeatableError("the environment does not play its games again as they were")
        return self._observations, info

    def close_extras(self, **_: object) -> None:
        """Closes the environments."""
        self._environments.close()

    @property
    def _seeds(self) -> list[int | None]:
        """Of the current games."""
        return [
            int(np.random.SeedSequence((self._seed, index, number)).generate_state(1)[0] >> 1)
            for index, number in enumerate(self._played)
        ]

    def _begin(self, which: NDArray[np.bool_]) -> None:
        """Begins the current games of these environments."""
        if which.any():
            only = {"reset_mask": which}
            self._observations, _ = self._environments.reset(seed=self._seeds, options=only)  # type: ignore[arg-type]
