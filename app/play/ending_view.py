"""Draws the end of a match: a card over the dimmed court."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pygame

from agents.base import Frame
from app.play.ending import EndingChoice, EndingModel, Figure, clock
from app.play.scene import draw_score
from app.ui import theme, widgets
from app.ui.bindings import BINDINGS, Binding
from app.ui.court import ASPECT, CourtView
from models.spec import POINTS_TO_WIN

DIMMED = 0.22
"""The brightness of the court behind the card."""


@dataclass(frozen=True, slots=True)
class EndingLayout:
    """The place of each part, in pixels; everything but the hints is on the card."""

    scale: float
    card: pygame.Rect
    score: pygame.Rect
    chart: pygame.Rect
    figures: tuple[pygame.Rect, ...]
    buttons: tuple[tuple[EndingChoice, pygame.Rect], ...]
    hints: pygame.Rect

    @classmethod
    def of(cls, size: tuple[int, int], model: EndingModel) -> EndingLayout:
        """The layout for a surface of this size, 800 x 600 or more."""
        width, height = size
        scale = theme.scale_of(size)
        gap, below = round(theme.GAP * scale), round(40 * scale)
        card = pygame.Rect(0, 0, min(width - 2 * gap, round(920 * scale)), 0)
        card.height = min(height - below - gap, round(700 * scale))
        card.midtop = (width // 2, (height - below + gap - card.height) // 2)
        room = card.inflate(-2 * round(24 * scale), -2 * gap)
        score = pygame.Rect(room.topleft, (room.width, round(116 * scale)))
        buttons = pygame.Rect(room.left, room.bottom - round(46 * scale), room.width, round(46 * scale))
        figures = pygame.Rect(room.left, buttons.top - round(82 * scale), room.width, round(62 * scale))
        chart = pygame.Rect(room.left, score.bottom, room.width, figures.top - gap - score.bottom)
        return cls(
            scale=scale,
            card=card,
            score=score,
            chart=chart,
            figures=tuple(widgets.columns(figures, len(model.figures), gap)),
            buttons=tuple(zip(model.choices, widgets.columns(buttons, len(model.choices), gap), strict=True)),
            hints=pygame.Rect(gap, height - below, width - 2 * gap, below),
        )


class EndingView:
    """Shows the end of a match, and passes the mouse on to its model. Positions are in a surface of `size`."""

    def __init__(self, model: EndingModel, table: Sequence[Binding] = BINDINGS) -> None:
        self.model = model
        self._table = table
        self._backdrop = Backdrop()

    def point(self, position: tuple[int, int], size: tuple[int, int]) -> None:
        """Follows the mouse."""
        self._lay_out(size)
        self.model.focus.point(position)

    def click(self, position: tuple[int, int], size: tuple[int, int]) -> EndingChoice | None:
        """Acts on a click; returns the choice made, if any."""
        self.point(position, size)
        return self.model.click(self.model.focus.pointed)

    def draw(self, surface: pygame.Surface, picture: Frame) -> None:
        """Draws the end over `picture`, the court's last one."""
        model, layout = self.model, self._lay_out(surface.size)
        scale, focus = layout.scale, model.focus
        self._backdrop.draw(surface, picture)
        theme.draw_panel(surface, layout.card, scale)
        _draw_score(surface, layout.score, scale, model)
        _draw_chart(surface, layout.chart, scale, model)
        for rect, figure in zip(layout.figures, model.figures, strict=True):
            _draw_figure(surface, rect, scale, figure)
        for choice, rect in layout.buttons:
            widgets.draw_button(surface, rect, scale, model.choices[choice], lit=choice is focus.pointed)
        widgets.draw_focus(surface, dict(layout.buttons)[focus.target], scale)
        strip = pygame.Rect(0, layout.hints.top, surface.width, layout.hints.height)
        pygame.draw.rect(surface, theme.BACKGROUND, strip)
        widgets.draw_hints(surface, layout.hints, scale, widgets.hints(self._table, model.hints))

    def _lay_out(self, size: tuple[int, int]) -> EndingLayout:
        layout = EndingLayout.of(size, self.model)
        self.model.focus.clear()
        self.model.focus.place(None, layout.buttons)
        return layout


class Backdrop:
    """The dimmed court, filling the window; made once for each picture and size."""

    def __init__(self) -> None:
        self._picture: Frame | None = None
        self._surface = pygame.Surface((0, 0))

    def draw(self, surface: pygame.Surface, picture: Frame) -> None:
        """Draws it to fill `surface`."""
        if picture is not self._picture or surface.size != self._surface.size:
            self._picture, self._surface = picture, _dimmed(surface, picture)
        surface.blit(self._surface, (0, 0))


def _dimmed(like: pygame.Surface, picture: Frame) -> pygame.Surface:
    """A surface like `like`, covered by the dimmed court in its true shape."""
    backdrop = like.copy()
    width = max(like.width, round(like.height * ASPECT))
    court = pygame.Rect(0, 0, width, round(width / ASPECT))
    court.center = like.get_rect().center
    CourtView().draw(backdrop, court, (picture * DIMMED).astype(np.uint8))
    return backdrop


