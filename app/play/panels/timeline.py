"""The timeline panel: an agent's last ten seconds, with its probabilities, value and entropy, and the points scored."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pygame

from agents.pong import FRAMES_PER_SECOND, Side
from app.game.snapshot import Snapshot
from app.game.timeline import HISTORY_FRAMES, Estimate
from app.play.panels.panel import Turn
from app.ui import theme
from app.ui.smoothing import Smoothed
from models.numbers import with_minus

MIN_VALUE_RANGE = 1.0
"""Points. The value's axis spans at least minus this to plus this, so that calm play looks calm."""
_LABELS = 100
"""The width of the labels left of the curves, in pixels at scale 1."""


@dataclass(frozen=True, slots=True)
class Moment:
    """A decision of the past, and how long ago it was in force."""

    estimate: Estimate
    seconds_ago: float


class TimelineModel:
    """The curves as they were, and the newest numbers, smoothed."""

    def __init__(self) -> None:
        self.history: tuple[Estimate, ...] = ()
        self.newest_frame = 0
        self.points: tuple[tuple[int, Side], ...] = ()
        """Frame and winner of each point scored in the time shown."""
        self.max_entropy = 1.0
        """Of a choice by pure chance, in nats."""
        self.value_range = MIN_VALUE_RANGE
        """Points from the middle of the value's axis to its ends."""
        self.value: float | None = None
        """The expected return in points, smoothed; None if the agent has none."""
        self.entropy: float | None = None
        """In nats, smoothed; None before the first decision."""
        self._value, self._entropy = Smoothed(), Smoothed()

    def update(self, now: Snapshot, side: Side, elapsed: float) -> None:
        """Takes in the match as the agent on `side` saw it."""
        self.history = now.history[side]
        # The curves move with every decision, not with every frame: they need not be drawn more often.
        self.newest_frame = self.history[-1].frame if self.history else 0
        first = self.newest_frame - HISTORY_FRAMES
        self.points = tuple((rally.ended, rally.winner) for rally in now.story.rallies if rally.ended > first)
        if not self.history:
            return
        newest = self.history[-1]
        self.max_entropy = math.log(newest.choices) if newest.choices > 1 else 1.0
        if self.entropy is None:
            self._value, self._entropy = Smoothed(newest.value or 0.0), Smoothed(newest.entropy)
        self.value = None if newest.value is None else self._value.towards(newest.value, elapsed)
        self.entropy = self._entropy.towards(newest.entropy, elapsed)
        values = (abs(estimate.value) for estimate in self.history if estimate.value is not None)
        self.value_range = max(MIN_VALUE_RANGE, *values, 0.0)

    @property
    def values(self) -> list[tuple[float, float]]:
        """The value of each decision that has one, after its place in the time shown."""
        return [(self.share_of(past.frame), past.value) for past in self.history if past.value is not None]

    @property
    def entropies(self) -> list[tuple[float, float]]:
        """The entropy of each decision, after its place in the time shown."""
        return [(self.share_of(past.frame), past.entropy) for past in self.history]

    def share_of(self, frame: int) -> float:
        """A frame's place in the time shown: 0 at its start, 1 now."""
        return 1 - (self.newest_frame - frame) / HISTORY_FRAMES

    def at(self, share: float) -> Moment | None:
        """The decision in force at that place in the time shown; None before the first."""
        frame = self.newest_frame - round((1 - share) * HISTORY_FRAMES)
        before = [estimate for estimate in self.history if estimate.frame <= frame]
        if not before:
            return None
        return Moment(before[-1], (self.newest_frame - frame) / FRAMES_PER_SECOND)


