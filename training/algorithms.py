"""All algorithms: which trainee each one's settings belong to."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from training import a2c, imitation, ppo, reinforce, search
from training.a2c import A2cSettings
from training.imitation import ImitationSettings
from training.policy_gradient import Method, PolicyGradient
from training.population import Searcher
from training.ppo import PpoSettings
from training.reinforce import ReinforceSettings
from training.search import (
    AdaptiveNoiseSettings,
    CrossEntropySettings,
    EvolutionStrategiesSettings,
    HillClimbingSettings,
    SimulatedAnnealingSettings,
    SteepestAscentSettings,
)
from training.settings import TrainingSettings
from training.team import ALONE, Team
from training.trainee import Trainee

REINFORCE = Method(reinforce.advantages, reinforce.update, reinforce.whole_trajectories)
PPO = Method(ppo.advantages, ppo.update)
A2C = Method(a2c.advantages, a2c.update)
IMITATION = Method(imitation.targets, imitation.update)

ALGORITHMS: dict[type, Callable[..., Trainee]] = {
    ReinforceSettings: partial(PolicyGradient, REINFORCE),
    PpoSettings: partial(PolicyGradient, PPO),
    A2cSettings: partial(PolicyGradient, A2C),
    ImitationSettings: partial(PolicyGradient, IMITATION),
    HillClimbingSettings: partial(Searcher, search.HillClimbing),
    SteepestAscentSettings: partial(Searcher, search.HillClimbing),
    SimulatedAnnealingSettings: partial(Searcher, search.SimulatedAnnealing),
    AdaptiveNoiseSettings: partial(Searcher, search.AdaptiveNoise),
    CrossEntropySettings: partial(Searcher, search.CrossEntropy),
    EvolutionStrategiesSettings: partial(Searcher, search.EvolutionStrategies),
}
"""The names and default settings of algorithms are in `presets.py`."""


def make_trainee(settings: TrainingSettings, team: Team = ALONE) -> Trainee:
    """The trainee for a run with these settings, before its first step; a team has one in every process."""
    make = ALGORITHMS[type(settings.algorithm)]
    return make(settings) if team.alone else make(settings, team)
