"""The scene of a match: the court, the score above it, and the panels that show what an agent thinks."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from concurrent.futures import Executor
from typing import TypeAlias

import pygame

from agents.pong import Score
from app.game.snapshot import Snapshot, State, verdict, winner_of
from app.play.layout import PlayLayout
from app.play.panels.credit import CreditPanel
from app.play.panels.facts import FactsPanel
from app.play.panels.moves import MovesPanel
from app.play.panels.panel import Panel
from app.play.panels.saliency import SaliencyOverlay
from app.play.panels.seen import SeenPanel
from app.play.panels.timeline import TimelinePanel
from app.settings import PANELS_WHILE_WATCHING, PanelName
from app.ui import theme, widgets
from app.ui.court import CourtView
from app.ui.executor import InlineExecutor
from models.screen import FIELD_BOTTOM, FIELD_TOP, SCREEN_ROWS

Hints: TypeAlias = Sequence[tuple[str, str]]
"""Keys, each with a word for what it does."""

_BANNER_ROW = (FIELD_TOP + FIELD_BOTTOM) / 2
"""Of the court: the middle of the field."""
_SIGN_ROW = (FIELD_BOTTOM + SCREEN_ROWS) / 2
"""The middle of the lower wall, out of the ball's way."""


class MatchScene:
    """Shows a match. Call `update` once a frame, then `draw` to a surface of any size from `theme.MIN_SIZE` up.

    Anything that takes longer than a frame is worked out on `executor` and shown when it is ready; without an executor,
    it is worked out at once.
    """

    def __init__(self, *, executor: Executor | None = None, hints: bool = True) -> None:
        thinker = executor or InlineExecutor()
        self.whole_pixels = False
        self.shown: Collection[PanelName] = PANELS_WHILE_WATCHING
        """The panels that are on."""
        # In the window, each has frames of its own after a decision: the light the first, the timeline the second.
        self.panels: dict[PanelName, Panel] = {
            PanelName.MOVES: MovesPanel(),
            PanelName.TIMELINE: TimelinePanel(delay=2 if executor else 0),
            PanelName.SEEN: SeenPanel(delay=3 if executor else 0),
            PanelName.FACTS: FactsPanel(),
        }
        self.credit = CreditPanel(thinker)
        self.panels[PanelName.CREDIT] = self.credit
        self._saliency = SaliencyOverlay(thinker, spread=executor is not None)
        self._drawn: list[tuple[Panel, pygame.Rect]] = []
        """The panels that the mouse can reach, being on and not folded away, and where they are."""
        self._hints = hints
        self._court = CourtView()

    def show_as(self, other: MatchScene) -> None:
        """Shows the same panels as another scene, and the same method of credit."""
        self.shown = other.shown
        if self.credit.model.method is not other.credit.model.method:
            self.credit.model.change_method(other.credit.model.method)

    def update(self, now: Snapshot, elapsed: float) -> None:
        """Updates the panels with the match as it is now, `elapsed` seconds after the last update."""
        for _, panel in self._panels_for(now):
            panel.update(now, elapsed)
        if PanelName.SALIENCY in self.shown:
            self._saliency.update(now, elapsed)

    def point(self, position: tuple[int, int] | None, *, pressed: bool = False) -> bool:
        """Tells the panels where the mouse is on the surface; returns whether it is on one of them."""
        for panel, _ in self._drawn:
            panel.point(position, pressed=pressed)
        return position is not None and any(rect.collidepoint(position) for _, rect in self._drawn)

    def layout(self, size: tuple[int, int], now: Snapshot) -> PlayLayout:
        """Where everything goes."""
        panels = self._panels_for(now)
        return PlayLayout.of(
            size,
            column=[panel.min_height for _, panel in panels if not panel.wide],
            strips=[panel.min_height for _, panel in panels if panel.wide],
            hints=self._hints,
            whole_pixels=self.whole_pixels,
        )

    def folds(self, name: PanelName, size: tuple[int, int], now: Snapshot) -> bool:
        """Whether a panel that is on has no room on a surface of this size."""
        layout, panels = self.layout(size, now), self._panels_for(now)
        beside = [panel_name for panel_name, panel in panels if not panel.wide]
        below = [panel_name for panel_name, panel in panels if panel.wide]
        return name in beside[len(layout.column) :] or name in below[len(layout.strips) :]

    def draw(self, surface: pygame.Surface, now: Snapshot, hints: Hints = ()) -> None:
        """Draws the whole scene; `hints` are the keys worth knowing now."""
        layout = self.layout(surface.size, now)
        scale = layout.scale
        surface.fill(theme.BACKGROUND)
        digits = theme.pixel_size(min(theme.SCORE_SIZE * scale, 0.6 * layout.score.height, layout.score.width / 12))
        letters = _name_size(now.names, _room_for_name(layout.score, digits), scale)
        draw_score(surface, layout.score, now.names, now.score, letters=letters, digits=digits)
        self._court.draw(surface, layout.court, now.picture)
        if PanelName.SALIENCY in self.shown:
            self._saliency.draw(surface, layout.court)
        _draw_notice(surface, layout.court, scale, now)
        if layout.column:
            _draw_title(surface, layout.title, scale)
        panels = [panel for _, panel in self._panels_for(now)]
        self._drawn = []
        for rects, wide in ((layout.column, False), (layout.strips, True)):
            for rect, panel in zip(rects, (panel for panel in panels if panel.wide is wide), strict=False):
                panel.draw(surface, rect, scale)
                self._drawn.append((panel, rect))
        if self._hints:
            widgets.draw_hints(surface, layout.hints, scale, hints)

    def _panels_for(self, now: Snapshot) -> list[tuple[PanelName, Panel]]:
        """The panels that are on and have something to show: without an agent, only who plays."""
        thinking = now.mind is not None or bool(now.loading)
        return [
            (name, self.panels[name])
            for name in PanelName
            if name in self.shown and name in self.panels and (thinking or name is PanelName.FACTS)
        ]


