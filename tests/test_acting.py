from __future__ import annotations

import torch

from models.acting import choose
from models.distributions import Categorical, Distribution, Gaussian

COUNT = 20_000


def test_greedy_takes_the_mode_and_draws_nothing() -> None:
    generator = torch.Generator().manual_seed(1)
    before = generator.get_state()
    assert choose(Categorical(torch.tensor([[0.0, 2.0, 1.0]])), generator, greedy=True).tolist() == [1]
    gaussian = Gaussian(torch.tensor([[3.0, -1.0]]), torch.zeros(1, 2))
    assert choose(gaussian, generator, greedy=True).tolist() == [[3, -1]]
    assert torch.equal(generator.get_state(), before)


def test_otherwise_actions_are_drawn_with_the_generator() -> None:
    probabilities = torch.tensor([0.5, 0.3, 0.2])
    policy: Distribution = Categorical(probabilities.log().expand(COUNT, 3))
    first, second, other = (choose(policy, torch.Generator().manual_seed(seed)) for seed in (1, 1, 2))
    assert torch.equal(first, second)
    assert not torch.equal(first, other)
    # A standard error is at most 0.5 / sqrt(20,000) = 0.0035.
    torch.testing.assert_close(first.bincount() / COUNT, probabilities, atol=0.015, rtol=0)


def test_temperature_sharpens_and_blurs() -> None:
    # p^(1/T), made to sum to 1: (0.8, 0.2) becomes 0.64 : 0.04 at T = 1/2, and sqrt 0.8 : sqrt 0.2 = 2 : 1 at T = 2.
    policy = Categorical(torch.tensor([[0.8, 0.2]]).log())
    sharp, same, blurred = (policy.at_temperature(t).logits.softmax(-1)[0] for t in (0.5, 1.0, 2.0))
    torch.testing.assert_close(sharp, torch.tensor([16 / 17, 1 / 17]))
    torch.testing.assert_close(same, torch.tensor([0.8, 0.2]))
    torch.testing.assert_close(blurred, torch.tensor([2 / 3, 1 / 3]))
