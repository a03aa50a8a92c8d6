"""The lesson on credit: which action of a game deserves what came of it."""

from __future__ import annotations

from collections.abc import Sequence

import pygame

from app.follow.tutor import Tutor
from app.learn.lesson import LearnButton, Lesson, Question
from app.learn.plots import Axes, draw_legend
from app.ui import theme, widgets
from app.ui.widgets import Choice
from models.lessons import Credit, CreditKnobs, Game, Rally, SmallGame, SmallGames
from models.numbers import with_minus

_WAYS: dict[Credit, str] = {
    "total": "total reward",
    "to-go": "rewards to go",
    "baseline": "to go \N{MINUS SIGN} baseline",
}
_GAMES: dict[Game, str] = {"three steps": "three steps", "rally": "a rally of Pong"}
_SMALL = (-1.3, 2.6)
"""From below to above, the pushes that small games have room for, with their numbers."""
_LONG = 60
"""The decisions that a rally has room for while it is played, unless it is longer."""
_LINE = 20
_LEGEND = ((theme.PUSHED_UP, "more probable"), (theme.PUSHED_DOWN, "less probable"))


class CreditLesson(Lesson):
    """Pushes of the actions of a game."""

    name = "credit"
    title = "Credit"
    idea = (
        "Which action deserves what came of it? By the total reward, all actions of a game are pushed alike. Rewards "
        "to go count only what follows an action. A baseline subtracts what was expected anyway. In the small games a "
        "move has p = 0.5, so each push counts twice: up for p after a move, down after a stay."
    )
    question = Question(
        "A policy moves with probability p = 0.5. In a game it moves, stays and moves, for rewards of 1, 0 and 1. By "
        "the rewards to go, what is the gradient for p?",
        ("\N{MINUS SIGN}4", "\N{MINUS SIGN}2", "2", "4"),
    )

    def __init__(self) -> None:
        self._game = Choice[Game]("Game", tuple(_GAMES), "three steps", _GAMES.__getitem__)
        self._credit = Choice[Credit]("Credit", tuple(_WAYS), "total", _WAYS.__getitem__)
        self.choices = (self._game, self._credit)

    @property
    def buttons(self) -> tuple[LearnButton, ...]:
        """Luck has no part in the small games."""
        return super().buttons if self._game.value == "rally" else ()

    @property
    def command(self) -> str:
        """With the chosen way of giving credit."""
        settings: dict[Credit, str] = {
            "total": "--set credit=total --set baseline=none",
            "to-go": "--set baseline=none",
            "baseline": "--set baseline=value",
        }
        return f"volley train reinforce {settings[self._credit.value]}"

    def knobs(self, seed: int) -> CreditKnobs:
        """The game: each way of giving credit is told of together."""
        return CreditKnobs(self._game.value, seed)

    def shown(self, tutor: Tutor) -> bool:
        """Some way other than the total was looked at."""
        rally = tutor.told(Rally)
        over = tutor.told(SmallGames) is not None or (rally is not None and bool(rally.pushes))
        return over and self._credit.value != "total"

    def draw(self, surface: pygame.Surface, rect: pygame.Rect, scale: float, tutor: Tutor) -> None:
        """The small games side by side, or the rally with its court."""
        games, rally = tutor.told(SmallGames), tutor.told(Rally)
        if games is not None:
            _draw_small_games(surface, rect, scale, games, self._credit.value)
        elif rally is not None:
            _draw_rally(surface, rect, scale, rally, self._credit.value)


