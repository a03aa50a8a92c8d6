"""Lines of small text, and texts longer than their box."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pygame

from app.ui import theme
from app.ui.widgets import Scroll, draw_thumb

_MAX_WORD = 40
"""Longer words, as a downloaded card may have, are broken."""
_MAX_LINES = 400
"""The longest paragraph that is shown."""


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
    """Paragraphs of plain text, wrapped and scrolled in a box."""

    def __init__(self) -> None:
        self.lines: tuple[str, ...] = ()
        self._fitted_for: tuple[object, ...] = ()
        """The arguments that `lines` were made from."""

    def fit(self, paragraphs: Sequence[str], box: pygame.Rect, scale: float, scroll: Scroll) -> None:
        """Wraps the paragraphs for this box, and sets the length and room of `scroll` in lines."""
        small, width = round(theme.HINT_SIZE * scale), box.width - round(34 * scale)
        if (paragraphs, width, small) != self._fitted_for:
            self._fitted_for = (paragraphs, width, small)
            self.lines = tuple(
                line for text in paragraphs for line in theme.wrapped(break_long_words(text), small, width, _MAX_LINES)
            )
        scroll.fit(len(self.lines), lines_in(box, scale))

    def draw(self, surface: pygame.Surface, box: pygame.Rect, scale: float, scroll: Scroll) -> None:
        """Draws the lines that `scroll` shows."""
        part = draw_text_box(surface, box, scale)
        draw_lines(part, self.lines[scroll.top : scroll.top + scroll.room], (_padding(scale) // 4, 0), scale)
        draw_thumb(part, part.get_rect(), scale, scroll)


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
