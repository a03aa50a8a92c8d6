"""The agent that changes its level to keep a match close."""

from __future__ import annotations

from collections.abc import Sequence

from agents.base import Agent, Decision, Frame

_LEAD = 2
"""Points ahead or behind at which it changes its level."""


class LadderAgent:
    """Plays as one of several agents, its rungs, weakest first; `level` counts them from 0.

    After every point: where it leads by two or more it goes down one rung, where it trails by two or more up one. A new
    game begins on the level that the last one ended on.
    """

    def __init__(self, rungs: Sequence[Agent], *, level: int = 0) -> None:
        self.level = min(level, len(rungs) - 1)
        self._rungs = tuple(rungs)

    @property
    def name(self) -> str:
        """With the name of the rung that plays."""
        return f"Ladder: {self._rung.name}"

    @property
    def policy(self) -> object:
        """The network agent that plays on this rung; None where it is a script."""
        return getattr(self._rung, "policy", None)

    @property
    def milliseconds(self) -> int:
        """The reaction delay of the rung that plays."""
        return int(getattr(self._rung, "milliseconds", 0))

    @property
    def _rung(self) -> Agent:
        return self._rungs[self.level]

    def reset(self) -> None:
        """Forgets the past, but for the level: a new game begins."""
        self._rung.reset()

    def observe(self, grey: Frame) -> Decision:
        """The decision of the rung that plays."""
        return self._rung.observe(grey)

    def adapt(self, own: int, other: int) -> None:
        """Takes in the points of itself and of its opponent; to be called after each point."""
        step = (other - own >= _LEAD) - (own - other >= _LEAD)
        level = min(max(self.level + step, 0), len(self._rungs) - 1)
        if level != self.level:
            self.level = level
            self._rung.reset()

    def memory(self) -> object:
        """The level, and what every rung remembers, for `recall`."""
        return self.level, tuple(rung.memory() for rung in self._rungs)

    def recall(self, memory: object) -> None:
        """Goes back to a moment that `memory` kept."""
        assert isinstance(memory, tuple)
        self.level, kept = memory
        for rung, moment in zip(self._rungs, kept, strict=True):
            rung.recall(moment)
