"""Draws the page for publishing a training run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pygame

from app.hub.local import format_size
from app.hub.publishing import Publishing, Stage
from app.publish.form import PublishingArea, PublishingButton, PublishingModel, PublishingTarget
from app.ui import theme, widgets
from app.ui.bindings import BINDINGS, Binding, Context
from app.ui.text import LongText, break_long_words, draw_lines, draw_text_box, line_height, lines_in

TITLE = "PUBLISH"
_ABOUT = (
    "First, Volley prepares the files on this computer: weights, the results of new games, a film, the learning "
    "curve and a model card. That takes a few minutes. Then you review every file. Nothing is uploaded until you "
    "choose Upload."
)
_UPLOADING = "Uploading … You can leave this page; a message will appear when the upload is done."


@dataclass(frozen=True, slots=True)
class PublishingLayout:
    """The place of each part, in pixels."""

    scale: float
    title: pygame.Rect
    panel: pygame.Rect
    heading: pygame.Rect
    """The lines at the panel's top."""
    name: pygame.Rect
    private: pygame.Rect
    files: pygame.Rect
    card: pygame.Rect
    buttons: tuple[tuple[PublishingButton, pygame.Rect], ...]
    strip: pygame.Rect
    """The progress or an error, above the buttons."""
    hints: pygame.Rect

    @classmethod
    def of(cls, size: tuple[int, int], model: PublishingModel) -> PublishingLayout:
        """The layout for a surface of this size, 800 x 600 or more."""
        scale = theme.scale_of(size)
        margin, gap, below = round(24 * scale), round(theme.GAP * scale), round(40 * scale)
        title = pygame.Rect(margin, gap, size[0] - 2 * margin, round(36 * scale))
        panel = pygame.Rect(margin, title.bottom + round(8 * scale), title.width, 0)
        panel.height = size[1] - below - panel.top
        room = panel.inflate(-2 * gap, -2 * gap)
        body = round(theme.BODY_SIZE * scale)
        widths = [theme.width_of(button.value, body, theme.Face.BOLD) + round(40 * scale) for button in model.buttons]
        rects = widgets.flow(room, widths, round(42 * scale), round(14 * scale))
        heading = pygame.Rect(room.left, room.top, room.width, round(58 * scale))
        text = break_long_words(strip_text(model.publishing))
        lines = theme.wrapped(text, round(theme.HINT_SIZE * scale), room.width, 3)
        strip = pygame.Rect(room.left, 0, room.width, line_height(scale) * len(lines) * bool(lines[0]))
        strip.bottom = rects[0].top - gap
        if model.publishing.stage is Stage.PREPARING:
            strip.height += round(16 * scale)
            strip.top = heading.bottom + gap
        row = pygame.Rect(room.left, heading.bottom + gap, min(room.width, round(640 * scale)), round(38 * scale))
        texts = pygame.Rect(room.left, heading.bottom + round(28 * scale), room.width, 0)
        texts.height = strip.top - round(8 * scale) - texts.top
        files = texts.copy()
        files.width = round(0.4 * (texts.width - gap))
        card = pygame.Rect(files.right + gap, texts.top, texts.right - files.right - gap, texts.height)
        return cls(
            scale=scale,
            title=title,
            panel=panel,
            heading=heading,
            name=row,
            private=row.move(0, row.height + round(12 * scale)),
            files=files,
            card=card,
            buttons=tuple(zip(model.buttons, rects, strict=True)),
            strip=strip,
            hints=pygame.Rect(margin, size[1] - below, size[0] - 2 * margin, below),
        )

    def spots(self, model: PublishingModel) -> dict[PublishingArea, Sequence[tuple[PublishingTarget, pygame.Rect]]]:
        """The rectangle of each target of every stage."""
        area = PublishingArea
        return {
            area.NAME: [(model.field, self.name)],
            area.PRIVATE: [(model.private, self.private)],
            area.FILES: [(area.FILES, self.files)],
            area.CARD: [(area.CARD, self.card)],
            area.BUTTONS: self.buttons,
        }


