"""What the training loop asks of whatever learns: a policy by its gradient, or a search over policies."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from gymnasium.vector import VectorEnv

from training.run import Learning, Progress


class Step(NamedTuple):
    """What came of playing and learning once."""

    steps: int
    """Agent steps taken."""
    games: int
    """Full games that ended."""
    metrics: dict[str, float]
    """By name: `mean_return` and `mean_length` of games, and diagnostics."""
    promising: bool = False
    """Whether the policy should be evaluated at once, as it may have solved its environment."""


class Trainee(Learning, Protocol):
    """A policy in training: it plays, learns, and has a state to go on from."""

    num_envs: int
    """Environments that it plays in."""
    greedy: bool
    """Whether it is evaluated by its likeliest actions, or by actions drawn as in training."""
    evaluation_games: int
    """How many games an evaluation takes."""

    def prepare(self, environments: VectorEnv, progress: Progress) -> None:
        """Called once before the first step, with where to play and how far the run has come."""
        ...

    def step(self, progress: Progress) -> Step:
        """Plays and learns once; `progress` is that before the step."""
        ...

    def evaluated(self, mean_return: float, progress: Progress) -> dict[str, float]:
        """Called after each evaluation, with the progress it was made at; returns metrics that depend on it."""
        ...
