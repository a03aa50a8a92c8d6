"""The lesson on hill climbing and its relatives."""

from __future__ import annotations

import numpy as np
import pygame

from app.follow.tutor import Tutor
from app.learn.lesson import Lesson
from app.learn.plots import Axes, draw_legend, heat
from app.ui import theme
from app.ui.widgets import Choice
from models.lessons import Climb, ClimbingKnobs, Landscape, Rule
from models.numbers import with_minus

_RULES: dict[Rule, str] = {
    "hill-climbing": "hill climbing",
    "steepest-ascent": "steepest ascent",
    "simulated-annealing": "simulated annealing",
    "adaptive-noise": "adaptive noise",
    "cross-entropy": "cross-entropy",
    "evolution-strategies": "evolution strategies",
}
_SOLVED = 90.0
"""The return at which gymnasium calls the mountain car solved."""


class Climbing(Lesson):
    """A landscape of returns, and a search on it."""

    name = "climbing"
    title = "Hill climbing"
    idea = (
        "The car in the valley is too weak for the hill: it must swing up. Its policy has two weights, and the picture "
        "shows what each pair earns. Searches that know only this return try weights nearby, and keep what is better. "
        "In the middle the car stands still, at no cost: a local maximum."
    )

    def __init__(self) -> None:
        self._rule = Choice[Rule]("Rule", tuple(_RULES), "hill-climbing", lambda rule: _RULES[rule])
        self.choices = (self._rule,)
        self._drawn: tuple[Landscape, pygame.Surface] | None = None

    @property
    def command(self) -> str:
        """With the chosen rule."""
        return f"volley train {self._rule.value} --env MountainCarContinuous-v0"

    def knobs(self, seed: int) -> ClimbingKnobs:
        """The chosen rule."""
        return ClimbingKnobs(self._rule.value, seed)

    def shown(self, tutor: Tutor) -> bool:
        """The hill was found."""
        climb = tutor.told(Climb)
        return climb is not None and climb.best_return >= _SOLVED

    def draw(self, surface: pygame.Surface, rect: pygame.Rect, scale: float, tutor: Tutor) -> None:
        """The landscape, with what was tried last, the path, and the best."""
        small, gap = round(theme.HINT_SIZE * scale), round(theme.GAP * scale)
        side = min(rect.height - 2 * small, rect.width * 3 // 5)
        chart = pygame.Rect(rect.left + 2 * small, rect.top, side, side)
        land, climb = tutor.told(Landscape), tutor.told(Climb)
        if land is None:
            return
        axes = Axes(chart, (-land.reach, land.reach), (-land.reach, land.reach))
        if self._drawn is None or self._drawn[0] is not land or self._drawn[1].size != chart.size:
            self._drawn = land, heat(np.array(land.returns), chart.size)
        surface.blit(self._drawn[1], chart)
        labels = [(-land.reach, f"\N{MINUS SIGN}{land.reach:g}"), (0.0, "0"), (land.reach, f"{land.reach:g}")]
        for value, label in labels:
            column = round(axes.at(value, 0)[0])
            theme.draw_text(surface, label, small, theme.QUIET, midtop=(column, chart.bottom + small // 4))
            row = round(axes.at(0, value)[1])
            theme.draw_text(surface, label, small, theme.QUIET, midright=(chart.left - small // 2, row))
        side_text = pygame.Rect(chart.right + gap, chart.top, rect.right - chart.right - gap, chart.height)
        if climb is not None:
            axes.line(surface, climb.path, theme.TEXT)
            axes.dots(surface, climb.tried, theme.PUSHED_UP, 3 * scale)
            axes.dots(surface, climb.path[-1:], theme.TEXT, 5 * scale)
            axes.dots(surface, [climb.best], theme.RIGHT_PLAYER, 5 * scale)
        _draw_words(surface, side_text, scale, climb)
        _draw_colours(surface, side_text, scale, land)


def _draw_colours(surface: pygame.Surface, rect: pygame.Rect, scale: float, land: Landscape) -> None:
    """Which colour stands for which return, at the bottom."""
    small, height = round(theme.HINT_SIZE * scale), round(12 * scale)
    strip = pygame.Rect(
        rect.left, rect.bottom - height - round(1.6 * small), min(rect.width, round(190 * scale)), height
    )
    surface.blit(heat(np.linspace(0, 1, 64)[None], strip.size), strip)
    below = strip.bottom + round(3 * scale)
    lowest, highest = (with_minus(end, "z.0f") for end in (np.min(land.returns), np.max(land.returns)))
    theme.draw_text(surface, lowest, small, theme.QUIET, topleft=(strip.left, below))
    theme.draw_text(surface, "return", small, theme.QUIET, midtop=(strip.centerx, below))
    theme.draw_text(surface, highest, small, theme.QUIET, topright=(strip.right, below))


def _draw_words(surface: pygame.Surface, rect: pygame.Rect, scale: float, climb: Climb | None) -> None:
    small, body = round(theme.HINT_SIZE * scale), round(theme.BODY_SIZE * scale)
    rows = [(theme.PUSHED_UP, "tried now"), (theme.TEXT, "where the search is"), (theme.RIGHT_PLAYER, "the best found")]
    draw_legend(surface, rect.topleft, scale, rows)
    top = rect.top + round(84 * scale)
    facts = (
        ("best return", "" if climb is None else with_minus(climb.best_return, "z7.1f")),
        ("games", "" if climb is None else f"{climb.games:7,}"),
        ("spread", "" if climb is None else f"{climb.spread:7.2f}"),
    )
    for words, number in facts:
        theme.draw_text(surface, words, body, theme.QUIET, topleft=(rect.left, top))
        theme.draw_text(
            surface,
            number,
            body,
            theme.TEXT,
            theme.Face.BOLD,
            topright=(min(rect.left + round(190 * scale), rect.right), top),
        )
        top += round(26 * scale)
    axes_words = "across: the weight of the position; up: that of the speed"
    for line in theme.wrapped(axes_words, small, rect.width, 3):
        top = theme.draw_text(surface, line, small, theme.QUIET, topleft=(rect.left, top + round(4 * scale))).bottom
