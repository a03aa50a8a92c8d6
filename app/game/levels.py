"""Named levels for people to play against, with their measured strength."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from agents.ladder import LadderAgent
from app.game.lineup import Ladder, Player, Policy, Rom, Script, Tracker
from models import catalog

HUMAN_REACTION = 230
"""Milliseconds: about what a person needs to react to what they see."""


class Level(Struct, frozen=True, kw_only=True):
    """An opponent with a name."""

    name: str
    description: str
    """A line that says what plays, and how."""
    player: Policy | Tracker | Script
    rating: float
    """On the scale of `volley league`, where the script `casual` has 1000."""
    points_won: float
    """The share of points won against `FIXED_OPPONENT`, from 0 to 1."""


FIXED_OPPONENT = Script("casual")

# Measured over 6 full games each against casual, half of them on either side, without sticky actions:
# volley league LEVEL casual --games 6 (seed 0).
LEVELS = (
    Level(
        name="Rookie",
        description="ppo after 2 minutes of training, careless (temperature 3), reaction 230 ms",
        player=Policy("ppo@129024", temperature=3.0, reaction_ms=HUMAN_REACTION),
        rating=708,
        points_won=0.15,
    ),
    Level(
        name="Novice",
        description="ppo after 2 minutes of training, reaction 230 ms",
        player=Policy("ppo@129024", reaction_ms=HUMAN_REACTION),
        rating=741,
        points_won=0.18,
    ),
    Level(
        name="Amateur",
        description="ppo after 4 minutes of training, reaction 230 ms",
        player=Policy("ppo@251904", reaction_ms=HUMAN_REACTION),
        rating=789,
        points_won=0.23,
    ),
    Level(
        name="Regular",
        description="ppo after 7 minutes of training, reaction 230 ms",
        player=Policy("ppo@503808", reaction_ms=HUMAN_REACTION),
        rating=819,
        points_won=0.26,
    ),
    Level(
        name="Expert",
        description="ppo after 27 minutes of training, reaction 230 ms",
        player=Policy("ppo@2002944", reaction_ms=HUMAN_REACTION),
        rating=830,
        points_won=0.27,
    ),
    Level(
        name="Master",
        description="ppo after all 68 minutes of training, reaction 100 ms",
        player=Policy("ppo", reaction_ms=100),
        rating=875,
        points_won=0.33,
    ),
    Level(
        name="Casual",
        description="a script made like a person: it sees a hit after 230 ms, has a slow hand, and misjudges a little",
        player=Script("casual"),
        rating=1000,
        points_won=0.5,
    ),
    Level(
        name="Tracker",
        description="a script that follows the ball at full speed, with no reaction time",
        player=Tracker(),
        rating=1344,
        points_won=0.88,
    ),
)

CPU_RATING = 1300
"""Of the ROM's own opponent, measured in the same way."""


def ratings_of(player: Player) -> dict[str, float]:
    """The measured ratings of a player by the names it may have in a match; empty if it was not measured."""
    match player:
        case Rom():
            return {"Atari CPU": CPU_RATING}
        case Ladder():
            return {f"{LadderAgent.title}: {level.name}": level.rating for level in LEVELS}
        case _:
            return {level.name: level.rating for level in LEVELS if level.player == player}


def nearest(rating: float, levels: Sequence[Level] = LEVELS) -> int:
    """The place of the level whose rating is nearest."""
    return min(range(len(levels)), key=lambda place: abs(levels[place].rating - rating))


def name_of(player: Policy | Tracker | Script) -> str:
    """What to call a player: the name of its level, or else of its model."""
    for level in LEVELS:
        if level.player == player:
            return level.name
    if isinstance(player, Script):
        return player.persona.capitalize()
    return "Tracker" if isinstance(player, Tracker) else catalog.short_name(player.model)
