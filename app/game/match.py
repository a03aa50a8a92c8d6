"""A match: games of Pong between whoever sits at the two paddles.

A state machine over whole emulator frames. It knows no window and reads no clock: its caller says how much time has
passed. A frame becomes an action like this:

    Match.update -> Match.advance -> Seat.control  what each player does, from the decision in force
                                  -> Court.step    one frame of the emulator
                                  -> Seat.observe  what each player sees; an agent may decide again
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from agents.base import Frame
from agents.ladder import LadderAgent
from agents.pong import FRAMES_PER_SECOND, Court, Score, Side
from app.game.clock import FrameClock
from app.game.rallies import rallies_until
from app.game.review import ChanceLog, Moment, costliest
from app.game.seats import AgentSeat, PersonSeat, RecordedSeat, Seat, Substitute, person_name
from app.game.snapshot import Snapshot, State, games_won, pair_of
from app.game.story import Story, Storyteller
from app.game.timeline import KEYFRAME_EVERY, Controls, Decisions, Timeline

if TYPE_CHECKING:
    from agents.policy import PolicyAgent

SPEEDS = (0.25, 0.5, 1, 2, 4, 8)
NORMAL_SPEED = SPEEDS.index(1)
MAX_CATCH_UP = 0.1
"""Seconds. After a longer delay the match goes on from where it was, and does not fall further and further behind."""
LONGEST_DECISION = 8
"""Frames: the most that a network decides for at a time."""
REST_FRAMES = round(2.5 * FRAMES_PER_SECOND)
"""Between two games."""
MAX_GAME_FRAMES = round(30 * 60 * FRAMES_PER_SECOND)
"""Half an hour: a game between two agents that never miss would not end. Whoever leads then has won."""
REWIND_SPEEDS = (2.0, 12.0)
"""How many times faster than normal play, at first and at most. Each second of rewinding adds two."""


class Point(NamedTuple):
    """A point, and who played for it."""

    winner: Side
    names: tuple[str, str]
    """Of the left and the right player; a ladder's says which level it was."""


