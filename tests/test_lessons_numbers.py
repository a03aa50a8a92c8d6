from __future__ import annotations

import math
from itertools import islice, pairwise
from typing import get_args

import pytest
import torch

from models.distributions import Gaussian, TanhGaussian
from models.lessons import FIRST_LOG_DEVIATIONS, Head, Numbers, NumbersKnobs, Spread
from training.lessons import numbers, serve
from training.ppo import PpoSettings

HEADS: tuple[Head, ...] = get_args(Head)
SPREADS: tuple[Spread, ...] = get_args(Spread)


def first(head: Head, spread: Spread) -> Numbers:
    state = next(serve.states(NumbersKnobs(head, spread)))
    assert isinstance(state, Numbers)
    return state


def area(density: list[tuple[float, float]]) -> float:
    return sum((right - left) * (low + high) / 2 for (left, low), (right, high) in pairwise(density))


def gaussian(mean: float, deviation: float) -> Gaussian:
    ones = torch.ones(2001, 1)
    return Gaussian(mean * ones, math.log(deviation) * ones)


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("spread", SPREADS)
def test_the_density_integrates_to_one(head: Head, spread: Spread) -> None:
    assert area(first(head, spread).density) == pytest.approx(1, abs=0.02)


def test_a_shifted_density_integrates_to_one_too() -> None:
    for mean, deviation in ((0.0, 0.5), (1.5, 0.3), (-0.4, 1.0)):
        assert area(numbers.density(gaussian(mean, deviation))) == pytest.approx(1, abs=1e-4)
        squashed = numbers.density(TanhGaussian(gaussian(mean, deviation)))
        assert area(squashed) == pytest.approx(1, abs=1e-3)
        assert all(-1 <= action <= 1 for action, _ in squashed)


def test_the_middle_of_a_density_is_what_the_formula_says() -> None:
    action, height = numbers.density(gaussian(0.5, 2.0))[1000]
    assert (action, height) == pytest.approx((0.5, 1 / (2 * math.sqrt(2 * math.pi))), rel=1e-4)
    action, height = numbers.density(TanhGaussian(gaussian(0.5, 2.0)))[1000]
    slope = 1 - math.tanh(0.5) ** 2
    assert (action, height) == pytest.approx((math.tanh(0.5), 1 / (2 * math.sqrt(2 * math.pi)) / slope), rel=1e-4)


@pytest.mark.parametrize("spread", SPREADS)
def test_a_squashed_draw_is_never_beyond_the_bounds(spread: Spread) -> None:
    state = first("tanh-gaussian", spread)
    assert max(map(abs, state.draws)) <= 1
    assert state.pushes == pytest.approx(state.draws, abs=1e-6)


# Beyond one deviation lie 31.7% of a normal distribution's draws. Those beyond the bounds lie further than 1 / e^-1.5,
# 1 / e^-0.5 and 1 / e deviations from a mean that is nearly 0 at first: 0.0007%, 9.9% and 71.3% of them.
@pytest.mark.parametrize(("spread", "share"), [("small", 0.0), ("medium", 0.099), ("large", 0.713)])
def test_a_gaussians_draws_are_clipped_as_often_as_the_deviation_says(spread: Spread, share: float) -> None:
    state = first("gaussian", spread)
    assert state.deviation == pytest.approx(math.exp(FIRST_LOG_DEVIATIONS[spread]))
    beyond = [abs(draw) > 1 for draw in state.draws]
    error = math.sqrt(share * (1 - share) / len(beyond))
    assert sum(beyond) / len(beyond) == pytest.approx(share, abs=max(3 * error, 1e-9))
    for draw, push in zip(state.draws, state.pushes, strict=True):
        assert push == pytest.approx(min(max(draw, -1), 1))


def test_training_moves_the_policy_and_tells_of_each_update() -> None:
    knobs = NumbersKnobs("gaussian", "large")
    untrained, once, twice = islice(numbers.run(knobs), 3)
    assert untrained.density != once.density != twice.density
    assert untrained.curve == []
    assert untrained.steps == numbers.settings(knobs).steps == numbers.STEPS


def test_the_settings_are_the_presets_but_for_the_length_and_the_first_deviation() -> None:
    large = numbers.settings(NumbersKnobs("gaussian", "large")).algorithm
    small = numbers.settings(NumbersKnobs("gaussian", "small")).algorithm
    assert isinstance(large, PpoSettings)
    assert isinstance(small, PpoSettings)
    assert large.first_log_deviation == 1.0
    assert small.first_log_deviation == -1.5
    assert large.gamma == small.gamma == 0.999
