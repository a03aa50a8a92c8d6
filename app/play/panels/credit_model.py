"""The numbers of the credit panel: how hard a policy gradient pushes each decision of a point. Draws nothing.

PyTorch is imported inside functions: it is loaded by the time a network plays, and takes a second when none does.
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

    from agents.policy import PolicyAgent
    from models.network import PolicyNetwork
    from models.spec import ActionName

PPO_PASSES = 8
"""How often PPO learns from a point here."""


NO_POINT = "Play a point to see how a policy gradient would push each of the network's decisions."
NO_GRADIENT = "This network picks the action with the highest value. It has no probabilities for a gradient to push."


class CreditMethod(Enum):
    """A way to give decisions credit, by its name on screen; each fixes a weakness of the one before it."""

    TOTAL = "Total reward"
    TO_GO = "Reward-to-go"
    NORMALIZED = "Normalised"
    ADVANTAGE = "Advantage"
    PPO = "PPO, clipped"


class PpoPass(NamedTuple):
    """`models.credit.Pass` in plain numbers: one of each for every decision of the point."""

    ratios: tuple[float, ...]
    weights: tuple[float, ...]
    unclipped_ratios: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class PointCredit:
    """A point that was played, and the credit that its decisions get."""

    rally: PolicyRally
    name: str
    """Of the player whose decisions they are."""
    points: int
    """How many points the mean and deviation were taken over."""
    weights: Mapping[CreditMethod, tuple[float, ...]]
    """Of each decision, by every method but PPO, whose weights change from pass to pass."""
    advantages: tuple[float, ...]
    """With mean 0 and deviation 1 over those points, as PPO takes them."""
    clip_epsilon: float
    """How far from 1 PPO lets a ratio be pushed."""


class CreditModel:
    """What the panel shows: which point, by which method, and which decision is selected."""

    def __init__(self) -> None:
        self.point: PointCredit | None = None
        """None before the first point."""
        self.placeholder = NO_POINT
        """What the panel says while there is no point."""
        self.method = CreditMethod.TOTAL
        self.selected = 0
        """The selected decision, counted from 0."""
        self.passes: tuple[PpoPass, ...] = ()
        """PPO's passes so far; the first is the policy that played."""
        self.changes = 0
        """Goes up whenever something on screen changes."""
        self._pass = PPO_PASSES

    def show(self, point: PointCredit | None) -> None:
        """Shows another point, with the largest push selected."""
        self.point, self.passes = point, ()
        self.jump_to_largest()

    def show_placeholder(self, text: str) -> None:
        """Sets what the panel says while there is no point."""
        if text != self.placeholder:
            self.placeholder = text
            self.changes += 1

    def add_pass(self, numbers: PpoPass) -> None:
        """Adds PPO's next pass over this point."""
        self.passes = (*self.passes, numbers)
        self.changes += 1

    def change_method(self, method: CreditMethod) -> None:
        """Gives credit by this method from now on."""
        self.method = method
        self.changes += 1

    def next_method(self) -> None:
        """Goes to the next method; after the last, to the first."""
        methods = tuple(CreditMethod)
        self.change_method(methods[(methods.index(self.method) + 1) % len(methods)])

    def next_pass(self) -> None:
        """Shows PPO's next pass; after the last, the first."""
        self._pass = (self.pass_number + 1) % (PPO_PASSES + 1) if self.passes else 0
        self.changes += 1

    def select(self, place: int) -> None:
        """Selects this decision, or the nearest there is."""
        self.selected = min(max(place, 0), max(len(self.steps) - 1, 0))
        self.changes += 1

    def step(self, steps: int) -> None:
        """Selects the decision that many later; with a negative number, earlier."""
        self.select(self.selected + steps)

    def jump_to_largest(self) -> None:
        """Selects the decision with the largest push; of several equal ones, the last."""
        weights = self.weights
        self.select(max(range(len(weights)), key=lambda place: (abs(weights[place]), place), default=0))

    @property
    def steps(self) -> tuple[Step, ...]:
        """The point's decisions, oldest first."""
        return self.point.rally.steps if self.point is not None else ()

    @property
    def selected_step(self) -> Step:
        """The selected decision."""
        return self.steps[self.selected]

    @property
    def pass_number(self) -> int:
        """Of the pass shown: the one asked for, or the last so far."""
        return max(min(self._pass, len(self.passes) - 1), 0)

    @property
    def current_pass(self) -> PpoPass | None:
        """The pass shown; None for other methods than PPO, and before its first pass."""
        return self.passes[self.pass_number] if self.method is CreditMethod.PPO and self.passes else None

    @property
    def weights(self) -> tuple[float, ...]:
        """Of each decision, by this method; empty before the first point."""
        if self.point is None:
            return ()
        if self.method is CreditMethod.PPO:
            return self.point.advantages if self.current_pass is None else self.current_pass.weights
        return self.point.weights[self.method]

    @property
    def clipped(self) -> tuple[float, ...]:
        """What clipping takes from each weight of the pass shown: all of it, or 0; empty for other methods."""
        if self.current_pass is None or self.point is None:
            return ()
        pushes = (ratio * a for ratio, a in zip(self.current_pass.ratios, self.point.advantages, strict=True))
        return tuple(push if kept == 0 else 0.0 for push, kept in zip(pushes, self.weights, strict=True))

    @property
    def sentence(self) -> str:
        """What this method does, in one plain sentence."""
        if self.point is None:
            return ""
        won = self.point.rally.reward > 0
        match self.method:
            case CreditMethod.TOTAL:
                outcome, push = ("won", "up") if won else ("lost", "down")
                return f"The point was {outcome}, so every decision in it is pushed {push} equally, good or bad."
            case CreditMethod.TO_GO:
                return "A decision gets credit only for what follows it, and less the longer that takes."
            case CreditMethod.NORMALIZED:
                over = f"the last {self.point.points} points" if self.point.points > 1 else "this point"
                return f"Reward-to-go compared with its mean over {over}: only better or worse than usual counts."
            case CreditMethod.ADVANTAGE:
                return "What happened, compared with the value that the network expected: only surprises push."
            case CreditMethod.PPO:
                return "One point, pass after pass: a push stops (grey) once its action is 20% likelier or rarer."


