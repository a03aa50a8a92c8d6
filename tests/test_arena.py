"""The court for two as an environment."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from numpy.typing import NDArray
from pettingzoo.utils.conversions import parallel_to_aec

from agents.base import Frame, control_of
from agents.named import script
from agents.pong import Court, Side
from agents.preprocessing import FrameStacker, mirrored
from agents.sight import look, look_from_left
from models.spec import MINIMAL_ACTIONS, FrameObservation
from training.arena.parallel import CourtForTwo
from training.arena.single import CourtEnv
from training.arena.table import Matchup, Outcome, Player, Table


@pytest.mark.parametrize("frame_skip", [2, 4])
def test_a_table_plays_and_shows_exactly_what_a_court_with_frame_stackers_does(frame_skip: int) -> None:
    spec = FrameObservation(frame_skip=frame_skip)
    seen = np.zeros((2, *spec.shape), np.uint8)
    table = Table(spec, MINIMAL_ACTIONS, seen, seed=3)
    table.begin(Matchup(Player.NETWORK, Player.NETWORK), idle_frames=7)
    court = Court(seed=3)
    court.reset(idle_frames=7)
    stackers = FrameStacker(spec), FrameStacker(spec)
    expected = _push(court, stackers)
    random = np.random.default_rng(5)
    points = 0
    for _ in range(700):
        assert np.array_equal(seen, expected)
        actions = random.integers(len(MINIMAL_ACTIONS), size=2)
        left, right = (control_of(MINIMAL_ACTIONS[action]) for action in actions)
        before = court.score
        for _ in range(frame_skip):
            court.step(right, left)
            expected = _push(court, stackers)
        outcome = table.step(actions)
        assert outcome.reward == (court.score.right - before.right) - (court.score.left - before.left)
        points += abs(outcome.reward)
        assert table.court.fingerprint() == court.fingerprint()
    assert points > 5 // (4 // frame_skip)


def _push(court: Court, stackers: tuple[FrameStacker, FrameStacker]) -> NDArray[np.uint8]:
    grey = court.grey()
    stackers[Side.LEFT].push(mirrored(grey))
    stackers[Side.RIGHT].push(grey)
    return np.stack([stacker.stacked for stacker in stackers])


def test_scripts_at_a_table_play_as_they_do_in_a_match() -> None:
    spec = FrameObservation()
    table = Table(spec, MINIMAL_ACTIONS, np.zeros((2, *spec.shape), np.uint8), seed=0)
    table.begin(Matchup(Player.TRACKER, Player.TRACKER), idle_frames=3)
    court = Court()
    court.reset(idle_frames=3)
    players = [script("tracker", seed=seed) for seed in _seeds_of_a_table(0)]
    for _ in range(300):
        for _ in range(spec.frame_skip):
            grey = court.grey()
            right, left = players[Side.RIGHT].observe(grey), players[Side.LEFT].observe(mirrored(grey))
            court.step(right.control, left.control)
        table.step(np.zeros(2, np.int64))
        assert table.court.fingerprint() == court.fingerprint()


def _seeds_of_a_table(seed: int) -> list[int]:
    random = np.random.default_rng(seed)
    return [int(random.integers(2**31)) for _ in Side]


def test_the_left_player_sees_what_it_would_on_the_right() -> None:
    frames = [grey for grey in _random_game(3000) if not _ball_on_paddle(grey)]
    assert len(frames) > 2500
    for grey in frames:
        assert look_from_left(grey) == look(mirrored(grey))


def _random_game(length: int) -> list[Frame]:
    court, random = Court(), np.random.default_rng(0)
    frames = []
    for frame in range(length):
        if frame % 6 == 0:
            left, right = (control_of(MINIMAL_ACTIONS[action]) for action in random.integers(6, size=2))
        court.step(right, left)
        frames.append(court.grey())
    return frames


def _ball_on_paddle(grey: Frame) -> bool:
    ball = look(grey).ball
    return ball is not None and (ball.column < 24 or ball.column > 136)


def test_a_rally_without_end_is_cut_off_as_a_truncation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("training.arena.table.LONGEST_RALLY", 200)
    spec = FrameObservation()
    table = Table(spec, MINIMAL_ACTIONS, np.zeros((2, *spec.shape), np.uint8), seed=0)
    table.begin(Matchup(Player.TRACKER, Player.TRACKER))
    outcomes: list[Outcome] = []
    while not outcomes or not (outcomes[-1].terminated or outcomes[-1].truncated):
        outcomes.append(table.step(np.zeros(2, np.int64)))
    assert outcomes[-1].truncated
    assert not outcomes[-1].terminated
    assert table.court.frames >= 200


@pytest.mark.filterwarnings("ignore:.*render_modes.*")
def test_gymnasium_accepts_the_environment_against_a_script() -> None:
    check_env(CourtEnv("casual", render_mode="rgb_array"), skip_render_check=True)


def test_a_game_against_a_named_opponent_goes_on_to_its_end() -> None:
    environment = CourtEnv("predictor")
    environment.reset(seed=1)
    rewards, scores, over = [], [(0, 0)], False
    while not over:
        _, reward, terminated, truncated, info = environment.step(np.int64(0))
        rewards.append(float(reward))
        scores.append(info["score"])
        over = terminated or truncated
    assert terminated
    assert scores[-1][0] == 21
    assert sum(rewards) == scores[-1][1] - 21
    assert all(a[0] <= b[0] and a[1] <= b[1] for a, b in pairwise(scores))


@pytest.mark.filterwarnings("ignore:The old environment creation API:DeprecationWarning")  # PettingZoo's own
def test_pettingzoo_accepts_the_environment() -> None:
    from pettingzoo.test import parallel_api_test, parallel_seed_test  # noqa: PLC0415 - it warns, so only here

    parallel_api_test(CourtForTwo(), num_cycles=200)
    parallel_seed_test(CourtForTwo, num_cycles=50)


@pytest.mark.filterwarnings("ignore:The old environment creation API:DeprecationWarning")
def test_pettingzoo_renders_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    from pettingzoo.test import render_test  # noqa: PLC0415 - as above

    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    render_test(lambda **options: parallel_to_aec(CourtForTwo(**options)))


@pytest.mark.slow
def test_the_programs_of_the_documentation_play_a_game(capsys: pytest.CaptureFixture[str]) -> None:
    text = (Path(__file__).parents[1] / "docs" / "two.md").read_text(encoding="utf-8")
    programs = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    assert len(programs) == 2
    for program in programs:
        exec(program.replace('"human"', '"rgb_array"'), {})  # noqa: S102 - it is our own
        score = capsys.readouterr().out
        assert score.startswith("left, right: (")
        assert "21" in score


@pytest.mark.parametrize("seed", [2**31 - 1, 2**31, 2**40])
def test_an_environment_takes_large_seeds(seed: int) -> None:
    environment = CourtEnv("still")
    first, _ = environment.reset(seed=seed)
    again, _ = environment.reset(seed=seed)
    assert np.array_equal(first, again)
