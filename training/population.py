"""A population of policies at play, and the black-box search that learns from their games."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch
from gymnasium.vector import VectorEnv
from numpy.typing import NDArray
from torch import Tensor
from torch.func import functional_call, vmap

from models.device import pick_device
from models.mlp import Network, build
from models.spec import ModelSpec
from training.moments import RunningMoments
from training.run import Progress
from training.search import Rule, SearchSettings
from training.settings import TrainingSettings
from training.trainee import Step

WARM_UP_STEPS = 200
"""Random steps per environment before the search begins, for the statistics of the inputs."""
EVALUATION_GAMES, CONTROL_EVALUATION_GAMES = 20, 100
"""Of Pong, and of other environments: as many as gymnasium says it takes to tell whether one is solved."""


class PopulationPolicy:
    """The deterministic policy of a network as a function of its weights, for many vectors of weights at a time.

    The vectors hold what the policy's actions depend on, in the network's order: neither its value head nor the
    deviation of what it draws.
    """

    def __init__(self, network: Network) -> None:
        self._network = network
        self._parameters = {
            name: parameter
            for name, parameter in network.named_parameters()
            if not name.startswith(("value", "log_deviation"))
        }
        self._modes = vmap(self._mode)

    @property
    def weights(self) -> Tensor:
        """`[n]`: the network's own."""
        return torch.cat([parameter.detach().flatten() for parameter in self._parameters.values()])

    @weights.setter
    def weights(self, weights: Tensor) -> None:
        for name, values in self.split(weights[None]).items():
            self._parameters[name].data.copy_(values[0])

    def split(self, population: Tensor) -> dict[str, Tensor]:
        """`[P, n]` weights as the network's tensors by name, each with a dimension `P` in front."""
        sizes = [parameter.numel() for parameter in self._parameters.values()]
        parts = population.split(sizes, dim=1)
        return {
            name: part.view(len(population), *parameter.shape)
            for (name, parameter), part in zip(self._parameters.items(), parts, strict=True)
        }

    def act(self, weights: dict[str, Tensor], observations: Tensor) -> Tensor:
        """What each of `P` policies, as `split` gives them, does on its own observation of `[P, ...]`: their modes."""
        return self._modes(weights, observations)

    def _mode(self, weights: dict[str, Tensor], observation: Tensor) -> Tensor:
        mode: Tensor = functional_call(self._network, weights, (observation[None],)).distribution.mode[0]
        return mode


class Games(NamedTuple):
    """What a population of `P` played, `E` full episodes each."""

    returns: NDArray[np.float64]
    """`[P, E]`: undiscounted."""
    lengths: NDArray[np.int64]
    """`[P, E]`: in agent steps."""


@torch.no_grad()
def play(policy: PopulationPolicy, population: Tensor, environments: VectorEnv, *, episodes: int, seed: int) -> Games:
    """Plays `episodes` full episodes with each of the weights, `[P, n]`, on as many environments as there are.

    An environment whose episode has ended begins the next that nobody has begun, whoever's it is. Every episode that is
    begun counts, so that short ones are not favoured. `seed` settles all of them.
    """
    members = np.arange(len(population)).repeat(episodes)
    returns, lengths = np.zeros(len(members)), np.zeros(len(members), np.int64)
    episode = np.arange(environments.num_envs)
    begun = environments.num_envs
    observations, _ = environments.reset(seed=seed)
    weights: dict[str, Tensor] = {}
    while (on := episode < len(members)).any():
        if not weights:
            playing = members[episode.clip(max=len(members) - 1)]  # any, where there is nothing left to play
            weights = policy.split(population[torch.from_numpy(playing).to(population.device)])
        actions = policy.act(weights, _to_device(observations, population.device))
        observations, rewards, terminations, truncations, _ = environments.step(actions.cpu().numpy())
        returns[episode[on]] += rewards[on]
        lengths[episode[on]] += 1
        ended = terminations | truncations
        if ended.any():
            episode[ended] = np.arange(begun, begun + ended.sum())
            begun += ended.sum()
            weights = {}
    return Games(returns.reshape(-1, episodes), lengths.reshape(-1, episodes))


def _to_device(observations: NDArray[Any], device: torch.device) -> Tensor:
    tensor = torch.from_numpy(observations).to(device)
    return tensor.float() if tensor.is_floating_point() else tensor


