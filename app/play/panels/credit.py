"""Credit: what a policy gradient would make of the point just played, decision by decision, in five ways."""

from __future__ import annotations

import math
from collections.abc import Iterator
from concurrent.futures import Executor, Future
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pygame

from agents.base import FIRE_ACTIONS, Decision
from agents.handicap import reaction_frames
from agents.pong import FRAMES_PER_SECOND, Side
from app.game.match import Snapshot
from app.game.rallies import PolicyRally, Step
from app.play.panels.lesson import (
    NO_GRADIENT,
    NO_POINT,
    PASSES,
    CreditModel,
    Lesson,
    PassNumbers,
    Player,
    Way,
    learn,
    weigh,
)
from app.play.panels.probabilities import MOVES
from app.ui import theme
from models.screen import SCREEN_ROWS, WALL_TOP

if TYPE_CHECKING:
    from agents.policy import PolicyAgent

PUSHED_UP, PUSHED_DOWN = pygame.Color("#4C9BE8"), pygame.Color("#E8743B")
_GREY = pygame.Color("#5A524A")
"""Of a push that was clipped away."""
_MOST_RATIO = 4
"""Where the axis of ratios ends; at its other end, one by this."""
_PAUSE = 60
"""Frames after a point in which nothing is at stake: the next serve comes later."""


class CreditPanel:
    """Weighs each new point on `executor`; PPO's passes one at a time, so that others get their turn there."""

    title = "Credit for the last point"
    least_height = 200
    wide = True

    def __init__(self, executor: Executor) -> None:
        self.model = CreditModel()
        self._executor = executor
        self._taken: PolicyRally | None = None
        self._player: Player | None = None
        self._learner: Player | None = None
        """Who played the point that is shown: a ladder may have changed its rung since."""
        self._weighing: Future[Lesson] | None = None
        self._passes: Iterator[PassNumbers] | None = None
        self._passing: Future[PassNumbers] | None = None
        self._view = _View()

    def update(self, now: Snapshot, elapsed: float) -> None:
        """Takes in the point that has ended, if one has, and what has been found out about it."""
        del elapsed
        side = now.mind if now.mind is None or now.policies[now.mind] is not None else now.mind.other
        policy = None if side is None else now.policies[side]
        by_value = policy is not None and policy.network.acts_by_value
        self.model.explain(NO_GRADIENT if by_value else NO_POINT)
        rallies = () if side is None or by_value else now.rallies[side]
        newest = rallies[-1] if rallies else None
        if newest is None:
            self._forget()
        elif newest is not self._taken and policy is not None:
            self._take(now, rallies, policy)
        if newest is self._taken and policy is not None and not by_value:
            self._player = Player(policy.network, policy.temperature)
        self._collect()

    def draw(self, surface: pygame.Surface, rect: pygame.Rect, scale: float) -> None:
        """Draws the panel to fill `rect`."""
        self._view.draw(surface, rect, scale, self.model)

    def point(self, position: tuple[int, int] | None, *, pressed: bool) -> None:
        """Looks at the decision under the mouse; a click on a way's name turns to it."""
        if position is None:
            return
        place, way = self._view.decision_at(position, self.model), self._view.way_at(position, self.model)
        if place is not None and place != self.model.selected:
            self.model.select(place)
        if pressed and way is not None:
            self.model.turn_to(way)

    def _forget(self) -> None:
        if self._taken is not None:
            self._taken = None
            self._drop_work()
            self.model.show(None)

    def _take(self, now: Snapshot, rallies: tuple[PolicyRally, ...], policy: PolicyAgent) -> None:
        """Begins to weigh the newest point, as soon as it is known what the network thought after it."""
        rally = rallies[-1]
        expected = 0.0 if now.over else _value_after(rally, now)
        if expected is None:
            return
        self._drop_work()
        self._taken = rally
        self._learner = self._player or Player(policy.network, policy.temperature)
        self._weighing = self._executor.submit(weigh, rallies, now.names[rally.side], expected, over=now.over)

    def _drop_work(self) -> None:
        """What is under way is not waited for; a pass that has begun is the last."""
        for work in (self._weighing, self._passing):
            if work is not None:
                work.cancel()
        self._weighing = self._passing = self._passes = None

    def _collect(self) -> None:
        """Shows what has been found out, and asks for PPO's next pass where that is looked at."""
        model = self.model
        if self._weighing is not None and self._weighing.done():
            lesson, self._weighing = self._weighing.result(), None
            model.show(lesson)
            assert self._learner is not None
            self._passes = learn(lesson, self._learner)
        if self._passing is not None and self._passing.done():
            model.add_pass(self._passing.result())
            self._passing = None
        if model.way is Way.PPO and self._passes and self._passing is None and len(model.passes) <= PASSES:
            self._passing = self._executor.submit(next, self._passes)


