"""Why PPO clips: `python benchmarks/cliff.py`.

Trains with the importance-weighted surrogate and with PPO, which clips it, on CartPole-v1, with more and more passes
over each rollout, a constant learning rate and several seeds. Prints for each the return of its last episodes and the
mean over the whole training; `--out` draws the curves.
"""

from __future__ import annotations

from pathlib import Path

from trials import compare

from training.environments import specification
from training.ppo import PpoSettings
from training.settings import TrainingSettings

SEEDS = (0, 1, 2, 3, 4)
STEPS = 60_000
PASSES = (1, 4, 16, 64)
MANY_PASSES = ("16 ", "64 ")


def variants() -> dict[str, TrainingSettings]:
    """Unclipped and clipped, by number of passes."""
    settings: dict[str, TrainingSettings] = {}
    for passes in PASSES:
        for name, clip_epsilon in (("unclipped", None), ("clipped", 0.2)):
            algorithm = PpoSettings(
                clip_epsilon=clip_epsilon,
                epochs=passes,
                minibatch_size=256,
                learning_rate=1e-3,
                step_size="constant",
                entropy_coefficient=0.0,
            )
            settings[f"{passes} passes {name}"] = TrainingSettings(
                model=specification("CartPole-v1", algorithm="ppo"),
                algorithm=algorithm,
                steps=STEPS,
                sticky=0.0,
                num_envs=8,
                rollout_length=256,
            )
    return settings


if __name__ == "__main__":
    compare(
        variants(),
        SEEDS,
        headline=f"surrogate and PPO on CartPole-v1, {STEPS:,} steps",
        folder=Path("runs/cliff"),
        drawn=MANY_PASSES,
    )
