"""Lines of small text, and texts longer than their box."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate, groupby, zip_longest
from typing import TypeAlias

import pygame

from app.ui import theme
from app.ui.widgets import Scroll, draw_thumb
from models.card_text import Line, Row

_MAX_WORD = 40
"""Longer words, as a downloaded card may have, are broken."""
_MAX_LINES = 400
"""The longest paragraph that is shown."""

Pieces: TypeAlias = tuple[tuple[int, str], ...]
"""What stands in a line, each with its distance from the left, in pixels."""


def line_height(scale: float) -> int:
    """The height of a line of small text, in pixels."""
    return theme.font(theme.Face.REGULAR, round(theme.HINT_SIZE * scale)).get_linesize()


def break_long_words(text: str) -> str:
    """`text` with very long words broken into pieces that fit a line."""
    return " ".join(
        word[start : start + _MAX_WORD] for word in text.split(" ") for start in range(0, max(len(word), 1), _MAX_WORD)
    )


def draw_lines(
    surface: pygame.Surface,
    lines: Iterable[str],
    topleft: tuple[int, int],
    scale: float,
    colour: pygame.Color = theme.TEXT,
) -> int:
    """Draws lines of small text below each other; returns the top of the next line."""
    small, (left, top) = round(theme.HINT_SIZE * scale), topleft
    for line in lines:
        theme.draw_text(surface, line, small, colour, topleft=(left, top))
        top += line_height(scale)
    return top


class LongText:
    """Paragraphs of plain text, wrapped, and tables, in columns; scrolled in a box."""

    def __init__(self) -> None:
        self.lines: tuple[Pieces, ...] = ()
        self._fitted_for: tuple[object, ...] = ()
        """The arguments that `lines` were made from."""

    def fit(self, paragraphs: Sequence[Line], box: pygame.Rect, scale: float, scroll: Scroll) -> None:
        """Wraps the paragraphs for this box, and sets the length and room of `scroll` in lines."""
        small, width = round(theme.HINT_SIZE * scale), box.width - round(34 * scale)
        if (paragraphs, width, small) != self._fitted_for:
            self._fitted_for = (paragraphs, width, small)
            self.lines = tuple(_in_width(paragraphs, small, width))
        scroll.fit(len(self.lines), lines_in(box, scale))

    def draw(self, surface: pygame.Surface, box: pygame.Rect, scale: float, scroll: Scroll) -> None:
        """Draws the lines that `scroll` shows."""
        part = draw_text_box(surface, box, scale)
        left, small = _padding(scale) // 4, round(theme.HINT_SIZE * scale)
        for place, pieces in enumerate(self.lines[scroll.top : scroll.top + scroll.room]):
            for indent, text in pieces:
                theme.draw_text(part, text, small, topleft=(left + indent, place * line_height(scale)))
        draw_thumb(part, scale, scroll)


def _in_width(paragraphs: Iterable[Line], size: int, width: int) -> Iterator[Pieces]:
    """The lines of paragraphs and tables, no wider than `width` pixels."""
    for in_table, group in groupby(paragraphs, lambda paragraph: isinstance(paragraph, tuple)):
        if in_table:
            yield from _table([row for row in group if isinstance(row, tuple)], size, width)
        else:
            for text in group:
                assert isinstance(text, str)
                yield from _paragraph(text, size, width)


def _paragraph(text: str, size: int, width: int) -> Iterator[Pieces]:
    """Its lines, all as far from the left as the first."""
    indent = min(theme.width_of(text[: len(text) - len(text.lstrip())], size), width // 2)
    for line in theme.wrapped(break_long_words(text), size, width - indent, _MAX_LINES):
        yield ((indent, line),)


def _table(rows: Sequence[Row], size: int, width: int) -> Iterator[Pieces]:
    """Rows in columns; if there is no room for that, each row as a paragraph."""
    columns = zip_longest(*rows, fillvalue="")
    widths = [max(theme.width_of(cell, size) for cell in column) for column in columns]
    gap = 2 * size
    lefts = [0, *accumulate(width + gap for width in widths)]
    if lefts[-1] - gap <= width:
        for row in rows:
            yield tuple(zip(lefts, row, strict=False))
    else:
        for row in rows:
            yield from _paragraph(", ".join(filter(None, row)), size, width)


def draw_text_box(surface: pygame.Surface, box: pygame.Rect, scale: float) -> pygame.Surface:
    """Draws the background of a text box; returns the part of the surface inside its padding."""
    pygame.draw.rect(surface, theme.BACKGROUND, box, border_radius=round(4 * scale))
    return surface.subsurface(box.inflate(-_padding(scale), -_padding(scale)))


def lines_in(box: pygame.Rect, scale: float) -> int:
    """The number of lines of small text that fit into a box; at least 1."""
    return max((box.height - _padding(scale)) // line_height(scale), 1)


def _padding(scale: float) -> int:
    """The padding of a text box, both sides together."""
    return 2 * round(8 * scale)
