"""What happened in a game, frame by frame, and how to get back to it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias

from agents.base import Control, Decision
from agents.pong import FRAMES_PER_SECOND, CourtState
from app.seats import Seat

KEYFRAME_EVERY = 30
"""Frames. To go back, a game is restored at a keyframe, and played again from there."""
REWIND_FRAMES = round(120 * FRAMES_PER_SECOND)
"""How far back keyframes are kept."""

Controls: TypeAlias = tuple[Control | None, Control]
"""Of the left and the right player in one frame; None where the ROM plays."""
Decisions: TypeAlias = tuple[Decision | None, Decision | None]


class Keyframe(NamedTuple):
    """A moment that can be gone back to at once."""

    court: CourtState
    seats: tuple[tuple[Seat, object], tuple[Seat, object]]
    """Who sat where, with their memory."""
    story: object


@dataclass(slots=True)
class Timeline:
    """One game so far. After its frame `f`, `decisions[f]` are in force, and `controls[f]` lead to the next."""

    controls: list[Controls] = field(default_factory=list)
    decisions: list[Decisions] = field(default_factory=list)
    _keyframes: dict[int, Keyframe] = field(default_factory=dict)

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
        for place in [place for place in self._keyframes if place > frame]:
            del self._keyframes[place]
