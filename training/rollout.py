"""Collecting rollouts from a vector environment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, NamedTuple, Protocol

import numpy as np
import torch
from gymnasium.spaces import Discrete
from gymnasium.vector import VectorEnv
from numpy.typing import NDArray
from torch import Tensor

from models.errors import UserError
from training.arena.selfplay import SelfPlay
from training.games import Games
from training.learner import Learner
from training.turns import in_turns, shared_processors


@dataclass(frozen=True)
class Rollout:
    """`T` steps of `N` environments, on the network's device.

    Rewards are the environment's own, neither clipped nor edited. There are no reset steps: an ended episode is
    replaced within its last step.
    """

    observations: Tensor
    """`[T, N, ...]` uint8 or float32: what the policy saw."""
    actions: Tensor
    """`[T, N]` int64, or `[T, N, D]` float32."""
    log_probs: Tensor
    """`[T, N]`: of the actions, under the policy that took them."""
    rewards: Tensor
    """`[T, N]`."""
    terminations: Tensor
    """`[T, N]` bool: the episode ended here by its own rules."""
    truncations: Tensor
    """`[T, N]` bool: the episode was cut off here."""
    values: Tensor
    """`[T, N]`: of the observations."""
    next_values: Tensor
    """`[T, N]`: of the observation that each step led to; for a truncated episode, its last one."""

    @classmethod
    def empty(cls, length: int, observations: Tensor, actions: Tensor) -> Rollout:
        """An uninitialised rollout of `length` steps of observations and actions like these `[N, ...]`.

        `UserError` if there is no memory for it.
        """
        num_envs, device = len(observations), observations.device

        def tensor(dtype: torch.dtype) -> Tensor:
            return torch.empty((length, num_envs), dtype=dtype, device=device)

        try:
            seen = observations.new_empty((length, *observations.shape))
        except RuntimeError as error:
            gigabytes = length * observations.numel() * observations.element_size() / 1e9
            raise UserError(
                f"there is no memory for {length:,} observations of {num_envs:,} environments, {gigabytes:,.1f} GB; "
                "lower num_envs or rollout_length in the run's config.json"
            ) from error
        return cls(
            observations=seen,
            actions=actions.new_empty((length, *actions.shape)),
            log_probs=tensor(torch.float32),
            rewards=tensor(torch.float32),
            terminations=tensor(torch.bool),
            truncations=tensor(torch.bool),
            values=tensor(torch.float32),
            next_values=tensor(torch.float32),
        )

    @staticmethod
    def joined(rollouts: Sequence[Rollout]) -> Rollout:
        """A copy of all their steps, one after the other."""
        return Rollout(*(torch.cat([getattr(one, field.name) for one in rollouts]) for field in fields(Rollout)))


@dataclass(frozen=True)
class CoachedRollout(Rollout):
    """A rollout in environments with a coach."""

    costs: Tensor
    """`[T, N, A]`: of each action on each observation, as the coach sees it; 0 for the best."""


class Episode(NamedTuple):
    """A full episode that ended during collection."""

    episode_return: float
    """The sum of its rewards, undiscounted."""
    length: int
    """In agent steps."""
    against_itself: bool = False
    """Both sides were the policy, so the return says nothing about its strength."""


class Experience(Protocol):
    """A source of rollouts."""

    @property
    def steps(self) -> int:
        """Agent steps taken so far."""
        ...

    @property
    def metrics(self) -> Mapping[str, float]:
        """Diagnostics of the newest rollout, by name."""
        ...

    def collect(self) -> tuple[Rollout, list[Episode]]:
        """The next rollout, and the full episodes that ended during it."""
        ...

    def state_dict(self) -> dict[str, Any]:
        """All that the coming rollouts depend on, besides the policy."""
        ...

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Goes back to what `state_dict` returned."""
        ...


