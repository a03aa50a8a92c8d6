"""What an agent is: it sees every emulator frame, decides on some of them, and can go back to an earlier moment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, NamedTuple, Protocol, TypeVar

from agents.base import Decision, Frame

if TYPE_CHECKING:
    from agents.policy import PolicyAgent

Memory = TypeVar("Memory")


class Remembers(Protocol[Memory]):
    """Something that can return to an earlier state."""

    def memory(self) -> Memory:
        """Its whole state, randomness included: a plain value, equal to that of another object in the same state."""
        ...

    def recall(self, memory: Memory) -> None:
        """Goes back to the state that `memory` returned."""
        ...


class Remembered(NamedTuple, Generic[Memory]):
    """An object with its memory of one moment."""

    owner: Remembers[Memory]
    memory: Memory

    @classmethod
    def now(cls, owner: Remembers[Memory]) -> Remembered[Memory]:
        """The current moment of `owner`."""
        return cls(owner, owner.memory())

    def restore(self) -> None:
        """Takes its owner back to that moment."""
        self.owner.recall(self.memory)


class Agent(Remembers[Memory], Protocol[Memory]):
    """Plays one paddle. Call `reset` before each game, and `observe` with every frame."""

    @property
    def name(self) -> str:
        """What to call it on screen."""
        ...

    @property
    def policy(self) -> PolicyAgent | None:
        """The network agent that makes its decisions; None if it is a script."""
        ...

    @property
    def reaction_ms(self) -> int:
        """Its reaction time in milliseconds; 0 if it reacts immediately."""
        ...

    def reset(self, seed: int | None = None) -> None:
        """Forgets the past: a new game begins. With a seed its randomness begins anew too, else it goes on."""
        ...

    def observe(self, grey: Frame) -> Decision:
        """Takes in the newest grey frame `[210, 160]`; returns the decision in force for the next emulator frame.

        It returns the same `Decision` object until it decides again, even if it then decides the same. An agent always
        sees itself on the right: on the left it is shown the court mirrored. It must not write into the frame.
        """
        ...
