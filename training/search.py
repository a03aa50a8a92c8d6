"""Black-box search: policies are judged by their returns alone, without backpropagation.

A rule proposes a population of weight vectors, `[P, n]`, and learns from the mean return of each, `[P]`. It is a torch
module that keeps all its state in buffers, so its `state_dict` is enough to resume exactly. The games are played in
`population.py`.
"""

from __future__ import annotations

import math
from typing import Annotated, Any, Protocol, TypeAlias

import msgspec
import torch
from torch import Tensor, nn

from training.learner import restore_optimizer

Positive = Annotated[float, msgspec.Meta(gt=0, le=1e37)]
NotNegative = Annotated[float, msgspec.Meta(ge=0, le=1e37)]
Share = Annotated[float, msgspec.Meta(gt=0, le=1)]
Count = Annotated[int, msgspec.Meta(ge=1, le=4096)]


class SearchSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Hyperparameters of every search."""

    episodes: Count = 4
    """How many episodes the mean return of a proposed policy is taken over."""
    noise_scale: Positive = 0.5
    """Standard deviation, per weight, of the noise that makes one policy from another; initial, if it adapts."""
    population_size: Count = 1
    """Policies tried per update; a hill climber considers only the best of them."""


class ClimbingSettings(SearchSettings, frozen=True, kw_only=True):
    """Hyperparameters of every search that moves from neighbour to neighbour."""

    patience: Count = 50
    """Updates in a row without a higher return, after which the climb restarts."""


class HillClimbingSettings(ClimbingSettings, tag_field="algorithm", tag="hill-climbing", frozen=True, kw_only=True):
    """Hill climbing's hyperparameters."""


class SteepestAscentSettings(ClimbingSettings, tag_field="algorithm", tag="steepest-ascent", frozen=True, kw_only=True):
    """Steepest-ascent hill climbing's hyperparameters."""

    population_size: Count = 8


class SimulatedAnnealingSettings(
    ClimbingSettings, tag_field="algorithm", tag="simulated-annealing", frozen=True, kw_only=True
):
    """Simulated annealing's hyperparameters."""

    temperature: Positive = 10.0
    """Initial temperature, in units of return: a neighbour that much worse is accepted with probability 1/e."""
    cooling: Share = 0.9
    """What the temperature is multiplied by after each update."""
    lowest_temperature: Positive = 1e-3
    """The temperature never falls below this."""


class AdaptiveNoiseSettings(ClimbingSettings, tag_field="algorithm", tag="adaptive-noise", frozen=True, kw_only=True):
    """The hyperparameters of hill climbing with adaptive noise."""

    least_noise_scale: Positive = 1e-3
    """The noise scale never falls below this."""
    greatest_noise_scale: Positive = 2.0
    """The noise scale never rises above this."""


class CrossEntropySettings(SearchSettings, tag_field="algorithm", tag="cross-entropy", frozen=True, kw_only=True):
    """The cross-entropy method's hyperparameters."""

    episodes: Count = 1
    noise_scale: Positive = 1.0
    population_size: Annotated[int, msgspec.Meta(ge=2, le=4096)] = 30
    elite_share: Share = 0.2
    """Fraction of the population whose mean and deviation the next one is drawn from."""
    extra_variance: NotNegative = 0.5
    """Variance first added to the elite's, per weight; without it, the search converges too early."""
    extra_updates: Count = 20
    """Updates over which the extra variance falls linearly to 0."""
    least_noise_scale: NotNegative = 0.05
    """Deviations never fall below this, so that the search never stops."""


class EvolutionStrategiesSettings(
    SearchSettings, tag_field="algorithm", tag="evolution-strategies", frozen=True, kw_only=True
):
    """Evolution strategies' hyperparameters."""

    episodes: Count = 1
    population_size: Annotated[int, msgspec.Meta(ge=2, le=4096, multiple_of=2)] = 30
    """Policies per update, in mirrored pairs."""
    learning_rate: Positive = 0.1
    """Adam's learning rate: about how far each weight moves per update."""
    weight_decay: NotNegative = 0.0
    """L2 penalty: the gradient that pulls each weight towards 0 is this times the weight."""


AnySearchSettings: TypeAlias = (
    HillClimbingSettings
    | SteepestAscentSettings
    | SimulatedAnnealingSettings
    | AdaptiveNoiseSettings
    | CrossEntropySettings
    | EvolutionStrategiesSettings
)


class Rule(Protocol):
    """Decides what to try next, given the returns so far."""

    @property
    def incumbent(self) -> Tensor:
        """`[n]`: the search's current answer."""
        ...

    def propose(self, generator: torch.Generator) -> Tensor:
        """`[P, n]`: weights to try."""
        ...

    def learn(self, population: Tensor, returns: Tensor, generator: torch.Generator) -> dict[str, float]:
        """Learns from the mean returns, `[P]`, of the last proposal, `[P, n]`; returns diagnostics by name."""
        ...

    def state_dict(self) -> dict[str, Any]:
        """Everything needed to resume."""
        ...

    def load_state_dict(self, state_dict: dict[str, Any]) -> object:
        """Restores what `state_dict` returned."""
        ...


