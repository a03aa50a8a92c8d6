"""Leagues: who takes part, the schedule, the file of results, ratings, and the command."""

from __future__ import annotations

import io
import json
import time
from collections import Counter
from collections.abc import Generator, Iterator
from multiprocessing import active_children
from multiprocessing.process import BaseProcess
from pathlib import Path
from threading import Thread

import msgspec
import numpy as np
import pytest
from rich.console import Console

from app.command.main import main
from app.command.output import printable
from app.game.levels import LEVELS
from app.game.lineup import Policy, Rom, Script, Tracker
from app.league import entrants as entrants_module
from app.league.entrants import Entrant, entrant
from app.league.games import Fixture, Result, ResultsFile, play, play_all, schedule
from app.league.ratings import AVERAGE, Games, ratings, standings
from app.league.report import share, table
from models.errors import UserError


@pytest.mark.parametrize(
    ("name", "player"),
    [
        ("cpu", Rom()),
        ("tracker", Tracker()),
        ("tracker:230ms", Tracker(230)),
        ("casual", Script("casual")),
        ("ppo", Policy("ppo")),
        ("ppo:greedy", Policy("ppo", greedy=True)),
        ("ppo@153600:greedy:100ms", Policy("ppo@153600", greedy=True, reaction_ms=100)),
        ("ppo:230ms:6rows", Policy("ppo", reaction_ms=230, misjudgement=6)),
    ],
)
def test_names_of_players(name: str, player: Policy | Tracker | Script | Rom) -> None:
    found = entrant(name)
    assert found.player == player
    assert found.name == name
    assert found.identity.startswith(f"{name}#")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("nobody", "'nobody' is neither"),
        ("", "'' holds no model"),
        ("no\nbody", "is neither"),
        ("cpu:greedy", "only models are greedy"),
        ("casual:100ms", "only models and the tracker take a reaction time"),
        ("ppo:2000ms", "at most 1000 ms"),
        ("ppo:61rows", "at most 60 rows"),
        ("casual:5rows", "only models are greedy or misjudge"),
    ],
)
def test_names_of_nobody(name: str, said: str) -> None:
    with pytest.raises(UserError, match=said):
        entrant(name)


def test_the_identity_of_a_model_changes_with_its_weights(model_directory: Path) -> None:
    before = entrant(str(model_directory)).identity
    weights = model_directory / "model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    assert entrant(str(model_directory)).identity != before


def test_the_identity_of_a_level_changes_with_how_it_plays(monkeypatch: pytest.MonkeyPatch) -> None:
    level = LEVELS[0]
    before = entrant(level.name).identity
    weaker = msgspec.structs.replace(level.player, misjudgement=level.player.misjudgement + 1)
    monkeypatch.setattr(entrants_module, "LEVELS", (msgspec.structs.replace(level, player=weaker), *LEVELS[1:]))
    assert entrant(level.name).identity != before


def test_both_players_of_a_pair_get_both_sides_with_each_seed() -> None:
    entrants = [entrant(name) for name in ("tracker", "casual", "cpu")]
    fixtures = schedule(entrants, 4, seed=10)
    assert len(fixtures) == len(set(fixtures)) == 3 * 4
    tracker, human, cpu = (entrant.identity for entrant in entrants)
    sides = Counter((fixture.left, fixture.right) for fixture in fixtures)
    assert sides == {(tracker, human): 2, (human, tracker): 2, (cpu, tracker): 4, (cpu, human): 4}
    assert [fixture.seed for fixture in fixtures if {fixture.left, fixture.right} == {tracker, human}] == [
        10,
        10,
        11,
        11,
    ]
    assert sorted(fixture.seed for fixture in fixtures if fixture.right == human and fixture.left == cpu) == [
        10,
        11,
        12,
        13,
    ]


def test_a_game_is_the_same_each_time() -> None:
    left, right = entrant("still"), entrant("tracker")
    fixtures = [Fixture(left.identity, right.identity, seed) for seed in (2, 2, 3)]
    once, again, other = _played(fixtures, left, right)
    assert once == again
    assert once.finished
    assert max(once.score) == 21
    assert other.score != once.score or other.frames != once.frames


