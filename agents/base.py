"""What passes between agents and the court: frames, decisions, and what a player does with the paddle."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.spec import SLOW_ACTIONS, SLOW_SPEED, ActionName

Frame = NDArray[np.uint8]
"""An emulator frame: grey `[210, 160]`, or colour `[210, 160, 3]`."""

UP_ACTIONS = frozenset({"RIGHT", "RIGHTFIRE", "SLOWRIGHT", "SLOWRIGHTFIRE"})
DOWN_ACTIONS = frozenset({"LEFT", "LEFTFIRE", "SLOWLEFT", "SLOWLEFTFIRE"})
STAY_ACTIONS = frozenset({"NOOP", "FIRE"})
FIRE_ACTIONS = frozenset({"FIRE", "RIGHTFIRE", "LEFTFIRE", "SLOWRIGHTFIRE", "SLOWLEFTFIRE"})
MOVES = (("up", UP_ACTIONS), ("stay", STAY_ACTIONS), ("down", DOWN_ACTIONS), ("fire", FIRE_ACTIONS))
"""Names of these groups. The first three divide the actions between them; fire goes with any of them."""

FULL_SPEED = 100


@dataclass(frozen=True, slots=True)
class Control:
    """What a player does with the knob and the button during one emulator frame."""

    move: int = 0
    """Percent of the paddle's full speed, from -100 (up) to 100 (down)."""
    fire: bool = False
    """Whether the button is held."""


def control_of(action: ActionName) -> Control:
    """The control that carries out an action: the paddle at rest, at full speed, or slow."""
    return _CONTROLS[action]


_CONTROLS: dict[ActionName, Control] = {
    "NOOP": Control(),
    "FIRE": Control(fire=True),
    "RIGHT": Control(-FULL_SPEED),
    "LEFT": Control(FULL_SPEED),
    "RIGHTFIRE": Control(-FULL_SPEED, fire=True),
    "LEFTFIRE": Control(FULL_SPEED, fire=True),
}
_CONTROLS |= {
    slow: Control(_CONTROLS[full].move * SLOW_SPEED // FULL_SPEED, _CONTROLS[full].fire)
    for slow, full in SLOW_ACTIONS.items()
}


@dataclass(frozen=True, slots=True)
class Decision:
    """What an agent chose, and how sure it was; plain numbers, in force until the next decision."""

    action: ActionName
    actions: tuple[ActionName, ...]
    """The actions the agent may take."""
    probabilities: tuple[float, ...]
    """Of each of `actions`, as sampled from; they sum to 1. For a greedy agent, as it would have sampled."""
    value: float | None
    """The expected return from here, in points; None if the agent does not estimate it."""
    speed: int = FULL_SPEED
    """Of the paddle, in percent of its full speed: a script may move slowly."""

    @property
    def control(self) -> Control:
        """The control that carries it out."""
        full = control_of(self.action)
        return full if self.speed == FULL_SPEED else Control(full.move * self.speed // FULL_SPEED, full.fire)

    def probability_of(self, group: frozenset[str]) -> float:
        """The summed probability of the actions in `group`: `UP_ACTIONS`, `DOWN_ACTIONS` or `FIRE_ACTIONS`."""
        return sum(p for name, p in zip(self.actions, self.probabilities, strict=True) if name in group)

    @property
    def entropy(self) -> float:
        """In nats: 0 for a certain choice, log(number of actions) for a uniform one."""
        return -sum(p * math.log(p) for p in self.probabilities if p > 0)