class Collector:
    """Steps a vector environment with a learner's policy; each rollout continues where the last one stopped.

    The environment must replace an ended episode within the same step (`AutoresetMode.SAME_STEP`).
    """

    def __init__(self, environments: VectorEnv, learner: Learner, *, rollout_length: int, seed: int) -> None:
        self._environments = environments
        self._turns = in_turns(environments)
        self._twins = environments.twins if isinstance(environments, SelfPlay) else 0
        self.learner = learner
        observations, info = environments.reset(seed=seed)
        self._observations = self._to_device(observations)
        self._costs = self._costs_in(info)  # Only games that are all stepped at once have a coach.
        actions = self._to_device(self._random_actions(np.random.default_rng()))  # only their shape matters
        self._rollout = Rollout.empty(rollout_length, self._observations, actions)
        if self._costs is not None:
            costs = self._costs.new_empty((rollout_length, *self._costs.shape))
            self._rollout = CoachedRollout(**vars(self._rollout), costs=costs)
        # On the host, to be moved together: a GPU would be waited for at each step.
        shape = (rollout_length, environments.num_envs)
        self._rewards = np.empty(shape, np.float32)
        self._terminations, self._truncations = np.empty(shape, np.bool_), np.empty(shape, np.bool_)
        self._returns = np.zeros(environments.num_envs)
        self._lengths = np.zeros(environments.num_envs, np.int64)
        self.steps = 0
        """Agent steps collected so far."""
        self.metrics: dict[str, float] = {}
        """Always empty: the rollout itself holds all there is to report."""
        self._final_values = torch.empty(0)
        """Of the last observations of the episodes that the step received last truncated."""

    @property
    def rollout(self) -> Rollout:
        """The newest, which the next one overwrites."""
        return self._rollout

    def state_dict(self) -> dict[str, Any]:
        """The games in progress, what they have brought so far, and how long they have lasted."""
        assert isinstance(self._environments, Games), "only such games can be saved"
        returns, lengths = torch.from_numpy(self._returns), torch.from_numpy(self._lengths)
        return {"games": self._environments.state_dict(), "returns": returns.clone(), "lengths": lengths.clone()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Goes back to there."""
        assert isinstance(self._environments, Games), "only such games can be saved"
        observations, info = self._environments.load_state_dict(state["games"])
        self._observations, self._costs = self._to_device(observations), self._costs_in(info)
        returns, lengths = (state[name].cpu().numpy().copy() for name in ("returns", "lengths"))
        if {(each.shape, each.dtype.kind) for each in (returns, lengths)} != {
            (self._returns.shape, "f"),
            (self._lengths.shape, "i"),
        }:
            raise ValueError("there are other games than saved")
        self._returns, self._lengths = returns, lengths

    def random_observations(self, steps: int, rng: np.random.Generator) -> Tensor:
        """Plays `steps` uniformly random steps, not trained on; returns their observations, `[steps * N, ...]`.

        These serve as the first input statistics, and the steps bring the environments out of sync with each other.
        """
        seen = []
        for _ in range(steps):
            observations, rewards, terminations, truncations, info = self._environments.step(self._random_actions(rng))
            self._observations, self._costs = self._to_device(observations), self._costs_in(info)
            # The games go on, and will be reported whole.
            going_on = ~(terminations | truncations)
            self._returns, self._lengths = (self._returns + rewards) * going_on, (self._lengths + 1) * going_on
            seen.append(self._observations)
        return torch.cat(seen)

    def _random_actions(self, rng: np.random.Generator) -> NDArray[Any]:
        """One action per environment, as a policy might draw it: an index, or numbers between -1 and 1."""
        space, num_envs = self._environments.single_action_space, self._environments.num_envs
        if isinstance(space, Discrete):
            return rng.integers(int(space.n), size=num_envs)
        # In a policy's own number type: a game is played again from its actions, to the last bit.
        return rng.uniform(-1, 1, (num_envs, *(space.shape or ()))).astype(np.float32)

    @torch.no_grad()
    def collect(self) -> tuple[Rollout, list[Episode]]:
        """The next rollout, and the full episodes that ended in it.

        The next call overwrites the rollout.
        """
        rollout, episodes = self._rollout, []
        last = len(rollout.rewards) - 1
        # In place from here on, so they must be its own.
        self._observations = self._observations.clone()
        with shared_processors(self._turns):
            for t in range(last + 1):
                for part in self._turns.parts:
                    if t > 0:
                        episodes += self._receive(t - 1, part)
                    self._decide(t, part)
            for part in self._turns.parts:
                episodes += self._receive(last, part)
                self._bootstrap(last, part, self.learner.value(self._observations[part]))
        rollout.rewards.copy_(torch.from_numpy(self._rewards))
        rollout.terminations.copy_(torch.from_numpy(self._terminations))
        rollout.truncations.copy_(torch.from_numpy(self._truncations))
        self.steps += rollout.rewards.numel()
        return rollout, episodes

    def _decide(self, t: int, part: slice) -> None:
        """Begins step `t` of these environments."""
        rollout, observations = self._rollout, self._observations[part]
        rollout.observations[t, part] = observations
        if isinstance(rollout, CoachedRollout) and self._costs is not None:
            rollout.costs[t, part] = self._costs[part]
        actions, log_probs, values = self.learner.act(observations)
        rollout.actions[t, part], rollout.log_probs[t, part], rollout.values[t, part] = actions, log_probs, values
        if t > 0:
            self._bootstrap(t - 1, part, values)
        self._turns.send(part, actions.cpu().numpy())

    def _receive(self, t: int, part: slice) -> list[Episode]:
        """Takes in what step `t` of these environments led to; returns the episodes that ended."""
        observations, rewards, terminations, truncations, info = self._turns.receive(part)
        self._observations[part] = self._to_device(observations)
        self._costs = self._costs_in(info)  # Only games that are all stepped at once have a coach.
        self._rewards[t, part], self._terminations[t, part] = rewards, terminations
        self._truncations[t, part] = truncations
        self._returns[part] += rewards
        self._lengths[part] += 1
        if truncations.any():
            finals = self._to_device(np.stack(info["final_obs"][truncations]))
            self._final_values = self.learner.value(finals)
        ended = part.start + np.flatnonzero(terminations | truncations)
        episodes = [
            Episode(float(self._returns[i]), int(self._lengths[i]), against_itself=bool(i < self._twins))
            for i in ended
            if i >= self._twins or i % 2  # of the two seats of a game, one tells of it
        ]
        self._returns[ended] = 0
        self._lengths[ended] = 0
        return episodes

    def _bootstrap(self, t: int, part: slice, values: Tensor) -> None:
        """Sets the values of what step `t` led to: the next observation, or the last one of a truncated episode."""
        next_values, truncations = self._rollout.next_values[t, part], self._truncations[t, part]
        next_values.copy_(values)
        if truncations.any():
            next_values[torch.from_numpy(truncations)] = self._final_values

    def _costs_in(self, info: Mapping[str, Any]) -> Tensor | None:
        return self._to_device(info["costs"]) if "costs" in info else None

    def _to_device(self, array: NDArray[Any]) -> Tensor:
        """Integers keep their type; other numbers become float32."""
        tensor = torch.from_numpy(array).to(self.learner.device)
        return tensor.float() if tensor.is_floating_point() else tensor
