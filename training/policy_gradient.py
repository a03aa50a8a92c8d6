"""From a reward to a gradient: collect, advantages, update, and what every policy gradient needs around these."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from gymnasium.vector import VectorEnv
from msgspec.structs import replace

from models import catalog, checkpoint
from models.device import pick_device
from models.errors import UserError
from models.losses import approximate_kl
from models.network import PolicyNetwork, offer_slow_moves, with_slow_moves, withhold_slow_moves, withholds_slow_moves
from models.spec import SLOW_ACTIONS, ModelSpec
from training.arena.experience import SelfPlayExperience
from training.arena.selfplay import SelfPlay
from training.games import NotRepeatableError
from training.gradient import (
    Averages,
    Batch,
    GradientSettings,
    Targets,
    check_finite,
    explained_variance,
    next_learning_rate,
    normalized_together,
)
from training.learner import DivergedError, Learner, restore_generator
from training.rollout import Collector, Episode, Experience, Rollout
from training.run import Progress
from training.settings import TrainingSettings
from training.team import ALONE, Team
from training.trainee import Step

WARM_UP_STEPS = 32
"""Random steps per environment before learning begins, for the first input statistics."""
INPUT_STATISTICS_UPDATES = 20
"""Then the input statistics are frozen: if the normalisation kept moving, it would move the policy with it."""
EVALUATION_GAMES = 20
RECENT_GAMES = 100
"""How many games reported returns and lengths are averaged over."""


def rollouts(collector: Collector, _settings: GradientSettings) -> Experience:
    """Rollouts as they are, for algorithms that bootstrap the returns that a rollout cuts off."""
    return collector


class Method(NamedTuple):
    """What distinguishes one policy gradient from another. `Any` is the algorithm's settings."""

    advantages: Callable[[Rollout, Any], Targets]
    """What to learn from a rollout."""
    update: Callable[[Learner, Batch, Any, float], Averages]
    """One pass over a batch; the last argument is the entropy coefficient."""
    experience: Callable[[Collector, Any], Experience] = rollouts
    """The source of its rollouts."""


def improve(
    learner: Learner, rollout: Rollout, method: Method, settings: GradientSettings, progress: float
) -> dict[str, float]:
    """Improves the policy with one rollout; returns diagnostics by name.

    `progress` is the fraction of training done, from 0 to 1. `DivergedError` if something is not finite.
    """
    targets = method.advantages(rollout, settings)
    if settings.normalizes:
        targets = targets._replace(advantages=normalized_together(targets.advantages, learner.team))
    if settings.has_critic:
        learner.update_return_statistics(targets.returns)
    batch = Batch.of(rollout, targets)
    entropy_coefficient = settings.entropy_coefficient * (1 - progress)
    metrics: dict[str, float] = {}
    try:
        check_finite(batch, rollout.rewards)
        for _ in range(settings.epochs):
            averages = method.update(learner, batch, settings, entropy_coefficient)
            metrics = learner.team.mean(averages.means(), len(batch.actions))
            if len(averages) == 1:  # the effect of a single step shows only after it
                metrics["kl"] = divergence(learner, batch)
            learner.learning_rate = next_learning_rate(learner.learning_rate, metrics["kl"], settings, progress)
    except DivergedError as error:
        error.batch = batch
        raise
    return metrics | {
        "explained_variance": explained_variance(rollout.values, targets.returns),
        "learning_rate": learner.learning_rate,
    }


@torch.no_grad()
def divergence(learner: Learner, batch: Batch) -> float:
    """The KL divergence, in nats, of the current policy from the one that took the batch's actions."""
    log_probs = learner.evaluate(batch.observations).distribution.log_prob(batch.actions)
    own = {"kl": float(approximate_kl(log_probs, batch.log_probs))}
    return learner.team.mean(own, len(batch.actions))["kl"]


