from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest
import torch
from torch import Tensor

from training.rollout import Episode, Rollout
from training.trajectories import TrajectoryCollector

Step = tuple[int, int]
"""Of which environment, and its number there."""


class Source:
    """Rollouts of random episodes, `[length, num_envs]`, in the same tensors each time, as a `Collector`'s are.

    Every column of a step tells whose it is.
    """

    def __init__(self, num_envs: int, length: int, *, end: float, seed: int) -> None:
        self.steps = 0
        self.given: list[list[tuple[Step, bool]]] = [[] for _ in range(num_envs)]
        """By environment: each step, and whether its trajectory ended there."""
        self.sizes: list[int] = []
        """How many trajectories ended in each rollout."""
        self._random = np.random.default_rng(seed)
        self._end = end
        self._rollout = Rollout.empty(length, torch.zeros(num_envs, 2), torch.zeros(num_envs, dtype=torch.int64))

    def collect(self) -> tuple[Rollout, list[Episode]]:
        rollout = self._rollout
        length, num_envs = rollout.rewards.shape
        ended = self._random.random((length, num_envs)) < self._end
        for t in range(length):
            for env in range(num_envs):
                step = (env, len(self.given[env]))
                self.given[env].append((step, bool(ended[t, env])))
                rollout.observations[t, env] = torch.tensor(step)
                for field in fields(Rollout)[1:]:
                    getattr(rollout, field.name)[t, env] = step[1]
        rollout.terminations[:] = torch.from_numpy(ended)
        rollout.truncations[:] = False
        self.steps += length * num_envs
        self.sizes.append(int(ended.sum()))
        return rollout, [Episode(float(number), 1) for number in range(self.sizes[-1])]


def ends(rollout: Rollout) -> Tensor:
    return rollout.terminations | rollout.truncations


def collector(source: Source, *, minimum: int) -> TrajectoryCollector:
    return TrajectoryCollector(source, ends, minimum=minimum)  # type: ignore[arg-type]


def steps_of(rollout: Rollout) -> list[Step]:
    return [(int(env), int(number)) for env, number in rollout.observations[:, 0].tolist()]


def ended_so_far(source: Source) -> list[list[Step]]:
    """By environment, one step after the other: what has come to an end."""
    finished: list[list[Step]] = []
    for given in source.given:
        finished.append([])
        waiting = []
        for step, ended in given:
            waiting.append(step)
            if ended:
                finished[-1] += waiting
                waiting = []
    return finished


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(("num_envs", "length", "end"), [(3, 5, 0.15), (1, 4, 0.3), (4, 1, 0.2), (2, 8, 0.02)])
def test_each_step_of_what_has_ended_comes_once_and_in_order(num_envs: int, length: int, end: float, seed: int) -> None:
    source = Source(num_envs, length, end=end, seed=seed)
    trajectories = collector(source, minimum=3)
    come: list[list[Step]] = [[] for _ in range(num_envs)]
    for _ in range(12):
        rollout, _ = trajectories.collect()
        steps = steps_of(rollout)
        assert [env for env, _ in steps] == sorted(env for env, _ in steps)  # never in turns
        for step, ended in zip(steps, ends(rollout)[:, 0].tolist(), strict=True):
            come[step[0]].append(step)
            assert source.given[step[0]][step[1]] == (step, ended)
        # Nothing of what goes on is among it, and nothing that ended is missing.
        assert come == ended_so_far(source)
    assert trajectories.steps == source.steps == sum(map(len, source.given))


def test_all_columns_are_of_the_same_step() -> None:
    source = Source(3, 5, end=0.15, seed=1)
    trajectories = collector(source, minimum=3)
    for _ in range(5):
        rollout, _ = trajectories.collect()
        numbers = torch.tensor([number for _, number in steps_of(rollout)])[:, None]
        for name in ("actions", "log_probs", "rewards", "values", "next_values"):
            assert torch.equal(getattr(rollout, name).long(), numbers), name
        assert rollout.truncations.shape == numbers.shape


@pytest.mark.parametrize("minimum", [1, 4, 15])
def test_no_fewer_than_asked_for_and_no_more_rollouts_than_needed(minimum: int) -> None:
    source = Source(3, 5, end=0.15, seed=2)
    trajectories = collector(source, minimum=minimum)
    for _ in range(5):
        before = len(source.sizes)
        rollout, episodes = trajectories.collect()
        sizes = source.sizes[before:]
        assert int(ends(rollout).sum()) == sum(sizes) == len(episodes) == trajectories.metrics["trajectories"]
        assert sum(sizes) >= minimum > sum(sizes[:-1])


def test_what_it_gave_stays_as_it_is() -> None:
    # The source writes every rollout into the same tensors, which must not reach what was given before, or waits.
    trajectories = collector(Source(1, 4, end=0.3, seed=3), minimum=2)
    rollout, _ = trajectories.collect()
    kept = replace(rollout, **{field.name: getattr(rollout, field.name).clone() for field in fields(Rollout)})
    trajectories.collect()
    for field in fields(Rollout):
        assert torch.equal(getattr(rollout, field.name), getattr(kept, field.name))
