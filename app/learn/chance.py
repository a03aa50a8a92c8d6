"""The lesson on policies that must be random."""

from __future__ import annotations

from enum import Enum

import pygame

from app.follow.tutor import Tutor
from app.learn.lesson import Lesson
from app.learn.plots import Axes
from app.ui import theme
from app.ui.widgets import Choice
from models.lessons import Chance, ChanceKnobs, Walk
from models.numbers import with_minus

_GRID = (".....", "-#+#-")
"""As in the environment: free cells, walls, traps and the treasure."""
_SEEN = (0, 1, 2, 1, 3)
"""Which observation each cell of the upper row gives."""
_MOVES = ((-1, 0), (0, 1), (1, 0), (0, -1))
"""Rows and columns: north, east, south, west."""
_RARE = 0.06
"""Arrows that are less probable are too short to be seen."""


class Acting(Enum):
    """How to act on what was learned."""

    STOCHASTIC = "as learned, at random"
    EPSILON_GREEDY = "epsilon-greedy, 10% at random"
    DETERMINISTIC = "always the likeliest move"


class ChanceLesson(Lesson):
    """Five cells, two of which look alike."""

    name = "chance"
    title = "Where only chance leads out"
    idea = (
        "The two lighter cells look alike, but the treasure lies to the right of one and to the left of the other. A "
        "policy that always moves the same way walks back and forth for ever. REINFORCE learns to toss a coin there."
    )
    command = "volley train reinforce --env volley/AliasedGridworld-v0"

    def __init__(self) -> None:
        self._acting = Choice("Acting", tuple(Acting), Acting.STOCHASTIC, lambda acting: acting.value)
        self.choices = (self._acting,)

    def knobs(self, seed: int) -> ChanceKnobs:
        """Nothing else: the same learning can be acted on in three ways."""
        return ChanceKnobs(seed)

    def shown(self, tutor: Tutor) -> bool:
        """It is better to be random, and known to be."""
        chance = tutor.told(Chance)
        return chance is not None and chance.stochastic.value > 0.95 * chance.best

    def draw(self, surface: pygame.Surface, rect: pygame.Rect, scale: float, tutor: Tutor) -> None:
        """The cells with the policy's arrows and exact values, and the value over the updates."""
        chance = tutor.told(Chance)
        if chance is None:
            return
        cell = min(rect.width // 5, rect.height * 3 // 10)
        grid = pygame.Rect(rect.left + (rect.width - 5 * cell) // 2, rect.top, 5 * cell, 2 * cell)
        _draw_cells(surface, grid, scale, self._walk(chance))
        small, middle = round(theme.HINT_SIZE * scale), grid.bottom + round(18 * scale)
        words = "arrows: how probable each move is; yellow: what an episode is worth from there"
        theme.draw_text(surface, words, small, theme.QUIET, center=(grid.centerx, middle))
        label = round(56 * scale)
        chart = pygame.Rect(rect.left + label, grid.bottom + round(36 * scale), 0, 0)
        chart.width, chart.height = rect.width - label - round(8 * scale), rect.bottom - chart.top - round(22 * scale)
        _draw_values(surface, chart, scale, chance, self._walk(chance))

    def _walk(self, chance: Chance) -> Walk:
        match self._acting.value:
            case Acting.STOCHASTIC:
                return chance.stochastic
            case Acting.EPSILON_GREEDY:
                return chance.epsilon_greedy
            case Acting.DETERMINISTIC:
                return chance.deterministic


def _draw_cells(surface: pygame.Surface, grid: pygame.Rect, scale: float, walk: Walk) -> None:
    cell, small, large = grid.width // 5, round(theme.HINT_SIZE * scale), round(theme.HEADING_SIZE * scale)
    for row, signs in enumerate(_GRID):
        for column, sign in enumerate(signs):
            if sign == "#":
                continue
            box = pygame.Rect(grid.left + column * cell, grid.top + row * cell, cell - 2, cell - 2)
            aliased = row == 0 and column in {1, 3}
            pygame.draw.rect(surface, theme.HAIRLINE if aliased else theme.PANEL, box)
            pygame.draw.rect(surface, theme.HAIRLINE, box, width=1)
            if sign != ".":
                colour, words = (theme.FOCUS, "+1") if sign == "+" else (theme.PUSHED_DOWN, "\N{MINUS SIGN}1")
                theme.draw_text(surface, words, large, colour, theme.Face.BOLD, center=box.center)
            if row == 0:
                value = with_minus(walk.values[column], "+z.2f")
                place = box.right - round(6 * scale), box.top + round(4 * scale)
                theme.draw_text(surface, value, small, theme.FOCUS, topright=place)
                _draw_moves(surface, box, scale, walk.policy[_SEEN[column]])


def _draw_moves(surface: pygame.Surface, box: pygame.Rect, scale: float, probabilities: list[float]) -> None:
    """An arrow for each move, the longer the more probable."""
    small = round(theme.HINT_SIZE * scale)
    for probability, (down, right) in zip(probabilities, _MOVES, strict=True):
        if probability < _RARE:
            continue
        along, across = pygame.Vector2(right, down), pygame.Vector2(-down, right)
        start = pygame.Vector2(box.center) + 0.04 * box.width * along
        tip = start + (0.06 + 0.09 * probability) * box.width * along
        neck = tip - 0.07 * box.width * along
        pygame.draw.line(surface, theme.PUSHED_UP, start, neck, width=max(round(0.04 * box.width), 2))
        wings = 0.055 * box.width * across
        pygame.draw.polygon(surface, theme.PUSHED_UP, [tip, neck + wings, neck - wings])
        words = f"{probability:.0%}"
        centre = tip + (1.15 if right else 0.7) * small * along
        place = pygame.Rect(0, 0, theme.width_of(words, small) + 2, small)
        place.center = round(centre.x), round(centre.y)
        theme.draw_text(surface, words, small, theme.TEXT, center=place.clamp(box).center)


def _draw_values(surface: pygame.Surface, chart: pygame.Rect, scale: float, chance: Chance, walk: Walk) -> None:
    """The value of an episode over the updates, beside the best of all policies and of all deterministic ones."""
    updates = max(chance.curve[-1][0], 50)
    axes = Axes(chart, (0, updates), (-0.2, 0.9))
    small = round(theme.HINT_SIZE * scale)
    axes.draw(surface, scale, levels=[(0, "0"), (0.5, "0.5")], below=f"updates; {chance.episodes:,} episodes")
    marks = ((chance.best, "best of all", theme.FOCUS), (chance.best_deterministic, "best deterministic", theme.QUIET))
    for value, words, colour in marks:
        axes.line(surface, [(0, value), (updates, value)], colour, 1)
        row = round(axes.at(0, value)[1])
        place = chart.left + round(8 * scale), row - round(2 * scale)
        theme.draw_text(surface, f"{words} {value:.2f}", small, colour, bottomleft=place)
    axes.line(surface, chance.curve, theme.PUSHED_UP)
    text = f"acting like this: {with_minus(walk.value, 'z.2f')}"
    body = round(theme.BODY_SIZE * scale)
    place = chart.right - round(8 * scale), chart.bottom - round(8 * scale)
    theme.draw_text(surface, text, body, theme.TEXT, theme.Face.BOLD, bottomright=place)
