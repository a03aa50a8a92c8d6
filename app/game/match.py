"""A match: games of Pong between whoever sits at the two paddles.

A state machine over fixed emulator frames. It knows no window, and no clock: whoever runs it says how much time has
gone by.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from agents.base import Decision, Frame
from agents.pong import FRAMES_PER_SECOND, Court, Score, Side
from app.game.rallies import PolicyRally
from app.game.seats import AgentSeat, PersonSeat, RecordedSeat, Sampling, Seat
from app.game.story import Story, Storyteller
from app.game.timeline import KEYFRAME_EVERY, Controls, Estimate, Keyframe, Timeline
from app.ui.pacing import FrameClock

if TYPE_CHECKING:
    from agents.policy import PolicyAgent

SPEEDS = (0.25, 0.5, 1, 2, 4, 8)
NORMAL_SPEED = SPEEDS.index(1)
MOST_CATCH_UP = 0.1
"""Seconds. A window that was held up for longer goes on from where it stood, and does not fall ever further behind."""
REST_FRAMES = round(2.5 * FRAMES_PER_SECOND)
"""Between two games."""
MOST_GAME_FRAMES = round(30 * 60 * FRAMES_PER_SECOND)
"""Half an hour: two agents that never miss would never end a game. Whoever leads here has won."""
REWIND_SPEEDS = (2.0, 12.0)
"""Times faster than the real thing: at once, and at most. Each second of holding adds two."""


class State(Enum):
    """What a match is doing."""

    WAITING = auto()
    """For its players, who are still being loaded."""
    PLAYING = auto()
    PAUSED = auto()
    REWINDING = auto()
    OVER = auto()
    """A game has ended. Between agents the next begins by itself, if there is one; people ask for it."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything a view draws of a match, at one moment. Pairs are of the left and the right side."""

    state: State
    picture: Frame
    """In colour, `[210, 160, 3]`; the same object until the court changes."""
    names: tuple[str, str]
    score: Score
    games_won: Score
    game: int
    """Counted from 1."""
    over: bool
    """Whether this game has ended, which a paused match may have too."""
    next_game_in: float | None
    """Seconds until the next game begins by itself; None during a game, after the last, and where people play."""
    decisions: tuple[Decision | None, Decision | None]
    """In force for the next frame; None for a side that no agent plays."""
    history: tuple[tuple[Estimate, ...], tuple[Estimate, ...]]
    """Of this game's last decisions, newest last, at most `HISTORY_LENGTH`."""
    loading: str
    """What is being loaded, while the match waits for it."""
    people: frozenset[Side]
    """The sides that someone at this computer plays."""
    substitutes: frozenset[Side]
    """Those of them who stand in for someone else, who may have it back."""
    server: Side | None
    """Who may serve now."""
    story: Story
    seconds: float
    """Of this game, at normal speed."""
    rewindable: float
    """Seconds of this game that lie before this moment and can be gone back to."""
    undone: float
    """Seconds of this game that lie after this moment, while it is gone back in."""
    policies: tuple[PolicyAgent | None, PolicyAgent | None]
    """The network agents that play, for what looks into their networks; None for a side that no network plays."""
    rallies: tuple[tuple[PolicyRally, ...], tuple[PolicyRally, ...]]
    """This game's last rallies as each side's policy saw them, newest last; empty for a side without one."""
    reactions: tuple[int | None, int | None]
    """Of the agents, in milliseconds; None for a side that no agent plays."""
    speed: float
    greedy: bool

    @property
    def mind(self) -> Side | None:
        """The side whose thoughts to show: the right, unless only the left has any."""
        return next((side for side in reversed(Side) if self.decisions[side] is not None), None)


