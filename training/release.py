"""Turns a finished run into a bundled model: `python -m training.release RUN DIRECTORY`.

config.json, model.safetensors   the policy at the end of training
results.json                     100 full games under each protocol
provenance.json                  command, seed, steps, minutes, versions, processor
learning_curve.csv               return of recent full games over steps and minutes
stages/STEPS/                    earlier policies of the same run
"""

from __future__ import annotations

import shutil
import sys
from itertools import product
from pathlib import Path

from models import checkpoint
from models.files import CURVE_FILE, STAGES_FOLDER
from models.provenance import read_provenance, write_provenance
from models.run_directory import NEWEST_FOLDER, stages_in
from training.evaluate import STICKY, render
from training.publication import EvaluationProtocol, measure, with_totals, write_curve, write_results
from training.run import RunDirectory

STAGE_STEPS = (125_000, 250_000, 500_000, 1_000_000, 2_000_000)
PROTOCOLS = [EvaluationProtocol(sticky, greedy) for sticky, greedy in product((0.0, STICKY), (False, True))]


def release(run: RunDirectory, directory: Path) -> None:
    """Writes the run's newest policy to `directory`, with everything known about its training."""
    metrics = run.metrics()
    shutil.copytree(run.path / NEWEST_FOLDER, directory, dirs_exist_ok=True)
    write_provenance(directory, with_totals(read_provenance(run.path), run, metrics))
    write_curve(directory / CURVE_FILE, metrics)
    stages = stages_in(run.path)
    for wanted in STAGE_STEPS:
        stage = stages[min(stages, key=lambda steps: abs(steps - wanted))]
        shutil.copytree(stage, directory / STAGES_FOLDER / stage.name, dirs_exist_ok=True)
    spec, network = checkpoint.load_policy(directory)
    evaluations = measure(spec, network, PROTOCOLS, name=directory.name)
    sys.stdout.write("".join(f"{render(evaluation)}\n" for evaluation in evaluations))
    write_results(directory, evaluations)


if __name__ == "__main__":
    release(RunDirectory.open(Path(sys.argv[1])), Path(sys.argv[2]))
