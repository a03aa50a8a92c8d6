"""The lesson on importance sampling and the clip."""

from __future__ import annotations

import math

import pygame

from app.follow.tutor import Tutor
from app.learn.lesson import Lesson
from app.learn.plots import Axes, draw_legend
from app.ui import theme
from app.ui.widgets import Choice
from models.lessons import Clip, ClipKnobs

_FALLEN = 0.5
"""Of the best return; a policy that brings less has collapsed."""
_WORTH = 60.0
"""The return that a policy must have brought before, so that chance alone does not halve it."""


class ClipLesson(Lesson):
    """Ratios that leave 1, and a surrogate that promises more than the games bring."""

    name = "clip"
    title = "Importance sampling, clipped"
    idea = (
        "Experience can be used again if each action is weighted by its ratio: how much more probable it is now than "
        "when it was taken. The surrogate, the mean of the weighted advantages, is raised in many passes over a "
        "rollout. But with ratios far from 1 it promises gains that the games do not bring. The clip stops pushing an "
        "action whose ratio has gone too far."
    )

    def __init__(self) -> None:
        self._passes = Choice("Passes", (1, 4, 16, 64), 16)
        self._epsilon = Choice[float | None](
            "Clip", (None, 0.3, 0.2, 0.1), None, lambda epsilon: "none" if epsilon is None else f"1 ± {epsilon}"
        )
        self.choices = (self._passes, self._epsilon)

    @property
    def command(self) -> str:
        """The surrogate without the clip, or PPO with it."""
        epsilon = self._epsilon.value
        algorithm, clip = ("surrogate", "") if epsilon is None else ("ppo", f" --set clip_epsilon={epsilon}")
        return f"volley train {algorithm} --env CartPole-v1 --set epochs={self._passes.value}{clip}"

    def knobs(self, seed: int) -> ClipKnobs:
        """The chosen passes and clip."""
        return ClipKnobs(self._passes.value, self._epsilon.value, seed)

    def shown(self, tutor: Tutor) -> bool:
        """The return has collapsed, or the clip has kept it from that to the end."""
        clip = tutor.told(Clip)
        if clip is None or not clip.returns:
            return False
        best, (where, newest) = max(value for _, value in clip.returns), clip.returns[-1]
        kept = clip.clip_epsilon is not None and where >= clip.rollouts
        return kept or (best >= _WORTH and newest < _FALLEN * best)

    def draw(self, surface: pygame.Surface, rect: pygame.Rect, scale: float, tutor: Tutor) -> None:
        """The ratios at left; at right what is promised, above what is brought."""
        clip = tutor.told(Clip)
        if clip is None:
            return
        label, gap, row = round(36 * scale), round(theme.GAP * scale), round(24 * scale)
        width = (rect.width - gap) * 9 // 20
        bars = pygame.Rect(rect.left + label, rect.top + 2 * row, width - label, rect.height - 3 * row)
        _draw_ratios(surface, bars, scale, clip)
        left, height = rect.left + width + gap + label, (rect.height - 3 * row - gap // 2) // 2
        promised = pygame.Rect(left, rect.top + row, rect.right - left, height)
        brought = promised.move(0, height + gap // 2 + row)
        _draw_promised(surface, promised, scale, clip)
        _draw_brought(surface, brought, scale, clip)


def _draw_ratios(surface: pygame.Surface, rect: pygame.Rect, scale: float, clip: Clip) -> None:
    """A bar for each bin, as high as the root of its count, so that few are seen beside many."""
    most, reach, bins = max(sum(clip.histogram), 1), math.log(clip.reach), len(clip.histogram)
    axes = Axes(rect, (-reach, reach), (0, math.sqrt(most)))
    small = round(theme.HINT_SIZE * scale)
    levels = [(math.sqrt(count), f"{count}") for count in (1, 10, 100, 500) if count <= most]
    steps = ((1 / clip.reach, f"1/{clip.reach:g}"), (0.25, "1/4"), (1, "1"), (4, "4"), (clip.reach, f"{clip.reach:g}"))
    axes.draw(surface, scale, levels=levels, places=[(math.log(ratio), words) for ratio, words in steps])
    for place, count in enumerate(clip.histogram):
        left, right = ((2 * edge / bins - 1) * reach for edge in (place, place + 1))
        colour = theme.PUSHED_DOWN if _outside(math.exp((left + right) / 2), clip.clip_epsilon) else theme.PUSHED_UP
        (x, y), (after, _) = axes.at(left, math.sqrt(count)), axes.at(right, 0)
        bar = pygame.Rect(round(x), round(y), max(round(after) - round(x) - 1, 1), rect.bottom - round(y))
        if count:
            pygame.draw.rect(surface, colour, bar)
    _draw_borders(surface, axes, scale, clip.clip_epsilon)
    rows = ((theme.PUSHED_UP, f"ratios after {clip.passes} passes"), (theme.PUSHED_DOWN, "beyond the clip"))
    shown = rows[: 1 if clip.clip_epsilon is None else 2]
    draw_legend(surface, (rect.left, rect.top - len(shown) * round(24 * scale)), scale, shown)
    corner = rect.right - round(6 * scale), rect.top + round(4 * scale)
    theme.draw_text(surface, f"up to {clip.largest:,.1f}", small, theme.TEXT, topright=corner)


def _outside(ratio: float, epsilon: float | None) -> bool:
    return epsilon is not None and abs(ratio - 1) > epsilon


def _draw_borders(surface: pygame.Surface, axes: Axes, scale: float, epsilon: float | None) -> None:
    """Lines at 1, and where the clip begins."""
    top = axes.up[1]
    for ratio in () if epsilon is None else (1 - epsilon, 1 + epsilon):
        axes.line(surface, [(math.log(ratio), 0), (math.log(ratio), top)], theme.FOCUS, scale)
    axes.line(surface, [(0, top * 0.9), (0, top)], theme.TEXT, scale)


def _draw_promised(surface: pygame.Surface, rect: pygame.Rect, scale: float, clip: Clip) -> None:
    """The surrogate, which begins at 0 with each rollout."""
    values = [value for line in clip.surrogates for _, value in line]
    top = max(math.ceil(10 * max(values, default=0)) / 10, 0.2)
    axes = Axes(rect, (0, clip.rollouts), (-0.05 * top, top))
    draw_legend(
        surface, (rect.left, rect.top - round(24 * scale)), scale, [(theme.PUSHED_UP, "promised: the surrogate")]
    )
    axes.draw(surface, scale, levels=[(0, "0"), (top, f"{top:.1f}")])
    for line in clip.surrogates:
        axes.line(surface, line, theme.PUSHED_UP)


def _draw_brought(surface: pygame.Surface, rect: pygame.Rect, scale: float, clip: Clip) -> None:
    """The return of the policy, measured after each rollout."""
    axes = Axes(rect, (0, clip.rollouts), (0, 510))
    draw_legend(
        surface, (rect.left, rect.top - round(24 * scale)), scale, [(theme.RIGHT_PLAYER, "brought: the return")]
    )
    axes.draw(surface, scale, levels=[(0, "0"), (250, "250"), (500, "500")], below=f"{clip.rollouts} rollouts")
    axes.line(surface, clip.returns, theme.RIGHT_PLAYER)
    axes.dots(surface, clip.returns, theme.RIGHT_PLAYER, 3 * scale)
