"""The page on which a training is published, on screen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pygame

from app.hub.local import size_words
from app.hub.publishing import Publishing, Stage
from app.library.rows import chunked, line_height
from app.publish.form import BUTTONS, STEP, Button, Place, PublishingModel, Target
from app.ui import theme, widgets
from app.ui.bindings import BINDINGS, Binding, Context

TITLE = "PUBLISH"
_ABOUT = (
    "First it is prepared on this computer: weights, 100 games played anew, a film, the learning curve and a card. "
    "That takes some minutes. You then see every file. Nothing is uploaded before you say so."
)
_GOES_ON = "It goes on where you leave this page, and says when it is done."


@dataclass(frozen=True, slots=True)
class Layout:
    """Where everything stands, in pixels."""

    scale: float
    title: pygame.Rect
    panel: pygame.Rect
    heading: pygame.Rect
    """The lines at the panel's top."""
    name: pygame.Rect
    private: pygame.Rect
    files: pygame.Rect
    card: pygame.Rect
    buttons: tuple[tuple[Button, pygame.Rect], ...]
    strip: pygame.Rect
    """What goes on or went wrong, above the buttons."""
    hints: pygame.Rect

    @classmethod
    def of(cls, size: tuple[int, int], model: PublishingModel) -> Layout:
        """The layout for a surface of this size, 800 x 600 or more."""
        scale = theme.scale_of(size)
        margin, gap, below = round(24 * scale), round(theme.GAP * scale), round(40 * scale)
        title = pygame.Rect(margin, gap, size[0] - 2 * margin, round(36 * scale))
        panel = pygame.Rect(margin, title.bottom + round(8 * scale), title.width, 0)
        panel.height = size[1] - below - panel.top
        room = panel.inflate(-2 * gap, -2 * gap)
        measure = theme.font(theme.Face.BOLD, round(theme.BODY_SIZE * scale))
        buttons = BUTTONS[model.publishing.stage]
        widths = [measure.size(button.value)[0] + round(40 * scale) for button in buttons]
        rects = widgets.flow(room, widths, round(42 * scale), round(14 * scale))
        heading = pygame.Rect(room.left, room.top, room.width, round(58 * scale))
        lines = theme.wrapped(chunked(strip_words(model.publishing)), round(theme.HINT_SIZE * scale), room.width, 3)
        strip = pygame.Rect(room.left, 0, room.width, line_height(scale) * len(lines) * bool(lines[0]))
        strip.bottom = rects[0].top - gap
        if model.publishing.stage is Stage.PREPARING:
            strip.height += round(16 * scale)
            strip.top = heading.bottom + gap
        row = pygame.Rect(room.left, heading.bottom + gap, min(room.width, round(640 * scale)), round(38 * scale))
        text = pygame.Rect(room.left, heading.bottom + round(28 * scale), room.width, 0)
        text.height = strip.top - round(8 * scale) - text.top
        files = text.copy()
        files.width = round(0.4 * (text.width - gap))
        card = pygame.Rect(files.right + gap, text.top, text.right - files.right - gap, text.height)
        return cls(
            scale=scale,
            title=title,
            panel=panel,
            heading=heading,
            name=row,
            private=row.move(0, row.height + round(12 * scale)),
            files=files,
            card=card,
            buttons=tuple(zip(buttons, rects, strict=True)),
            strip=strip,
            hints=pygame.Rect(margin, size[1] - below, size[0] - 2 * margin, below),
        )

    def spots(self, stage: Stage) -> list[tuple[Target, pygame.Rect]]:
        """What can be pointed at."""
        if stage is Stage.NAMING:
            return [(Place.NAME, self.name), (Place.PRIVATE, self.private), *self.buttons]
        if stage in (Stage.REVIEW, Stage.UPLOADING):
            return [(Place.FILES, self.files), (Place.CARD, self.card), *self.buttons]
        return [*self.buttons]


