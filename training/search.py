"""Black-box search: policies are judged by their returns alone, without a gradient of anything.

A rule proposes a population of weight vectors, `[P, n]`, and is told the mean return of each, `[P]`. It is a torch
module whose buffers are all that it knows, so that its `state_dict` is enough to go on exactly. What plays the games
is in `population.py`.
"""

from __future__ import annotations

import math
from typing import Annotated, Any, Protocol, TypeAlias

import msgspec
import torch
from torch import Tensor, nn

Positive = Annotated[float, msgspec.Meta(gt=0)]
NotNegative = Annotated[float, msgspec.Meta(ge=0)]
Share = Annotated[float, msgspec.Meta(gt=0, le=1)]
Count = Annotated[int, msgspec.Meta(ge=1, le=4096)]


class SearchSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Hyperparameters that every search has."""

    episodes: Count = 4
    """That each proposed policy plays, and its mean return is taken over."""
    noise_scale: Positive = 0.5
    """Standard deviation, per weight, of what is added to a policy to make another; at the start where it changes."""
    population_size: Count = 1
    """Policies that are tried before the rule learns from them; one that climbs goes to the best of so many."""


class ClimbingSettings(SearchSettings, frozen=True, kw_only=True):
    """Hyperparameters that every search which goes from neighbour to neighbour has."""

    patience: Count = 50
    """Updates in a row that bring no higher return, after which the climb begins anew at the start."""


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
    """At the start, in units of return: by so much worse, a neighbour is still gone to one time in e."""
    cooling: Share = 0.9
    """What the temperature is multiplied by after each neighbour."""
    lowest_temperature: Positive = 1e-3


class AdaptiveNoiseSettings(ClimbingSettings, tag_field="algorithm", tag="adaptive-noise", frozen=True, kw_only=True):
    """The hyperparameters of hill climbing with adaptive noise."""

    least_noise_scale: Positive = 1e-3
    greatest_noise_scale: Positive = 2.0


class CrossEntropySettings(SearchSettings, tag_field="algorithm", tag="cross-entropy", frozen=True, kw_only=True):
    """The cross-entropy method's hyperparameters."""

    episodes: Count = 1
    noise_scale: Positive = 1.0
    population_size: Annotated[int, msgspec.Meta(ge=2, le=4096)] = 30
    elite_share: Share = 0.2
    """Of the population, whose mean and deviation the next is drawn from."""
    extra_variance: NotNegative = 0.5
    """Added to the elite's, per weight, at first: alone, they draw together where chance first takes them."""
    extra_updates: Count = 20
    """After which none is added any more; it falls linearly until then."""
    least_noise_scale: NotNegative = 0.05
    """Deviations do not fall below, so that the search goes on."""


class EvolutionStrategiesSettings(
    SearchSettings, tag_field="algorithm", tag="evolution-strategies", frozen=True, kw_only=True
):
    """Evolution strategies' hyperparameters."""

    episodes: Count = 1
    population_size: Annotated[int, msgspec.Meta(ge=2, le=4096, multiple_of=2)] = 30
    """In mirrored pairs."""
    learning_rate: Positive = 0.1
    """Adam's, so that it is about how far each weight goes in an update."""
    weight_decay: NotNegative = 0.0
    """How strongly weights are drawn to 0: added to the gradient, times the weight."""


AnySearchSettings: TypeAlias = (
    HillClimbingSettings
    | SteepestAscentSettings
    | SimulatedAnnealingSettings
    | AdaptiveNoiseSettings
    | CrossEntropySettings
    | EvolutionStrategiesSettings
)


class Rule(Protocol):
    """What to try next, given how well it went so far."""

    @property
    def incumbent(self) -> Tensor:
        """`[n]`: the weights that the search stands for now."""
        ...

    def propose(self, generator: torch.Generator) -> Tensor:
        """`[P, n]`: weights to try."""
        ...

    def learn(self, population: Tensor, returns: Tensor, generator: torch.Generator) -> dict[str, float]:
        """Takes in the mean returns, `[P]`, of what `propose` gave last; gives diagnostics by name."""
        ...

    def state_dict(self) -> dict[str, Any]:
        """All that must be kept to go on."""
        ...

    def load_state_dict(self, state_dict: dict[str, Any]) -> object:
        """Goes back to what `state_dict` gave."""
        ...


