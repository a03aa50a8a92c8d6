from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch import distributions as oracle

from models.distributions import Categorical, Distribution, Gaussian, TanhGaussian

LOGITS = torch.tensor([[0.5, -1.0, 2.0], [0.0, 0.0, 0.0], [-3.0, 4.0, 0.1]])
MEAN, LOG_DEVIATION = torch.tensor([[0.3, -0.4], [1.0, 0.0]]), torch.tensor([[-0.7, -0.2], [0.3, -1.5]])
EVERY: list[Distribution] = [
    Categorical(LOGITS),
    Gaussian(MEAN, LOG_DEVIATION),
    TanhGaussian(Gaussian(MEAN, LOG_DEVIATION)),
]


def single(mean: float, deviation: float) -> TanhGaussian:
    """Of one observation and one dimension, in double precision."""
    return TanhGaussian(
        Gaussian(
            torch.tensor([[mean]], dtype=torch.float64), torch.tensor([[math.log(deviation)]], dtype=torch.float64)
        )
    )


def integral(distribution: TanhGaussian, of: Callable[[Tensor, Tensor], Tensor]) -> float:
    """Of `of(a, log_density)` over all a between -1 and 1, by the midpoint rule."""
    parts = 400_000
    done = (torch.arange(parts, dtype=torch.float64) + 0.5) / parts * 2 - 1
    return float(of(done, distribution.log_prob(done.atanh()[:, None])).sum() * 2 / parts)


def test_categorical_is_torchs() -> None:
    ours, theirs = Categorical(LOGITS), oracle.Categorical(logits=LOGITS)
    for action in range(3):
        actions = torch.full((3,), action)
        torch.testing.assert_close(ours.log_prob(actions), theirs.log_prob(actions))
    torch.testing.assert_close(ours.entropy(), theirs.entropy())
    assert ours.mode[[0, 2]].tolist() == [2, 1]


def test_gaussian_is_torchs() -> None:
    theirs = oracle.Independent(oracle.Normal(MEAN, LOG_DEVIATION.exp()), 1)
    ours, actions = Gaussian(MEAN, LOG_DEVIATION), torch.tensor([[0.0, 2.0], [-1.0, 0.1]])
    torch.testing.assert_close(ours.log_prob(actions), theirs.log_prob(actions))
    torch.testing.assert_close(ours.entropy(), theirs.entropy())
    assert ours.mode.tolist() == MEAN.tolist()


def test_tanh_gaussian_is_torchs() -> None:
    base = oracle.Normal(MEAN, LOG_DEVIATION.exp())
    theirs = oracle.Independent(oracle.TransformedDistribution(base, oracle.TanhTransform()), 1)
    u = torch.tensor([[0.0, 1.0], [-1.0, 0.1]])
    torch.testing.assert_close(TanhGaussian(Gaussian(MEAN, LOG_DEVIATION)).log_prob(u), theirs.log_prob(u.tanh()))


PARAMETERS = [(0.0, 0.5), (0.3, 0.6), (-1.0, 0.4), (0.5, 0.05)]


@pytest.mark.parametrize(("mean", "deviation"), PARAMETERS)
def test_the_density_of_a_tanh_gaussian_integrates_to_1(mean: float, deviation: float) -> None:
    assert integral(single(mean, deviation), lambda _, log_density: log_density.exp()) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize(("mean", "deviation"), PARAMETERS)
def test_its_moments_are_those_of_samples(mean: float, deviation: float) -> None:
    distribution = single(mean, deviation)
    count = 100_000
    many = TanhGaussian(Gaussian(*(part.expand(count, 1) for part in distribution.gaussian)))
    sample = many.sample(torch.Generator().manual_seed(1)).tanh().squeeze(1)
    for power in (1, 2):
        drawn = sample**power
        expected = integral(distribution, lambda done, log_density: done**power * log_density.exp())  # noqa: B023
        assert float(drawn.mean()) == pytest.approx(expected, abs=4 * float(drawn.std()) / count**0.5)


def test_its_density_is_that_of_u_by_the_slope() -> None:
    # What lies in a short way of u lies in the way that tanh makes of it: p(u) du = p(a) da, by finite differences.
    distribution, step = single(0.2, 0.8), 1e-5
    u = torch.linspace(-3, 3, 13, dtype=torch.float64)[:, None]
    slope = ((u + step).tanh() - (u - step).tanh()) / (2 * step)
    density = distribution.gaussian.log_prob(u).exp() / slope.squeeze(1)
    torch.testing.assert_close(distribution.log_prob(u).exp(), density, rtol=1e-6, atol=0)


