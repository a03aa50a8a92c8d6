from __future__ import annotations

import itertools
from contextlib import closing
from typing import Any

import here
import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from probes import SIZE, Outcome, Probe

from models.network import PolicyNetwork
from models.spec import PONG, CnnSpec, ConvLayer, FrameObservation, ModelSpec
from training import evaluate as module
from training.environments import make, specification
from training.evaluate import Evaluation, evaluate, render, summarize

games_here = here.games_here

SPEC = ModelSpec(
    algorithm="ppo",
    observation=FrameObservation(height=SIZE, width=SIZE, stack=1),
    actions=("FIRE", "RIGHTFIRE", "LEFTFIRE"),
    network=CnnSpec((ConvLayer(4, 8, 4),), hidden=8, mirror=False),
)


def run(spec: ModelSpec, network: PolicyNetwork, **changes: Any) -> Evaluation:
    arguments = {"episodes": 2, "sticky": 0.25, "greedy": False, "seed": 3} | changes
    return evaluate(spec, network, name="tiny", device=torch.device("cpu"), **arguments)


def test_short_games_are_not_favoured(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 100 games, in the order in which they begin, every second one is lost after 1 step, and the others are won.

    So the mean return is 0. To count the first 100 games to end would count lost ones only.
    """
    lost_is_next = itertools.cycle((True, False))
    kinds: dict[int, bool] = {}

    def shade(episode: int, _: int) -> int:
        if episode not in kinds:
            kinds[episode] = next(lost_is_next)
        return 50 if kinds[episode] else 200

    def make(_spec: ModelSpec, num_envs: int, **_: Any) -> Probe:
        return Probe(
            num_envs,
            shade=shade,
            outcome=lambda shade, step, _: Outcome(-1, True) if shade == 50 else Outcome(float(step == 59), step == 59),
        )

    monkeypatch.setattr(module, "make", make)
    result = run(SPEC, PolicyNetwork(SPEC), episodes=100)
    assert result.mean_return == 0
    assert result.mean_length == (60 + 1) / 2
    assert result.episodes == 100


def test_a_number_of_games_that_does_not_divide_evenly_is_played_exactly(monkeypatch: pytest.MonkeyPatch) -> None:
    ended = []

    def make(_spec: ModelSpec, num_envs: int, **_: Any) -> Probe:
        return Probe(num_envs, shade=lambda *_: 9, outcome=lambda *_: Outcome(1, True))

    monkeypatch.setattr(module, "make", make)
    result = run(SPEC, PolicyNetwork(SPEC), episodes=73, on_episode=lambda: ended.append(1))
    assert len(ended) == 73
    assert result.mean_return == 1


def test_summary_by_hand() -> None:
    # Deviations -2, 0, 2: variance (4 + 4) / 2 = 4; the margin is 1.96 x 2 / sqrt(3) = 2.2632.
    mean, deviation, interval = summarize([17.0, 19.0, 21.0])
    assert (mean, deviation) == (19.0, 2.0)
    assert interval is not None
    low, high = interval
    assert low == pytest.approx(16.7368, abs=1e-4)
    assert high == pytest.approx(21.2632, abs=1e-4)


def test_a_single_game_says_nothing_of_the_spread() -> None:
    assert summarize([21.0]) == (21.0, 0.0, None)
    one = Evaluation(
        model="ppo",
        environment=PONG,
        episodes=1,
        mean_return=21.0,
        std_return=0.0,
        ci95=None,
        mean_length=900.0,
        sticky=0.0,
        greedy=False,
        seed=1,
        seconds=2.0,
    )
    assert render(one).startswith("ppo: mean return 21.00  (a single game: no interval)\n1 full games, sampled")


def test_the_same_seed_plays_the_same_games(
    spec: ModelSpec, network: PolicyNetwork, games_here: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    del games_here
    monkeypatch.setattr("training.solo.MAX_FRAMES", 2000)

    def played(**changes: Any) -> tuple[float, float]:
        result = run(spec, network, **changes)
        return result.mean_return, result.mean_length

    first = played()
    assert played() == first
    assert played(seed=4) != first
    assert -21 <= first[0] < 0


def test_neighbouring_seeds_have_no_episode_in_common() -> None:
    def starts(seed: int) -> set[bytes]:
        seen: list[bytes] = []

        def act(observations: NDArray[Any]) -> NDArray[Any]:
            if not seen:
                seen.extend(observation.tobytes() for observation in observations)
            return np.zeros(len(observations), np.int64)

        with closing(make(specification("CartPole-v1", algorithm="ppo"), 20)) as environments:
            assert len(list(module._play(environments, act, 20, seed))) == 20
        return set(seen)

    assert len(starts(3)) == 20
    assert starts(3) == starts(3)
    assert not starts(3) & starts(4)


def test_greedy_takes_the_likeliest_action(monkeypatch: pytest.MonkeyPatch) -> None:
    network = PolicyNetwork(SPEC)
    with torch.no_grad():
        network.policy_head.weight.zero_()
        network.policy_head.bias.copy_(torch.tensor([0.0, 0.1, 0.0]))
    taken: list[int] = []

    def outcome(_shade: int, step: int, action: int) -> Outcome:
        taken.append(action)
        return Outcome(0, step == 99)

    monkeypatch.setattr(module, "make", lambda _spec, n, **_: Probe(n, shade=lambda *_: 9, outcome=outcome))
    run(SPEC, network, greedy=True, episodes=1)
    assert set(taken) == {1}
    taken.clear()
    run(SPEC, network, greedy=False, episodes=1)
    assert set(np.unique(taken)) == {0, 1, 2}
