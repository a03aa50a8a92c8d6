"""The step of the optimiser, and the settings that policy gradients share."""

from __future__ import annotations

import math

import msgspec
import pytest
import torch

from training.gradient import explained_variance, next_learning_rate
from training.ppo import PpoSettings


@pytest.mark.parametrize(
    ("kl", "progress", "factor"),
    [
        (0.03, 0.0, 1 / 1.5),
        (0.01, 0.0, 1.0),
        (0.001, 0.0, 1.5),
        (0.01, 0.9, 1 / 1.5),
        (0.003, 0.0, 1.5),
        (0.003, 0.5, 1),
        (0.02, 0.0, 1.0),  # the bounds themselves are not outside
        (0.005, 0.0, 1.0),
    ],
)
def test_the_step_size_follows_the_divergence(kl: float, progress: float, factor: float) -> None:
    # At half of the training the bounds are half of 0.005 and 0.02, and so on.
    assert next_learning_rate(1e-3, kl, PpoSettings(), progress) == pytest.approx(1e-3 * factor)


def test_settings_out_of_bounds_are_refused() -> None:
    for wrong in (b'{"gamma": 1.5}', b'{"epochs": 0}', b'{"gama": 0.9}'):
        with pytest.raises(msgspec.ValidationError):
            msgspec.json.decode(wrong, type=PpoSettings)


def test_the_step_size_stays_between_its_bounds() -> None:
    settings = PpoSettings(highest_learning_rate=1e-3)
    assert next_learning_rate(9e-4, 0.0, settings, 0.0) == pytest.approx(1e-3)
    assert next_learning_rate(1e-6, 1.0, settings, 0.0) == pytest.approx(1e-6)


def test_other_step_sizes_do_not_look_at_the_divergence() -> None:
    linear = PpoSettings(step_size="linear", learning_rate=4e-4)
    rates = [next_learning_rate(1.0, 9.0, linear, progress) for progress in (0, 0.25, 1)]
    assert rates == pytest.approx([4e-4, 3e-4, 0])
    assert next_learning_rate(7e-4, 9.0, PpoSettings(step_size="constant"), 0.5) == pytest.approx(7e-4)


def test_explained_variance_by_hand() -> None:
    targets = torch.tensor([1.0, 2.0, 3.0])
    assert explained_variance(targets, targets) == pytest.approx(1)
    assert explained_variance(torch.full((3,), 2.0), targets) == pytest.approx(0)
    # The errors 1, 0, -1 vary as much as the targets do.
    assert explained_variance(torch.tensor([0.0, 2.0, 4.0]), targets) == pytest.approx(0)
    assert not math.isfinite(explained_variance(targets, torch.ones(3)))