def _draw_score(surface: pygame.Surface, rect: pygame.Rect, scale: float, model: EndingModel) -> None:
    """The verdict, and below it the points between the names."""
    size = round(28 * scale)
    colour = theme.TEXT if model.winner is None else theme.PLAYERS[model.winner]
    verdict = theme.fitted(model.verdict, size, rect.width, theme.Face.BOLD)
    theme.draw_text(surface, verdict, size, colour, theme.Face.BOLD, midtop=rect.midtop)
    row = pygame.Rect(rect.left, rect.bottom - round(36 * scale), rect.width, 0)
    letters, digits = round(theme.HEADING_SIZE * scale), theme.pixel_size(48 * scale)
    draw_score(surface, row, model.names, model.score, letters=letters, digits=digits)


def _draw_chart(surface: pygame.Surface, rect: pygame.Rect, scale: float, model: EndingModel) -> None:
    """Points over time: a thick line for the right player, a dashed one for the left; their names at the ends."""
    small = round(theme.HINT_SIZE * scale)
    box = pygame.Rect(rect.left + round(28 * scale), rect.top + small, 0, rect.height - round(2.6 * small))
    box.width = rect.right - round(128 * scale) - box.left
    seconds = max(model.curves[0][-1][0], 1.0)
    for points in range(0, POINTS_TO_WIN + 1, 7):
        height = box.bottom - round(points * box.height / POINTS_TO_WIN)
        pygame.draw.line(surface, theme.HAIRLINE, (box.left, height), (box.right, height))
        theme.draw_text(surface, str(points), small, theme.QUIET, midright=(box.left - round(8 * scale), height))
    top = box.bottom + round(6 * scale)
    theme.draw_text(surface, "0:00", small, theme.QUIET, topleft=(box.left, top))
    theme.draw_text(surface, f"{clock(model.curves[0][-1][0])} min", small, theme.QUIET, topright=(box.right, top))
    left, right = ([_on_chart(box, seconds, point) for point in curve] for curve in model.curves)
    _draw_steps(surface, right, round(4 * scale), theme.RIGHT_PLAYER, dash=None)
    _draw_steps(surface, left, max(2, round(2 * scale)), theme.LEFT_PLAYER, dash=round(8 * scale))
    labels = pygame.Rect(box.right, box.top, rect.right - box.right, box.height)
    _draw_names(surface, labels, scale, model.names, [left[-1][1], right[-1][1]])


def _on_chart(box: pygame.Rect, seconds: float, point: tuple[float, int]) -> tuple[int, int]:
    time, points = point
    return (
        box.left + round(time * box.width / seconds),
        box.bottom - round(points * box.height / POINTS_TO_WIN),
    )


def _draw_steps(
    surface: pygame.Surface, places: list[tuple[int, int]], width: int, colour: pygame.Color, *, dash: int | None
) -> None:
    """Draws a step line through `places`; with `dash`, dashed in strokes of that length."""
    corners = [places[0]]
    for column, height in places[1:]:
        corners += [(column, corners[-1][1]), (column, height)]
    for start, end in itertools.pairwise(corners):
        for one, other in _strokes(start, end, dash):
            pygame.draw.line(surface, colour, one, other, width)


def _strokes(
    start: tuple[int, int], end: tuple[int, int], dash: int | None
) -> Iterator[tuple[pygame.Vector2, pygame.Vector2]]:
    """A straight line, or the strokes of a dashed one, with gaps half as long."""
    one, other = pygame.Vector2(start), pygame.Vector2(end)
    length = one.distance_to(other)
    if dash is None or length <= dash:
        yield one, other
        return
    for far in range(0, round(length), dash + dash // 2):
        yield one.lerp(other, far / length), one.lerp(other, min((far + dash) / length, 1.0))


def _draw_names(
    surface: pygame.Surface, rect: pygame.Rect, scale: float, names: tuple[str, str], heights: list[int]
) -> None:
    """The names beside the ends of their lines, moved apart if those are close."""
    small, bold, left = round(theme.HINT_SIZE * scale), theme.Face.BOLD, rect.left + round(10 * scale)
    push = max(round(1.3 * small) - abs(heights[0] - heights[1]), 0)
    lower = int(heights[1] > heights[0])
    heights[lower] += push - push // 2
    heights[1 - lower] -= push // 2
    for name, height, colour in zip(names, heights, theme.PLAYERS, strict=True):
        text = theme.fitted(name, small, rect.right - left, bold)
        theme.draw_text(surface, text, small, colour, bold, midleft=(left, height))


def _draw_figure(surface: pygame.Surface, rect: pygame.Rect, scale: float, figure: Figure) -> None:
    """Its name, and below it one value, or both players' values in their colours."""
    small, size, bold = round(theme.HINT_SIZE * scale), round(theme.HEADING_SIZE * scale), theme.Face.BOLD
    theme.draw_text(surface, figure.name, small, theme.QUIET, midtop=rect.midtop)
    middle, apart = rect.bottom - round(18 * scale), round(14 * scale)
    if len(figure.values) == 1:
        text = theme.fitted(figure.values[0], size, rect.width, bold)
        theme.draw_text(surface, text, size, theme.TEXT, bold, center=(rect.centerx, middle))
        return
    left, right = figure.values
    theme.draw_text(surface, left, size, theme.LEFT_PLAYER, bold, midright=(rect.centerx - apart, middle))
    theme.draw_text(surface, ":", size, theme.QUIET, bold, center=(rect.centerx, middle))
    theme.draw_text(surface, right, size, theme.RIGHT_PLAYER, bold, midleft=(rect.centerx + apart, middle))