class HillClimbing(nn.Module):
    """Tries neighbours of where it is, `population_size` at a time, and goes to the best where it is no worse.

    With one neighbour at a time this is hill climbing, with several steepest-ascent hill climbing, and with `patience`
    it restarts (Russell and Norvig 2021, "Artificial Intelligence: A Modern Approach", sec. 4.1). Equals are gone to,
    or a plateau would hold the climb. A position keeps the return that it was gone to for; the start has none, so that
    its first neighbour is always gone to. The incumbent is the best position of all climbs.
    """

    incumbent: Tensor
    incumbent_return: Tensor
    start: Tensor
    position: Tensor
    position_return: Tensor
    waited: Tensor
    """Updates since the return was last surpassed."""
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
        """Goes back to the start, with the noise it had there."""
        self.position = self.start.clone()
        self.position_return = torch.tensor(-math.inf)
        self.waited = torch.tensor(0)
        self.noise_scale = torch.tensor(self._noise_scale)

    def propose(self, generator: torch.Generator) -> Tensor:
        """`[P, n]`: neighbours."""
        return self.position + self.noise_scale * _noise(self._population_size, self.position, generator)

    def learn(self, population: Tensor, returns: Tensor, generator: torch.Generator) -> dict[str, float]:
        """Goes to the best neighbour, stays, or restarts; gives diagnostics by name."""
        best = returns.argmax()
        self.waited = torch.tensor(0) if returns[best] > self.position_return else self.waited + 1
        accepted = self.accepts(returns[best], generator)
        if accepted:
            self.position, self.position_return = population[best].clone(), returns[best].clone()
        if returns[best] >= self.incumbent_return:
            self.incumbent, self.incumbent_return = population[best].clone(), returns[best].clone()
        if self.waited >= self._patience:
            self.restart()
        return {"accepted": float(accepted), "incumbent_return": float(self.incumbent_return)}

    def accepts(self, neighbour_return: Tensor, generator: torch.Generator) -> bool:
        """Whether to go to a neighbour of that return."""
        del generator  # others decide by chance
        return bool(neighbour_return >= self.position_return)


class SimulatedAnnealing(HillClimbing):
    """Hill climbing that now and then goes down, ever less often (Kirkpatrick et al. 1983)."""

    temperature: Tensor

    def __init__(self, settings: SimulatedAnnealingSettings, start: Tensor) -> None:
        super().__init__(settings, start)
        self._settings = settings
        self.register_buffer("temperature", torch.tensor(settings.temperature))

    def restart(self) -> None:
        """Goes back to the start, and to its temperature."""
        super().restart()
        self.temperature = torch.tensor(self._settings.temperature)

    def accepts(self, neighbour_return: Tensor, generator: torch.Generator) -> bool:
        """Whether to go to a neighbour of that return: by chance, where it is worse."""
        probability = acceptance_probability(neighbour_return - self.position_return, self.temperature)
        return bool(torch.rand((), generator=generator, device=generator.device) < probability)

    def learn(self, population: Tensor, returns: Tensor, generator: torch.Generator) -> dict[str, float]:
        """Goes to the neighbour, or stays, and cools; gives diagnostics by name."""
        metrics = super().learn(population, returns, generator)
        self.temperature = (self.temperature * self._settings.cooling).clamp(min=self._settings.lowest_temperature)
        return metrics | {"temperature": float(self.temperature)}


def acceptance_probability(change: Tensor, temperature: Tensor) -> Tensor:
    """How likely a change of the return is accepted: exp(change / temperature), and 1 for one that is no loss.

    Metropolis et al. 1953, "Equation of State Calculations by Fast Computing Machines".
    """
    return (change / temperature).clamp(max=0).exp()


