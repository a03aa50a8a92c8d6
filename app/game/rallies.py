"""The rallies just played, as an agent saw them: what a policy gradient would learn from."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from agents.base import Decision, Frame
from agents.pong import Side

KEPT_RALLIES = 10


@dataclass(frozen=True, slots=True)
class Step:
    """One decision of a policy."""

    frame: int
    """Of the game, in which it was made."""
    observation: Frame
    """What the network was shown, `[stack, height, width]`."""
    decision: Decision


@dataclass(frozen=True, slots=True)
class PolicyRally:
    """One point from the view of the policy on `side`: its decisions, oldest first, and who won."""

    side: Side
    winner: Side
    steps: tuple[Step, ...]

    @property
    def reward(self) -> float:
        """Of the last decision, all others having 0: 1 for a point won, -1 for one lost."""
        return 1.0 if self.winner is self.side else -1.0


@dataclass(slots=True)
class RallyRecorder:
    """Follows the policy on one side."""

    side: Side
    _steps: list[Step] = field(default_factory=list)
    _kept: deque[PolicyRally] = field(default_factory=lambda: deque(maxlen=KEPT_RALLIES))

    def decide(self, step: Step) -> None:
        """Takes in a decision."""
        self._steps.append(step)

    def point(self, winner: Side) -> None:
        """Ends the rally."""
        if self._steps:
            self._kept.append(PolicyRally(self.side, winner, tuple(self._steps)))
        self._steps = []

    def go_back(self, frame: int) -> None:
        """Forgets all that came after a frame of the game; one rally that had ended is forgotten as a whole."""
        self._steps = [step for step in self._steps if step.frame <= frame]
        while self._kept and self._kept[-1].steps[-1].frame > frame:
            self._kept.pop()

    def clear(self) -> None:
        """A new game begins."""
        self._steps = []
        self._kept.clear()

    @property
    def rallies(self) -> tuple[PolicyRally, ...]:
        """The last rallies of this game that have ended, newest last, at most `KEPT_RALLIES`."""
        return tuple(self._kept)
