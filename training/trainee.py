"""What the training loop requires of an algorithm, be it a policy gradient or a black-box search."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from gymnasium.vector import VectorEnv

from training.run import Progress, Resumable


class Step(NamedTuple):
    """The outcome of one round of playing and learning."""

    steps: int
    """Agent steps taken."""
    games: int
    """Full games that ended."""
    metrics: dict[str, float]
    """By name: `mean_return` and `mean_length` of games, and diagnostics."""
    promising: bool = False
    """Whether to evaluate the policy now, because it may have solved its environment."""


class Trainee(Resumable, Protocol):
    """A policy in training: it plays, learns, and can be resumed."""

    num_envs: int
    """How many environments it plays in."""
    greedy: bool
    """Whether evaluations take the likeliest actions, or sample as in training."""
    evaluation_games: int
    """Games per evaluation."""

    def prepare(self, environments: VectorEnv, progress: Progress) -> str | None:
        """Called once before the first step, with the environments and the run's progress so far.

        Returns why a resumed run cannot go on exactly as it would have; None if it can.
        """
        ...

    def step(self, progress: Progress) -> Step:
        """Plays and learns once; `progress` is from before the step."""
        ...

    def on_evaluation(self, mean_return: float, progress: Progress) -> dict[str, float]:
        """Called after each evaluation, with the progress at that point; returns metrics that depend on it."""
        ...
