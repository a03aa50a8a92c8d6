"""What each algorithm is called on the command line, and the settings it begins with in each environment."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec.structs import replace

from models.control import ControlSpec
from models.errors import UserError, one_line
from models.spec import PONG
from training.a2c import A2cSettings
from training.algorithms import AlgorithmSettings
from training.environments import Head, specification
from training.ppo import PpoSettings
from training.reinforce import ReinforceSettings
from training.search import (
    AdaptiveNoiseSettings,
    CrossEntropySettings,
    EvolutionStrategiesSettings,
    HillClimbingSettings,
    SearchSettings,
    SimulatedAnnealingSettings,
    SteepestAscentSettings,
)
from training.settings import TrainingSettings

CONTROL_PPO = PpoSettings(epochs=10, minibatch_size=256, entropy_coefficient=0.0, highest_learning_rate=1e-3)

ALGORITHMS: dict[str, AlgorithmSettings] = {
    "reinforce": ReinforceSettings(),
    "surrogate": replace(CONTROL_PPO, clip_epsilon=None),
    "ppo": CONTROL_PPO,
    "a2c": A2cSettings(learning_rate=2e-3, entropy_coefficient=0.0),
    "hill-climbing": HillClimbingSettings(),
    "steepest-ascent": SteepestAscentSettings(),
    "simulated-annealing": SimulatedAnnealingSettings(),
    "adaptive-noise": AdaptiveNoiseSettings(),
    "cross-entropy": CrossEntropySettings(),
    "evolution-strategies": EvolutionStrategiesSettings(),
}
"""As they begin where nothing else is said below."""

CONTROL: dict[str, Any] = {"steps": 200_000, "num_envs": 8, "rollout_length": 256, "sticky": 0.0}

A2C: dict[str, Any] = CONTROL | {"num_envs": 16, "rollout_length": 16}
"""`CONTROL` where one step of the optimiser is taken from each rollout."""

SEARCH: dict[str, Any] = CONTROL | {"num_envs": 32}
"""`CONTROL` where the algorithm is a black-box search."""

PRESETS: dict[tuple[str, str], dict[str, Any]] = {
    ("reinforce", PONG): {
        "algorithm": ReinforceSettings(
            trajectory="point", gamma=0.97, minibatch_size=768, highest_learning_rate=2e-3, entropy_coefficient=0.01
        ),
        "rollout_length": 64,
    },
    ("surrogate", PONG): {"algorithm": PpoSettings(clip_epsilon=None)},
    ("ppo", PONG): {"algorithm": PpoSettings()},
    ("a2c", PONG): {"algorithm": A2cSettings(), "rollout_length": 20},
    ("ppo", "Pendulum-v1"): {"algorithm": replace(CONTROL_PPO, gamma=0.9, minibatch_size=128)},
    ("ppo", "MountainCarContinuous-v0"): {
        "algorithm": replace(CONTROL_PPO, gamma=0.999, entropy_coefficient=0.03, first_log_deviation=1.0),
        "steps": 100_000,
    },
    ("ppo", "BipedalWalker-v3"): {
        "algorithm": replace(CONTROL_PPO, minibatch_size=512),
        "steps": 2_000_000,
        "num_envs": 16,
        "rollout_length": 512,
    },
    ("evolution-strategies", PONG): {
        "algorithm": EvolutionStrategiesSettings(
            population_size=48, noise_scale=0.02, learning_rate=0.01, weight_decay=0.005
        ),
        "num_envs": 16,
    },
}
"""What differs from `ALGORITHMS`, from `TrainingSettings`, and from `CONTROL` for all but Pong."""


def training_settings(
    algorithm: str, environment: str, *, head: Head | None = None, changes: Sequence[str] = ()
) -> TrainingSettings:
    """The settings that a run of `algorithm` begins with, with `changes` to the algorithm's, each `NAME=VALUE`.

    `UserError` where there is no such environment, no policy for it, or a change is not possible.
    """
    model = specification(environment, algorithm=algorithm, head=head)
    preset = PRESETS.get((algorithm, model.environment), {})
    settings = ALGORITHMS[algorithm]
    common: dict[str, Any] = {}
    if isinstance(model, ControlSpec):
        common = CONTROL
        if isinstance(settings, A2cSettings):
            common = A2C
        elif isinstance(settings, SearchSettings):
            # Linear: what is searched by chance should be small (Mania et al. 2018, "Simple random search of static
            # linear policies is competitive for reinforcement learning").
            model, common = replace(model, hidden=()), SEARCH
    training = TrainingSettings(model=model, **{"algorithm": settings} | common | preset)
    return replace(training, algorithm=_changed(algorithm, training.algorithm, changes))


def _changed(algorithm: str, settings: AlgorithmSettings, changes: Sequence[str]) -> AlgorithmSettings:
    names = settings.__struct_fields__
    fields: dict[str, Any] = msgspec.to_builtins(settings)
    for change in changes:
        name, equals, value = change.partition("=")
        if not equals or name not in names:
            raise UserError(f"--set {change}: {algorithm} has the settings {', '.join(names)}; give NAME=VALUE")
        try:
            fields[name] = msgspec.json.decode(value)
        except msgspec.DecodeError:
            fields[name] = value  # a word, which JSON would have in quotes
        try:
            settings = msgspec.convert(fields, type(settings))
        except msgspec.ValidationError as error:
            raise UserError(f"--set {change}: {one_line(error)}") from error
    return settings
