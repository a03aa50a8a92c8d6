"""The lesson on REINFORCE, its noise and its cures."""

from __future__ import annotations

import pygame

from app.follow.tutor import Tutor
from app.learn.lesson import Lesson, Question
from app.learn.plots import SEEDS, Axes, draw_legend
from app.ui import theme
from app.ui.widgets import Choice
from models.lessons import Noise, NoiseKnobs

_ENVIRONMENT = "CartPole-v1"
_SEEN = 14.0
"""How far the picture of the gradients reaches, in lengths of their mean."""


class NoiseLesson(Lesson):
    """Gradients that scatter, and trainings that suffer from it."""

    name = "noise"
    title = "REINFORCE and its noise"
    command_lines = 3
    idea = (
        "The gradient is the change of the weights that raises the mean return fastest. REINFORCE estimates it from "
        "play: each action becomes more probable in proportion to its game's return. One game says little. At left, "
        "estimates of one gradient: all should lie in the ring. At right, what that "
        "does to three trainings on CartPole. Try each cure by itself."
    )
    question = Question(
        "Four games return 1, 2, 3 and 6. Once these returns are normalised, whose actions become more probable?",
        ("those of all four", "those of the best", "those of none"),
    )

    def __init__(self) -> None:
        def switch(name: str) -> Choice[bool]:
            return Choice(name, (False, True), chosen=False, label=lambda on: "on" if on else "off")

        self._batch, self._normalize = switch("Eight games each"), switch("Normalised")
        self._to_go, self._baseline = switch("Rewards to go"), switch("Baseline")
        self.choices = (self._batch, self._normalize, self._to_go, self._baseline)

    @property
    def command(self) -> str:
        """Without the cures that are off, and without the clipping of gradients: by default, all are on."""
        settings = {
            "trajectories_per_update=1": self._batch,
            "normalize=false": self._normalize,
            "credit=total": self._to_go,
            "baseline=none": self._baseline,
        }
        off = "".join(f" --set {setting}" for setting, cure in settings.items() if not cure.value)
        return f"volley train reinforce --env {_ENVIRONMENT} --set max_gradient_norm=1e9{off}"

    def knobs(self, seed: int) -> NoiseKnobs:
        """The cures that are on."""
        return NoiseKnobs(
            batch=self._batch.value,
            normalize=self._normalize.value,
            to_go=self._to_go.value,
            baseline=self._baseline.value,
            seed=seed,
        )

    def shown(self, tutor: Tutor) -> bool:
        """Some cure's gradients are seen beside those without."""
        noise = tutor.told(Noise)
        return noise is not None and 0 < noise.spread < noise.plain_spread

    def draw(self, surface: pygame.Surface, rect: pygame.Rect, scale: float, tutor: Tutor) -> None:
        """The gradients, and the curves."""
        noise = tutor.told(Noise)
        if noise is None:
            return
        label, gap = round(40 * scale), round(theme.GAP * scale)
        below = round(24 * scale)
        side = min(rect.height - below, (rect.width - label - gap) * 9 // 20)
        legend = round(66 * scale)
        cloud = pygame.Rect(rect.left, rect.top + legend, side, rect.height - below - legend)
        curves = pygame.Rect(cloud.right + gap + label, rect.top, 0, rect.height - below)
        curves.width = rect.right - curves.left
        _draw_cloud(surface, cloud, scale, noise)
        _draw_curves(surface, curves, scale, noise)


def _draw_cloud(surface: pygame.Surface, rect: pygame.Rect, scale: float, noise: Noise) -> None:
    tall = _SEEN * rect.height / rect.width
    axes = Axes(rect, (1 - _SEEN, 1 + _SEEN), (-tall, tall))
    axes.draw(surface, scale, below="estimates of one gradient")
    axes.line(surface, [(0, -tall), (0, tall)], theme.HAIRLINE, 1)
    axes.line(surface, [(1 - _SEEN, 0), (1 + _SEEN, 0)], theme.HAIRLINE, 1)
    if not noise.gradients:
        return
    axes.dots(surface, noise.plain, theme.QUIET, 2 * scale)
    axes.dots(surface, noise.gradients, theme.PUSHED_UP, 4 * scale)
    pygame.draw.aacircle(surface, theme.FOCUS, axes.at(1, 0), 8 * scale, width=max(round(2 * scale), 1))
    rows = (
        (theme.FOCUS, "the mean"),
        (theme.PUSHED_UP, f"scatter: {_scatter(noise.spread)}"),
        (theme.QUIET, f"without: {_scatter(noise.plain_spread)}"),
    )
    draw_legend(surface, (rect.left, rect.top - round(66 * scale)), scale, rows)


def _scatter(spread: float) -> str:
    """How far estimates lie from the mean, in words."""
    return f"{spread:.1f} \N{MULTIPLICATION SIGN} the mean" if spread else "no gradient at all"


def _draw_curves(surface: pygame.Surface, rect: pygame.Rect, scale: float, noise: Noise) -> None:
    axes = Axes(rect, (0, noise.steps), (0, 200))
    levels = [(value, str(value)) for value in (0, 50, 100, 150, 200)]
    axes.draw(surface, scale, levels=levels, below=f"return over {noise.steps:,} steps, three seeds")
    for curve, colour in zip(noise.curves, SEEDS, strict=False):
        axes.line(surface, curve, colour)
        axes.dots(surface, curve[-1:], colour, 4 * scale)