def _draw_small_games(
    surface: pygame.Surface, rect: pygame.Rect, scale: float, games: SmallGames, credit: Credit
) -> None:
    body, line = round(theme.BODY_SIZE * scale), round(_LINE * scale)
    rows = [*_LEGEND, (theme.FOCUS, "expected: the mean")]
    for row, place in zip(rows[: 2 if credit == "total" else 3], widgets.columns(rect, 3, 0), strict=False):
        draw_legend(surface, place.topleft, scale, [row])
    below = pygame.Rect(rect.left, rect.top + 3 * line // 2, rect.width, rect.height - 3 * line // 2)
    columns = widgets.columns(below, len(games.games), round(theme.GAP * scale))
    for number, (game, column) in enumerate(zip(games.games, columns, strict=True), 1):
        theme.draw_text(surface, f"Game {number}", body, theme.TEXT, theme.Face.BOLD, midtop=column.midtop)
        axes = _draw_small_game(surface, column, scale, game, credit)
        if credit != "total":
            for step, expected in enumerate(games.expected):
                axes.line(surface, [(step + 0.1, expected), (step + 0.9, expected)], theme.FOCUS)


def _draw_small_game(surface: pygame.Surface, rect: pygame.Rect, scale: float, game: SmallGame, credit: Credit) -> Axes:
    """Below the heading: the actions with their rewards, their pushes, and what these say about the gradient.

    Returns where pushes lie.
    """
    small, line = round(theme.HINT_SIZE * scale), round(_LINE * scale)
    chart = pygame.Rect(rect.left, rect.top + 7 * line // 2, rect.width, rect.height - 6 * line)
    pushes = game.pushes[credit]
    cells = widgets.columns(chart, len(pushes), 0)
    for cell, moved, reward in zip(cells, game.moved, game.rewards, strict=True):
        words, colour = ("move", theme.TEXT) if moved else ("stay", theme.QUIET)
        theme.draw_text(surface, words, small, colour, center=(cell.centerx, rect.top + 7 * line // 4))
        worth, colour = (f"+{reward:g}", theme.TEXT) if reward else ("0", theme.QUIET)
        place = cell.centerx, rect.top + 11 * line // 4
        theme.draw_text(surface, worth, small, colour, theme.Face.BOLD, center=place)
    axes = Axes(chart, (0, len(pushes)), _SMALL)
    _draw_bars(surface, axes, pushes)
    _number_bars(surface, axes, scale, pushes)
    _draw_sum(surface, pygame.Rect(rect.left, chart.bottom, rect.width, 5 * line // 2), scale, game, credit)
    return axes


def _draw_sum(surface: pygame.Surface, rect: pygame.Rect, scale: float, game: SmallGame, credit: Credit) -> None:
    """What all actions together say about the probability to move: pushes times slopes, and their sum."""
    small, body = round(theme.HINT_SIZE * scale), round(theme.BODY_SIZE * scale)
    first, *others = (_signed(push * slope) for push, slope in zip(game.pushes[credit], game.slopes, strict=True))
    words = " ".join([first.removeprefix("+"), *(f"{term[0]} {term[1:]}" if term != "0" else "+ 0" for term in others)])
    theme.draw_text(surface, words, small, theme.QUIET, center=(rect.centerx, rect.top + rect.height // 3))
    total = game.gradient[credit]
    colour = theme.PUSHED_UP if total > 0 else theme.PUSHED_DOWN
    middle = rect.centerx, rect.top + 3 * rect.height // 4
    theme.draw_text(surface, f"for moves: {_signed(total)}", body, colour, theme.Face.BOLD, center=middle)


def _draw_bars(surface: pygame.Surface, axes: Axes, pushes: Sequence[float]) -> None:
    """A bar for each push, up or down from the middle."""
    rect = axes.rect
    pygame.draw.rect(surface, theme.BACKGROUND, rect)
    zero = round(axes.at(0, 0)[1])
    for place, push in enumerate(pushes):
        left, tip = axes.at(place, push)
        right = axes.at(place + 1, push)[0]
        apart = (right - left) / 5
        bar = pygame.Rect(round(left + apart), min(round(tip), zero), 0, abs(round(tip) - zero))
        bar.width = max(round(right - apart) - bar.left, 1)
        surface.fill(theme.PUSHED_UP if push > 0 else theme.PUSHED_DOWN, bar)
    pygame.draw.line(surface, theme.QUIET, (rect.left, zero), (rect.right - 1, zero))


def _number_bars(surface: pygame.Surface, axes: Axes, scale: float, pushes: Sequence[float]) -> None:
    """Writes each push beyond the end of its bar."""
    small, apart = round(theme.HINT_SIZE * scale), round(3 * scale)
    for place, push in enumerate(pushes):
        middle, tip = axes.at(place + 0.5, push)
        colour = theme.PUSHED_UP if push > 0 else theme.PUSHED_DOWN if push < 0 else theme.QUIET
        if push >= 0:
            anchor = {"midbottom": (round(middle), round(tip) - apart)}
        else:
            anchor = {"midtop": (round(middle), round(tip) + apart)}
        theme.draw_text(surface, _signed(push), small, colour, theme.Face.BOLD, **anchor)


def _draw_rally(surface: pygame.Surface, rect: pygame.Rect, scale: float, rally: Rally, credit: Credit) -> None:
    """The court above at left, words beside it, and below it the decisions over time."""
    small, gap, line = (round(size * scale) for size in (theme.HINT_SIZE, theme.GAP, _LINE))
    court = pygame.Rect(rect.left, rect.top, 0, rect.height * 2 // 5)
    court.width = court.height * 4 // 3
    _draw_court(surface, court, rally)
    words = pygame.Rect(court.right + gap, court.top, rect.right - court.right - gap, court.height)
    _draw_words(surface, words, scale, rally, credit)
    label = round(44 * scale)
    chart = pygame.Rect(rect.left + label, court.bottom + gap, rect.width - label, 0)
    chart.height = rect.bottom - line - chart.top
    places = len(rally.moves) if rally.pushes else max(len(rally.moves), _LONG)
    axes = Axes(chart, (0, places), (-1.25, 1.25))
    _draw_bars(surface, axes, rally.pushes.get(credit, []))
    for level in (-1.0, 0.0, 1.0):
        row = round(axes.at(0, level)[1])
        theme.draw_text(surface, _signed(level), small, theme.QUIET, midright=(chart.left - round(6 * scale), row))
    expected = [(place + 0.5, value) for place, value in enumerate(rally.expected)]
    axes.line(surface, expected, theme.FOCUS)
    top = chart.bottom + round(3 * scale)
    theme.draw_text(surface, "first decision", small, theme.QUIET, topleft=(chart.left, top))
    end = {1.0: "point won", -1.0: "point lost"}.get(rally.reward, "now")
    last = round(axes.at(len(rally.moves), 0)[0])
    right = chart.right if rally.pushes else max(last, chart.left + round(160 * scale))
    theme.draw_text(surface, end, small, theme.TEXT, topright=(right, top))


def _draw_court(surface: pygame.Surface, rect: pygame.Rect, rally: Rally) -> None:
    height = len(rally.court) // rally.width
    rgb = bytes(grey for grey in rally.court for _ in range(3))
    picture = pygame.image.frombuffer(rgb, (rally.width, height), "RGB")
    surface.blit(pygame.transform.smoothscale(picture, rect.size), rect)
    pygame.draw.rect(surface, theme.HAIRLINE, rect, width=1)


def _draw_words(surface: pygame.Surface, rect: pygame.Rect, scale: float, rally: Rally, credit: Credit) -> None:
    """What the bars mean."""
    body, line = round(theme.BODY_SIZE * scale), round(22 * scale)
    draw_legend(surface, rect.topleft, scale, [*_LEGEND, (theme.FOCUS, "what the network expected")])
    top = rect.top + round(72 * scale)
    theme.draw_text(surface, f"decision {len(rally.moves)}", body, theme.QUIET, topleft=(rect.left, top))
    for words in theme.wrapped(_sentence(rally, credit), body, rect.width, 3):
        top += line
        theme.draw_text(surface, words, body, theme.TEXT, topleft=(rect.left, top))


def _sentence(rally: Rally, credit: Credit) -> str:
    """What was decided by the point, in words."""
    if not rally.pushes:
        return "No reward yet, so nothing is pushed."
    won, sign = ("won", "+") if rally.reward > 0 else ("lost", "\N{MINUS SIGN}")
    match credit:
        case "total":
            return f"The point was {won}: {sign}1 for every decision, the first like the last."
        case "to-go":
            return f"{sign}1 for the last decision, {rally.gamma:g} times as much for each one before it."
        case "baseline":
            return "The same, minus what the network expected: only the surprise is left."


def _signed(number: float) -> str:
    """With its sign, and no more decimals than it needs; 0 has none."""
    words = with_minus(number, "+z.2f").rstrip("0").rstrip(".")
    return "0" if words == "+0" else words
