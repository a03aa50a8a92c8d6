"""The library's lines on screen: the rows of its list, the commits of a repository, and a model's facts."""

from __future__ import annotations

from collections.abc import Sequence

import pygame

from app.hub.library import Again, Note, Row
from app.hub.local import Details, Entry, Section, date_words
from app.hub.remote import Change
from app.ui import theme
from app.ui.text import chunked, draw_lines, line_height

FACT_NAME = 100
"""The width, at scale 1, in front of a fact."""
CHANGE_HEIGHT = 46


def places(rows: Sequence[Row], width: int, scale: float) -> list[tuple[Row, pygame.Rect]]:
    """Where each row of the list stands, from its top."""
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
        case Again():
            return round(32 * scale)
        case _:
            return round(46 * scale)


def _note_lines(note: Note, width: int, scale: float) -> tuple[str, ...]:
    return theme.wrapped(chunked(note.text), round(theme.HINT_SIZE * scale), width - round(28 * scale), 5)


def draw_row(
    surface: pygame.Surface, rect: pygame.Rect, scale: float, row: Row, *, chosen: bool = False, lit: bool = False
) -> None:
    """Draws a row of the list; `chosen` is for what is in focus, `lit` for what the mouse is over."""
    small, pad = round(theme.HINT_SIZE * scale), round(10 * scale)
    match row:
        case Section():
            place = (rect.left + pad, rect.centery)
            theme.draw_text(surface, row.value, small, theme.QUIET, theme.Face.BOLD, midleft=place)
        case Note():
            lines = _note_lines(row, rect.width, scale)
            draw_lines(surface, lines, (rect.left + pad, rect.top), scale, theme.QUIET)
        case Again():
            _draw_ground(surface, rect, scale, chosen=chosen)
            size, colour = round(theme.BODY_SIZE * scale), theme.TEXT if chosen or lit else theme.QUIET
            place = (rect.left + pad, rect.centery)
            theme.draw_text(surface, row.text, size, colour, theme.Face.BOLD, midleft=place)
        case Entry():
            _draw_two(surface, rect, scale, (row.name, row.about), chosen=chosen, lit=lit)


def draw_change(
    surface: pygame.Surface, rect: pygame.Rect, scale: float, change: Change, *, chosen: bool, lit: bool
) -> None:
    """Draws a commit: its title, its first digits and its day; at right whether it is downloaded."""
    small = round(theme.HINT_SIZE * scale)
    status = "in use" if change.current else "downloaded" if change.kept is not None else ""
    room = rect.copy()
    if status:
        colour = theme.FOCUS if change.current else theme.QUIET
        _draw_ground(surface, rect, scale, chosen=chosen)
        place = (rect.right - round(10 * scale), rect.centery)
        room.width -= theme.draw_text(surface, status, small, colour, theme.Face.BOLD, midright=place).width
        room.width -= round(10 * scale)
    when = "" if change.when is None else f", {date_words(change.when)}"
    lines = (change.title or "Earlier download", f"{change.commit[:7]}{when}")
    _draw_two(surface, room, scale, lines, chosen=chosen, lit=lit, ground=not status)


def _draw_two(
    surface: pygame.Surface,
    rect: pygame.Rect,
    scale: float,
    lines: tuple[str, str],
    *,
    chosen: bool,
    lit: bool,
    ground: bool = True,
) -> None:
    """A line, and a quiet one below it."""
    if ground:
        _draw_ground(surface, rect, scale, chosen=chosen)
    size, small, pad = round(theme.BODY_SIZE * scale), round(theme.HINT_SIZE * scale), round(10 * scale)
    room, above, below = rect.width - 2 * pad, *lines
    name = theme.fitted(above, size, room, theme.Face.BOLD)
    colour = theme.TEXT if chosen or lit else theme.QUIET
    place = (rect.left + pad, rect.top + round(14 * scale))
    theme.draw_text(surface, name, size, colour, theme.Face.BOLD, midleft=place)
    place = (rect.left + pad, rect.top + round(33 * scale))
    theme.draw_text(surface, theme.fitted(below, small, room), small, theme.QUIET, midleft=place)


def _draw_ground(surface: pygame.Surface, rect: pygame.Rect, scale: float, *, chosen: bool) -> None:
    if chosen:
        pygame.draw.rect(surface, theme.HAIRLINE, rect, border_radius=round(theme.CORNER * scale))


def fact_lines(details: Details, width: int, scale: float) -> list[tuple[str, ...]]:
    """What each fact says, in lines that have room beside its name."""
    small, room = round(theme.HINT_SIZE * scale), width - round(FACT_NAME * scale)
    return [theme.wrapped(chunked(text), small, room, 2) for _, text in details.facts]


def facts_height(details: Details, width: int, scale: float) -> int:
    """How high the facts are in this width."""
    return sum(len(lines) * line_height(scale) + round(3 * scale) for lines in fact_lines(details, width, scale))


def draw_facts(surface: pygame.Surface, rect: pygame.Rect, scale: float, details: Details) -> None:
    """Draws what each fact is called, and what it is."""
    small, top = round(theme.HINT_SIZE * scale), rect.top
    for (name, _), lines in zip(details.facts, fact_lines(details, rect.width, scale), strict=True):
        theme.draw_text(surface, name, small, theme.QUIET, topleft=(rect.left, top))
        top = draw_lines(surface, lines, (rect.left + round(FACT_NAME * scale), top), scale) + round(3 * scale)
