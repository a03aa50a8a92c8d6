"""Draws the credit panel."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import pygame

from agents.base import FIRE_ACTIONS, MOVES, Decision
from agents.pong import Side
from app.game.rallies import Step
from app.play.panels.credit_model import PPO_PASSES, CreditMethod, CreditModel
from app.ui import theme
from models.numbers import with_minus
from models.screen import score_rows


class _Layout(NamedTuple):
    """Where everything goes in the panel."""

    tabs: dict[CreditMethod, pygame.Rect]
    """The methods' names; only the current one's if there is no room for all."""
    words: pygame.Rect
    axis: pygame.Rect
    strip: pygame.Rect
    """The decisions, from first to last."""
    ends: pygame.Rect
    """The words below the strip's two ends."""
    picture: pygame.Rect
    """The court without the score."""
    details: pygame.Rect


_WORDS_WIDTH, _AXIS_WIDTH, _SENTENCE_WIDTH = 186, 50, 640
_LINE = 19
_PICTURE_ASPECT = 1.5
_GREY = pygame.Color("#5A524A")
"""Of a push that was clipped away."""
_MAX_RATIO = 4
"""The top of the ratios' axis; the bottom is 1 divided by this."""


def _layout(rect: pygame.Rect, scale: float, method: CreditMethod) -> _Layout:
    padding, line, gap = round(theme.PADDING * scale), round(_LINE * scale), round(theme.GAP * scale)
    room = rect.inflate(-2 * padding, -2 * padding)
    tabs = _tabs(room, scale, method)
    rows = 1 if room.width >= _SENTENCE_WIDTH * scale else 2
    words = pygame.Rect(room.left, tabs[method].bottom + padding // 2, room.width, rows * line)
    below = pygame.Rect(room.left, words.bottom + padding // 2, room.width, 0)
    below.height = room.bottom - below.top
    details = pygame.Rect(0, below.top, round(_WORDS_WIDTH * scale), below.height)
    width = min(below.height * _PICTURE_ASPECT, 0.2 * room.width)
    picture = pygame.Rect(0, below.top, round(width), round(width / _PICTURE_ASPECT))
    picture.right = room.right
    details.right = picture.left - gap
    axis = pygame.Rect(below.left, below.top, round(_AXIS_WIDTH * scale), below.height - line)
    strip = pygame.Rect(axis.right, below.top, details.left - gap - axis.right, axis.height)
    ends = pygame.Rect(strip.left, strip.bottom, strip.width, line)
    return _Layout(tabs, words, axis, strip, ends, picture, details)


def _tabs(room: pygame.Rect, scale: float, method: CreditMethod) -> dict[CreditMethod, pygame.Rect]:
    """The methods' names in a row after the heading, each with room to be drawn in bold."""
    size, gap, height = round(theme.BODY_SIZE * scale), round(18 * scale), round(26 * scale)
    left, tabs = room.left + round(80 * scale), {}
    for each in CreditMethod:
        tabs[each] = pygame.Rect(left, room.top, theme.width_of(each.value, size, theme.Face.BOLD), height)
        left = tabs[each].right + gap
    if left - gap <= room.right:
        return tabs
    return {method: pygame.Rect(room.left + round(80 * scale), room.top, tabs[method].width, height)}


class CreditView:
    """Draws the panel; keeps the picture until something changes."""

    def __init__(self) -> None:
        self._picture = pygame.Surface((0, 0))
        self._drawn: tuple[object, ...] = ()
        self._rect, self._scale = pygame.Rect(0, 0, 0, 0), 1.0

    def draw(self, surface: pygame.Surface, rect: pygame.Rect, scale: float, model: CreditModel) -> None:
        """Draws the panel to fill `rect`."""
        self._rect, self._scale = rect.copy(), scale
        if self._drawn != (rect.size, scale, model.changes):
            self._drawn = (rect.size, scale, model.changes)
            self._picture = pygame.Surface(rect.size, depth=32)
            self._picture.fill(theme.BACKGROUND)
            _draw(self._picture, scale, model)
        surface.blit(self._picture, rect)

    def decision_at(self, position: tuple[int, int], model: CreditModel) -> int | None:
        """The decision drawn at a place on the surface; None if there is none."""
        strip = self._layout(model.method).strip
        across, down = position[0] - self._rect.left, position[1] - self._rect.top
        if not model.steps or not strip.collidepoint(across, down):
            return None
        return (across - strip.left) * len(model.steps) // strip.width

    def method_at(self, position: tuple[int, int], model: CreditModel) -> CreditMethod | None:
        """The method whose name is drawn at a place on the surface; None if there is none."""
        place = position[0] - self._rect.left, position[1] - self._rect.top
        tabs = self._layout(model.method).tabs
        return next((method for method, tab in tabs.items() if tab.collidepoint(place)), None)

    def _layout(self, method: CreditMethod) -> _Layout:
        return _layout(pygame.Rect((0, 0), self._rect.size), self._scale, method)


def _draw(surface: pygame.Surface, scale: float, model: CreditModel) -> None:
    room = theme.draw_panel(surface, surface.get_rect(), scale)
    layout = _layout(surface.get_rect(), scale, model.method)
    _draw_tabs(surface, room, scale, layout.tabs, model.method)
    size, line = round(theme.HINT_SIZE * scale), round(_LINE * scale)
    if model.point is None:
        for row, words in enumerate(theme.wrapped(model.placeholder, size, room.width, 2)):
            theme.draw_text(surface, words, size, theme.QUIET, midtop=(room.centerx, room.centery + row * line))
        return
    for row, words in enumerate(theme.wrapped(model.sentence, size, room.width, 2)):
        theme.draw_text(surface, words, size, theme.TEXT, topleft=(room.left, layout.words.top + row * line))
    if model.method is CreditMethod.PPO:
        _draw_ppo(surface, layout, size, model)
    else:
        _draw_bars(surface, layout.axis, layout.strip, size, model)
    _draw_ends(surface, layout.ends, size, model)
    thickness = max(2, round(2 * scale))
    _draw_selection(surface, layout.strip, thickness, model)
    _draw_details(surface, layout.details, scale, model)
    _draw_court(surface, layout.picture, model.selected_step, model.point.rally.side, thickness)


def _draw_tabs(
    surface: pygame.Surface,
    room: pygame.Rect,
    scale: float,
    tabs: dict[CreditMethod, pygame.Rect],
    current: CreditMethod,
) -> None:
    """The heading and the methods, the current one underlined."""
    size, middle = round(theme.BODY_SIZE * scale), tabs[current].centery
    heading = round(theme.HEADING_SIZE * scale)
    theme.draw_text(surface, "Credit", heading, theme.TEXT, theme.Face.BOLD, midleft=(room.left, middle))
    for method, tab in tabs.items():
        face, colour = (theme.Face.BOLD, theme.TEXT) if method is current else (theme.Face.REGULAR, theme.QUIET)
        theme.draw_text(surface, method.value, size, colour, face, center=tab.center)
    thickness = max(2, round(2 * scale))
    underline = pygame.Rect(tabs[current].left, tabs[current].bottom - thickness, tabs[current].width, thickness)
    pygame.draw.rect(surface, theme.FOCUS, underline)
    if len(tabs) < len(CreditMethod):
        count = f"{tuple(CreditMethod).index(current) + 1} of {len(CreditMethod)}"
        theme.draw_text(surface, count, size, theme.QUIET, midright=(room.right, middle))


def _draw_ppo(surface: pygame.Surface, layout: _Layout, size: int, model: CreditModel) -> None:
    """Above, the weights of PPO's pass; below, the ratios, bright with clipping and grey without."""
    assert model.point is not None
    axis, strip, clip = layout.axis, layout.strip, model.point.clip_epsilon
    upper, lower = round(0.56 * strip.height), round(0.38 * strip.height)
    _draw_bars(surface, axis.move_to(height=upper), strip.move_to(height=upper), size, model)
    box = strip.move_to(top=strip.bottom - lower, height=lower)
    pygame.draw.rect(surface, theme.BACKGROUND, box)
    least, most = (_ratio_row(box, ratio) for ratio in (1 - clip, 1 + clip))
    surface.fill(theme.HAIRLINE, (box.left, most, box.width, least - most))
    for text, row in ((f"{_MAX_RATIO}\N{MULTIPLICATION SIGN}", box.top), (f"1/{_MAX_RATIO}", box.bottom)):
        middle = min(max(row, box.top + size // 2), box.bottom - size // 2)
        theme.draw_text(surface, text, size, theme.QUIET, midright=(axis.right - size // 2, middle))
    if model.current_pass is None:
        return
    for ratios, colour in ((model.current_pass.unclipped_ratios, theme.QUIET), (model.current_pass.ratios, theme.TEXT)):
        for place, ratio in enumerate(ratios):
            cell = _cell(box, place, len(ratios))
            surface.fill(colour, (cell.left, _ratio_row(box, ratio) - 1, cell.width, 2))


def _ratio_row(box: pygame.Rect, ratio: float) -> int:
    """Where a ratio is drawn: 1 in the middle, anything beyond the axis at its end."""
    share = math.log(max(ratio, 1e-9)) / math.log(_MAX_RATIO)
    return round(box.centery - min(max(share, -1.0), 1.0) * (box.height // 2 - 1))


def _draw_bars(surface: pygame.Surface, axis: pygame.Rect, box: pygame.Rect, size: int, model: CreditModel) -> None:
    """A bar for each weight, up or down from the middle, grey if it was clipped away; the axis is the largest's."""
    pygame.draw.rect(surface, theme.BACKGROUND, box)
    largest = max(map(abs, (*model.weights, *model.clipped))) or 1.0
    for up, down, bars in ((_GREY, _GREY, model.clipped), (theme.PUSHED_UP, theme.PUSHED_DOWN, model.weights)):
        for place, weight in enumerate(bars):
            height = math.ceil(abs(weight) / largest * (box.height // 2))
            cell = _cell(box, place, len(bars))
            if weight > 0:
                surface.fill(up, (cell.left, box.centery - height, cell.width, height))
            else:
                surface.fill(down, (cell.left, box.centery + 1, cell.width, height))
    pygame.draw.line(surface, theme.QUIET, (box.left, box.centery), (box.right - 1, box.centery))
    right = axis.right - size // 2
    theme.draw_text(surface, _signed(largest), size, theme.QUIET, midright=(right, box.top + size // 2))
    theme.draw_text(surface, _signed(-largest), size, theme.QUIET, midright=(right, box.bottom - size // 2))


def _cell(box: pygame.Rect, place: int, count: int) -> pygame.Rect:
    """One decision's part of the strip, with a gap to the next if there is room."""
    left, right = (box.left + step * box.width // count for step in (place, place + 1))
    return pygame.Rect(left, box.top, max(right - left - (right - left >= 4), 1), box.height)


def _draw_ends(surface: pygame.Surface, ends: pygame.Rect, size: int, model: CreditModel) -> None:
    """Left: which pass it is, or that the strip begins here. Right: who won or lost the point. What fits is drawn."""
    assert model.point is not None
    rally, clipped, ppo = model.point.rally, sum(push != 0 for push in model.clipped), model.method is CreditMethod.PPO
    start = f"pass {model.pass_number} of {PPO_PASSES}: {clipped} clipped" if ppo else "first decision"
    outcome = "won the point" if rally.reward > 0 else "lost the point"
    start_width, outcome_width = theme.width_of(start, size), theme.width_of(outcome, size)
    room = ends.width - start_width - outcome_width - size
    if room >= 0 or ppo:
        theme.draw_text(surface, start, size, theme.QUIET, midleft=ends.midleft)
    if room >= 0 or not ppo:
        theme.draw_text(surface, outcome, size, theme.QUIET, midright=ends.midright)
    name = theme.fitted(model.point.name, size, room - size)
    if room > 3 * size:
        right = ends.right - outcome_width - size // 3
        theme.draw_text(surface, name, size, theme.PLAYERS[rally.side], midright=(right, ends.centery))


def _draw_selection(surface: pygame.Surface, strip: pygame.Rect, thickness: int, model: CreditModel) -> None:
    """A ring around the selected decision."""
    cell = _cell(strip, model.selected, len(model.steps)).inflate(2 * thickness + 2, 0)
    pygame.draw.rect(surface, theme.FOCUS, cell, width=thickness)


def _draw_details(surface: pygame.Surface, rect: pygame.Rect, scale: float, model: CreditModel) -> None:
    """The selected decision in numbers."""
    size, line = round(theme.HINT_SIZE * scale), round(_LINE * scale)
    decision, weight = model.selected_step.decision, model.weights[model.selected]
    theme.draw_text(
        surface, f"Decision {model.selected + 1} of {len(model.steps)}", size, theme.QUIET, topleft=rect.topleft
    )
    action = f"{_action(decision)}: {decision.probability_of(frozenset({decision.action})):.0%}"
    body = round(theme.BODY_SIZE * scale)
    theme.draw_text(surface, action, body, theme.TEXT, theme.Face.BOLD, topleft=(rect.left, rect.top + line))
    _draw_push(surface, pygame.Rect(rect.left, rect.top + 2 * line + 4, rect.width, line), body, model, weight)
    value = f"Value {_signed(decision.value or 0.0)} points"
    theme.draw_text(surface, value, size, theme.QUIET, topleft=(rect.left, rect.top + round(3.4 * line)))
    if model.current_pass is not None:
        ratio, unclipped = (
            model.current_pass.ratios[model.selected],
            model.current_pass.unclipped_ratios[model.selected],
        )
        row = rect.top + round(4.4 * line)
        clipped = theme.draw_text(surface, f"Ratio {ratio:.2f}, ", size, theme.TEXT, topleft=(rect.left, row))
        theme.draw_text(surface, f"unclipped {unclipped:.2f}", size, theme.QUIET, topleft=clipped.topright)


def _draw_push(surface: pygame.Surface, row: pygame.Rect, size: int, model: CreditModel, weight: float) -> None:
    """An arrow, the direction in words, and the weight."""
    if weight == 0:
        clipped = model.clipped and model.clipped[model.selected]
        text = "clipped: no push" if clipped else "no push"
        theme.draw_text(surface, text, size, theme.QUIET, midleft=row.midleft)
        return
    colour, word = (theme.PUSHED_UP, "up") if weight > 0 else (theme.PUSHED_DOWN, "down")
    middle = pygame.Vector2(row.left + 0.5 * size, row.centery)
    tip, side = pygame.Vector2(0, math.copysign(0.4 * size, -weight)), pygame.Vector2(0.45 * size, 0)
    pygame.draw.polygon(surface, colour, [middle + tip, middle - tip * 0.8 + side, middle - tip * 0.8 - side])
    text = f"pushed {word} {_signed(weight)}"
    theme.draw_text(surface, text, size, colour, theme.Face.BOLD, midleft=(row.left + round(1.2 * size), row.centery))


def _draw_court(surface: pygame.Surface, rect: pygame.Rect, step: Step, side: Side, thickness: int) -> None:
    """The newest frame the network was shown for the selected decision, without the score.

    It is mirrored back for a player on the left.
    """
    court = step.observation[-1][score_rows(step.region, len(step.observation[-1])) :]
    court = court[:, ::-1] if side is Side.LEFT else court
    rgb = np.repeat(court[:, :, None], 3, axis=2)
    small = pygame.image.frombuffer(rgb.tobytes(), (rgb.shape[1], rgb.shape[0]), "RGB")
    surface.blit(pygame.transform.smoothscale(small, rect.size), rect)
    pygame.draw.rect(surface, theme.FOCUS, rect, width=thickness)


def _action(decision: Decision) -> str:
    """The action in words."""
    move = next(name for name, group in MOVES if decision.action in group)
    return f"{move}, fire" if decision.action in FIRE_ACTIONS else move


def _signed(number: float) -> str:
    """With its sign, to three figures."""
    decimals = 2 - (abs(number) >= 9.995) - (abs(number) >= 99.95)
    return with_minus(number, f"+z.{decimals}f")
