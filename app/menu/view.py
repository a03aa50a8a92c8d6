"""Draws the menu: the title and a match at the top, the modes and their choices below."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pygame

from agents.base import Frame
from app.menu.model import MenuArea, MenuButton, MenuCard, MenuModel, MenuTarget, Mode, Outcome
from app.ui import theme, widgets
from app.ui.bindings import BINDINGS, Binding
from app.ui.court import ASPECT, CourtView
from app.ui.widgets import Choice

MOTTO = "A network learned Atari Pong from pixels. Play against it, or watch it think."
_FRAME = 6
"""Around the court, at scale 1."""


@dataclass(frozen=True, slots=True)
class MenuLayout:
    """The place of each part, in pixels."""

    scale: float
    title: pygame.Rect
    court: pygame.Rect
    cards: tuple[pygame.Rect, ...]
    abouts: tuple[pygame.Rect, ...]
    """For the text below the choices of each card."""
    spots: Mapping[MenuArea, Sequence[tuple[MenuTarget, pygame.Rect]]]
    """The targets of each area."""
    hints: pygame.Rect

    @classmethod
    def of(cls, size: tuple[int, int], model: MenuModel) -> MenuLayout:
        """The layout for a surface of this size, 800 x 600 or more: title and court above, modes and cards below."""
        width, height = size
        scale = theme.scale_of(size)
        margin, gap, below = round(24 * scale), round(theme.GAP * scale), round(40 * scale)
        lower = pygame.Rect(margin, 0, width - 2 * margin, round(372 * scale))
        court = pygame.Rect(0, 0, 0, min(height - lower.height - margin - gap - below, round(0.42 * width / ASPECT)))
        court.width = round(court.height * ASPECT)
        top = (height - court.height - gap - lower.height + margin - below) // 2
        court.topright = (lower.right - round(_FRAME * scale), top)
        lower.top = court.bottom + gap

        modes, panel = lower.copy(), lower.copy()
        modes.width = round(344 * scale)
        panel.width -= modes.width + gap
        panel.right = lower.right
        start = pygame.Rect(panel.left, 0, panel.width, round(48 * scale))
        start.bottom = panel.bottom
        buttons = widgets.columns(start, len(model.buttons), gap) if model.buttons else []
        cards = widgets.columns(
            pygame.Rect(panel.topleft, (panel.width, start.top - gap - panel.top)), len(model.cards), gap
        )
        filled = [_fill_card(rect, scale, card) for rect, card in zip(cards, model.cards, strict=True)]
        spots: dict[MenuArea, Sequence[tuple[MenuTarget, pygame.Rect]]] = {
            MenuArea.MODES: list(zip(Mode, _mode_rows(modes, scale), strict=True)),
            MenuArea.CHOICES: [spot for rows, _ in filled for spot in rows],
            MenuArea.BUTTONS: list(zip(model.buttons, buttons, strict=True)),
        }
        return cls(
            scale=scale,
            title=pygame.Rect(margin, court.top, court.left - gap - margin, court.height),
            court=court,
            cards=tuple(cards),
            abouts=tuple(about for _, about in filled),
            spots=spots,
            hints=pygame.Rect(margin, height - below, width - 2 * margin, below),
        )


def _mode_rows(rect: pygame.Rect, scale: float) -> list[pygame.Rect]:
    """A row for each mode, with wider gaps before the modes for watching and before those that are not matches."""
    gap, apart = round(8 * scale), round(20 * scale)
    height = (rect.height - (len(Mode) - 3) * gap - 2 * apart) // len(Mode)
    rows, top = [], rect.top
    for mode in Mode:
        top += apart - gap if mode in (Mode.WATCH_ROM, Mode.LEARN) else 0
        rows.append(pygame.Rect(rect.left, top, rect.width, height))
        top += height + gap
    return rows


def _fill_card(
    rect: pygame.Rect, scale: float, card: MenuCard
) -> tuple[list[tuple[Choice[Any], pygame.Rect]], pygame.Rect]:
    """The rectangles of a card's choices, and that of the text below them."""
    room = rect.inflate(-2 * round(theme.PADDING * scale), -2 * round(theme.PADDING * scale))
    width = min(room.width, round(480 * scale))
    row = pygame.Rect(room.left, room.top + round(30 * scale), width, round(34 * scale))
    if card.name:
        row.top += round(40 * scale)
    rows = []
    for choice in card.rows:
        rows.append((choice, row.copy()))
        row.top += round(42 * scale)
    return rows, pygame.Rect(room.left, row.top, room.width, room.bottom - row.top)


