"""What holds of replays in files and of ratings, whatever was played."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import get_args

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from properties import examples

from agents.base import Control
from agents.persona import PersonaName
from agents.pong import Score
from app.game import replay
from app.game.lineup import Ladder, Lineup, Person, Policy, Rom, Script, Tracker
from app.game.rating import MAX_MATCHES, PRIOR_RATING, History, MatchRecord, PersonRating, rate
from app.game.replay import Replay
from app.league import ratings as ratings_module
from app.league.games import Fixture, Result
from app.league.ratings import AVERAGE, Games, ratings, standings
from models.errors import UserError

CONTROLS = st.builds(Control, st.integers(-100, 100), st.booleans())
PLAYED = st.lists(st.tuples(st.none() | CONTROLS, CONTROLS), min_size=1, max_size=60)
DELAYS = st.integers(0, 1000)
RIGHT = st.one_of(
    st.just(Person()),
    st.builds(Tracker, DELAYS),
    st.builds(Script, st.sampled_from(get_args(PersonaName))),
    st.builds(Policy, st.text(), st.floats(0.05, 5), st.booleans(), DELAYS, st.floats(0, 60)),
    st.builds(Ladder, st.integers(0, 30)),
)
HASHES = st.just("") | st.binary(min_size=32, max_size=32).map(bytes.hex)
NAMES = st.text(max_size=200)
POINTS = st.integers(0, 21)


@st.composite
def replays(draw: st.DrawFn) -> tuple[Replay, list[tuple[Control | None, Control]]]:
    controls = draw(PLAYED)
    recorded = Replay.of(
        controls,
        draw(st.binary(min_size=128, max_size=128)),
        lineup=Lineup(draw(RIGHT | st.just(Rom())), draw(RIGHT)),
        names=(draw(NAMES), draw(NAMES)),
        models=(draw(HASHES), draw(HASHES)),
        seed=draw(st.integers(0, 2**31 - 1)),
        idle_frames=draw(st.integers(0, 30)),
        score=Score(draw(POINTS), draw(POINTS)),
    )
    return recorded, controls


@examples(60)
@given(replays())
def test_a_replay_is_read_as_it_was_written(
    made: tuple[Replay, list[tuple[Control | None, Control]]],
) -> None:
    recorded, controls = made
    with TemporaryDirectory() as folder:
        path = Path(folder) / "new" / "game.volley"
        replay.save(recorded, path)
        read = replay.load(path)
    assert read == recorded
    assert read.controls() == controls
    assert read.frames == len(controls)


@examples(60)
@given(replays(), st.data())
def test_a_replay_with_any_bit_changed_or_any_byte_missing_is_refused(
    made: tuple[Replay, list[tuple[Control | None, Control]]], data: st.DataObject
) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "game.volley"
        replay.save(made[0], path)
        content = bytearray(path.read_bytes())
        place = data.draw(st.integers(0, len(content) - 1))
        if data.draw(st.booleans()):
            content[place] ^= 1 << data.draw(st.integers(0, 7))
        else:
            del content[place:]
        path.write_bytes(content)
        with pytest.raises(UserError, match=r"damaged|not a Volley replay"):
            replay.load(path)


MATCHES = st.lists(
    st.builds(MatchRecord, st.dates().map(str), st.text(), st.floats(0, 2500), st.integers(0, 98), st.integers(0, 98)),
    min_size=1,
    max_size=30,
)


def rated(matches: Sequence[MatchRecord]) -> PersonRating:
    rating = rate(matches)
    assert rating is not None
    return rating


@examples(60)
@given(MATCHES, st.data())
def test_a_point_more_never_lowers_a_persons_rating(matches: list[MatchRecord], data: st.DataObject) -> None:
    before = rated(matches).value
    which = data.draw(st.integers(0, len(matches) - 1))
    for won, lost, sign in ((1, 0, 1), (0, 1, -1)):
        match = matches[which]
        changed = msgspec.structs.replace(match, won=match.won + won, lost=match.lost + lost)
        after = rated([*matches[:which], changed, *matches[which + 1 :]]).value
        assert sign * (after - before) > -1e-6


@examples(60)
@given(MATCHES)
def test_a_persons_rating_is_turned_around_with_the_points(matches: list[MatchRecord]) -> None:
    turned = [
        msgspec.structs.replace(match, won=match.lost, lost=match.won, rating=2 * PRIOR_RATING - match.rating)
        for match in matches
    ]
    one, other = rated(matches), rated(turned)
    assert one.value + other.value == pytest.approx(2 * PRIOR_RATING, abs=1e-6)
    assert one.low + other.high == pytest.approx(2 * PRIOR_RATING, abs=1e-6)
    assert one.low < one.value < one.high
    assert one.value - one.low == pytest.approx(one.high - one.value)


@examples(60)
@given(MATCHES)
def test_a_persons_rating_is_where_points_won_are_those_expected(matches: list[MatchRecord]) -> None:
    # At the most probable rating, what was won beyond expectation outweighs the distance from the prior: the score
    # equation, in points: sum of w (won - points p) = (rating - 800) / 300^2 * (400 / ln 10), w = half of 2^(-age/12).
    value = rated(matches).value
    beyond = 0.0
    for age, match in enumerate(reversed(matches)):
        chance = 1 / (1 + 10 ** ((match.rating - value) / 400))
        beyond += 0.5 * 2 ** (-age / 12) * (match.won - (match.won + match.lost) * chance)
    assert beyond == pytest.approx((value - 800) / 300**2 * 400 / np.log(10), abs=1e-6)


@examples(30)
@given(st.lists(MATCHES, min_size=1, max_size=4))
def test_the_file_of_matches_keeps_them_in_order(parts: list[list[MatchRecord]]) -> None:
    with TemporaryDirectory() as folder:
        history = History(Path(folder) / "matches.json")
        for part in parts:
            history.add(part)
        assert history.load() == [match for part in parts for match in part][-MAX_MATCHES:]


@st.composite
def tables(draw: st.DrawFn) -> NDArray[np.float64]:
    """Wins of each player against each other one, from none at all to a hundred shutouts."""
    players = draw(st.integers(2, 5))
    counts = st.integers(0, 300) | st.sampled_from([0, 2100])
    won = draw(arrays(np.float64, (players, players), elements=counts.map(float)))
    np.fill_diagonal(won, 0)
    return won


@examples(30)
@given(tables(), st.data())
def test_a_win_more_never_lowers_a_rating(won: NDArray[np.float64], data: st.DataObject) -> None:
    winner, loser = data.draw(st.permutations(range(len(won))).map(lambda order: order[:2]))
    more = won.copy()
    more[winner, loser] += 1
    before, after = ratings(won), ratings(more)
    assert after[winner] > before[winner]
    assert after[loser] < before[loser]


@examples(30)
@given(tables(), st.data())
def test_ratings_do_not_depend_on_who_is_named_first(won: NDArray[np.float64], data: st.DataObject) -> None:
    order = data.draw(st.permutations(range(len(won))))
    found = ratings(won)
    assert found.mean() == pytest.approx(AVERAGE)
    assert ratings(won[np.ix_(order, order)]) == pytest.approx(found[order], abs=1e-3)
    assert ratings(won.T) == pytest.approx(2 * AVERAGE - found, abs=1e-3), "who wins instead of losing is as far above"
    anchored = ratings(won, 1)
    assert anchored[1] == AVERAGE
    assert anchored - anchored.mean() == pytest.approx(found - found.mean())


def test_a_player_who_has_not_played_is_rated_beside_a_shutout() -> None:
    # With half a win added to either side of each pair, the third has 2000.5 of 2001 and 0.5 of 1: as many as expected.
    won = np.zeros((3, 3))
    won[2, 1] = 2000
    middle, low, high = ratings(won)
    assert middle == pytest.approx(AVERAGE, abs=1e-3)
    assert high - middle == pytest.approx(middle - low, abs=1e-3)
    expected = 2001 / (1 + 10 ** ((low - high) / 400)) + 1 / (1 + 10 ** ((middle - high) / 400))
    assert expected == pytest.approx(2000.5 + 0.5, abs=1e-6)


@examples(60)
@given(st.integers(0, 3000), st.integers(0, 3000))
def test_the_ratings_of_two_by_hand(won: int, lost: int) -> None:
    # Half a win is added to either side; odds of 10 to 1 are 400 apart.
    one, other = ratings(np.array([[0.0, won], [lost, 0.0]]))
    assert one - other == pytest.approx(400 * np.log10((won + 0.5) / (lost + 0.5)), abs=1e-3)


PLAYERS = ("a", "b", "c")
RESULTS = st.lists(
    st.builds(
        lambda sides, seed, score, finished: Result(Fixture(sides[0], sides[1], seed), score, 1, finished),
        st.permutations(PLAYERS),
        st.integers(0, 99),
        st.tuples(POINTS, POINTS),
        st.booleans(),
    ),
    min_size=1,
    max_size=12,
)


def sides_exchanged(result: Result) -> Result:
    fixture = Fixture(result.fixture.right, result.fixture.left, result.fixture.seed)
    return msgspec.structs.replace(result, fixture=fixture, score=result.score[::-1])


@examples(12)
@given(RESULTS, st.randoms(use_true_random=False))
def test_a_table_does_not_depend_on_order_or_sides(results: list[Result], random: Random) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ratings_module, "RESAMPLES", 5)
        table = {row.name: row for row in standings(PLAYERS, results)}
        shuffled = list(results)
        random.shuffle(shuffled)
        others = [standings(PLAYERS, shuffled), standings(PLAYERS, [sides_exchanged(each) for each in results])]
        others.append(standings(PLAYERS[::-1], results))
    values = [row.by_points.value for row in others[0]]
    assert values == sorted(values, reverse=True)
    for other in others:
        for row in other:
            assert row.points == table[row.name].points
            assert row.games == table[row.name].games
            assert row.by_points.value == pytest.approx(table[row.name].by_points.value, abs=1e-3)
            assert row.by_games.value == pytest.approx(table[row.name].by_games.value, abs=1e-3)


@examples(10)
@given(RESULTS)
def test_an_interval_holds_its_rating(results: list[Result]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ratings_module, "RESAMPLES", 25)
        table = standings(PLAYERS, results)
    for row in table:
        for rating in (row.by_points, row.by_games):
            assert rating.low - 1e-6 <= rating.value <= rating.high + 1e-6


@examples(60)
@given(RESULTS)
def test_every_point_and_every_finished_game_is_counted_once(results: list[Result]) -> None:
    games = Games.of(PLAYERS, results)
    assert games.points_won.sum() == sum(sum(result.score) for result in results)
    decided = [result for result in results if result.finished and result.score[0] != result.score[1]]
    assert games.games_won.sum() == len(decided)
    for place, name in enumerate(PLAYERS):
        own = [result.score[0] for result in results if result.fixture.left == name]
        own += [result.score[1] for result in results if result.fixture.right == name]
        assert games.points_won[place].sum() == sum(own)
