"""Games that can be saved: those that are played again, and those against the ROM."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
import torch
from gymnasium.spaces import Box, Discrete
from msgspec.structs import replace
from numpy.typing import NDArray

from agents.base import control_of
from agents.pong import Court
from agents.preprocessing import FrameStacker
from models.spec import ActionName, ModelSpec
from training import solo
from training.environments import FINE_ACTIONS, make_games, specification
from training.games import NotRepeatableError, RepeatableGames
from training.pong import SoloGames
from training.solo import SoloGame

RANDOM = np.random.default_rng(3)


class Walk(gymnasium.Env[NDArray[np.float32], np.int64]):
    """Walks at random; an episode ends when it has gone far enough, or is cut off after 12 steps."""

    observation_space = Box(-100, 100, (2,), np.float32)
    action_space = Discrete(2)

    def __init__(self, **kwargs: Any) -> None:
        self._repeatable = kwargs.get("repeatable", True)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.float32], dict[str, Any]]:
        super().reset(seed=seed if self._repeatable else None, options=options)
        self._place, self._steps = float(self.np_random.normal()), 0
        return self._seen, {}

    def step(self, action: np.int64) -> tuple[NDArray[np.float32], float, bool, bool, dict[str, Any]]:
        self._place += self.np_random.normal() + (0.5 if action else -0.5)
        self._steps += 1
        return self._seen, self._place, abs(self._place) > 4, self._steps >= 12, {}

    @property
    def _seen(self) -> NDArray[np.float32]:
        return np.array([self._place, self._steps], np.float32)


@pytest.fixture(autouse=True)
def _walks() -> Iterator[None]:
    gymnasium.register("Walk-v0", Walk)
    gymnasium.register("Stroll-v0", Walk, kwargs={"repeatable": False})
    yield
    for name in ("Walk-v0", "Stroll-v0"):
        del gymnasium.registry[name]


def walks(name: str = "Walk-v0", *, seed: int = 5) -> RepeatableGames:
    games = make_games(specification(name, algorithm="ppo"), 4, sticky=0.0, seed=seed)
    assert isinstance(games, RepeatableGames)
    return games


def play(games: RepeatableGames | SoloGames, steps: int, *, seed: int) -> list[NDArray[Any]]:
    random, seen = np.random.default_rng(seed), []
    for _ in range(steps):
        observations, rewards, *ends, _ = games.step(random.integers(2, size=games.num_envs))
        seen += [observations, rewards, *ends]
    return seen


def same(one: list[NDArray[Any]], other: list[NDArray[Any]]) -> bool:
    return all(np.array_equal(*pair) for pair in zip(one, other, strict=True))


@pytest.mark.parametrize("steps", [0, 1, 7, 60])
def test_games_go_on_from_where_they_were_saved(steps: int) -> None:
    games = walks()
    games.reset()
    play(games, steps, seed=1)
    state = games.state_dict()
    last = play(games, 50, seed=2)
    again = walks()
    again.reset()
    again.load_state_dict(state)
    assert same(play(again, 50, seed=2), last)


def test_every_game_has_a_seed_of_its_own() -> None:
    games = walks()
    first, _ = games.reset()
    assert len(np.unique(first[:, 0])) == 4
    seen = [first]
    for _ in range(100):
        observations, _, terminations, truncations, _ = games.step(np.ones(4, np.int64))
        ended = terminations | truncations
        seen.append(observations[ended])
    starts = np.concatenate(seen)
    assert len(starts) > 20
    assert (starts[:, 1] == 0).all(), "an ended game is replaced within the same step"
    assert len(np.unique(starts[:, 0])) == len(starts)
    other, _ = walks(seed=6).reset()
    assert not np.isin(other[:, 0], first[:, 0]).any()


def test_the_last_observation_of_a_game_is_kept() -> None:
    games, before = walks(), np.zeros(4)
    games.reset()
    checked = 0
    for _ in range(100):
        observations, rewards, terminations, truncations, info = games.step(np.arange(4) % 2)
        for index in np.flatnonzero(terminations | truncations):
            assert info["final_obs"][index, 0] == pytest.approx(rewards[index], abs=1e-5)
            assert info["final_obs"][index, 1] == before[index] + 1
            checked += 1
        before = observations[:, 1]
    assert checked > 20


def test_new_games_after_a_reset_are_others() -> None:
    games = walks()
    first, _ = games.reset()
    games.step(np.zeros(4, np.int64))
    assert not np.array_equal(games.reset()[0], first)


def test_an_environment_that_goes_another_way_is_found_out() -> None:
    games = walks("Stroll-v0")
    games.reset()
    play(games, 20, seed=1)
    state = games.state_dict()
    with pytest.raises(NotRepeatableError, match="does not play its games again as they were"):
        walks("Stroll-v0").load_state_dict(state)


# Against the ROM


def solo_game(spec: ModelSpec, *, sticky: float = 0.0, seed: int = 1) -> tuple[SoloGame, NDArray[np.uint8]]:
    observation = np.empty(spec.observation.shape, np.uint8)
    return SoloGame(spec, observation, sticky=sticky, seed=seed), observation


@pytest.mark.parametrize("actions", [("FIRE", "RIGHTFIRE", "LEFTFIRE"), FINE_ACTIONS])
@pytest.mark.parametrize("frame_skip", [2, 4])
def test_a_game_is_exactly_that_of_a_court(actions: tuple[ActionName, ...], frame_skip: int, spec: ModelSpec) -> None:
    spec = replace(spec, actions=actions, observation=replace(spec.observation, frame_skip=frame_skip))
    game, observation = solo_game(spec)
    game.begin()
    court, stacker = Court(seed=9), FrameStacker(spec.observation)
    court.reset(idle_frames=game._frames)
    assert np.array_equal(observation, stacker.push(court.grey()))  # type: ignore[arg-type]
    score, over, steps = court.score, False, 0
    while not over:
        action = int(RANDOM.integers(len(actions)))
        reward, over, cut = game.step(action)
        seen = None
        for _ in range(frame_skip):
            court.step(control_of(actions[action]))
            seen = stacker.push(court.grey())
            if court.over:
                break
        now = court.score
        assert reward == (now.right - score.right) - (now.left - score.left)
        assert over == court.over
        assert not cut
        if not over:
            assert seen is not None
            assert np.array_equal(observation, seen)
        score, steps = now, steps + 1
    assert max(score) == 21
    assert steps > 500


def test_sticky_actions_are_repeated_as_often_as_they_should(spec: ModelSpec, monkeypatch: pytest.MonkeyPatch) -> None:
    game, _ = solo_game(spec, sticky=0.25)
    game.begin()
    taken: list[int] = []

    class Emulator:
        def __getattr__(self, name: str) -> Any:
            return getattr(emulator, name)

        def act(self, action: Any, strength: float) -> int:
            taken.append(action.value)
            return int(emulator.act(action, strength))

    emulator = game._ale
    monkeypatch.setattr(game, "_ale", Emulator())
    wanted: list[int] = []
    for _ in range(700):
        action = int(RANDOM.integers(3))
        game.step(action)
        wanted += [game._actions[action].action.value] * 4
    late = [took != want for took, want in zip(taken, wanted, strict=True)]
    # A step differs from the one before it with probability 2/3; then frame k of it is late with probability 1/4^k.
    for frame in range(4):
        assert np.mean(late[frame::4]) == pytest.approx(2 / 3 * 0.25 ** (frame + 1), abs=0.04)
    before = [0, *taken[:-1]]
    assert all(took == old for took, old, is_late in zip(taken, before, late, strict=True) if is_late)


def test_a_game_without_end_is_cut_off(spec: ModelSpec, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(solo, "MAX_FRAMES", 100)
    game, _ = solo_game(spec)
    game.begin()
    start = game._frames
    outcomes = [game.step(0) for _ in range(25)]
    assert [cut for _, _, cut in outcomes].index(True) == -(-(100 - start) // 4) - 1
    assert not any(over for _, over, _ in outcomes)


def test_games_against_the_rom_go_on_in_other_processes(spec: ModelSpec, tmp_path: Path) -> None:
    """Also through a checkpoint, which must hold only what can be read without running its code."""
    games = SoloGames(spec, 3, sticky=0.25, seed=4)
    games.reset()
    play(games, 150, seed=1)
    torch.save(games.state_dict(), tmp_path / "state.pt")
    last = play(games, 300, seed=2)
    games.close()
    again = SoloGames(spec, 3, sticky=0.25, seed=77)
    again.reset()
    again.load_state_dict(torch.load(tmp_path / "state.pt", weights_only=True))
    assert same(play(again, 300, seed=2), last)
    again.close()
