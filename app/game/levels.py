"""Named levels for people to play against, with their measured strength."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from agents.ladder import LadderAgent
from app.game.lineup import Ladder, Person, Player, Policy, Rom, Script, Tracker
from models import catalog

HUMAN_REACTION = 230
"""Milliseconds: about what a person needs to react to what they see."""


class Level(Struct, frozen=True, kw_only=True):
    """An opponent with a name."""

    name: str
    description: str
    """A line that says what plays, and how."""
    player: Policy
    rating: float
    """On the scale of `volley league`, where the script `casual` has 1000."""
    points_won: float
    """The share of points won against `FIXED_OPPONENT`, from 0 to 1."""


FIXED_OPPONENT = Script("casual")

# Measured in a league, 4 full games for each pair, half of them on either side, without sticky actions:
# volley league Rookie Novice Amateur Regular Expert Master Grandmaster Champion casual beginner tracker cpu --games 4
LEVELS = (
    Level(
        name="Rookie",
        description="The champion after 2 minutes with its coach. Misjudges balls by 12 rows, reacts after 350 ms.",
        player=Policy("champion@35840", reaction_ms=350, misjudgement=12),
        rating=650,
        points_won=0.08,
    ),
    Level(
        name="Novice",
        description="The champion after 2 minutes with its coach. Misjudges balls by 6 rows, reacts after 300 ms.",
        player=Policy("champion@35840", reaction_ms=300, misjudgement=6),
        rating=734,
        points_won=0.14,
    ),
    Level(
        name="Amateur",
        description="The champion after 3 minutes with its coach. Misjudges balls by 6 rows, reacts after 230 ms.",
        player=Policy("champion@71680", reaction_ms=HUMAN_REACTION, misjudgement=6),
        rating=818,
        points_won=0.29,
    ),
    Level(
        name="Regular",
        description="The champion after 11 minutes with its coach. Misjudges balls by 2 rows, reacts after 230 ms.",
        player=Policy("champion@245760", reaction_ms=HUMAN_REACTION, misjudgement=2),
        rating=948,
        points_won=0.38,
    ),
    Level(
        name="Expert",
        description="The champion. Reacts after 200 ms.",
        player=Policy("champion", reaction_ms=200),
        rating=1012,
        points_won=0.5,
    ),
    Level(
        name="Master",
        description="The champion. Reacts after 150 ms.",
        player=Policy("champion", reaction_ms=150),
        rating=1078,
        points_won=0.65,
    ),
    Level(
        name="Grandmaster",
        description="The champion. Reacts after 100 ms.",
        player=Policy("champion", reaction_ms=100),
        rating=1190,
        points_won=0.76,
    ),
    Level(
        name="Champion",
        description="The champion at its best: it always takes the likeliest action, and reacts at once.",
        player=Policy("champion", greedy=True),
        rating=1426,
        points_won=0.87,
    ),
)

OTHERS: dict[Player, float] = {Rom(): 1174, Script("beginner"): 844, FIXED_OPPONENT: 1000, Tracker(): 1241}
"""Ratings of players that are not levels, measured in the same league."""


def ratings_of(player: Player) -> dict[str, float]:
    """The measured ratings of a player by the names it may have in a match; empty if it was not measured."""
    match player:
        case Person():
            return {}
        case Ladder():
            return {f"{LadderAgent.title}: {level.name}": level.rating for level in LEVELS}
        case Rom():
            return {"Atari CPU": OTHERS[player]}
        case _:
            measured = {level.player: level.rating for level in LEVELS} | OTHERS
            return {name_of(player): measured[player]} if player in measured else {}


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
