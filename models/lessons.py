"""What the window and the process that runs its lessons tell each other, one line of JSON at a time.

The window asks for a lesson with some `Knobs`, and is told its `State`s until it asks for something else.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec
from msgspec import Struct

Rule: TypeAlias = Literal[
    "hill-climbing",
    "steepest-ascent",
    "simulated-annealing",
    "adaptive-noise",
    "cross-entropy",
    "evolution-strategies",
]
Point: TypeAlias = tuple[float, float]


class ClimbingKnobs(Struct, frozen=True, tag="climbing"):
    """Black-box search for the two weights of a policy for the mountain car."""

    rule: Rule = "hill-climbing"
    seed: int = 0


class Landscape(Struct, frozen=True, tag="landscape"):
    """The mean return of every policy on a square grid of weights, those of the least weights first."""

    reach: float
    """The weights go from minus this to this, both ways."""
    returns: list[list[float]]
    """By the weight of the speed, then by that of the position."""


class Climb(Struct, frozen=True, tag="climb"):
    """How far a search has got. A point is the weights of the position and the speed."""

    tried: list[Point]
    """The policies tried last."""
    path: list[Point]
    """Where the search has been."""
    best: Point
    best_return: float
    games: int
    """Full games played so far."""
    spread: float
    """The standard deviation with which new policies are drawn, per weight."""


class ChanceKnobs(Struct, frozen=True, tag="chance"):
    """REINFORCE in the gridworld where two cells look alike."""

    seed: int = 0


class Walk(Struct, frozen=True):
    """A way to act in the gridworld, and what it is worth."""

    policy: list[list[float]]
    """The probability of each move for each observation."""
    values: list[float]
    """The exact value of each cell."""

    @property
    def value(self) -> float:
        """The exact value of an episode, which may begin in any of the cells."""
        return sum(self.values) / len(self.values)


class Chance(Struct, frozen=True, tag="chance"):
    """What has been learned in the gridworld, and what it is worth to act on it in three ways."""

    stochastic: Walk
    epsilon_greedy: Walk
    deterministic: Walk
    best_deterministic: float
    """The value of the best policy of all deterministic ones."""
    best: float
    """The value of the best of all policies."""
    episodes: int
    curve: list[Point]
    """Updates, and the stochastic policy's value after them."""


class NoiseKnobs(Struct, frozen=True, tag="noise"):
    """REINFORCE on CartPole, with or without each of its cures."""

    batch: bool = False
    """Whether an update averages eight trajectories, not one."""
    normalize: bool = False
    to_go: bool = False
    baseline: bool = False
    seed: int = 0


class Noise(Struct, frozen=True, tag="noise"):
    """How trainings with different seeds go, and how much their gradients scatter."""

    curves: list[list[Point]]
    """For each seed: agent steps, and the mean return of the last games."""
    steps: int
    """That each is trained for."""
    gradients: list[Point] = []
    """Estimates of one policy's gradient, seen from the side: along their mean, and across it; the mean is (1, 0)."""
    plain: list[Point] = []
    """The same without any cure, in the scale of their own mean."""
    spread: float = 0.0
    """The standard deviation of an estimate, in lengths of the mean gradient."""
    plain_spread: float = 0.0


class ClipKnobs(Struct, frozen=True, tag="clip"):
    """The surrogate on CartPole: how often the same experience is used."""

    passes: int = 16
    """Over each rollout."""
    clip_epsilon: float | None = None
    """How far from 1 a ratio may move before it is clipped; None never clips."""
    seed: int = 0


class Clip(Struct, frozen=True, tag="clip"):
    """How far a policy has moved from the one whose experience it learns from, what that promises, what it brings."""

    rollouts: int
    """In the whole training."""
    passes: int
    """Over the newest rollout so far."""
    clip_epsilon: float | None
    reach: float
    """The histogram is from one over this to this; ratios beyond count as there."""
    histogram: list[int]
    """How many actions of the newest rollout have which ratio of new to old probability, in bins alike in ratio."""
    largest: float
    """Of the ratios."""
    surrogates: list[list[Point]]
    """For each rollout: where in the training, in rollouts, and the surrogate, in standard deviations of advantages."""
    returns: list[Point]
    """Where in the training, and the mean return of games played to measure the policy."""


class CriticKnobs(Struct, frozen=True, tag="critic"):
    """Actor-critic on CartPole: how far advantages trust rewards over the critic."""

    gae_lambda: float = 0.95
    seed: int = 0


class Estimates(Struct, frozen=True):
    """Estimates, with one lambda, of how much better a push to the right is than one to the left."""

    gae_lambda: float
    examples: list[float]
    """Single estimates in one situation."""
    mean: float
    """Of all estimates in that situation."""
    bias: float
    """The root mean square, over situations, of the error that remains in the mean of many estimates."""
    scatter: float
    """The standard deviation of the mean of a batch of estimates."""


class Critic(Struct, frozen=True, tag="critic"):
    """What each lambda makes of the same games, and how trainings with one of them go."""

    gae_lambda: float
    """Of the trainings."""
    curves: list[list[Point]]
    """For each seed: agent steps, and the mean return of the last games."""
    steps: int
    """That each is trained for."""
    estimates: list[Estimates] = []
    """By lambda."""
    truth: float = 0.0
    """What the estimates in the one situation should be: the difference between the mean returns of all games."""
    games: int = 0
    """Played to the end, to make the estimates."""
    batch: int = 1
    """Estimates whose mean `scatter` is about."""


Knobs: TypeAlias = ClimbingKnobs | ChanceKnobs | NoiseKnobs | ClipKnobs | CriticKnobs
State: TypeAlias = Landscape | Climb | Chance | Noise | Clip | Critic


class Ask(Struct, frozen=True):
    """Begin this lesson, in place of whatever runs; or rest."""

    number: int
    knobs: Knobs | None


class Tell(Struct, frozen=True):
    """Something about the lesson that was asked for under that number."""

    number: int
    state: State


def encode(message: Ask | Tell) -> bytes:
    """The message as a line."""
    return msgspec.json.encode(message) + b"\n"


def decode_ask(line: bytes) -> Ask:
    """What a line asks for; `msgspec.DecodeError` if nothing."""
    return msgspec.json.decode(line, type=Ask)


def decode_tell(line: bytes) -> Tell:
    """What a line tells; `msgspec.DecodeError` if nothing."""
    return msgspec.json.decode(line, type=Tell)
