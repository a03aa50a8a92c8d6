"""The widgets of all screens: choices, buttons, text fields, scroll bars, the focus ring, key hints, toasts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import Generic, TypeVar

import pygame

from app.ui import bindings, theme
from app.ui.bindings import Binding, Command, Context
from app.ui.devices import REPEAT_AFTER

T = TypeVar("T")

TOAST_SECONDS = 2.5
READ_PER_SECOND = 25
"""Letters."""
FADE_SECONDS = 0.25
MAX_TEXT = 100
"""Characters in a text field."""
EDIT_REPEAT_SECONDS = 0.04
"""Interval at which a held editing key repeats."""
_TOAST_LINES = 4
_ARROW = 24
"""The width, at scale 1, of the space for an arrow at either end of a choice."""


class Choice(Generic[T]):
    """One value of an ordered list of values."""

    def __init__(self, name: str, values: Sequence[T], chosen: T, label: Callable[[T], str] = str) -> None:
        self.name = name
        self.values = tuple(values)
        self._place = self.values.index(chosen)
        self._label = label

    @property
    def value(self) -> T:
        """The chosen value."""
        return self.values[self._place]

    @property
    def text(self) -> str:
        """The label of the chosen value."""
        return self._label(self.value)

    def can_step(self, by: int) -> bool:
        """Whether there is a value `by` places further."""
        return 0 <= self._place + by < len(self.values)

    def step(self, by: int) -> None:
        """Chooses the value `by` places further; does nothing if there is none."""
        if self.can_step(by):
            self._place += by

    def cycle(self) -> None:
        """Chooses the next value, and after the last the first."""
        self._place = (self._place + 1) % len(self.values)


class Scroll:
    """Which part of something longer than its box is shown. Units are lines or pixels."""

    def __init__(self) -> None:
        self.top = 0
        """The first line or pixel shown."""
        self.length = 0
        self.room = 0
        self.step = 3
        """How far an arrow key or a notch of the wheel scrolls."""
        self._followed: tuple[object, ...] = ()

    @property
    def max_top(self) -> int:
        """The largest possible `top`; 0 if everything is shown."""
        return max(self.length - self.room, 0)

    def fit(self, length: int, room: int) -> None:
        """Sets the length of the content and the room to show it."""
        self.length, self.room = length, room
        self.by(0)

    def by(self, distance: int) -> bool:
        """Scrolls down, or up if negative, as far as the ends allow; returns whether anything moved."""
        before, self.top = self.top, min(max(self.top + distance, 0), self.max_top)
        return self.top != before

    def follow(self, place: int, start: int, end: int) -> None:
        """Scrolls to the item at `place`, from `start` to `end`, if it has moved since the last call.

        Until it moves again, the wheel may scroll it out of sight.
        """
        now = (place, start, end, self.room)
        if now != self._followed:
            self._followed = now
            self.top = min(max(self.top, end - self.room), start)
            self.by(0)


class TextField:
    """An editable line of text of up to `MAX_TEXT` characters."""

    def __init__(self, text: str = "") -> None:
        self.text = text
        self.caret = len(text)
        """The number of characters before it."""
        self._held = 0
        """The editing key that is held; 0 if none."""
        self._repeat_in = 0.0

    def fill(self, text: str) -> None:
        """Replaces the text."""
        self.text = text[:MAX_TEXT]
        self.caret = len(self.text)

    def take(self, event: pygame.Event) -> bool:
        """Edits the text; returns whether the event was for the field, rather than a command. Ctrl+V pastes.

        A letter arrives twice: as a key, which is only kept from acting as a command, and as text.
        """
        if event.type == pygame.TEXTINPUT:
            self._insert(event.text)
            return True
        if event.type == pygame.KEYUP and event.key == self._held:
            self.release()
        if event.type != pygame.KEYDOWN:
            return False
        if event.mod & pygame.KMOD_CTRL and event.key == pygame.K_v:
            with suppress(pygame.error):
                self._insert(pygame.scrap.get_text())
            return True
        if self._edit(event.key):
            self._held, self._repeat_in = event.key, REPEAT_AFTER
            return True
        return bool(event.unicode) and event.unicode.isprintable()

    def repeat(self, elapsed: float) -> None:
        """Repeats the held editing key when that is due; call it once a frame."""
        self._repeat_in -= elapsed
        if self._held and self._repeat_in <= 0:
            self._repeat_in = EDIT_REPEAT_SECONDS
            self._edit(self._held)

    def release(self) -> None:
        """Forgets the held key."""
        self._held = 0

    def _edit(self, key: int) -> bool:
        match key:
            case pygame.K_BACKSPACE:
                self.text = self.text[: max(self.caret - 1, 0)] + self.text[self.caret :]
                self.caret = max(self.caret - 1, 0)
            case pygame.K_DELETE:
                self.text = self.text[: self.caret] + self.text[self.caret + 1 :]
            case pygame.K_LEFT:
                self.caret = max(self.caret - 1, 0)
            case pygame.K_RIGHT:
                self.caret = min(self.caret + 1, len(self.text))
            case pygame.K_HOME:
                self.caret = 0
            case pygame.K_END:
                self.caret = len(self.text)
            case _:
                return False
        return True

    def _insert(self, text: str) -> None:
        typed = "".join(filter(str.isprintable, text))[: MAX_TEXT - len(self.text)]
        self.text = self.text[: self.caret] + typed + self.text[self.caret :]
        self.caret += len(typed)


def columns(rect: pygame.Rect, count: int, gap: int) -> list[pygame.Rect]:
    """Divides `rect` into `count` columns of equal width with gaps between them."""
    width = (rect.width - gap * (count - 1)) // count
    return [pygame.Rect(rect.left + place * (width + gap), rect.top, width, rect.height) for place in range(count)]


def flow(rect: pygame.Rect, widths: Iterable[int], height: int, gap: int) -> list[pygame.Rect]:
    """Rectangles of these widths from the left, in as many rows as they need, aligned to the bottom of `rect`."""
    places, left, row = [], rect.left, 0
    for width in widths:
        if left > rect.left and left + width > rect.right:
            left, row = rect.left, row + 1
        places.append(pygame.Rect(left, row * (height + gap), width, height))
        left += width + gap
    return [place.move(0, rect.bottom - row * (height + gap) - height) for place in places]


def value_box(rect: pygame.Rect, choice: Choice[T]) -> pygame.Rect:
    """The part of a choice's row for its value and arrows: beside its name, or all of it if it has none."""
    left = rect.left + round(0.4 * rect.width) if choice.name else rect.left
    return pygame.Rect(left, rect.top, rect.right - left, rect.height)


