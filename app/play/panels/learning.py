"""The learning-curve panel: the mean return of a running training, and which of its policies have played here."""

from __future__ import annotations

import pygame

from app.follow.follower import STALLED_SECONDS, Follower, Training
from app.game.snapshot import Snapshot
from app.ui import charts, theme
from app.ui.numbers import millions, signed
from models.spec import POINTS_TO_WIN

UNKNOWN = "\N{EN DASH}"


class LearningModel:
    """What the panel shows of a training. Shares are of the chart's width from the left, of its height from below."""

    def __init__(self) -> None:
        self.figures: tuple[tuple[str, str], ...] = ()
        """Numbers, each with its unit."""
        self.curve: tuple[tuple[float, float], ...] = ()
        """Shares of width and height."""
        self.changes: tuple[float, ...] = ()
        """Where the policy changed: shares of the width; the newest last."""
        self.end = ""
        """Where the chart's width ends."""
        self.status = ""

    def update(self, training: Training, changes: tuple[int, ...], status: str) -> None:
        """Takes in the training so far, the steps of the policies that have played, and a line on which plays."""
        end = max(training.target or 0, training.steps, 1)
        points = [(point.steps, point.mean_return) for point in training.curve]
        self.curve = charts.curve_shares(points, end, POINTS_TO_WIN)
        self.changes = tuple(steps / end for steps in changes)
        self.end = f"{millions(end)} steps"
        self.status = status
        score = next((score for _, score in reversed(points) if score is not None), None)
        self.figures = (
            (UNKNOWN if score is None else signed(score), "mean return"),
            (millions(training.steps), "steps" if training.target is None else f"of {millions(training.target)} steps"),
            (UNKNOWN if training.rate is None else f"{training.rate:,.0f}", "steps per second"),
            _rest(training),
        )


def _rest(training: Training) -> tuple[str, str]:
    """The last figure and its unit: the time left, or how long the training took or has been silent."""
    trained = _span(training.curve[-1].seconds) if training.curve else UNKNOWN
    if training.finished:
        return trained, "in total, finished"
    if training.curve and training.silent_for > STALLED_SECONDS:
        return _span(training.silent_for), "without news"
    if training.seconds_left is None:
        return trained, "so far"
    return _span(training.seconds_left), f"left, {trained} so far"


def _span(seconds: float) -> str:
    """Minutes, or hours if there are many; with one decimal below ten."""
    number, unit = (seconds / 60, "min") if seconds < 6000 else (seconds / 3600, "h")
    return f"{number:.{int(number < 9.95)}f} {unit}"


class LearningPanel:
    """The learning curve of the training being followed."""

    title = "Learning curve"
    min_height = 230
    wide = False

    def __init__(self, follower: Follower) -> None:
        self._follower = follower
        self._model = LearningModel()
        self._shown: tuple[object, ...] = ()
        self._drawn_at: tuple[tuple[int, int], float] | None = None
        self._picture = pygame.Surface((0, 0))

    def update(self, now: Snapshot, elapsed: float) -> None:
        """Takes in what the follower has found."""
        del now, elapsed
        new = (self._follower.training, self._follower.changes, self._follower.status)
        if new != self._shown:
            self._shown, self._drawn_at = new, None
            self._model.update(*new)

    def point(self, position: tuple[int, int] | None, *, pressed: bool) -> None:
        """Nothing to point at."""

    def draw(self, surface: pygame.Surface, rect: pygame.Rect, scale: float) -> None:
        """Draws the panel to fill `rect`; keeps the picture, because it changes only about once a second."""
        if self._drawn_at != (rect.size, scale):
            self._drawn_at = (rect.size, scale)
            self._picture = pygame.Surface(rect.size).convert(surface)
            self._picture.fill(theme.BACKGROUND)
            draw(self._picture, self._picture.get_rect(), scale, self._model)
        surface.blit(self._picture, rect)


def draw(surface: pygame.Surface, rect: pygame.Rect, scale: float, model: LearningModel) -> None:
    """Draws the panel to fill `rect`: figures above, the curve, and below it who plays."""
    room = theme.draw_panel(surface, rect, scale)
    small, gap = round(theme.HINT_SIZE * scale), round(6 * scale)
    line = theme.font(theme.Face.REGULAR, small).get_linesize()
    heading = theme.draw_text(surface, LearningPanel.title, round(theme.HEADING_SIZE * scale), topleft=room.topleft)
    top = _draw_figures(surface, pygame.Rect(room.left, heading.bottom + gap, room.width, 0), scale, model) + gap
    status = theme.wrapped(model.status, small, room.width, 2)
    for place, text in enumerate(reversed(status)):
        theme.draw_text(surface, text, small, theme.TEXT, bottomleft=(room.left, room.bottom - place * line))
    axis = room.bottom - max(len(status), 1) * line - gap
    left = room.left + round(32 * scale)
    chart = pygame.Rect(left, top, room.right - left, axis - line - top)
    theme.draw_text(surface, "0", small, theme.QUIET, bottomleft=(chart.left, axis))
    theme.draw_text(surface, model.end, small, theme.QUIET, bottomright=(chart.right, axis))
    charts.draw_curve(surface, chart, scale, model.curve, limit=POINTS_TO_WIN, marks=model.changes)


def _draw_figures(surface: pygame.Surface, row: pygame.Rect, scale: float, model: LearningModel) -> int:
    """Draws two figures in a row, each before its unit; returns the bottom."""
    size, small = round(theme.BODY_SIZE * scale), round(theme.HINT_SIZE * scale)
    height, number, width = round(22 * scale), round(66 * scale), row.width // 2
    for place, (figure, unit) in enumerate(model.figures):
        left, middle = row.left + place % 2 * width, row.top + place // 2 * height + height // 2
        theme.draw_text(surface, figure, size, theme.TEXT, theme.Face.BOLD, midleft=(left, middle))
        words = theme.fitted(unit, small, width - number - round(4 * scale))
        theme.draw_text(surface, words, small, theme.QUIET, midleft=(left + number, middle))
    return row.top + 2 * height
