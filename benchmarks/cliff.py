"""Why PPO clips: `python benchmarks/cliff.py`.

Trains by the importance-weighted surrogate and by PPO, its clipped sister, on CartPole-v1, with more and more passes
over each rollout and a step size that does not adapt, several seeds each. Prints the return at the end of each,
and the mean over the whole training.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from trials import draw, row, run_all

from training.environments import specification
from training.ppo import PpoSettings
from training.settings import TrainingSettings

SEEDS = (0, 1, 2)
STEPS = 60_000
PASSES = (1, 4, 16, 64)
MANY_PASSES = ("16 ", "64 ")


def variants() -> dict[str, TrainingSettings]:
    """Unclipped and clipped, by passes."""
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


def main() -> None:
    """Trains and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=Path("runs/cliff"), help="of the runs (default: %(default)s)")
    parser.add_argument("--out", type=Path, help="a picture of the curves with many passes")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    runs = run_all(arguments.folder, variants(), SEEDS)
    print(f"surrogate and PPO on CartPole-v1, {STEPS:,} steps, seeds {SEEDS}: mean (least to most)")
    print(f"{'':<26} {'return at the end':>24} {'mean over training':>24}")
    for name, paths in runs.items():
        print(row(name, paths))
    if arguments.out is not None:
        shown = {name: paths for name, paths in runs.items() if name.startswith(MANY_PASSES)}
        draw(shown, arguments.out, title="Many passes over the same experience, with and without the clip")


if __name__ == "__main__":
    main()
