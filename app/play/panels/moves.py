"""The next-move panel: how probable each move of each agent is, and which one it chose."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pygame

from agents.base import MOVES, Decision
from agents.pong import Side
from app.game.snapshot import Snapshot
from app.ui import theme
from app.ui.smoothing import Smoothed
from models.spec import SLOW_ACTIONS


@dataclass(frozen=True, slots=True)
class Bar:
    """One move as shown."""

    name: str
    share: float | None
    """Its probability, 0 to 1, smoothed; None before the first decision."""
    chosen: bool
    """Whether the action in force is of this kind. Not smoothed."""
    slow: float = 0.0
    """The part of the share that is for moving slowly."""
    probability: float = 0.0
    """Not smoothed: the number beside the bar."""


class MovesModel:
    """Follows one agent's decisions."""

    def __init__(self) -> None:
        self._smoothed = {name: Smoothed() for name, _ in MOVES}
        self._slow = {name: Smoothed() for name, _ in MOVES}
        self.bars = tuple(Bar(name, None, False) for name, _ in MOVES)

    def update(self, decision: Decision | None, elapsed: float) -> None:
        """Moves the bars towards `decision` for `elapsed` seconds; without one they stay."""
        if decision is None:
            return
        if self.bars[0].share is None:
            self._smoothed = {name: Smoothed(decision.probability_of(group)) for name, group in MOVES}
            self._slow = {name: Smoothed(decision.probability_of(_slow(name, group))) for name, group in MOVES}
        self.bars = tuple(
            Bar(
                name,
                self._smoothed[name].towards(decision.probability_of(group), elapsed),
                decision.action in group,
                self._slow[name].towards(decision.probability_of(_slow(name, group)), elapsed),
                decision.probability_of(group),
            )
            for name, group in MOVES
        )


def _slow(name: str, group: frozenset[str]) -> frozenset[str]:
    """The slow moves of a group; none of those with fire, which has no speed."""
    return frozenset() if name == "fire" else group & SLOW_ACTIONS.keys()


class MovesPanel:
    """The next move of every agent that plays; with two, the left one above the right one."""

    min_height = 190
    wide = False

    def __init__(self) -> None:
        self.models = {side: MovesModel() for side in Side}
        self._sides: tuple[Side, ...] = (Side.RIGHT,)

    def update(self, now: Snapshot, elapsed: float) -> None:
        """Follows the decisions in force."""
        self._sides = tuple(side for side in Side if now.decisions[side] is not None) or self._sides
        for side in Side:
            self.models[side].update(now.decisions[side], elapsed)

    def point(self, position: tuple[int, int] | None, *, pressed: bool) -> None:
        """Nothing to point at."""

    def draw(self, surface: pygame.Surface, rect: pygame.Rect, scale: float) -> None:
        """Draws the panel to fill `rect`."""
        draw(surface, rect, scale, {side: self.models[side].bars for side in self._sides})


def draw(surface: pygame.Surface, rect: pygame.Rect, scale: float, players: Mapping[Side, tuple[Bar, ...]]) -> None:
    """Draws up, stay and down, a line, and FIRE: for each a bar per player, in the player's colour.

    FIRE goes with any move, so it stands apart; the other three add up to 1. The part for moving slowly is paler.
    """
    room = theme.draw_panel(surface, rect, scale)
    heading = theme.draw_text(surface, "Next move", round(theme.HEADING_SIZE * scale), topleft=room.topleft)
    if any(bar.slow for bars in players.values() for bar in bars):
        note = (room.right, heading.centery)
        theme.draw_text(surface, "pale: slow", round(theme.HINT_SIZE * scale), theme.QUIET, midright=note)
    top, gap = heading.bottom + round(4 * scale), round(10 * scale)
    height = (room.bottom - top - gap) // len(MOVES)
    row = pygame.Rect(room.left, top, room.width, height)
    for place, (name, _) in enumerate(MOVES):
        if name == "fire":
            line = row.top + gap // 2
            pygame.draw.line(surface, theme.HAIRLINE, (row.left, line), (row.right - 1, line))
            row.top += gap
        bars = {side: shown[place] for side, shown in players.items()}
        _draw_move(surface, row, scale, bars)
        row.top += height


