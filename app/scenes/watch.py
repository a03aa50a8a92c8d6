"""The scene of `volley watch`: the court, the score above it, and the agent's mind beside it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import pygame

from app import controls, theme
from app.match import Snapshot, State
from app.panels import estimates, play, probabilities
from app.panels.court import ASPECT, CourtView

DESIGN_SIZE = (1280, 800)
LEAST_SIZE = (800, 600)
LEAST_SCALE = 0.875
LEAST_COLUMN = 600
"""The panels' least height at scale 1. They stand beside the court from top to bottom where it is as tall as that."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Where everything stands, in pixels; `scale` is 1 at `DESIGN_SIZE`."""

    scale: float
    title: pygame.Rect
    score: pygame.Rect
    court: pygame.Rect
    probabilities: pygame.Rect
    estimates: pygame.Rect
    play: pygame.Rect
    hints: pygame.Rect

    @classmethod
    def of(cls, size: tuple[int, int], *, hints: bool) -> Layout:
        """The layout for a surface of this size, at least `LEAST_SIZE`; without `hints` their line is left out."""
        width, height = size
        scale = max(min(width / DESIGN_SIZE[0], height / DESIGN_SIZE[1]), LEAST_SCALE)
        gap, header, tall_header = round(theme.GAP * scale), round(72 * scale), round(132 * scale)
        below = round(40 * scale) if hints else gap
        column_width = round(min(400 * scale, 0.33 * width))

        room = pygame.Rect(gap, header, width - column_width - 3 * gap, height - header - below)
        court = pygame.Rect(0, 0, min(room.width, math.floor(room.height * ASPECT)), 0)
        court.height = round(court.width / ASPECT)
        score_height = min(tall_header, height - below - court.height)
        court.midtop = (room.centerx, score_height + (height - below - score_height - court.height) // 2)

        column = pygame.Rect(room.right + gap, header, column_width, room.height)
        if court.height >= LEAST_COLUMN * scale:
            column.top, column.height = court.top, court.height
        panels = column.height - 2 * gap
        first = pygame.Rect(column.topleft, (column.width, round(panels * 0.43)))
        second = pygame.Rect(first.left, first.bottom + gap, column.width, round(panels * 0.33))
        third = pygame.Rect(first.left, second.bottom + gap, column.width, 0)
        third.height = column.bottom - third.top
        score = pygame.Rect(court.left, court.top - score_height, court.width, score_height)
        return cls(
            scale=scale,
            title=pygame.Rect(column.left, 0, column.width, column.top),
            score=score,
            court=court,
            probabilities=first,
            estimates=second,
            play=third,
            hints=pygame.Rect(court.left, height - below, width - gap - court.left, below if hints else 0),
        )


class WatchScene:
    """Shows a match. `update` once a frame, then `draw` to a surface of any size from `LEAST_SIZE` up."""

    def __init__(self, *, hints: bool = True) -> None:
        self.help_open = False
        self.probabilities = probabilities.ProbabilitiesModel()
        self._hints = hints
        self._estimates = estimates.EstimatesModel()
        self._play = play.PlayModel()
        self._court = CourtView()

    def update(self, now: Snapshot, elapsed: float) -> None:
        """Lets the panels follow the match for `elapsed` seconds."""
        self.probabilities.update(now.decision, elapsed)
        self._estimates.update(now.decision, now.history, elapsed)
        self._play.update(now)

    def draw(self, surface: pygame.Surface, now: Snapshot) -> None:
        """Draws the whole scene."""
        layout = Layout.of(surface.size, hints=self._hints)
        scale = layout.scale
        surface.fill(theme.BACKGROUND)
        _draw_title(surface, layout.title, scale)
        _draw_score(surface, layout.score, scale, now)
        self._court.draw(surface, layout.court, now.picture)
        _draw_notice(surface, layout.court, scale, now)
        probabilities.draw(surface, layout.probabilities, scale, self.probabilities)
        estimates.draw(surface, layout.estimates, scale, self._estimates)
        play.draw(surface, layout.play, scale, self._play)
        if self._hints:
            _draw_hints(surface, layout.hints, scale, controls.hints(now))
        if self.help_open:
            _draw_help(surface, scale)


def _draw_title(surface: pygame.Surface, rect: pygame.Rect, scale: float) -> None:
    size = theme.pixel_size(theme.TITLE_SIZE * scale)
    theme.draw_text(surface, "VOLLEY", size, theme.TEXT, theme.Face.PIXEL, midright=rect.midright)


def _draw_score(surface: pygame.Surface, rect: pygame.Rect, scale: float, now: Snapshot) -> None:
    """Names at the court's corners, points in the middle; each figure keeps its place."""
    name_size = round(theme.HEADING_SIZE * scale)
    score_size = theme.pixel_size(min(theme.SCORE_SIZE * scale, 0.6 * rect.height))
    room_for_name = rect.width // 2 - round(3.2 * score_size)
    left, right = (theme.fitted(name, name_size, room_for_name, theme.Face.BOLD) for name in now.names)
    middle, apart = rect.centery, round(0.75 * score_size)
    bold, pixel = theme.Face.BOLD, theme.Face.PIXEL
    theme.draw_text(surface, left, name_size, theme.LEFT_PLAYER, bold, midleft=rect.midleft)
    theme.draw_text(surface, right, name_size, theme.RIGHT_PLAYER, bold, midright=rect.midright)
    theme.draw_text(surface, ":", score_size, theme.QUIET, pixel, center=rect.center)
    points = (str(now.score.left), str(now.score.right))
    theme.draw_text(surface, points[0], score_size, theme.LEFT_PLAYER, pixel, midright=(rect.centerx - apart, middle))
    theme.draw_text(surface, points[1], score_size, theme.RIGHT_PLAYER, pixel, midleft=(rect.centerx + apart, middle))


def _draw_notice(surface: pygame.Surface, court: pygame.Rect, scale: float, now: Snapshot) -> None:
    """What a person must know: loading and a game's end in the middle; paused on the wall, out of the ball's way."""
    middle = (court.centerx, court.top + round(court.height * 114 / 210))
    if now.state is State.WAITING:
        _draw_banner(surface, middle, scale, f"loading {now.names[1]} …", theme.TEXT)
    elif now.over:
        won = int(now.score.right > now.score.left)
        colour = (theme.LEFT_PLAYER, theme.RIGHT_PLAYER)[won]
        _draw_banner(surface, middle, scale, f"{now.names[won]} wins", colour)
        if now.next_game_in is not None:
            text = f"next game in {math.ceil(now.next_game_in)} s"
            below = middle[0], middle[1] + round(48 * scale)
            theme.draw_text(surface, text, round(theme.BODY_SIZE * scale), theme.TEXT, center=below)
    if now.state is State.PAUSED:
        wall = (court.centerx, court.top + round(court.height * 202 / 210))
        size = theme.pixel_size(theme.BODY_SIZE * scale)
        box = pygame.Rect(0, 0, 8 * size, round(1.6 * size))
        box.center = wall
        pygame.draw.rect(surface, theme.BACKGROUND, box, border_radius=round(theme.CORNER * scale))
        theme.draw_text(surface, "PAUSED", size, theme.TEXT, theme.Face.PIXEL, center=wall)


def _draw_banner(
    surface: pygame.Surface, centre: tuple[int, int], scale: float, text: str, colour: pygame.Color
) -> pygame.Rect:
    size = round(28 * scale)
    text = theme.fitted(text, size, round(400 * scale), theme.Face.BOLD)
    box = pygame.Rect(0, 0, theme.font(theme.Face.BOLD, size).size(text)[0] + 3 * size, 2 * size)
    box.center = centre
    pygame.draw.rect(surface, theme.BACKGROUND, box, border_radius=round(theme.CORNER * scale))
    theme.draw_text(surface, text, size, colour, theme.Face.BOLD, center=centre)
    return box


def _draw_hints(surface: pygame.Surface, rect: pygame.Rect, scale: float, hints: list[tuple[str, str]]) -> None:
    size = round(theme.HINT_SIZE * scale)
    cap = pygame.Rect(rect.left, 0, 0, round(24 * scale))
    cap.centery = rect.centery
    for key, word in hints:
        cap.width = theme.font(theme.Face.BOLD, size).size(key)[0] + round(14 * scale)
        pygame.draw.rect(surface, theme.HAIRLINE, cap, width=1, border_radius=round(4 * scale))
        theme.draw_text(surface, key, size, theme.TEXT, theme.Face.BOLD, center=cap.center)
        box = theme.draw_text(surface, word, size, theme.QUIET, midleft=(cap.right + round(7 * scale), rect.centery))
        cap.left = box.right + round(18 * scale)


def _draw_help(surface: pygame.Surface, scale: float) -> None:
    shade = pygame.Surface(surface.size, pygame.SRCALPHA)
    shade.fill((*theme.BACKGROUND[:3], 190))
    surface.blit(shade, (0, 0))
    size, line = round(theme.BODY_SIZE * scale), round(34 * scale)
    box = pygame.Rect(0, 0, round(560 * scale), line * len(controls.BINDINGS) + round(84 * scale))
    box.center = surface.get_rect().center
    room = theme.draw_panel(surface, box, scale).inflate(-round(24 * scale), -round(24 * scale))
    heading = theme.draw_text(
        surface,
        "KEYS",
        theme.pixel_size(theme.HEADING_SIZE * scale),
        theme.TEXT,
        theme.Face.PIXEL,
        topleft=room.topleft,
    )
    top = heading.bottom + round(24 * scale)
    for place, binding in enumerate(controls.BINDINGS):
        middle = top + place * line
        names = " or ".join(binding.key_names)
        theme.draw_text(surface, names, size, theme.TEXT, theme.Face.BOLD, midleft=(room.left, middle))
        theme.draw_text(surface, binding.purpose, size, theme.QUIET, midleft=(room.left + round(150 * scale), middle))
