"""Plays a population of policies, and searches for a better one by their returns."""

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
from training.learner import DivergedError, restore_generator
from training.moments import RunningMoments
from training.run import Progress
from training.search import Rule, SearchSettings
from training.settings import TrainingSettings
from training.trainee import Step

WARM_UP_STEPS = 200
"""Random steps per environment before the search begins, for the input statistics."""
EVALUATION_GAMES, CONTROL_EVALUATION_GAMES = 20, 100
"""For Pong, and for other environments: gymnasium calls them solved by the mean over 100 episodes."""


class PopulationPolicy:
    """A network's deterministic policy as a function of its weights, for many weight vectors at a time.

    The vectors hold the weights that its actions depend on, in the network's order: neither the value head nor the
    deviation of continuous actions.
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
        """The likeliest action of each of `P` policies, from `split`, on its own observation of `[P, ...]`."""
        return self._modes(weights, observations)

    def _mode(self, weights: dict[str, Tensor], observation: Tensor) -> Tensor:
        mode: Tensor = functional_call(self._network, weights, (observation[None],)).distribution.mode[0]
        return mode


class Games(NamedTuple):
    """The results of a population of `P`, `E` full episodes each."""

    returns: NDArray[np.float64]
    """`[P, E]`: undiscounted."""
    lengths: NDArray[np.int64]
    """`[P, E]`: in agent steps."""


@torch.no_grad()
def play(policy: PopulationPolicy, population: Tensor, environments: VectorEnv, *, episodes: int, seed: int) -> Games:
    """Plays `episodes` full episodes with each weight vector of `population`, `[P, n]`, spread over all environments.

    An environment whose episode has ended starts the next one in the queue, whichever member's it is. Every episode
    started is counted, so that short ones are not favoured. `seed` determines them all.
    """
    members = np.arange(len(population)).repeat(episodes)
    returns, lengths = np.zeros(len(members)), np.zeros(len(members), np.int64)
    episode = np.arange(environments.num_envs)
    started = environments.num_envs
    observations, _ = environments.reset(seed=seed)
    weights: dict[str, Tensor] = {}
    while (active := episode < len(members)).any():
        if not weights:
            playing = members[episode.clip(max=len(members) - 1)]  # idle environments play any member
            weights = policy.split(population[torch.from_numpy(playing).to(population.device)])
        actions = policy.act(weights, _to_device(observations, population.device))
        observations, rewards, terminations, truncations, _ = environments.step(actions.cpu().numpy())
        returns[episode[active]] += rewards[active]
        lengths[episode[active]] += 1
        ended = terminations | truncations
        if ended.any():
            episode[ended] = np.arange(started, started + ended.sum())
            started += ended.sum()
            weights = {}
    return Games(returns.reshape(-1, episodes), lengths.reshape(-1, episodes))


def _to_device(observations: NDArray[Any], device: torch.device) -> Tensor:
    tensor = torch.from_numpy(observations).to(device)
    return tensor.float() if tensor.is_floating_point() else tensor


class Searcher:
    """A trainee that searches for a policy.

    One step plays one population and learns from it. Only the members' steps and games count, not evaluations of the
    incumbent, nor environments that idle until the last games of a population end. A resumed run has the same curve as
    one that was never interrupted.

    Metrics besides the rule's: `mean_return` and `mean_length` over all games of the population, `best_member_return`
    of the member with the highest mean, and `solved_at_games`: the games played before an evaluation of the incumbent
    first reached the environment's reward threshold, if it has one.
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
        self._resumed = False

    def prepare(self, environments: VectorEnv, progress: Progress) -> str | None:
        """Takes the input statistics of a new run from random play."""
        del progress
        self._environments = environments
        self._threshold = reward_threshold(environments)
        if not self._resumed:
            self._learn_input_statistics()
        return None

    def _learn_input_statistics(self) -> None:
        """Sets the mean and deviation that normalise inputs: only once, or weights would change their meaning."""
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
        """Proposes a population, plays it and learns from it."""
        del progress
        population = self._rule.propose(self._generator)
        games = play(
            self._policy, population, self._environments, episodes=self._settings.episodes, seed=self._draw_seed()
        )
        if not np.isfinite(games.returns).all():
            raise DivergedError("the returns of the games are", cause="rewards")
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

    def on_evaluation(self, mean_return: float, progress: Progress) -> dict[str, float]:
        """Notes when the environment was first solved."""
        if math.isnan(self._solved_at) and mean_return >= self._threshold:
            self._solved_at = float(progress.games)
        return {"solved_at_games": self._solved_at}

    def _draw_seed(self) -> int:
        """A seed for the environments."""
        return int(torch.randint(2**30, (), generator=self._generator, device=self.device))

    def state_dict(self) -> dict[str, Any]:
        """Everything needed to resume exactly."""
        return {
            "network": self.network.state_dict(),
            "rule": self._rule.state_dict(),
            "generator": self._generator.get_state(),
            "solved_at": self._solved_at,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restores what `state_dict` returned."""
        self.network.load_state_dict(state["network"])
        self._rule.load_state_dict(state["rule"])
        restore_generator(self._generator, state["generator"])
        self._solved_at = float(state["solved_at"])
        self._resumed = True


def reward_threshold(environments: VectorEnv) -> float:
    """The mean return at which gymnasium calls the environment solved; infinite if it sets none."""
    threshold = environments.spec.reward_threshold if environments.spec else None
    return math.inf if threshold is None else threshold
