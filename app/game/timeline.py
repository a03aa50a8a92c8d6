"""What happened in a game, frame by frame, and how to get back to it."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias

from agents.base import DOWN_ACTIONS, UP_ACTIONS, Control, Decision
from agents.pong import FRAMES_PER_SECOND, CourtState, Side
from app.game.seats import Seat

KEYFRAME_EVERY = 30
"""Frames. To go back, a game is restored at a keyframe, and played again from there."""
REWIND_FRAMES = round(120 * FRAMES_PER_SECOND)
"""How far back keyframes are kept."""

HISTORY_LENGTH = 150
"""Decisions: 10 s at normal speed and the usual 4 frames a decision."""
HISTORY_FRAMES = 4 * HISTORY_LENGTH

Controls: TypeAlias = tuple[Control | None, Control]
"""Of the left and the right player in one frame; None where the ROM plays."""
Decisions: TypeAlias = tuple[Decision | None, Decision | None]


class Keyframe(NamedTuple):
    """A moment that can be gone back to at once."""

    court: CourtState
    seats: tuple[tuple[Seat, object], tuple[Seat, object]]
    """Who sat where, with their memory."""
    story: object


class Estimate(NamedTuple):
    """What a past decision thought."""

    frame: int
    """Of the game, from which on it was in force."""
    up: float
    """How probable it was to move up."""
    down: float
    value: float | None
    """The expected return, in points."""
    entropy: float
    """In nats."""
    choices: int
    """How many actions there were to choose from."""

    @classmethod
    def of(cls, decision: Decision, frame: int) -> Estimate:
        """What a decision thought that came into force at this frame."""
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
    """One game so far. After its frame `f`, `decisions[f]` are in force, and `controls[f]` lead to the next."""

    controls: list[Controls] = field(default_factory=list)
    decisions: list[Decisions] = field(default_factory=list)
    _estimates: tuple[list[Estimate], list[Estimate]] = field(default_factory=lambda: ([], []))
    _keyframes: dict[int, Keyframe] = field(default_factory=dict)

    def note(self, frame: int, decisions: Decisions) -> None:
        """Takes in the decisions in force after a frame, the newest one or the one after that."""
        before = self.decisions[-1] if self.decisions else (None, None)
        del self.decisions[frame:]
        self.decisions.append(decisions)
        for side in Side:
            decision = decisions[side]
            if decision is not None and decision is not before[side]:
                self._estimates[side].append(Estimate.of(decision, frame))

    def history(self, side: Side, frame: int) -> tuple[Estimate, ...]:
        """The last decisions of a side up to a frame, newest last, each once: at most `HISTORY_LENGTH`."""
        estimates = self._estimates[side]
        first = bisect_right(estimates, frame - HISTORY_FRAMES, key=_frame_of)
        last = bisect_right(estimates, frame, key=_frame_of)
        return tuple(estimates[max(first, last - HISTORY_LENGTH) : last])

    def keep(self, frame: int, keyframe: Keyframe) -> None:
        """Keeps a keyframe, and lets go of one that is too long ago."""
        self._keyframes[frame] = keyframe
        self._keyframes.pop(frame - REWIND_FRAMES // KEYFRAME_EVERY * KEYFRAME_EVERY, None)

    def before(self, frame: int) -> tuple[int, Keyframe]:
        """The last keyframe at or before a frame, with its own frame."""
        place = max(place for place in self._keyframes if place <= frame)
        return place, self._keyframes[place]

    @property
    def earliest(self) -> int:
        """The first frame that can still be gone back to."""
        return min(self._keyframes)

    def cut(self, frame: int) -> None:
        """Forgets all that came after a frame."""
        del self.controls[frame:]
        del self.decisions[frame + 1 :]
        for estimates in self._estimates:
            del estimates[bisect_right(estimates, frame, key=_frame_of) :]
        for place in [place for place in self._keyframes if place > frame]:
            del self._keyframes[place]


def _frame_of(estimate: Estimate) -> int:
    return estimate.frame