class TimelinePanel:
    """Draws the curves, `delay` frames after a decision, and the numbers of now or of the moment under the mouse."""

    min_height = 190
    wide = False

    def __init__(self, delay: int = 0) -> None:
        self.model = TimelineModel()
        self.side = Side.RIGHT
        self._mouse: tuple[int, int] | None = None
        self._drawn: tuple[object, ...] = ()
        self._curves = pygame.Surface((0, 0))
        self._turn = Turn(delay)

    def update(self, now: Snapshot, elapsed: float) -> None:
        """Follows the agent whose thoughts are shown."""
        if now.mind is not None:
            self.side = now.mind
            self.model.update(now, self.side, elapsed)

    def point(self, position: tuple[int, int] | None, *, pressed: bool) -> None:
        """Remembers where the mouse is."""
        del pressed
        self._mouse = position

    def draw(self, surface: pygame.Surface, rect: pygame.Rect, scale: float) -> None:
        """Draws three rows over one axis of time: probabilities of up, stay and down; value; entropy."""
        room = theme.draw_panel(surface, rect, scale)
        model, gap = self.model, round(8 * scale)
        height = (room.height - 2 * gap) // 3
        rows = [pygame.Rect(room.left, room.top + place * (height + gap), room.width, height) for place in range(3)]
        left = round(_LABELS * scale)
        boxes = [pygame.Rect(row.left + left, row.top, row.width - left, row.height) for row in rows]
        thickness = max(1, round(2 * scale))
        column = pygame.Rect(boxes[0].left, room.top, boxes[0].width, boxes[2].bottom - room.top)
        shown = (column, self.side, model.newest_frame, len(model.history), model.points)
        if self._curves.size != column.size or self._turn.comes(changed=shown != self._drawn):
            self._drawn = shown
            self._curves = pygame.Surface(column.size).convert(surface)
            self._draw_curves([box.move(-column.left, -column.top) for box in boxes], thickness)
        surface.blit(self._curves, column)
        moment = self._picked(surface, column, thickness)
        _draw_words(surface, rows, scale, model, moment, colour=theme.PLAYERS[self.side])

    def _draw_curves(self, boxes: list[pygame.Rect], thickness: int) -> None:
        """Draws what stays the same until the next decision."""
        surface, model, colour = self._curves, self.model, theme.PLAYERS[self.side]
        surface.fill(theme.PANEL)
        for box in boxes:
            pygame.draw.rect(surface, theme.BACKGROUND, box)
        _draw_shares(surface, boxes[0], model, colour)
        _draw_curve(surface, boxes[1], model.values, (-model.value_range, model.value_range), colour)
        _draw_curve(surface, boxes[2], model.entropies, (0, model.max_entropy), colour)
        _draw_points(surface, surface.get_rect(), model, thickness)

    def _picked(self, surface: pygame.Surface, column: pygame.Rect, thickness: int) -> Moment | None:
        """The moment under the mouse, which it marks with a line."""
        if self._mouse is None or not column.collidepoint(self._mouse):
            return None
        across = self._mouse[0]
        pygame.draw.line(surface, theme.FOCUS, (across, column.top), (across, column.bottom - 1), thickness)
        return self.model.at((across - column.left) / column.width)


def _draw_shares(surface: pygame.Surface, box: pygame.Rect, model: TimelineModel, colour: pygame.Color) -> None:
    """Up from the top and down from the bottom, each as tall as it was probable; what is left between them is stay."""
    inner = box.inflate(-2, -2)
    if not model.history:
        return
    begins = np.array([round(max(model.share_of(past.frame), 0.0) * inner.width) for past in model.history])
    shares = np.array([(past.up, past.down) for past in model.history])
    columns = np.arange(begins[0], inner.width)
    in_force = np.searchsorted(begins, columns, side="right") - 1
    up, down = np.rint(shares[in_force] * inner.height).T
    rows = np.arange(inner.height)
    pixels = pygame.surfarray.pixels2d(surface)[inner.left + begins[0] : inner.right, inner.top : inner.bottom]
    pixels[rows < up[:, None]] = surface.map_rgb(colour)
    pixels[rows >= inner.height - down[:, None]] = surface.map_rgb(_darker(colour))


def _darker(colour: pygame.Color) -> pygame.Color:
    return colour.lerp(theme.BACKGROUND, 0.45)


def _draw_curve(
    surface: pygame.Surface,
    box: pygame.Rect,
    curve: Sequence[tuple[float, float]],
    span: tuple[float, float],
    colour: pygame.Color,
) -> None:
    """Draws a number over time; `span` is what the bottom and the top stand for."""
    low, high = span
    inner = box.inflate(-2, -6)
    rise = (inner.height - 1) / (high - low)
    if low < 0:
        zero = round(inner.bottom - 1 + low * rise)
        pygame.draw.line(surface, theme.HAIRLINE, (box.left, zero), (box.right - 1, zero))
    points = [
        (inner.left + share * (inner.width - 1), inner.bottom - 1 - (number - low) * rise)
        for share, number in curve
        if share >= 0
    ]
    if len(points) < 2:
        return
    for below in (0, 1):
        pygame.draw.aalines(surface, colour, points=[(x, y + below) for x, y in points], closed=False)