class AdaptiveNoise(HillClimbing):
    """Hill climbing that looks closer by after a success, and further away after a failure."""

    def __init__(self, settings: AdaptiveNoiseSettings, start: Tensor) -> None:
        super().__init__(settings, start)
        self._settings = settings

    def learn(self, population: Tensor, returns: Tensor, generator: torch.Generator) -> dict[str, float]:
        """Goes to the neighbour, or stays; halves or doubles the noise. Gives diagnostics by name."""
        metrics = super().learn(population, returns, generator)
        factor = 0.5 if metrics["accepted"] else 2.0
        self.noise_scale = (self.noise_scale * factor).clamp(
            self._settings.least_noise_scale, self._settings.greatest_noise_scale
        )
        return metrics | {"noise_scale": float(self.noise_scale)}


class CrossEntropy(nn.Module):
    """Draws each weight from a Gaussian of its own, and fits these to the best that were drawn.

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
        """Fits mean and deviation to the elite; gives diagnostics by name."""
        del generator
        size = math.ceil(self._settings.elite_share * len(population))
        elite = population[returns.topk(size).indices]
        self.incumbent = elite.mean(0)
        extra = self._settings.extra_variance * (1 - self.updates / self._settings.extra_updates).clamp(min=0)
        self.deviation = (elite.var(0, correction=0) + extra).sqrt().clamp(min=self._settings.least_noise_scale)
        self.updates = self.updates + 1
        return {"noise_scale": float(self.deviation.mean())}


class EvolutionStrategies(nn.Module):
    """Climbs the gradient of the mean return of policies drawn around the incumbent, estimated from such draws.

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
        """`[n]`: the mean of what is drawn."""
        return self.mean.detach()

    def propose(self, generator: torch.Generator) -> Tensor:
        """`[P, n]`: the second half mirrors the first at the mean."""
        noise = _noise(self._settings.population_size // 2, self.mean, generator)
        return self.mean + self._settings.noise_scale * torch.cat((noise, -noise))

    def learn(self, population: Tensor, returns: Tensor, generator: torch.Generator) -> dict[str, float]:
        """Goes a step up the gradient; gives diagnostics by name."""
        del generator
        gradient = self.gradient(population, centred_ranks(returns))
        before = self.incumbent.clone()
        self.mean.grad = -gradient  # the optimiser goes down
        self._optimizer.step()
        return {"gradient_norm": float(gradient.norm()), "step_norm": float((self.incumbent - before).norm())}

    def gradient(self, population: Tensor, weights: Tensor) -> Tensor:
        """`[n]`: the estimate of the gradient of the mean of `weights`, `[P]`, in the mean of the draws.

        In one dimension and with the deviation s: E[w(m + s e)]' in m is E[w(m + s e) e] / s for e of N(0, 1).
        """
        noise = (population - self.mean) / self._settings.noise_scale
        return weights @ noise / (len(population) * self._settings.noise_scale)

    def get_extra_state(self) -> dict[str, Any]:
        """The optimiser's, which `state_dict` takes in."""
        return self._optimizer.state_dict()

    def set_extra_state(self, state: dict[str, Any]) -> None:
        """What `get_extra_state` gave."""
        self._optimizer.load_state_dict(state)


def centred_ranks(returns: Tensor) -> Tensor:
    """`[P]`: from -1/2 for the lowest return to 1/2 for the highest in even steps; equals share the mean of theirs.

    The gradient is then blind to the returns' scale, and to how far an outlier lies out.
    """
    lower = (returns[:, None] > returns).sum(1)
    equal = (returns[:, None] == returns).sum(1)
    ranks = lower + (equal - 1) / 2
    return ranks / (len(returns) - 1) - 0.5


def _noise(population_size: int, like: Tensor, generator: torch.Generator) -> Tensor:
    """`[P, n]`, standard normal."""
    return torch.randn((population_size, len(like)), generator=generator, device=like.device)
