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


Trained: TypeAlias = Literal["a little", "to the end"]
MODELS: dict[Trained, str] = {"a little": "champion@71680", "to the end": "champion"}
"""Two policies of one training, after three minutes and at its end."""


class PolicyKnobs(Struct, frozen=True, tag="policy"):
    """Pong's network on a frozen moment."""

    row: int = 110
    """Of the ball's upper edge on the screen."""
    trained: Trained = "to the end"
    seed: int = 0


class Moment(Struct, frozen=True, tag="moment"):
    """What the network makes of it."""

    picture: bytes
    """The court, `[210, 160, 3]`."""
    actions: list[str]
    probabilities: list[float]
    """Of each action."""
    value: float
    """The points that it expects from here, discounted."""
    counts: list[int]
    """How often each action has been drawn."""


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


Credit: TypeAlias = Literal["total", "to-go", "baseline"]
"""For what an action is pushed: all rewards, those from it on, or how far these exceed what was to be expected."""
Pushes: TypeAlias = dict[Credit, list[float]]
"""By each way of giving credit, for each action: positive if it becomes more probable, negative if less."""
Game: TypeAlias = Literal["three steps", "rally"]


class CreditKnobs(Struct, frozen=True, tag="credit"):
    """Games whose actions are given credit in each way."""

    game: Game = "three steps"
    seed: int = 0


class SmallGame(Struct, frozen=True):
    """Three steps, each with a choice of two actions: to move, with a probability of one half, or not."""

    moved: list[bool]
    rewards: list[float]
    pushes: Pushes
    slopes: list[float]
    """How fast the logarithm of each action's probability rises with the probability to move."""
    gradient: dict[Credit, float]
    """The sum of pushes times slopes: what the game says about how the mean return rises with that probability."""


class SmallGames(Struct, frozen=True, tag="small-games"):
    """The games of the course."""

    games: list[SmallGame]
    expected: list[float]
    """The mean, over the games, of the rewards to go from each step: the baseline."""


class Rally(Struct, frozen=True, tag="rally"):
    """The decisions of a point of Pong, which is being played against the ROM."""

    court: bytes
    """The newest picture that the network saw, in grey, row by row."""
    width: int
    """Of the picture."""
    moves: list[int]
    """Of each decision so far: 1 up, -1 down, 0 to stay."""
    expected: list[float]
    """What the network expected to come from each on, discounted; that is the baseline."""
    gamma: float
    """The discount per decision."""
    reward: float = 0.0
    """1 or -1 once the point is won or lost."""
    pushes: Pushes = {}
    """Once the point is over."""


Head: TypeAlias = Literal["gaussian", "tanh-gaussian"]
Spread: TypeAlias = Literal["small", "medium", "large"]
FIRST_LOG_DEVIATIONS: dict[Spread, float] = {"small": -1.5, "medium": -0.5, "large": 1.0}
"""In half-widths of the range between the bounds."""


class NumbersKnobs(Struct, frozen=True, tag="numbers"):
    """PPO on the mountain car, whose actions are numbers between two bounds."""

    head: Head = "gaussian"
    spread: Spread = "large"
    """How far the first actions scatter."""
    seed: int = 0


class Numbers(Struct, frozen=True, tag="numbers"):
    """How the policy draws its action in one situation, and how well it does."""

    place: float
    """Of the car in that situation; it is rolling to the right."""
    density: list[Point]
    """Actions, from the least to the greatest, and the density of each."""
    draws: list[float]
    """Drawn in this situation."""
    pushes: list[float]
    """What the car is pushed with for each, within the bounds."""
    bounds: Point
    deviation: float
    """Of the Gaussian, in actions; it is learned too."""
    steps: int
    """That it is trained for."""
    curve: list[Point]
    """Agent steps, and the mean return of the last games."""


class QuizKnobs(Struct, frozen=True, tag="quiz"):
    """The question at the end of a lesson."""

    lesson: str
    """Its name."""


class Worked(Struct, frozen=True, tag="worked"):
    """The answer to a question, worked out."""

    lines: list[str]
    """How, a sentence each."""
    right: int
    """Which of the options is right, from 0."""


class SaleKnobs(Struct, frozen=True, tag="sale"):
    """PPO in optimal execution."""

    risk_aversion: float = 1e-6
    """Per dollar; one of those that have an environment of their own."""
    seed: int = 0


class Sale(Struct, frozen=True, tag="sale"):
    """How a policy would sell, beside the best trades. A place is a deviation and a mean cost, in millions."""

    held: list[float]
    """The fraction of the shares that it holds, day by day."""
    best: list[float]
    """The fraction that the best trades would hold."""
    path: list[Point]
    """Where it has been beside the frontier."""
    frontier: list[Point]
    """The best trades for many risk aversions."""
    best_place: Point
    utility: float
    """In dollars: the less, the better."""
    best_utility: float
    steps: int


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


Knobs: TypeAlias = (
    QuizKnobs
    | PolicyKnobs
    | ClimbingKnobs
    | ChanceKnobs
    | NoiseKnobs
    | CreditKnobs
    | ClipKnobs
    | CriticKnobs
    | NumbersKnobs
    | SaleKnobs
)
State: TypeAlias = (
    Worked | Moment | Landscape | Climb | Chance | Noise | SmallGames | Rally | Clip | Critic | Numbers | Sale
)


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
