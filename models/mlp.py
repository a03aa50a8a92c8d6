"""Fully connected networks: from a vector to a distribution over actions and a state value."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import NamedTuple, TypeAlias

import torch
from torch import Tensor, nn

from models.control import ContinuousActions, ControlSpec, PolicySpec
from models.distributions import Categorical, Distribution, Gaussian, TanhGaussian
from models.network import PolicyNetwork, ValueNormalizer, initialize

INPUT_LIMIT = 10.0
"""In standard deviations. Normalised observations are clipped to it: an early policy may have seen none beyond."""
FIRST_LOG_DEVIATION = -0.5
"""The initial log standard deviation of continuous actions, in half-widths of their range: enough to explore."""


class ControlOutput(NamedTuple):
    """A network's output for `B` observations."""

    distribution: Distribution
    value: Tensor
    """`[B]` float32: the expected return, in units of reward."""


class VectorNormalizer(nn.Module):
    """Normalises each number of an observation by its mean and standard deviation, buffers saved with the weights."""

    mean: Tensor
    scale: Tensor
    floor = 1e-4
    """The smallest scale, so that a constant number is not divided by zero."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(size))
        self.register_buffer("scale", torch.ones(size))

    def forward(self, observations: Tensor) -> Tensor:
        """Maps `[B, size]` to the same shape, between -+ `INPUT_LIMIT`."""
        return ((observations - self.mean) / self.scale).clamp(-INPUT_LIMIT, INPUT_LIMIT)


class ControlNetwork(nn.Module):
    """Separate policy and value networks, as `spec` describes them.

    A Gaussian's log standard deviations are weights, the same for all observations. Orthogonal initialisation, gain
    sqrt(2) in the hidden layers, 0.01 for the policy's output, 1 for the value (Andrychowicz et al. 2021, "What Matters
    for On-Policy Deep Actor-Critic Methods?").
    """

    def __init__(self, spec: ControlSpec) -> None:
        super().__init__()
        self.inputs = VectorNormalizer(spec.observation_size)
        self.policy = _layers(spec, spec.action_size, gain=0.01)
        self.value = _layers(spec, 1, gain=1.0)
        self.returns = ValueNormalizer()
        self._actions = spec.actions
        if isinstance(spec.actions, ContinuousActions):
            self.log_deviation = nn.Parameter(torch.full((spec.action_size,), FIRST_LOG_DEVIATION))

    def forward(self, observations: Tensor) -> ControlOutput:
        """Maps `[B, size]` float32 to a `ControlOutput`."""
        normalized = self.inputs(observations)
        value = self.returns(self.value(normalized).squeeze(-1))
        return ControlOutput(self._distribution(self.policy(normalized)), value)

    def _distribution(self, output: Tensor) -> Distribution:
        if not isinstance(self._actions, ContinuousActions):
            return Categorical(output)
        gaussian = Gaussian(output, self.log_deviation.expand_as(output))
        return TanhGaussian(gaussian) if self._actions.head == "tanh-gaussian" else gaussian

    def set_log_deviation(self, log_deviation: float) -> None:
        """Sets the log standard deviation of continuous actions, in half-widths of their range."""
        if isinstance(self._actions, ContinuousActions):
            nn.init.constant_(self.log_deviation, log_deviation)

    def input_samples(self, observations: Tensor) -> Tensor:
        """Returns the samples for the input statistics: the observations, `[B, size]`."""
        return observations


def _layers(spec: ControlSpec, outputs: int, *, gain: float) -> nn.Sequential:
    widths = (spec.observation_size, *spec.hidden)
    layers: list[nn.Module] = []
    for before, after in pairwise(widths):
        layers += [nn.Linear(before, after), nn.Tanh()]
    layers.append(nn.Linear(widths[-1], outputs))
    for layer in layers[:-1]:
        initialize(layer, math.sqrt(2))
    initialize(layers[-1], gain)
    return nn.Sequential(*layers)


Network: TypeAlias = PolicyNetwork | ControlNetwork


def build(spec: PolicySpec) -> Network:
    """Returns a new network, as `spec` describes it."""
    return ControlNetwork(spec) if isinstance(spec, ControlSpec) else PolicyNetwork(spec)
