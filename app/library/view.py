"""Draws the library: a list of models on the left, the one in focus on the right."""

from __future__ import annotations

from collections.abc import Sequence

import pygame

from app.hub.library import Retry, Row
from app.hub.local import Entry
from app.hub.remote import Commit
from app.library.layout import LibraryLayout, strip_lines
from app.library.rows import COMMIT_HEIGHT, draw_commit, draw_facts, draw_row, row_rects
from app.library.selection import LibraryArea, LibraryModel, LibraryTarget
from app.screen import Request
from app.ui import charts, theme, widgets
from app.ui.bindings import BINDINGS, Binding, Context
from app.ui.numbers import millions
from app.ui.text import LongText, break_long_words, draw_lines, line_height
from models.run_directory import CurvePoint
from models.spec import POINTS_TO_WIN

TITLE = "MODELS"
_HISTORY = "Revisions, newest first. Choose the one to use."


class LibraryView:
    """Shows the library, and passes the mouse on to its model. Positions are in a surface of `size`."""

    def __init__(self, model: LibraryModel, table: Sequence[Binding] = BINDINGS) -> None:
        self.model = model
        self._table = table
        self._card = LongText()
        self._curve: charts.Shares = ()
        self._curve_of: tuple[CurvePoint, ...] | None = None

    @property
    def context(self) -> Context:
        """What keys mean now."""
        return Context.TYPING if self.model.typing else Context.MENU

    def point(self, position: tuple[int, int], size: tuple[int, int]) -> None:
        """Follows the mouse."""
        self.lay_out(size)
        self.model.focus.point(position)

    def click(self, position: tuple[int, int], size: tuple[int, int]) -> Request | None:
        """Acts on a click; returns the request that follows, if any."""
        self.lay_out(size)
        return self.model.click(self.model.focus.at(position))

    def wheel(self, position: tuple[int, int], size: tuple[int, int], notches: int) -> None:
        """Scrolls what the mouse is over; down if `notches` is positive."""
        self.lay_out(size)
        self.model.focus.wheel(position, notches)

    def draw(self, surface: pygame.Surface) -> None:
        """Draws everything."""
        model, layout = self.model, self.lay_out(surface.size)
        scale, focus = layout.scale, model.focus
        surface.fill(theme.BACKGROUND)
        size = theme.pixel_size(theme.TITLE_SIZE * scale)
        theme.draw_text(surface, TITLE, size, theme.TEXT, theme.Face.PIXEL, midleft=layout.title.midleft)
        small, place = round(theme.HINT_SIZE * scale), layout.title.midright
        theme.draw_text(surface, model.library.hub_summary, small, theme.QUIET, midright=place)
        lit = focus.pointed is model.field
        empty = "Search by name"
        widgets.draw_field(surface, layout.field, scale, model.field, typing=model.typing, empty=empty, lit=lit)
        theme.draw_panel(surface, layout.list.inflate(2 * round(6 * scale), 2 * round(6 * scale)), scale)
        self._draw_list(surface.subsurface(layout.list), layout)
        theme.draw_panel(surface, layout.panel, scale)
        self._draw_model(surface, layout)
        if focus.rect is not None and focus.group in (LibraryArea.LIST, LibraryArea.HISTORY):
            _draw_ring(surface, focus.rect, scale)
        elif focus.rect is not None:
            widgets.draw_focus(surface, focus.rect, scale)
        hints = widgets.hints(self._table, model.hints, self.context)
        widgets.draw_hints(surface, layout.hints, scale, hints)

    def lay_out(self, size: tuple[int, int]) -> LibraryLayout:
        """The layout on a surface of this size; also passes it on to the focus."""
        model, layout = self.model, LibraryLayout.of(size, self.model)
        focus, scale = model.focus, layout.scale
        focus.clear()
        focus.place(LibraryArea.SEARCH, [(model.field, layout.field)])
        focus.place(LibraryArea.BUTTONS, layout.buttons)
        rows = self._rows(layout)
        choosable: list[tuple[LibraryTarget, pygame.Rect]] = [
            (row, rect) for row, rect in rows if isinstance(row, Entry | Retry)
        ]
        model.list_scroll.step = 3 * round(22 * scale)
        length = rows[-1][1].bottom if rows else 0
        focus.place_rows(LibraryArea.LIST, layout.list, choosable, length, margin=round(8 * scale))
        if model.library.history is not None:
            commits = self._commits(layout)
            model.history_scroll.step = 3 * round(22 * scale)
            length = commits[-1][1].bottom if commits else 0
            focus.place_rows(LibraryArea.HISTORY, _history_box(layout), commits, length)
        else:
            self._card.fit(model.details.card, self._card_box(layout), scale, model.card_scroll)
            focus.place(LibraryArea.CARD, [(LibraryArea.CARD, layout.text)])
            model.settle()  # Only now is it known whether the card is longer than its box, and so can be in focus.
        return layout

    def _rows(self, layout: LibraryLayout) -> list[tuple[Row, pygame.Rect]]:
        """Each row with its rectangle, measured from the list's top; leaves room for the scroll bar."""
        return row_rects(self.model.library.rows, layout.list.width - round(10 * layout.scale), layout.scale)

    def _commits(self, layout: LibraryLayout) -> list[tuple[Commit, pygame.Rect]]:
        """Each commit with its rectangle, measured from the history's top."""
        history, height = self.model.library.history, round(COMMIT_HEIGHT * layout.scale)
        commits = () if history is None else history.commits
        width = layout.text.width - round(10 * layout.scale)
        return [(each, pygame.Rect(0, place * height, width, height)) for place, each in enumerate(commits)]

    def _draw_list(self, part: pygame.Surface, layout: LibraryLayout) -> None:
        scale, model = layout.scale, self.model
        for row, rect in self._rows(layout):
            place = rect.move(0, -model.list_scroll.top)
            if place.bottom > 0 and place.top < part.height:
                draw_row(part, place, scale, row, chosen=row == model.row, lit=row == model.focus.pointed)
        widgets.draw_thumb(part, scale, model.list_scroll)

    def _draw_model(self, surface: pygame.Surface, layout: LibraryLayout) -> None:
        model, scale = self.model, layout.scale
        if model.entry is not None:
            size = round(theme.HEADING_SIZE * scale)
            name = theme.fitted(model.entry.name, size, layout.heading.width, theme.Face.BOLD)
            theme.draw_text(surface, name, size, theme.TEXT, theme.Face.BOLD, topleft=layout.heading.topleft)
            draw_facts(surface, layout.facts, scale, model.details)
        else:
            _draw_hub_problem(surface, layout, model.library.hub_status)
        if model.details.curve:
            self._draw_curve(surface, layout)
        if model.library.history is not None:
            self._draw_history(surface, layout)
        elif model.entry is not None:
            self._draw_card(surface, layout)
        self._draw_strip(surface, layout)
        for button, rect in layout.buttons:
            lit = button is model.focus.pointed
            widgets.draw_button(surface, rect, scale, button.value, lit=lit, letters=theme.BODY_SIZE)

    def _draw_curve(self, surface: pygame.Surface, layout: LibraryLayout) -> None:
        scale, small, curve = layout.scale, round(theme.HINT_SIZE * layout.scale), self.model.details.curve
        if self._curve_of is not curve:
            self._curve_of = curve
            points = [(point.steps, point.mean_return) for point in curve]
            self._curve = charts.curve_shares(points, max(curve[-1].steps, 1), POINTS_TO_WIN)
        chart = layout.chart.copy()
        chart.left += round(32 * scale)
        chart.width -= round(32 * scale)
        chart.height -= line_height(scale)
        charts.draw_curve(surface, chart, scale, self._curve, limit=POINTS_TO_WIN)
        theme.draw_text(surface, "mean return during training", small, theme.QUIET, topleft=chart.bottomleft)
        theme.draw_text(surface, millions(curve[-1].steps), small, theme.QUIET, topright=chart.bottomright)

    @property
    def _status(self) -> str:
        """The line above the card, or in its place."""
        details = self.model.details
        missing = details.facts and not details.curve and not any(details.card)
        return details.note or ("This model has no card." if missing else "")

    def _card_box(self, layout: LibraryLayout) -> pygame.Rect:
        """The card's box; its height is 0 if not even a line fits."""
        box = layout.text.copy()
        if self._status:
            lines = theme.wrapped(self._status, round(theme.HINT_SIZE * layout.scale), box.width, 3)
            box.top += len(lines) * line_height(layout.scale) + round(8 * layout.scale)
        box.height = max(layout.text.bottom - box.top, 0)
        enough = box.height >= 2 * line_height(layout.scale) + round(16 * layout.scale)
        box.height *= any(self.model.details.card) and enough
        return box

    def _draw_card(self, surface: pygame.Surface, layout: LibraryLayout) -> None:
        scale, box = layout.scale, self._card_box(layout)
        colour = theme.TEXT if self.model.details.note else theme.QUIET
        lines = theme.wrapped(self._status, round(theme.HINT_SIZE * scale), box.width, 3)
        draw_lines(surface, lines, layout.text.topleft, scale, colour)
        if box.height:
            self._card.draw(surface, box, scale, self.model.card_scroll)

    def _draw_history(self, surface: pygame.Surface, layout: LibraryLayout) -> None:
        history, scale, model = self.model.library.history, layout.scale, self.model
        assert history is not None
        small = round(theme.HINT_SIZE * scale)
        heading = theme.fitted(_HISTORY, small, layout.text.width, theme.Face.BOLD)
        theme.draw_text(surface, heading, small, theme.TEXT, theme.Face.BOLD, topleft=layout.text.topleft)
        status = theme.fitted(history.status, small, layout.text.width)
        place = (layout.text.left, layout.text.top + line_height(scale))
        theme.draw_text(surface, status, small, theme.QUIET, topleft=place)
        part = surface.subsurface(_history_box(layout))
        for commit, rect in self._commits(layout):
            chosen, lit = commit == model.commit, commit == model.focus.pointed
            draw_commit(part, rect.move(0, -model.history_scroll.top), scale, commit, chosen=chosen, lit=lit)
        widgets.draw_thumb(part, scale, model.history_scroll)

    def _draw_strip(self, surface: pygame.Surface, layout: LibraryLayout) -> None:
        scale, download = layout.scale, self.model.library.download
        draw_lines(surface, strip_lines(self.model, layout.strip.width, scale), layout.strip.topleft, scale)
        if download is not None and not self.model.deleting:
            bar = pygame.Rect(layout.strip.left, 0, layout.strip.width, round(10 * scale))
            bar.bottom = layout.strip.bottom
            widgets.draw_bar(surface, bar, scale, download.share)


def _draw_hub_problem(surface: pygame.Surface, layout: LibraryLayout, problem: str) -> None:
    """Why no models of the Hub are shown."""
    scale, small = layout.scale, round(theme.HINT_SIZE * layout.scale)
    size, heading = round(theme.HEADING_SIZE * scale), layout.heading.topleft
    theme.draw_text(surface, "The Hub", size, theme.TEXT, theme.Face.BOLD, topleft=heading)
    lines = theme.wrapped(break_long_words(problem), small, layout.heading.width, 6)
    lines = (*lines, "", "The other models in the list are on this machine.")
    draw_lines(surface, lines, layout.heading.bottomleft, scale)


def _history_box(layout: LibraryLayout) -> pygame.Rect:
    """The box of the commits, below two lines of text."""
    head = 2 * line_height(layout.scale) + round(4 * layout.scale)
    return pygame.Rect(layout.text.left, layout.text.top + head, layout.text.width, layout.text.height - head)


def _draw_ring(surface: pygame.Surface, rect: pygame.Rect, scale: float) -> None:
    """The focus ring, drawn inside a row of a list."""
    corner = round(theme.CORNER * scale)
    pygame.draw.rect(surface, theme.FOCUS, rect, width=round(2 * scale), border_radius=corner)
