"""Makes a finished run into a model that ships: `python -m training.release RUN DIRECTORY`.

config.json, model.safetensors   the policy as training left it
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
from training.evaluate import STICKY, render
from training.publication import (
    Protocol,
    amount,
    measure,
    read_json,
    write_curve,
    write_json,
    write_results,
)
from training.run import RunDirectory

STAGE_STEPS = (125_000, 250_000, 500_000, 1_000_000, 2_000_000)
PROTOCOLS = [Protocol(sticky, greedy) for sticky, greedy in product((0.0, STICKY), (False, True))]


def release(run: RunDirectory, directory: Path) -> None:
    """Writes the run's newest policy and all that tells where it comes from to `directory`."""
    metrics = run.metrics()
    shutil.copytree(run.path / "model", directory, dirs_exist_ok=True)
    provenance = read_json(run.path / "provenance.json")
    write_json(directory / "provenance.json", provenance | amount(run, metrics))
    write_curve(directory / "learning_curve.csv", metrics)
    for steps in STAGE_STEPS:
        kept = min((run.path / "stages").iterdir(), key=lambda stage: abs(int(stage.name) - steps))
        shutil.copytree(kept, directory / "stages" / kept.name, dirs_exist_ok=True)
    spec, network = checkpoint.load_policy(directory)
    evaluations = measure(spec, network, PROTOCOLS, name=directory.name)
    sys.stdout.write("".join(f"{render(evaluation)}\n" for evaluation in evaluations))
    write_results(directory, evaluations)


if __name__ == "__main__":
    release(RunDirectory.open(Path(sys.argv[1])), Path(sys.argv[2]))