class PlayingNetwork(NamedTuple):
    """The network that made the decisions, and how it sampled them."""

    network: PolicyNetwork
    actions: tuple[ActionName, ...]
    temperature: float

    @classmethod
    def of(cls, policy: PolicyAgent) -> PlayingNetwork:
        """What plays for a policy now."""
        return cls(policy.network, policy.spec.actions, policy.temperature)

    def chose_in(self, rally: PolicyRally) -> bool:
        """Whether the decisions of a rally were among its actions: a stage of a training may have had others."""
        return all(step.decision.actions == self.actions for step in rally.steps)


def weigh(rallies: Sequence[PolicyRally], name: str, value_after: float, *, over: bool) -> PointCredit:
    """The credit for the newest of these consecutive points, played by `name`.

    `value_after` is what the network expected after that point; `over` says whether the point ended the game.
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
    shown = {
        CreditMethod.TOTAL: total,
        CreditMethod.TO_GO: to_go,
        CreditMethod.NORMALIZED: normalized,
        CreditMethod.ADVANTAGE: advantages,
    }
    return PointCredit(rallies[-1], name, len(rallies), shown, used, credit.CLIP_EPSILON)


def ppo_passes(point: PointCredit, player: PlayingNetwork) -> Iterator[PpoPass]:
    """PPO's passes over a point, each computed when it is asked for."""
    import torch  # noqa: PLC0415

    from models import credit  # noqa: PLC0415

    steps = point.rally.steps
    batch = credit.Batch(
        torch.from_numpy(np.stack([step.observation for step in steps])),
        torch.tensor([step.decision.actions.index(step.decision.action) for step in steps]),
        torch.tensor([step.decision.probability_of(frozenset({step.decision.action})) for step in steps]).log(),
        torch.tensor(point.advantages),
    )
    for numbers in credit.passes(player.network, batch, temperature=player.temperature):
        yield PpoPass(*map(_numbers, numbers))


def _numbers(column: Tensor) -> tuple[float, ...]:
    return tuple(column.tolist())
