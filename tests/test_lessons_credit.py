from __future__ import annotations

from itertools import islice
from typing import get_args

import pytest

from models.lessons import Credit, CreditKnobs, Rally, SmallGames, Tell, decode_tell, encode
from training.lessons import credit, serve


@pytest.fixture(scope="module")
def games() -> SmallGames:
    (state,) = serve.states(CreditKnobs())
    assert isinstance(state, SmallGames)
    return state


@pytest.fixture(scope="module")
def states() -> list[Rally]:
    found = list(credit.run(CreditKnobs("rally")))
    assert all(isinstance(state, Rally) for state in found)
    return [state for state in found if isinstance(state, Rally)]


# By hand, from the course: one parameter, theta = P(move) = 0.5, and grad log pi is 2 for a move and -2 for none.
# The means of the rewards to go over the four games are (2 + 1 + 2 + 1) / 4 = 1.5, then (1 + 1 + 1 + 0) / 4 = 0.75
# twice.
@pytest.mark.parametrize(
    ("number", "way", "pushes", "gradient"),
    [
        (0, "total", (2, 2, 2), 4),
        (0, "to-go", (2, 1, 1), 4),
        (0, "baseline", (0.5, 0.25, 0.25), 1),
        (1, "total", (1, 1, 1), -2),
        (1, "to-go", (1, 1, 1), -2),
        (1, "baseline", (-0.5, 0.25, 0.25), -2),
        (2, "total", (2, 2, 2), -4),
        (2, "to-go", (2, 1, 1), -4),
        (2, "baseline", (0.5, 0.25, 0.25), -1),
        (3, "total", (1, 1, 1), 2),
        (3, "to-go", (1, 0, 0), -2),
        (3, "baseline", (-0.5, -0.75, -0.75), -2),
    ],
)
def test_the_pushes_of_the_courses_games(
    games: SmallGames, number: int, way: Credit, pushes: tuple[float, ...], gradient: float
) -> None:
    game = games.games[number]
    assert game.pushes[way] == pytest.approx(pushes)
    assert game.gradient[way] == pytest.approx(gradient)


def test_a_gradient_is_the_sum_of_pushes_times_slopes(games: SmallGames) -> None:
    for game in games.games:
        assert game.slopes == pytest.approx([2 if moved else -2 for moved in game.moved])
        for way in get_args(Credit):
            terms = (push * slope for push, slope in zip(game.pushes[way], game.slopes, strict=True))
            assert game.gradient[way] == pytest.approx(sum(terms))


def test_pushes_against_the_baseline_are_none_on_average(games: SmallGames) -> None:
    for step in range(3):
        assert sum(game.pushes["baseline"][step] for game in games.games) == pytest.approx(0)


def test_a_rally_is_told_at_once_and_decision_by_decision(states: list[Rally]) -> None:
    assert [len(state.moves) for state in states] == list(range(len(states)))
    assert len(states) > 30
    assert not any(state.pushes or state.reward for state in states[:-1])
    assert abs(states[-1].reward) == 1
    assert all(len(state.expected) == len(state.moves) for state in states)


def test_the_pushes_of_a_rally_fade_backwards_by_the_discount(states: list[Rally]) -> None:
    last = states[-1]
    count = len(last.moves)
    assert last.pushes["total"] == [last.reward] * count
    powers = [last.reward * last.gamma ** (count - 1 - place) for place in range(count)]
    assert last.gamma == 0.97
    assert last.pushes["to-go"] == pytest.approx(powers, rel=1e-5)
    surprises = [power - value for power, value in zip(powers, last.expected, strict=True)]
    assert last.pushes["baseline"] == pytest.approx(surprises, abs=1e-6)


def test_the_network_expects_something_of_the_point(states: list[Rally]) -> None:
    assert max(map(abs, states[-1].expected)) > 0.2
    assert max(map(abs, states[1].expected)) < 0.5


def test_the_picture_of_the_court_moves(states: list[Rally]) -> None:
    for state in states:
        assert len(state.court) == state.width**2 == 84 * 84
    assert not any(states[0].court)
    assert len({state.court for state in states}) > len(states) * 3 / 4


def test_a_rally_is_the_same_again_and_another_with_another_seed(states: list[Rally]) -> None:
    again, other = (list(islice(credit.run(CreditKnobs("rally", seed)), 12)) for seed in (0, 1))
    assert again == states[:12]
    assert other[1:] != again[1:]


def test_a_rally_passes_the_wire(states: list[Rally]) -> None:
    tell = Tell(3, states[-1])
    assert decode_tell(encode(tell)) == tell