def _value_after(rally: PolicyRally, now: Snapshot) -> float | None:
    """What the network expected when it first decided after the point; None while it has not decided again.

    Where that is longer past than is remembered, what it expected before the point: between two points all is as it
    was before the last.
    """
    first, last = rally.steps[0], rally.steps[-1]
    policy, past = now.policies[rally.side], now.history[rally.side]
    in_force = last.frame + reaction_frames(now.reactions[rally.side] or 0)
    if past and past[0].frame <= in_force < past[-1].frame:
        return next(estimate.value for estimate in past if estimate.frame > in_force)
    if now.seconds * FRAMES_PER_SECOND > last.frame + _PAUSE:
        return first.decision.value
    decision = None if policy is None else policy.decision
    return None if decision is None or decision is last.decision else decision.value


class _Places(NamedTuple):
    """Where everything stands in the panel."""

    tabs: dict[Way, pygame.Rect]
    """Of the names of the ways; of the current one's only, where there is no room for all."""
    words: pygame.Rect
    axis: pygame.Rect
    strip: pygame.Rect
    """As wide as the point is long."""
    ends: pygame.Rect
    """What stands at the strip's two ends."""
    picture: pygame.Rect
    """Of the court without the score, at its true shape."""
    details: pygame.Rect


_WORDS_WIDTH, _AXIS_WIDTH, _SENTENCE_WIDTH = 186, 50, 640
_LINE = 19
_PICTURE_ASPECT = 1.5
_WALL = WALL_TOP / SCREEN_ROWS
"""Where the court begins below the score, as a share of the screen's height."""


