"""The chance of winning, the moments that cost most, and going back to them."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from itertools import combinations
from typing import Any

import numpy as np
import pygame
import pytest

from agents.pong import FRAMES_PER_SECOND, Ball, Court, Score, Side
from agents.scripted import TrackerAgent
from app.game.chances import (
    PointModel,
    Scene,
    chance_of_the_game,
    features,
    point_model,
    share_so_far,
    win_chance,
)
from app.game.match import Match
from app.game.review import AFTER, BEFORE, Chance, ChanceLog, Moment, costliest
from app.game.seats import AgentSeat, PersonSeat, RomSeat
from app.game.snapshot import State
from app.game.story import Rally
from app.game.timeline import REWIND_FRAMES
from app.play.review import PAUSE_SECONDS, ReviewChoice, ReviewModel
from app.play.review_view import ReviewLayout, ReviewView, side_to_review
from app.ui import theme
from app.ui.bindings import Command
from models.spec import POINTS_TO_WIN

SCENE = Scene(Ball(90, 100, 3, 2), 80.0, 120.0)


def random_scenes(count: int) -> list[Scene]:
    random = np.random.default_rng(0)
    return [
        Scene(
            Ball(
                int(random.integers(22, 138)),
                int(random.integers(34, 190)),
                int(random.choice([-4, -3, -2, 2, 3, 4])),
                int(random.integers(-4, 5)),
            ),
            float(random.integers(40, 186)),
            float(random.integers(40, 186)),
        )
        for _ in range(count)
    ]


# The chance of the game


@cache
def oracle(own: int, other: int) -> float:
    """The same by one point after another: each is won with the mean of what is then known (Laplace's rule)."""
    if max(own, other) >= POINTS_TO_WIN:
        return float(own > other)
    share = share_so_far(own, other)
    return share * oracle(own + 1, other) + (1 - share) * oracle(own, other + 1)


@pytest.mark.parametrize(("own", "other"), [(0, 0), (20, 20), (20, 0), (0, 20), (12, 7), (3, 18), (15, 15)])
def test_the_chance_of_the_game_is_that_of_a_race(own: int, other: int) -> None:
    assert chance_of_the_game(own, other) == pytest.approx(oracle(own, other))
    assert chance_of_the_game(own, other) + chance_of_the_game(other, own) == pytest.approx(1)


def test_a_point_each_is_worth_what_is_known_of_the_players() -> None:
    assert chance_of_the_game(20, 20) == pytest.approx(0.5)
    assert chance_of_the_game(20, 19, even_points=5) == pytest.approx(25 / 49 + 24 / 49 * 25 / 50)
    assert chance_of_the_game(21, 5) == 1
    assert chance_of_the_game(5, 21) == 0
    ahead = [chance_of_the_game(own, 10) for own in range(22)]
    assert ahead == sorted(ahead)


# The chance of a point


def test_mirroring_a_scene_twice_changes_nothing_and_both_players_are_treated_alike() -> None:
    for scene in random_scenes(50):
        assert scene.mirrored.mirrored == scene
        for share in (0.3, 0.5, 0.9):
            chance, other = (
                point_model().chance(scene, share),
                point_model().chance(scene.mirrored, 1 - share),
            )
            assert 0 < chance < 1
            assert chance + other == pytest.approx(1)


def test_what_is_told_of_a_ball_that_comes() -> None:
    # From column 90 at 3 columns a frame it is at the paddle, column 138, in 16 frames, 32 rows further down: its
    # middle on row 133.5, and the paddle's on 120.
    gap, frames, short, coming = features(SCENE)[-4:]
    assert gap * 80 == pytest.approx(13.5)
    assert frames * 60 == pytest.approx(16)
    assert short * 40 == pytest.approx(-80), "13.5 - 10 - 5.3 * 16 is less, and cut off there"
    assert coming == 1
    assert features(SCENE.mirrored)[-4:] == [0, 0, 0, 0]


def test_a_wall_turns_the_ball_back() -> None:
    # The middle starts at 171.5, 20.5 rows above its lowest, 192. In 16 frames at 4 rows it goes 64 rows: 43.5 back up.
    scene = SCENE._replace(ball=Ball(90, 170, 3, 4))
    assert features(scene)[-4] * 80 == pytest.approx(abs(192 - 43.5 - 120))


def test_the_better_a_paddle_stands_the_better_the_chance() -> None:
    near, far = SCENE._replace(right=134.0), SCENE._replace(right=50.0, ball=Ball(130, 123, 4, 2))
    assert point_model().chance(near, 0.5) > 2 * point_model().chance(far, 0.5)
    assert win_chance(far, 19, 20) < win_chance(near, 19, 20)


def test_the_chance_lies_between_losing_and_winning_the_point() -> None:
    for scene in random_scenes(20):
        chance = win_chance(scene, 14, 17)
        assert chance_of_the_game(17, 15) < chance < chance_of_the_game(18, 14)
    assert win_chance(None, 14, 17) == chance_of_the_game(17, 14)
    assert win_chance(SCENE, 14, 21) == 1


def test_the_network_is_what_its_description_says() -> None:
    count = len(features(SCENE))
    model = PointModel(hidden=[[0.1 * i for i in range(count)]], hidden_bias=[0.2], output=[1.5], strength=0.8)

    def g(scene: Scene) -> float:
        return 1.5 * math.tanh(0.2 + sum(0.1 * i * x for i, x in enumerate(features(scene))))

    logit = 0.8 * math.log(0.6 / 0.4) + g(SCENE) - g(SCENE.mirrored)
    assert model.chance(SCENE, 0.6) == pytest.approx(1 / (1 + math.exp(-logit)))


# The moments

RALLIES = (
    Rally(Side.LEFT, (2, 1), 0, 100),
    Rally(Side.RIGHT, (1, 1), 160, 260),
    Rally(Side.LEFT, (0, 0), 320, 400),
)
SCORES = (Score(0, 0), Score(1, 0), Score(1, 1), Score(2, 1))
CHANCES = [
    Chance(0, 0.5),
    Chance(40, 0.6),
    Chance(80, 0.52),
    Chance(96, 0.41),
    Chance(100, 0.40),
    Chance(200, 0.3),
    Chance(260, 0.55),
    Chance(360, 0.5),
    Chance(400, 0.45),
]


def test_a_moment_is_where_half_of_what_was_lost_was_still_there() -> None:
    first, last = costliest(CHANCES, RALLIES, SCORES, Side.RIGHT)
    # From 0.6 at best to 0.4: half-way is 0.5, last reached in frame 80.
    assert first == Moment(80, Score(0, 0), 0.6, 0.40, since=0, ended=100)
    assert first.cost == pytest.approx(0.2)
    assert last == Moment(360, Score(1, 1), 0.5, 0.45, since=260, ended=400)
    assert costliest(CHANCES, RALLIES, SCORES, Side.RIGHT, count=1) == [first]


def test_the_left_players_moments_are_those_that_it_lost() -> None:
    (only,) = costliest(CHANCES, RALLIES, SCORES, Side.LEFT)
    assert (only.score, only.ended) == (Score(1, 0), 260)
    assert (only.before, only.after) == pytest.approx((0.7, 0.45))


def test_a_clip_begins_before_the_moment_and_ends_with_the_point() -> None:
    assert Moment(80, Score(0, 0), 0.6, 0.4, 0, 100).clip == (0, 100)
    assert Moment(1000, Score(0, 0), 0.6, 0.4, 200, 5000).clip == (1000 - BEFORE, 1000 + AFTER)


def test_a_clip_shows_nothing_of_the_point_before() -> None:
    assert Moment(360, Score(1, 1), 0.5, 0.45, 260, 400).clip == (260, 400)


def test_what_is_undone_is_forgotten() -> None:
    log = ChanceLog()
    log.chances = list(CHANCES)
    assert log.at(79) == 0.6
    assert log.at(80) == 0.52
    log.cut(96)
    assert log.chances[-1] == Chance(96, 0.41)


# In a match


def against_the_rom() -> Match:
    match = Match(Court(seed=3), names=("Atari CPU", "Tracker"))
    match.seat(RomSeat(), AgentSeat(TrackerAgent(seed=2), Side.RIGHT))
    return match


def with_a_person() -> Match:
    """Someone who stands still."""
    match = Match(Court(seed=3), names=("Tracker", "You"))
    match.seat(AgentSeat(TrackerAgent(seed=2), Side.LEFT), PersonSeat(Side.RIGHT))
    return match


def to_the_end(match: Match) -> Match:
    while match.state is State.PLAYING:
        match.advance()
    return match


def test_at_the_end_the_winner_has_won() -> None:
    match = to_the_end(with_a_person())
    assert match.score.left == 21
    assert match.snapshot().chance == 0
    values = [chance.value for chance in match.chances.chances]
    assert max(values[len(values) // 2 :]) < 0.5
    assert [chance.frame for chance in match.chances.chances] == sorted({c.frame for c in match.chances.chances})


@pytest.mark.parametrize("make", [against_the_rom, with_a_person])
def test_a_clip_is_what_was_seen(make: Callable[[], Match]) -> None:
    match, seen = make(), []
    for _ in range(500):
        match.advance()
        seen.append(match.picture.copy())
    before = match.court.fingerprint()
    clip = match.clip(123, 260)
    assert match.court.fingerprint() == before
    assert len(clip) == 260 - 123 + 1
    for picture, then in zip(clip, seen[122:], strict=False):
        assert (picture == then).all()


def test_any_moment_of_a_long_game_can_be_played_on_from() -> None:
    match, reference = against_the_rom(), against_the_rom()
    for _ in range(REWIND_FRAMES + 3000):
        match.advance()
    kept = len(match.timeline._keyframes)
    assert kept < REWIND_FRAMES / 30 + 3000 / 300 + 3, "of the old ones only every tenth"
    for _ in range(1234):
        reference.advance()
    match.go_to(1234)
    assert match.state is State.PAUSED
    assert (match.snapshot().picture == reference.picture).all()
    match.toggle_pause()
    assert match.court.fingerprint() == reference.court.fingerprint()
    assert match.chances.chances == reference.chances.chances
    assert not match.straight
    for _ in range(300):
        match.advance()
        reference.advance()
    assert match.court.fingerprint() == reference.court.fingerprint()


# On screen

MOMENTS = [Moment(80, Score(0, 0), 0.6, 0.4, 0, 100), Moment(360, Score(1, 1), 0.5, 0.45, 260, 400)]
PICTURES = [np.full((210, 160, 3), value, np.uint8) for value in range(60)]


def model() -> ReviewModel:
    def clip(first: int, last: int) -> list[np.ndarray[tuple[int, int, int], np.dtype[np.uint8]]]:
        return PICTURES[: last - first + 1]

    made = ReviewModel(("Tracker", "You"), Side.RIGHT, MOMENTS, CHANCES, frames=400, clip=clip)
    made.update(0.0)
    return made


def test_the_costliest_moment_is_shown_first_and_again_and_again() -> None:
    review = model()
    assert review.moment is MOMENTS[0]
    shown = []
    for _ in range(round((60 / FRAMES_PER_SECOND + PAUSE_SECONDS) * 60) + 3):
        shown.append(int(review.picture[0, 0, 0]))
        review.update(1 / 60)
    assert shown[:3] == [0, 0, 1] or shown[:3] == [0, 1, 2]
    assert max(shown) == 59
    assert shown.count(59) > 30, "a pause at the end"
    assert shown[-1] == 0


def test_keys_choose_a_moment_and_play_on_from_it() -> None:
    review = model()
    assert review.command(Command.DOWN) is None
    assert review.moment is MOMENTS[1]
    review.update(0.0)
    assert review.frame == MOMENTS[1].clip[0]
    assert review.command(Command.CONFIRM) is ReviewChoice.TRY_AGAIN
    assert review.command(Command.BACK) is ReviewChoice.CLOSE


def test_the_chart_is_of_the_player_that_the_words_are_about() -> None:
    moments = (Moment(60, Score(0, 0), 0.6, 0.3, 0, 100),)
    for side, last in ((Side.RIGHT, 0.75), (Side.LEFT, 0.25)):
        model = ReviewModel(
            ("A", "B"), side, moments, [Chance(0, 0.5), Chance(120, 0.75)], frames=120, clip=lambda _first, _last: []
        )
        assert model.curve == ((0.0, 0.5), (1.0, last))


def test_a_moment_is_told_in_words() -> None:
    review = model()
    assert review.label(MOMENTS[1]) == "0:06   at 1 : 1"
    assert review.story(MOMENTS[0]) == "Your chance of winning fell from 60% to 40%"


def test_whose_moments_are_shown() -> None:
    assert side_to_review(frozenset({Side.LEFT}), 21, 3) is Side.LEFT
    assert side_to_review(frozenset(), 21, 3) is Side.RIGHT
    assert side_to_review(frozenset(Side), 3, 21) is Side.LEFT


@pytest.mark.parametrize("size", [(800, 600), (1000, 600), (1280, 800), (1024, 1366), (2560, 1440)], ids=str)
@pytest.mark.parametrize("count", [1, 3])
def test_everything_has_its_place(size: tuple[int, int], count: int) -> None:
    layout = ReviewLayout.of(size, count)
    parts = [layout.court, layout.chart, layout.moments, layout.hints]
    whole = pygame.Rect((0, 0), size)
    assert all(whole.contains(part) for part in parts)
    assert not any(one.colliderect(other) for one, other in combinations(parts, 2))
    assert all(layout.moments.contains(row) for row in layout.rows)
    assert len(layout.rows) == count
    surface = pygame.Surface(size)
    ReviewView(model()).draw(surface)


def test_a_moments_two_lines_are_closer_to_each_other_than_to_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    draw, boxes = theme.draw_text, list[pygame.Rect]()

    def noted(surface: pygame.Surface, text: str, *how: Any, **place: Any) -> pygame.Rect:
        boxes.append(draw(surface, text, *how, **place))
        return boxes[-1]

    monkeypatch.setattr(theme, "draw_text", noted)
    review, size = model(), (1280, 800)
    ReviewView(review).draw(pygame.Surface(size))
    rows = ReviewLayout.of(size, len(review.moments)).rows[:2]
    (label, cost), (following, _) = ([box for box in boxes if row.contains(box)] for row in rows)
    assert cost.top - label.bottom < (following.top - cost.bottom) / 2


def test_a_click_chooses_a_moment() -> None:
    review, size = model(), (1280, 800)
    view = ReviewView(review)
    view.click(ReviewLayout.of(size, 2).rows[1].center, size)
    assert review.moment is MOMENTS[1]
    view.click((1, 1), size)
    assert review.moment is MOMENTS[1]
