"""A match at one moment, for whatever draws it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from agents.base import Decision, Frame
from agents.pong import Score, Side
from app.game.rallies import PolicyRally
from app.game.seats import YOU
from app.game.story import Story
from app.game.timeline import Estimate

if TYPE_CHECKING:
    from agents.policy import PolicyAgent


class State(Enum):
    """What a match is doing."""

    WAITING = auto()
    """For its players to be loaded."""
    PLAYING = auto()
    PAUSED = auto()
    REWINDING = auto()
    OVER = auto()
    """A game has ended. Between agents the next one, if any, begins by itself; people ask for it."""


T = TypeVar("T")
Pair: TypeAlias = tuple[T, T]
"""Of the left and the right side."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything that a view draws of a match at one moment; after a rewind, most of it is of the frame shown."""

    state: State
    picture: Frame
    """In colour, `[210, 160, 3]`; the same object until the court changes."""
    names: Pair[str]
    score: Score
    games_won: Score
    game: int
    """Counted from 1."""
    over: bool
    """Whether this game has ended; a paused match's may have, too."""
    cut: bool
    """Whether it ended only because its recording stops there."""
    next_game_in: float | None
    """Seconds until the next game begins by itself; None during a game, after the last, and if people play."""
    decisions: Pair[Decision | None]
    """In force for the next frame; None for a side without an agent."""
    history: Pair[tuple[Estimate, ...]]
    """This game's last decisions, newest last, at most `HISTORY_LENGTH`."""
    loading: str
    """What the match is waiting for; empty once it has begun."""
    people: frozenset[Side]
    """The sides played by someone at this computer."""
    substitutes: frozenset[Side]
    """Those of them who have taken over from someone else, and can give the paddle back."""
    server: Side | None
    """Who may serve now."""
    story: Story
    chance: float
    """The right player's, of winning the game."""
    seconds: float
    """Of this game, at normal speed."""
    undone: float
    """Seconds of this game after the frame shown."""
    policies: Pair[PolicyAgent | None]
    """The network agents, for panels that examine their networks; None for a side without one."""
    rallies: Pair[tuple[PolicyRally, ...]]
    """This game's last finished rallies as each side's policy saw them, newest last; empty for a side without one."""
    reactions: Pair[int | None]
    """The agents' reaction times in milliseconds; None for a side without an agent."""
    speed: float
    greedy: bool

    @property
    def mind(self) -> Side | None:
        """The side whose decisions to show: the right, unless only the left has any."""
        return next((side for side in reversed(Side) if self.decisions[side] is not None), None)


def pair_of(both: Sequence[T]) -> Pair[T]:
    """The two of them."""
    left, right = both
    return left, right


def winner_of(score: Score, *, cut: bool) -> Side | None:
    """Who has won a game that ended so; None for a draw, and if only its recording stops there (`cut`)."""
    return None if cut or score.left == score.right else Side(score.right > score.left)


def verdict(names: Pair[str], score: Score, *, cut: bool) -> str:
    """The same in words."""
    winner = winner_of(score, cut=cut)
    if winner is None:
        return "The recording ends here" if cut else "Draw"
    return "You win" if names[winner] == YOU else f"{names[winner]} wins"


def games_won(results: Sequence[Score]) -> Score:
    """How many of these games the left and the right player won; an even game counts for neither."""
    left = sum(score.left > score.right for score in results)
    right = sum(score.right > score.left for score in results)
    return Score(left, right)
