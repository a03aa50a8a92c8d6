"""Trains several variants with several seeds, for the benchmarks that compare them."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import torch
from msgspec.structs import replace
from reuse import reused
from rich.console import Console
from rich.progress import track

from models.machine import cores
from training import plot
from training.curves import Curve, over_seeds, points, read_run
from training.loop import Display, train
from training.run import RunDirectory
from training.settings import TrainingSettings

METRIC = "mean_return"


def compare(
    variants: Mapping[str, TrainingSettings],
    seeds: Sequence[int],
    *,
    headline: str,
    folder: Path,
    drawn: tuple[str, ...] = ("",),
    end: str = METRIC,
) -> None:
    """A benchmark's command: trains the variants, prints a row for each, and draws the curves to `--out`.

    `end` is the metric that says how a training ended. The picture shows the variants whose names begin with one of
    `drawn`.
    """
    parser = argparse.ArgumentParser(description=f"Compares {headline}.")
    parser.add_argument("--folder", type=Path, default=folder, help="where the runs go (default: %(default)s)")
    parser.add_argument("--out", type=Path, help="picture of the curves, .png or .svg")
    arguments = parser.parse_args()
    runs = run_all(arguments.folder, variants, seeds)
    print(f"{headline}, seeds {seeds}: mean (lowest to highest)")
    print(f"{'':<26} {'return at the end':>24} {'mean over training':>24}")
    for name, paths in runs.items():
        print(row(name, paths, end))
    if arguments.out is not None:
        shown = {name: paths for name, paths in runs.items() if name.startswith(drawn)}
        draw(shown, arguments.out, title=headline)


def run_all(folder: Path, variants: Mapping[str, TrainingSettings], seeds: Sequence[int]) -> dict[str, list[Path]]:
    """The runs of each variant, one per seed, in `folder`, a process for each core; finished ones stay as they are.

    All variants are trained with the first seed before any with the next, so that an interrupted comparison is fair.
    """
    runs = {
        name: [folder / f"{name.replace(' ', '-').replace('+-', '')}-{seed}" for seed in seeds] for name in variants
    }
    jobs = [
        (runs[name][index], replace(settings, seed=seed))
        for index, seed in enumerate(seeds)
        for name, settings in variants.items()
    ]
    with ProcessPoolExecutor(cores(), get_context("spawn")) as pool:
        for _ in track(pool.map(_trained, jobs), "trainings", total=len(jobs), console=Console(stderr=True)):
            pass
    return runs


def _trained(job: tuple[Path, TrainingSettings]) -> None:
    """Trains one of them, if it is not finished."""
    path, settings = job
    torch.set_num_threads(1)
    train(reused(path, settings), Display())


def mean_over_training(run: Path) -> float:
    """The mean return of recent episodes over all steps of a training: how high and how early it rose."""
    lines = [line for line in RunDirectory.open(run).metrics() if line["mean_return"] is not None]
    steps, returns = (np.array([line[name] for line in lines], float) for name in ("steps", "mean_return"))
    return float(np.trapezoid(returns, steps) / (steps[-1] - steps[0]))


def draw(runs: Mapping[str, Sequence[Path]], file: Path, *, title: str) -> None:
    """Draws the mean return of each variant over steps: interquartile mean over its seeds, and its interval."""
    curves = []
    for name, paths in runs.items():
        found = tuple(read_run(str(path)) for path in paths)
        series = over_seeds([points(run, METRIC, "steps") for run in found])
        curves.append(Curve(name, found, {"steps": series}))
    plot.draw(curves, METRIC, file, axes=("steps",), title=title)


def row(name: str, runs: Sequence[Path], end: str) -> str:
    """A variant's results over its seeds: mean (lowest to highest)."""
    ends = [float(RunDirectory.open(run).metrics()[-1][end]) for run in runs]
    figures = [
        f"{np.mean(values):6.1f} ({min(values):5.1f} to {max(values):5.1f})"
        for values in (ends, [mean_over_training(run) for run in runs])
    ]
    return f"{name:<26} {figures[0]:>24} {figures[1]:>24}"
