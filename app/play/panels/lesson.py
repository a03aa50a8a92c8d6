"""What a policy gradient would make of a point that was played: the numbers, without drawing.

PyTorch is imported where it is needed: it is there where a network plays, and takes a second where none does.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from app.game.rallies import PolicyRally, Step

if TYPE_CHECKING:
    from torch import Tensor

    from models.network import PolicyNetwork

PASSES = 8
"""How often PPO learns from a point here."""


NO_POINT = "Play a point: then see here how a policy gradient would push each decision of the network."
NO_GRADIENT = "This network plays by its values of actions: it has no probabilities that a policy gradient could push."


class Way(Enum):
    """A way to weigh decisions, by its name on screen; each mends what the one before it lacks."""

    TOTAL = "Total reward"
    TO_GO = "Reward-to-go"
    NORMALIZED = "Normalised"
    ADVANTAGE = "Advantage"
    PPO = "PPO, clipped"


class PassNumbers(NamedTuple):
    """`models.credit.Pass`, as plain numbers: one of each for every decision of the point."""

    ratios: tuple[float, ...]
    weights: tuple[float, ...]
    free_ratios: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Lesson:
    """A point, and how its decisions are weighed."""

    rally: PolicyRally
    name: str
    """Whose decisions they are."""
    points: int
    """How many there were to take mean and deviation over."""
    weights: Mapping[Way, tuple[float, ...]]
    """Of each decision, in each way but PPO's, whose weights change from pass to pass."""
    advantages: tuple[float, ...]
    """With mean 0 and deviation 1 over those points, as PPO takes them."""
    clip_epsilon: float
    """How far from 1 PPO lets a ratio be pushed."""


class CreditModel:
    """What is shown: of which point, in which way, and which decision is looked at."""

    def __init__(self) -> None:
        self.lesson: Lesson | None = None
        """None before the first point."""
        self.without_lesson = NO_POINT
        """What is said while there is none."""
        self.way = Way.TOTAL
        self.selected = 0
        """The decision looked at, counted from 0."""
        self.passes: tuple[PassNumbers, ...] = ()
        """Those that PPO has made so far; the first is the policy that played."""
        self.changes = 0
        """Counts what has changed on screen."""
        self._pass = PASSES

    def show(self, lesson: Lesson | None) -> None:
        """Turns to another point, and its decision with the largest push."""
        self.lesson, self.passes = lesson, ()
        self.jump_to_largest()

    def explain(self, why: str) -> None:
        """Says why there is no point to show, where there is none."""
        if why != self.without_lesson:
            self.without_lesson = why
            self.changes += 1

    def add_pass(self, numbers: PassNumbers) -> None:
        """Takes in PPO's next pass over this point."""
        self.passes = (*self.passes, numbers)
        self.changes += 1

    def turn_to(self, way: Way) -> None:
        """Weighs the decisions in this way."""
        self.way = way
        self.changes += 1

    def next_way(self) -> None:
        """Weighs them in the next way; after the last, in the first."""
        ways = tuple(Way)
        self.turn_to(ways[(ways.index(self.way) + 1) % len(ways)])

    def next_pass(self) -> None:
        """Shows PPO's next pass; after the last, the first."""
        self._pass = (self.pass_number + 1) % (PASSES + 1) if self.passes else 0
        self.changes += 1

    def select(self, place: int) -> None:
        """Looks at this decision, or at the nearest that there is."""
        self.selected = min(max(place, 0), max(len(self.steps) - 1, 0))
        self.changes += 1

    def step(self, steps: int) -> None:
        """Looks at the decision so many later, or earlier."""
        self.select(self.selected + steps)

    def jump_to_largest(self) -> None:
        """Looks at the decision with the largest push; where several are alike, at the last of them."""
        weights = self.weights
        self.select(max(range(len(weights)), key=lambda place: (abs(weights[place]), place), default=0))

    @property
    def steps(self) -> tuple[Step, ...]:
        """The point's decisions, oldest first."""
        return self.lesson.rally.steps if self.lesson is not None else ()

    @property
    def step_selected(self) -> Step:
        """The decision looked at."""
        return self.steps[self.selected]

    @property
    def pass_number(self) -> int:
        """Of the pass shown: the one asked for, or the last that there is."""
        return max(min(self._pass, len(self.passes) - 1), 0)

    @property
    def current_pass(self) -> PassNumbers | None:
        """The pass shown; None in another way, and while there is none."""
        return self.passes[self.pass_number] if self.way is Way.PPO and self.passes else None

    @property
    def weights(self) -> tuple[float, ...]:
        """Of each decision, in this way; none before the first point."""
        if self.lesson is None:
            return ()
        if self.way is Way.PPO:
            return self.lesson.advantages if self.current_pass is None else self.current_pass.weights
        return self.lesson.weights[self.way]

    @property
    def clipped(self) -> tuple[float, ...]:
        """What clipping has taken from each weight of the pass shown: all of it, or 0; none in another way."""
        if self.current_pass is None or self.lesson is None:
            return ()
        pushes = (ratio * a for ratio, a in zip(self.current_pass.ratios, self.lesson.advantages, strict=True))
        return tuple(push if kept == 0 else 0.0 for push, kept in zip(pushes, self.weights, strict=True))

    @property
    def sentence(self) -> str:
        """What this way does, in one plain sentence."""
        if self.lesson is None:
            return ""
        won = self.lesson.rally.reward > 0
        match self.way:
            case Way.TOTAL:
                outcome, push = ("won", "up") if won else ("lost", "down")
                return f"The point was {outcome}, so every decision of it is pushed {push} alike, good or bad."
            case Way.TO_GO:
                return "A decision answers only for what comes after it, less for what is far off: the last ones most."
            case Way.NORMALIZED:
                over = f"the last {self.lesson.points} points" if self.lesson.points > 1 else "this point"
                return f"Reward-to-go against what is usual, the mean over {over}: the same for all cancels out."
            case Way.ADVANTAGE:
                return "What came of it, against what the network expected, its value: only surprises push."
            case Way.PPO:
                return "One point, pass after pass: a push stops (grey) when its action is a fifth likelier, or rarer."