def _draw_points(surface: pygame.Surface, column: pygame.Rect, model: TimelineModel, thickness: int) -> None:
    """A line through all rows for each point scored, in the winner's colour."""
    for frame, winner in model.points:
        across = column.left + round(max(model.share_of(frame), 0.0) * (column.width - 1))
        pygame.draw.line(surface, theme.PLAYERS[winner], (across, column.top), (across, column.bottom - 1), thickness)


def _draw_words(
    surface: pygame.Surface,
    rows: list[pygame.Rect],
    scale: float,
    model: TimelineModel,
    moment: Moment | None,
    *,
    colour: pygame.Color,
) -> None:
    """Names and numbers left of each row: of now, or of the moment under the mouse."""
    picked = moment.estimate if moment is not None else None
    newest = picked or (model.history[-1] if model.history else None)
    value = model.value if picked is None else picked.value
    entropy = model.entropy if picked is None else picked.entropy
    ago = "Next move" if moment is None else f"{moment.seconds_ago:.1f} s ago"
    unit = f"of {model.max_entropy:.2f} nats" if newest is not None else "nats"
    _draw_share_labels(surface, rows[0], scale, ago, newest, colour=colour)
    _draw_label(surface, rows[1], scale, ("Value", _number(value, "+z.2f"), "points"))
    _draw_label(surface, rows[2], scale, ("Entropy", _number(entropy, ".2f"), unit))


def _number(number: float | None, form: str) -> str:
    return "" if number is None else with_minus(number, form)


def _draw_share_labels(
    surface: pygame.Surface,
    row: pygame.Rect,
    scale: float,
    ago: str,
    estimate: Estimate | None,
    *,
    colour: pygame.Color,
) -> None:
    """When the probabilities were in force and how large they were, each after an arrow in its colour.

    If there is room for two lines only, the arrows replace the words.
    """
    size, places = round(theme.HINT_SIZE * scale), _line_middles(row, scale)
    theme.draw_text(surface, ago, size, theme.QUIET, midleft=(row.left, places[0]))
    if estimate is None:
        return
    room_for_words = len(places) > 2
    moves = ((estimate.up, " up", -1, colour), (estimate.down, " down", 1, _darker(colour)))
    for place, (share, name, way, shade) in enumerate(moves):
        left = row.left if room_for_words else row.left + place * round(50 * scale)
        middle = places[place + 1] if room_for_words else places[1]
        centre = pygame.Vector2(left + size // 3, middle)
        tip, side = pygame.Vector2(0, way * size // 3), pygame.Vector2(size // 3, 0)
        pygame.draw.polygon(surface, shade, [centre + tip, centre - tip + side, centre - tip - side])
        words = f"{share:.0%}{name if room_for_words else ''}"
        theme.draw_text(surface, words, size, theme.QUIET, midleft=(left + size, middle))


def _draw_label(surface: pygame.Surface, row: pygame.Rect, scale: float, words: tuple[str, str, str]) -> None:
    """A name, a number and its unit, one below the other; without the unit if there is room for two lines only."""
    name, number, unit = words
    small, size = round(theme.HINT_SIZE * scale), round(theme.HEADING_SIZE * scale)
    places = _line_middles(row, scale)
    theme.draw_text(surface, name, small, theme.QUIET, midleft=(row.left, places[0]))
    theme.draw_text(surface, number, size, theme.TEXT, theme.Face.BOLD, midleft=(row.left, places[1]))
    if len(places) > 2:
        theme.draw_text(surface, unit, small, theme.QUIET, midleft=(row.left, places[2]))


def _line_middles(row: pygame.Rect, scale: float) -> list[int]:
    """The middles of three lines of text, or of two if there is no room for more."""
    line = round(19 * scale)
    if row.height >= 3 * line:
        return [row.centery - line, row.centery, row.centery + line]
    return [row.centery - line // 2, row.centery + line // 2]