class MenuView:
    """Shows the menu, and passes the mouse on to its model. Positions are in a surface of `size`."""

    def __init__(self, model: MenuModel, table: Sequence[Binding] = BINDINGS) -> None:
        self.model = model
        self._table = table
        self._court = CourtView()

    def point(self, position: tuple[int, int], size: tuple[int, int]) -> None:
        """Follows the mouse."""
        self._lay_out(size)
        self.model.focus.point(position)

    def click(self, position: tuple[int, int], size: tuple[int, int]) -> Outcome | None:
        """Acts on a click; returns what it leads to, if anything."""
        layout = self._lay_out(size)
        target = self.model.focus.at(position)
        step = 0
        if isinstance(target, Choice):
            rect = dict(layout.spots[MenuArea.CHOICES])[target]
            step = widgets.step_at(rect, target, position)
        return self.model.click(target, step)

    def draw(self, surface: pygame.Surface, picture: Frame | None, status: str = "") -> None:
        """Draws the menu, with `picture` as the match and `status`, such as "loading ppo …", below the title."""
        layout = self._lay_out(surface.size)
        scale, focus = layout.scale, self.model.focus
        surface.fill(theme.BACKGROUND)
        _draw_title(surface, layout.title, scale, status)
        _draw_screen(surface, layout.court, scale)
        if picture is not None:
            self._court.draw(surface, layout.court, picture)
        for rect, about, card in zip(layout.cards, layout.abouts, self.model.cards, strict=True):
            _draw_card(surface, rect, about, scale, card)
        for spots in layout.spots.values():
            for target, rect in spots:
                self._draw_target(surface, rect, scale, target)
        if focus.rect is not None:
            widgets.draw_focus(surface, focus.rect, scale)
        widgets.draw_hints(surface, layout.hints, scale, widgets.hints(self._table, self.model.hints))

    def _lay_out(self, size: tuple[int, int]) -> MenuLayout:
        layout = MenuLayout.of(size, self.model)
        self.model.focus.clear()
        for area, spots in layout.spots.items():
            self.model.focus.place(area, spots)
        return layout

    def _draw_target(self, surface: pygame.Surface, rect: pygame.Rect, scale: float, target: MenuTarget) -> None:
        lit = target is self.model.focus.pointed
        if isinstance(target, Choice):
            widgets.draw_choice(surface, rect, scale, target, lit=lit)
        elif isinstance(target, MenuButton):
            widgets.draw_button(surface, rect, scale, target.value, lit=lit)
        else:
            _draw_mode(surface, rect, scale, target, chosen=target is self.model.mode, lit=lit)


def _draw_title(surface: pygame.Surface, rect: pygame.Rect, scale: float, status: str) -> None:
    """The name as large as fits, with a shadow in the court's brown; below it the motto and the status."""
    name, small, line = "VOLLEY", round(theme.HINT_SIZE * scale), round(theme.HEADING_SIZE * scale)
    shadow = 1 / 8
    size = min(8 * int(rect.width / (8 * (len(name) + shadow))), theme.pixel_size(112 * scale))
    motto = theme.wrapped(MOTTO, line, rect.width, 2)
    apart, height = round(20 * scale), theme.font(theme.Face.REGULAR, line).get_linesize()
    top = rect.top + (rect.height - 2 * small - size - apart - len(motto) * height) // 2
    for away, colour in ((round(shadow * size), theme.COURT), (0, theme.TEXT)):
        theme.draw_text(surface, name, size, colour, theme.Face.PIXEL, topleft=(rect.left + away, top + away))
    for place, text in enumerate(motto):
        left_top = rect.left, top + size + apart + place * height
        theme.draw_text(surface, text, line, theme.QUIET, topleft=left_top)
    status = theme.fitted(status, small, rect.width)
    theme.draw_text(surface, status, small, theme.TEXT, bottomleft=rect.bottomleft)


def _draw_screen(surface: pygame.Surface, court: pygame.Rect, scale: float) -> None:
    frame = court.inflate(2 * round(_FRAME * scale), 2 * round(_FRAME * scale))
    pygame.draw.rect(surface, theme.PANEL, frame, border_radius=round(theme.CORNER * scale))
    pygame.draw.rect(surface, theme.HAIRLINE, frame, width=1, border_radius=round(theme.CORNER * scale))


def _draw_mode(
    surface: pygame.Surface, rect: pygame.Rect, scale: float, mode: Mode, *, chosen: bool, lit: bool
) -> None:
    if chosen:
        pygame.draw.rect(surface, theme.HAIRLINE, rect, border_radius=round(theme.CORNER * scale))
    size, colour = round(17 * scale), theme.TEXT if chosen or lit else theme.QUIET
    place = (rect.left + round(14 * scale), rect.centery)
    theme.draw_text(surface, mode.value, size, colour, theme.Face.BOLD, midleft=place)


def _draw_card(surface: pygame.Surface, rect: pygame.Rect, about: pygame.Rect, scale: float, card: MenuCard) -> None:
    """The card's background and texts; its choices are drawn over it."""
    room = theme.draw_panel(surface, rect, scale)
    body, small = round(theme.BODY_SIZE * scale), round(theme.HINT_SIZE * scale)
    theme.draw_text(surface, card.heading, body, card.colour, theme.Face.BOLD, topleft=room.topleft)
    if card.name:
        size, place = round(theme.HEADING_SIZE * scale), (room.left, room.top + round(32 * scale))
        name = theme.fitted(card.name, size, room.width, theme.Face.BOLD)
        theme.draw_text(surface, name, size, theme.TEXT, theme.Face.BOLD, topleft=place)
    top = about.top
    for paragraph in card.about:
        for text in theme.wrapped(paragraph, small, about.width, 3):
            top = theme.draw_text(surface, text, small, theme.QUIET, topleft=(about.left, top)).bottom
        top += round(6 * scale)
    if card.strength is not None:
        track = pygame.Rect(about.left, top + round(6 * scale), about.width, round(10 * scale))
        widgets.draw_bar(surface, track, scale, card.strength, card.colour)
        half = pygame.Rect(0, 0, max(1, round(2 * scale)), track.height)
        half.center = track.center
        pygame.draw.rect(surface, theme.TEXT, half)
