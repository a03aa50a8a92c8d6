"""What each of REINFORCE's cures buys: `python benchmarks/ablation.py`.

Trains REINFORCE on CartPole-v1 for equally many steps with one cure more each time, several seeds each, and prints for
each the return of its last episodes and the mean over the whole training; draws the curves where `--out` says.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import torch
from trials import draw, row, run_all

from training.environments import specification
from training.reinforce import ReinforceSettings
from training.settings import TrainingSettings

SEEDS = (0, 1, 2)
STEPS = 100_000

PLAIN: dict[str, Any] = {"credit": "total", "normalize": False, "baseline": "none", "trajectories_per_update": 1}
CURES: dict[str, dict[str, Any]] = {
    "plain": {},
    "+ 8 trajectories": {"trajectories_per_update": 8},
    "+ normalised": {"normalize": True},
    "+ reward to go": {"credit": "to-go"},
    "+ baseline": {"baseline": "value"},
}


def variants() -> dict[str, TrainingSettings]:
    """Each with the cures of those before it."""
    model = specification("CartPole-v1", algorithm="reinforce")
    chosen = dict(PLAIN)
    settings: dict[str, TrainingSettings] = {}
    for name, cure in CURES.items():
        chosen |= cure
        algorithm = ReinforceSettings(learning_rate=3e-3, step_size="constant", entropy_coefficient=0.0, **chosen)
        # A single environment, in a few steps at a time, where one trajectory is to make an update.
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


def main() -> None:
    """Trains, prints and draws."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=Path("runs/ablation"), help="of the runs (default: %(default)s)")
    parser.add_argument("--out", type=Path, help="a picture of the curves")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    runs = run_all(arguments.folder, variants(), SEEDS)
    print(f"REINFORCE on CartPole-v1, {STEPS:,} steps, seeds {SEEDS}: mean (least to most)")
    print(f"{'':<26} {'return at the end':>24} {'mean over training':>24}")
    for name, paths in runs.items():
        print(row(name, paths))
    if arguments.out is not None:
        draw(runs, arguments.out, title="REINFORCE on CartPole-v1, with one cure more each time")


if __name__ == "__main__":
    main()