class Player(NamedTuple):
    """Who made the decisions of the point that is being played."""

    network: PolicyNetwork
    temperature: float


def weigh(rallies: Sequence[PolicyRally], name: str, value_after: float, *, over: bool) -> Lesson:
    """The newest of these points as a lesson.

    The points are one after the other's; the network expected `value_after` the newest, which may have ended the game.
    """
    import torch  # noqa: PLC0415

    from models import credit  # noqa: PLC0415

    steps = [step for rally in rallies for step in rally.steps]
    lengths = [len(rally.steps) for rally in rallies]
    rewards, points = torch.zeros(len(steps)), torch.zeros(len(steps), dtype=torch.bool)
    last = torch.tensor(lengths).cumsum(0) - 1
    rewards[last], points[last] = torch.tensor([rally.reward for rally in rallies]), True
    values = torch.tensor([*(step.decision.value or 0.0 for step in steps), value_after])
    terminations = torch.zeros_like(points)
    terminations[-1] = over
    weights = credit.weights(credit.Experience(rewards, values[:-1], values[1:], points, terminations))
    total, to_go, normalized, advantages, used = (_numbers(column[-lengths[-1] :]) for column in weights)
    shown = {Way.TOTAL: total, Way.TO_GO: to_go, Way.NORMALIZED: normalized, Way.ADVANTAGE: advantages}
    return Lesson(rallies[-1], name, len(rallies), shown, used, credit.CLIP_EPSILON)


def learn(lesson: Lesson, player: Player) -> Iterator[PassNumbers]:
    """PPO's passes over a point, each made when it is asked for."""
    import torch  # noqa: PLC0415

    from models import credit  # noqa: PLC0415

    steps = lesson.rally.steps
    batch = credit.Batch(
        torch.from_numpy(np.stack([step.observation for step in steps])),
        torch.tensor([step.decision.actions.index(step.decision.action) for step in steps]),
        torch.tensor([step.decision.probability_of(frozenset({step.decision.action})) for step in steps]).log(),
        torch.tensor(lesson.advantages),
    )
    for numbers in credit.passes(player.network, batch, temperature=player.temperature):
        yield PassNumbers(*map(_numbers, numbers))


def _numbers(column: Tensor) -> tuple[float, ...]:
    return tuple(column.tolist())
