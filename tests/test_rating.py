"""The person's rating: its arithmetic, its file, and where it is shown."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from msgspec.structs import replace

from agents.pong import Side
from app.command.main import main
from app.game.levels import LEVELS, nearest, ratings_of
from app.game.lineup import Ladder, Person, Policy, Rom, Script, Tracker
from app.game.match import Point
from app.game.rating import (
    HALF_LIFE,
    MAX_MATCHES,
    POINTS_AS_ONE,
    PRIOR_DEVIATION,
    PRIOR_RATING,
    History,
    MatchRecord,
    chance_of_a_point,
    rate,
    records_of,
)
from models.errors import UserError


def match(won: int, lost: int, rating: float = 1000, day: str = "2026-11-25") -> MatchRecord:
    return MatchRecord(day, "Casual", rating, won, lost)


def test_the_chance_of_a_point_is_that_of_chess() -> None:
    assert chance_of_a_point(1000, 1000) == 0.5
    assert chance_of_a_point(1400, 1000) == pytest.approx(10 / 11)
    assert chance_of_a_point(1000, 1400) == pytest.approx(1 / 11)


def test_without_a_match_there_is_no_rating() -> None:
    assert rate([]) is None


def test_the_rating_is_the_most_probable_one() -> None:
    matches = [match(21, 14), match(9, 21, 1200), match(21, 3, 700)]
    rating = rate(matches)
    assert rating is not None
    assert rating.matches == 3
    # The posterior on a fine grid: a slow oracle.
    grid = np.arange(0.0, 2000.0, 0.5)
    log_posterior = -0.5 * ((grid - PRIOR_RATING) / PRIOR_DEVIATION) ** 2
    for age, played in zip((2, 1, 0), matches, strict=True):
        chance = 1 / (1 + 10 ** ((played.rating - grid) / 400))
        weight = 0.5 ** (age / HALF_LIFE) / POINTS_AS_ONE
        log_posterior += weight * (played.won * np.log(chance) + played.lost * np.log(1 - chance))
    assert rating.value == pytest.approx(grid[log_posterior.argmax()], abs=0.5)
    density = np.exp(log_posterior - log_posterior.max())
    deviation = math.sqrt((density * (grid - rating.value) ** 2).sum() / density.sum())
    assert (rating.high - rating.low) / 2 == pytest.approx(1.96 * deviation, rel=0.05)


def test_an_even_match_says_that_both_are_equal_and_more_matches_make_it_surer() -> None:
    one, many = rate([match(20, 20)]), rate([match(20, 20)] * 30)
    assert one is not None
    assert many is not None
    assert PRIOR_RATING < one.value < 1000
    assert many.value == pytest.approx(1000, abs=10)
    assert many.high - many.low < (one.high - one.low) / 2


@pytest.mark.parametrize("record", [(21, 0), (0, 21)])
def test_a_shutout_has_a_rating_too(record: tuple[int, int]) -> None:
    rating = rate([match(*record)] * 50)
    assert rating is not None
    assert math.isfinite(rating.value)
    assert (rating.value > 1000) == (record[0] > 0)


def test_newer_matches_count_more() -> None:
    better, worse = [match(3, 21)] * 10 + [match(21, 3)] * 10, [match(21, 3)] * 10 + [match(3, 21)] * 10
    after_better, after_worse = rate(better), rate(worse)
    assert after_better is not None
    assert after_worse is not None
    assert after_better.value > 1000 > after_worse.value


def test_what_is_remembered_of_a_game() -> None:
    low, high = f"Ladder: {LEVELS[0].name}", f"Ladder: {LEVELS[1].name}"
    points = [
        Point(Side.RIGHT, (low, "You")),
        Point(Side.RIGHT, (low, "You")),
        Point(Side.LEFT, (high, "You")),
        Point(Side.RIGHT, (low, "You")),
    ]
    records = records_of(points, Side.RIGHT, {low: 500.0, high: 700.0}, "2026-11-25")
    assert records == [
        MatchRecord("2026-11-25", low, 500, 3, 0),
        MatchRecord("2026-11-25", high, 700, 0, 1, continued=True),
    ]
    assert records_of(points, Side.RIGHT, {}, "2026-11-25") == []


def test_a_ladders_levels_are_one_match() -> None:
    rungs = [match(3, 0), replace(match(0, 2, 1200), continued=True), replace(match(4, 4, 1100), continued=True)]
    rating = rate([match(21, 3), *rungs])
    assert rating is not None
    assert rating.matches == 2
    one_by_one = rate([match(21, 3), *(replace(rung, continued=False) for rung in rungs)])
    assert one_by_one is not None
    assert rating.value > one_by_one.value, "the first match is one match back, and not three"


def test_who_is_rated() -> None:
    level = LEVELS[2]
    assert ratings_of(level.player) == {level.name: level.rating}
    assert list(ratings_of(Ladder())) == [f"Ladder: {level.name}" for level in LEVELS]
    assert list(ratings_of(Rom())) == ["Atari CPU"]
    assert list(ratings_of(Tracker())) == ["Tracker"]
    assert list(ratings_of(Script("beginner"))) == ["Beginner"]
    for unrated in (Person(), Tracker(230), Policy("ppo", temperature=1.7), Script("still")):
        assert ratings_of(unrated) == {}


def test_the_nearest_level() -> None:
    assert nearest(-1e9) == 0
    assert nearest(1e9) == len(LEVELS) - 1
    assert nearest(LEVELS[3].rating) == 3


def test_matches_are_kept_and_can_be_deleted(tmp_path: Path) -> None:
    history = History(tmp_path / "folder" / "matches.json")
    assert history.load() == []
    history.add([match(21, 3)])
    history.add([match(4, 21), match(1, 2)])
    assert history.load() == [match(21, 3), match(4, 21), match(1, 2)]
    assert [file.name for file in history.path.parent.iterdir()] == ["matches.json"]
    history.forget()
    history.forget()
    assert history.load() == []


def test_only_so_many_matches_are_kept(tmp_path: Path) -> None:
    history = History(tmp_path / "matches.json")
    history.add([match(number % 99, 0) for number in range(MAX_MATCHES)])
    history.add([match(0, 21)])
    kept = history.load()
    assert len(kept) == MAX_MATCHES
    assert kept[-1] == match(0, 21)
    assert kept[0] == match(1, 0)


def test_a_damaged_file_is_left_alone(tmp_path: Path) -> None:
    history = History(tmp_path / "matches.json")
    history.path.write_text('[{"day"')
    with pytest.raises(UserError, match="delete it to start again"):
        history.load()
    with pytest.raises(UserError):
        history.add([match(21, 3)])
    assert history.path.read_text() == '[{"day"'


def test_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("VOLLEY_DATA", str(tmp_path))
    assert main(["rating"]) == 0
    assert "no rated match yet; a good first opponent: Amateur" in capsys.readouterr().out, "as the menu opens"
    assert main(["rating", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["rating"] is None
    History().add([match(21, 10)] * 3)
    assert main(["rating"]) == 0
    out = capsys.readouterr().out
    rating = rate([match(21, 10)] * 3)
    assert rating is not None
    assert f"your rating: {rating.text}" in out
    assert f"a fair opponent: {LEVELS[nearest(rating.value)].name}" in out
    assert main(["rating", "--json"]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert (figures["rating"], figures["matches"]) == (pytest.approx(rating.value), 3)
