"""The lesson on actions that are numbers."""

from __future__ import annotations

import numpy as np
import pygame

from app.follow.tutor import Tutor
from app.learn.lesson import Lesson
from app.learn.plots import Axes, draw_legend
from app.ui import theme
from app.ui.widgets import Choice
from models.lessons import Head, Numbers, NumbersKnobs, Spread

_HEADS: dict[Head, str] = {"gaussian": "Gaussian, clipped", "tanh-gaussian": "tanh of a Gaussian"}
_REACH = 3.0
"""How far the actions go that are shown."""
_BINS = 41
"""Of the histogram of pushes."""
_SOLVED = 90.0
"""The return at which gymnasium calls the mountain car solved."""
_DIM = 0.55


class NumbersLesson(Lesson):
    """A density with bounds, and what is drawn from it."""

    name = "numbers"
    title = "Numbers for actions"
    idea = (
        "An action may be a number: how hard the car is pushed. The policy draws it from a bell curve whose middle the "
        "network chooses and whose width is learned. What a Gaussian draws beyond the bounds is clipped to them; tanh "
        "squeezes the whole curve between them. If it is narrow at first, the car never finds the flag."
    )
    command = "volley train ppo --env MountainCarContinuous-v0 --head tanh-gaussian"

    def __init__(self) -> None:
        self._head = Choice[Head]("Drawn from", tuple(_HEADS), "gaussian", _HEADS.__getitem__)
        self._spread = Choice[Spread]("First width", ("small", "medium", "large"), "large")
        self.choices = (self._head, self._spread)

    def knobs(self, seed: int) -> NumbersKnobs:
        """The distribution, and its first width."""
        return NumbersKnobs(self._head.value, self._spread.value, seed)

    def shown(self, tutor: Tutor) -> bool:
        """The flag is found, or the whole training went by without."""
        numbers = tutor.told(Numbers)
        if numbers is None or not numbers.curve:
            return False
        steps, mean_return = numbers.curve[-1]
        return mean_return > 0 or steps >= numbers.steps

    def draw(self, surface: pygame.Surface, rect: pygame.Rect, scale: float, tutor: Tutor) -> None:
        """At left, what is drawn in one situation; at right, how learning goes."""
        numbers = tutor.told(Numbers)
        if numbers is None:
            return
        gap, label, below = (round(size * scale) for size in (theme.GAP, 48, 24))
        left = pygame.Rect(rect.left, rect.top, (rect.width - gap - label) * 11 // 20, rect.height - below)
        right = pygame.Rect(left.right + gap + label, rect.top, 0, left.height)
        right.width = rect.right - right.left
        _draw_actions(surface, left, scale, numbers)
        _draw_curve(surface, right, scale, numbers)


def _draw_actions(surface: pygame.Surface, rect: pygame.Rect, scale: float, numbers: Numbers) -> None:
    """The density, the draws as ticks below it, and a histogram of what comes of them, all over the same actions."""
    line, small = round(20 * scale), round(theme.HINT_SIZE * scale)
    legend = pygame.Rect(rect.left, rect.top, rect.width, 3 * line)
    upper = pygame.Rect(rect.left, legend.bottom, rect.width, (rect.height - legend.height) * 11 // 20)
    ticks = pygame.Rect(rect.left, upper.bottom, rect.width, line)
    lower = pygame.Rect(rect.left, ticks.bottom, rect.width, rect.bottom - ticks.bottom)
    _draw_legend(surface, legend, scale, numbers)
    pygame.draw.rect(surface, theme.BACKGROUND, rect.clip(upper.union(lower)))
    _draw_density(surface, upper, numbers)
    _draw_draws(surface, ticks, numbers)
    _draw_pushes(surface, lower, numbers)
    axes = Axes(upper.union(lower), (-_REACH, _REACH), (0, 1))
    for bound in numbers.bounds:
        column = round(axes.at(bound, 0)[0])
        pygame.draw.line(surface, theme.FOCUS, (column, upper.top), (column, lower.bottom - 1))
        words = f"{bound:+g}".replace("-", "\N{MINUS SIGN}")
        theme.draw_text(surface, words, small, theme.FOCUS, midtop=(column, lower.bottom + round(3 * scale)))
    middle = round(axes.at(0, 0)[0]), lower.bottom + round(3 * scale)
    theme.draw_text(surface, "push", small, theme.QUIET, midtop=middle)


def _draw_legend(surface: pygame.Surface, rect: pygame.Rect, scale: float, numbers: Numbers) -> None:
    beyond = sum(_beyond(draw, numbers) for draw in numbers.draws)
    clipped = f"{beyond} of {len(numbers.draws)} draws lie beyond the bounds" + (", and are clipped" if beyond else "")
    rows = (
        (theme.PUSHED_UP, f"what is drawn; deviation {numbers.deviation:.2f}"),
        (theme.PUSHED_DOWN, clipped),
        (theme.FOCUS, "the bounds of the car"),
    )
    draw_legend(surface, rect.topleft, scale, rows)


def _beyond(action: float, numbers: Numbers) -> bool:
    low, high = numbers.bounds
    return not low <= action <= high


def _colour(action: float, numbers: Numbers) -> pygame.Color:
    return theme.PUSHED_DOWN if _beyond(action, numbers) else theme.PUSHED_UP


def _draw_density(surface: pygame.Surface, rect: pygame.Rect, numbers: Numbers) -> None:
    """The area under the density, with a bright edge. At the bounds, that of a squeezed curve may rise without end."""
    places, heights = zip(*numbers.density, strict=True)
    # Twice as high as the density in its middle, which is where a Gaussian is highest.
    axes = Axes(rect, (-_REACH, _REACH), (0, 2 * heights[len(heights) // 2]))
    actions = np.linspace(-_REACH, _REACH, rect.width)
    values = np.interp(actions, places, heights, left=0, right=0)
    for column, (action, value) in enumerate(zip(actions.tolist(), values.tolist(), strict=True), rect.left):
        colour = _colour(action, numbers).lerp(theme.BACKGROUND, _DIM)
        top = max(round(axes.at(action, value)[1]), rect.top)
        pygame.draw.line(surface, colour, (column, top), (column, rect.bottom - 1))
    axes.line(surface, list(zip(actions.tolist(), values.tolist(), strict=True)), theme.TEXT)


def _draw_draws(surface: pygame.Surface, rect: pygame.Rect, numbers: Numbers) -> None:
    axes = Axes(rect, (-_REACH, _REACH), (0, 1))
    for draw in numbers.draws:
        column = round(axes.at(draw, 0)[0])
        if rect.left <= column < rect.right:
            colour = _colour(draw, numbers)
            pygame.draw.line(surface, colour, (column, rect.top + rect.height // 4), (column, rect.bottom - 1))


def _draw_pushes(surface: pygame.Surface, rect: pygame.Rect, numbers: Numbers) -> None:
    """How often each push comes up, hanging down."""
    axes = Axes(rect, (-_REACH, _REACH), (1, 0))
    low, high = numbers.bounds
    counts = np.histogram(numbers.pushes, _BINS, (low, high))[0] / len(numbers.pushes)
    edges = np.linspace(low, high, _BINS + 1)
    for count, start, end in zip(counts.tolist(), edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        left, tip = axes.at(start, count)
        bar = pygame.Rect(round(left), rect.top, max(round(axes.at(end, 0)[0]) - round(left) - 1, 1), 0)
        bar.height = round(tip) - rect.top
        surface.fill(theme.PUSHED_UP, bar)


def _draw_curve(surface: pygame.Surface, rect: pygame.Rect, scale: float, numbers: Numbers) -> None:
    axes = Axes(rect, (0, numbers.steps), (-105, 105))
    levels = [(value, f"{value:d}".replace("-", "\N{MINUS SIGN}")) for value in (-100, -50, 0, 50, 100)]
    axes.draw(surface, scale, levels=levels, below=f"return over {numbers.steps:,} steps")
    axes.line(surface, numbers.curve, theme.PUSHED_UP)
    axes.dots(surface, numbers.curve[-1:], theme.PUSHED_UP, 4 * scale)
