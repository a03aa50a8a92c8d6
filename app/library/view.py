"""The library on screen: a list of models at left, the one in focus at right."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import pygame

from app.follow.follower import Training
from app.hub.library import Again, Row
from app.hub.local import Action, Entry
from app.hub.remote import Change
from app.library.layout import Layout, strip_lines
from app.library.rows import (
    CHANGE_HEIGHT,
    chunked,
    draw_change,
    draw_facts,
    draw_row,
    line_height,
    places,
)
from app.library.selection import Button, LibraryModel, Outcome, Place, Target
from app.play.panels import learning
from app.play.panels.learning import LearningModel, millions
from app.ui import theme, widgets
from app.ui.bindings import BINDINGS, Binding, Context
from models.run_directory import CurvePoint

TITLE = "MODELS"
WHEEL_LINES = 3
_HISTORY = "Revisions, the newest first: which shall its name stand for?"

Spot: TypeAlias = tuple[Target, pygame.Rect]


class LibraryScene:
    """Shows the library, and tells its model what the mouse is on. Positions are in a surface of `size`."""

    def __init__(self, model: LibraryModel, table: Sequence[Binding] = BINDINGS) -> None:
        self.model = model
        self._table = table
        self._pointed: Target | None = None
        self._list_top = 0
        """The list's first row of pixels that is shown."""
        self._history_top = 0
        self._followed: tuple[object, ...] = ()
        """What was in focus, and where, when the list was last moved to show it."""
        self._card: tuple[tuple[object, ...], tuple[str, ...]] = ((), ())
        """The card in lines, with what they were made from."""
        self._curve = LearningModel()
        self._curve_of: tuple[CurvePoint, ...] | None = None

    @property
    def context(self) -> Context:
        """What keys mean here, now."""
        return Context.TYPING if self.model.typing else Context.MENU

    def point(self, position: tuple[int, int], size: tuple[int, int]) -> None:
        """Follows the mouse."""
        self._pointed = widgets.hit(self._spots(Layout.of(size, self.model)), position)
        self.model.point(self._pointed)

    def click(self, position: tuple[int, int], size: tuple[int, int]) -> Outcome | None:
        """Takes a click; gives what comes of it, if anything does."""
        return self.model.click(widgets.hit(self._spots(Layout.of(size, self.model)), position))

    def wheel(self, position: tuple[int, int], size: tuple[int, int], way: int) -> None:
        """Scrolls what the mouse is over, down where `way` is 1 and up where it is -1."""
        layout = Layout.of(size, self.model)
        if layout.list.collidepoint(position):
            self._list_top += way * WHEEL_LINES * round(22 * layout.scale)
            self._hold_list(layout)
        elif layout.text.collidepoint(position) and self.model.library.history is not None:
            last = len(self.model.library.history.changes) - 1
            self.model.change = min(max(self.model.change + way, 0), max(last, 0))
        elif layout.text.collidepoint(position):
            self.model.scroll(way * WHEEL_LINES)

    def draw(self, surface: pygame.Surface) -> None:
        """Draws it all."""
        model = self.model
        layout = Layout.of(surface.size, model)
        self._measure_card(layout)
        self._follow_focus(layout)
        scale = layout.scale
        surface.fill(theme.BACKGROUND)
        size = theme.pixel_size(theme.TITLE_SIZE * scale)
        theme.draw_text(surface, TITLE, size, theme.TEXT, theme.Face.PIXEL, midleft=layout.title.midleft)
        small, place = round(theme.HINT_SIZE * scale), layout.title.midright
        theme.draw_text(surface, model.library.hub_words, small, theme.QUIET, midright=place)
        lit = self._pointed is Place.SEARCH
        empty = "Search by name"
        widgets.draw_field(surface, layout.field, scale, model.field, typing=model.typing, empty=empty, lit=lit)
        theme.draw_panel(surface, layout.list.inflate(2 * round(6 * scale), 2 * round(6 * scale)), scale)
        self._draw_list(surface.subsurface(layout.list), layout)
        theme.draw_panel(surface, layout.panel, scale)
        self._draw_model(surface, layout)
        self._draw_focus(surface, layout)
        words = widgets.hints(self._table, model.hints, self.context)
        widgets.draw_hints(surface, layout.hints, scale, words)

    def _spots(self, layout: Layout) -> list[Spot]:
        spots: list[Spot] = [(Place.SEARCH, layout.field), *layout.buttons]
        for row, rect in self._rows(layout):
            shown = rect.move(layout.list.left, layout.list.top - self._list_top).clip(layout.list)
            if isinstance(row, Entry | Again) and shown.height > 0:
                spots.append((row, shown))
        if self.model.library.history is not None:
            for change, rect in self._changes(layout):
                if (shown := rect.move(layout.text.topleft).clip(layout.text)).height > 0:
                    spots.append((change, shown))
        elif self.model.card_lines:
            spots.append((Place.CARD, layout.text))
        return spots

    def _rows(self, layout: Layout) -> list[tuple[Row, pygame.Rect]]:
        """Where each row stands, from the list's top; at right there is room for the thumb."""
        return places(self.model.library.rows, layout.list.width - round(10 * layout.scale), layout.scale)

    def _changes(self, layout: Layout) -> list[tuple[Change, pygame.Rect]]:
        """Where each commit stands, in the room of the text."""
        history, height = self.model.library.history, round(CHANGE_HEIGHT * layout.scale)
        changes = () if history is None else history.changes
        width = layout.text.width - round(10 * layout.scale)
        top = _history_head(layout.scale) - self._history_top
        return [(each, pygame.Rect(0, top + place * height, width, height)) for place, each in enumerate(changes)]

    def _hold_list(self, layout: Layout) -> None:
        """Keeps the list from being scrolled beyond its ends."""
        rows = self._rows(layout)
        longest = rows[-1][1].bottom if rows else 0
        self._list_top = min(max(self._list_top, 0), max(longest - layout.list.height, 0))

    def _follow_focus(self, layout: Layout) -> None:
        """Scrolls so far that what is in focus can be seen, where that is another than before."""
        row, size = self.model.row, layout.list.size
        rows = self._rows(layout)
        rect = next((rect for each, rect in rows if each == row), None)
        seen = (row.key if isinstance(row, Entry) else row, size, rect.top if rect else 0)
        if rect is not None and seen != self._followed:
            self._followed = seen
            choosable = [each for each, _ in rows if isinstance(each, Entry | Again)]
            above, below = rect.top - round(8 * layout.scale), rect.bottom + round(8 * layout.scale)
            # What stands before the first and after the last cannot be in focus, and shall be seen.
            above, below = 0 if row == choosable[0] else above, rows[-1][1].bottom if row == choosable[-1] else below
            self._list_top = min(max(self._list_top, below - size[1]), above)
        self._hold_list(layout)
        height, room = round(CHANGE_HEIGHT * layout.scale), layout.text.height - _history_head(layout.scale)
        place = self.model.change * height
        self._history_top = max(min(max(self._history_top, place + height - room), place), 0)

    def _measure_card(self, layout: Layout) -> None:
        """Cuts the card into lines, and tells the model how far it can be scrolled."""
        card, small = self.model.details.card, round(theme.HINT_SIZE * layout.scale)
        width = layout.text.width - round(34 * layout.scale)
        made_from = (card, width, small)
        if made_from != self._card[0]:
            lines = tuple(line for text in card for line in theme.wrapped(chunked(text), small, width, 400))
            self._card = (made_from, lines)
        box = self._card_box(layout)
        fitting = max((box.height - round(16 * layout.scale)) // line_height(layout.scale), 1)
        self.model.card_lines = max(len(self._card[1]) - fitting, 0)
        self.model.scroll(0)

    def _draw_list(self, part: pygame.Surface, layout: Layout) -> None:
        scale, rows = layout.scale, self._rows(layout)
        for row, rect in rows:
            place = rect.move(0, -self._list_top)
            if place.bottom > 0 and place.top < part.height:
                draw_row(part, place, scale, row, chosen=row == self.model.row, lit=row == self._pointed)
        longest = max(rows[-1][1].bottom if rows else 1, 1)
        top, share = self._list_top / longest, part.height / longest
        widgets.draw_thumb(part, part.get_rect(), scale, top, share)

    def _draw_model(self, surface: pygame.Surface, layout: Layout) -> None:
        model, scale = self.model, layout.scale
        if model.entry is not None:
            size = round(theme.HEADING_SIZE * scale)
            name = theme.fitted(model.entry.name, size, layout.heading.width, theme.Face.BOLD)
            theme.draw_text(surface, name, size, theme.TEXT, theme.Face.BOLD, topleft=layout.heading.topleft)
            draw_facts(surface, layout.facts, scale, model.details)
        else:
            _draw_trouble(surface, layout, model.library.hub_sign)
        if model.details.curve:
            self._draw_curve(surface, layout)
        if model.library.history is not None:
            self._draw_history(surface, layout)
        elif model.entry is not None:
            self._draw_card(surface, layout)
        self._draw_strip(surface, layout)
        for button, rect in layout.buttons:
            lit = button is self._pointed
            widgets.draw_button(surface, rect, scale, button.value, lit=lit, letters=theme.BODY_SIZE)

    def _draw_curve(self, surface: pygame.Surface, layout: Layout) -> None:
        scale, small = layout.scale, round(theme.HINT_SIZE * layout.scale)
        if self._curve_of is not self.model.details.curve:
            self._curve_of = self.model.details.curve
            self._curve.update(Training(self._curve_of), (), "")
        chart = layout.chart.copy()
        chart.left += round(32 * scale)
        chart.width -= round(32 * scale)
        chart.height -= line_height(scale)
        learning.draw_chart(surface, chart, scale, self._curve)
        theme.draw_text(surface, "mean return of its training games", small, theme.QUIET, topleft=chart.bottomleft)
        words = millions(self.model.details.curve[-1].steps)
        theme.draw_text(surface, words, small, theme.QUIET, topright=chart.bottomright)

    @property
    def _sign(self) -> str:
        """What stands above the card, or in its place."""
        details = self.model.details
        return details.sign or ("" if any(self._card[1]) or details.curve or not details.facts else "It has no card.")

    def _card_box(self, layout: Layout) -> pygame.Rect:
        """Where the card stands; without height where there is no room for a line of it."""
        box = layout.text.copy()
        if self._sign:
            words = theme.wrapped(self._sign, round(theme.HINT_SIZE * layout.scale), box.width, 3)
            box.top += len(words) * line_height(layout.scale) + round(8 * layout.scale)
        box.height = max(layout.text.bottom - box.top, 0)
        box.height *= any(self._card[1]) and box.height >= 2 * line_height(layout.scale) + round(16 * layout.scale)
        return box

    def _draw_card(self, surface: pygame.Surface, layout: Layout) -> None:
        """As plain text: it is a stranger's."""
        scale, lines, box = layout.scale, self._card[1], self._card_box(layout)
        small, pad = round(theme.HINT_SIZE * scale), round(8 * scale)
        colour = theme.TEXT if self.model.details.sign else theme.QUIET
        for place, words in enumerate(theme.wrapped(self._sign, small, box.width, 3) if self._sign else ()):
            left_top = (box.left, layout.text.top + place * line_height(scale))
            theme.draw_text(surface, words, small, colour, topleft=left_top)
        if not box.height:
            return
        pygame.draw.rect(surface, theme.BACKGROUND, box, border_radius=round(4 * scale))
        part = surface.subsurface(box.inflate(-2 * pad, -2 * pad))
        for place, words in enumerate(lines[self.model.card_line :][: part.height // line_height(scale)]):
            theme.draw_text(part, words, small, theme.TEXT, topleft=(pad // 2, place * line_height(scale)))
        top, share = self.model.card_line / len(lines), 1 - self.model.card_lines / len(lines)
        widgets.draw_thumb(part, part.get_rect(), scale, top, share)

    def _draw_history(self, surface: pygame.Surface, layout: Layout) -> None:
        history, scale = self.model.library.history, layout.scale
        assert history is not None
        small = round(theme.HINT_SIZE * scale)
        words = theme.fitted(_HISTORY, small, layout.text.width, theme.Face.BOLD)
        theme.draw_text(surface, words, small, theme.TEXT, theme.Face.BOLD, topleft=layout.text.topleft)
        part = surface.subsurface(layout.text)
        sign = theme.fitted(history.sign, small, part.width)
        theme.draw_text(part, sign, small, theme.QUIET, topleft=(0, line_height(scale)))
        inner = part.subsurface(pygame.Rect(0, _history_head(scale), part.width, part.height - _history_head(scale)))
        changes = self._changes(layout)
        for place, (change, rect) in enumerate(changes):
            shown = rect.move(0, -_history_head(scale))
            lit = change == self._pointed
            draw_change(inner, shown, scale, change, chosen=place == self.model.change, lit=lit)
        if changes:
            length = len(changes) * changes[0][1].height
            widgets.draw_thumb(inner, inner.get_rect(), scale, self._history_top / length, inner.height / length)

    def _draw_strip(self, surface: pygame.Surface, layout: Layout) -> None:
        scale, small, download = layout.scale, round(theme.HINT_SIZE * layout.scale), self.model.library.download
        lines = strip_lines(self.model, layout.strip.width, scale)
        for place, words in enumerate(lines):
            left_top = (layout.strip.left, layout.strip.top + place * line_height(scale))
            theme.draw_text(surface, words, small, theme.TEXT, topleft=left_top)
        if download is not None and not self.model.deleting:
            bar = pygame.Rect(layout.strip.left, 0, layout.strip.width, round(10 * scale))
            bar.bottom = layout.strip.bottom
            widgets.draw_progress(surface, bar, scale, download.share)

    def _draw_focus(self, surface: pygame.Surface, layout: Layout) -> None:
        model, scale = self.model, layout.scale
        if model.focus is Place.SEARCH:
            widgets.draw_focus(surface, layout.field, scale)
        elif isinstance(model.focus, Action | Button):
            widgets.draw_focus(surface, dict(layout.buttons)[model.focus], scale)
        elif model.focus is Place.CARD:
            widgets.draw_focus(surface, layout.text, scale)
        elif model.focus is Place.LIST:
            rows = self._rows(layout)
            rect = next((rect for row, rect in rows if row == model.row), None)
            if rect is not None:
                _draw_ring(surface, rect.move(layout.list.left, layout.list.top - self._list_top), layout.list, scale)
        else:
            rects = [rect for _, rect in self._changes(layout)]
            if model.change < len(rects):
                _draw_ring(surface, rects[model.change].move(layout.text.topleft), layout.text, scale)


def _draw_trouble(surface: pygame.Surface, layout: Layout, sign: str) -> None:
    """Why nothing of the Hub is shown."""
    scale, small, top = layout.scale, round(theme.HINT_SIZE * layout.scale), layout.heading.bottom
    size, heading = round(theme.HEADING_SIZE * scale), layout.heading.topleft
    theme.draw_text(surface, "The Hub", size, theme.TEXT, theme.Face.BOLD, topleft=heading)
    for words in (*theme.wrapped(chunked(sign), small, layout.heading.width, 6), "", "All else in the list is here."):
        theme.draw_text(surface, words, small, theme.TEXT, topleft=(layout.heading.left, top))
        top += line_height(scale)


def _history_head(scale: float) -> int:
    """The height of what stands above the commits."""
    return 2 * line_height(scale) + round(4 * scale)


def _draw_ring(surface: pygame.Surface, rect: pygame.Rect, room: pygame.Rect, scale: float) -> None:
    """The ring around a row, inside of it; none where the row was scrolled away."""
    if (shown := rect.clip(room)).height > rect.height // 2:
        corner = round(theme.CORNER * scale)
        pygame.draw.rect(surface, theme.FOCUS, shown, width=round(2 * scale), border_radius=corner)
