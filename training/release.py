"""Turns finished runs into a bundled model: `python -m training.release RUN... DIRECTORY`.

Several runs are one training: each went on from the one before it, with `--from`.

config.json, model.safetensors   the policy at the end of training
results.json                     100 full games under each protocol
provenance.json                  commands, seed, steps, minutes, versions, processor
learning_curve.csv               return of recent full games over steps and minutes
stages/STEPS/                    earlier policies of the same training
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from itertools import product
from pathlib import Path

from models import checkpoint
from models.files import CURVE_FILE, STAGES_FOLDER
from models.provenance import read_provenance, write_provenance
from models.run_directory import NEWEST_FOLDER, Metrics, stages_in
from training.evaluate import STICKY, render
from training.publication import EvaluationProtocol, measure, with_totals, write_curve, write_results
from training.run import RunDirectory

STAGE_STEPS = (31_250, 62_500, 125_000, 250_000, 500_000, 1_000_000, 2_000_000, 4_000_000)
PROTOCOLS = [EvaluationProtocol(sticky, greedy) for sticky, greedy in product((0.0, STICKY), (False, True))]


def release(runs: Sequence[RunDirectory], directory: Path) -> None:
    """Writes the last run's newest policy to `directory`, with everything known about its training."""
    metrics, stages = one_training(runs)
    last = runs[-1]
    shutil.copytree(last.path / NEWEST_FOLDER, directory, dirs_exist_ok=True)
    write_provenance(directory, with_totals(read_provenance(last.path), last, metrics))
    write_curve(directory / CURVE_FILE, metrics)
    for wanted in STAGE_STEPS:
        steps = min(stages, key=lambda steps: abs(steps - wanted))
        if steps < metrics[-1]["steps"]:
            shutil.copytree(stages[steps], directory / STAGES_FOLDER / f"{steps:09d}", dirs_exist_ok=True)
    spec, network = checkpoint.load_policy(directory)
    evaluations = measure(spec, network, PROTOCOLS, name=directory.name)
    sys.stdout.write("".join(f"{render(evaluation)}\n" for evaluation in evaluations))
    write_results(directory, evaluations)


def one_training(runs: Sequence[RunDirectory]) -> tuple[list[Metrics], dict[int, Path]]:
    """The metrics and the stages of all runs, counted from the first one's beginning."""
    metrics: list[Metrics] = []
    stages: dict[int, Path] = {}
    for run in runs:
        before = {name: metrics[-1][name] if metrics else 0 for name in ("steps", "games", "seconds")}
        stages |= {before["steps"] + steps: stage for steps, stage in stages_in(run.path).items()}
        metrics += [line | {name: line[name] + done for name, done in before.items()} for line in run.metrics()]
    return metrics, stages


if __name__ == "__main__":
    *trained, target = map(Path, sys.argv[1:])
    release([RunDirectory.open(path) for path in trained], target)