def _draw_title(surface: pygame.Surface, rect: pygame.Rect, scale: float) -> None:
    size = theme.pixel_size(theme.TITLE_SIZE * scale)
    theme.draw_text(surface, "VOLLEY", size, theme.TEXT, theme.Face.PIXEL, midright=rect.midright)


def draw_score(
    surface: pygame.Surface, rect: pygame.Rect, names: tuple[str, str], score: Score, *, letters: int, digits: int
) -> None:
    """Draws the names at the ends of `rect`, and the points in its middle; each number keeps its place."""
    bold, pixel = theme.Face.BOLD, theme.Face.PIXEL
    left, right = (theme.fitted(name, letters, _room_for_name(rect, digits), bold) for name in names)
    middle, apart = rect.centery, round(0.75 * digits)
    theme.draw_text(surface, left, letters, theme.LEFT_PLAYER, bold, midleft=rect.midleft)
    theme.draw_text(surface, right, letters, theme.RIGHT_PLAYER, bold, midright=rect.midright)
    theme.draw_text(surface, ":", digits, theme.QUIET, pixel, center=rect.center)
    points = (str(score.left), str(score.right))
    theme.draw_text(surface, points[0], digits, theme.LEFT_PLAYER, pixel, midright=(rect.centerx - apart, middle))
    theme.draw_text(surface, points[1], digits, theme.RIGHT_PLAYER, pixel, midleft=(rect.centerx + apart, middle))


def _room_for_name(rect: pygame.Rect, digits: int) -> int:
    return rect.width // 2 - 3 * digits


def _name_size(names: Sequence[str], room: int, scale: float) -> int:
    """The largest size of type at which both names fit; the smallest if none is small enough."""
    sizes = [round(size * scale) for size in (theme.HEADING_SIZE, theme.BODY_SIZE, theme.HINT_SIZE)]
    fits = (size for size in sizes if all(theme.width_of(name, size, theme.Face.BOLD) <= room for name in names))
    return next(fits, sizes[-1])


def _draw_notice(surface: pygame.Surface, court: pygame.Rect, scale: float, now: Snapshot) -> None:
    """What people must know: loading and the end of a game in the middle, anything else on the wall."""
    middle = (court.centerx, court.top + round(court.height * _BANNER_ROW / SCREEN_ROWS))
    if now.loading:
        _draw_banner(surface, middle, scale, now.loading, theme.TEXT)
    elif now.over and not now.people:
        winner = winner_of(now.score, cut=now.cut)
        colour = theme.TEXT if winner is None else theme.PLAYERS[winner]
        _draw_banner(surface, middle, scale, verdict(now.names, now.score, cut=now.cut), colour)
        if now.next_game_in is not None:
            text = f"next game in {math.ceil(now.next_game_in)} s"
            below = middle[0], middle[1] + round(48 * scale)
            theme.draw_text(surface, text, round(theme.BODY_SIZE * scale), theme.TEXT, center=below)
    wall = (court.centerx, court.top + round(court.height * _SIGN_ROW / SCREEN_ROWS))
    back = f"{now.undone:4.1f} S BACK" if now.undone else ""
    if now.state is State.REWINDING:
        _draw_sign(surface, wall, scale, back or "REWIND")
    elif now.state is State.PAUSED:
        _draw_sign(surface, wall, scale, f"PAUSED  {back}" if back else "PAUSED")
    elif now.server is not None and now.server in now.people:
        who = "YOUR SERVE" if len(now.people) == 1 else f"{now.server.name} SERVES"
        _draw_sign(surface, wall, scale, who)


def _draw_sign(surface: pygame.Surface, centre: tuple[int, int], scale: float, text: str) -> None:
    """A word or two in the pixel face, on a ground of their own."""
    size = theme.pixel_size(theme.BODY_SIZE * scale)
    box = pygame.Rect(0, 0, (len(text) + 2) * size, round(1.6 * size))
    box.center = centre
    pygame.draw.rect(surface, theme.BACKGROUND, box, border_radius=round(theme.CORNER * scale))
    theme.draw_text(surface, text, size, theme.TEXT, theme.Face.PIXEL, center=centre)


def _draw_banner(
    surface: pygame.Surface, centre: tuple[int, int], scale: float, text: str, colour: pygame.Color
) -> None:
    size = round(24 * scale)
    text = theme.fitted(text, size, round(500 * scale), theme.Face.BOLD)
    box = pygame.Rect(0, 0, theme.width_of(text, size, theme.Face.BOLD) + 3 * size, 2 * size)
    box.center = centre
    pygame.draw.rect(surface, theme.BACKGROUND, box, border_radius=round(theme.CORNER * scale))
    theme.draw_text(surface, text, size, colour, theme.Face.BOLD, center=centre)