def step_at(rect: pygame.Rect, choice: Choice[T], position: tuple[int, int]) -> int:
    """The step a click makes: -1 on the left half of the value, 1 on the right half, 0 on the name."""
    box = value_box(rect, choice)
    if not box.collidepoint(position):
        return 0
    return -1 if position[0] < box.centerx else 1


def draw_choice(surface: pygame.Surface, rect: pygame.Rect, scale: float, choice: Choice[T], *, lit: bool) -> None:
    """Draws the choice's name, and its value between two arrows; `lit` if the mouse is over it."""
    box, small = value_box(rect, choice), round(theme.HINT_SIZE * scale)
    if choice.name:
        name = theme.fitted(choice.name, small, box.left - rect.left - round(4 * scale))
        theme.draw_text(surface, name, small, theme.QUIET, midleft=rect.midleft)
    size = round(theme.BODY_SIZE * scale)
    corner, arrow = round(4 * scale), round(_ARROW * scale)
    pygame.draw.rect(surface, theme.BACKGROUND, box, border_radius=corner)
    pygame.draw.rect(surface, theme.QUIET if lit else theme.HAIRLINE, box, width=1, border_radius=corner)
    text = theme.fitted(choice.text, size, box.width - 2 * arrow, theme.Face.BOLD)
    theme.draw_text(surface, text, size, theme.TEXT, theme.Face.BOLD, center=box.center)
    for step, column in ((-1, box.left + arrow // 2), (1, box.right - arrow // 2)):
        colour = theme.TEXT if choice.can_step(step) else theme.HAIRLINE
        _draw_arrow(surface, pygame.Vector2(column, box.centery), step * 5 * scale, colour)


def _draw_arrow(surface: pygame.Surface, centre: pygame.Vector2, length: float, colour: pygame.Color) -> None:
    """Draws a triangle that points right, or left if `length` is negative."""
    tip, side = pygame.Vector2(length, 0), pygame.Vector2(0, 1.2 * length)
    pygame.draw.polygon(surface, colour, [centre + tip, centre - tip + side, centre - tip - side])


def draw_button(
    surface: pygame.Surface,
    rect: pygame.Rect,
    scale: float,
    text: str,
    *,
    lit: bool,
    letters: int = theme.HEADING_SIZE,
) -> None:
    """Draws a button; `lit` if the mouse is over it; `letters` is the size of the text at scale 1."""
    corner, size = round(theme.CORNER * scale), round(letters * scale)
    pygame.draw.rect(surface, theme.HAIRLINE, rect, border_radius=corner)
    pygame.draw.rect(surface, theme.QUIET if lit else theme.HAIRLINE, rect, width=1, border_radius=corner)
    text = theme.fitted(text, size, rect.width - 2 * corner, theme.Face.BOLD)
    theme.draw_text(surface, text, size, theme.TEXT, theme.Face.BOLD, center=rect.center)


def draw_bar(
    surface: pygame.Surface, rect: pygame.Rect, scale: float, share: float, colour: pygame.Color = theme.FOCUS
) -> None:
    """Draws a bar that is filled from the left up to a share, 0 to 1."""
    corner = round(3 * scale)
    pygame.draw.rect(surface, theme.HAIRLINE, rect, border_radius=corner)
    filled = pygame.Rect(rect.topleft, (round(rect.width * share), rect.height))
    if filled.width > 0:
        pygame.draw.rect(surface, colour, filled, border_radius=min(corner, filled.width // 2))


def draw_field(
    surface: pygame.Surface,
    rect: pygame.Rect,
    scale: float,
    field: TextField,
    *,
    typing: bool,
    empty: str,
    lit: bool,
) -> None:
    """Draws a text field, with a caret while `typing`, and `empty` as a placeholder; keeps the caret in view."""
    corner, size = round(4 * scale), round(theme.BODY_SIZE * scale)
    pygame.draw.rect(surface, theme.BACKGROUND, rect, border_radius=corner)
    pygame.draw.rect(surface, theme.QUIET if lit or typing else theme.HAIRLINE, rect, width=1, border_radius=corner)
    room = rect.inflate(-2 * round(10 * scale), -2)
    before = theme.width_of(field.text[: field.caret], size)
    shift = max(before - room.width + round(2 * scale), 0)
    part = surface.subsurface(room.clip(surface.get_rect()))
    if field.text:
        theme.draw_text(part, field.text, size, theme.TEXT, midleft=(-shift, room.height // 2))
    else:
        placeholder = theme.fitted(empty, size, room.width)
        theme.draw_text(part, placeholder, size, theme.QUIET, midleft=(round(6 * scale) * typing, room.height // 2))
    if typing:
        caret = pygame.Rect(before - shift, 0, max(1, round(1.5 * scale)), round(1.25 * size))
        caret.centery = room.height // 2
        pygame.draw.rect(part, theme.FOCUS, caret)


def draw_thumb(surface: pygame.Surface, scale: float, scroll: Scroll) -> None:
    """Draws a scroll bar's thumb at the right edge of `surface`; draws nothing if everything is shown."""
    if scroll.max_top > 0:
        width = round(4 * scale)
        height = max(round(surface.height * scroll.room / scroll.length), 4 * width)
        thumb = pygame.Rect(surface.width - width, 0, width, height)
        thumb.top = round(scroll.top / scroll.max_top * (surface.height - height))
        pygame.draw.rect(surface, theme.QUIET, thumb, border_radius=width // 2)


def draw_focus(surface: pygame.Surface, rect: pygame.Rect, scale: float) -> None:
    """Draws the focus ring, just outside `rect`."""
    width = round(2 * scale)
    ring = rect.inflate(6 * width, 4 * width)
    pygame.draw.rect(surface, theme.FOCUS, ring, width=width, border_radius=round((theme.CORNER + 3) * scale))


def hints(
    table: Sequence[Binding], groups: Iterable[tuple[Sequence[Command], str]], context: Context = Context.MENU
) -> list[tuple[str, str]]:
    """The line of hints: the keys of each group of commands, joined, with the group's word."""
    rows = [(bindings.hints(table, context, dict.fromkeys(commands, word)), word) for commands, word in groups]
    return [(" ".join(key for key, _ in keys), word) for keys, word in rows if keys]


def draw_hints(surface: pygame.Surface, rect: pygame.Rect, scale: float, hints: Iterable[tuple[str, str]]) -> None:
    """Draws keys, each with a word for what it does, as many as fit into `rect`."""
    size = round(theme.HINT_SIZE * scale)
    cap = pygame.Rect(rect.left, 0, 0, round(24 * scale))
    cap.centery = rect.centery
    for key, word in hints:
        cap.width = theme.width_of(key, size, theme.Face.BOLD) + round(14 * scale)
        after = cap.right + round(7 * scale)
        if after + theme.width_of(word, size) > rect.right:
            return
        pygame.draw.rect(surface, theme.HAIRLINE, cap, width=1, border_radius=round(4 * scale))
        theme.draw_text(surface, key, size, theme.TEXT, theme.Face.BOLD, center=cap.center)
        box = theme.draw_text(surface, word, size, theme.QUIET, midleft=(after, rect.centery))
        cap.left = box.right + round(18 * scale)


class Toast:
    """A short message that fades by itself."""

    def __init__(self) -> None:
        self.text = ""
        self._age = 0.0

    def show(self, text: str) -> None:
        """Shows `text` in place of the last message."""
        self.text, self._age = text, 0.0

    def update(self, elapsed: float) -> None:
        """Advances by `elapsed` seconds."""
        self._age += elapsed

    @property
    def opacity(self) -> float:
        """1 for `TOAST_SECONDS`, or as long as the text takes to read, then fading to 0."""
        left = 1 - (self._age - max(TOAST_SECONDS, len(self.text) / READ_PER_SECOND)) / FADE_SECONDS
        return min(max(left, 0.0), 1.0) if self.text else 0.0


def draw_toast(surface: pygame.Surface, centre: tuple[int, int], scale: float, toast: Toast) -> None:
    """Draws the message around `centre`, or as near as there is room, at its opacity."""
    if not toast.opacity:
        return
    size = round(theme.BODY_SIZE * scale)
    lines = theme.wrapped(toast.text, size, surface.width - 4 * size, _TOAST_LINES)
    height = theme.font(theme.Face.REGULAR, size).get_linesize()
    width = max(theme.width_of(line, size) for line in lines)
    panel = pygame.Surface((width + 2 * size, len(lines) * height + size), pygame.SRCALPHA)
    theme.draw_panel(panel, panel.get_rect(), scale)
    for row, line in enumerate(lines):
        theme.draw_text(panel, line, size, midtop=(panel.width // 2, size // 2 + row * height))
    panel.set_alpha(round(255 * toast.opacity))
    edge = -2 * round(4 * scale)
    surface.blit(panel, panel.get_rect(center=centre).clamp(surface.get_rect().inflate(edge, edge)))