class HillClimbing(nn.Module):
    """Tries `population_size` neighbours at a time, and moves to the best of them if it is no worse.

    With one neighbour at a time this is hill climbing, with several steepest-ascent hill climbing; `patience` adds
    restarts (Russell and Norvig 2021, "Artificial Intelligence: A Modern Approach", sec. 4.1). Ties are accepted, or
    the climb would get stuck on a plateau. A position keeps the return it was accepted for; the start has none, so its
    first neighbour is always accepted. The incumbent is the best policy of all climbs.
    """

    incumbent: Tensor
    incumbent_return: Tensor
    start: Tensor
    position: Tensor
    position_return: Tensor
    waited: Tensor
    """Updates since the return last rose."""
    noise_scale: Tensor

    def __init__(self, settings: ClimbingSettings, start: Tensor) -> None:
        super().__init__()
        self._population_size = settings.population_size
        self._patience = settings.patience
        self._noise_scale = settings.noise_scale
        for name in ("incumbent", "start", "position"):
            self.register_buffer(name, start.clone())
        for name in ("incumbent_return", "position_return"):
            self.register_buffer(name, torch.tensor(-math.inf))
        self.register_buffer("waited", torch.tensor(0))
        self.register_buffer("noise_scale", torch.tensor(settings.noise_scale))

    def restart(self) -> None:
        """Returns to the start, with the initial noise."""
        self.position = self.start.clone()
        self.position_return = torch.tensor(-math.inf)
        self.waited = torch.tensor(0)
        self.noise_scale = torch.tensor(self._noise_scale)

    def propose(self, generator: torch.Generator) -> Tensor:
        """`[P, n]`: neighbours."""
        return self.position + self.noise_scale * _noise(self._population_size, self.position, generator)

    def learn(self, population: Tensor, returns: Tensor, generator: torch.Generator) -> dict[str, float]:
        """Moves to the best neighbour, stays, or restarts; returns diagnostics by name."""
        best = returns.argmax()
        self.waited = torch.tensor(0) if returns[best] > self.position_return else self.waited + 1
        accepted = self.accepts(returns[best], generator)
        if accepted:
            self.position, self.position_return = population[best].clone(), returns[best].clone()
        if returns[best] >= self.incumbent_return:
            self.incumbent, self.incumbent_return = population[best].clone(), returns[best].clone()
        if self.waited >= self._patience:
            self.restart()
        else:
            self.adapt(accepted=accepted)
        return {"accepted": float(accepted), "incumbent_return": float(self.incumbent_return)}

    def adapt(self, *, accepted: bool) -> None:
        """Changes how the next neighbours are found, after the best of these was accepted or not; here, nothing."""

    def accepts(self, neighbour_return: Tensor, generator: torch.Generator) -> bool:
        """Whether to move to a neighbour with this return."""
        del generator  # for subclasses that decide at random
        return bool(neighbour_return >= self.position_return)


class SimulatedAnnealing(HillClimbing):
    """Hill climbing that sometimes goes downhill, but ever less often (Kirkpatrick et al. 1983)."""

    temperature: Tensor

    def __init__(self, settings: SimulatedAnnealingSettings, start: Tensor) -> None:
        super().__init__(settings, start)
        self._settings = settings
        self.register_buffer("temperature", torch.tensor(settings.temperature))

    def restart(self) -> None:
        """Returns to the start, with the initial temperature."""
        super().restart()
        self.temperature = torch.tensor(self._settings.temperature)

    def accepts(self, neighbour_return: Tensor, generator: torch.Generator) -> bool:
        """Whether to move to a neighbour with this return; random if it is worse."""
        probability = acceptance_probability(neighbour_return - self.position_return, self.temperature)
        return bool(torch.rand((), generator=generator, device=generator.device) < probability)

    def adapt(self, *, accepted: bool) -> None:
        """Cools."""
        del accepted
        self.temperature = (self.temperature * self._settings.cooling).clamp(min=self._settings.lowest_temperature)

    def learn(self, population: Tensor, returns: Tensor, generator: torch.Generator) -> dict[str, float]:
        """Moves to the neighbour or stays, and cools; returns diagnostics by name."""
        metrics = super().learn(population, returns, generator)
        return metrics | {"temperature": float(self.temperature)}


def acceptance_probability(change: Tensor, temperature: Tensor) -> Tensor:
    """The probability of accepting a change of the return: exp(change / temperature), or 1 if it is no loss.

    Metropolis et al. 1953, "Equation of State Calculations by Fast Computing Machines".
    """
    return (change / temperature).clamp(max=0).exp()


