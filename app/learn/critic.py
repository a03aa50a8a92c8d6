"""The lesson on actor-critic: bias against chance."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pygame

from app.follow.tutor import Tutor
from app.learn.lesson import Lesson
from app.learn.plots import SEEDS, Axes, draw_legend
from app.ui import theme
from app.ui.widgets import Choice
from models.lessons import Critic, CriticKnobs, Estimates

_ENOUGH = 0.1
"""Of a training, until its curves say something."""
_SEEN = 0.98
"""Of the estimates; the farthest would leave little room for the others."""
_JITTER = 7
"""Places side by side that the dots of a column take in turn, so that few hide each other."""


class CriticLesson(Lesson):
    """Estimates of one difference with each lambda, and trainings with one of them."""

    name = "critic"
    title = "Actor-critic"
    idea = (
        "The actor is the policy; the critic, a second network, predicts the return. How much better is a push to the "
        "right than to the left? Whole games (lambda 1) have no bias, but much noise; the critic after one step "
        "(lambda 0) has little noise, but errors of its own. Mostly, the total error is smallest in between. At right, "
        "training runs with the chosen lambda."
    )

    def __init__(self) -> None:
        self._lambda = Choice("Lambda", (0.0, 0.5, 0.9, 0.95, 1.0), 0.9, lambda value: f"{value:g}")
        self.choices = (self._lambda,)

    @property
    def command(self) -> str:
        """With the chosen lambda."""
        return f"volley train a2c --env CartPole-v1 --set gae_lambda={self._lambda.value:g}"

    def knobs(self, seed: int) -> CriticKnobs:
        """The chosen lambda."""
        return CriticKnobs(self._lambda.value, seed)

    def shown(self, tutor: Tutor) -> bool:
        """The estimates are seen, and trainings have begun."""
        critic = tutor.told(Critic)
        if critic is None or not critic.estimates:
            return False
        return all(curve and curve[-1][0] >= _ENOUGH * critic.steps for curve in critic.curves)

    def draw(self, surface: pygame.Surface, rect: pygame.Rect, scale: float, tutor: Tutor) -> None:
        """At left single estimates, above how good they are; at right the curves."""
        critic = tutor.told(Critic)
        if critic is None:
            return
        label, gap, row = round(36 * scale), round(theme.GAP * scale), round(24 * scale)
        width = (rect.width - gap) * 11 // 20
        height = (rect.height - 3 * row - gap // 2) // 2
        single = pygame.Rect(rect.left + label, rect.top + row, width - label, height)
        _draw_examples(surface, single, scale, critic)
        _draw_errors(surface, single.move(0, height + gap // 2 + row), scale, critic)
        left = rect.left + width + gap + label
        curves = pygame.Rect(left, rect.top + row, rect.right - left, rect.height - 2 * row)
        _draw_curves(surface, curves, scale, critic)


def _draw_examples(surface: pygame.Surface, rect: pygame.Rect, scale: float, critic: Critic) -> None:
    """A column of dots for each lambda."""
    sizes = sorted(abs(value) for column in critic.estimates for value in column.examples)
    usual = sizes[round(_SEEN * (len(sizes) - 1))] if sizes else 0
    reach = max(math.ceil(usual / 10) * 10, 10)
    axes = _axes(rect, critic.estimates, (-reach, reach))
    rows = [(theme.PUSHED_UP, "estimates"), (theme.TEXT, "their mean"), (theme.FOCUS, "truth")]
    _draw_row(surface, rect, scale, rows)
    axes.draw(surface, scale, levels=[(-reach, f"\N{MINUS SIGN}{reach}"), (0, "0"), (reach, f"+{reach}")])
    _mark_chosen(surface, axes, critic)
    for place, column in enumerate(critic.estimates):
        colour = theme.PUSHED_UP if column.gae_lambda == critic.gae_lambda else theme.QUIET
        spread = [place + 0.6 * (number % _JITTER / (_JITTER - 1) - 0.5) for number in range(len(column.examples))]
        axes.dots(surface, zip(spread, column.examples, strict=True), colour, 2.5 * scale)
        axes.line(surface, [(place - 0.4, column.mean), (place + 0.4, column.mean)], theme.TEXT, 2 * scale)
    if critic.estimates:
        axes.line(surface, [(axes.across[0], critic.truth), (axes.across[1], critic.truth)], theme.FOCUS, scale)


def _draw_errors(surface: pygame.Surface, rect: pygame.Rect, scale: float, critic: Critic) -> None:
    """Bias, scatter and both over lambda."""
    found = critic.estimates
    wholes = [math.hypot(one.bias, one.scatter) for one in found]
    top = max(math.ceil(max(wholes, default=0)), 1)
    axes = _axes(rect, found, (0, top))
    rows = [(theme.PUSHED_DOWN, "bias"), (theme.PUSHED_UP, f"scatter, {critic.batch} averaged"), (theme.TEXT, "both")]
    _draw_row(surface, rect, scale, rows)
    places = [(place, f"{one.gae_lambda:g}") for place, one in enumerate(found)]
    axes.draw(surface, scale, levels=[(0, "0"), (top, f"{top}")], places=places)
    _mark_chosen(surface, axes, critic)
    lines = (
        ([one.bias for one in found], theme.PUSHED_DOWN),
        ([one.scatter for one in found], theme.PUSHED_UP),
        (wholes, theme.TEXT),
    )
    for values, colour in lines:
        points = list(enumerate(values))
        axes.line(surface, points, colour)
        axes.dots(surface, points, colour, 3 * scale)


def _axes(rect: pygame.Rect, found: Sequence[Estimates], up: tuple[float, float]) -> Axes:
    """With a column for each lambda."""
    return Axes(rect, (-0.5, max(len(found), 1) - 0.5), up)


def _mark_chosen(surface: pygame.Surface, axes: Axes, critic: Critic) -> None:
    """Lights the column of the trainings' lambda."""
    for place, one in enumerate(critic.estimates):
        if one.gae_lambda == critic.gae_lambda:
            (left, top), (right, bottom) = axes.at(place - 0.5, axes.up[1]), axes.at(place + 0.5, axes.up[0])
            column = pygame.Rect(round(left), round(top), round(right - left), round(bottom - top))
            pygame.draw.rect(surface, theme.PANEL.lerp(theme.HAIRLINE, 0.6), column)


def _draw_row(
    surface: pygame.Surface, rect: pygame.Rect, scale: float, parts: Sequence[tuple[pygame.Color, str]]
) -> None:
    """A legend in one row above a chart."""
    left, size = rect.left, round(theme.HINT_SIZE * scale)
    for colour, words in parts:
        draw_legend(surface, (left, rect.top - round(24 * scale)), scale, [(colour, words)])
        left += theme.width_of(words, size) + round(2.4 * size)


def _draw_curves(surface: pygame.Surface, rect: pygame.Rect, scale: float, critic: Critic) -> None:
    axes = Axes(rect, (0, critic.steps), (0, 250))
    size = round(theme.HINT_SIZE * scale)
    place = rect.left, rect.top - round(6 * scale)
    theme.draw_text(surface, f"return, three seeds, lambda {critic.gae_lambda:g}", size, theme.TEXT, bottomleft=place)
    levels = [(value, str(value)) for value in (0, 50, 100, 150, 200, 250)]
    axes.draw(surface, scale, levels=levels, below=f"{critic.steps:,} steps")
    for curve, colour in zip(critic.curves, SEEDS, strict=False):
        axes.line(surface, curve, colour)
        axes.dots(surface, curve[-1:], colour, 4 * scale)