class PublishingView:
    """Shows the page, and passes the mouse on to its model. Positions are in a surface of `size`."""

    def __init__(self, model: PublishingModel, table: Sequence[Binding] = BINDINGS) -> None:
        self.model = model
        self._table = table
        self._card = LongText()

    @property
    def context(self) -> Context:
        """What keys mean now."""
        return Context.TYPING if self.model.typing else Context.MENU

    def point(self, position: tuple[int, int], size: tuple[int, int]) -> None:
        """Follows the mouse."""
        self._lay_out(size)
        self.model.focus.point(position)

    def click(self, position: tuple[int, int], size: tuple[int, int]) -> bool:
        """Acts on a click; returns whether to leave the page."""
        layout = self._lay_out(size)
        step = widgets.step_at(layout.private, self.model.private, position)
        return self.model.click(self.model.focus.at(position), step)

    def wheel(self, position: tuple[int, int], size: tuple[int, int], notches: int) -> None:
        """Scrolls what the mouse is over; down if `notches` is positive."""
        self._lay_out(size)
        self.model.focus.wheel(position, notches)

    def _lay_out(self, size: tuple[int, int]) -> PublishingLayout:
        model, layout = self.model, PublishingLayout.of(size, self.model)
        model.focus.clear()
        for area, spots in layout.spots(model).items():
            model.focus.place(area, spots)
        if model.publishing.stage in (Stage.REVIEW, Stage.UPLOADING):
            model.files_scroll.fit(len(model.publishing.files), lines_in(layout.files, layout.scale))
            self._card.fit(model.publishing.card, layout.card, layout.scale, model.card_scroll)
        return layout

    def draw(self, surface: pygame.Surface) -> None:
        """Draws everything."""
        publishing, layout = self.model.publishing, self._lay_out(surface.size)
        scale, focus = layout.scale, self.model.focus
        surface.fill(theme.BACKGROUND)
        size = theme.pixel_size(theme.TITLE_SIZE * scale)
        theme.draw_text(surface, TITLE, size, theme.TEXT, theme.Face.PIXEL, midleft=layout.title.midleft)
        theme.draw_panel(surface, layout.panel, scale)
        _draw_heading(surface, layout.heading, scale, publishing)
        if publishing.stage is Stage.NAMING:
            self._draw_naming(surface, layout)
        elif publishing.stage in (Stage.REVIEW, Stage.UPLOADING):
            self._draw_files(surface, layout)
            self._card.draw(surface, layout.card, scale, self.model.card_scroll)
        elif publishing.stage is Stage.DONE:
            size, left_top = round(theme.HEADING_SIZE * scale), (layout.name.left, layout.heading.bottom)
            url = theme.fitted(publishing.url, size, layout.heading.width)
            theme.draw_text(surface, url, size, theme.FOCUS, topleft=left_top)
        self._draw_strip(surface, layout)
        for button, rect in layout.buttons:
            lit = button is focus.pointed
            widgets.draw_button(surface, rect, scale, button.value, lit=lit, letters=theme.BODY_SIZE)
        if focus.rect is not None:
            widgets.draw_focus(surface, focus.rect, scale)
        hints = widgets.hints(self._table, self.model.hints, self.context)
        widgets.draw_hints(surface, layout.hints, scale, hints)

    def _draw_naming(self, surface: pygame.Surface, layout: PublishingLayout) -> None:
        model, scale = self.model, layout.scale
        small, field = round(theme.HINT_SIZE * scale), widgets.value_box(layout.name, model.private)
        theme.draw_text(surface, "Name on the Hub", small, theme.QUIET, midleft=layout.name.midleft)
        lit = model.focus.pointed is model.field
        widgets.draw_field(surface, field, scale, model.field, typing=model.typing, empty="USER/REPO", lit=lit)
        lit = model.focus.pointed is model.private
        widgets.draw_choice(surface, layout.private, scale, model.private, lit=lit)
        topleft = (layout.name.left, layout.private.bottom + round(20 * scale))
        lines = (*theme.wrapped(break_long_words(model.publishing.login), small, layout.name.width, 3), "")
        lines = (*lines, *theme.wrapped(_ABOUT, small, layout.name.width, 6))
        draw_lines(surface, lines, topleft, scale, theme.QUIET)

    def _draw_files(self, surface: pygame.Surface, layout: PublishingLayout) -> None:
        scroll, part = self.model.files_scroll, draw_text_box(surface, layout.files, layout.scale)
        small, right = round(theme.HINT_SIZE * layout.scale), part.width - round(10 * layout.scale)
        for place, file in enumerate(self.model.publishing.files[scroll.top : scroll.top + scroll.room]):
            top = place * line_height(layout.scale)
            size = theme.draw_text(part, format_size(file.size), small, theme.QUIET, topright=(right, top))
            name = theme.fitted(file.name, small, size.left - round(8 * layout.scale))
            theme.draw_text(part, name, small, theme.TEXT, topleft=(0, top))
        widgets.draw_thumb(part, layout.scale, scroll)

    def _draw_strip(self, surface: pygame.Surface, layout: PublishingLayout) -> None:
        publishing, scale = self.model.publishing, layout.scale
        small, line = round(theme.HINT_SIZE * scale), line_height(scale)
        bar = pygame.Rect(layout.strip.left, layout.strip.bottom - round(10 * scale), layout.strip.width, 0)
        bar.height = round(10 * scale)
        bottom = layout.strip.bottom
        if publishing.stage is Stage.PREPARING and publishing.preparation is not None:
            widgets.draw_bar(surface, bar, scale, publishing.preparation.share)
            bottom = bar.top - round(6 * scale)
        lines = theme.wrapped(break_long_words(strip_text(publishing)), small, layout.strip.width, 3)
        for place, text in enumerate(reversed(lines)):
            theme.draw_text(surface, text, small, theme.TEXT, bottomleft=(layout.strip.left, bottom - place * line))


