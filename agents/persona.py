"""Scripted players that differ as people do: in reaction, speed of hand, aim, and use of the button."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from functools import cache
from typing import Any, Literal, NamedTuple, TypeAlias, TypeGuard

import numpy as np

from agents.base import FULL_SPEED, Decision, Frame
from agents.handicap import SPEED_FRAMES, expected_ball, reaction_frames
from agents.sight import Place, View, look
from models.screen import BALL_HEIGHT, BALL_WIDTH, FIELD_BOTTOM, FIELD_MIDDLE, FIELD_TOP, RIGHT_PADDLE
from models.spec import MINIMAL_ACTIONS, ActionName

_ROWS_PER_FRAME = 5.7
"""How far a knob at full speed takes the paddle in a frame."""
_AT_REST = 8
"""Frames in which a paddle has not moved, when it is where its knob is."""
_THERE, _STILL_THERE = 1.0, 3.0
"""Rows from where it should be: close enough to stop, and to stay."""


class Persona(NamedTuple):
    """How a scripted player plays. By default it is as good as a script can be."""

    foresight: bool = True
    """Whether it works out where the ball will arrive, off the walls, or follows the ball."""
    reaction_ms: int = 0
    """Milliseconds until it sees how the ball was hit; it extrapolates what it saw before."""
    speed: int = FULL_SPEED
    """Of its hand, in percent of the paddle's full speed; 0 stands still."""
    error: float = 0.0
    """Rows: the standard deviation of where it means to meet the ball, drawn anew for each stroke."""
    aim: tuple[float, float] = (0.0, 5.0)
    """Rows between the paddle's middle and the part that is to meet the ball: the least and the most. At 8 half of the
    ball is past the paddle's edge."""
    fire: float = 1.0
    """The share of its strokes with the button held, which makes the ball fast."""
    patience: int = 0
    """Frames for which it waits before it serves."""
    waits_until: int = 0
    """The column that the ball must have passed before it moves at all."""


PersonaName: TypeAlias = Literal["predictor", "casual", "beginner", "edger", "lunger", "still"]
PERSONAS: dict[PersonaName, Persona] = {
    "predictor": Persona(),
    "casual": Persona(reaction_ms=230, speed=60, error=4.0, patience=30),
    "beginner": Persona(foresight=False, reaction_ms=350, speed=40, error=6.0, patience=60),
    "edger": Persona(aim=(5.0, 8.0), error=1.0),
    "lunger": Persona(reaction_ms=100, waits_until=90),
    "still": Persona(speed=0),
}
"""By the names by which commands know them."""


def is_persona(name: str) -> TypeGuard[PersonaName]:
    """Whether a persona has that name."""
    return name in PERSONAS


class Stroke(NamedTuple):
    """What a player means to do with a ball that flies towards it."""

    offset: float = 0.0
    """Rows from the paddle's middle to the ball's, negative if the ball is to be above it."""
    fire: bool = True


class Hand(NamedTuple):
    """What a player knows of its own hand."""

    paddle: float | None
    """The paddle's middle row in the newest frame."""
    row: float | None
    """Where the paddle will come to rest."""
    rested: int
    """Frames since the paddle moved."""
    settled: bool
    """Whether the hand is where it should be."""


class PersonaMemory(NamedTuple):
    """The state of a `PersonaAgent`."""

    balls: tuple[Place | None, ...]
    approaching: bool
    stroke: Stroke
    absent: int
    hand: Hand
    generator: Mapping[str, Any]
    """The state of its random generator, as numpy returns it."""


