"""The story of a game: what the storyteller makes of balls and scores."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from duel import Duel

from agents.base import Frame
from agents.pong import FRAMES_PER_SECOND, Ball, Court, Score, Side
from app.game.story import Rally, Story, Storyteller

LEFT, RIGHT = Side.LEFT, Side.RIGHT


def ball(right: int, down: int = 1) -> Ball:
    """Where it is tells the storyteller nothing."""
    return Ball(80, 100, right, down)


def tell(teller: Storyteller, begun: int, flight: list[Ball | None], score: Score) -> list[Side | None]:
    """Shows a ball in each frame of a rally, and then the score it ends with; gives who is said to have scored."""
    before = teller.story.scores[-1]
    said = [teller.watch(begun + frame, before, ball) for frame, ball in enumerate(flight)]
    return [*said, teller.watch(begun + len(flight), score, None)]


def test_a_rally_by_hand() -> None:
    """Served to the right at frame 59; hit by the right, by a wall, by the left, by a wall, by the right; scored."""
    teller = Storyteller()
    for frame in range(59):
        assert teller.watch(frame, Score(0, 0), None) is None
    flight = [ball(1, 1), ball(1, 1), ball(-2, 1), ball(-2, -1), ball(3, -1), ball(3, 1), ball(-1, 1)]
    said = tell(teller, 59, [*flight], Score(0, 1))
    assert said == [None] * 7 + [RIGHT]
    assert teller.story.rallies == (Rally(RIGHT, hits=(1, 2), begun=59, ended=66),)
    assert teller.story.rallies[0].seconds == pytest.approx(7 / FRAMES_PER_SECOND)


def test_each_rally_is_counted_anew() -> None:
    teller = Storyteller()
    tell(teller, 10, [ball(1), ball(-1), ball(1)], Score(1, 0))
    tell(teller, 50, [None, None, ball(-1), ball(-1)], Score(1, 1))
    tell(teller, 90, [ball(1), ball(-1)], Score(1, 2))
    assert teller.story.rallies == (
        Rally(LEFT, hits=(1, 1), begun=10, ended=13),
        Rally(RIGHT, hits=(0, 0), begun=52, ended=54),
        Rally(RIGHT, hits=(0, 1), begun=90, ended=92),
    )
    assert teller.story.scores == ((0, 0), (1, 0), (1, 1), (1, 2))


def test_a_score_without_a_ball_is_a_rally_without_length() -> None:
    teller = Storyteller()
    assert teller.watch(5, Score(1, 0), None) is LEFT
    assert teller.story.rallies == (Rally(LEFT, hits=(0, 0), begun=5, ended=5),)


def test_going_back() -> None:
    teller = Storyteller()
    tell(teller, 10, [ball(1), ball(-1)], Score(1, 0))
    teller.watch(50, Score(1, 0), ball(-1))
    teller.watch(51, Score(1, 0), ball(1))
    moment = teller.memory()

    def goes_on() -> Story:
        teller.watch(52, Score(1, 0), ball(-1))
        assert teller.watch(53, Score(1, 1), None) is RIGHT
        return teller.story

    first = goes_on()
    assert first.rallies[1] == Rally(RIGHT, hits=(1, 1), begun=50, ended=53)
    tell(teller, 90, [ball(-1)], Score(2, 1))
    teller.recall(moment)
    assert len(teller.story.rallies) == 1
    assert goes_on() == first


def story(*rallies: tuple[Side, tuple[int, int]]) -> Story:
    return Story(tuple(Rally(winner, hits, begun=0, ended=60) for winner, hits in rallies))


def test_a_story_that_has_not_begun() -> None:
    nothing = story()
    assert nothing.scores == ((0, 0),)
    assert nothing.longest is None
    assert [nothing.aces(side) for side in Side] == [nothing.longest_run(side) for side in Side] == [0, 0]


def test_the_longest_rally_is_the_first_with_the_most_hits() -> None:
    whole = story((LEFT, (3, 2)), (RIGHT, (4, 4)), (LEFT, (5, 3)), (LEFT, (0, 0)))
    assert whole.longest is whole.rallies[1]


def test_an_ace_is_a_point_before_the_other_player_hits_the_ball() -> None:
    whole = story((LEFT, (0, 0)), (LEFT, (1, 0)), (LEFT, (1, 1)), (RIGHT, (0, 1)), (RIGHT, (1, 1)), (RIGHT, (1, 0)))
    assert whole.aces(LEFT) == 2
    assert whole.aces(RIGHT) == 1


def test_the_longest_run() -> None:
    whole = story(*((side, (0, 0)) for side in (LEFT, RIGHT, RIGHT, LEFT, RIGHT, RIGHT, RIGHT, LEFT, LEFT)))
    assert whole.longest_run(LEFT) == 2
    assert whole.longest_run(RIGHT) == 3


def drawn_ball(grey: Frame) -> int | None:
    """Its column in a picture, away from the walls."""
    columns = np.flatnonzero((grey[36:192] == 236).any(axis=0))
    return int(columns[0]) if columns.size else None


def turns(columns: list[int]) -> list[int]:
    """The direction after each turn of a ball that was drawn in these columns: 1 to the right, -1 to the left."""
    steps = [int(np.sign(later - earlier)) for earlier, later in pairwise(columns) if later != earlier]
    return [after for before, after in pairwise(steps) if after != before]


def test_a_real_game_against_a_count_from_its_pictures() -> None:
    court, duel, teller = Court(seed=1), Duel(seed=6), Storyteller()
    counted: list[tuple[Side, tuple[int, int]]] = []
    columns: list[int] = []
    while len(counted) < 16:
        before = court.score
        court.step(*duel.controls(court))
        said = teller.watch(court.frames, court.score, court.ball)
        column = drawn_ball(court.grey())
        if court.score == before:
            assert said is None
            columns += [] if column is None else [column]
            continue
        scored = LEFT if court.score.left > before.left else RIGHT
        assert said is scored
        hits = turns(columns)
        counted.append((scored, (hits.count(1), hits.count(-1))))
        columns.clear()
    assert [(rally.winner, rally.hits) for rally in teller.story.rallies] == counted
    assert teller.story.scores[-1] == court.score
    assert {winner for winner, _ in counted} == {LEFT, RIGHT}
    assert sum(left + right for _, (left, right) in counted) > 10


def test_there_is_no_ball_between_two_points() -> None:
    """The court says that there is a ball where one is drawn; in a point's own frame it is drawn a last time."""
    court, duel = Court(seed=1), Duel(seed=6)
    between = 0
    while sum(court.score) < 3:
        before = court.score
        court.step(*duel.controls(court))
        drawn, said = drawn_ball(court.grey()), court.ball
        if court.score != before:
            assert said is None
        elif said is None:
            assert drawn is None
            between += 1
        elif 36 < said.row < 188:
            assert drawn == said.column
    assert between > 150, "62 frames pass before each serve"
