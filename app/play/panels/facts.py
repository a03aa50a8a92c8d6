"""The players panel: who plays and how, the speed, games won."""

from __future__ import annotations

from fractions import Fraction

import pygame

from agents.pong import Side
from app.game.snapshot import Snapshot, State
from app.ui import theme


class FactsModel:
    """The panel's lines, each a name and a fact."""

    def __init__(self) -> None:
        self.lines: tuple[tuple[str, str], ...] = ()

    def update(self, now: Snapshot) -> None:
        """Takes in the match as it is now."""
        speed = Fraction(now.speed)
        won = now.games_won
        self.lines = (
            *((now.names[side], _style(now, side)) for side in Side),
            ("Speed", f"{speed}\N{MULTIPLICATION SIGN}"),
            ("Game", f"{now.game}, won {won.left} : {won.right}" if sum(won) else f"{now.game}"),
        )


class FactsPanel:
    """Who plays, and how."""

    min_height = 150
    wide = False

    def __init__(self) -> None:
        self._model = FactsModel()

    def update(self, now: Snapshot, elapsed: float) -> None:
        """Takes in the match as it is now."""
        del elapsed
        self._model.update(now)

    def point(self, position: tuple[int, int] | None, *, pressed: bool) -> None:
        """Nothing to point at."""

    def draw(self, surface: pygame.Surface, rect: pygame.Rect, scale: float) -> None:
        """Draws the panel to fill `rect`."""
        draw(surface, rect, scale, self._model)


def _style(now: Snapshot, side: Side) -> str:
    """How the player on a side plays, in a few words."""
    if now.state is State.WAITING:
        return "…"
    reaction, policy = now.reactions[side], now.policies[side]
    if reaction is None:
        return "a person" if side in now.people else "built into the game"
    delay = f"reaction {reaction} ms" if reaction else "no reaction delay"
    return delay if policy is None else f"{'greedy' if policy.greedy else 'sampled'}, {delay}"


def _widest_name(model: FactsModel, size: int) -> int:
    """With the space after it."""
    return max((theme.width_of(name, size) for name, _ in model.lines), default=0) + size


def draw(surface: pygame.Surface, rect: pygame.Rect, scale: float, model: FactsModel) -> None:
    """Draws one line for each fact."""
    room = theme.draw_panel(surface, rect, scale)
    size, half = round(theme.BODY_SIZE * scale), room.width // 2
    if _widest_name(model, size) > half:
        size = round(theme.HINT_SIZE * scale)
    height = room.height / max(len(model.lines), 1)
    left = room.left + min(max(_widest_name(model, size), round(130 * scale)), half)
    for place, (name, fact) in enumerate(model.lines):
        middle = round(room.top + (place + 0.5) * height)
        short = theme.fitted(name, size, left - room.left - size // 2)
        theme.draw_text(surface, short, size, theme.QUIET, midleft=(room.left, middle))
        theme.draw_text(surface, theme.fitted(fact, size, room.right - left), size, midleft=(left, middle))