class PolicyGradient:
    """A trainee that follows the policy gradient, perhaps as one of a team."""

    greedy = False

    def __init__(self, method: Method, settings: TrainingSettings, team: Team = ALONE) -> None:
        assert isinstance(settings.algorithm, GradientSettings)
        self._method = method
        self._settings = settings
        self._team = team
        self._seed = team.seed(settings.seed)
        self._algorithm = settings.algorithm
        self._recent: deque[Episode] = deque(maxlen=RECENT_GAMES)
        self._courts: SelfPlay | None = None
        self._saved: dict[str, Any] | None = None
        """The experience that a resumed run goes on with."""
        self._records: dict[str, Any] | None = None
        """Of self-play, in a run of a version that did not save games."""
        self._new_games: str | None = "it was saved by a version that did not save games"
        """Why a resumed run has to begin new ones, if it has."""
        self.num_envs = settings.num_envs // team.size
        self.evaluation_games = EVALUATION_GAMES
        self.device = pick_device(settings.device)
        self.learner = Learner(
            settings.model,
            learning_rate=self._algorithm.learning_rate,
            first_log_deviation=self._algorithm.first_log_deviation,
            averaging=self._algorithm.averaging,
            seed=settings.seed,
            device=self.device,
            team=team,
        )
        self.network = self.learner.networks[-1]
        """What is evaluated and saved."""

    def prepare(self, environments: VectorEnv, progress: Progress) -> str | None:
        """Goes on with the saved games, or begins new ones, with some random steps.

        A new run takes its first input statistics from these, or else its whole start from a model. Returns why a
        resumed run has new games; None if it has the saved ones.
        """
        if progress.updates == 0:
            self._begin()
        if isinstance(environments, SelfPlay):
            self._courts = environments
            environments.admit(self._policies[0])
            if self._records is not None:
                environments.load_records(self._records)
        collector = self._collect_from(environments)
        reason = self._new_games if progress.updates else None
        if self._saved is not None:
            try:
                self._experience.load_state_dict(self._saved)
            except NotRepeatableError as error:
                reason = str(error)
                collector = self._collect_from(environments)
            else:
                return None
        seed = self._seed + progress.updates
        if progress.updates > 0 and not self._team.leads:
            self.learner.generator.manual_seed(seed)  # The one that was saved is the first process's.
        observations = collector.random_observations(WARM_UP_STEPS, np.random.default_rng(seed))
        if progress.updates == 0 and self._settings.start is None:
            self.learner.update_input_statistics(observations)
        return reason

    def fixed_opponent(self) -> PolicyNetwork | None:
        """Who is met on courts of that kind: the one that a resumed run began with, wherever its folder is by now.

        Otherwise the model that the settings name, or None; `UserError` as for `opposing_network`.
        """
        opponents, spec = self._settings.opponents, self._settings.model
        if opponents is None or opponents.model is None or not isinstance(spec, ModelSpec):
            return None
        if self._saved is not None and (weights := self._saved["games"]["evicted"].get("fixed")) is not None:
            network = PolicyNetwork(spec).eval()
            network.load_state_dict(weights)
            return network
        return opposing_network(opponents.model, self._settings)

    def _begin(self) -> None:
        """What only a new run does: starts from a model, and without slow moves, if it is to."""
        start = self._settings.start
        if start is not None and self._saved is None:
            self.learner.start_from(starting_network(start, self._settings))
        if self._settings.slow_moves_after > 0:
            for policy in self._policies:
                withhold_slow_moves(policy)

    def _collect_from(self, environments: VectorEnv) -> Collector:
        """Makes new games the source of its experience; returns their collector."""
        collector = Collector(environments, self.learner, rollout_length=self._settings.rollout_length, seed=self._seed)
        self._experience = self._method.experience(collector, self._algorithm)
        if self._courts is not None:
            self._experience = SelfPlayExperience(self._experience, self._courts, self._policies[0])
        return collector

    def step(self, progress: Progress) -> Step:
        """Collects a rollout and learns from it."""
        steps = self._experience.steps
        rollout, episodes = self._experience.collect()
        share = progress.steps / self._settings.steps
        metrics = improve(self.learner, rollout, self._method, self._algorithm, share)
        if progress.updates < INPUT_STATISTICS_UPDATES and self._settings.start is None:
            self.learner.update_input_statistics(rollout.observations[::8].flatten(0, 1))
        metrics |= self._experience.metrics
        ended = [episode for some in self._team.gathered(episodes) for episode in some]
        self._recent.extend(episode for episode in ended if not episode.against_itself)
        steps = self._team.total(self._experience.steps - steps)
        if progress.steps < self._settings.slow_moves_after <= progress.steps + steps:
            for policy in self._policies:
                offer_slow_moves(policy)
        return Step(steps, len(ended), metrics | summary(self._recent))

    def on_evaluation(self, mean_return: float, progress: Progress) -> dict[str, float]:
        """Returns no metrics: policy gradients ignore evaluations."""
        del mean_return, progress
        return {}

    def state_dict(self) -> dict[str, Any]:
        """Everything needed to resume, as if it had never stopped; in a team, the first one's holds it for all."""
        recent = [tuple(episode) for episode in self._recent]
        own = {"experience": self._experience.state_dict(), "generator": self.learner.generator.get_state()}
        others = self._team.gathered(own)[1:]
        return self.learner.state_dict() | {"experience": own["experience"], "recent": recent, "others": others}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restores what `state_dict` returned."""
        self.learner.load_state_dict(state)
        parts = [state, *state.get("others", ())]
        if len(parts) == self._team.size:
            own = parts[self._team.rank]
            self._saved = own.get("experience")
            restore_generator(self.learner.generator, own["generator"])
        else:
            self._new_games = f"it was saved by a run of {len(parts)} processes"
        self._records = state.get("self_play")
        self._recent.extend(Episode(*episode) for episode in state.get("recent", ()))

    @property
    def _policies(self) -> list[PolicyNetwork]:
        """The one that plays the training's games, and its average if there is one."""
        policies = [network for network in self.learner.networks if isinstance(network, PolicyNetwork)]
        assert policies, "slow moves and self-play are for Pong"
        return policies


