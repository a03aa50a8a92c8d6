"""Colours, fonts and spacing that all views share. Sizes are in pixels at scale 1, a window of 1280 x 800."""

from __future__ import annotations

from bisect import bisect_left
from enum import Enum
from functools import lru_cache
from pathlib import Path
from typing import Any

import pygame

from models.errors import one_line

BACKGROUND = pygame.Color("#12100E")
PANEL = pygame.Color("#1C1917")
HAIRLINE = pygame.Color("#3A342E")
TEXT = pygame.Color("#ECECEC")
QUIET = pygame.Color("#A8A29E")
LEFT_PLAYER = pygame.Color("#D5824A")
RIGHT_PLAYER = pygame.Color("#5CBA5C")
COURT = pygame.Color("#904811")
FOCUS = pygame.Color("#F2C14E")
PLAYERS = (LEFT_PLAYER, RIGHT_PLAYER)
PUSHED_UP = pygame.Color("#4C9BE8")
PUSHED_DOWN = pygame.Color("#E8743B")

HINT_SIZE, BODY_SIZE, HEADING_SIZE, TITLE_SIZE, SCORE_SIZE = 14, 16, 20, 24, 56
PADDING, GAP = 12, 16
CORNER = 6
DESIGN_SIZE = (1280, 800)
MIN_SIZE = (800, 600)
"""Of the window, in pixels."""
MIN_SCALE = 0.875

_FONTS = Path(__file__).parent / "fonts"


class Face(Enum):
    """A typeface, by its file."""

    REGULAR = "IBMPlexSans-Regular.ttf"
    BOLD = "IBMPlexSans-SemiBold.ttf"
    PIXEL = "PressStart2P-Regular.ttf"


def scale_of(size: tuple[int, int]) -> float:
    """How much larger everything is drawn on a surface of this size than at `DESIGN_SIZE`."""
    return max(min(size[0] / DESIGN_SIZE[0], size[1] / DESIGN_SIZE[1]), MIN_SCALE)


class Font(pygame.font.Font):
    """A font that draws a blank for what cannot be seen: names of folders and of strangers may hold anything."""

    def size(self, text: str) -> tuple[int, int]:  # type: ignore[override] # bytes are never drawn here
        """Width and height of a line."""
        return super().size(_visible(text))

    def render(self, text: str, *how: Any) -> pygame.Surface:  # type: ignore[override] # noqa: ANN401 - likewise
        """A line as a picture."""
        return super().render(_visible(text), *how)


def _visible(text: str) -> str:
    return one_line(text, len(text))


@lru_cache(maxsize=64)
def font(face: Face, size: int) -> Font:
    """A face at a size in pixels."""
    if not pygame.font.get_init():
        pygame.font.init()
    return Font(_FONTS / face.value, size)


def pixel_size(size: float) -> int:
    """The nearest size at which the pixel face, whose letters are drawn on a grid of 8, is sharp."""
    return max(8, 8 * round(size / 8))


@lru_cache(maxsize=4096)
def _rendered(text: str, face: Face, size: int, colour: tuple[int, int, int, int]) -> pygame.Surface:
    return font(face, size).render(text, face is not Face.PIXEL, colour)


def draw_text(
    surface: pygame.Surface,
    text: str,
    size: int,
    colour: pygame.Color = TEXT,
    face: Face = Face.REGULAR,
    **anchor: tuple[int, int],
) -> pygame.Rect:
    """Draws `text` with the named point of its box (`midleft=`, `topright=`, ...) at a place; returns the box."""
    image = _rendered(text, face, size, tuple(colour))
    box = image.get_rect(**anchor)
    if face is Face.PIXEL:
        box.top += size // 16  # The lowest of its eight rows is empty.
    return surface.blit(image, box)


@lru_cache(maxsize=1024)
def width_of(text: str, size: int, face: Face = Face.REGULAR) -> int:
    """The width of a line of text, in pixels."""
    return font(face, size).size(text)[0]


@lru_cache(maxsize=256)
def fitted(text: str, size: int, width: int, face: Face = Face.REGULAR) -> str:
    """`text`, cut with an ellipsis if it is wider than `width` pixels."""
    measure = font(face, size)
    if measure.size(text)[0] <= width:
        return text
    kept = bisect_left(range(1, len(text)), width + 1, key=lambda length: measure.size(text[:length] + "…")[0])
    return text[: max(kept, 1)] + "…"


@lru_cache(maxsize=256)
def wrapped(text: str, size: int, width: int, most: int) -> tuple[str, ...]:
    """`text` in at most `most` lines of at most `width` pixels; text that does not fit is cut with an ellipsis."""
    measure, lines = font(Face.REGULAR, size), [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if len(lines) == most or not lines[-1] or measure.size(longer)[0] <= width:
            lines[-1] = longer
        else:
            lines.append(word)
    return tuple(fitted(line, size, width) for line in lines[:most])


def draw_panel(surface: pygame.Surface, rect: pygame.Rect, scale: float) -> pygame.Rect:
    """Draws a panel's ground; returns the room inside its padding."""
    corner = round(CORNER * scale)
    pygame.draw.rect(surface, PANEL, rect, border_radius=corner)
    pygame.draw.rect(surface, HAIRLINE, rect, width=1, border_radius=corner)
    return rect.inflate(-2 * round(PADDING * scale), -2 * round(PADDING * scale))
