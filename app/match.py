"""A match: games of Pong between an agent on the right and the ROM's own opponent on the left.

A state machine over fixed emulator frames. It knows no window, and no clock: whoever runs it says how much time has
gone by.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from enum import Enum, auto
from typing import NamedTuple, Protocol

from agents.base import Agent, Decision, Frame
from agents.pong import FRAMES_PER_SECOND, Court, Score
from app.pacing import FrameClock

SPEEDS = (0.25, 0.5, 1, 2, 4, 8)
NORMAL_SPEED = SPEEDS.index(1)
MOST_CATCH_UP = 0.1
"""Seconds. A window that was held up for longer goes on from where it stood, and does not fall ever further behind."""
REST_FRAMES = round(2.5 * FRAMES_PER_SECOND)
"""Between two games."""
MOST_GAME_FRAMES = 65_000
"""18 minutes. Past about 65,200 the ROM ends a game and does not say so; whoever leads here has won."""
HISTORY_LENGTH = 150
"""Decisions: 10 s at normal speed and the usual 4 frames a decision."""
OPPONENT = "Atari CPU"


class State(Enum):
    """What a match is doing."""

    WAITING = auto()
    """For its player, who is still being loaded."""
    PLAYING = auto()
    PAUSED = auto()
    OVER = auto()
    """A game has ended; the next begins by itself, if there is one."""


class Player(Agent, Protocol):
    """An agent that can be told to take the most probable action always, or to sample."""

    greedy: bool


class Estimate(NamedTuple):
    """What a past decision thought."""

    value: float | None
    """The expected return, in points."""
    entropy: float
    """In nats."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything a view draws of a match, at one moment."""

    state: State
    picture: Frame
    """In colour, `[210, 160, 3]`; the same object until the court changes."""
    names: tuple[str, str]
    """Of the left and the right player."""
    score: Score
    games_won: Score
    game: int
    """Counted from 1."""
    over: bool
    """Whether this game has ended, which a paused match may have too."""
    next_game_in: float | None
    """Seconds until the next game begins; None during a game, and after the last."""
    decision: Decision | None
    """In force for the next frame; None before the player is there."""
    history: tuple[Estimate, ...]
    """Of this game's last decisions, newest last, at most `HISTORY_LENGTH`."""
    speed: float
    greedy: bool


class Match:
    """Games one after the other, `games` of them or without end, seen by a player who may arrive late.

    `name` is what the right player is called until it takes its seat.
    """

    def __init__(self, court: Court, *, name: str, games: int | None = None, greedy: bool = False) -> None:
        self.state = State.WAITING
        self.results: list[Score] = []
        """Of the games that have ended."""
        self.frames = 0
        """Emulator frames, over all games."""
        self._court = court
        self._name = name
        self._games = games
        self._greedy = greedy
        self._player: Player | None = None
        self._decision: Decision | None = None
        self._history: deque[Estimate] = deque(maxlen=HISTORY_LENGTH)
        self._picture = court.colour()
        self._pictured_at = (0, 0)
        self._speed = NORMAL_SPEED
        self._clock = FrameClock()
        self._rest = 0

    def seat(self, player: Player) -> None:
        """Gives the right paddle to `player`; play begins."""
        self._player = player
        player.greedy = self._greedy
        self._name = player.name
        self._begin_game()

    @property
    def finished(self) -> bool:
        """Whether the last game's rest is over too; never, for a match without end."""
        return len(self.results) == self._games and self._rest == 0

    @property
    def speed(self) -> float:
        """How many times faster than the real thing."""
        return SPEEDS[self._speed]

    @property
    def greedy(self) -> bool:
        """Whether the player takes the most probable action always."""
        return self._greedy

    def toggle_pause(self) -> None:
        """Holds the match, or lets it go on; nothing while it waits for its player."""
        if self.state is State.PAUSED:
            self.state = State.OVER if self._game_has_ended else State.PLAYING
        elif self.state is not State.WAITING:
            self.state = State.PAUSED

    def toggle_greedy(self) -> None:
        """From sampling to the most probable action, or back; the decision in force stays."""
        self._greedy = not self._greedy
        if self._player is not None:
            self._player.greedy = self._greedy

    def change_speed(self, steps: int) -> None:
        """So many places up or down `SPEEDS`, as far as they go."""
        self._speed = min(max(self._speed + steps, 0), len(SPEEDS) - 1)

    def step_decision(self) -> None:
        """Plays until the player has decided once more or the game has ended, then pauses.

        After a game's end, begins the next.
        """
        if self.state is State.WAITING:
            return
        decision, ended = self._decision, self._game_has_ended
        while self._decision is decision and self._game_has_ended == ended and not self.finished:
            self.advance()
        self.state = State.PAUSED

    def update(self, elapsed: float) -> None:
        """Runs the whole frames that `elapsed` seconds have earned, at most `MOST_CATCH_UP` seconds' worth.

        A rest between games is as long at any speed.
        """
        if self.state not in (State.PLAYING, State.OVER):
            return
        rate = FRAMES_PER_SECOND * (self.speed if self.state is State.PLAYING else 1)
        for _ in range(self._clock.frames(min(elapsed, MOST_CATCH_UP), rate)):
            self.advance()

    def advance(self) -> None:
        """Runs one frame: of the game, or of the rest after it."""
        if not self._game_has_ended:
            self._play_frame()
        elif self._rest > 0:
            self._rest -= 1
            if self._rest == 0 and not self.finished:
                self._court.reset()
                self._begin_game()

    def snapshot(self) -> Snapshot:
        """What there is to draw now."""
        now = (len(self.results), self.frames)
        if now != self._pictured_at:
            self._picture, self._pictured_at = self._court.colour(), now
        more_games = self._games is None or len(self.results) < self._games
        return Snapshot(
            state=self.state,
            picture=self._picture,
            names=(OPPONENT, self._name),
            score=self._court.score,
            games_won=games_won(self.results),
            game=max(len(self.results) + (not self._game_has_ended), 1),
            over=self._game_has_ended,
            next_game_in=self._rest / FRAMES_PER_SECOND if self._game_has_ended and more_games else None,
            decision=self._decision,
            history=tuple(self._history),
            speed=self.speed,
            greedy=self._greedy,
        )

    @property
    def _game_has_ended(self) -> bool:
        return self._court.over or self._court.frames >= MOST_GAME_FRAMES

    def _begin_game(self) -> None:
        assert self._player is not None
        self.state = State.PLAYING
        self._player.reset()
        self._history.clear()
        self._look()

    def _play_frame(self) -> None:
        assert self._decision is not None
        self._court.step(self._decision.action)
        self.frames += 1
        if self._game_has_ended:
            self.results.append(self._court.score)
            self._rest = REST_FRAMES
            self.state = State.OVER
        else:
            self._look()

    def _look(self) -> None:
        assert self._player is not None
        decision = self._player.observe(self._court.grey())
        if decision is not self._decision:
            self._decision = decision
            self._history.append(Estimate(decision.value, decision.entropy))


def games_won(results: list[Score]) -> Score:
    """How many of these games the left and the right player won; a game that stood even counts for neither."""
    left = sum(score.left > score.right for score in results)
    right = sum(score.right > score.left for score in results)
    return Score(left, right)