class Searcher:
    """A search for a policy: a trainee.

    A step is one population, played and learned from. Steps and games are those of its members: evaluations of the
    incumbent and idle environments, which wait for the last games of a population, do not count. A run that goes on
    from its checkpoint has the curve of one that never stopped.

    Metrics beside the rule's: `mean_return` and `mean_length` over all the population's games, `best_member_return` of
    the member with the highest mean, and `solved_at_games`: after how many games an evaluation of the incumbent first
    reached the environment's reward threshold, where it has one.
    """

    greedy = True

    def __init__(self, rule: Callable[[Any, Tensor], Rule], settings: TrainingSettings) -> None:
        assert isinstance(settings.algorithm, SearchSettings)
        torch.manual_seed(settings.seed)
        self._settings = settings.algorithm
        self.num_envs = min(settings.num_envs, self._settings.population_size * self._settings.episodes)
        self.evaluation_games = EVALUATION_GAMES if isinstance(settings.model, ModelSpec) else CONTROL_EVALUATION_GAMES
        self.device = pick_device(settings.device)
        self.network = build(settings.model).to(self.device).requires_grad_(requires_grad=False)
        self._policy = PopulationPolicy(self.network)
        self._rule = rule(settings.algorithm, self._policy.weights)
        self._generator = torch.Generator(self.device).manual_seed(settings.seed)
        self._solved_at = math.nan
        """Games played before the incumbent first reached the threshold."""

    def prepare(self, environments: VectorEnv, progress: Progress) -> None:
        """A new run takes the statistics of its inputs from random play."""
        self._environments = environments
        self._threshold = reward_threshold(environments)
        if progress.updates == 0:
            self._learn_input_statistics()

    def _learn_input_statistics(self) -> None:
        """Sets the mean and deviation by which the network sees its inputs: once, or weights would change meaning."""
        seed = self._draw_seed()
        self._environments.action_space.seed(seed)
        self._environments.reset(seed=seed)
        moments = RunningMoments()
        for _ in range(WARM_UP_STEPS):
            observations = self._environments.step(self._environments.action_space.sample())[0]
            moments.update(self.network.input_samples(_to_device(observations, self.device)))
        self.network.inputs.mean.copy_(moments.mean)
        self.network.inputs.scale.copy_(moments.deviation.clamp(min=self.network.inputs.floor))

    def step(self, progress: Progress) -> Step:
        """Proposes a population, plays and learns once."""
        del progress
        population = self._rule.propose(self._generator)
        games = play(
            self._policy, population, self._environments, episodes=self._settings.episodes, seed=self._draw_seed()
        )
        returns = torch.tensor(games.returns.mean(1), dtype=torch.float32, device=self.device)
        metrics = self._rule.learn(population, returns, self._generator)
        self._policy.weights = self._rule.incumbent
        best = float(games.returns.mean(1).max())
        metrics |= {
            "mean_return": float(games.returns.mean()),
            "mean_length": float(games.lengths.mean()),
            "best_member_return": best,
            "solved_at_games": self._solved_at,
        }
        promising = math.isnan(self._solved_at) and best >= self._threshold
        return Step(int(games.lengths.sum()), games.returns.size, metrics, promising)

    def evaluated(self, mean_return: float, progress: Progress) -> dict[str, float]:
        """Notes when the environment was first solved."""
        if math.isnan(self._solved_at) and mean_return >= self._threshold:
            self._solved_at = float(progress.games)
        return {"solved_at_games": self._solved_at}

    def _draw_seed(self) -> int:
        """For environments."""
        return int(torch.randint(2**30, (), generator=self._generator, device=self.device))

    def state_dict(self) -> dict[str, Any]:
        """All that must be kept to go on exactly."""
        return {
            "network": self.network.state_dict(),
            "rule": self._rule.state_dict(),
            "generator": self._generator.get_state(),
            "solved_at": self._solved_at,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """What `state_dict` gave."""
        self.network.load_state_dict(state["network"])
        self._rule.load_state_dict(state["rule"])
        self._generator.set_state(state["generator"].cpu())
        self._solved_at = state["solved_at"]


def reward_threshold(environments: VectorEnv) -> float:
    """The mean return from which gymnasium takes them for solved; infinite where it does not say."""
    threshold = environments.spec.reward_threshold if environments.spec else None
    return math.inf if threshold is None else threshold