class Match:
    """Games one after the other, `games` of them or without end, between players who may arrive late.

    `names` is what the players are called until they take their seats, `loading` what is said meanwhile. With `sound`,
    which the court must make, there is something for `take_sound`.
    """

    def __init__(
        self,
        court: Court,
        *,
        names: tuple[str, str],
        loading: str = "",
        games: int | None = None,
        sound: bool = False,
    ) -> None:
        self.state = State.WAITING
        self.results: list[Score] = []
        """Of the games that have ended."""
        self.frames = 0
        """Emulator frames, over all games."""
        self.timeline = Timeline()
        """Of this game."""
        self.seats: list[Seat] = []
        """The left one and the right one, once they are taken."""
        self._court = court
        self._names = names
        self._loading = loading
        self._games = games
        self._storyteller = Storyteller()
        self._picture = court.colour()
        self._pictured_at = (0, 0)
        self._speed = NORMAL_SPEED
        self._clock = FrameClock()
        self._rest = 0
        self._rewound_for = 0.0
        self._replayed: tuple[int, list[Frame]] = (-1, [])
        self._stands_at = 0
        self._sounding = sound
        self._sound: list[NDArray[np.uint8]] = []

    def seat(self, left: Seat, right: Seat) -> None:
        """Gives the paddles to these players; play begins."""
        self.seats = [left, right]
        self._begin_game()

    @property
    def people(self) -> frozenset[Side]:
        """The sides that someone at this computer plays."""
        return frozenset(side for side in Side if self.seats and isinstance(self.seats[side], PersonSeat))

    @property
    def finished(self) -> bool:
        """Whether the last game's rest is over too; never, for a match without end."""
        return len(self.results) == self._games and self._rest == 0

    @property
    def speed(self) -> float:
        """How many times faster than the real thing."""
        return SPEEDS[self._speed]

    @property
    def score(self) -> Score:
        """Of this game, at its newest frame."""
        return self._court.score

    def paddle_row(self, side: Side) -> float:
        """Where the centre of a paddle is, in rows of the screen."""
        return self._court.paddle_row(side)

    @property
    def idle_frames(self) -> int:
        """Before this game began: see `Court.idle_frames`."""
        return self._court.idle_frames

    @property
    def fingerprint(self) -> bytes:
        """The court's: see `Court.fingerprint`."""
        return self._court.fingerprint()

    def toggle_pause(self) -> None:
        """Holds the match, or lets it go on; nothing while it waits for its players."""
        if self.state is State.PAUSED:
            self._resume_from_here()
            self.state = State.OVER if self._game_has_ended else State.PLAYING
        elif self.state in (State.PLAYING, State.OVER):
            self.state = State.PAUSED

    @property
    def greedy(self) -> bool:
        """Whether every agent that could sample takes the most probable action always."""
        return all(agent.greedy for agent in self._samplers) if self._samplers else False

    def toggle_greedy(self) -> None:
        """From sampling to the most probable action, or back, for every agent; decisions in force stay."""
        greedy = not self.greedy
        for agent in self._samplers:
            agent.greedy = greedy

    def change_speed(self, steps: int) -> None:
        """So many places up or down `SPEEDS`, as far as they go."""
        self._speed = min(max(self._speed + steps, 0), len(SPEEDS) - 1)

    def step_decision(self) -> None:
        """Plays until an agent has decided once more or the game has ended, then pauses; without agents, one frame.

        After a game's end, begins the next.
        """
        if self.state is State.WAITING:
            return
        self._resume_from_here()
        decisions, ended = self._decisions, self._game_has_ended
        self.advance()
        while any(decisions) and self._decisions == decisions and self._game_has_ended == ended and not self.finished:
            self.advance()
        self.state = State.PAUSED

    def next_game(self) -> None:
        """Begins the next game at once, where this one has ended; the result of this one stays."""
        if self._game_has_ended and len(self.results) != self._games:
            self.restart()

    def restart(self) -> None:
        """Begins again from 0 : 0. A game that had not ended does not count; one that was recorded is played again."""
        if self.state is State.WAITING:
            return
        recorded = any(isinstance(seat, RecordedSeat) for seat in self.seats)
        if recorded:
            self.results.clear()
        self._rest = 0
        self._court.reset(idle_frames=self._court.idle_frames if recorded else None)
        self._begin_game()

    def take_over(self, side: Side) -> bool:
        """Gives this side's paddle to a person; whether that was possible.

        A person who has taken it over gives it back. One who plays the other side alone changes sides with the agent
        here. A recording is left: who played then plays on, from here.
        """
        if self.state is State.WAITING:
            return False
        self._resume_from_here()
        seats = [_who(seat) for seat in self.seats]
        here, there = seats[side], seats[side.other]
        if isinstance(here, Substitute):
            seats[side] = here.stands_for
        elif isinstance(here, PersonSeat):
            return False
        elif not isinstance(there, PersonSeat) or isinstance(there, Substitute):
            seats[side] = Substitute(side, here)
        elif isinstance(here, AgentSeat):
            seats[side], seats[side.other] = PersonSeat(side, there.name), AgentSeat(here.agent, side.other)
        else:
            return False
        for seat in seats:
            if seat not in self.seats:
                seat.reset()
                seat.observe(self._court.grey())
        self.seats = seats
        self.timeline.note(self._court.frames, self._decisions)
        self._keep_keyframe()
        return True

    def rewind(self, elapsed: float) -> None:
        """Goes back in this game for `elapsed` seconds, faster the longer it is gone on with."""
        if self.state is State.WAITING:
            return
        if self.state is not State.REWINDING:
            self.state = State.REWINDING
            self._rewound_for = 0.0
        self._rewound_for += elapsed
        at_once, at_most = REWIND_SPEEDS
        rate = FRAMES_PER_SECOND * min(at_once + 2 * self._rewound_for, at_most)
        frames = self._clock.frames(min(elapsed, MOST_CATCH_UP), rate)
        self._stands_at = max(self._stands_at - frames, self.timeline.earliest)

    def stop_rewinding(self) -> None:
        """Holds the match where it has been gone back to; going on from there undoes what came after."""
        if self.state is State.REWINDING:
            self.state = State.PAUSED

    def update(self, elapsed: float) -> None:
        """Runs the whole frames that `elapsed` seconds have earned, at most `MOST_CATCH_UP` seconds' worth."""
        if self.state not in (State.PLAYING, State.OVER):
            return
        self._resume_from_here()
        rate = FRAMES_PER_SECOND * (self.speed if self.state is State.PLAYING else 1)
        for _ in range(self._clock.frames(min(elapsed, MOST_CATCH_UP), rate)):
            self.advance()

    def advance(self) -> None:
        """Runs one frame: of the game, or of the rest after it."""
        if not self._game_has_ended:
            self._play_frame()
        elif self._rest > 0 and not self.people:
            self._rest -= 1
            if self._rest == 0 and not self.finished:
                self.next_game()

    def take_sound(self) -> list[NDArray[np.uint8]]:
        """The sound of the frames played since it was last asked for, `[512]` each; none but at normal speed."""
        sound, self._sound = self._sound, []
        return sound

    def snapshot(self) -> Snapshot:
        """What there is to draw now."""
        frame = self._stands_at
        rewound = frame < len(self.timeline.controls)
        return Snapshot(
            state=self.state,
            picture=self._picture_at(frame) if rewound else self._newest_picture(),
            names=self._names_now,
            score=self._story_at(frame).scores[-1] if rewound else self._court.score,
            games_won=games_won(self.results),
            game=max(len(self.results) + (not self._game_has_ended), 1),
            over=self._game_has_ended and not rewound,
            next_game_in=self._next_game_in,
            decisions=self.timeline.decisions[frame] if self.timeline.decisions else (None, None),
            history=(self.timeline.history(Side.LEFT, frame), self.timeline.history(Side.RIGHT, frame)),
            loading=self._loading if self.state is State.WAITING else "",
            people=self.people,
            substitutes=frozenset(side for side in self.people if isinstance(self.seats[side], Substitute)),
            server=None if rewound or self._game_has_ended else self._court.server,
            story=self._story_at(frame) if rewound else self._storyteller.story,
            seconds=frame / FRAMES_PER_SECOND,
            rewindable=(frame - self.timeline.earliest) / FRAMES_PER_SECOND if self.seats else 0.0,
            undone=(len(self.timeline.controls) - frame) / FRAMES_PER_SECOND,
            policies=(self._policy(Side.LEFT), self._policy(Side.RIGHT)),
            rallies=(self._rallies(Side.LEFT), self._rallies(Side.RIGHT)),
            reactions=self._reactions,
            speed=self.speed,
            greedy=self.greedy,
        )

    @property
    def _names_now(self) -> tuple[str, str]:
        return (self.seats[0].name, self.seats[1].name) if self.seats else self._names

    @property
    def _reactions(self) -> tuple[int | None, int | None]:
        if not self.seats:
            return None, None
        left, right = (seat.reaction if isinstance(seat, AgentSeat) else None for seat in map(_who, self.seats))
        return left, right

    def _policy(self, side: Side) -> PolicyAgent | None:
        seat = _who(self.seats[side]) if self.seats else None
        return seat.policy if isinstance(seat, AgentSeat) else None

    def _rallies(self, side: Side) -> tuple[PolicyRally, ...]:
        seat = _who(self.seats[side]) if self.seats else None
        return seat.rallies.rallies if isinstance(seat, AgentSeat) else ()

    @property
    def _next_game_in(self) -> float | None:
        more_games = self._games is None or len(self.results) < self._games
        if not self._game_has_ended or not more_games or self.people:
            return None
        return self._rest / FRAMES_PER_SECOND

    @property
    def _game_has_ended(self) -> bool:
        recorded = any(isinstance(seat, RecordedSeat) and seat.ended(self._court) for seat in self.seats)
        return self._court.over or recorded or self._court.frames >= MOST_GAME_FRAMES

    @property
    def _decisions(self) -> tuple[Decision | None, Decision | None]:
        return self.seats[0].decision, self.seats[1].decision

    @property
    def _samplers(self) -> list[Sampling]:
        agents = (seat.agent for seat in map(_who, self.seats) if isinstance(seat, AgentSeat))
        # With `hasattr`, because from Python 3.12 on a protocol is also satisfied by a property that raises.
        return [agent for agent in agents if isinstance(agent, Sampling) and hasattr(agent, "greedy")]

    def _begin_game(self) -> None:
        self.state = State.PLAYING
        self.timeline = Timeline()
        self._storyteller = Storyteller()
        self._replayed = (-1, [])
        self._stands_at = 0
        for seat in self.seats:
            seat.reset()
        self._look()
        self.timeline.note(0, self._decisions)
        self._keep_keyframe()

    def _play_frame(self) -> None:
        left, right = (seat.control(self._court) for seat in self.seats)
        assert right is not None, "the ROM plays the left only"
        self._step((left, right))
        self.frames += 1
        self.timeline.controls.append((left, right))
        self.timeline.note(self._court.frames, self._decisions)
        self._stands_at = self._court.frames
        if self._sounding and self._speed == NORMAL_SPEED:
            self._sound.append(self._court.sound().copy())
        if self._game_has_ended:
            self.results.append(self._court.score)
            self._rest = REST_FRAMES
            self.state = State.OVER
        elif self._court.frames % KEYFRAME_EVERY == 0:
            self._keep_keyframe()

    def _step(self, controls: Controls) -> None:
        """One frame of the game, which everyone sees."""
        left, right = controls
        self._court.step(right, left)
        self._look()

    def _look(self) -> None:
        score = self._court.score
        winner = self._storyteller.watch(self._court.frames, score, self._court.ball)
        for side in Side:
            if winner is not None:
                self.seats[side].point(winner, score)
            self.seats[side].observe(self._court.grey())

    def _keep_keyframe(self) -> None:
        left, right = ((seat, seat.memory()) for seat in self.seats)
        keyframe = Keyframe(self._court.save(), (left, right), self._storyteller.memory())
        self.timeline.keep(self._court.frames, keyframe)

    def _resume_from_here(self) -> None:
        """Makes the moment that was gone back to the newest: what came after it is undone."""
        frame = self._stands_at
        if frame == len(self.timeline.controls):
            return
        if self._game_has_ended:
            self.results.pop()
        place, keyframe = self.timeline.before(frame)
        self._court.restore(keyframe.court)
        self._storyteller.recall(keyframe.story)
        for seat, (who, memory) in zip(self.seats, keyframe.seats, strict=True):
            if seat is who:
                seat.recall(memory)
            else:  # Who sits here now came later.
                seat.reset()
                seat.observe(self._court.grey())
        for controls in self.timeline.controls[place:frame]:
            self._step(controls)
        self.timeline.cut(frame)
        self._replayed = (-1, [])
        self._pictured_at = (-1, -1)

    def _newest_picture(self) -> Frame:
        now = (len(self.results), self.frames)
        if now != self._pictured_at:
            self._picture, self._pictured_at = self._court.colour(), now
        return self._picture

    def _picture_at(self, frame: int) -> Frame:
        """The court's picture at an earlier frame; those from the keyframe on are made once, and kept."""
        place, keyframe = self.timeline.before(frame)
        if self._replayed[0] != place:
            newest = self._court.save()
            self._court.restore(keyframe.court)
            pictures = [self._court.colour()]
            for left, right in self.timeline.controls[place : place + KEYFRAME_EVERY - 1]:
                self._court.step(right, left)
                pictures.append(self._court.colour())
            self._court.restore(newest)
            self._replayed = (place, pictures)
        return self._replayed[1][frame - place]

    def _story_at(self, frame: int) -> Story:
        return Story(tuple(rally for rally in self._storyteller.story.rallies if rally.ended <= frame))


def _who(seat: Seat) -> Seat:
    """Who sits here, or sat here when it was recorded."""
    return seat.live if isinstance(seat, RecordedSeat) else seat


class Substitute(PersonSeat):
    """A person in the place of someone else, who may have it back."""

    def __init__(self, side: Side, stands_for: Seat) -> None:
        super().__init__(side)
        self.stands_for = stands_for


def games_won(results: Sequence[Score]) -> Score:
    """How many of these games the left and the right player won; a game that stood even counts for neither."""
    left = sum(score.left > score.right for score in results)
    right = sum(score.right > score.left for score in results)
    return Score(left, right)
