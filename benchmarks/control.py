"""What each algorithm achieves on gymnasium's control problems: `python benchmarks/control.py [TASK...]`.

Trains each with the defaults of `volley train ALGO --env NAME` and several seeds, one process for each core, and
prints the mean return of the final policies over 100 episodes, sampled as in training, and greedy: mean (lowest to
highest) over the seeds. Ends with one JSON object that holds the figures of each seed. `--out` draws the curves,
one picture for each environment.

A task is an algorithm and an environment with a space between; without any, all of them. Finished runs are not trained
again, and interrupted ones go on.
"""

from __future__ import annotations

import argparse
import json
import statistics
from collections.abc import Sequence
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple

import torch
from msgspec.structs import replace
from reuse import reused
from rich.console import Console
from rich.progress import track
from trials import draw

from models import checkpoint
from models.machine import cores
from models.run_directory import NEWEST_FOLDER
from training.environments import Head
from training.evaluate import evaluate
from training.loop import Display, train
from training.presets import training_settings
from training.run import RunDirectory

EPISODES = 100
EVALUATION_SEED = 1000
"""Not used in training."""


class Task(NamedTuple):
    """What is trained."""

    algorithm: str
    environment: str
    head: Head | None = None
    """The distribution of actions, unless the default."""
    seeds: int = 5

    @property
    def name(self) -> str:
        """As on the command line."""
        return " ".join(filter(None, (self.algorithm, self.environment, self.head)))


TASKS = (
    *(Task(algorithm, "CartPole-v1") for algorithm in ("reinforce", "surrogate", "ppo", "a2c")),
    *(Task(algorithm, "Pendulum-v1") for algorithm in ("reinforce", "ppo", "a2c")),
    Task("ppo", "Pendulum-v1", "tanh-gaussian"),
    Task("ppo", "MountainCarContinuous-v0"),
    Task("ppo", "BipedalWalker-v3", seeds=3),
)


def path_of(folder: Path, task: Task, seed: int) -> Path:
    """The run's folder."""
    return folder / f"{task.name.replace(' ', '-')}-{seed}"


def trained(job: tuple[Path, Task, int]) -> dict[str, float]:
    """What one seed of a task achieves; trained now unless it was before."""
    folder, task, seed = job
    torch.set_num_threads(1)
    path = path_of(folder, task, seed)
    settings = training_settings(task.algorithm, task.environment, head=task.head)
    return measure(reused(path, replace(settings, seed=seed)))


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


def row(task: Task, seeds: Sequence[dict[str, float]]) -> str:
    """One line of the table."""
    columns = []
    for how in ("sampled", "greedy"):
        returns = [figures[how] for figures in seeds]
        columns.append(f"{statistics.mean(returns):8.1f} ({min(returns):7.1f} to {max(returns):7.1f})")
    steps, minutes = seeds[0]["steps"], statistics.median(figures["minutes"] for figures in seeds)
    return f"{task.name:<44} {len(seeds):>5} {columns[0]:>30} {columns[1]:>30} {steps:>10,.0f} {minutes:>7.1f}"


def main() -> None:
    """Trains, evaluates and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tasks", nargs="*", metavar="TASK", help=f"by default all: {'; '.join(t.name for t in TASKS)}")
    parser.add_argument(
        "--folder", type=Path, default=Path("runs/control"), help="where the runs go (default: %(default)s)"
    )
    parser.add_argument("--out", type=Path, help="where to draw the curves, one picture for each environment")
    arguments = parser.parse_args()
    tasks = [task for task in TASKS if not arguments.tasks or task.name in arguments.tasks]
    jobs = [(arguments.folder, task, seed) for task in tasks for seed in range(task.seeds)]
    with get_context("spawn").Pool(cores()) as pool:
        found = pool.imap(trained, jobs)
        figures = list(track(found, "trainings", total=len(jobs), console=Console(stderr=True)))
    print(f"{'':<44} {'seeds':>5} {'sampled':>30} {'greedy':>30} {'steps':>10} {'minutes':>7}")
    results: dict[str, Any] = {}
    for task in tasks:
        results[task.name] = [its for (_, other, _), its in zip(jobs, figures, strict=True) if other is task]
        print(row(task, results[task.name]))
    print(json.dumps(results))
    if arguments.out is not None:
        for environment in dict.fromkeys(task.environment for task in tasks):
            runs = {
                " ".join(filter(None, (task.algorithm, task.head))): [
                    path_of(arguments.folder, task, seed) for seed in range(task.seeds)
                ]
                for task in tasks
                if task.environment == environment
            }
            draw(runs, arguments.out / f"{environment}.png", title=environment)


if __name__ == "__main__":
    main()
