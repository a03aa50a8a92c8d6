"""Lines of small text, and texts that are longer than their box."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pygame

from app.ui import theme
from app.ui.widgets import Scroll, draw_thumb

_LONGEST_WORD = 40
"""Letters of a stranger's word after which it is cut in two."""
_MOST_LINES = 400
"""Of one paragraph."""


def line_height(scale: float) -> int:
    """The height of a line of small text, in pixels."""
    return theme.font(theme.Face.REGULAR, round(theme.HINT_SIZE * scale)).get_linesize()


def chunked(text: str) -> str:
    """`text` with words that are too long for a line cut into pieces."""
    return " ".join(
        word[start : start + _LONGEST_WORD]
        for word in text.split(" ")
        for start in range(0, max(len(word), 1), _LONGEST_WORD)
    )


def draw_lines(
    surface: pygame.Surface,
    lines: Iterable[str],
    topleft: tuple[int, int],
    scale: float,
    colour: pygame.Color = theme.TEXT,
) -> int:
    """Draws lines of small text one below the other; gives where the next would begin."""
    small, (left, top) = round(theme.HINT_SIZE * scale), topleft
    for line in lines:
        theme.draw_text(surface, line, small, colour, topleft=(left, top))
        top += line_height(scale)
    return top


class LongText:
    """Paragraphs in a box, cut into lines of its width and scrolled; plain text, since it may be a stranger's."""

    def __init__(self) -> None:
        self.lines: tuple[str, ...] = ()
        self._cut: tuple[object, ...] = ()
        """What the lines were made from."""

    def fit(self, paragraphs: Sequence[str], box: pygame.Rect, scale: float, scroll: Scroll) -> None:
        """Cuts the paragraphs into lines for this box, and tells `scroll` how many there are and how many fit."""
        small, width = round(theme.HINT_SIZE * scale), box.width - round(34 * scale)
        if (paragraphs, width, small) != self._cut:
            self._cut = (paragraphs, width, small)
            self.lines = tuple(
                line for text in paragraphs for line in theme.wrapped(chunked(text), small, width, _MOST_LINES)
            )
        scroll.fit(len(self.lines), lines_in(box, scale))

    def draw(self, surface: pygame.Surface, box: pygame.Rect, scale: float, scroll: Scroll) -> None:
        """Draws the lines that `scroll` shows."""
        part = draw_text_box(surface, box, scale)
        draw_lines(part, self.lines[scroll.top : scroll.top + scroll.room], (_padding(scale) // 4, 0), scale)
        draw_thumb(part, part.get_rect(), scale, scroll)


def draw_text_box(surface: pygame.Surface, box: pygame.Rect, scale: float) -> pygame.Surface:
    """Draws the ground for lines of text; gives the part of the surface inside its padding."""
    pygame.draw.rect(surface, theme.BACKGROUND, box, border_radius=round(4 * scale))
    return surface.subsurface(box.inflate(-_padding(scale), -_padding(scale)))


def lines_in(box: pygame.Rect, scale: float) -> int:
    """How many lines of small text a box has room for; 1 at least."""
    return max((box.height - _padding(scale)) // line_height(scale), 1)


def _padding(scale: float) -> int:
    """Of a box of text, both sides together."""
    return 2 * round(8 * scale)