class Match:
    """Games one after another, `games` of them or without end, between players who may arrive late.

    `names` is what the players are called until they take their seats, `loading` what to say meanwhile. `seed` is the
    first game's, and the others' follow from it. With `sound`, which needs a court made with it, `take_sound` returns
    the sound of each frame.
    """

    def __init__(
        self,
        court: Court,
        *,
        names: tuple[str, str],
        loading: str = "",
        games: int | None = None,
        seed: int = 0,
        sound: bool = False,
    ) -> None:
        self.state = State.WAITING
        self.court = court
        """Only the match runs it."""
        self.seats: list[Seat[Any]] = []
        """The left and the right one, once they are taken."""
        self.timeline = Timeline()
        """Of this game."""
        self.game_over = False
        """Whether this game has ended, at its newest frame."""
        self.results: list[Score] = []
        """Of the games that have ended."""
        self.frames = 0
        """Emulator frames, over all games."""
        self.straight = True
        """Whether this game was played straight through: at normal speed, by the same players, with nothing undone."""
        self.points: list[Point] = []
        """Of this game, as long as it is played straight."""
        self._names = names
        self._loading = loading
        self._games = games
        self.seed = seed
        """Of this game's agents: a game that is played again with it goes the same."""
        self._seeds = np.random.default_rng(seed)
        """Of the games after the first."""
        self._storyteller = Storyteller()
        self.chances = ChanceLog()
        """Of winning this game."""
        self._clock = FrameClock()
        self._speed = NORMAL_SPEED
        self._greedy_first: dict[PolicyAgent, bool] = {}
        """Whether each policy whose play has been switched was greedy before."""
        self._rest = 0
        """Frames until the next game."""
        self._rewinding_for = 0.0
        """Seconds."""
        self._picture: Frame | None = None
        self._sounding = sound
        self._sound: list[NDArray[np.uint8]] = []

    # Frames

    def update(self, elapsed: float) -> None:
        """Runs the whole frames that are due after `elapsed` seconds, at most `MAX_CATCH_UP` seconds' worth."""
        if self.state not in (State.PLAYING, State.OVER):
            return
        speed = self.speed if self.state is State.PLAYING else 1
        for _ in range(self._clock.frames(min(elapsed, MAX_CATCH_UP), speed * FRAMES_PER_SECOND)):
            self.advance()

    def advance(self) -> None:
        """Runs one frame: of the game, or of the rest after it."""
        if self.game_over:
            self._rest_one_frame()
            return
        left, right = (seat.control(self.court) for seat in self.seats)
        assert right is not None, "the ROM plays the left only"
        self._step((left, right))
        self.frames += 1
        self.timeline.add((left, right), self._decisions)
        if self._sounding and self._speed == NORMAL_SPEED:
            self._sound.append(self.court.sound().copy())
        self.game_over = self._has_ended
        if self.game_over:
            self.results.append(self.score)
            self._rest = REST_FRAMES
            self.state = State.OVER
        elif self.court.frames % KEYFRAME_EVERY == 0:
            self.timeline.keep_keyframe(self.court, self.seats, self._storyteller)

    def _step(self, controls: Controls) -> None:
        """Runs one frame of the emulator, and shows it to both players."""
        left, right = controls
        self.court.step(right, left)
        self._picture = None
        grey, score = self.court.grey(), self.court.score
        winner = self._storyteller.watch(self.court.frames, score, self.court.ball)
        self.chances.watch(self.court, score, point=winner is not None)
        if winner is not None:
            self.points.append(Point(winner, self.names))
        for seat in self.seats:
            if winner is not None:
                seat.point(winner, score)
            seat.observe(grey)

    def _rest_one_frame(self) -> None:
        """Rests between agents only: people ask for their next game."""
        if self._rest > 0 and not self.people:
            self._rest -= 1
            if self._rest == 0 and not self.finished:
                self.next_game()

    # Games

    def seat(self, left: Seat[Any], right: Seat[Any]) -> None:
        """Gives the paddles to these players; play begins."""
        self.seats = [left, right]
        self._begin_game()

    def next_game(self) -> None:
        """Begins the next game, if this one has ended and was not the last; its result counts."""
        if self.game_over and not self._was_last:
            self.restart()

    def restart(self) -> None:
        """Begins again at 0 : 0. A game that has not ended does not count; a recorded one is played again."""
        if self.state is State.WAITING:
            return
        self._rest = 0
        if self.recorded:
            self.results.clear()
            self.court.reset(idle_frames=self.court.idle_frames)
        else:
            self.court.reset()
            self.seed = int(self._seeds.integers(2**31))
        self._begin_game()

    def _begin_game(self) -> None:
        self.state, self.game_over = State.PLAYING, False
        as_loaded = all(policy.greedy is first for policy, first in self._greedy_first.items())
        self.straight, self.points = self._speed == NORMAL_SPEED and as_loaded, []
        self.timeline = Timeline()
        self._storyteller = Storyteller()
        self.chances = ChanceLog()
        self._picture = None
        grey = self.court.grey()
        for seat in self.seats:
            seat.begin(grey, seed=self.seed)
        self.timeline.note(self._decisions)
        self.timeline.keep_keyframe(self.court, self.seats, self._storyteller)

    # What a person asks for

    def toggle_pause(self) -> None:
        """Pauses or resumes; does nothing while the match waits for its players."""
        if self.state is State.PAUSED:
            self._resume_from_here()
            self.state = State.OVER if self.game_over else State.PLAYING
        elif self.state in (State.PLAYING, State.OVER):
            self.state = State.PAUSED

    def step_decision(self) -> None:
        """Plays until an agent decides again or the game ends, then pauses; without agents, plays one frame.

        A script may go on with one decision for a whole game: then it plays as long as a decision may last.

        If the game has ended, begins the next.
        """
        if self.state is State.WAITING:
            return
        self._resume_from_here()
        self.straight = False
        decisions, ended = self._decisions, self.game_over
        resting = ended and any(decisions) and not self.people
        frames = LONGEST_DECISION if any(decisions) else 1
        while frames and self.game_over == ended and not self.finished and not self._decided_since(decisions):
            self.advance()
            frames -= not resting
        self.state = State.PAUSED

    def change_speed(self, steps: int) -> None:
        """Moves so many places up or down `SPEEDS`, as far as they go."""
        self._speed = min(max(self._speed + steps, 0), len(SPEEDS) - 1)
        self.straight = self.straight and self._speed == NORMAL_SPEED

    def toggle_greedy(self) -> None:
        """Switches all policies between sampling and the most probable action; decisions in force stay.

        Those of a ladder's other rungs, too: they may play next.
        """
        ladders = [seat.agent for seat in self.seats if isinstance(seat.agent, LadderAgent)]
        policies = {*self._policies, *(policy for ladder in ladders for policy in ladder.policies)}
        greedy = not self.greedy
        self.straight = self.straight and not policies
        for policy in policies:
            self._greedy_first.setdefault(policy, policy.greedy)
            policy.greedy = greedy

    def take_over(self, side: Side) -> bool:
        """Gives this side's paddle to a person; returns whether that was possible.

        A person who had taken it over gives it back. One who plays the other side alone changes sides with the agent.
        A recording is left: its players play on from here, and a person's side is theirs again.
        """
        if self.state is State.WAITING:
            return False
        seats = [seat.live if isinstance(seat, RecordedSeat) else seat for seat in self.seats]
        here, there = seats[side], seats[side.other]
        if isinstance(here, Substitute):
            seats[side] = here.stands_for
        elif isinstance(here, PersonSeat):
            if not self.recorded:
                return False
        elif not isinstance(there, PersonSeat) or isinstance(there, Substitute):
            seats[side] = Substitute(side, here)
        elif isinstance(here, AgentSeat):
            seats[side], seats[side.other] = PersonSeat(side, there.name), AgentSeat(here.agent, side.other)
        else:
            return False
        self._resume_from_here()
        for seat in seats:
            if seat not in self.seats:
                seat.begin(self.court.grey(), self.court.frames)
        self.seats, self.straight = seats, False
        self._go_on_unless_over()
        self.timeline.note(self._decisions)
        self.timeline.keep_keyframe(self.court, self.seats, self._storyteller)
        return True

    def _go_on_unless_over(self) -> None:
        """Goes on with a game that was over only because its recording stopped there."""
        if self.game_over and not self._has_ended:
            self.results.pop()
            self.game_over = False
            if self.state is State.OVER:
                self.state = State.PLAYING

    def rewind(self, elapsed: float) -> None:
        """Goes back in this game for `elapsed` seconds; the longer it lasts, the faster it goes."""
        if self.state is State.WAITING:
            return
        if self.state is not State.REWINDING:
            self.state = State.REWINDING
            self._rewinding_for = 0.0
        self._rewinding_for += elapsed
        first, most = REWIND_SPEEDS
        speed = min(first + 2 * self._rewinding_for, most)
        self.timeline.rewind(self._clock.frames(min(elapsed, MAX_CATCH_UP), speed * FRAMES_PER_SECOND))

    def go_to(self, frame: int) -> None:
        """Pauses at an earlier frame of this game; playing on from there undoes what came after."""
        self.timeline.frame = frame
        self.state = State.PAUSED

    def clip(self, first: int, last: int) -> list[Frame]:
        """The pictures of these frames of this game, `[210, 160, 3]` each."""
        return self.timeline.clip(self.court, first, last)

    def costliest(self, side: Side) -> list[Moment]:
        """The moments of this game that cost `side` most of its chance of winning."""
        return costliest(self.chances.chances, self.story.rallies, self.story.scores, side)

    def stop_rewinding(self) -> None:
        """Pauses where the game has been rewound to; playing on from there undoes what came after."""
        if self.state is State.REWINDING:
            self.state = State.PAUSED

    def _resume_from_here(self) -> None:
        """Makes the frame shown the newest: what came after it is undone."""
        if not self.timeline.rewound:
            return
        self.straight = False
        if self.game_over:
            self.results.pop()
            self.game_over = False
        self.chances.cut(self.timeline.keyframe)
        for controls in self.timeline.restore(self.court, self.seats, self._storyteller):
            self._step(controls)
        self.timeline.cut()
        self._picture = None

    # What there is to see

    def snapshot(self) -> Snapshot:
        """Everything there is to draw now."""
        timeline, seats = self.timeline, self.seats
        rewound = timeline.rewound
        story = self.story.until(timeline.frame) if rewound else self.story
        agents = [seat.agent for seat in seats] or [None, None]
        return Snapshot(
            state=self.state,
            picture=timeline.picture(self.court) if rewound else self.picture,
            names=self.names,
            score=story.scores[-1] if rewound else self.score,
            games_won=self.games_won,
            game=self.game,
            over=self.game_over and not rewound,
            cut=self.cut,
            next_game_in=self.next_game_in,
            decisions=timeline.decisions[timeline.frame] if seats else (None, None),
            history=(timeline.history(Side.LEFT), timeline.history(Side.RIGHT)),
            loading=self.loading,
            people=self.people,
            substitutes=frozenset(side for side in self.people if isinstance(seats[side], Substitute)),
            server=None if rewound or self.game_over else self.court.server,
            story=story,
            chance=self.chances.at(timeline.frame),
            seconds=timeline.frame / FRAMES_PER_SECOND,
            undone=(timeline.newest - timeline.frame) / FRAMES_PER_SECOND,
            policies=pair_of([None if agent is None else agent.policy for agent in agents]),
            rallies=pair_of([rallies_until(seat.rallies, timeline.frame) for seat in seats] or [(), ()]),
            reactions=pair_of([None if agent is None else agent.reaction_ms for agent in agents]),
            speed=self.speed,
            greedy=self.greedy,
        )

    def take_sound(self) -> list[NDArray[np.uint8]]:
        """The sound of each frame since the last call, `[512]`; only of frames played at normal speed."""
        sound, self._sound = self._sound, []
        return sound

    @property
    def picture(self) -> Frame:
        """The newest frame in colour, `[210, 160, 3]`; the same object until the court changes."""
        if self._picture is None:
            self._picture = self.court.colour()
        return self._picture

    @property
    def story(self) -> Story:
        """Of this game, up to its newest frame."""
        return self._storyteller.story

    @property
    def score(self) -> Score:
        """Of this game, at its newest frame."""
        return self.court.score

    @property
    def names(self) -> tuple[str, str]:
        """Of the players, left and right."""
        if len(self.people) == 2:
            return person_name(Side.LEFT, alone=False), person_name(Side.RIGHT, alone=False)
        return (self.seats[0].name, self.seats[1].name) if self.seats else self._names

    @property
    def people(self) -> frozenset[Side]:
        """The sides played by someone at this computer."""
        return frozenset(side for side in Side if self.seats and isinstance(self.seats[side], PersonSeat))

    @property
    def recorded(self) -> bool:
        """Whether this is a recording, which nobody here has left to play on."""
        return any(isinstance(seat, RecordedSeat) for seat in self.seats)

    @property
    def loading(self) -> str:
        """What the match is waiting for; empty once it has begun."""
        return self._loading if self.state is State.WAITING else ""

    @property
    def speed(self) -> float:
        """How many times faster than normal play."""
        return SPEEDS[self._speed]

    @property
    def greedy(self) -> bool:
        """Whether every policy that plays always takes its most probable action; False without policies."""
        return bool(self._policies) and all(policy.greedy for policy in self._policies)

    @property
    def game(self) -> int:
        """The number of this game, from 1."""
        return max(len(self.results) + (not self.game_over), 1)

    @property
    def cut(self) -> bool:
        """Whether this game is over only because its recording stops there."""
        return self.game_over and not (self.court.over or self.court.frames >= MAX_GAME_FRAMES)

    @property
    def games_won(self) -> Score:
        """How many games the left and the right player have won; a recording that stops early decides none."""
        return games_won(self.results[:-1] if self.cut else self.results)

    @property
    def next_game_in(self) -> float | None:
        """Seconds until the next game begins by itself; None during a game, after the last, and if people play."""
        return None if not self.game_over or self._was_last or self.people else self._rest / FRAMES_PER_SECOND

    @property
    def finished(self) -> bool:
        """Whether the last game and the rest after it are over; never, in a match without end."""
        return self.game_over and self._was_last and self._rest == 0

    @property
    def _was_last(self) -> bool:
        """Whether as many games have ended as the match has."""
        return self._games is not None and len(self.results) >= self._games

    @property
    def _has_ended(self) -> bool:
        recorded = any(isinstance(seat, RecordedSeat) and seat.ended(self.court) for seat in self.seats)
        return self.court.over or recorded or self.court.frames >= MAX_GAME_FRAMES

    @property
    def _policies(self) -> list[PolicyAgent]:
        """Those that play."""
        policies = (seat.agent.policy for seat in self.seats if seat.agent is not None)
        return [policy for policy in policies if policy is not None]

    @property
    def _decisions(self) -> Decisions:
        return self.seats[0].decision, self.seats[1].decision

    def _decided_since(self, before: Decisions) -> bool:
        return any(decision is not earlier for decision, earlier in zip(self._decisions, before, strict=True))