class PersonaAgent:
    """Plays as a `Persona` says. It decides on every frame, moves no faster than it must, and waits in the middle."""

    policy = None

    def __init__(self, persona: Persona, *, name: str = "Script", seed: int = 0) -> None:
        self.persona = persona
        self.reaction_ms = persona.reaction_ms
        self.name = name
        self._delay = reaction_frames(persona.reaction_ms)
        self._random = np.random.default_rng(seed)
        self._balls: deque[Place | None] = deque(maxlen=SPEED_FRAMES + self._delay + 1)
        self.reset()

    def reset(self, seed: int | None = None) -> None:
        """Forgets the past: a new game begins. With a seed its randomness begins anew too, else it goes on."""
        if seed is not None:
            self._random = np.random.default_rng(seed)
        self._balls.clear()
        self._approaching = False
        self._absent = 0
        self._paddle: float | None = None
        self._hand: float | None = None
        self._rested = 0
        self._settled = False
        self._stroke = self._new_stroke()

    def observe(self, grey: Frame) -> Decision:
        """Takes in a grey frame `[210, 160]`; it decides on every one."""
        return self.decide(look(grey))

    def decide(self, view: View) -> Decision:
        """Takes in what it sees in the newest frame."""
        self._balls.append(view.ball)
        seen = max(len(self._balls) - 1 - self._delay, 0)
        before, ball = self._balls[max(seen - SPEED_FRAMES, 0)], self._balls[seen]
        self._notice(before, ball)
        self._absent = 0 if view.ball is not None else self._absent + 1
        fire = self._stroke.fire if view.ball is not None else self._absent > self.persona.patience
        return _decision(self._move(view, self._target(before, ball)), fire)

    def _notice(self, before: Place | None, ball: Place | None) -> None:
        """Plans a stroke when the ball turns towards the player."""
        if ball is None or before is None:
            self._approaching = False
        elif ball.column != before.column:
            turned = ball.column > before.column and not self._approaching
            self._approaching = ball.column > before.column
            if turned:
                self._stroke = self._new_stroke()

    def _new_stroke(self) -> Stroke:
        least, most = self.persona.aim
        offset = self._random.uniform(least, most) * (1 if self._random.random() < 0.5 else -1)
        offset += self._random.normal(0, self.persona.error)
        return Stroke(offset, bool(self._random.random() < self.persona.fire))

    def _target(self, before: Place | None, ball: Place | None) -> float | None:
        """The row for the paddle's middle; None to stay."""
        if ball is None or before is None or not self._approaching:
            return FIELD_MIDDLE
        frames = self._delay
        if self.persona.foresight:
            speed = (ball.column - before.column) / SPEED_FRAMES
            frames = max(round((RIGHT_PADDLE.start - BALL_WIDTH - ball.column) / speed), 0) if speed > 0 else 0
        expected = expected_ball(before, ball, frames)
        if expected_ball(before, ball, self._delay).column < self.persona.waits_until:
            return None
        return expected.row + (BALL_HEIGHT - 1) / 2 + self._stroke.offset

    def _move(self, view: View, target: float | None) -> int:
        """Percent of full speed, with sign."""
        self._feel(None if view.own is None else view.own.middle)
        if target is None or self._hand is None:
            return 0
        off = min(max(target, FIELD_TOP), FIELD_BOTTOM) - self._hand
        # Who is there stays there, until it is clearly elsewhere that they should be.
        self._settled = abs(off) <= (_STILL_THERE if self._settled else _THERE)
        percent = 0 if self._settled else round(FULL_SPEED * off / _ROWS_PER_FRAME)
        percent = min(max(percent, -self.persona.speed), self.persona.speed)
        self._hand += percent * _ROWS_PER_FRAME / FULL_SPEED
        return percent

    def _feel(self, middle: float | None) -> None:
        """Where its own hand is: it knows how it has moved. The paddle lags behind, and shows it only when at rest.

        Every second frame the ROM moves the paddle half-way to where the knob has been turned.
        """
        self._rested = self._rested + 1 if middle == self._paddle else 0
        self._paddle = middle
        if middle is not None and (self._hand is None or self._rested >= _AT_REST):
            self._hand = middle

    def memory(self) -> PersonaMemory:
        """What it carries from frame to frame, and its randomness, for `recall`."""
        return PersonaMemory(
            tuple(self._balls),
            self._approaching,
            self._stroke,
            self._absent,
            Hand(self._paddle, self._hand, self._rested, self._settled),
            self._random.bit_generator.state,
        )

    def recall(self, memory: PersonaMemory) -> None:
        """Goes back to the state that `memory` returned."""
        self._balls = deque(memory.balls, self._balls.maxlen)
        self._approaching, self._stroke = memory.approaching, memory.stroke
        self._absent = memory.absent
        self._paddle, self._hand, self._rested, self._settled = memory.hand
        self._random.bit_generator.state = memory.generator


@cache
def _decision(move: int, fire: bool) -> Decision:  # noqa: FBT001 - a cache takes its arguments by position
    """The decision to move at this percentage of full speed; the same object each time."""
    name: ActionName
    if move:
        name = ("RIGHTFIRE" if fire else "RIGHT") if move < 0 else ("LEFTFIRE" if fire else "LEFT")
    else:
        name = "FIRE" if fire else "NOOP"
    certain = tuple(float(action == name) for action in MINIMAL_ACTIONS)
    return Decision(name, MINIMAL_ACTIONS, certain, value=None, speed=abs(move) or FULL_SPEED)
