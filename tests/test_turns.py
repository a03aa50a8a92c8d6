"""Environments in turns: the same games, and rollouts without a gap, whichever part is under way."""

from __future__ import annotations

import multiprocessing
from contextlib import suppress
from functools import partial
from typing import Any

import here
import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from probes import Outcome, Probe
from torch import Tensor

from models.errors import UserError
from models.network import PolicyNetwork, PolicyOutput
from models.spec import ModelSpec
from training import rollout
from training.evaluate import evaluate
from training.games import Stepped
from training.learner import Learner
from training.pong import SoloGames
from training.rollout import Collector
from training.saving import unpacked
from training.turns import AllAtOnce, in_turns, shared_processors

games_here = here.games_here
sampled = partial(evaluate, name="new", sticky=0.25, greedy=False, seed=1, device=torch.device("cpu"))


class Halves:
    """Two probes of two environments, which remember in which order they were used."""

    def __init__(self) -> None:
        self.parts = (slice(0, 2), slice(2, 4))
        self.playing = np.ones(4, np.bool_)
        self.order: list[tuple[str, int]] = []
        self._turns = [AllAtOnce(episodes_of_three(2)) for _ in self.parts]

    def send(self, part: slice, actions: NDArray[Any]) -> None:
        self.order.append(("send", part.start))
        self._turns[part.start // 2].send(part, actions)

    def receive(self, part: slice) -> Stepped:
        self.order.append(("receive", part.start))
        led: Stepped = self._turns[part.start // 2].receive(part)
        return led


class Reader:
    """Stands in for a learner: it always takes action 1, and values an observation by its shade."""

    device = torch.device("cpu")

    def act(self, observations: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        return (
            torch.ones(len(observations), dtype=torch.int64),
            torch.zeros(len(observations)),
            self.value(observations),
        )

    def value(self, observations: Tensor) -> Tensor:
        return observations[:, 0, 0, 0].float()


def episodes_of_three(num_envs: int) -> Probe:
    # The shade says where an observation is from; every other episode is truncated.
    return Probe(
        num_envs,
        shade=lambda episode, step: 10 * episode + step,
        outcome=lambda shade, step, _: Outcome(shade, step == 2 and shade < 20, step == 2 and shade >= 20),
    )


def test_rollouts_in_turns_are_those_of_all_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = Collector(episodes_of_three(2), Reader(), rollout_length=7, seed=0)  # type: ignore[arg-type]
    halves = Halves()
    monkeypatch.setattr(rollout, "in_turns", lambda _: halves)
    parted = Collector(episodes_of_three(4), Reader(), rollout_length=7, seed=0)  # type: ignore[arg-type]
    # Each half is like the two environments of the other; only the first observations come from `episodes_of_three(4)`.
    parted._observations = parted._observations[:2].repeat(2, 1, 1, 1)
    for _ in range(3):
        expected, episodes = whole.collect()
        found, both = parted.collect()
        for name, value in vars(expected).items():
            for part in halves.parts:
                assert torch.equal(getattr(found, name)[:, part], value), name
        assert sorted(both) == sorted(2 * episodes)
    assert whole.steps == 3 * 14
    assert parted.steps == 3 * 28


def test_one_half_is_under_way_while_the_policy_decides_in_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    halves = Halves()
    monkeypatch.setattr(rollout, "in_turns", lambda _: halves)
    Collector(episodes_of_three(4), Reader(), rollout_length=2, seed=0).collect()  # type: ignore[arg-type]
    assert halves.order == [
        ("send", 0),
        ("send", 2),
        ("receive", 0),
        ("send", 0),
        ("receive", 2),
        ("send", 2),
        ("receive", 0),
        ("receive", 2),
    ]


@pytest.fixture
def five_games(spec: ModelSpec, games_here: None, monkeypatch: pytest.MonkeyPatch) -> tuple[SoloGames, SoloGames]:
    """The same five games twice, on two processors; they are cut off after 400 frames."""
    del games_here
    monkeypatch.setattr("training.pong.cores", lambda: 2)
    monkeypatch.setattr("training.solo.MAX_FRAMES", 400)
    return SoloGames(spec, 5, sticky=0.25, seed=3), SoloGames(spec, 5, sticky=0.25, seed=3)


def test_games_in_turns_are_the_same_games(five_games: tuple[SoloGames, SoloGames]) -> None:
    together, parted = five_games
    assert in_turns(parted) is parted
    assert parted.parts == (slice(0, 2), slice(2, 5))
    assert np.array_equal(together.reset()[0], parted.reset()[0])
    random = np.random.default_rng(0)
    actions = random.integers(3, size=(120, 5))
    for part in parted.parts:
        parted.send(part, actions[0, part])
    cut_off = 0
    for step in range(120):
        whole: tuple[Any, ...] = together.step(actions[step])
        for part in parted.parts:
            found: tuple[Any, ...] = parted.receive(part)
            for one, other in zip(found[:4], whole[:4], strict=True):
                assert np.array_equal(one, other[part])
            truncated = np.flatnonzero(found[3])
            if truncated.size:
                cut_off += truncated.size
                assert np.array_equal(found[4]["final_obs"][truncated], whole[4]["final_obs"][part][truncated])
            if step < 119:
                parted.send(part, actions[step + 1, part])
    assert cut_off >= 5, "in either half"
    together.close()
    parted.close()


def test_every_game_is_saved_in_its_own_place(five_games: tuple[SoloGames, SoloGames]) -> None:
    games, others = five_games
    games.reset()
    for actions in np.random.default_rng(0).integers(3, size=(40, 5)):
        observations, *_ = games.step(actions)
    assert len(np.unique(observations.reshape(5, -1), axis=0)) == 5, "they can be told apart"
    saved = games.state_dict()
    for game, seen in zip(saved["games"], observations, strict=True):
        assert np.array_equal(unpacked(game["observation"]), seen)
    assert np.array_equal(others.load_state_dict(saved)[0], observations)
    games.close()
    others.close()


def test_games_that_do_not_play_rest(five_games: tuple[SoloGames, SoloGames]) -> None:
    games, others = five_games
    before = games.reset()[0]
    games.playing[[0, 3]] = False
    after = games.step(np.ones(5, np.int64))[0]
    assert [np.array_equal(*pair) for pair in zip(before, after, strict=True)] == [True, False, False, True, False]
    games.close()
    others.close()


def test_with_few_games_there_is_one_part(spec: ModelSpec, games_here: None, monkeypatch: pytest.MonkeyPatch) -> None:
    del games_here
    monkeypatch.setattr("training.pong.cores", lambda: 2)
    games = SoloGames(spec, 3, sticky=0.0)
    assert games.parts == (slice(0, 3),)
    games.close()


def test_the_policy_leaves_half_of_the_processors_to_the_games() -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(4)
    try:
        with shared_processors(AllAtOnce(episodes_of_three(4))):
            assert torch.get_num_threads() == 4
        with suppress(ValueError), shared_processors(Halves()):
            assert torch.get_num_threads() == 2
            raise ValueError
        assert torch.get_num_threads() == 4
    finally:
        torch.set_num_threads(before)


class ShadeActions(torch.nn.Module):
    """Takes the action whose number is an observation's shade."""

    def forward(self, observations: Tensor) -> PolicyOutput:
        shades = observations[:, 0, 0, 0].long()
        return PolicyOutput(100.0 * torch.nn.functional.one_hot(shades, 3), torch.zeros(len(shades)))


def test_an_evaluation_gives_every_game_its_own_action(spec: ModelSpec, monkeypatch: pytest.MonkeyPatch) -> None:
    """Four places have a shade each; five episodes, of which the shortest are over first, so that places rest."""
    shades, ends = np.array([2, 1, 1, 2]), np.array([2, 4, 3, 1])
    threads = set()

    class Places(Halves):
        """Remembers how many steps each place has played."""

        def __init__(self) -> None:
            super().__init__()
            self.steps, self.sent = np.zeros(4, np.int64), list[slice]()

        def send(self, part: slice, actions: NDArray[Any]) -> None:
            here = self.playing[part]
            assert np.array_equal(actions[here], shades[part][here])
            threads.add(torch.get_num_threads())
            self.steps[part] += here
            self.sent.append(part)

        def receive(self, part: slice) -> Stepped:
            assert self.sent.pop(0) == part
            over = self.steps[part] % ends[part] == 0
            seen = np.broadcast_to(shades[part][:, None, None, None], (2, 4, 20, 16)).astype(np.uint8)
            return seen, np.ones(2), over, np.zeros(2, np.bool_), {}

    class Made:
        num_envs = 4

        def reset(self, *, seed: int) -> tuple[NDArray[Any], dict[str, Any]]:
            return np.broadcast_to(shades[:, None, None, None], (4, 4, 20, 16)).astype(np.uint8), {"seed": seed}

        def close(self) -> None:
            """Nothing to close."""

    monkeypatch.setattr("training.evaluate.MAX_PARALLEL_GAMES", 4)
    monkeypatch.setattr("training.evaluate.make", lambda *_, **__: Made())
    monkeypatch.setattr("training.evaluate.in_turns", lambda _: Places())
    before = torch.get_num_threads()
    torch.set_num_threads(4)
    try:
        evaluation = evaluate(
            spec,
            ShadeActions(),  # type: ignore[arg-type]
            name="shades",
            episodes=5,
            sticky=0.0,
            greedy=True,
            seed=0,
            device=torch.device("cpu"),
        )
    finally:
        torch.set_num_threads(before)
    # The place of the shortest plays twice: 2, 4, 3, 1 and 1 steps.
    assert evaluation.mean_length == pytest.approx(11 / 5)
    assert threads == {2}, "the games have the other half of the processors"


@pytest.mark.parametrize("failure", ["overflow", "death"])
def test_an_evaluation_that_fails_in_the_middle_of_a_step_says_so_in_one_line(
    spec: ModelSpec, learner: Learner, failure: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("training.pong.cores", lambda: 2)
    forward, passes = PolicyNetwork.forward, 0

    def failing(network: PolicyNetwork, observations: Tensor) -> PolicyOutput:
        nonlocal passes
        passes += 1
        logits, value = forward(network, observations)
        if passes == 6 and failure == "death":
            multiprocessing.active_children()[0].kill()
        return PolicyOutput(logits, value * (torch.nan if passes == 6 and failure == "overflow" else 1))

    monkeypatch.setattr(PolicyNetwork, "forward", failing)
    with pytest.raises(UserError, match=r"overflow|died"):
        sampled(spec, learner.network, episodes=8)
    assert not multiprocessing.active_children()
    assert capfd.readouterr().err == ""


def test_an_evaluation_in_turns_plays_every_game_once(
    spec: ModelSpec, learner: Learner, games_here: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Seven games in five places: some places play two, the others rest, in either half."""
    del games_here
    monkeypatch.setattr("training.pong.cores", lambda: 2)
    monkeypatch.setattr("training.evaluate.MAX_PARALLEL_GAMES", 5)
    monkeypatch.setattr("training.solo.MAX_FRAMES", 400)
    ended: list[int] = []
    evaluation = sampled(spec, learner.network, episodes=7, on_episode=lambda: ended.append(1))
    assert evaluation.episodes == len(ended) == 7
    assert 90 < evaluation.mean_length <= 100
