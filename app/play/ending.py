"""The end of a match: who won, how it went, and what to do next."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

from agents.pong import FRAMES_PER_SECOND, Score, Side
from app.game.rating import RatingChange
from app.game.snapshot import verdict, winner_of
from app.game.story import Story
from app.ui.bindings import Command
from app.ui.focus import ROW, Focus, Group, Hint
from models.numbers import with_minus


class EndingChoice(Enum):
    """What the player can do after a match."""

    AGAIN = auto()
    REVIEW = auto()
    SAVE = auto()
    LEAVE = auto()


@dataclass(frozen=True, slots=True)
class Figure:
    """A statistic of the match."""

    name: str
    values: tuple[str, ...]
    """One for the match, or one for each player, left one first."""


class EndingModel:
    """How a match between `names`, left one first, ended; its statistics, and which choice is in focus.

    `seconds` is how long it took; `cut` says that only its recording ended there; `again` is the label of the first
    choice, `back` where the last one leads; `rating` is what a person's became, or why it did not change, if it might
    have.
    """

    def __init__(
        self,
        names: tuple[str, str],
        score: Score,
        story: Story,
        *,
        seconds: float,
        cut: bool = False,
        again: str = "Rematch",
        back: str = "menu",
        rating: RatingChange | str = "",
    ) -> None:
        self.names = names
        self.score = score
        self.winner = winner_of(score, cut=cut)
        """None for a draw, or if nobody can tell."""
        self.verdict = verdict(names, score, cut=cut)
        self.choices = {
            EndingChoice.AGAIN: again,
            EndingChoice.REVIEW: "Review",
            EndingChoice.SAVE: "Save replay",
            EndingChoice.LEAVE: back.capitalize(),
        }
        """In order, each with its label."""
        choices: Group[None, EndingChoice] = Group(
            targets=tuple(self.choices),
            moves=ROW,
            hover=True,
            hints=(((Command.LEFT, Command.RIGHT), "choose"),),
            confirm=lambda choice: self.choices[choice].lower(),
        )
        self.focus = Focus[None, EndingChoice]({None: choices}, None)
        self.curves = _curves(story)
        """Of the left and the right player: times in seconds, and their points from then on."""
        self.figures = (*_figures(story, seconds), *_rating(rating))

    @property
    def hints(self) -> tuple[Hint, ...]:
        """The commands worth knowing now."""
        return *self.focus.hints, ((Command.BACK,), self.choices[EndingChoice.LEAVE].lower())

    def command(self, command: Command) -> EndingChoice | None:
        """Acts on a key or a gamepad's button; returns the choice made, if any."""
        if command is Command.CONFIRM:
            return self.focus.target
        if command is Command.BACK:
            return EndingChoice.LEAVE
        self.focus.move(command)
        return None

    def click(self, choice: EndingChoice | None) -> EndingChoice | None:
        """Acts on a click; returns the choice made, if any."""
        if choice is not None:
            self.focus.go(choice)
        return choice


Curve = tuple[tuple[float, int], ...]


def _curves(story: Story) -> tuple[Curve, Curve]:
    times = (0.0, *(rally.ended / FRAMES_PER_SECOND for rally in story.rallies))
    left, right = (tuple(zip(times, points, strict=True)) for points in zip(*story.scores, strict=True))
    return left, right


def _figures(story: Story, seconds: float) -> tuple[Figure, ...]:
    longest = story.longest
    rally = "none" if longest is None else f"{_hits(sum(longest.hits))}, {longest.seconds:.1f} s"
    return (
        Figure("Longest rally", (rally,)),
        Figure("Longest streak", tuple(str(story.longest_run(side)) for side in Side)),
        Figure("Aces", tuple(str(story.aces(side)) for side in Side)),
        Figure("Time played", (clock(seconds),)),
    )


def _rating(change: RatingChange | str) -> tuple[Figure, ...]:
    if isinstance(change, str):
        return (Figure("Your rating", (change,)),) if change else ()
    before, after = change
    moved = "" if before is None else f" ({with_minus(after.value - before.value, '+z.0f')})"
    return (Figure("Your rating", (f"{after.text}{moved}",)),)


def _hits(count: int) -> str:
    return f"{count} hit" if count == 1 else f"{count} hits"


def clock(seconds: float) -> str:
    """Minutes and seconds: 3:07."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02}"
