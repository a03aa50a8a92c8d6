"""Distributions over actions, which a stochastic policy samples from.

Each covers `B` observations. It has log-probabilities, an entropy, samples from the generator passed in, and a mode,
which is what a deterministic policy does.
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
        """Returns one action per observation."""
        ...

    def log_prob(self, actions: Tensor) -> Tensor:
        """Returns the log-probabilities or log-densities, `[B]`, of one action per observation."""
        ...

    def entropy(self) -> Tensor:
        """Returns the entropies, `[B]`, in nats."""
        ...

    @property
    def mode(self) -> Tensor:
        """The actions of a deterministic policy."""
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
        """`[B]` int64: the most likely action."""
        return self.logits.argmax(-1)

    def at_temperature(self, temperature: float) -> Categorical:
        """Divides the logits by `temperature`: below 1 the policy is more certain, above 1 more random."""
        return Categorical(self.logits / temperature)


class Gaussian(NamedTuple):
    """`D` independent numbers."""

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
        """`[B]`, in nats: a differential entropy, so it can be negative."""
        return (self.log_deviation + math.log(2 * math.pi * math.e) / 2).sum(-1)

    @property
    def mode(self) -> Tensor:
        """`[B, D]`: the mean."""
        return self.mean


class TanhGaussian(NamedTuple):
    """`D` numbers u from a `Gaussian`, squashed to tanh u, between -1 and 1.

    Actions are represented by u, because u cannot be recovered from tanh u near the bounds. Densities are those of
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
        """`[B]`, in nats: the entropy of u plus the mean log slope of tanh, estimated at quantiles of each dimension.

        It is differentiable and deterministic: a noisy entropy bonus would add noise to the gradient.
        """
        mean, deviation = self.gaussian.mean, self.gaussian.log_deviation.exp()
        at = torch.tensor(_QUANTILES, device=mean.device)
        u = mean[..., None] + deviation[..., None] * at
        return self.gaussian.entropy() + _log_slope(u).mean(-1).sum(-1)

    @property
    def mode(self) -> Tensor:
        """`[B, D]`: the mean of u, so tanh u is the median action."""
        return self.gaussian.mode


def _log_slope(u: Tensor) -> Tensor:
    """log(1 - tanh(u)^2), without losing precision when tanh u is near 1."""
    return 2 * (math.log(2) - u - softplus(-2 * u))


_QUANTILES = tuple(math.sqrt(2) * float(torch.erfinv(torch.tensor((2 * i + 1) / 32 - 1))) for i in range(32))
"""The midpoints of 32 equally likely intervals of the standard normal distribution."""