def _places(rect: pygame.Rect, scale: float, way: Way) -> _Places:
    padding, line, gap = round(theme.PADDING * scale), round(_LINE * scale), round(theme.GAP * scale)
    room = rect.inflate(-2 * padding, -2 * padding)
    tabs = _tabs(room, scale, way)
    rows = 1 if room.width >= _SENTENCE_WIDTH * scale else 2
    words = pygame.Rect(room.left, tabs[way].bottom + padding // 2, room.width, rows * line)
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
    return _Places(tabs, words, axis, strip, ends, picture, details)


def _tabs(room: pygame.Rect, scale: float, way: Way) -> dict[Way, pygame.Rect]:
    """The names of the ways stand in a row after the heading, each with room for itself in bold."""
    bold = theme.font(theme.Face.BOLD, round(theme.BODY_SIZE * scale))
    gap, height = round(18 * scale), round(26 * scale)
    left, tabs = room.left + round(80 * scale), {}
    for name in Way:
        tabs[name] = pygame.Rect(left, room.top, bold.size(name.value)[0], height)
        left = tabs[name].right + gap
    if left - gap <= room.right:
        return tabs
    return {way: pygame.Rect(room.left + round(80 * scale), room.top, tabs[way].width, height)}


class _View:
    """Draws the panel once, and again only when something has changed."""

    def __init__(self) -> None:
        self._picture = pygame.Surface((0, 0))
        self._drawn: tuple[object, ...] = ()
        self._rect, self._scale = pygame.Rect(0, 0, 0, 0), 1.0

    def draw(self, surface: pygame.Surface, rect: pygame.Rect, scale: float, model: CreditModel) -> None:
        self._rect, self._scale = rect.copy(), scale
        if self._drawn != (rect.size, scale, model.changes):
            self._drawn = (rect.size, scale, model.changes)
            self._picture = pygame.Surface(rect.size, depth=32)
            self._picture.fill(theme.BACKGROUND)
            _draw(self._picture, scale, model)
        surface.blit(self._picture, rect)

    def decision_at(self, position: tuple[int, int], model: CreditModel) -> int | None:
        """The decision drawn there."""
        strip = self._places(model.way).strip
        across, down = position[0] - self._rect.left, position[1] - self._rect.top
        if not model.steps or not strip.collidepoint(across, down):
            return None
        return (across - strip.left) * len(model.steps) // strip.width

    def way_at(self, position: tuple[int, int], model: CreditModel) -> Way | None:
        """The way whose name is drawn there."""
        place = position[0] - self._rect.left, position[1] - self._rect.top
        return next((way for way, tab in self._places(model.way).tabs.items() if tab.collidepoint(place)), None)

    def _places(self, way: Way) -> _Places:
        return _places(pygame.Rect((0, 0), self._rect.size), self._scale, way)


def _draw(surface: pygame.Surface, scale: float, model: CreditModel) -> None:
    room = theme.draw_panel(surface, surface.get_rect(), scale)
    places = _places(surface.get_rect(), scale, model.way)
    _draw_tabs(surface, room, scale, places.tabs, model.way)
    size, line = round(theme.HINT_SIZE * scale), round(_LINE * scale)
    if model.lesson is None:
        for row, words in enumerate(theme.wrapped(model.without_lesson, size, room.width, 2)):
            theme.draw_text(surface, words, size, theme.QUIET, midtop=(room.centerx, room.centery + row * line))
        return
    for row, words in enumerate(theme.wrapped(model.sentence, size, room.width, 2)):
        theme.draw_text(surface, words, size, theme.TEXT, topleft=(room.left, places.words.top + row * line))
    if model.way is Way.PPO:
        _draw_ppo(surface, places, size, model)
    else:
        _draw_bars(surface, places.axis, places.strip, size, model)
    _draw_ends(surface, places.ends, size, model)
    thickness = max(2, round(2 * scale))
    _draw_selection(surface, places.strip, thickness, model)
    _draw_details(surface, places.details, scale, model)
    _draw_court(surface, places.picture, model.step_selected, model.lesson.rally.side, thickness)


def _draw_tabs(
    surface: pygame.Surface, room: pygame.Rect, scale: float, tabs: dict[Way, pygame.Rect], current: Way
) -> None:
    """The heading, and the ways, of which the current one is underlined."""
    size, middle = round(theme.BODY_SIZE * scale), tabs[current].centery
    heading = round(theme.HEADING_SIZE * scale)
    theme.draw_text(surface, "Credit", heading, theme.TEXT, theme.Face.BOLD, midleft=(room.left, middle))
    for way, tab in tabs.items():
        face, colour = (theme.Face.BOLD, theme.TEXT) if way is current else (theme.Face.REGULAR, theme.QUIET)
        theme.draw_text(surface, way.value, size, colour, face, center=tab.center)
    thickness = max(2, round(2 * scale))
    underline = pygame.Rect(tabs[current].left, tabs[current].bottom - thickness, tabs[current].width, thickness)
    pygame.draw.rect(surface, theme.FOCUS, underline)
    if len(tabs) < len(Way):
        count = f"{tuple(Way).index(current) + 1} of {len(Way)}"
        theme.draw_text(surface, count, size, theme.QUIET, midright=(room.right, middle))


def _draw_ppo(surface: pygame.Surface, places: _Places, size: int, model: CreditModel) -> None:
    """The weights of PPO's pass above, and below the ratios: with clipping, and quieter without."""
    assert model.lesson is not None
    axis, strip, clip = places.axis, places.strip, model.lesson.clip_epsilon
    upper, lower = round(0.56 * strip.height), round(0.38 * strip.height)
    _draw_bars(surface, axis.move_to(height=upper), strip.move_to(height=upper), size, model)
    box = strip.move_to(top=strip.bottom - lower, height=lower)
    pygame.draw.rect(surface, theme.BACKGROUND, box)
    least, most = (_ratio_row(box, ratio) for ratio in (1 - clip, 1 + clip))
    surface.fill(theme.HAIRLINE, (box.left, most, box.width, least - most))
    for text, row in ((f"{_MOST_RATIO}\N{MULTIPLICATION SIGN}", box.top), (f"1/{_MOST_RATIO}", box.bottom)):
        middle = min(max(row, box.top + size // 2), box.bottom - size // 2)
        theme.draw_text(surface, text, size, theme.QUIET, midright=(axis.right - size // 2, middle))
    if model.current_pass is None:
        return
    for ratios, colour in ((model.current_pass.free_ratios, theme.QUIET), (model.current_pass.ratios, theme.TEXT)):
        for place, ratio in enumerate(ratios):
            cell = _cell(box, place, len(ratios))
            surface.fill(colour, (cell.left, _ratio_row(box, ratio) - 1, cell.width, 2))


def _ratio_row(box: pygame.Rect, ratio: float) -> int:
    """Where a ratio is drawn, 1 in the middle; what is beyond the axis, at its end."""
    share = math.log(max(ratio, 1e-9)) / math.log(_MOST_RATIO)
    return round(box.centery - min(max(share, -1.0), 1.0) * (box.height // 2 - 1))


def _draw_bars(surface: pygame.Surface, axis: pygame.Rect, box: pygame.Rect, size: int, model: CreditModel) -> None:
    """A bar for each weight, up or down from the middle, grey for what was clipped away; and the largest's size."""
    pygame.draw.rect(surface, theme.BACKGROUND, box)
    largest = max(map(abs, (*model.weights, *model.clipped))) or 1.0
    for up, down, bars in ((_GREY, _GREY, model.clipped), (PUSHED_UP, PUSHED_DOWN, model.weights)):
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
    """Of one decision in the strip; where there is room, with a gap to the next."""
    left, right = (box.left + step * box.width // count for step in (place, place + 1))
    return pygame.Rect(left, box.top, max(right - left - (right - left >= 4), 1), box.height)


def _draw_ends(surface: pygame.Surface, ends: pygame.Rect, size: int, model: CreditModel) -> None:
    """Which pass it is, or where the strip begins, and how it ended, for whom: as much as there is room for."""
    assert model.lesson is not None
    rally, clipped, ppo = model.lesson.rally, sum(push != 0 for push in model.clipped), model.way is Way.PPO
    start = f"pass {model.pass_number} of {PASSES}: {clipped} clipped" if ppo else "first decision"
    outcome = "won the point" if rally.reward > 0 else "lost the point"
    start_width, outcome_width = (theme.font(theme.Face.REGULAR, size).size(text)[0] for text in (start, outcome))
    room = ends.width - start_width - outcome_width - size
    if room >= 0 or ppo:
        theme.draw_text(surface, start, size, theme.QUIET, midleft=ends.midleft)
    if room >= 0 or not ppo:
        theme.draw_text(surface, outcome, size, theme.QUIET, midright=ends.midright)
    name = theme.fitted(model.lesson.name, size, room - size)
    if room > 3 * size:
        right = ends.right - outcome_width - size // 3
        theme.draw_text(surface, name, size, theme.PLAYERS[rally.side], midright=(right, ends.centery))


def _draw_selection(surface: pygame.Surface, strip: pygame.Rect, thickness: int, model: CreditModel) -> None:
    """A ring around the decision looked at."""
    cell = _cell(strip, model.selected, len(model.steps)).inflate(2 * thickness + 2, 0)
    pygame.draw.rect(surface, theme.FOCUS, cell, width=thickness)


def _draw_details(surface: pygame.Surface, rect: pygame.Rect, scale: float, model: CreditModel) -> None:
    """The decision looked at, in numbers."""
    size, line = round(theme.HINT_SIZE * scale), round(_LINE * scale)
    decision, weight = model.step_selected.decision, model.weights[model.selected]
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
        ratio, free = model.current_pass.ratios[model.selected], model.current_pass.free_ratios[model.selected]
        row = rect.top + round(4.4 * line)
        clipped = theme.draw_text(surface, f"Ratio {ratio:.2f}, ", size, theme.TEXT, topleft=(rect.left, row))
        theme.draw_text(surface, f"unclipped {free:.2f}", size, theme.QUIET, topleft=clipped.topright)


def _draw_push(surface: pygame.Surface, row: pygame.Rect, size: int, model: CreditModel, weight: float) -> None:
    """An arrow, words and the weight."""
    if weight == 0:
        clipped = model.clipped and model.clipped[model.selected]
        text = "clipped: no push" if clipped else "no push"
        theme.draw_text(surface, text, size, theme.QUIET, midleft=row.midleft)
        return
    colour, word = (PUSHED_UP, "up") if weight > 0 else (PUSHED_DOWN, "down")
    middle = pygame.Vector2(row.left + 0.5 * size, row.centery)
    tip, side = pygame.Vector2(0, math.copysign(0.4 * size, -weight)), pygame.Vector2(0.45 * size, 0)
    pygame.draw.polygon(surface, colour, [middle + tip, middle - tip * 0.8 + side, middle - tip * 0.8 - side])
    text = f"pushed {word} {_signed(weight)}"
    theme.draw_text(surface, text, size, colour, theme.Face.BOLD, midleft=(row.left + round(1.2 * size), row.centery))


def _draw_court(surface: pygame.Surface, rect: pygame.Rect, step: Step, side: Side, thickness: int) -> None:
    """The newest frame that the network was shown, but for the score, in the ring of the decision looked at.

    It is turned back for a player on the left.
    """
    frame = step.observation[-1]
    court = frame[round(_WALL * len(frame)) :]
    court = court[:, ::-1] if side is Side.LEFT else court
    rgb = np.repeat(court[:, :, None], 3, axis=2)
    small = pygame.image.frombuffer(rgb.tobytes(), (rgb.shape[1], rgb.shape[0]), "RGB")
    surface.blit(pygame.transform.smoothscale(small, rect.size), rect)
    pygame.draw.rect(surface, theme.FOCUS, rect, width=thickness)


def _action(decision: Decision) -> str:
    """In words."""
    move = next(name for name, group in MOVES if decision.action in group)
    return f"{move}, fire" if decision.action in FIRE_ACTIONS else move


def _signed(number: float) -> str:
    """Three figures, as a rule, and the sign."""
    decimals = 2 - (abs(number) >= 9.995) - (abs(number) >= 99.95)
    return f"{number:+.{decimals}f}".replace("-", "\N{MINUS SIGN}")