def _played(fixtures: list[Fixture], *entrants: Entrant) -> list[Result]:
    """The results in the order of their games."""
    results = list(play(fixtures, {entrant.identity: entrant for entrant in entrants}))
    return [next(result for result in results if result.fixture == fixture) for fixture in fixtures]


def test_results_are_kept_and_a_half_written_line_is_passed_over(tmp_path: Path) -> None:
    file = ResultsFile(tmp_path / "new" / "league.jsonl")
    first, second = Fixture("a", "b", 0), Fixture("b", "a", 0)
    assert file.load([first, second]) == []
    file.add(Result(first, (21, 3), 5000, finished=True))
    with file.path.open("a") as stream:
        stream.write('{"fixture": {"left": "b", "ri')
    file.add(Result(second, (4, 21), 6000, finished=True))
    assert file.load([first, second]) == [
        Result(first, (21, 3), 5000, finished=True),
        Result(second, (4, 21), 6000, finished=True),
    ]
    assert file.load([second]) == [Result(second, (4, 21), 6000, finished=True)]


def test_a_rating_is_the_log_odds_of_a_point() -> None:
    # Two players, 300 : 100 points and half a win on either side: odds of 300.5 : 100.5, and 400 log10 of that.
    won = np.array([[0, 300], [100, 0]], float)
    difference = 400 * np.log10(300.5 / 100.5)
    assert ratings(won) == pytest.approx([AVERAGE + difference / 2, AVERAGE - difference / 2])
    assert ratings(won, fixed=1) == pytest.approx([AVERAGE + difference, AVERAGE])


def test_ratings_recover_the_strengths_that_made_the_results() -> None:
    random = np.random.default_rng(0)
    strengths = np.array([1400.0, 1150, 1000, 800, 650])
    chance = 1 / (1 + 10 ** ((strengths[None] - strengths[:, None]) / 400))
    won = np.zeros((5, 5))
    for one in range(5):
        for other in range(one):
            won[one, other] = random.binomial(4000, chance[one, other])
            won[other, one] = 4000 - won[one, other]
    assert ratings(won) == pytest.approx(strengths, abs=15)


def test_points_and_games_are_counted_for_both_sides() -> None:
    results = [
        Result(Fixture("a", "b", 0), (21, 10), 1, finished=True),
        Result(Fixture("b", "a", 0), (21, 15), 1, finished=True),
        Result(Fixture("a", "b", 1), (3, 2), 1, finished=False),
    ]
    games = Games.of(["a", "b"], results)
    assert games.points_won.tolist() == [[0, 21 + 15 + 3], [10 + 21 + 2, 0]]
    assert games.games_won.tolist() == [[0, 1], [1, 0]]
    best, _ = standings(["a", "b"], results)
    assert (best.name, best.points, best.games) == ("a", (39, 33), (1, 3))
    assert share(*best.points) == pytest.approx(39 / 72)


def test_intervals_hold_the_rating_and_shrink_with_more_games() -> None:
    random = np.random.default_rng(1)

    def width(count: int) -> float:
        results = [
            Result(Fixture("a", "b", seed), (21, int(random.integers(5, 15))), 1, finished=True)
            for seed in range(count)
        ]
        rating = standings(["a", "b"], results)[0].by_points
        assert rating.low < rating.value < rating.high
        return rating.high - rating.low

    assert width(400) < width(25) / 2


def test_a_shutout_has_a_finite_rating() -> None:
    results = [Result(Fixture("a", "b", seed), (21, 0), 1, finished=True) for seed in range(4)]
    best, worst = standings(["a", "b"], results, anchor="b")
    assert list(worst.by_points) == [AVERAGE] * 3
    assert 1000 < best.by_points.value < 2000


def test_who_wins_every_game_may_still_have_been_lucky() -> None:
    """Of ten games, all are won one time in three by who wins nine of ten."""
    results = [Result(Fixture("a", "b", seed), (21, 5 + seed), 1, finished=True) for seed in range(10)]
    best, worst = standings(["a", "b"], results, anchor="b")
    rating = best.by_games
    assert list(worst.by_games) == [AVERAGE] * 3
    nine_of_ten = 1000 + 400 * np.log10(9)
    assert rating.low < nine_of_ten < rating.value <= rating.high


@pytest.fixture
def three(tmp_path: Path) -> list[str]:
    return ["league", "still", "casual", "cpu", "--games", "2", "--results", str(tmp_path / "league.jsonl")]


