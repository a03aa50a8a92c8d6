"""Who plays: chosen in the menu or on the command line, and kept in the settings and in replays."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from msgspec import Meta, Struct

from agents.persona import PersonaName
from agents.pong import Side

Temperature: TypeAlias = Annotated[float, Meta(ge=0.05, le=5.0)]
Milliseconds: TypeAlias = Annotated[int, Meta(ge=0, le=1000)]
Rows: TypeAlias = Annotated[float, Meta(ge=0, le=60)]


class Person(Struct, frozen=True, tag="person"):
    """Someone at this computer."""


class Rom(Struct, frozen=True, tag="rom"):
    """The ROM's own opponent, which plays on the left only."""


class Tracker(Struct, frozen=True, tag="tracker"):
    """A script that follows the ball."""

    reaction_ms: Milliseconds = 0


class Script(Struct, frozen=True, tag="script"):
    """A scripted player of `agents.persona`."""

    persona: PersonaName


class Policy(Struct, frozen=True, tag="policy"):
    """A trained network, and how it plays."""

    model: str
    """A name for `models.catalog.resolve`; `ppo@153600` is an earlier stage of `ppo`."""
    temperature: Temperature = 1.0
    greedy: bool = False
    reaction_ms: Milliseconds = 0
    misjudgement: Rows = 0.0
    """By how much it misjudges where a ball will arrive (standard deviation)."""


class Ladder(Struct, frozen=True, tag="ladder"):
    """An agent that changes its level after points, to keep the match close."""

    level: Annotated[int, Meta(ge=0)] = 0
    """Its first, counted from the weakest."""


Player: TypeAlias = Person | Rom | Tracker | Script | Policy | Ladder


class Lineup(Struct, frozen=True):
    """The two sides of a match."""

    left: Player
    right: Player

    def __post_init__(self) -> None:
        """Rejects the ROM on the right."""
        if isinstance(self.right, Rom):
            raise ValueError("the ROM's own opponent plays the left only")  # noqa: TRY004

    @property
    def people(self) -> frozenset[Side]:
        """The sides played by someone at this computer."""
        return frozenset(side for side in Side if isinstance((self.left, self.right)[side], Person))