def starting_network(model: str, settings: TrainingSettings) -> PolicyNetwork:
    """The network of a model, for a run to go on from; with slow moves offered, if the run has them and the model not.

    `UserError` if there is no such model, or its network or its other actions differ from the run's.
    """
    spec, network = checkpoint.load(catalog.resolve(model))
    wanted = settings.model
    assert isinstance(wanted, ModelSpec)
    added = [action for action in wanted.actions if action not in spec.actions]
    slow = bool(added) and set(added) <= set(SLOW_ACTIONS) and len(wanted.actions) == len(spec.actions) + len(added)
    _check_alike(model, replace(spec, actions=wanted.actions) if slow else spec, wanted)
    if slow:
        return with_slow_moves(network, wanted)
    if withholds_slow_moves(network):
        offer_slow_moves(network)
    return network


def opposing_network(model: str, settings: TrainingSettings) -> PolicyNetwork:
    """The network of a model, to be met on the run's courts.

    `UserError` if there is no such model, or it differs from the run's in network, actions, or how often it decides.
    """
    spec, network = checkpoint.load(catalog.resolve(model))
    wanted = settings.model
    assert isinstance(wanted, ModelSpec)
    _check_alike(model, spec, wanted)
    if spec.observation.frame_skip != wanted.observation.frame_skip:
        raise UserError(
            f"{model} decides every {spec.observation.frame_skip} frames, the run every "
            f"{wanted.observation.frame_skip}; add --frame-skip {spec.observation.frame_skip}"
        )
    return network


def _check_alike(model: str, spec: ModelSpec, wanted: ModelSpec) -> None:
    if spec.actions != wanted.actions:
        more, fewer = set(spec.actions) - set(wanted.actions), set(wanted.actions) - set(spec.actions)
        advice = ""
        if more | fewer <= SLOW_ACTIONS.keys():
            advice = "; add --slow-moves" if more else "; leave out --slow-moves"
        raise UserError(f"{model} has other actions than the run{advice}")
    pictures = replace(spec.observation, frame_skip=wanted.observation.frame_skip)
    if spec.network != wanted.network or pictures != wanted.observation:
        raise UserError(f"{model} has another network than the run")


def summary(episodes: Sequence[Episode]) -> dict[str, float]:
    """Mean return and length of full games; NaN if there are none."""
    if not episodes:
        return {"mean_return": math.nan, "mean_length": math.nan}
    returns, lengths = ([getattr(episode, name) for episode in episodes] for name in ("episode_return", "length"))
    return {"mean_return": float(np.mean(returns)), "mean_length": float(np.mean(lengths))}
