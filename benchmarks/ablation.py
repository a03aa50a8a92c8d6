"""What each of REINFORCE's remedies is worth: `python benchmarks/ablation.py`.

Trains REINFORCE on CartPole-v1, adding one remedy at a time, with several seeds and the same number of
steps each. Prints for each the return of its last episodes and the mean over the whole training; `--out` draws the
curves.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from trials import compare

from training.environments import specification
from training.lessons.noise import NO_CLIPPING
from training.reinforce import ReinforceSettings
from training.settings import TrainingSettings

SEEDS = (0, 1, 2, 3, 4)
STEPS = 100_000

PLAIN: dict[str, Any] = {"credit": "total", "normalize": False, "baseline": "none", "trajectories_per_update": 1}
REDUCTIONS: dict[str, dict[str, Any]] = {
    "plain": {},
    "+ 8 trajectories": {"trajectories_per_update": 8},
    "+ normalised": {"normalize": True},
    "+ reward to go": {"credit": "to-go"},
    "+ baseline": {"baseline": "value"},
}


def variants() -> dict[str, TrainingSettings]:
    """Each with the remedies of those before it."""
    model = specification("CartPole-v1", algorithm="reinforce")
    chosen = dict(PLAIN)
    settings: dict[str, TrainingSettings] = {}
    for name, reduction in REDUCTIONS.items():
        chosen |= reduction
        algorithm = ReinforceSettings(
            learning_rate=3e-3, step_size="constant", entropy_coefficient=0.0, max_gradient_norm=NO_CLIPPING, **chosen
        )
        # For one trajectory per update, a single environment and short rollouts.
        alone = chosen["trajectories_per_update"] == 1
        settings[name] = TrainingSettings(
            model=model,
            algorithm=algorithm,
            steps=STEPS,
            sticky=0.0,
            num_envs=1 if alone else 8,
            rollout_length=8 if alone else 32,
        )
    return settings


if __name__ == "__main__":
    compare(variants(), SEEDS, headline=f"REINFORCE on CartPole-v1, {STEPS:,} steps", folder=Path("runs/ablation"))
