"""Draws the review of a game: the moment in focus on the court, the chance of winning and the moments beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pygame

from agents.pong import Side
from app.play.layout import PlayLayout
from app.play.review import ReviewModel
from app.ui import theme, widgets
from app.ui.bindings import BINDINGS, Binding
from app.ui.court import CourtView

_CHART, _ROW, _HEAD = 230, 56, 40
"""Heights at scale 1: of the chart, of a moment's row, and of a heading."""


@dataclass(frozen=True, slots=True)
class ReviewLayout:
    """The place of each part, in pixels."""

    scale: float
    score: pygame.Rect
    court: pygame.Rect
    chart: pygame.Rect
    moments: pygame.Rect
    rows: tuple[pygame.Rect, ...]
    hints: pygame.Rect

    @classmethod
    def of(cls, size: tuple[int, int], count: int) -> ReviewLayout:
        """The layout for a surface of this size, 800 x 600 or more, and so many moments."""
        heights = [_CHART, _HEAD + count * _ROW + theme.PADDING]
        below = PlayLayout.of(size, column=heights)
        scale = below.scale
        column = below.column[0].unionall(list(below.column))
        chart = pygame.Rect(column.topleft, (column.width, round(_CHART * scale)))
        moments = pygame.Rect(column.left, chart.bottom + round(theme.GAP * scale), column.width, 0)
        moments.height = round(heights[1] * scale)
        padding = round(theme.PADDING * scale)
        row = pygame.Rect(
            moments.left + padding, moments.top + round(_HEAD * scale), moments.width - 2 * padding, round(_ROW * scale)
        )
        rows = tuple(row.move(0, place * row.height) for place in range(count))
        return cls(scale, below.score, below.court, chart, moments, rows, below.hints)


class ReviewView:
    """Shows a review, and passes the mouse on to its model. Positions are in a surface of `size`."""

    def __init__(self, model: ReviewModel, table: Sequence[Binding] = BINDINGS) -> None:
        self.model = model
        self._table = table
        self._court = CourtView()

    def click(self, position: tuple[int, int], size: tuple[int, int]) -> None:
        """Chooses the moment that is clicked at."""
        for place, row in enumerate(ReviewLayout.of(size, len(self.model.moments)).rows):
            if row.collidepoint(position):
                self.model.focus.go(place)

    def draw(self, surface: pygame.Surface) -> None:
        """Draws the review."""
        model = self.model
        layout = ReviewLayout.of(surface.size, len(model.moments))
        scale = layout.scale
        surface.fill(theme.BACKGROUND)
        self._court.draw(surface, layout.court, model.picture)
        _draw_heading(surface, layout, model)
        _draw_chart(surface, layout.chart, scale, model)
        _draw_moments(surface, layout, model)
        widgets.draw_hints(surface, layout.hints, scale, widgets.hints(self._table, model.hints))


def _draw_heading(surface: pygame.Surface, layout: ReviewLayout, model: ReviewModel) -> None:
    """Above the court: what the moment in focus cost."""
    scale, rect = layout.scale, layout.score
    size, small = round(theme.HEADING_SIZE * scale), round(theme.BODY_SIZE * scale)
    text = theme.fitted(model.story(model.moment), size, rect.width, theme.Face.BOLD)
    box = theme.draw_text(
        surface, text, size, theme.PLAYERS[model.side], theme.Face.BOLD, midbottom=(rect.centerx, rect.centery)
    )
    theme.draw_text(surface, model.label(model.moment), small, theme.QUIET, midtop=(rect.centerx, box.bottom))


def _draw_chart(surface: pygame.Surface, rect: pygame.Rect, scale: float, model: ReviewModel) -> None:
    """The chance of winning over the game: below the line in that player's colour, above it in the other's."""
    room = theme.draw_panel(surface, rect, scale)
    small, bold = round(theme.HINT_SIZE * scale), theme.Face.BOLD
    heading = round(theme.BODY_SIZE * scale)
    title = theme.fitted(f"{model.who} chance of winning", heading, room.width, bold)
    theme.draw_text(surface, title, heading, theme.PLAYERS[model.side], bold, topleft=room.topleft)
    label = round(44 * scale)
    chart = pygame.Rect(room.left + label, room.top + round(32 * scale), room.width - label, 0)
    chart.height = room.bottom - round(22 * scale) - chart.top
    points = [(chart.left + x * chart.width, chart.bottom - y * chart.height) for x, y in model.curve]
    points.append((chart.right, points[-1][1]))
    theirs, own = (theme.PLAYERS[side].lerp(theme.PANEL, 0.55) for side in (model.side.other, model.side))
    pygame.draw.rect(surface, theirs, chart)
    pygame.draw.polygon(surface, own, [(chart.left, chart.bottom), *points, chart.bottomright])
    for share, text in ((0.0, "0%"), (0.5, "50%"), (1.0, "100%")):
        row = round(chart.bottom - share * chart.height)
        pygame.draw.line(surface, theme.HAIRLINE, (chart.left, row), (chart.right, row))
        theme.draw_text(surface, text, small, theme.QUIET, midright=(chart.left - round(6 * scale), row))
    pygame.draw.aalines(surface, theme.TEXT, points=points, closed=False)
    now = round(chart.left + model.now * chart.width)
    pygame.draw.line(surface, theme.FOCUS, (now, chart.top), (now, chart.bottom), max(1, round(2 * scale)))
    for place, mark in enumerate(model.marks):
        colour = theme.FOCUS if place == model.focus.target else theme.TEXT
        pygame.draw.aacircle(surface, colour, (chart.left + mark * chart.width, chart.bottom), 4 * scale)
    below = chart.bottom + round(7 * scale)
    theme.draw_text(surface, "0:00", small, theme.QUIET, topleft=(chart.left, below))
    theme.draw_text(surface, model.length, small, theme.QUIET, topright=(chart.right, below))


def _draw_moments(surface: pygame.Surface, layout: ReviewLayout, model: ReviewModel) -> None:
    scale, bold = layout.scale, theme.Face.BOLD
    room = theme.draw_panel(surface, layout.moments, scale)
    body, small = round(theme.BODY_SIZE * scale), round(theme.HINT_SIZE * scale)
    title = "Costliest moments" if len(model.moments) > 1 else "Costliest moment"
    theme.draw_text(surface, title, body, theme.TEXT, bold, topleft=room.topleft)
    for place, (moment, row) in enumerate(zip(model.moments, layout.rows, strict=True)):
        inner = row.inflate(-round(16 * scale), -round(12 * scale))
        chosen = place == model.focus.target
        colour = theme.TEXT if chosen else theme.QUIET
        box = theme.draw_text(surface, model.label(moment), body, colour, bold, topleft=inner.topleft)
        cost = f"from {moment.before:.0%} to {moment.after:.0%}"
        theme.draw_text(surface, theme.fitted(cost, small, inner.width), small, colour, topleft=box.bottomleft)
        if chosen:
            widgets.draw_focus(surface, row.inflate(-round(4 * scale), -round(4 * scale)), scale)


def side_to_review(people: frozenset[Side], left: int, right: int) -> Side:
    """Whose losses to show: the one person's who plays here, else those of whoever is behind."""
    if len(people) == 1:
        return next(iter(people))
    return Side.LEFT if left < right else Side.RIGHT
