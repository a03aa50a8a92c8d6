"""The library's lines on screen: the rows of its list, the commits of a repository, and a model's facts."""

from __future__ import annotations

from collections.abc import Sequence

import pygame

from app.hub.library import Note, Retry, Row
from app.hub.local import Details, Entry, Section, format_date
from app.hub.remote import Commit
from app.ui import theme
from app.ui.text import break_long_words, draw_lines, line_height

FACT_NAME = 100
"""The width, at scale 1, of the names of facts."""
COMMIT_HEIGHT = 46


def row_rects(rows: Sequence[Row], width: int, scale: float) -> list[tuple[Row, pygame.Rect]]:
    """The rows of the list with their rectangles, measured from its top."""
    placed, top = list[tuple[Row, pygame.Rect]](), 0
    for row in rows:
        height = _height(row, width, scale)
        if isinstance(row, Section) and top:
            top += round(8 * scale)
        placed.append((row, pygame.Rect(0, top, width, height)))
        top += height
    return placed


def _height(row: Row, width: int, scale: float) -> int:
    match row:
        case Section():
            return round(30 * scale)
        case Note():
            return len(_note_lines(row, width, scale)) * line_height(scale) + round(6 * scale)
        case Retry():
            return round(32 * scale)
        case _:
            return round(46 * scale)


def _note_lines(note: Note, width: int, scale: float) -> tuple[str, ...]:
    return theme.wrapped(break_long_words(note.text), round(theme.HINT_SIZE * scale), width - round(28 * scale), 5)


def draw_row(surface: pygame.Surface, rect: pygame.Rect, scale: float, row: Row, *, chosen: bool, lit: bool) -> None:
    """Draws a row of the list: `chosen` if it is in focus, `lit` if the mouse is over it."""
    small, pad = round(theme.HINT_SIZE * scale), round(10 * scale)
    match row:
        case Section():
            place = (rect.left + pad, rect.centery)
            theme.draw_text(surface, row.value, small, theme.QUIET, theme.Face.BOLD, midleft=place)
        case Note():
            lines = _note_lines(row, rect.width, scale)
            draw_lines(surface, lines, (rect.left + pad, rect.top), scale, theme.QUIET)
        case Retry():
            _draw_highlight(surface, rect, scale, chosen=chosen)
            size, colour = round(theme.BODY_SIZE * scale), theme.TEXT if chosen or lit else theme.QUIET
            place = (rect.left + pad, rect.centery)
            theme.draw_text(surface, row.text, size, colour, theme.Face.BOLD, midleft=place)
        case Entry():
            _draw_two_lines(surface, rect, scale, (row.name, row.about), chosen=chosen, lit=lit)


def draw_commit(
    surface: pygame.Surface, rect: pygame.Rect, scale: float, commit: Commit, *, chosen: bool, lit: bool
) -> None:
    """Draws a commit: its title, digits and date, and on the right whether it is downloaded or in use."""
    small = round(theme.HINT_SIZE * scale)
    badge = "in use" if commit.current else "on disk" if commit.kept is not None else ""
    room = rect.copy()
    if badge:
        colour = theme.FOCUS if commit.current else theme.QUIET
        _draw_highlight(surface, rect, scale, chosen=chosen)
        place = (rect.right - round(10 * scale), rect.centery)
        room.width -= theme.draw_text(surface, badge, small, colour, theme.Face.BOLD, midright=place).width
        room.width -= round(10 * scale)
    date = "" if commit.date is None else f", {format_date(commit.date)}"
    texts = (commit.title or "downloaded earlier", f"{commit.id[:7]}{date}")
    _draw_two_lines(surface, room, scale, texts, chosen=chosen, lit=lit, highlight=not badge)


def _draw_two_lines(
    surface: pygame.Surface,
    rect: pygame.Rect,
    scale: float,
    texts: tuple[str, str],
    *,
    chosen: bool,
    lit: bool,
    highlight: bool = True,
) -> None:
    """A bold line with a quiet one below it."""
    if highlight:
        _draw_highlight(surface, rect, scale, chosen=chosen)
    size, small, pad = round(theme.BODY_SIZE * scale), round(theme.HINT_SIZE * scale), round(10 * scale)
    room, above, below = rect.width - 2 * pad, *texts
    name = theme.fitted(above, size, room, theme.Face.BOLD)
    colour = theme.TEXT if chosen or lit else theme.QUIET
    place = (rect.left + pad, rect.top + round(14 * scale))
    theme.draw_text(surface, name, size, colour, theme.Face.BOLD, midleft=place)
    place = (rect.left + pad, rect.top + round(33 * scale))
    theme.draw_text(surface, theme.fitted(below, small, room), small, theme.QUIET, midleft=place)


def _draw_highlight(surface: pygame.Surface, rect: pygame.Rect, scale: float, *, chosen: bool) -> None:
    if chosen:
        pygame.draw.rect(surface, theme.HAIRLINE, rect, border_radius=round(theme.CORNER * scale))


def fact_lines(details: Details, width: int, scale: float) -> list[tuple[str, ...]]:
    """The value of each fact, wrapped to fit beside its name."""
    small, room = round(theme.HINT_SIZE * scale), width - round(FACT_NAME * scale)
    return [theme.wrapped(break_long_words(text), small, room, 2) for _, text in details.facts]


def facts_height(details: Details, width: int, scale: float) -> int:
    """The height of the facts at this width."""
    return sum(len(lines) * line_height(scale) + round(3 * scale) for lines in fact_lines(details, width, scale))


def draw_facts(surface: pygame.Surface, rect: pygame.Rect, scale: float, details: Details) -> None:
    """Draws the names and values of the facts."""
    small, top = round(theme.HINT_SIZE * scale), rect.top
    for (name, _), lines in zip(details.facts, fact_lines(details, rect.width, scale), strict=True):
        theme.draw_text(surface, name, small, theme.QUIET, topleft=(rect.left, top))
        top = draw_lines(surface, lines, (rect.left + round(FACT_NAME * scale), top), scale) + round(3 * scale)
