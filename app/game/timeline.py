"""One game, frame by frame: what was done in it, and how to go back."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeAlias

from agents.agent import Remembered
from agents.base import DOWN_ACTIONS, UP_ACTIONS, Control, Decision, Frame
from agents.pong import FRAMES_PER_SECOND, Court, CourtState, Side
from app.game.seats import Seat
from app.game.story import StoryMemory, Storyteller

KEYFRAME_EVERY = 30
"""Frames. To go back, a game is restored at a keyframe, and played again from there."""
REWIND_FRAMES = round(120 * FRAMES_PER_SECOND)
"""How far back a game can be rewound by hand."""
KEPT_KEYFRAMES = 10
"""Of the keyframes that are older than that, every so many are kept: to look at any moment of the game again."""

HISTORY_LENGTH = 150
"""Decisions: 10 s at normal speed and the usual 4 frames a decision."""
HISTORY_FRAMES = 4 * HISTORY_LENGTH

Controls: TypeAlias = tuple[Control | None, Control]
"""Of the left and the right player in one frame; None where the ROM plays."""
Decisions: TypeAlias = tuple[Decision | None, Decision | None]


class Keyframe(NamedTuple):
    """All that the rest of a game depends on, at one frame of it."""

    court: CourtState
    seats: tuple[Remembered[Any], ...]
    """Who sat on the left and on the right, with their memory."""
    story: StoryMemory


class Estimate(NamedTuple):
    """What an agent thought when it made a decision."""

    frame: int
    """Of the game, from which on the decision was in force."""
    up: float
    """The probability of moving up."""
    down: float
    value: float | None
    """The expected return, in points."""
    entropy: float
    """In nats."""
    choices: int
    """How many actions there were to choose from."""

    @classmethod
    def of(cls, decision: Decision, frame: int) -> Estimate:
        """The estimate behind a decision that came into force at this frame."""
        return cls(
            frame,
            decision.probability_of(UP_ACTIONS),
            decision.probability_of(DOWN_ACTIONS),
            decision.value,
            decision.entropy,
            len(decision.actions),
        )


@dataclass(slots=True)
class Timeline:
    """One game so far, and the frame of it that is shown.

    `controls[f]` led from frame `f` to the next; `decisions[f]` were in force after frame `f`.
    """

    controls: list[Controls] = field(default_factory=list)
    decisions: list[Decisions] = field(default_factory=list)
    frame: int = 0
    """The frame shown: the newest, unless the game has been rewound."""
    _estimates: tuple[list[Estimate], list[Estimate]] = field(default_factory=lambda: ([], []))
    _keyframes: dict[int, Keyframe] = field(default_factory=dict)
    _pictures: tuple[int, list[Frame]] = (-1, [])
    """Of the frames from one keyframe to the next, with the first one's number; so each is made once."""

    @property
    def newest(self) -> int:
        """The last frame played."""
        return len(self.controls)

    @property
    def rewound(self) -> bool:
        """Whether an earlier frame than the newest is shown."""
        return self.frame < self.newest

    @property
    def earliest(self) -> int:
        """The first frame that the game can still be rewound to."""
        return min(start for start in self._keyframes if start >= self.newest - REWIND_FRAMES or start == self.newest)

    def add(self, controls: Controls, decisions: Decisions) -> None:
        """Takes in a frame that was played, and the decisions in force after it."""
        self.controls.append(controls)
        self.frame = self.newest
        self.note(decisions)

    def note(self, decisions: Decisions) -> None:
        """Takes in the decisions in force after the newest frame, in place of those it had."""
        before = self.decisions[-1] if self.decisions else (None, None)
        del self.decisions[self.newest :]
        self.decisions.append(decisions)
        for side in Side:
            decision = decisions[side]
            if decision is not None and decision is not before[side]:
                self._estimates[side].append(Estimate.of(decision, self.newest))

    def history(self, side: Side) -> tuple[Estimate, ...]:
        """The last decisions of a side up to the frame shown, newest last, each once: at most `HISTORY_LENGTH`."""
        estimates = self._estimates[side]
        first = bisect_right(estimates, self.frame - HISTORY_FRAMES, key=_frame_of)
        last = bisect_right(estimates, self.frame, key=_frame_of)
        return tuple(estimates[max(first, last - HISTORY_LENGTH) : last])

    def keep_keyframe(self, court: Court, seats: Sequence[Seat[Any]], storyteller: Storyteller) -> None:
        """Makes a keyframe of the newest frame, and drops the one that is now too old."""
        seated = tuple(Remembered.now(seat) for seat in seats)
        self._keyframes[self.newest] = Keyframe(court.save(), seated, storyteller.memory())
        old = self.newest - REWIND_FRAMES // KEYFRAME_EVERY * KEYFRAME_EVERY
        if old % (KEPT_KEYFRAMES * KEYFRAME_EVERY):
            self._keyframes.pop(old, None)

    def rewind(self, frames: int) -> None:
        """Shows the game so many frames earlier, as far as it can be rewound."""
        self.frame = max(self.frame - frames, min(self.earliest, self.frame))

    def picture(self, court: Court) -> Frame:
        """The court's picture at the frame shown, `[210, 160, 3]`; `court` is left as it was."""
        first = max(self.frame // KEYFRAME_EVERY * KEYFRAME_EVERY, self.keyframe)
        if self._pictures[0] != first:
            self._pictures = first, self.clip(court, first, min(first + KEYFRAME_EVERY - 1, self.newest))
        return self._pictures[1][self.frame - first]

    def clip(self, court: Court, first: int, last: int) -> list[Frame]:
        """The court's pictures of these frames, `[210, 160, 3]` each; `court` is left as it was."""
        start, keyframe = self._last_keyframe(first)
        newest = court.save()
        court.restore(keyframe.court)
        for left, right in self.controls[start:first]:
            court.step(right, left)
        pictures = [court.colour()]
        for left, right in self.controls[first:last]:
            court.step(right, left)
            pictures.append(court.colour())
        court.restore(newest)
        return pictures

    @property
    def keyframe(self) -> int:
        """The last keyframe at or before the frame shown."""
        return self._last_keyframe(self.frame)[0]

    def restore(self, court: Court, seats: Sequence[Seat[Any]], storyteller: Storyteller) -> list[Controls]:
        """Takes everyone back to the last keyframe before the frame shown; returns the controls from there to it.

        Whoever did not sit there then begins with that frame.
        """
        start, keyframe = self._last_keyframe(self.frame)
        court.restore(keyframe.court)
        storyteller.recall(keyframe.story)
        for seat, remembered in zip(seats, keyframe.seats, strict=True):
            if remembered.owner is seat:
                remembered.restore()
            else:
                seat.begin(court.grey(), start)
        return self.controls[start : self.frame]

    def cut(self) -> None:
        """Forgets all that came after the frame shown."""
        del self.controls[self.frame :]
        del self.decisions[self.frame + 1 :]
        for estimates in self._estimates:
            del estimates[bisect_right(estimates, self.frame, key=_frame_of) :]
        for start in [start for start in self._keyframes if start > self.frame]:
            del self._keyframes[start]
        self._pictures = (-1, [])

    def _last_keyframe(self, frame: int) -> tuple[int, Keyframe]:
        """The last keyframe at or before this frame, with its own frame."""
        start = max(start for start in self._keyframes if start <= frame)
        return start, self._keyframes[start]


def _frame_of(estimate: Estimate) -> int:
    return estimate.frame
