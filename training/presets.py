"""What each algorithm is called on the command line, and the settings it begins with in each environment."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec.structs import replace

from models.errors import UserError, one_line
from models.spec import PONG
from training.a2c import A2cSettings
from training.environments import Head, specification
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
from training.settings import AlgorithmSettings, TrainingSettings

CONTROL = "control problems"
"""Every environment but Pong that has no row of its own."""

PLAY: dict[str, Any] = {"steps": 200_000, "num_envs": 8, "rollout_length": 256, "sticky": 0.0}
"""How control problems are played, where nothing else is said."""

SEARCH: dict[str, Any] = PLAY | {"num_envs": 32, "hidden": ()}
"""How they are played by a search. Its policy is linear: what is searched by chance should be small (Mania et al. 2018,
"Simple random search of static linear policies is competitive for reinforcement learning")."""

CONTROL_PPO = PpoSettings(epochs=10, minibatch_size=256, entropy_coefficient=0.0, highest_learning_rate=1e-3)

PRESETS: dict[str, dict[str, dict[str, Any]]] = {
    "reinforce": {
        CONTROL: PLAY | {"algorithm": ReinforceSettings()},
        PONG: {
            "algorithm": ReinforceSettings(
                trajectory="point", gamma=0.97, minibatch_size=768, highest_learning_rate=2e-3, entropy_coefficient=0.01
            ),
            "rollout_length": 64,
        },
    },
    "surrogate": {
        CONTROL: PLAY | {"algorithm": replace(CONTROL_PPO, clip_epsilon=None)},
        PONG: {"algorithm": PpoSettings(clip_epsilon=None)},
    },
    "ppo": {
        CONTROL: PLAY | {"algorithm": CONTROL_PPO},
        PONG: {"algorithm": PpoSettings()},
        "Pendulum-v1": PLAY | {"algorithm": replace(CONTROL_PPO, gamma=0.9, minibatch_size=128)},
        "MountainCarContinuous-v0": PLAY
        | {
            "algorithm": replace(CONTROL_PPO, gamma=0.999, entropy_coefficient=0.03, first_log_deviation=1.0),
            "steps": 100_000,
        },
        "BipedalWalker-v3": PLAY
        | {
            "algorithm": replace(CONTROL_PPO, minibatch_size=512),
            "steps": 2_000_000,
            "num_envs": 16,
            "rollout_length": 512,
        },
    },
    "a2c": {
        # A single step of the optimiser is taken from each rollout, so rollouts are short.
        CONTROL: PLAY
        | {
            "algorithm": A2cSettings(learning_rate=2e-3, entropy_coefficient=0.0),
            "num_envs": 16,
            "rollout_length": 16,
        },
        PONG: {"algorithm": A2cSettings(), "rollout_length": 20},
    },
    "hill-climbing": {
        CONTROL: SEARCH | {"algorithm": HillClimbingSettings()},
        PONG: {"algorithm": HillClimbingSettings()},
    },
    "steepest-ascent": {
        CONTROL: SEARCH | {"algorithm": SteepestAscentSettings()},
        PONG: {"algorithm": SteepestAscentSettings()},
    },
    "simulated-annealing": {
        CONTROL: SEARCH | {"algorithm": SimulatedAnnealingSettings()},
        PONG: {"algorithm": SimulatedAnnealingSettings()},
    },
    "adaptive-noise": {
        CONTROL: SEARCH | {"algorithm": AdaptiveNoiseSettings()},
        PONG: {"algorithm": AdaptiveNoiseSettings()},
    },
    "cross-entropy": {
        CONTROL: SEARCH | {"algorithm": CrossEntropySettings()},
        PONG: {"algorithm": CrossEntropySettings()},
    },
    "evolution-strategies": {
        CONTROL: SEARCH | {"algorithm": EvolutionStrategiesSettings()},
        PONG: {
            "algorithm": EvolutionStrategiesSettings(
                population_size=48, noise_scale=0.02, learning_rate=0.01, weight_decay=0.005
            ),
            "num_envs": 16,
        },
    },
}
"""By algorithm and environment: what differs from `TrainingSettings`, and how wide the policy's layers are."""


def training_settings(
    algorithm: str, environment: str, *, head: Head | None = None, changes: Sequence[str] = ()
) -> TrainingSettings:
    """The settings that a run of `algorithm` begins with, with `changes` to the algorithm's, each `NAME=VALUE`.

    `UserError` where there is no such environment, no policy for it, or a change is not possible.
    """
    model = specification(environment, algorithm=algorithm, head=head)
    rows = PRESETS[algorithm]
    fields = dict(rows.get(model.environment, rows[CONTROL]))
    if "hidden" in fields:
        model = replace(model, hidden=fields.pop("hidden"))
    training = TrainingSettings(model=model, **fields)
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
