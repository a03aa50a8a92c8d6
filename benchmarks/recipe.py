"""What each part of PPO's recipe for Pong is worth: `python benchmarks/recipe.py`.

Trains PPO on Pong without sticky actions as `volley train ppo --sticky 0 --steps 200000` does, and then without one
part at a time, with three seeds. Prints for each the return of its last policy over 20 games, sampled, and the mean
over the whole training, which is higher the earlier it rose; `--out` draws the curves. Slow moves, which come later,
have an ablation of their own in docs/figures.md.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from msgspec.structs import replace
from trials import compare

from models.spec import MINIMAL_ACTIONS, PONG, ModelSpec
from training.environments import FAST_ACTIONS
from training.presets import training_settings
from training.settings import TrainingSettings

SEEDS = (0, 1, 2)
STEPS = 200_000

ALGORITHM: dict[str, dict[str, Any]] = {
    "the recipe": {},
    "one pass": {"epochs": 1},
    "no clip": {"clip_epsilon": None},
    "no entropy bonus": {"entropy_coefficient": 0.0},
    "constant step size": {"step_size": "constant"},
    "whole returns": {"gae_lambda": 1.0},
}
"""What differs from the recipe in PPO's own settings."""


def variants() -> dict[str, TrainingSettings]:
    """The recipe, and each without one of its parts."""
    recipe = training_settings("ppo", PONG)
    model = recipe.model
    assert isinstance(model, ModelSpec)
    model = replace(model, actions=FAST_ACTIONS)
    recipe = replace(recipe, model=model, sticky=0.0, steps=STEPS, slow_moves_after=0)
    settings = {name: replace(recipe, algorithm=replace(recipe.algorithm, **its)) for name, its in ALGORITHM.items()}
    settings["no mirror"] = replace(recipe, model=replace(model, network=replace(model.network, mirror=False)))
    settings["fire not held"] = replace(recipe, model=replace(model, actions=MINIMAL_ACTIONS))
    return settings


if __name__ == "__main__":
    compare(
        variants(),
        SEEDS,
        headline=f"PPO on Pong, {STEPS:,} steps, not sticky",
        folder=Path("runs/recipe"),
        end="evaluation_return",
    )
