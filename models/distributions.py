"""Distributions over actions: what a stochastic policy draws from.

Each is of `B` observations, and gives the log-probability of actions, an entropy, a sample drawn with a generator of
one's own, and its mode, which is what a deterministic policy does.
"""

from __future__ import annotations

import math
from typing import NamedTuple, Protocol

import torch
from torch import Tensor
from torch.nn.functional import softplus


class Distribution(Protocol):
    """A distribution over actions for each of `B` observations. Actions are `[B]` or, continuous, `[B, D]`."""

    def sample(self, generator: torch.Generator) -> Tensor:
        """One action for each observation."""
        ...

    def log_prob(self, actions: Tensor) -> Tensor:
        """`[B]`: log-probabilities, or their densities, of one action for each observation."""
        ...

    def entropy(self) -> Tensor:
        """`[B]`, in nats."""
        ...

    @property
    def mode(self) -> Tensor:
        """What a deterministic policy does."""
        ...


class Categorical(NamedTuple):
    """One of `A` actions."""

    logits: Tensor
    """`[B, A]`."""

    def sample(self, generator: torch.Generator) -> Tensor:
        """`[B]` int64."""
        return torch.multinomial(self.logits.softmax(-1), 1, generator=generator).squeeze(1)

    def log_prob(self, actions: Tensor) -> Tensor:
        """`[B]`."""
        return self.logits.log_softmax(-1).gather(1, actions[:, None]).squeeze(1)

    def entropy(self) -> Tensor:
        """`[B]`, in nats."""
        log_probs = self.logits.log_softmax(-1)
        return -(log_probs.exp() * log_probs).sum(1)

    @property
    def mode(self) -> Tensor:
        """`[B]` int64: the likeliest."""
        return self.logits.argmax(-1)

    def at_temperature(self, temperature: float) -> Categorical:
        """The same, but surer below temperature 1 and more random above it: the logits are divided by it."""
        return Categorical(self.logits / temperature)


class Gaussian(NamedTuple):
    """`D` numbers, each by itself."""

    mean: Tensor
    """`[B, D]`."""
    log_deviation: Tensor
    """`[B, D]`."""

    def sample(self, generator: torch.Generator) -> Tensor:
        """`[B, D]`."""
        noise = torch.randn(self.mean.shape, generator=generator, device=self.mean.device)
        return self.mean + self.log_deviation.exp() * noise

    def log_prob(self, actions: Tensor) -> Tensor:
        """`[B]`: log-densities."""
        distances = (actions - self.mean) / self.log_deviation.exp()
        return (-distances.square() / 2 - self.log_deviation - math.log(2 * math.pi) / 2).sum(-1)

    def entropy(self) -> Tensor:
        """`[B]`, in nats: differential, so that it may be below 0."""
        return (self.log_deviation + math.log(2 * math.pi * math.e) / 2).sum(-1)

    @property
    def mode(self) -> Tensor:
        """`[B, D]`: the mean."""
        return self.mean


class TanhGaussian(NamedTuple):
    """`D` numbers u of a `Gaussian`, of which tanh u, between -1 and 1, is done.

    Actions are told by their u: from tanh u alone, u could not be found again near the bounds. Densities are those of
    tanh u: p(tanh u) = p(u) / (1 - tanh(u)^2) in each dimension.

    Haarnoja et al. 2018, "Soft Actor-Critic", appendix C.
    """

    gaussian: Gaussian

    def sample(self, generator: torch.Generator) -> Tensor:
        """`[B, D]`: u."""
        return self.gaussian.sample(generator)

    def log_prob(self, actions: Tensor) -> Tensor:
        """`[B]`: log-densities of tanh of `actions`."""
        return self.gaussian.log_prob(actions) - _log_slope(actions).sum(-1)

    def entropy(self) -> Tensor:
        """`[B]`, in nats: that of u, and what tanh takes from it, estimated at quantiles of each dimension.

        It is differentiable, and needs no chance: an entropy bonus that is noisy would be noise in the gradient.
        """
        mean, deviation = self.gaussian.mean, self.gaussian.log_deviation.exp()
        at = torch.tensor(_QUANTILES, device=mean.device)
        u = mean[..., None] + deviation[..., None] * at
        return self.gaussian.entropy() + _log_slope(u).mean(-1).sum(-1)

    @property
    def mode(self) -> Tensor:
        """`[B, D]`: the u in the middle, so that tanh u is the median."""
        return self.gaussian.mode


def _log_slope(u: Tensor) -> Tensor:
    """log(1 - tanh(u)^2), without the loss of digits where tanh u is near 1."""
    return 2 * (math.log(2) - u - softplus(-2 * u))


_QUANTILES = tuple(math.sqrt(2) * float(torch.erfinv(torch.tensor((2 * i + 1) / 32 - 1))) for i in range(32))
"""Of the standard normal distribution, in the middle of 32 parts that are equally likely."""
