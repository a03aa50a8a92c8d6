"""The agent that changes its level to keep a match close."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Generic, NamedTuple

from agents.agent import Agent, Memory
from agents.base import Decision, Frame

if TYPE_CHECKING:
    from agents.policy import PolicyAgent

_LEAD = 2
"""Points ahead or behind at which it changes its level."""


class LadderMemory(NamedTuple, Generic[Memory]):
    """The state of a `LadderAgent`."""

    level: int
    rungs: tuple[Memory, ...]


class LadderAgent(Generic[Memory]):
    """Plays as one of several agents, its rungs, weakest first; `level` counts them from 0.

    After every point it moves: a lead of two or more takes it down one rung, a deficit of two or more up one. A new
    game begins on the level that the last one ended on.
    """

    title = "Ladder"
    """What its name begins with."""

    def __init__(self, rungs: Sequence[Agent[Memory]], *, level: int = 0) -> None:
        self.level = self.first_level = min(level, len(rungs) - 1)
        """Now, and as the game began."""
        self._rungs = tuple(rungs)
        self.policies = tuple(rung.policy for rung in rungs if rung.policy is not None)
        """Those of all rungs."""

    @property
    def name(self) -> str:
        """Includes the name of the current rung."""
        return f"{self.title}: {self._rung.name}"

    @property
    def policy(self) -> PolicyAgent | None:
        """The current rung's."""
        return self._rung.policy

    @property
    def reaction_ms(self) -> int:
        """The current rung's."""
        return self._rung.reaction_ms

    @property
    def _rung(self) -> Agent[Memory]:
        return self._rungs[self.level]

    def reset(self, seed: int | None = None) -> None:
        """Forgets the past, but keeps the level: a new game begins. With a seed all rungs' randomness begins anew."""
        for rung in self._rungs:
            rung.reset(seed)

    def observe(self, grey: Frame) -> Decision:
        """The current rung's decision."""
        return self._rung.observe(grey)

    def adapt(self, own: int, other: int) -> None:
        """Takes in its own points and its opponent's; call it after each point."""
        step = (other - own >= _LEAD) - (own - other >= _LEAD)
        level = min(max(self.level + step, 0), len(self._rungs) - 1)
        if level != self.level:
            self.level = level
            self._rung.reset()

    def memory(self) -> LadderMemory[Memory]:
        """The level and the memory of every rung, for `recall`."""
        return LadderMemory(self.level, tuple(rung.memory() for rung in self._rungs))

    def recall(self, memory: LadderMemory[Memory]) -> None:
        """Goes back to the state that `memory` returned."""
        self.level = memory.level
        for rung, moment in zip(self._rungs, memory.rungs, strict=True):
            rung.recall(moment)