class AdaptiveNoise(HillClimbing):
    """Hill climbing that searches closer after a success, and further away after a failure."""

    def __init__(self, settings: AdaptiveNoiseSettings, start: Tensor) -> None:
        super().__init__(settings, start)
        self._settings = settings

    def adapt(self, *, accepted: bool) -> None:
        """Halves the noise, or doubles it."""
        self.noise_scale = (self.noise_scale * (0.5 if accepted else 2.0)).clamp(
            self._settings.least_noise_scale, self._settings.greatest_noise_scale
        )

    def learn(self, population: Tensor, returns: Tensor, generator: torch.Generator) -> dict[str, float]:
        """Moves and halves the noise, or stays and doubles it; returns diagnostics by name."""
        metrics = super().learn(population, returns, generator)
        return metrics | {"noise_scale": float(self.noise_scale)}


class CrossEntropy(nn.Module):
    """Draws each weight from its own Gaussian, and refits the Gaussians to the best draws.

    Rubinstein 1999; with noise that falls over time, Szita and Lorincz 2006, "Learning Tetris Using the Noisy
    Cross-Entropy Method".
    """

    incumbent: Tensor
    deviation: Tensor
    updates: Tensor

    def __init__(self, settings: CrossEntropySettings, start: Tensor) -> None:
        super().__init__()
        self._settings = settings
        self.register_buffer("incumbent", start.clone())
        self.register_buffer("deviation", torch.full_like(start, settings.noise_scale))
        self.register_buffer("updates", torch.tensor(0))

    def propose(self, generator: torch.Generator) -> Tensor:
        """`[P, n]`: drawn around the incumbent."""
        return self.incumbent + self.deviation * _noise(self._settings.population_size, self.incumbent, generator)

    def learn(self, population: Tensor, returns: Tensor, generator: torch.Generator) -> dict[str, float]:
        """Fits mean and deviation to the elite; returns diagnostics by name."""
        del generator
        size = max(math.ceil(round(self._settings.elite_share * len(population), 6)), 1)  # 0.07 of 100 is above 7
        elite = population[returns.topk(size).indices]
        self.incumbent = elite.mean(0)
        extra = self._settings.extra_variance * (1 - self.updates / self._settings.extra_updates).clamp(min=0)
        self.deviation = (elite.var(0, correction=0) + extra).sqrt().clamp(min=self._settings.least_noise_scale)
        self.updates = self.updates + 1
        return {"noise_scale": float(self.deviation.mean())}


class EvolutionStrategies(nn.Module):
    """Climbs the gradient of the expected return of policies drawn around the incumbent, estimated from the draws.

    Salimans et al. 2017, "Evolution Strategies as a Scalable Alternative to Reinforcement Learning": draws in mirrored
    pairs, returns replaced by their ranks, Adam.
    """

    def __init__(self, settings: EvolutionStrategiesSettings, start: Tensor) -> None:
        super().__init__()
        self._settings = settings
        self.mean = nn.Parameter(start.clone(), requires_grad=False)
        self._optimizer = torch.optim.Adam([self.mean], lr=settings.learning_rate, weight_decay=settings.weight_decay)

    @property
    def incumbent(self) -> Tensor:
        """`[n]`: the mean of the draws."""
        return self.mean.detach()

    def propose(self, generator: torch.Generator) -> Tensor:
        """`[P, n]`: the second half mirrors the first around the mean."""
        noise = _noise(self._settings.population_size // 2, self.mean, generator)
        return self.mean + self._settings.noise_scale * torch.cat((noise, -noise))

    def learn(self, population: Tensor, returns: Tensor, generator: torch.Generator) -> dict[str, float]:
        """Takes one step up the gradient; returns diagnostics by name."""
        del generator
        gradient = self.gradient(population, centred_ranks(returns))
        before = self.incumbent.clone()
        self.mean.grad = -gradient  # the optimiser descends
        self._optimizer.step()
        return {"gradient_norm": float(gradient.norm()), "step_norm": float((self.incumbent - before).norm())}

    def gradient(self, population: Tensor, weights: Tensor) -> Tensor:
        """`[n]`: the estimated gradient of the expectation of `weights`, `[P]`, with respect to the mean of the draws.

        In one dimension, with deviation s and e ~ N(0, 1): d/dm E[w(m + s e)] = E[w(m + s e) e] / s.
        """
        noise = (population - self.mean) / self._settings.noise_scale
        return weights @ noise / (len(population) * self._settings.noise_scale)

    def get_extra_state(self) -> dict[str, Any]:
        """The optimiser's state, which `state_dict` includes."""
        return self._optimizer.state_dict()

    def set_extra_state(self, state: dict[str, Any]) -> None:
        """Restores what `get_extra_state` returned."""
        restore_optimizer(self._optimizer, state)


def centred_ranks(returns: Tensor) -> Tensor:
    """`[P]`: evenly spaced from -1/2 for the lowest return to 1/2 for the highest; ties share their mean rank.

    Ranks make the gradient independent of the scale of the returns, and robust to outliers.
    """
    lower = (returns[:, None] > returns).sum(1)
    equal = (returns[:, None] == returns).sum(1)
    ranks = lower + (equal - 1) / 2
    return ranks / (len(returns) - 1) - 0.5


def _noise(population_size: int, like: Tensor, generator: torch.Generator) -> Tensor:
    """`[P, n]`, standard normal."""
    return torch.randn((population_size, len(like)), generator=generator, device=like.device)
