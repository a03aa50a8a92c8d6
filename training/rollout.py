"""Playing in a vector environment and remembering what happened."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from gymnasium.vector import VectorEnv
from torch import Tensor

from training.learner import Learner


@dataclass(frozen=True)
class Rollout:
    """`T` steps of `N` environments, on the device of the network.

    Rewards are as the environment gave them. No step of a reset is in here: an ended episode is replaced within its
    last step.
    """

    observations: Tensor
    """`[T, N, ...]` uint8: what the policy saw."""
    actions: Tensor
    """`[T, N]` int64."""
    log_probs: Tensor
    """`[T, N]`: of those actions, under the policy that took them."""
    rewards: Tensor
    """`[T, N]`."""
    terminations: Tensor
    """`[T, N]` bool: the episode ended here by its own rules."""
    truncations: Tensor
    """`[T, N]` bool: the episode was cut off here."""
    values: Tensor
    """`[T, N]`: of the observations."""
    next_values: Tensor
    """`[T, N]`: of what each step led to, an ended episode's last observation included."""

    @classmethod
    def empty(cls, length: int, observations: Tensor) -> Rollout:
        """Uninitialised tensors for `length` steps of observations like `[N, ...]`, on their device."""
        num_envs, device = len(observations), observations.device

        def tensor(dtype: torch.dtype) -> Tensor:
            return torch.empty((length, num_envs), dtype=dtype, device=device)

        return cls(
            observations=observations.new_empty((length, *observations.shape)),
            actions=tensor(torch.int64),
            log_probs=tensor(torch.float32),
            rewards=tensor(torch.float32),
            terminations=tensor(torch.bool),
            truncations=tensor(torch.bool),
            values=tensor(torch.float32),
            next_values=tensor(torch.float32),
        )


class Episode(NamedTuple):
    """A full episode that ended during collection."""

    episode_return: float
    """The sum of its rewards, undiscounted."""
    length: int
    """In agent steps."""


class Collector:
    """Steps a vector environment with a learner's policy, rollout after rollout without a gap between them.

    The environment must replace an ended episode within the same step (`AutoresetMode.SAME_STEP`). The tensors of a
    rollout are used again for the next.
    """

    def __init__(self, environments: VectorEnv, learner: Learner, *, rollout_length: int, seed: int) -> None:
        self._environments = environments
        self._learner = learner
        observations, _ = environments.reset(seed=seed)
        self._observations = self._to_device(observations)
        self._rollout = Rollout.empty(rollout_length, self._observations)
        self._returns = np.zeros(environments.num_envs)
        self._lengths = np.zeros(environments.num_envs, np.int64)
        self._final_values = torch.empty(0)
        """Of the last observations of the episodes that the newest step truncated."""

    def random_observations(self, steps: int, rng: np.random.Generator) -> Tensor:
        """Plays `steps` uniformly random steps, not trained on; gives what was seen, `[steps * N, ...]`.

        It serves the first input statistics, and sets the environments apart from each other.
        """
        num_envs, num_actions = self._environments.num_envs, len(self._learner.spec.actions)
        seen = []
        for _ in range(steps):
            actions = rng.integers(num_actions, size=num_envs)
            self._observations = self._to_device(self._environments.step(actions)[0])
            seen.append(self._observations)
        return torch.cat(seen)

    @torch.no_grad()
    def collect(self) -> tuple[Rollout, list[Episode]]:
        """The next rollout, and the full episodes that ended in it.

        The rollout is overwritten by the next call.
        """
        rollout, episodes = self._rollout, []
        length = len(rollout.rewards)
        for t in range(length):
            rollout.observations[t] = self._observations
            actions, log_probs, values = self._learner.act(self._observations)
            rollout.actions[t], rollout.log_probs[t], rollout.values[t] = actions, log_probs, values
            if t > 0:
                self._bootstrap(t - 1, values)
            episodes += self._step(t, actions)
        self._bootstrap(length - 1, self._learner.value(self._observations))
        return rollout, episodes

    def _step(self, t: int, actions: Tensor) -> list[Episode]:
        observations, rewards, terminations, truncations, info = self._environments.step(actions.cpu().numpy())
        self._observations = self._to_device(observations)
        self._rollout.rewards[t] = torch.as_tensor(rewards)
        self._rollout.terminations[t] = torch.as_tensor(terminations)
        self._rollout.truncations[t] = torch.as_tensor(truncations)
        self._returns += rewards
        self._lengths += 1
        ended = np.flatnonzero(terminations | truncations)
        if truncations.any():
            finals = self._to_device(np.stack(info["final_obs"][truncations]))
            self._final_values = self._learner.value(finals)
        episodes = [Episode(float(self._returns[i]), int(self._lengths[i])) for i in ended]
        self._returns[ended] = 0
        self._lengths[ended] = 0
        return episodes

    def _bootstrap(self, t: int, values: Tensor) -> None:
        """Sets the values of what step `t` led to: of the next observation, or of a truncated episode's last."""
        self._rollout.next_values[t] = values
        truncations = self._rollout.truncations[t]
        if truncations.any():
            self._rollout.next_values[t, truncations] = self._final_values

    def _to_device(self, observations: np.ndarray) -> Tensor:
        return torch.from_numpy(observations).to(self._learner.device)
