"""What the agent expects, and how sure it is: value and entropy, now and over the last seconds."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pygame

from agents.base import Decision
from app import theme
from app.match import HISTORY_LENGTH, Estimate
from app.panels.glide import Glide

LEAST_VALUE_RANGE = 1.0
"""Points. The value's curve spans at least from minus this to plus this, so that calm play looks calm."""


class EstimatesModel:
    """Value and entropy: the numbers smoothed, the curves as they were."""

    def __init__(self) -> None:
        self._value, self._entropy = Glide(), Glide()
        self.value: float | None = None
        """The expected return, in points, smoothed."""
        self.entropy: float | None = None
        """In nats, smoothed."""
        self.most_entropy = 1.0
        """Of a choice made by chance alone, in nats."""
        self.value_range = LEAST_VALUE_RANGE
        """Points from the middle of the value's curve to its edges."""
        self.values: tuple[float, ...] = ()
        self.entropies: tuple[float, ...] = ()

    def update(self, decision: Decision | None, history: Sequence[Estimate], elapsed: float) -> None:
        """Moves the numbers towards `decision` for `elapsed` seconds; `history` becomes the curves."""
        if decision is None:
            return
        self.value = None if decision.value is None else self._value.towards(decision.value, elapsed)
        self.entropy = self._entropy.towards(history[-1].entropy, elapsed)
        self.most_entropy = math.log(len(decision.actions))
        self.values = tuple(estimate.value for estimate in history if estimate.value is not None)
        self.entropies = tuple(estimate.entropy for estimate in history)
        self.value_range = max(LEAST_VALUE_RANGE, *map(abs, self.values), 0.0)


def draw(surface: pygame.Surface, rect: pygame.Rect, scale: float, model: EstimatesModel, colour: pygame.Color) -> None:
    """Draws the panel to fill `rect`: value above, entropy below, a number each and a curve in the player's colour."""
    room = theme.draw_panel(surface, rect, scale)
    gap = round(theme.PADDING * scale)
    upper = pygame.Rect(room.topleft, (room.width, (room.height - gap) // 2))
    lower = upper.move(0, upper.height + gap)
    value, entropy = _number(model.value, "+.2f"), _number(model.entropy, ".2f")
    _draw_words(surface, upper, scale, ("Value", value, "points"))
    unit = f"of {model.most_entropy:.2f} nats" if entropy else "nats"
    _draw_words(surface, lower, scale, ("Entropy", entropy, unit))
    left, thickness = round(92 * scale), max(1, round(2 * scale))
    upper, lower = (pygame.Rect(row.left + left, row.top, row.width - left, row.height) for row in (upper, lower))
    _draw_curve(surface, upper, model.values, (-model.value_range, model.value_range), (colour, thickness))
    _draw_curve(surface, lower, model.entropies, (0, model.most_entropy), (colour, thickness))


def _number(number: float | None, form: str) -> str:
    return "" if number is None else format(number, form).replace("-", "\N{MINUS SIGN}")


def _draw_words(surface: pygame.Surface, row: pygame.Rect, scale: float, words: tuple[str, str, str]) -> None:
    """`words` are name, number and unit, one below the other."""
    name, number, unit = words
    small, large = round(theme.HINT_SIZE * scale), round(theme.HEADING_SIZE * scale)
    away = round(11 * scale)
    theme.draw_text(surface, name, small, theme.QUIET, bottomleft=(row.left, row.centery - away))
    theme.draw_text(surface, number, large, theme.TEXT, theme.Face.BOLD, midleft=row.midleft)
    theme.draw_text(surface, unit, small, theme.QUIET, topleft=(row.left, row.centery + away))


def _draw_curve(
    surface: pygame.Surface,
    box: pygame.Rect,
    curve: Sequence[float],
    span: tuple[float, float],
    pen: tuple[pygame.Color, int],
) -> None:
    """Draws `curve` with its newest point at the right edge, between `span`'s ends at bottom and top."""
    colour, thickness = pen
    pygame.draw.rect(surface, theme.BACKGROUND, box)
    low, high = span
    inner = box.inflate(-2, -2 * thickness - 2)
    rise = (inner.height - thickness) / (high - low)
    if low < 0:
        zero = round(inner.bottom - thickness + low * rise)
        pygame.draw.line(surface, theme.HAIRLINE, (box.left, zero), (box.right - 1, zero))
    if len(curve) < 2:
        return
    step = (inner.width - 1) / (HISTORY_LENGTH - 1)
    first = inner.right - 1 - step * (len(curve) - 1)
    heights = [inner.bottom - thickness - (number - low) * rise for number in curve]
    for below in range(thickness):
        points = [(first + step * place, height + below) for place, height in enumerate(heights)]
        pygame.draw.aalines(surface, colour, points=points, closed=False)
