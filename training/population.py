"""A population of policies at play, and the loop of a black-box search over them."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from contextlib import closing
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
from training import search
from training.environments import make
from training.evaluate import evaluate
from training.loop import CHECKPOINT_SECONDS, EVALUATION_GAMES, STAGES, Display, crossed, evaluation_interval
from training.memory import keep_freed_memory
from training.moments import RunningMoments
from training.run import Progress, RunDirectory
from training.settings import TrainingSettings

WARM_UP_STEPS = 200
"""Random steps per environment before the search begins, for the statistics of the inputs."""
CONTROL_EVALUATION_GAMES = 100
"""Over which gymnasium says whether an environment is solved."""


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
    """A search under way: a rule, the network that its weights are of, and its source of chance."""

    def __init__(self, settings: TrainingSettings) -> None:
        assert isinstance(settings.algorithm, search.SearchSettings)
        torch.manual_seed(settings.seed)
        self.spec = settings.model
        self.settings = settings.algorithm
        self.device = pick_device(settings.device)
        self.network = build(self.spec).to(self.device).requires_grad_(requires_grad=False)
        self.policy = PopulationPolicy(self.network)
        self.rule = search.make_rule(settings.algorithm, self.policy.weights)
        self.generator = torch.Generator(self.device).manual_seed(settings.seed)
        self.solved_at = math.nan
        """Games played before the incumbent first passed the environment's threshold."""

    def learn_input_statistics(self, environments: VectorEnv) -> None:
        """Sets, from random play, the mean and deviation by which the network sees its inputs: once, for good.

        What a vector of weights does would change with them.
        """
        seed = self.draw_seed()
        environments.action_space.seed(seed)
        environments.reset(seed=seed)
        moments = RunningMoments()
        for _ in range(WARM_UP_STEPS):
            observations = environments.step(environments.action_space.sample())[0]
            moments.update(self.network.input_samples(_to_device(observations, self.device)))
        self.network.inputs.mean.copy_(moments.mean)
        self.network.inputs.scale.copy_(moments.deviation.clamp(min=self.network.inputs.floor))

    def search(self, environments: VectorEnv) -> tuple[Games, dict[str, float]]:
        """Proposes, plays and learns once; gives the games and diagnostics by name."""
        population = self.rule.propose(self.generator)
        games = play(self.policy, population, environments, episodes=self.settings.episodes, seed=self.draw_seed())
        returns = torch.tensor(games.returns.mean(1), dtype=torch.float32, device=self.device)
        metrics = self.rule.learn(population, returns, self.generator)
        self.policy.weights = self.rule.incumbent
        return games, metrics

    def draw_seed(self) -> int:
        """For environments."""
        return int(torch.randint(2**30, (), generator=self.generator, device=self.device))

    def state_dict(self) -> dict[str, Any]:
        """All that must be kept to go on exactly."""
        return {
            "network": self.network.state_dict(),
            "rule": self.rule.state_dict(),
            "generator": self.generator.get_state(),
            "solved_at": self.solved_at,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """What `state_dict` gave."""
        self.network.load_state_dict(state["network"])
        self.rule.load_state_dict(state["rule"])
        self.generator.set_state(state["generator"].cpu())
        self.solved_at = state["solved_at"]


def train(run: RunDirectory, display: Display, stop: Callable[[], bool] = lambda: False) -> Progress:
    """Searches until the run's steps are done or `stop()`, which is asked after every update; gives how far it came.

    An update is one population, played and learned from. Steps and games are those of its members: evaluations of the
    incumbent and idle environments, which wait for the last games of a population, do not count. A run that goes on
    from its checkpoint has the curve of one that never stopped.

    Metrics: `mean_return` and `mean_length` over all the population's games, `best_member_return` of the member with
    the highest mean, and `solved_at_games`: after how many games the incumbent first reached the environment's
    reward threshold over `CONTROL_EVALUATION_GAMES`, where it has one.
    """
    keep_freed_memory()
    settings = run.settings
    searcher = Searcher(settings)
    progress = run.restore(searcher)
    num_envs = min(settings.num_envs, searcher.settings.population_size * searcher.settings.episodes)
    with closing(make(settings.model, num_envs, sticky=settings.sticky)) as environments:
        threshold = reward_threshold(environments)
        if progress.updates == 0:
            searcher.learn_input_statistics(environments)
        saved_at = time.monotonic()
        while progress.steps < settings.steps and not stop():
            started = time.monotonic()
            games, metrics = searcher.search(environments)
            before = progress.steps
            progress.steps += int(games.lengths.sum())
            progress.updates += 1
            progress.games += games.returns.size
            best = float(games.returns.mean(1).max())
            promising = math.isnan(searcher.solved_at) and best >= threshold
            due = crossed(before, progress.steps, evaluation_interval(settings)) or progress.steps >= settings.steps
            if promising or due:
                metrics["evaluation_return"] = keep_best(run, searcher, progress)
                if math.isnan(searcher.solved_at) and metrics["evaluation_return"] >= threshold:
                    searcher.solved_at = float(progress.games)
            if crossed(before, progress.steps, max(settings.steps // STAGES, 1)):
                run.save_stage(searcher, progress)
            progress.seconds += time.monotonic() - started
            metrics |= {
                "mean_return": float(games.returns.mean()),
                "mean_length": float(games.lengths.mean()),
                "best_member_return": best,
                "solved_at_games": searcher.solved_at,
                "steps_per_second": (progress.steps - before) / (time.monotonic() - started),
            }
            run.log(progress, metrics)
            display.update(progress, metrics)
            if time.monotonic() - saved_at > CHECKPOINT_SECONDS:
                run.save(searcher, progress)
                saved_at = time.monotonic()
        run.save(searcher, progress)
    return progress


def reward_threshold(environments: VectorEnv) -> float:
    """The mean return from which gymnasium takes them for solved; infinite where it does not say."""
    threshold = environments.spec.reward_threshold if environments.spec else None
    return math.inf if threshold is None else threshold


def keep_best(run: RunDirectory, searcher: Searcher, progress: Progress) -> float:
    """Evaluates the incumbent as it is searched for, at its mode; keeps it where it is the best so far.

    Gives its mean return.
    """
    evaluation = evaluate(
        searcher.spec,
        searcher.network,
        name=run.path.name,
        episodes=EVALUATION_GAMES if isinstance(searcher.spec, ModelSpec) else CONTROL_EVALUATION_GAMES,
        sticky=run.settings.sticky,
        greedy=True,
        seed=run.settings.seed,
        device=searcher.device,
    )
    if evaluation.mean_return > progress.best_return:
        progress.best_return = evaluation.mean_return
        run.save_best(searcher, evaluation)
    return evaluation.mean_return