def test_the_command_prints_a_table_and_plays_nothing_twice(
    three: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main([*three, "--json", "--picture", str(tmp_path / "league.png")]) == 0
    league = json.loads(capsys.readouterr().out)
    assert [player["name"] for player in league["players"]] == ["cpu", "casual", "still"]
    assert league["players"][1]["rating_by_points"]["value"] == AVERAGE
    assert league["points"]["casual"]["still"] == league["points"]["still"]["casual"][::-1]
    assert (tmp_path / "league.png").stat().st_size > 5000
    monkeypatch.setattr("app.league.games._play", lambda _: pytest.fail("it was played before"))
    assert main(three) == 0
    out = capsys.readouterr().out
    assert "player" in out
    assert "2 games a pair, seeds from 0" in out


def test_ctrl_c_keeps_what_was_played(
    three: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(fixtures: list[Fixture], *_: object) -> Iterator[Result]:
        for number, fixture in enumerate(fixtures):
            if number == 1:
                raise KeyboardInterrupt
            yield Result(fixture, (21, 0), 1, finished=True)

    monkeypatch.setattr("app.league.games.play_all", interrupted)
    assert main(three) == 130
    assert "stopped after 1 of 6 games" in capsys.readouterr().out
    assert len((tmp_path / "league.jsonl").read_text().splitlines()) == 1


def test_a_killed_process_ends_the_league_in_a_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.command.league.cores", lambda: 2)
    killer = Thread(target=_kill_one_of, args=(set(active_children()),))
    killer.start()
    assert main(["league", "still", "tracker", "--games", "200", "--results", str(tmp_path / "league.jsonl")]) == 2
    killer.join()
    assert capsys.readouterr().err.endswith("results so far are kept, and the same command goes on from there\n")


def _kill_one_of(others: set[BaseProcess]) -> None:
    """Waits for a process that is not one of the others."""
    while not (new := set(active_children()) - others):
        time.sleep(0.05)
    new.pop().kill()


@pytest.mark.slow
def test_what_is_being_played_is_not_waited_for() -> None:
    entrants, others = [entrant("still"), entrant("tracker")], set(active_children())
    results = play_all(schedule(entrants, 4, seed=0), entrants, 4)
    assert isinstance(results, Generator)
    next(results)
    start = time.monotonic()
    results.close()
    assert time.monotonic() - start < 5
    assert set(active_children()) <= others


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["ppo"], "at least two players"),
        (["ppo", "ppo"], "at least two players"),
        (["ppo", "nobody"], "'nobody' is neither"),
        (["ppo", "casul"], "or a script: tracker, predictor, casual"),
        (["ppo", "rookie"], "or a level, such as Rookie"),
        (["still", "cpu", "--games", "1", "--picture", "picture"], "its name must end in .png or .svg"),
        (["ppo", "cpu", "--games", "0"], "'0' is not a whole number"),
        (
            ["still", "cpu", "--games", "1", "--picture", "no-such-folder/x.png"],
            "cannot write no-such-folder/x.png: there is no folder no-such-folder",
        ),
    ],
)
def test_mistakes_are_one_line(
    arguments: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["league", *arguments, "--results", str(tmp_path / "league.jsonl")]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1


@pytest.mark.parametrize("seed", [800_000_000, 2**31 - 1])
def test_large_seeds_are_played(seed: int) -> None:
    left, right = entrant("still"), entrant("tracker")
    (result,) = _played([Fixture(left.identity, right.identity, seed)], left, right)
    assert result.finished


@pytest.mark.parametrize("name", ["[/x]", "[bold]a", "a\x1b]0;owned\x07\x9b2J"])
def test_a_players_name_is_shown_as_it_is_and_does_nothing_to_the_terminal(name: str) -> None:
    results = [Result(Fixture("a", "b", 0), (21, 10), 1, finished=True)]
    console = Console(file=io.StringIO(), force_terminal=True, width=120)
    console.print(table(standings(["a", "b"], results), {"a": name, "b": "other"}))
    assert isinstance(console.file, io.StringIO)
    shown = console.file.getvalue()
    assert printable(name) in shown
    assert "\x1b]" not in shown
    assert "\x9b" not in shown
