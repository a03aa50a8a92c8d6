"""The algorithms' names on the command line, and their default settings in each environment."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec.structs import replace

from models.errors import UserError, one_line
from models.files import UNDECODABLE
from models.spec import PONG
from training import execution
from training.a2c import A2cSettings
from training.arena.opponents import Opponents
from training.environments import FINE_ACTIONS, Head, specification
from training.gradient import GradientSettings
from training.imitation import ImitationSettings
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
from training.settings import AlgorithmSettings, TrainingSettings

CONTROL = "control problems"
"""Every environment but Pong that has no row of its own."""

CONTROL_DEFAULTS: dict[str, Any] = {"steps": 200_000, "num_envs": 8, "rollout_length": 256, "sticky": 0.0}

SEARCH_DEFAULTS: dict[str, Any] = CONTROL_DEFAULTS | {"num_envs": 32, "hidden": ()}
"""For a search on control problems. Its policy is linear, because random search needs few weights (Mania et al. 2018,
"Simple random search of static linear policies is competitive for reinforcement learning")."""


def _search(settings: SearchSettings, pong: dict[str, Any] | None = None) -> dict[str, dict[str, Any]]:
    """A search's rows; without `pong`, it has the same settings there."""
    return {CONTROL: SEARCH_DEFAULTS | {"algorithm": settings}, PONG: pong or {"algorithm": settings}}


CONTROL_PPO = PpoSettings(epochs=10, minibatch_size=256, entropy_coefficient=0.0, highest_learning_rate=1e-3)

EXECUTION_DEFAULTS = CONTROL_DEFAULTS | {
    "steps": 100_000,
    "num_envs": 16,
    "rollout_length": execution.TRADES,
    "head": "tanh-gaussian",
}
"""For policy gradients in optimal execution: 16 whole sales at a time. The best actions are near a bound, where what a
clipped Gaussian does on average is not what it does at its mean."""


def _execution(settings: GradientSettings) -> dict[str, dict[str, Any]]:
    """An algorithm's rows for optimal execution, the same for each risk aversion."""
    return dict.fromkeys(execution.NAMES.values(), EXECUTION_DEFAULTS | {"algorithm": settings})


