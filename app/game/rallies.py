"""The last rallies as a policy saw them: what a policy gradient would learn from."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from agents.base import Decision, Frame
from agents.pong import Side
from models.screen import SCREEN, Region

KEPT_RALLIES = 10


@dataclass(frozen=True, slots=True)
class Step:
    """One decision of a policy."""

    frame: int
    """Of the game, in which it was made."""
    observation: Frame
    """What the network saw, `[stack, height, width]`."""
    decision: Decision
    region: Region = SCREEN
    """What of the screen that shows."""


@dataclass(frozen=True, slots=True)
class PolicyRally:
    """One point as the policy on `side` saw it: its decisions, oldest first, and who won."""

    side: Side
    winner: Side
    steps: tuple[Step, ...]

    @property
    def reward(self) -> float:
        """Of the last decision: 1 for a point won, -1 for one lost. All others have 0."""
        return 1.0 if self.winner is self.side else -1.0


def rallies_until(rallies: Sequence[PolicyRally], frame: int) -> tuple[PolicyRally, ...]:
    """Those whose last decision was made by this frame."""
    return tuple(rally for rally in rallies if rally.steps[-1].frame <= frame)


@dataclass(slots=True)
class RallyRecorder:
    """Records the decisions of the policy on one side, rally by rally."""

    side: Side
    _steps: list[Step] = field(default_factory=list)
    _kept: deque[PolicyRally] = field(default_factory=lambda: deque(maxlen=KEPT_RALLIES))

    def add(self, step: Step) -> None:
        """Takes in a decision."""
        self._steps.append(step)

    def point(self, winner: Side) -> None:
        """Ends the rally."""
        if self._steps:
            self._kept.append(PolicyRally(self.side, winner, tuple(self._steps)))
        self._steps = []

    def go_back(self, frame: int) -> None:
        """Forgets all decisions after a frame; of a rally that ended after it, the earlier ones too."""
        self._steps = [step for step in self._steps if step.frame <= frame]
        while self._kept and self._kept[-1].steps[-1].frame > frame:
            self._kept.pop()

    def clear(self) -> None:
        """Forgets everything: a new game begins."""
        self._steps = []
        self._kept.clear()

    @property
    def rallies(self) -> tuple[PolicyRally, ...]:
        """The last finished rallies of this game, newest last, at most `KEPT_RALLIES`."""
        return tuple(self._kept)
