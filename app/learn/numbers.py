"""The lesson on actions that are numbers."""

from __future__ import annotations

import math

import numpy as np
import pygame

from app.follow.tutor import Tutor
from app.learn.lesson import Lesson, Question
from app.learn.plots import Axes, draw_legend
from app.ui import theme
from app.ui.widgets import Choice
from models.lessons import FIRST_LOG_DEVIATIONS, Head, Numbers, NumbersKnobs, Spread
from models.numbers import with_minus

_HEADS: dict[Head, str] = {"gaussian": "Gaussian, clipped", "tanh-gaussian": "tanh of a Gaussian"}
_REACH = 3.0
"""How far the actions go that are shown."""
_BINS = 10
"""Of the histogram of pushes."""
_SOLVED = 90.0
"""The return at which gymnasium calls the mountain car solved."""
_DIM = 0.55
"""How far the area under the density goes towards the ground's colour."""
_VALLEY = ((-1.2, 0.6), (-1.1, 1.5))
"""The car's places, and the heights that the picture of the valley has room for."""
_FLAG = 0.45
"""Where it stands."""


class NumbersLesson(Lesson):
    """A density with bounds, and what is drawn from it."""

    name = "numbers"
    title = "Numbers for actions"
    idea = (
        "An action may be a number: how hard the car is pushed. It is drawn from a bell curve; the network chooses the "
        "middle, and the width is learned too. Draws beyond the bounds are clipped, or tanh squeezes the curve between "
        "them. If it begins narrow, the car only learns to stand still."
    )
    question = Question(
        "What is a good last layer of a policy for MountainCarContinuous?",
        ("two units and softmax", "one unit and ReLU", "one unit and tanh"),
    )

    def __init__(self) -> None:
        self._head = Choice[Head]("Drawn from", tuple(_HEADS), "gaussian", _HEADS.__getitem__)
        self._spread = Choice[Spread]("First width", ("small", "medium", "large"), "large")
        self.choices = (self._head, self._spread)

    @property
    def command(self) -> str:
        """With the chosen distribution and its first width."""
        first = f"--set first_log_deviation={FIRST_LOG_DEVIATIONS[self._spread.value]:g}"
        return f"volley train ppo --env MountainCarContinuous-v0 --head {self._head.value} {first}"

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
        gap, label, below, above = (round(size * scale) for size in (theme.GAP, 48, 24, 72))
        chart = pygame.Rect(rect.left, rect.top + above, 0, rect.height - above - below)
        chart.width = (rect.width - gap - label) * 11 // 20
        curve = chart.move_to(left=chart.right + gap + label)
        curve.width = rect.right - curve.left
        _draw_legend(surface, (rect.left, rect.top), scale, numbers)
        _draw_car(surface, pygame.Rect(curve.left, rect.top, curve.width, above - gap // 2), scale, numbers)
        _draw_actions(surface, chart, scale, numbers)
        _draw_curve(surface, curve, scale, numbers)


def _draw_actions(surface: pygame.Surface, rect: pygame.Rect, scale: float, numbers: Numbers) -> None:
    """The density, the draws as ticks below it, and what the car gets for them, all over the same numbers."""
    line, small, apart = round(20 * scale), round(theme.HINT_SIZE * scale), round(6 * scale)
    upper = pygame.Rect(rect.left, rect.top, rect.width, rect.height * 11 // 20)
    ticks = pygame.Rect(rect.left, upper.bottom, rect.width, line)
    lower = pygame.Rect(rect.left, ticks.bottom, rect.width, rect.bottom - ticks.bottom)
    pygame.draw.rect(surface, theme.BACKGROUND, rect)
    _draw_density(surface, upper, numbers)
    _draw_draws(surface, ticks, numbers)
    axes = Axes(rect, (-_REACH, _REACH), (0, 1))
    for bound in numbers.bounds:
        column = round(axes.at(bound, 0)[0])
        pygame.draw.line(surface, theme.FOCUS, (column, rect.top), (column, rect.bottom - 1))
        words = with_minus(bound, "+g")
        theme.draw_text(surface, words, small, theme.FOCUS, midtop=(column, rect.bottom + apart // 2))
    _draw_pushes(surface, lower, scale, numbers)
    box = theme.draw_text(surface, "drawn", small, theme.QUIET, topleft=(rect.left + apart, rect.top + apart // 2))
    theme.draw_text(surface, f"width {numbers.deviation:.2f}", small, theme.QUIET, topleft=box.bottomleft)
    place = rect.left + apart, rect.bottom - apart // 2
    theme.draw_text(surface, "the car gets", small, theme.QUIET, bottomleft=place)
    theme.draw_text(surface, "push", small, theme.QUIET, midtop=(rect.centerx, rect.bottom + apart // 2))


def _draw_legend(surface: pygame.Surface, place: tuple[int, int], scale: float, numbers: Numbers) -> None:
    beyond = sum(_beyond(draw, numbers) for draw in numbers.draws)
    rows = (
        (theme.PUSHED_UP, f"within: {len(numbers.draws) - beyond:3} of {len(numbers.draws)} draws"),
        (theme.PUSHED_DOWN, f"beyond, so clipped: {beyond:3}"),
        (theme.FOCUS, "bounds of the push"),
    )
    draw_legend(surface, place, scale, rows)


def _draw_car(surface: pygame.Surface, rect: pygame.Rect, scale: float, numbers: Numbers) -> None:
    """The valley with the car in it, as it is where the action is drawn, and words."""
    small, left = round(theme.HINT_SIZE * scale), rect.left + min(rect.height * 2, rect.width // 2)
    valley = Axes(pygame.Rect(rect.left, rect.top, left - rect.left, rect.height), *_VALLEY)
    valley.line(surface, [_on_ground(place) for place in np.linspace(*_VALLEY[0], 61).tolist()], theme.QUIET)
    x, y = valley.at(*_on_ground(_FLAG))
    top, unit = y - 16 * scale, 4 * scale
    pygame.draw.line(surface, theme.TEXT, (x, y), (x, top))
    pygame.draw.polygon(surface, theme.FOCUS, [(x, top), (x - 2 * unit, top + unit), (x, top + 2 * unit)])
    x, y = valley.at(*_on_ground(numbers.place))
    y, tip = y - 6 * scale, x + 26 * scale
    pygame.draw.aacircle(surface, theme.PUSHED_UP, (x, y), 5 * scale)
    pygame.draw.line(surface, theme.PUSHED_UP, (x, y), (tip - unit, y), width=max(round(2 * scale), 1))
    pygame.draw.polygon(surface, theme.PUSHED_UP, [(tip, y), (tip - 2 * unit, y - unit), (tip - 2 * unit, y + unit)])
    left += round(8 * scale)
    for row, words in enumerate(theme.wrapped("drawn while the car rolls to the right", small, rect.right - left, 3)):
        theme.draw_text(surface, words, small, theme.QUIET, topleft=(left, rect.top + row * round(20 * scale)))


def _on_ground(place: float) -> tuple[float, float]:
    """A place in the valley, whose floor is a sine, and its height."""
    return place, math.sin(3 * place)


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
    values = np.interp(actions, places, heights, left=0, right=0).tolist()
    within, beyond = (colour.lerp(theme.BACKGROUND, _DIM) for colour in (theme.PUSHED_UP, theme.PUSHED_DOWN))
    outline = list(zip(actions.tolist(), values, strict=True))
    for column, (action, value) in enumerate(outline, rect.left):
        top = max(round(axes.at(action, value)[1]), rect.top)
        colour = beyond if _beyond(action, numbers) else within
        surface.fill(colour, (column, top, 1, rect.bottom - top))
    axes.line(surface, outline, theme.TEXT)


def _draw_draws(surface: pygame.Surface, rect: pygame.Rect, numbers: Numbers) -> None:
    axes = Axes(rect, (-_REACH, _REACH), (0, 1))
    for draw in numbers.draws:
        column = round(axes.at(draw, 0)[0])
        if rect.left <= column < rect.right:
            colour = _colour(draw, numbers)
            pygame.draw.line(surface, colour, (column, rect.top + rect.height // 4), (column, rect.bottom - 1))


def _draw_pushes(surface: pygame.Surface, rect: pygame.Rect, scale: float, numbers: Numbers) -> None:
    """How often each push comes up, hanging down; those that were clipped to a bound in a bar of their own."""
    axes = Axes(rect, (-_REACH, _REACH), (1, 0))
    edges = np.linspace(*numbers.bounds, _BINS + 1).tolist()
    clipped = [_beyond(draw, numbers) for draw in numbers.draws]
    within = [push for push, cut in zip(numbers.pushes, clipped, strict=True) if not cut]
    for count, start, end in zip(np.histogram(within, edges)[0].tolist(), edges[:-1], edges[1:], strict=True):
        _hang(surface, axes, (start, end), count / len(clipped), theme.PUSHED_UP)
    small, half = round(theme.HINT_SIZE * scale), (edges[1] - edges[0]) / 3
    for bound in numbers.bounds:
        count = sum(cut and push == bound for push, cut in zip(numbers.pushes, clipped, strict=True))
        if count:
            bar = _hang(surface, axes, (bound - half, bound + half), count / len(clipped), theme.PUSHED_DOWN)
            beside = bar.right + small // 2 if bound > 0 else bar.left - small // 2
            side = "midleft" if bound > 0 else "midright"
            words, place = str(count), (beside, max(bar.centery, rect.top + small))
            theme.draw_text(surface, words, small, theme.PUSHED_DOWN, theme.Face.BOLD, **{side: place})


def _hang(
    surface: pygame.Surface, axes: Axes, across: tuple[float, float], share: float, colour: pygame.Color
) -> pygame.Rect:
    """Draws a bar from above; returns it."""
    (left, tip), (right, _) = (axes.at(place, share) for place in across)
    bar = pygame.Rect(round(left), axes.rect.top, round(right) - round(left) - 1, round(tip) - axes.rect.top)
    return surface.fill(colour, bar)


def _draw_curve(surface: pygame.Surface, rect: pygame.Rect, scale: float, numbers: Numbers) -> None:
    axes = Axes(rect, (0, numbers.steps), (-105, 105))
    small = round(theme.HINT_SIZE * scale)
    levels = [(level, with_minus(level, "d")) for level in (-100, -50, 0, 50, 100)]
    below = f"return over {numbers.steps:,} steps"
    axes.draw(surface, scale, levels=levels, below=below)
    axes.line(surface, [(0, _SOLVED), (numbers.steps, _SOLVED)], theme.FOCUS, 1)
    place = rect.left + round(8 * scale), round(axes.at(0, _SOLVED)[1]) + round(2 * scale)
    theme.draw_text(surface, "solved", small, theme.FOCUS, topleft=place)
    axes.line(surface, numbers.curve, theme.PUSHED_UP)
    axes.dots(surface, numbers.curve[-1:], theme.PUSHED_UP, 4 * scale)
