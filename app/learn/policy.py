"""The lesson on what a policy is."""

from __future__ import annotations

from enum import Enum

import numpy as np
import pygame

from agents.base import MOVES, Frame
from app.follow.tutor import Tutor
from app.learn.lesson import Lesson, Question
from app.learn.plots import draw_legend
from app.ui import theme
from app.ui.court import ASPECT, CourtView
from app.ui.widgets import Choice, draw_bar
from models.lessons import MODELS, Moment, PolicyKnobs, Trained
from models.numbers import with_minus
from models.screen import SCREEN_SHAPE

_ROWS = tuple(range(38, 190, 8))
"""Of the ball, from the upper wall to the lower."""


class Acting(Enum):
    """How an action is chosen."""

    SAMPLED = "drawn at random"
    GREEDY = "always the likeliest"


class PolicyLesson(Lesson):
    """A frozen moment of Pong, in which the ball can be moved."""

    name = "policy"
    title = "A policy"
    idea = (
        "A policy turns what it sees into probabilities of actions. This network plays the green paddle. Move the "
        "ball, which flies to the right, and watch them change. It may draw its action, or always take the likeliest."
    )
    question = Question(
        "A network's last layer makes one number for each action. What turns these numbers into probabilities?",
        ("ReLU", "tanh", "softmax"),
    )

    def __init__(self) -> None:
        self._row = Choice("Ball", _ROWS, 110, lambda row: f"row {row}")
        self._acting = Choice("Action", tuple(Acting), Acting.SAMPLED, lambda acting: acting.value)
        self._trained = Choice[Trained]("Trained", tuple(MODELS), "to the end")
        self.choices = (self._row, self._trained, self._acting)
        self._court = CourtView()
        self._moment: Moment | None = None
        self._picture: Frame = np.zeros((*SCREEN_SHAPE, 3), np.uint8)
        self._leaders: set[str] = set()
        """The moves that have been the likeliest one."""

    @property
    def command(self) -> str:
        """With the chosen policy, acting as chosen."""
        greedy = " --greedy" if self._acting.value is Acting.GREEDY else ""
        return f"volley watch {MODELS[self._trained.value]}{greedy}"

    def knobs(self, seed: int) -> PolicyKnobs:
        """Where the ball is, and whose policy it is."""
        return PolicyKnobs(self._row.value, self._trained.value, seed)

    def shown(self, tutor: Tutor) -> bool:
        """Two moves have been the likeliest, each with the ball somewhere else."""
        if (moment := tutor.told(Moment)) is not None:
            shares = _shares(moment.actions, moment.probabilities)
            self._leaders.add(max(shares, key=shares.__getitem__))
        return len(self._leaders) > 1

    def draw(self, surface: pygame.Surface, rect: pygame.Rect, scale: float, tutor: Tutor) -> None:
        """The court at left, and at right each move's probability and how often it is chosen."""
        moment = tutor.told(Moment)
        if moment is None:
            return
        if moment is not self._moment and (self._moment is None or moment.picture != self._moment.picture):
            self._picture = np.frombuffer(moment.picture, np.uint8).reshape(*SCREEN_SHAPE, 3)
        self._moment = moment
        width = min(rect.width * 11 // 20, round(rect.height * ASPECT))
        court = pygame.Rect(rect.left, rect.top, width, round(width / ASPECT))
        self._court.draw(surface, court, self._picture)
        gap = round(2 * theme.GAP * scale)
        bars = pygame.Rect(court.right + gap, court.top, rect.right - court.right - gap, court.height)
        _draw_bars(surface, bars, scale, moment, self._acting.value)


def _shares(actions: list[str], numbers: list[float]) -> dict[str, float]:
    """Numbers by action as numbers by move."""
    moves = [(name, group) for name, group in MOVES if name != "fire"]
    by_action = dict(zip(actions, numbers, strict=True))
    return {name: sum(by_action.get(action, 0.0) for action in group) for name, group in moves}


def _draw_bars(surface: pygame.Surface, rect: pygame.Rect, scale: float, moment: Moment, acting: Acting) -> None:
    heading, body = round(theme.HEADING_SIZE * scale), round(theme.BODY_SIZE * scale)
    probabilities = _shares(moment.actions, moment.probabilities)
    likeliest = max(probabilities, key=probabilities.__getitem__)
    if acting is Acting.GREEDY:
        taken = {name: float(name == likeliest) for name in probabilities}
        words = "taken: always the same"
    else:
        drawn = sum(moment.counts)
        taken = {
            name: count / max(drawn, 1)
            for name, count in _shares(moment.actions, [float(count) for count in moment.counts]).items()
        }
        words = f"drawn {drawn:3} times"
    top, height = rect.top, round(12 * scale)
    for name, probability in probabilities.items():
        colour = theme.TEXT if name == likeliest else theme.QUIET
        theme.draw_text(surface, name, heading, colour, theme.Face.BOLD, topleft=(rect.left, top))
        theme.draw_text(surface, f"{probability:4.0%}", heading, colour, theme.Face.BOLD, topright=(rect.right, top))
        top += round(32 * scale)
        for share, ink in ((probability, theme.RIGHT_PLAYER), (taken[name], theme.FOCUS)):
            draw_bar(surface, pygame.Rect(rect.left, top, rect.width, height), scale, share, ink)
            top += round(16 * scale)
        top += round(14 * scale)
    rows = [(theme.RIGHT_PLAYER, "probability"), (theme.FOCUS, words)]
    top = draw_legend(surface, (rect.left, top), scale, rows)
    points = f"The network expects {with_minus(moment.value, '+z.2f')} points."
    for line in theme.wrapped(points, body, rect.width, 2):
        top = theme.draw_text(surface, line, body, theme.QUIET, topleft=(rect.left, top + round(8 * scale))).bottom
