"""Environments in turns: some play while the policy decides in the others, so that no processor waits.

Each step is of half of them and takes half as long, and one is always under way (Stooke and Abbeel 2018, "Accelerated
Methods for Deep Reinforcement Learning", alternating sampling).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

import numpy as np
import torch
from gymnasium.vector import VectorEnv
from numpy.typing import NDArray

from training.games import Stepped
from training.pong import SoloGames


class Turns(Protocol):
    """Environments that are stepped part by part."""

    @property
    def parts(self) -> tuple[slice, ...]:
        """Which environments are stepped together."""
        ...

    @property
    def playing(self) -> NDArray[np.bool_]:
        """Which environments a step is wanted of, `[N]`, all at first; the others may rest."""
        ...

    def send(self, part: slice, actions: NDArray[Any]) -> None:
        """Begins a step of these."""
        ...

    def receive(self, part: slice) -> Stepped:
        """What the step that was begun first led to, once it is over."""
        ...


class AllAtOnce:
    """Environments that cannot take turns: there is one part, and it plays while the caller waits."""

    def __init__(self, environments: VectorEnv) -> None:
        self.parts = (slice(0, environments.num_envs),)
        self.playing = np.ones(environments.num_envs, np.bool_)
        self._environments = environments
        self._actions: NDArray[Any] = np.empty(0)

    def send(self, part: slice, actions: NDArray[Any]) -> None:
        """Keeps the actions."""
        del part
        self._actions = actions

    def receive(self, part: slice) -> Stepped:
        """Takes the step."""
        del part
        return self._environments.step(self._actions)


def in_turns(environments: VectorEnv) -> Turns:
    """The same environments, in turns if they can be."""
    return environments if isinstance(environments, SoloGames) else AllAtOnce(environments)


@contextmanager
def shared_processors(turns: Turns) -> Iterator[None]:
    """Lets the policy compute on half of the processors during the block, if games are played on them meanwhile."""
    threads = torch.get_num_threads()
    if len(turns.parts) > 1:
        torch.set_num_threads(max(threads // 2, 1))
    try:
        yield
    finally:
        torch.set_num_threads(threads)
