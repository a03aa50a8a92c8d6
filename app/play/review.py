"""Going back over a game: which moment is shown, and where in it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import Enum, auto

from agents.base import Frame
from agents.pong import FRAMES_PER_SECOND, Side
from app.game.review import Chance, Moment
from app.game.seats import YOU
from app.play.ending import clock
from app.ui.bindings import Command
from app.ui.focus import ROW_OR_COLUMN, Focus, Group, Hint

PAUSE_SECONDS = 0.8
"""After a clip, before it begins again."""


class ReviewChoice(Enum):
    """What the player can do in a review."""

    TRY_AGAIN = auto()
    """Play on from the moment in focus."""
    CLOSE = auto()


class ReviewModel:
    """The moments of a game that cost `side` most, one of them in focus, shown again and again.

    `clip` returns the pictures of the frames from the first to the last of a moment's clip; `chances` are the right
    player's over the game, which has lasted for `frames`. There must be a moment.
    """

    def __init__(
        self,
        names: tuple[str, str],
        side: Side,
        moments: Sequence[Moment],
        chances: Sequence[Chance],
        *,
        frames: int,
        clip: Callable[[int, int], list[Frame]],
    ) -> None:
        self.names = names
        self.side = side
        self.moments = tuple(moments)
        self.curve = tuple(
            (chance.frame / frames, chance.value if side is Side.RIGHT else 1 - chance.value) for chance in chances
        )
        """Of that side's chance: shares of the time and of certainty."""
        self.marks = tuple(moment.frame / frames for moment in moments)
        """Where the moments are in it."""
        self._frames = frames
        self._clip = clip
        self._pictures: list[Frame] = []
        self._shown: int | None = None
        """The moment whose pictures these are."""
        self._seconds = 0.0
        targets: Group[None, int] = Group(
            targets=tuple(range(len(moments))),
            moves=ROW_OR_COLUMN,
            hover=False,
            hints=(((Command.UP, Command.DOWN), "choose"),),
            confirm=lambda _: "try again from here",
        )
        self.focus = Focus[None, int]({None: targets}, None)
        worst = max(range(len(moments)), key=lambda place: moments[place].cost)
        self.focus.go(worst)

    @property
    def moment(self) -> Moment:
        """The one in focus."""
        return self.moments[self.focus.target]

    @property
    def frame(self) -> int:
        """The frame of the game that is shown."""
        first, _ = self.moment.clip
        return first + min(int(self._seconds * FRAMES_PER_SECOND), len(self._pictures) - 1)

    @property
    def length(self) -> str:
        """How long the game has lasted."""
        return clock(self._frames / FRAMES_PER_SECOND)

    @property
    def now(self) -> float:
        """The frame shown, as a share of the game."""
        return self.frame / self._frames

    @property
    def picture(self) -> Frame:
        """Of the frame shown, `[210, 160, 3]`."""
        return self._pictures[self.frame - self.moment.clip[0]]

    @property
    def who(self) -> str:
        """Whose chance the texts are about."""
        name = self.names[self.side]
        return "Your" if name == YOU else f"{name}'s"

    def label(self, moment: Moment) -> str:
        """A moment's name: when it was, and the score."""
        left, right = moment.score
        return f"{clock(moment.frame / FRAMES_PER_SECOND)}   at {left} : {right}"

    def story(self, moment: Moment) -> str:
        """What it cost."""
        return f"{self.who} chance of winning fell from {moment.before:.0%} to {moment.after:.0%}"

    def update(self, elapsed: float) -> None:
        """Plays the clip on by `elapsed` seconds; after a pause at its end it begins again."""
        if self._shown != self.focus.target:
            self._shown, self._seconds = self.focus.target, 0.0
            self._pictures = self._clip(*self.moment.clip)
            return
        self._seconds += elapsed
        if self._seconds > len(self._pictures) / FRAMES_PER_SECOND + PAUSE_SECONDS:
            self._seconds = 0.0

    @property
    def hints(self) -> tuple[Hint, ...]:
        """The commands worth knowing now."""
        return *self.focus.hints, ((Command.BACK,), "back")

    def command(self, command: Command) -> ReviewChoice | None:
        """Acts on a key or a gamepad's button; returns the choice made, if any."""
        if command is Command.CONFIRM:
            return ReviewChoice.TRY_AGAIN
        if command is Command.BACK:
            return ReviewChoice.CLOSE
        self.focus.move(command)
        return None