PRESETS: dict[str, dict[str, dict[str, Any]]] = {
    "reinforce": {
        CONTROL: CONTROL_DEFAULTS | {"algorithm": ReinforceSettings()},
        PONG: {
            "algorithm": ReinforceSettings(
                trajectory="point",
                gamma=0.97,
                minibatch_size=768,
                highest_learning_rate=2e-3,
                entropy_coefficient=0.03,
                averaging=0.998,
            ),
            "rollout_length": 128,
            "steps": 4_500_000,
        },
        # Without ratios, a Gaussian far from what it was is pushed ever further: so one step for each game.
        "Pendulum-v1": CONTROL_DEFAULTS
        | {
            "algorithm": ReinforceSettings(
                gamma=0.9,
                trajectories_per_update=1,
                tail=30,
                entropy_coefficient=0.0,
                first_log_deviation=1.0,
                step_size="linear",
                learning_rate=2e-3,
            ),
            "steps": 1_000_000,
            "num_envs": 1,
            "rollout_length": 200,
        },
        **_execution(ReinforceSettings(gamma=1.0)),
    },
    "surrogate": {
        CONTROL: CONTROL_DEFAULTS | {"algorithm": replace(CONTROL_PPO, clip_epsilon=None)},
        PONG: {"algorithm": PpoSettings(clip_epsilon=None)},
    },
    "ppo": {
        CONTROL: CONTROL_DEFAULTS | {"algorithm": CONTROL_PPO},
        # Slow moves win the last points where actions are sticky, but early they make rallies longer and learning slow.
        PONG: {"algorithm": PpoSettings(), "steps": 6_000_000, "slow_moves_after": 1_500_000},
        "Pendulum-v1": CONTROL_DEFAULTS | {"algorithm": replace(CONTROL_PPO, gamma=0.9, minibatch_size=128)},
        "MountainCarContinuous-v0": CONTROL_DEFAULTS
        | {
            "algorithm": replace(CONTROL_PPO, gamma=0.999, entropy_coefficient=0.03, first_log_deviation=1.0),
            "steps": 100_000,
        },
        "BipedalWalker-v3": CONTROL_DEFAULTS
        | {
            # Without the bonus, one seed of three is sure of its gait before it is a good one.
            "algorithm": replace(CONTROL_PPO, minibatch_size=512, entropy_coefficient=0.005),
            "steps": 2_000_000,
            "num_envs": 16,
            "rollout_length": 512,
        },
        **_execution(replace(CONTROL_PPO, gamma=1.0)),
    },
    "a2c": {
        # Each rollout is worth only one optimiser step, so rollouts are short, and there are many.
        CONTROL: CONTROL_DEFAULTS
        | {
            "algorithm": A2cSettings(learning_rate=1e-3, entropy_coefficient=0.0),
            "steps": 400_000,
            "rollout_length": 8,
        },
        PONG: {"algorithm": A2cSettings(), "rollout_length": 20},
        "Pendulum-v1": CONTROL_DEFAULTS
        | {
            "algorithm": A2cSettings(learning_rate=1e-3, entropy_coefficient=0.0, gamma=0.9, gae_lambda=0.9),
            "steps": 1_000_000,
            "rollout_length": 8,
        },
    },
    "imitation": {PONG: {"algorithm": ImitationSettings(), "opponents": Opponents(), "num_envs": Opponents().seats}},
    "hill-climbing": _search(HillClimbingSettings()),
    "steepest-ascent": _search(SteepestAscentSettings()),
    "simulated-annealing": _search(SimulatedAnnealingSettings()),
    "adaptive-noise": _search(AdaptiveNoiseSettings()),
    "cross-entropy": _search(CrossEntropySettings()),
    "evolution-strategies": _search(
        EvolutionStrategiesSettings(),
        pong={
            "algorithm": EvolutionStrategiesSettings(
                population_size=48, noise_scale=0.02, learning_rate=0.01, weight_decay=0.005
            ),
            "num_envs": 16,
        },
    ),
}
"""By algorithm and environment: what differs from the defaults of `TrainingSettings`, and of the policy's `hidden` and
`head`."""


def training_settings(
    algorithm: str, environment: str, *, head: Head | None = None, changes: Sequence[str] = ()
) -> TrainingSettings:
    """The default settings of `algorithm` in `environment`, with `changes` to the algorithm's own, each `NAME=VALUE`.

    `UserError` if there is no such environment, no policy for it, or a change is invalid.
    """
    model = specification(environment, algorithm=algorithm, head=head)
    rows = PRESETS[algorithm]
    row = rows.get(model.environment) or rows.get(CONTROL)
    if row is None:
        raise UserError(f"{algorithm} is only for Pong, where there is a coach; not for {environment}")
    fields = dict(row)
    suited: Head | None = fields.pop("head", None)
    if suited and head is None:
        model = specification(environment, algorithm=algorithm, head=suited)
    if "hidden" in fields:
        model = replace(model, hidden=fields.pop("hidden"))
    if "slow_moves_after" in fields:
        model = replace(model, actions=FINE_ACTIONS)
    training = TrainingSettings(model=model, **fields)
    return replace(training, algorithm=_changed(algorithm, training.algorithm, changes))


def _changed(algorithm: str, settings: AlgorithmSettings, changes: Sequence[str]) -> AlgorithmSettings:
    names = settings.__struct_fields__
    fields: dict[str, Any] = msgspec.to_builtins(settings)
    for change in changes:
        name, equals, value = change.partition("=")
        if not equals or name not in names:
            known = f"{algorithm}'s settings: {', '.join(names)}"
            raise UserError(f"--set {one_line(change, 80)}: use NAME=VALUE with one of {known}")
        try:
            fields[name] = msgspec.json.decode(value)
        except UNDECODABLE:
            fields[name] = value  # a word, which JSON would quote
        try:
            settings = msgspec.convert(fields, type(settings))
        except UNDECODABLE as error:
            raise UserError(f"--set {one_line(change, 80)}: {one_line(error)}") from error
    return settings
