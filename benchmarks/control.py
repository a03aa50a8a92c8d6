"""What each algorithm achieves on gymnasium's control problems: `python benchmarks/control.py`.

Trains each with the defaults of `volley train ALGO --env NAME` and several seeds, and prints the mean return of the
final policies over 100 episodes, sampled as in training, and greedy: mean (lowest to highest) over the seeds. Ends
with one JSON object that holds the figures of each seed.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from pathlib import Path
from typing import Any

import torch
from msgspec.structs import replace

from models import checkpoint
from models.run_directory import NEWEST_FOLDER, is_run
from training.evaluate import evaluate
from training.loop import Display, train
from training.presets import training_settings
from training.run import RunDirectory

EPISODES = 100
EVALUATION_SEED = 1000
"""Not used in training."""
TASKS: tuple[tuple[str, str, str | None, int], ...] = (
    ("reinforce", "CartPole-v1", None, 3),
    ("surrogate", "CartPole-v1", None, 3),
    ("ppo", "CartPole-v1", None, 3),
    ("a2c", "CartPole-v1", None, 3),
    ("ppo", "Pendulum-v1", None, 3),
    ("ppo", "Pendulum-v1", "tanh-gaussian", 3),
    ("ppo", "MountainCarContinuous-v0", None, 3),
    ("ppo", "BipedalWalker-v3", None, 1),
)
"""Algorithm, environment, head unless the default, and number of seeds."""


def measure(run: RunDirectory) -> dict[str, float]:
    """Finishes the training if necessary, and evaluates its final policy."""
    progress = train(run, Display())
    spec, network = checkpoint.load_policy(run.path / NEWEST_FOLDER)
    figures: dict[str, float] = {"steps": progress.steps, "minutes": progress.seconds / 60}
    for how, greedy in (("sampled", False), ("greedy", True)):
        figures[how] = evaluate(
            spec,
            network,
            name=run.path.name,
            episodes=EPISODES,
            sticky=0.0,
            greedy=greedy,
            seed=EVALUATION_SEED,
            device=torch.device("cpu"),
        ).mean_return
    return figures


def row(task: str, seeds: list[dict[str, float]]) -> str:
    """One line of the table."""
    columns = []
    for how in ("sampled", "greedy"):
        returns = [figures[how] for figures in seeds]
        columns.append(f"{statistics.mean(returns):8.1f} ({min(returns):7.1f} to {max(returns):7.1f})")
    steps, minutes = seeds[0]["steps"], statistics.median(figures["minutes"] for figures in seeds)
    return f"{task:<44} {len(seeds):>5} {columns[0]:>30} {columns[1]:>30} {steps:>10,} {minutes:>7.1f}"


def main() -> None:
    """Trains, evaluates and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--folder", type=Path, default=Path("runs/control"), help="where the runs go (default: %(default)s)"
    )
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    print(f"{'':<44} {'seeds':>5} {'sampled':>30} {'greedy':>30} {'steps':>10} {'minutes':>7}")
    results: dict[str, Any] = {}
    for algorithm, environment, head, count in TASKS:
        task = f"{algorithm} {environment}{f' {head}' if head else ''}"
        seeds = []
        for seed in range(count):
            path = arguments.folder / f"{task.replace(' ', '-')}-{seed}"
            if not is_run(path):
                settings = training_settings(algorithm, environment, head=head)  # type: ignore[arg-type]
                RunDirectory.create(path, replace(settings, seed=seed))
            seeds.append(measure(RunDirectory.open(path)))
            print(f"{task}, seed {seed}: {seeds[-1]}", file=sys.stderr)
        results[task] = seeds
        print(row(task, seeds), flush=True)
    print(json.dumps(results))


if __name__ == "__main__":
    main()