def strip_text(publishing: Publishing) -> str:
    """The last error, or the progress; empty if there is neither."""
    if publishing.problem:
        return publishing.problem
    if publishing.stage is Stage.PREPARING and publishing.preparation is not None:
        return publishing.preparation.status
    return _UPLOADING if publishing.stage is Stage.UPLOADING else ""


def _draw_heading(surface: pygame.Surface, rect: pygame.Rect, scale: float, publishing: Publishing) -> None:
    size, small = round(theme.HEADING_SIZE * scale), round(theme.HINT_SIZE * scale)
    name = theme.fitted(publishing.run.name, size, rect.width, theme.Face.BOLD)
    theme.draw_text(surface, name, size, theme.TEXT, theme.Face.BOLD, topleft=rect.topleft)
    lines = theme.wrapped(_about(publishing), small, rect.width, 2)
    draw_lines(surface, lines, (rect.left, rect.top + round(30 * scale)), scale, theme.QUIET)


def _about(publishing: Publishing) -> str:
    """Where it is published, and what happens next."""
    repository = f"{publishing.repository} ({'private' if publishing.private else 'public'})"
    files = f"{len(publishing.files)} files, {format_size(publishing.size)}"
    match publishing.stage:
        case Stage.NAMING:
            return f"Your training run {publishing.run}. Choose a name for it on the Hub."
        case Stage.PREPARING:
            return f"Preparing {repository}. Nothing has been uploaded."
        case Stage.REVIEW:
            return f"Ready to upload to {repository}: {files}. Nothing has been uploaded yet."
        case Stage.UPLOADING:
            return f"Uploading to {repository}: {files}."
        case _:
            return "Published. You can see it at:"
