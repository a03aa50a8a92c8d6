"""A learning curve: returns over agent steps, on an axis with zero in the middle."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import pygame

from app.ui import theme

MAX_POINTS = 200
"""Longer curves are thinned out."""

Shares: TypeAlias = tuple[tuple[float, float], ...]
"""Points as shares of a chart's width, from the left, and of its height, from the bottom."""


def curve_shares(points: Sequence[tuple[int, float | None]], end: int, limit: float) -> Shares:
    """A curve of steps and returns on a chart `end` steps wide that reaches from -`limit` to `limit`.

    Skips points without a return. Thins a curve of more than `MAX_POINTS` out, but keeps its newest point.
    """
    every = -(-len(points) // MAX_POINTS) or 1
    drawn = reversed(points[::-1][::every])  # Thinned out from the end, so that the newest is among them.
    return tuple((steps / end, (score + limit) / (2 * limit)) for steps, score in drawn if score is not None)


def draw_curve(
    surface: pygame.Surface,
    chart: pygame.Rect,
    scale: float,
    curve: Shares,
    *,
    limit: int,
    marks: Sequence[float] = (),
) -> None:
    """Draws the curve with its axis on the left; `marks` are shares of the width, and the last one stands out."""
    small, thickness = round(theme.HINT_SIZE * scale), max(1, round(2 * scale))
    pygame.draw.rect(surface, theme.BACKGROUND, chart)
    inner = chart.inflate(-4 * thickness, -4 * thickness)
    for share, label in ((0, f"\N{MINUS SIGN}{limit}"), (0.5, "0"), (1, f"+{limit}")):
        row = round(inner.bottom - share * inner.height)
        pygame.draw.line(surface, theme.HAIRLINE, (chart.left, row), (chart.right - 1, row))
        theme.draw_text(surface, label, small, theme.QUIET, midright=(chart.left - round(6 * scale), row))
    for place, share in enumerate(marks):
        colour = theme.FOCUS if place == len(marks) - 1 else theme.QUIET
        _draw_mark(surface, (inner.left + share * inner.width, chart.bottom - 1), scale, colour)
    _draw_line(surface, [(inner.left + x * inner.width, inner.bottom - y * inner.height) for x, y in curve], thickness)


def _draw_line(surface: pygame.Surface, points: Sequence[tuple[float, float]], thickness: int) -> None:
    """Draws a line through the points, with a dot on the last."""
    if len(points) > 1:
        for below in range(thickness):
            shifted = [(x, y + below) for x, y in points]
            pygame.draw.aalines(surface, theme.TEXT, points=shifted, closed=False)
    if points:
        pygame.draw.aacircle(surface, theme.TEXT, points[-1], 2 * thickness)


def _draw_mark(surface: pygame.Surface, tip: tuple[float, float], scale: float, colour: pygame.Color) -> None:
    """Draws a triangle on the chart's lower edge."""
    across, up = 5 * scale, 9 * scale
    corners = [(tip[0] - across, tip[1]), (tip[0] + across, tip[1]), (tip[0], tip[1] - up)]
    pygame.draw.polygon(surface, colour, corners)
