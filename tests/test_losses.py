from __future__ import annotations

import pytest
import torch
from torch.distributions import Categorical, kl_divergence

from models.losses import (
    approximate_kl,
    clipped_fraction,
    clipped_surrogate,
    clipped_weights,
    importance_ratio,
    policy_gradient,
)


def test_the_policy_gradient_by_hand() -> None:
    # (-1 x 3 + -2 x -1 + -4 x 0) / 3
    objective = policy_gradient(torch.tensor([-1.0, -2.0, -4.0]), torch.tensor([3.0, -1.0, 0.0]))
    assert objective.item() == pytest.approx(-1 / 3)


@pytest.mark.parametrize(
    ("ratio", "advantage", "objective"),
    [
        (1.5, 2.0, 2.4),  # made likelier than 1.2, and it was good: no more credit than 1.2 x 2
        (1.5, -2.0, -3.0),  # made likelier, and it was bad: the full blame, 1.5 x -2
        (0.5, 2.0, 1.0),  # made rarer, and it was good: 0.5 x 2
        (0.5, -2.0, -1.6),  # made rarer than 0.8, and it was bad: no more credit than 0.8 x -2
        (1.1, 2.0, 2.2),  # within the bounds nothing is clipped
    ],
)
def test_clipped_surrogate_by_hand(ratio: float, advantage: float, objective: float) -> None:
    surrogate = clipped_surrogate(torch.tensor([ratio]), torch.tensor([advantage]), clip_epsilon=0.2)
    assert surrogate.item() == pytest.approx(objective)


def test_clipping_never_raises_the_objective() -> None:
    random = torch.Generator().manual_seed(0)
    ratios, advantages = torch.randn(1000, generator=random).exp(), torch.randn(1000, generator=random)
    for i in range(1000):
        single = slice(i, i + 1)
        clipped = float(clipped_surrogate(ratios[single], advantages[single], clip_epsilon=0.2))
        assert clipped <= float(ratios[i] * advantages[i]) + 1e-6


def test_at_ratio_1_its_gradient_is_the_policy_gradient() -> None:
    random = torch.Generator().manual_seed(1)
    logits = torch.randn(64, 3, generator=random, requires_grad=True)
    actions = torch.randint(3, (64,), generator=random)
    advantages = torch.randn(64, generator=random)
    log_probs = Categorical(logits=logits).log_prob(actions)
    ratio = importance_ratio(log_probs, log_probs.detach())
    (surrogate,) = torch.autograd.grad(
        clipped_surrogate(ratio, advantages, clip_epsilon=0.2), logits, retain_graph=True
    )
    (policy_gradient,) = torch.autograd.grad((log_probs * advantages).mean(), logits)
    torch.testing.assert_close(surrogate, policy_gradient)
    assert policy_gradient.abs().max() > 1e-3


def test_what_is_clipped_pushes_no_further() -> None:
    ratio = torch.tensor([1.6, 1.6], requires_grad=True)
    objective = clipped_surrogate(ratio, torch.tensor([1.0, -1.0]), clip_epsilon=0.2)
    (gradient,) = torch.autograd.grad(objective, ratio)
    assert gradient[0] == 0
    assert gradient[1] < 0


def test_importance_ratio_by_hand() -> None:
    new, old = torch.tensor([0.3, 0.1, 0.25]).log(), torch.tensor([0.2, 0.4, 0.25]).log()
    torch.testing.assert_close(importance_ratio(new, old), torch.tensor([1.5, 0.25, 1.0]))


def test_importance_sampling_tells_what_the_new_policy_would_meet_with() -> None:
    # The mean of r under (0.7, 0.2, 0.1) is 0.7 + 0.4 + 0.3 = 1.4; under the old (0.25, 0.25, 0.5) it is 2.25.
    new, old, rewards = torch.tensor([0.7, 0.2, 0.1]), torch.tensor([0.25, 0.25, 0.5]), torch.tensor([1.0, 2.0, 3.0])
    assert float((old * importance_ratio(new.log(), old.log()) * rewards).sum()) == pytest.approx(1.4)


@pytest.mark.parametrize(
    ("ratio", "advantage", "weight"),
    [
        (1.5, 2.0, 0.0),  # it was good, and is likelier by more than a fifth: enough
        (1.5, -2.0, -3.0),  # it was bad, and has become likelier: all the more to be pushed down
        (0.5, 2.0, 1.0),  # it was good, and has become rarer
        (0.5, -2.0, 0.0),  # it was bad, and is rarer by more than a fifth: enough
        (1.1, 2.0, 2.2),
    ],
)
def test_clipped_weights_by_hand(ratio: float, advantage: float, weight: float) -> None:
    weights = clipped_weights(torch.tensor([ratio]), torch.tensor([advantage]), clip_epsilon=0.2)
    assert weights.item() == pytest.approx(weight)


def test_at_the_bounds_themselves_nothing_is_clipped() -> None:
    ratios, advantages = torch.tensor([1.25, 0.75]), torch.tensor([2.0, -2.0])
    assert clipped_weights(ratios, advantages, clip_epsilon=0.25).tolist() == [2.5, -1.5]
    assert clipped_fraction(ratios, clip_epsilon=0.25) == 0


@pytest.mark.parametrize("clip_epsilon", [0.2, float("inf")])
def test_clipped_weights_are_the_gradient_of_the_surrogate(clip_epsilon: float) -> None:
    random = torch.Generator().manual_seed(3)
    new, old, advantages = (torch.randn(1000, generator=random) for _ in range(3))
    ratios = importance_ratio(new.requires_grad_(), old)
    (gradient,) = torch.autograd.grad(clipped_surrogate(ratios, advantages, clip_epsilon=clip_epsilon), new)
    weights = clipped_weights(ratios.detach(), advantages, clip_epsilon=clip_epsilon)
    torch.testing.assert_close(weights, 1000 * gradient)
    assert bool((weights == 0).any()) is (clip_epsilon == 0.2)


def test_approximate_kl_estimates_the_divergence() -> None:
    torch.manual_seed(0)
    old, new = Categorical(logits=torch.tensor([0.1, 0.5, -0.4])), Categorical(logits=torch.tensor([0.3, 0.2, -0.2]))
    actions = old.sample((200_000,))
    estimate = approximate_kl(new.log_prob(actions), old.log_prob(actions))
    # Of KL(old, new), not of KL(new, old), which is 6% larger here: the tolerance tells them apart.
    assert float(estimate) == pytest.approx(float(kl_divergence(old, new)), rel=0.02)


def test_clipped_fraction_counts_ratios_outside_the_bounds() -> None:
    ratios = torch.tensor([0.5, 0.79, 0.81, 1.0, 1.19, 1.21, 3.0, 1.0])
    assert clipped_fraction(ratios, clip_epsilon=0.2).item() == 0.5
