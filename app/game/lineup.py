"""Who plays: what a menu chooses, a command line asks for, a settings file remembers and a replay records."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from msgspec import Meta, Struct

from agents.pong import Side

Temperature: TypeAlias = Annotated[float, Meta(ge=0.05, le=5.0)]
Milliseconds: TypeAlias = Annotated[int, Meta(ge=0, le=1000)]


class Person(Struct, frozen=True, tag="person"):
    """Someone at this computer."""


class Rom(Struct, frozen=True, tag="rom"):
    """The ROM's own opponent, which plays the left only."""


class Tracker(Struct, frozen=True, tag="tracker"):
    """A script that follows the ball with its paddle."""

    reaction_ms: Milliseconds = 0


class Policy(Struct, frozen=True, tag="policy"):
    """A trained network, and how it is to play."""

    model: str
    """What `models.catalog.resolve` takes; `ppo@129024` is an earlier stage of `ppo`."""
    temperature: Temperature = 1.0
    greedy: bool = False
    reaction_ms: Milliseconds = 0


class Ladder(Struct, frozen=True, tag="ladder"):
    """A policy that changes its level after points, to keep the match close."""

    level: Annotated[int, Meta(ge=0)] = 0
    """Where it begins, counted from the weakest."""


Player: TypeAlias = Person | Rom | Tracker | Policy | Ladder


class Lineup(Struct, frozen=True):
    """The two sides of a match."""

    left: Player
    right: Player

    def __post_init__(self) -> None:
        """Refuses what the ROM cannot do."""
        if isinstance(self.right, Rom):
            raise ValueError("the ROM's own opponent plays the left only")  # noqa: TRY004

    @property
    def people(self) -> frozenset[Side]:
        """The sides that someone at this computer plays."""
        return frozenset(side for side in Side if isinstance((self.left, self.right)[side], Person))
