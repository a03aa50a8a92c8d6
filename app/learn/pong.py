"""The lesson in which a network learns Pong beside the window."""

from __future__ import annotations

import pygame

from app.follow.trainer import RunningTraining
from app.follow.tutor import Tutor
from app.learn.lesson import LearnButton, Lesson
from app.ui import charts, theme
from models.spec import POINTS_TO_WIN

STEPS = 1_000_000
"""Agent steps of the training that the lesson starts."""


class PongLesson(Lesson):
    """A real training, to be started, watched and stopped."""

    name = "pong"
    title = "Pong, from pixels"
    idea = (
        "All of it together: PPO learns Pong from nothing but pixels and points, beside this window. It takes minutes "
        "to return its first balls, and a quarter of an hour or more to win. Watch its newest policy play, or come "
        "back later: the training goes on, and can be stopped and resumed."
    )
    command = f"volley train ppo --steps {STEPS}"

    def __init__(self) -> None:
        self.choices = ()
        self.training: RunningTraining | None = None
        """The training beside the window, whichever it is; None if there is none."""

    @property
    def buttons(self) -> tuple[LearnButton, ...]:
        """Start it; or, once it runs, watch it or stop it. Another that runs must be stopped first."""
        if self.training is None:
            return (LearnButton.TRAIN,)
        return (LearnButton.WATCH, LearnButton.STOP) if self.training.for_pong else (LearnButton.STOP,)

    def knobs(self, seed: int) -> None:
        """Nothing: the training is not the tutor's."""

    def shown(self, tutor: Tutor) -> bool:
        """It has learned something: a tenth of the way from the worst return to the best."""
        del tutor
        if self.training is None or not self.training.for_pong:
            return False
        returns = [point.mean_return for point in self.training.curve if point.mean_return is not None]
        return bool(returns) and returns[-1] > -0.8 * POINTS_TO_WIN

    def draw(self, surface: pygame.Surface, rect: pygame.Rect, scale: float, tutor: Tutor) -> None:
        """The learning curve so far."""
        del tutor
        body, small = round(theme.BODY_SIZE * scale), round(theme.HINT_SIZE * scale)
        now = self.training
        if now is None:
            status = "No training run is under way."
        elif now.for_pong is not False:
            status = now.about
        else:
            status, now = f"Another training run is under way: {now.run}", None
        box = theme.draw_text(surface, status, body, theme.TEXT, theme.Face.BOLD, topleft=rect.topleft)
        chart = pygame.Rect(rect.left + round(36 * scale), box.bottom + round(12 * scale), 0, 0)
        chart.width, chart.height = rect.right - chart.left, rect.bottom - chart.top - round(24 * scale)
        curve: charts.Shares = ()
        end = STEPS
        if now is not None and now.curve:
            end = now.target or now.curve[-1].steps
            curve = charts.curve_shares([(point.steps, point.mean_return) for point in now.curve], end, POINTS_TO_WIN)
        charts.draw_curve(surface, chart, scale, curve, limit=POINTS_TO_WIN)
        words = f"mean return of the last games, over {end:,} steps"
        theme.draw_text(surface, words, small, theme.QUIET, midtop=(chart.centerx, chart.bottom + round(4 * scale)))
