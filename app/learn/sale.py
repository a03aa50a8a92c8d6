"""The lesson on selling without moving the price."""

from __future__ import annotations

import pygame

from app.follow.tutor import Tutor
from app.learn.lesson import Lesson
from app.learn.plots import Axes, draw_legend
from app.ui import theme
from app.ui.widgets import Choice
from models.lessons import Sale, SaleKnobs

_NAMES = {
    1e-7: "volley/OptimalExecution-1e-7-v0",
    3e-7: "volley/OptimalExecution-3e-7-v0",
    1e-6: "volley/OptimalExecution-v0",
    3e-6: "volley/OptimalExecution-3e-6-v0",
    1e-5: "volley/OptimalExecution-1e-5-v0",
}
_RISKS = {1e-7: "hardly any", 3e-7: "a little", 1e-6: "the course's", 3e-6: "much", 1e-5: "very much"}
_NEAR = 1.05
"""A utility so many times the least is near it."""
_WIDEST, _DEAREST = 1.3, 2.0
"""Of the frontier's picture, in millions of dollars."""


class SaleLesson(Lesson):
    """A million shares, sixty days."""

    name = "sale"
    title = "Selling without moving the price"
    idea = (
        "A million shares are to be sold in sixty days. Selling fast lowers the price; selling slowly bears the risk "
        "that it falls on its own. How much risk is worth avoiding is up to you. The best trades are known in closed "
        "form; PPO finds them from rewards alone."
    )

    def __init__(self) -> None:
        self._risk = Choice("Fear of risk", tuple(_RISKS), 1e-6, lambda risk: _RISKS[risk])
        self.choices = (self._risk,)

    @property
    def command(self) -> str:
        """With the environment of the chosen risk aversion."""
        return f"volley train ppo --env {_NAMES[self._risk.value]}"

    def knobs(self, seed: int) -> SaleKnobs:
        """The chosen risk aversion."""
        return SaleKnobs(self._risk.value, seed)

    def shown(self, tutor: Tutor) -> bool:
        """It sells nearly as well as can be."""
        sale = tutor.told(Sale)
        return sale is not None and sale.utility < _NEAR * sale.best_utility

    def draw(self, surface: pygame.Surface, rect: pygame.Rect, scale: float, tutor: Tutor) -> None:
        """What is held day by day, and where that lies beside the frontier."""
        sale = tutor.told(Sale)
        if sale is None:
            return
        label, gap, legend = round(44 * scale), round(theme.GAP * scale), round(90 * scale)
        width = (rect.width - 2 * label - gap) // 2
        left = pygame.Rect(rect.left + label, rect.top + legend, width, rect.height - legend - round(24 * scale))
        right = left.move(width + label + gap, 0)
        _draw_holdings(surface, left, scale, sale)
        _draw_frontier(surface, right, scale, sale)
        rows = (
            (theme.PUSHED_UP, f"what PPO would do after {sale.steps:,} steps"),
            (theme.FOCUS, "the best trades"),
            (theme.QUIET, "the best for every fear of risk"),
        )
        draw_legend(surface, (rect.left, rect.top), scale, rows)
        above = f"{sale.utility / sale.best_utility - 1:.1%} worse than the best trades"
        body = round(theme.BODY_SIZE * scale)
        theme.draw_text(surface, above, body, theme.TEXT, theme.Face.BOLD, topright=rect.topright)


def _draw_holdings(surface: pygame.Surface, rect: pygame.Rect, scale: float, sale: Sale) -> None:
    days = len(sale.held) - 1
    axes = Axes(rect, (0, days), (0, 1))
    axes.draw(surface, scale, levels=[(0, "0"), (0.5, "50%"), (1, "100%")], below=f"shares held, over {days} days")
    axes.line(surface, list(enumerate(sale.best)), theme.FOCUS, 3 * scale)
    axes.line(surface, list(enumerate(sale.held)), theme.PUSHED_UP, 3 * scale)


def _draw_frontier(surface: pygame.Surface, rect: pygame.Rect, scale: float, sale: Sale) -> None:
    axes = Axes(rect, (0, _WIDEST), (0, _DEAREST))
    levels = [(value, f"${value:g}M") for value in (0.5, 1.0, 1.5, 2.0)]
    axes.draw(surface, scale, levels=levels, below="cost, over standard deviation")
    axes.line(surface, sale.frontier, theme.QUIET, 2 * scale)
    axes.line(surface, sale.path, theme.PUSHED_UP, 1)
    axes.dots(surface, [sale.best_place], theme.FOCUS, 6 * scale)
    axes.dots(surface, sale.path[-1:], theme.PUSHED_UP, 5 * scale)