def _draw_move(surface: pygame.Surface, row: pygame.Rect, scale: float, bars: Mapping[Side, Bar]) -> None:
    """A move's sign and name, and for each player a bar and a percentage."""
    name = next(iter(bars.values())).name
    chosen = any(bar.chosen for bar in bars.values())
    colour, face = _ink(chosen=chosen)
    size = round(theme.BODY_SIZE * scale)
    _draw_sign(surface, pygame.Vector2(row.left + 10 * scale, row.centery), 7 * scale, name, colour)
    theme.draw_text(surface, name.upper(), size, colour, face, midleft=(row.left + round(26 * scale), row.centery))
    height = row.height // len(bars)
    for place, (side, bar) in enumerate(bars.items()):
        part = pygame.Rect(row.left, row.top + place * height, row.width, height)
        _draw_bar(surface, part, scale, bar, theme.PLAYERS[side])


def _ink(*, chosen: bool) -> tuple[pygame.Color, theme.Face]:
    return (theme.TEXT, theme.Face.BOLD) if chosen else (theme.QUIET, theme.Face.REGULAR)


def _draw_bar(surface: pygame.Surface, row: pygame.Rect, scale: float, bar: Bar, player_colour: pygame.Color) -> None:
    """A bar as long as the move is probable, framed if it was chosen."""
    colour, face = _ink(chosen=bar.chosen)
    size = round(min(theme.BODY_SIZE * scale, 0.9 * row.height))
    track = bar_track(row, scale)
    corner = round(3 * scale)
    pygame.draw.rect(surface, theme.HAIRLINE, track, border_radius=corner)
    if bar.share is None:
        return
    theme.draw_text(surface, f"{bar.probability:.0%}", size, colour, face, midright=row.midright)
    filled = pygame.Rect(track.topleft, (round(track.width * bar.share), track.height))
    if filled.width > 0:
        ground = theme.QUIET if bar.name == "fire" else player_colour
        pygame.draw.rect(surface, ground, filled, border_radius=min(corner, filled.width // 2))
    slow = round(track.width * bar.slow)
    if slow > 0:
        part = pygame.Rect(filled.right - slow, track.top, slow, track.height)
        pygame.draw.rect(surface, player_colour.lerp(theme.TEXT, 0.5), part, border_radius=min(corner, slow // 2))
    if bar.chosen:
        pygame.draw.rect(surface, theme.TEXT, track, width=max(2, round(2 * scale)), border_radius=corner)


def bar_track(row: pygame.Rect, scale: float) -> pygame.Rect:
    """The bar's place in its row; the whole width is a probability of 1."""
    left, right = row.left + round(86 * scale), row.right - round(54 * scale)
    height = min(round(26 * scale), row.height - 4)
    return pygame.Rect(left, row.centery - height // 2, right - left, height)


def _draw_sign(surface: pygame.Surface, centre: pygame.Vector2, radius: float, name: str, colour: pygame.Color) -> None:
    """An arrow for up and down, a bar for stay, a button for fire."""
    if name == "fire":
        pygame.draw.aacircle(surface, colour, centre, radius * 0.8)
    elif name == "stay":
        box = pygame.Rect(0, 0, round(2 * radius), round(0.7 * radius))
        box.center = round(centre.x), round(centre.y)
        pygame.draw.rect(surface, colour, box)
    else:
        tip = pygame.Vector2(0, -radius if name == "up" else radius)
        side = pygame.Vector2(radius, 0)
        pygame.draw.polygon(surface, colour, [centre + tip, centre - tip * 0.8 + side, centre - tip * 0.8 - side])