class PublishingScene:
    """Shows the page, and tells its model what the mouse is on. Positions are in a surface of `size`."""

    def __init__(self, model: PublishingModel, table: Sequence[Binding] = BINDINGS) -> None:
        self.model = model
        self._table = table
        self._pointed: Target | None = None
        self._card: tuple[tuple[object, ...], tuple[str, ...]] = ((), ())
        """The card in lines, with what they were made from."""

    @property
    def context(self) -> Context:
        """What keys mean here, now."""
        return Context.TYPING if self.model.typing else Context.MENU

    def point(self, position: tuple[int, int], size: tuple[int, int]) -> None:
        """Follows the mouse."""
        self._pointed = self._target(position, size)
        self.model.point(self._pointed)

    def click(self, position: tuple[int, int], size: tuple[int, int]) -> bool:
        """Takes a click; whether the page is to be left."""
        way = widgets.way_at(Layout.of(size, self.model).private, self.model.private, position)
        return self.model.click(self._target(position, size), way)

    def wheel(self, position: tuple[int, int], size: tuple[int, int], way: int) -> None:
        """Scrolls what the mouse is over, down where `way` is 1 and up where it is -1."""
        target = self._target(position, size)
        if target in (Place.FILES, Place.CARD):
            self.model.scroll(Place(target), way * STEP)

    def _target(self, position: tuple[int, int], size: tuple[int, int]) -> Target | None:
        return widgets.hit(Layout.of(size, self.model).spots(self.model.publishing.stage), position)

    def draw(self, surface: pygame.Surface) -> None:
        """Draws it all."""
        publishing, layout = self.model.publishing, Layout.of(surface.size, self.model)
        scale = layout.scale
        surface.fill(theme.BACKGROUND)
        size = theme.pixel_size(theme.TITLE_SIZE * scale)
        theme.draw_text(surface, TITLE, size, theme.TEXT, theme.Face.PIXEL, midleft=layout.title.midleft)
        theme.draw_panel(surface, layout.panel, scale)
        _draw_heading(surface, layout.heading, scale, publishing)
        if publishing.stage is Stage.NAMING:
            self._draw_naming(surface, layout)
        elif publishing.stage in (Stage.REVIEW, Stage.UPLOADING):
            self._draw_files(surface, layout)
            self._draw_card(surface, layout)
        elif publishing.stage is Stage.DONE:
            size, left_top = round(theme.HEADING_SIZE * scale), (layout.name.left, layout.heading.bottom)
            url = theme.fitted(publishing.url, size, layout.heading.width)
            theme.draw_text(surface, url, size, theme.FOCUS, topleft=left_top)
        self._draw_strip(surface, layout)
        for button, rect in layout.buttons:
            lit = button is self._pointed
            widgets.draw_button(surface, rect, scale, button.value, lit=lit, letters=theme.BODY_SIZE)
        spots = dict(layout.spots(publishing.stage))
        if self.model.focus in spots:
            widgets.draw_focus(surface, spots[self.model.focus], scale)
        words = widgets.hints(self._table, self.model.hints, self.context)
        widgets.draw_hints(surface, layout.hints, scale, words)

    def _draw_naming(self, surface: pygame.Surface, layout: Layout) -> None:
        model, scale = self.model, layout.scale
        small, field = round(theme.HINT_SIZE * scale), widgets.value_box(layout.name, model.private)
        theme.draw_text(surface, "Name on the Hub", small, theme.QUIET, midleft=layout.name.midleft)
        lit = self._pointed is Place.NAME
        widgets.draw_field(surface, field, scale, model.field, typing=model.typing, empty="USER/REPO", lit=lit)
        widgets.draw_choice(surface, layout.private, scale, model.private, lit=self._pointed is Place.PRIVATE)
        top = layout.private.bottom + round(20 * scale)
        lines = (*theme.wrapped(chunked(model.publishing.login), small, layout.name.width, 3), "")
        for words in (*lines, *theme.wrapped(_ABOUT, small, layout.name.width, 6)):
            theme.draw_text(surface, words, small, theme.QUIET, topleft=(layout.name.left, top))
            top += line_height(scale)

    def _draw_files(self, surface: pygame.Surface, layout: Layout) -> None:
        files = self.model.publishing.files
        part, fitting = self._box(surface, layout, layout.files)
        self.model.lines[Place.FILES] = max(len(files) - fitting, 0)
        self.model.scroll(Place.FILES, 0)
        first, small = self.model.line[Place.FILES], round(theme.HINT_SIZE * layout.scale)
        for place, file in enumerate(files[first : first + fitting]):
            top, right = place * line_height(layout.scale), part.width - round(10 * layout.scale)
            size = theme.draw_text(part, size_words(file.size), small, theme.QUIET, topright=(right, top))
            name = theme.fitted(file.name, small, size.left - round(8 * layout.scale))
            theme.draw_text(part, name, small, theme.TEXT, topleft=(0, top))
        _draw_thumb(part, layout.scale, first, fitting, len(files))

    def _draw_card(self, surface: pygame.Surface, layout: Layout) -> None:
        """As plain text."""
        small, width = round(theme.HINT_SIZE * layout.scale), layout.card.width - round(34 * layout.scale)
        made_from = (self.model.publishing.card, small, width)
        if made_from != self._card[0]:
            lines = [
                line for text in self.model.publishing.card for line in theme.wrapped(chunked(text), small, width, 400)
            ]
            self._card = (made_from, tuple(lines))
        part, fitting = self._box(surface, layout, layout.card)
        self.model.lines[Place.CARD] = max(len(self._card[1]) - fitting, 0)
        self.model.scroll(Place.CARD, 0)
        first = self.model.line[Place.CARD]
        for place, words in enumerate(self._card[1][first : first + fitting]):
            theme.draw_text(part, words, small, theme.TEXT, topleft=(0, place * line_height(layout.scale)))
        _draw_thumb(part, layout.scale, first, fitting, len(self._card[1]))

    def _box(self, surface: pygame.Surface, layout: Layout, rect: pygame.Rect) -> tuple[pygame.Surface, int]:
        """A ground for lines of text: the surface inside, and how many lines it has room for."""
        pygame.draw.rect(surface, theme.BACKGROUND, rect, border_radius=round(4 * layout.scale))
        pad = -2 * round(8 * layout.scale)
        part = surface.subsurface(rect.inflate(pad, pad))
        return part, max(part.height // line_height(layout.scale), 1)

    def _draw_strip(self, surface: pygame.Surface, layout: Layout) -> None:
        publishing, scale = self.model.publishing, layout.scale
        small, line = round(theme.HINT_SIZE * scale), line_height(scale)
        bar = pygame.Rect(layout.strip.left, layout.strip.bottom - round(10 * scale), layout.strip.width, 0)
        bar.height = round(10 * scale)
        bottom = layout.strip.bottom
        if publishing.stage is Stage.PREPARING and publishing.preparation is not None:
            widgets.draw_progress(surface, bar, scale, publishing.preparation.share)
            bottom = bar.top - round(6 * scale)
        lines = theme.wrapped(chunked(strip_words(publishing)), small, layout.strip.width, 3)
        for place, words in enumerate(reversed(lines)):
            theme.draw_text(surface, words, small, theme.TEXT, bottomleft=(layout.strip.left, bottom - place * line))


def strip_words(publishing: Publishing) -> str:
    """What goes on, or went wrong."""
    if publishing.problem:
        return publishing.problem
    if publishing.stage is Stage.PREPARING and publishing.preparation is not None:
        return publishing.preparation.status
    return f"uploading … {_GOES_ON}" if publishing.stage is Stage.UPLOADING else ""


def _draw_heading(surface: pygame.Surface, rect: pygame.Rect, scale: float, publishing: Publishing) -> None:
    size, small = round(theme.HEADING_SIZE * scale), round(theme.HINT_SIZE * scale)
    name = theme.fitted(publishing.run.name, size, rect.width, theme.Face.BOLD)
    theme.draw_text(surface, name, size, theme.TEXT, theme.Face.BOLD, topleft=rect.topleft)
    lines = theme.wrapped(_about(publishing), small, rect.width, 2)
    for place, words in enumerate(lines):
        top = rect.top + round(30 * scale) + place * line_height(scale)
        theme.draw_text(surface, words, small, theme.QUIET, topleft=(rect.left, top))


def _about(publishing: Publishing) -> str:
    """Where it goes, and how far it is."""
    seen = "for you alone to see" if publishing.private else "for everyone to see"
    where = f"{publishing.repository}, {seen}"
    match publishing.stage:
        case Stage.NAMING:
            return f"Your training in {publishing.run}. Under which name shall it be on the Hub?"
        case Stage.PREPARING:
            return f"It is prepared for {where}. Nothing is uploaded."
        case Stage.REVIEW:
            these = f"these {len(publishing.files)} files, {size_words(publishing.size)}"
            return f"To {where}: {these}. Nothing is uploaded yet."
        case Stage.UPLOADING:
            return f"To {where}: {len(publishing.files)} files, {size_words(publishing.size)}."
        case _:
            return "It is published, and can be seen here:"


def _draw_thumb(part: pygame.Surface, scale: float, first: int, fitting: int, count: int) -> None:
    if count > fitting:
        widgets.draw_thumb(part, part.get_rect(), scale, first / count, fitting / count)
