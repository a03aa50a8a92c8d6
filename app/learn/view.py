"""Draws the page of the lessons: their list at left, and at right the open one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pygame

from app.learn.lesson import Answer, LearnButton, Lesson
from app.learn.page import LearnArea, LearnOutcome, LearnPage, LearnTarget
from app.ui import theme, widgets
from app.ui.bindings import BINDINGS, Binding
from app.ui.widgets import Choice
from models.lessons import Worked

_MOST_LINES = 5
"""Of a lesson's idea."""


@dataclass(frozen=True, slots=True)
class LearnLayout:
    """The place of each part, in pixels."""

    scale: float
    heading: pygame.Rect
    title: pygame.Rect
    idea: pygame.Rect
    picture: pygame.Rect
    command: pygame.Rect
    hints: pygame.Rect
    panel: pygame.Rect
    spots: Mapping[LearnArea, Sequence[tuple[LearnTarget, pygame.Rect]]]

    @classmethod
    def of(cls, size: tuple[int, int], page: LearnPage) -> LearnLayout:
        """The layout for a surface of this size, 800 x 600 or more."""
        width, height = size
        scale = theme.scale_of(size)
        margin, gap, below = round(24 * scale), round(theme.GAP * scale), round(40 * scale)
        body = theme.font(theme.Face.REGULAR, round(theme.BODY_SIZE * scale)).get_linesize()
        column = pygame.Rect(margin, margin, min(round(290 * scale), width * 8 // 25), height - margin - below)
        heading = pygame.Rect(column.left, column.top, column.width, round(48 * scale))
        row = pygame.Rect(column.left, heading.bottom, column.width, round(38 * scale))
        rows = [row.move(0, place * round(44 * scale)) for place in range(len(page.lessons))]

        panel = pygame.Rect(column.right + gap, margin, 0, height - margin - below - gap // 2)
        panel.width = width - margin - panel.left
        room = panel.inflate(-2 * gap, -2 * round(theme.PADDING * scale))
        title = pygame.Rect(room.left, room.top, room.width, round(34 * scale))
        lines = len(theme.wrapped(page.lesson.idea, round(theme.BODY_SIZE * scale), room.width, _MOST_LINES))
        idea = pygame.Rect(room.left, title.bottom, room.width, lines * body)
        lines = max(page.lesson.command_lines, len(_command_lines(page.lesson, scale, room.width)))
        command = pygame.Rect(0, 0, room.width, lines * body).move_to(bottomleft=room.bottomleft)
        knobs, buttons = _place_knobs(room, command.top - gap // 2, scale, page)
        top = min(rect.top for _, rect in (*knobs, *buttons))
        picture = pygame.Rect(room.left, idea.bottom + gap, room.width, top - idea.bottom - 2 * gap)
        return cls(
            scale=scale,
            heading=heading,
            title=title,
            idea=idea,
            picture=picture,
            command=command,
            hints=pygame.Rect(margin, height - below, width - 2 * margin, below),
            panel=panel,
            spots={
                LearnArea.LESSONS: list(zip(page.lessons, rows, strict=True)),
                LearnArea.ANSWERS if page.asking else LearnArea.CHOICES: knobs,
                LearnArea.BUTTONS: buttons,
            },
        )


def _place_knobs(
    room: pygame.Rect, bottom: int, scale: float, page: LearnPage
) -> tuple[list[tuple[LearnTarget, pygame.Rect]], list[tuple[LearnTarget, pygame.Rect]]]:
    """The choices or answers one under the other at left, and the buttons at right, all ending at `bottom`."""
    height, step = round(34 * scale), round(42 * scale)
    width = min(round(480 * scale), room.width * 6 // 10)
    lowest = pygame.Rect(room.left, bottom - height, width, height)
    knobs: tuple[LearnTarget, ...] = (*page.choices, *page.answers)
    rows = [lowest.move(0, -step * place) for place in reversed(range(len(knobs)))]
    button = pygame.Rect(0, lowest.top, min(round(240 * scale), room.width * 35 // 100), height)
    button.right = room.right
    places = [button.move(0, -step * place) for place in reversed(range(len(page.buttons)))]
    return list(zip(knobs, rows, strict=True)), list(zip(page.buttons, places, strict=True))


class LearnView:
    """Shows the page, and passes the mouse on to it. Positions are in a surface of `size`."""

    def __init__(self, page: LearnPage, table: Sequence[Binding] = BINDINGS) -> None:
        self.page = page
        self._table = table

    def point(self, position: tuple[int, int], size: tuple[int, int]) -> None:
        """Follows the mouse."""
        self._lay_out(size)
        self.page.focus.point(position)

    def click(self, position: tuple[int, int], size: tuple[int, int]) -> LearnOutcome | None:
        """Acts on a click; returns what it leads to, if anything."""
        layout = self._lay_out(size)
        target = self.page.focus.at(position)
        step = 0
        if isinstance(target, Choice):
            step = widgets.step_at(dict(layout.spots[LearnArea.CHOICES])[target], target, position)
        return self.page.click(target, step)

    def draw(self, surface: pygame.Surface) -> None:
        """Draws all of it."""
        layout, page = self._lay_out(surface.size), self.page
        scale = layout.scale
        surface.fill(theme.BACKGROUND)
        size = theme.pixel_size(theme.TITLE_SIZE * scale)
        theme.draw_text(surface, "LEARN", size, theme.TEXT, theme.Face.PIXEL, topleft=layout.heading.topleft)
        theme.draw_panel(surface, layout.panel, scale)
        _draw_words(surface, layout, page.lesson)
        if page.asking:
            _draw_question(surface, layout, page)
        elif page.begun and (page.tutor.speaks or page.lesson.knobs(0) is None):
            page.lesson.draw(surface, layout.picture, scale, page.tutor)
        else:
            words = round(theme.BODY_SIZE * scale)
            theme.draw_text(surface, "getting ready …", words, theme.QUIET, center=layout.picture.center)
        for spots in layout.spots.values():
            for target, rect in spots:
                self._draw_target(surface, rect, scale, target)
        if page.focus.rect is not None:
            widgets.draw_focus(surface, page.focus.rect, scale)
        widgets.draw_hints(surface, layout.hints, scale, widgets.hints(self._table, page.hints))

    def _lay_out(self, size: tuple[int, int]) -> LearnLayout:
        layout = LearnLayout.of(size, self.page)
        self.page.focus.clear()
        for area, spots in layout.spots.items():
            self.page.focus.place(area, spots)
        return layout

    def _draw_target(self, surface: pygame.Surface, rect: pygame.Rect, scale: float, target: LearnTarget) -> None:
        lit = target is self.page.focus.pointed
        if isinstance(target, Choice):
            widgets.draw_choice(surface, rect, scale, target, lit=lit)
        elif isinstance(target, LearnButton | Answer):
            text = target.text if isinstance(target, Answer) else target.value
            lit = lit or target == self.page.answer
            widgets.draw_button(surface, rect, scale, text, lit=lit, letters=theme.BODY_SIZE)
        else:
            done = target.name in self.page.done
            _draw_row(surface, rect, scale, target, chosen=target is self.page.lesson, lit=lit, done=done)


def _draw_row(
    surface: pygame.Surface, rect: pygame.Rect, scale: float, lesson: Lesson, *, chosen: bool, lit: bool, done: bool
) -> None:
    """A lesson's title, with a tick if it has shown its point."""
    if chosen:
        pygame.draw.rect(surface, theme.HAIRLINE, rect, border_radius=round(theme.CORNER * scale))
    size, colour = round(theme.BODY_SIZE * scale), theme.TEXT if chosen or lit else theme.QUIET
    left = rect.left + round(34 * scale)
    title = theme.fitted(lesson.title, size, rect.right - left - round(8 * scale), theme.Face.BOLD)
    theme.draw_text(surface, title, size, colour, theme.Face.BOLD, midleft=(left, rect.centery))
    if done:
        x, y, unit = rect.left + round(12 * scale), rect.centery, 4 * scale
        tick = [(x, y), (x + unit, y + unit), (x + 3 * unit, y - 1.5 * unit)]
        pygame.draw.lines(surface, theme.FOCUS, closed=False, points=tick, width=max(round(2 * scale), 2))


def _draw_question(surface: pygame.Surface, layout: LearnLayout, page: LearnPage) -> None:
    """The question, and once it is answered, whether that was right, and how the answer is worked out."""
    question, worked, scale = page.lesson.question, page.tutor.told(Worked), layout.scale
    assert question is not None
    heading, body = round(theme.HEADING_SIZE * scale), round(theme.BODY_SIZE * scale)
    left, top = layout.picture.topleft
    for line in theme.wrapped(question.text, heading, layout.picture.width, 3):
        top = theme.draw_text(surface, line, heading, theme.TEXT, topleft=(left, top)).bottom
    top += round(theme.GAP * scale)
    if worked is None or page.answer is None:
        return
    verdict = "Right." if page.answer.place == worked.right else f"Not quite: {question.options[worked.right]}."
    top = theme.draw_text(surface, verdict, heading, theme.FOCUS, theme.Face.BOLD, topleft=(left, top)).bottom
    for words in worked.lines:
        top += round(8 * scale)
        for line in theme.wrapped(words, body, layout.picture.width, 2):
            top = theme.draw_text(surface, line, body, theme.TEXT, topleft=(left, top)).bottom


def _draw_words(surface: pygame.Surface, layout: LearnLayout, lesson: Lesson) -> None:
    scale = layout.scale
    heading, body = round(theme.HEADING_SIZE * scale), round(theme.BODY_SIZE * scale)
    theme.draw_text(surface, lesson.title, heading, theme.TEXT, theme.Face.BOLD, topleft=layout.title.topleft)
    top = layout.idea.top
    for line in theme.wrapped(lesson.idea, body, layout.idea.width, _MOST_LINES):
        top = theme.draw_text(surface, line, body, theme.QUIET, topleft=(layout.idea.left, top)).bottom
    small = round(theme.HINT_SIZE * scale)
    top = layout.command.top
    for line in _command_lines(lesson, scale, layout.command.width):
        top = theme.draw_text(surface, line, small, theme.TEXT, topleft=(layout.command.left, top)).bottom


def _command_lines(lesson: Lesson, scale: float, width: int) -> tuple[str, ...]:
    """What to type in a terminal, in at most three lines."""
    return theme.wrapped(f"In a terminal:  {lesson.command}", round(theme.HINT_SIZE * scale), width, 3)
