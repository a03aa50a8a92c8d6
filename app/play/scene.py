"""The scene of a match: the court, the score above it, and an agent's mind beside it."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from typing import ParamSpec, TypeAlias, TypeVar

import pygame

from app.game.match import Snapshot, State
from app.play.panels.credit import CreditPanel
from app.play.panels.facts import FactsPanel
from app.play.panels.names import WHILE_WATCHING, PanelName
from app.play.panels.panel import Panel
from app.play.panels.probabilities import ProbabilitiesPanel
from app.play.panels.saliency import SaliencyOverlay
from app.play.panels.seen import SeenPanel
from app.play.panels.timeline import TimelinePanel
from app.ui import theme, widgets
from app.ui.court import ASPECT, PIXEL_ASPECT, CourtView
from models.screen import SCREEN_COLUMNS, SCREEN_ROWS

P = ParamSpec("P")
T = TypeVar("T")
Hints: TypeAlias = Sequence[tuple[str, str]]

LEAST_SIZE = (800, 600)
LEAST_COLUMN = 600
"""At scale 1. The panels stand beside the court from top to bottom where it is as tall as that."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Where everything stands, in pixels; `scale` is 1 at `theme.DESIGN_SIZE`."""

    scale: float
    title: pygame.Rect
    score: pygame.Rect
    court: pygame.Rect
    column: tuple[pygame.Rect, ...]
    """The panels beside the court, as many of those asked for as there is room for."""
    strips: tuple[pygame.Rect, ...]
    """The panels below the court."""
    hints: pygame.Rect

    @classmethod
    def of(
        cls,
        size: tuple[int, int],
        *,
        column: Sequence[int] = (),
        strips: Sequence[int] = (),
        hints: bool = True,
        whole_pixels: bool = False,
    ) -> Layout:
        """The layout for a surface of this size, at least `LEAST_SIZE`.

        `column` and `strips` are the least heights, at scale 1, of the panels beside and below the court. Without
        `hints` their line is left out. With `whole_pixels` each pixel of the court is as wide and as high as any other.
        """
        width, height = size
        scale = theme.scale_of(size)
        gap, header, tall_header = round(theme.GAP * scale), round(72 * scale), round(132 * scale)
        below = round(40 * scale) if hints else gap
        column_width = round(min(400 * scale, 0.33 * width)) if column else -gap
        strips_height = sum(round(least * scale) + gap for least in strips)

        room = pygame.Rect(gap, header, width - column_width - 3 * gap, height - header - below - strips_height)
        court = pygame.Rect((0, 0), court_size(room.size, whole_pixels=whole_pixels))
        score_height = min(tall_header, room.bottom - court.height)
        court.midtop = (room.centerx, score_height + (room.bottom - score_height - court.height) // 2)

        side = pygame.Rect(room.right + gap, header, column_width, height - header - below)
        needed = sum(round(least * scale) + gap for least in column) - gap
        if not strips and court.height >= max(LEAST_COLUMN * scale, min(needed, side.height)):
            side.top, side.height = court.top, court.height
        return cls(
            scale=scale,
            title=pygame.Rect(side.left, 0, max(side.width, 0), side.top),
            score=_score_above(court, score_height, room),
            court=court,
            column=_stack(side, [round(least * scale) for least in column], gap),
            strips=_stack(
                pygame.Rect(room.left, room.bottom + gap, room.width, strips_height - gap),
                [round(least * scale) for least in strips],
                gap,
            ),
            hints=pygame.Rect(room.left, height - below, width - 2 * gap, below if hints else 0),
        )


def _score_above(court: pygame.Rect, height: int, room: pygame.Rect) -> pygame.Rect:
    """As wide as the court, or a little wider where that is narrow."""
    score = pygame.Rect(0, court.top - height, max(court.width, min(room.width, round(1.4 * height * 4))), height)
    score.centerx = court.centerx
    return score.clamp(pygame.Rect(room.left, score.top, room.width, height))


def _stack(room: pygame.Rect, least: Sequence[int], gap: int) -> tuple[pygame.Rect, ...]:
    """As many of these heights as fit, one below the other; what is left over makes each up to twice as high."""
    count = len(least)
    while count > 0 and sum(least[:count]) + gap * (count - 1) > room.height:
        count -= 1
    over = min(room.height - sum(least[:count]) - gap * (count - 1), sum(least[:count]))
    rects, top = [], room.top
    for place, height in enumerate(least[:count]):
        share = over * sum(least[: place + 1]) // sum(least[:count]) - over * sum(least[:place]) // sum(least[:count])
        rects.append(pygame.Rect(room.left, top, room.width, height + share))
        top += height + share + gap
    return tuple(rects)


class Inline(Executor):
    """Does at once what it is asked to: for a film, whose pictures may wait for what they show."""

    def submit(self, function: Callable[P, T], /, *arguments: P.args, **named: P.kwargs) -> Future[T]:
        """The result, or the error, of calling the function."""
        future: Future[T] = Future()
        try:
            future.set_result(function(*arguments, **named))
        except Exception as error:  # noqa: BLE001 - whoever asks for the result gets it, as from any executor
            future.set_exception(error)
        return future


class MatchScene:
    """Shows a match. `update` once a frame, then `draw` to a surface of any size from `LEAST_SIZE` up.

    What takes longer than a frame to work out is worked out by `executor`, and shown when it is there; without one, at
    once.
    """

    def __init__(self, *, executor: Executor | None = None, hints: bool = True) -> None:
        thinker = executor or Inline()
        self.whole_pixels = False
        self.shown: Collection[PanelName] = WHILE_WATCHING
        """The panels that are switched on."""
        self.panels: dict[PanelName, Panel] = {
            PanelName.MOVES: ProbabilitiesPanel(),
            PanelName.TIMELINE: TimelinePanel(),
            PanelName.SEEN: SeenPanel(),
            PanelName.FACTS: FactsPanel(),
        }
        self.credit = CreditPanel(thinker)
        self.panels[PanelName.CREDIT] = self.credit
        self._saliency = SaliencyOverlay(thinker)
        self._drawn: list[Panel] = []
        """Those that the mouse can reach: switched on, and not folded away."""
        self._hints = hints
        self._court = CourtView()

    def show_as(self, other: MatchScene) -> None:
        """Shows the same panels as another scene, and gives credit in the same way."""
        self.shown = other.shown
        if self.credit.model.way is not other.credit.model.way:
            self.credit.model.turn_to(other.credit.model.way)

    def update(self, now: Snapshot, elapsed: float) -> None:
        """Lets the panels follow the match for `elapsed` seconds."""
        for _, panel in self._panels_for(now):
            panel.update(now, elapsed)
        if PanelName.SALIENCY in self.shown:
            self._saliency.update(now, elapsed)

    def point(self, position: tuple[int, int] | None, *, pressed: bool = False) -> None:
        """Tells the panels where on the surface the mouse is."""
        for panel in self._drawn:
            panel.point(position, pressed=pressed)

    def layout(self, size: tuple[int, int], now: Snapshot) -> Layout:
        """Where everything is drawn."""
        panels = self._panels_for(now)
        return Layout.of(
            size,
            column=[panel.least_height for _, panel in panels if not panel.wide],
            strips=[panel.least_height for _, panel in panels if panel.wide],
            hints=self._hints,
            whole_pixels=self.whole_pixels,
        )

    def folds(self, name: PanelName, size: tuple[int, int], now: Snapshot) -> bool:
        """Whether a panel that is switched on has no room on a surface of this size."""
        layout, panels = self.layout(size, now), self._panels_for(now)
        beside = [panel_name for panel_name, panel in panels if not panel.wide]
        below = [panel_name for panel_name, panel in panels if panel.wide]
        return name in beside[len(layout.column) :] or name in below[len(layout.strips) :]

    def draw(self, surface: pygame.Surface, now: Snapshot, hints: Hints = ()) -> None:
        """Draws the whole scene; `hints` are the keys worth knowing now, each with a word for what it does."""
        layout = self.layout(surface.size, now)
        scale = layout.scale
        surface.fill(theme.BACKGROUND)
        _draw_score(surface, layout.score, scale, now)
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
                self._drawn.append(panel)
        if self._hints:
            widgets.draw_hints(surface, layout.hints, scale, hints)

    def _panels_for(self, now: Snapshot) -> list[tuple[PanelName, Panel]]:
        """What is switched on and has something to show: without an agent, only who plays."""
        thinking = now.mind is not None or bool(now.loading)
        return [
            (name, self.panels[name])
            for name in PanelName
            if name in self.shown and name in self.panels and (thinking or name is PanelName.FACTS)
        ]


def court_size(room: tuple[int, int], *, whole_pixels: bool) -> tuple[int, int]:
    """The largest court of the right shape that fits; with `whole_pixels`, of nearly the right shape."""
    width, height = room
    if whole_pixels and (tall := min(height // SCREEN_ROWS, round(width / SCREEN_COLUMNS / PIXEL_ASPECT))) > 0:
        wide = round(tall * PIXEL_ASPECT)
        return SCREEN_COLUMNS * min(wide, width // SCREEN_COLUMNS), SCREEN_ROWS * tall
    width = min(width, math.floor(height * ASPECT))
    return width, round(width / ASPECT)


def _draw_title(surface: pygame.Surface, rect: pygame.Rect, scale: float) -> None:
    size = theme.pixel_size(theme.TITLE_SIZE * scale)
    theme.draw_text(surface, "VOLLEY", size, theme.TEXT, theme.Face.PIXEL, midright=rect.midright)


def _draw_score(surface: pygame.Surface, rect: pygame.Rect, scale: float, now: Snapshot) -> None:
    """Names at the court's corners, points in the middle; each figure keeps its place."""
    name_size = round(theme.HEADING_SIZE * scale)
    score_size = theme.pixel_size(min(theme.SCORE_SIZE * scale, 0.6 * rect.height))
    room_for_name = rect.width // 2 - round(3.2 * score_size)
    left, right = (theme.fitted(name, name_size, room_for_name, theme.Face.BOLD) for name in now.names)
    middle, apart = rect.centery, round(0.75 * score_size)
    bold, pixel = theme.Face.BOLD, theme.Face.PIXEL
    theme.draw_text(surface, left, name_size, theme.LEFT_PLAYER, bold, midleft=rect.midleft)
    theme.draw_text(surface, right, name_size, theme.RIGHT_PLAYER, bold, midright=rect.midright)
    theme.draw_text(surface, ":", score_size, theme.QUIET, pixel, center=rect.center)
    points = (str(now.score.left), str(now.score.right))
    theme.draw_text(surface, points[0], score_size, theme.LEFT_PLAYER, pixel, midright=(rect.centerx - apart, middle))
    theme.draw_text(surface, points[1], score_size, theme.RIGHT_PLAYER, pixel, midleft=(rect.centerx + apart, middle))


def _draw_notice(surface: pygame.Surface, court: pygame.Rect, scale: float, now: Snapshot) -> None:
    """What a person must know: loading and a game's end in the middle; all else on the wall, out of the ball's way."""
    middle = (court.centerx, court.top + round(court.height * 114 / 210))
    if now.loading:
        _draw_banner(surface, middle, scale, now.loading, theme.TEXT)
    elif now.over and not now.people:
        won = int(now.score.right > now.score.left)
        _draw_banner(surface, middle, scale, f"{now.names[won]} wins", theme.PLAYERS[won])
        if now.next_game_in is not None:
            text = f"next game in {math.ceil(now.next_game_in)} s"
            below = middle[0], middle[1] + round(48 * scale)
            theme.draw_text(surface, text, round(theme.BODY_SIZE * scale), theme.TEXT, center=below)
    wall = (court.centerx, court.top + round(court.height * 202 / 210))
    back = f"{now.undone:4.1f} S BACK" if now.undone else ""
    if now.state is State.REWINDING:
        _draw_sign(surface, wall, scale, back or "REWIND")
    elif now.state is State.PAUSED:
        _draw_sign(surface, wall, scale, f"PAUSED  {back}" if back else "PAUSED")
    elif now.server is not None and now.server in now.people:
        who = "YOUR SERVE" if len(now.people) == 1 else f"{now.server.name} SERVES"
        _draw_sign(surface, wall, scale, who)


def _draw_sign(surface: pygame.Surface, centre: tuple[int, int], scale: float, text: str) -> None:
    """A short word in the pixel face, on its own ground."""
    size = theme.pixel_size(theme.BODY_SIZE * scale)
    box = pygame.Rect(0, 0, (len(text) + 2) * size, round(1.6 * size))
    box.center = centre
    pygame.draw.rect(surface, theme.BACKGROUND, box, border_radius=round(theme.CORNER * scale))
    theme.draw_text(surface, text, size, theme.TEXT, theme.Face.PIXEL, center=centre)


def _draw_banner(
    surface: pygame.Surface, centre: tuple[int, int], scale: float, text: str, colour: pygame.Color
) -> pygame.Rect:
    size = round(24 * scale)
    text = theme.fitted(text, size, round(500 * scale), theme.Face.BOLD)
    box = pygame.Rect(0, 0, theme.font(theme.Face.BOLD, size).size(text)[0] + 3 * size, 2 * size)
    box.center = centre
    pygame.draw.rect(surface, theme.BACKGROUND, box, border_radius=round(theme.CORNER * scale))
    theme.draw_text(surface, text, size, colour, theme.Face.BOLD, center=centre)
    return box