@pytest.mark.parametrize("u", [-20.0, 20.0])
def test_it_is_exact_far_out_where_tanh_is_1(u: float) -> None:
    # 1 - tanh(20)^2 = 4 / (e^20 + e^-20)^2, whose logarithm is 2 log 2 - 40; in float32, 1 - tanh(20)^2 is 0.
    mean = torch.zeros(1, 1, requires_grad=True)
    log_density = TanhGaussian(Gaussian(mean, torch.zeros(1, 1))).log_prob(torch.tensor([[u]]))
    assert log_density.item() == pytest.approx(-200 - math.log(2 * math.pi) / 2 - 2 * math.log(2) + 40)
    log_density.sum().backward()
    assert mean.grad is not None
    assert mean.grad.item() == pytest.approx(u)  # (u - mean) / deviation^2


@pytest.mark.parametrize("mean", [0.0, 0.5, -1.5])
@pytest.mark.parametrize("deviation", [0.05, 0.3, 0.6, 1.0])
def test_its_entropy_is_estimated_well(mean: float, deviation: float) -> None:
    distribution = single(mean, deviation)
    expected = integral(distribution, lambda _, log_density: -log_density.exp() * log_density)
    assert distribution.entropy().item() == pytest.approx(expected, abs=0.02)


def test_its_entropy_adds_up_over_dimensions() -> None:
    together = TanhGaussian(Gaussian(MEAN, LOG_DEVIATION)).entropy()
    apart = [TanhGaussian(Gaussian(MEAN[:, [d]], LOG_DEVIATION[:, [d]])).entropy() for d in range(2)]
    torch.testing.assert_close(together, apart[0] + apart[1])


@pytest.mark.parametrize("log_deviation", [-10.0, 0.0, 3.0])
@pytest.mark.parametrize("mean", [-15.0, 0.0, 15.0])
def test_gradients_are_finite(mean: float, log_deviation: float) -> None:
    leaves = [torch.full((1, 2), value, requires_grad=True) for value in (mean, log_deviation)]
    for distribution in (Gaussian(*leaves), TanhGaussian(Gaussian(*leaves))):
        actions = distribution.sample(torch.Generator().manual_seed(1)).detach()
        (distribution.log_prob(actions) + distribution.entropy()).sum().backward()
        assert all(leaf.grad is not None and leaf.grad.isfinite().all() for leaf in leaves)


def test_choices_are_as_frequent_as_probable() -> None:
    count = 60_000
    drawn = Categorical(LOGITS[:1].expand(count, 3)).sample(torch.Generator().manual_seed(2))
    frequencies = drawn.bincount(minlength=3) / count
    torch.testing.assert_close(frequencies, LOGITS[0].softmax(0), rtol=0, atol=4 * 0.5 / count**0.5)


def test_numbers_are_spread_as_told() -> None:
    count = 60_000
    shape = (count, *MEAN[0].shape)
    drawn = Gaussian(MEAN[0].expand(shape), LOG_DEVIATION[0].expand(shape)).sample(torch.Generator().manual_seed(2))
    deviation = LOG_DEVIATION[0].exp()
    torch.testing.assert_close(drawn.mean(0), MEAN[0], rtol=0, atol=4 / count**0.5)
    torch.testing.assert_close(drawn.std(0), deviation, rtol=4 / (2 * count) ** 0.5, atol=0)
    assert drawn.T.corrcoef()[0, 1].abs() < 4 / count**0.5


@pytest.mark.parametrize("distribution", EVERY)
def test_same_seed_same_sample(distribution: Distribution) -> None:
    first, second = (distribution.sample(torch.Generator().manual_seed(3)) for _ in range(2))
    assert first.tolist() == second.tolist()
    assert distribution.log_prob(first).shape == distribution.entropy().shape == (len(first),)


@pytest.mark.parametrize("distribution", EVERY)
def test_each_observation_is_judged_alone(distribution: Distribution) -> None:
    actions = distribution.sample(torch.Generator().manual_seed(4))
    for row in range(len(actions)):
        alone = rows(distribution, [row])
        torch.testing.assert_close(alone.entropy()[0], distribution.entropy()[row])
        torch.testing.assert_close(alone.log_prob(actions[[row]])[0], distribution.log_prob(actions)[row])
        assert alone.mode[0].tolist() == distribution.mode[row].tolist()


def rows(distribution: Distribution, which: list[int]) -> Distribution:
    if isinstance(distribution, TanhGaussian):
        return TanhGaussian(Gaussian(*(part[which] for part in distribution.gaussian)))
    if isinstance(distribution, Gaussian):
        return Gaussian(*(part[which] for part in distribution))
    return Categorical(LOGITS[which])


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_a_temperature_is_a_root_of_the_probabilities(temperature: float) -> None:
    roots = LOGITS.softmax(-1) ** (1 / temperature)
    expected = roots / roots.sum(1, keepdim=True)
    torch.testing.assert_close(Categorical(LOGITS).at_temperature(temperature).logits.softmax(-1), expected)
