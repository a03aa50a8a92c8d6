"""Who plays, and how: model, sampled or greedy, speed, games won."""

from __future__ import annotations

from fractions import Fraction

import pygame

from app import theme
from app.match import Snapshot


class PlayModel:
    """The panel's lines."""

    def __init__(self) -> None:
        self.lines: tuple[tuple[str, str], ...] = ()

    def update(self, now: Snapshot) -> None:
        """Takes over what changed; nothing here is smoothed."""
        speed = Fraction(now.speed)
        won = now.games_won
        self.lines = (
            ("Model", now.names[1]),
            ("Action", "greedy: the likeliest" if now.greedy else "sampled"),
            ("Speed", f"{speed}\N{MULTIPLICATION SIGN}"),
            ("Game", f"{now.game}, won {won.left} : {won.right}" if sum(won) else f"{now.game}"),
        )


def draw(surface: pygame.Surface, rect: pygame.Rect, scale: float, model: PlayModel) -> None:
    """Draws the panel to fill `rect`, one line a fact."""
    room = theme.draw_panel(surface, rect, scale)
    size = round(theme.BODY_SIZE * scale)
    height = room.height / max(len(model.lines), 1)
    left = room.left + round(86 * scale)
    for place, (name, fact) in enumerate(model.lines):
        middle = round(room.top + (place + 0.5) * height)
        theme.draw_text(surface, name, size, theme.QUIET, midleft=(room.left, middle))
        theme.draw_text(surface, theme.fitted(fact, size, room.right - left), size, midleft=(left, middle))
