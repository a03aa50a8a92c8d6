"""The library's layout."""

from __future__ import annotations

from dataclasses import dataclass

import pygame

from app.hub.local import ModelAction
from app.library.rows import facts_height
from app.library.selection import LibraryButton, LibraryModel
from app.ui import theme, widgets
from app.ui.text import line_height


@dataclass(frozen=True, slots=True)
class LibraryLayout:
    """The place of each part, in pixels."""

    scale: float
    title: pygame.Rect
    field: pygame.Rect
    list: pygame.Rect
    """The list, inside its panel."""
    panel: pygame.Rect
    """Everything about the model in focus."""
    heading: pygame.Rect
    facts: pygame.Rect
    chart: pygame.Rect
    """Empty if there is no curve."""
    text: pygame.Rect
    """The card, or the history."""
    strip: pygame.Rect
    """The progress of a download, an error or a question; empty if there is none."""
    buttons: tuple[tuple[ModelAction | LibraryButton, pygame.Rect], ...]
    hints: pygame.Rect

    @classmethod
    def of(cls, size: tuple[int, int], model: LibraryModel) -> LibraryLayout:
        """The layout for a surface of this size, 800 x 600 or more."""
        scale = theme.scale_of(size)
        margin, gap, below = round(24 * scale), round(theme.GAP * scale), round(40 * scale)
        left = pygame.Rect(margin, gap, round(348 * scale), size[1] - below - gap)
        title = pygame.Rect(left.left, left.top, left.width, round(36 * scale))
        field = pygame.Rect(left.left, title.bottom + round(8 * scale), left.width, round(36 * scale))
        panel = pygame.Rect(left.right + gap, left.top, size[0] - margin - left.right - gap, left.height)
        outer = pygame.Rect(left.left, field.bottom + round(12 * scale), left.width, 0)
        outer.height = left.bottom - outer.top
        pad = -2 * round(theme.PADDING * scale)
        room = panel.inflate(pad, pad)
        buttons = _buttons(room, scale, model)
        bottom = min((rect.top for _, rect in buttons), default=room.bottom + gap) - gap
        strip = pygame.Rect(room.left, bottom, room.width, 0)
        if lines := strip_lines(model, room.width, scale):
            bar = round(18 * scale) if model.library.download is not None and not model.deleting else 0
            strip.height = len(lines) * line_height(scale) + bar
            strip.top -= strip.height
            bottom = strip.top - round(12 * scale)
        heading = pygame.Rect(room.left, room.top, room.width, round(30 * scale))
        facts = pygame.Rect(room.left, heading.bottom, room.width, 0)
        chart = pygame.Rect(room.right, heading.bottom, 0, round(128 * scale))
        alone = not any(model.details.card) and not model.details.note and model.library.history is None
        beside = room.width >= 760 * scale and not alone
        if model.details.curve and beside:
            chart.width = round(384 * scale)
            chart.right = room.right
            facts.width = chart.left - gap - facts.left
        facts.height = facts_height(model.details, facts.width, scale)
        if model.details.curve and not beside:
            height = min(bottom - facts.bottom - gap, round(300 * scale)) if alone else round(104 * scale)
            chart.update(room.left, facts.bottom + round(8 * scale), room.width, height)
        elif not model.details.curve:
            chart.height = 0
        text = pygame.Rect(room.left, max(facts.bottom, chart.bottom) + round(12 * scale), room.width, 0)
        text.height = max(bottom - text.top, 0)
        return cls(
            scale=scale,
            title=title,
            field=field,
            list=outer.inflate(-2 * round(6 * scale), -2 * round(6 * scale)),
            panel=panel,
            heading=heading,
            facts=facts,
            chart=chart,
            text=text,
            strip=strip,
            buttons=buttons,
            hints=pygame.Rect(margin, size[1] - below, size[0] - 2 * margin, below),
        )


def _buttons(
    room: pygame.Rect, scale: float, model: LibraryModel
) -> tuple[tuple[ModelAction | LibraryButton, pygame.Rect], ...]:
    size = round(theme.BODY_SIZE * scale)
    widths = [theme.width_of(button.value, size, theme.Face.BOLD) + round(32 * scale) for button in model.buttons]
    places = widgets.flow(room, widths, round(38 * scale), round(12 * scale))
    return tuple(zip(model.buttons, places, strict=True))


def strip_lines(model: LibraryModel, width: int, scale: float) -> tuple[str, ...]:
    """The text above the buttons: a question, the progress of a download, or an error."""
    small, download = round(theme.HINT_SIZE * scale), model.library.download
    if model.deleting:
        return theme.wrapped(model.question, small, width, 3)
    if download is not None:
        return (theme.fitted(f"{download.repository}: {download.status}", small, width),)
    return theme.wrapped(model.library.notice, small, width, 3) if model.library.notice else ()
