"""Turns finished runs into a bundled model: `python -m training.release RUN... DIRECTORY`.

Several runs are one training: each went on from the one before it, with `--from`. The first may be a released model.

config.json, model.safetensors   the policy at the end of training
results.json                     100 full games under each protocol
provenance.json                  commands, seed, steps, minutes, versions, processor
learning_curve.csv               return of recent full games over steps and minutes
stages/STEPS/                    earlier policies of the same training
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from itertools import product
from pathlib import Path

from msgspec.structs import replace

from models import checkpoint
from models.files import CURVE_FILE, STAGES_FOLDER, is_model_directory
from models.provenance import read_provenance, write_provenance
from models.run_directory import NEWEST_FOLDER, Metrics, read_curve, read_metrics, stages_in, trained_steps
from training.evaluate import STICKY, render
from training.publication import EvaluationProtocol, copy_policy, measure, with_totals, write_curve, write_results
from training.run import RunDirectory

STAGE_STEPS = (31_250, 62_500, 125_000, 250_000, 500_000, 1_000_000, 2_000_000, 4_000_000)
PROTOCOLS = [EvaluationProtocol(sticky, greedy) for sticky, greedy in product((0.0, STICKY), (False, True))]


def release(trainings: Sequence[Path], directory: Path) -> None:
    """Writes the last run's newest policy to `directory`, with everything known about its training."""
    metrics, stages = one_training(trainings)
    last = RunDirectory.open(trainings[-1])
    copy_policy(last.path / NEWEST_FOLDER, directory)
    provenance = with_totals(read_provenance(last.path), last, metrics)
    write_provenance(directory, replace(provenance, counts_earlier=len(trainings) > 1))
    write_curve(directory / CURVE_FILE, metrics)
    for wanted in STAGE_STEPS:
        steps = min(stages, key=lambda steps: abs(steps - wanted))
        if steps < metrics[-1]["steps"]:
            copy_policy(stages[steps], directory / STAGES_FOLDER / f"{steps:09d}")
    spec, network = checkpoint.load_policy(directory)
    evaluations = measure(spec, network, PROTOCOLS, name=directory.name)
    sys.stdout.write("".join(f"{render(evaluation)}\n" for evaluation in evaluations))
    write_results(directory, evaluations)


def one_training(trainings: Sequence[Path]) -> tuple[list[Metrics], dict[int, Path]]:
    """The metrics and the stages of all runs or models, counted from the first one's beginning.

    Where one ended and the next began is a stage too.
    """
    metrics: list[Metrics] = []
    stages: dict[int, Path] = {}
    before = {"steps": 0, "games": 0, "seconds": 0}
    for training in trainings:
        stages |= {before["steps"] + steps: stage for steps, stage in stages_in(training).items()}
        metrics += [
            line | {name: line[name] + done for name, done in before.items()} for line in read_metrics(training)
        ]
        # The curve of a model is thinned out, and may end a little before its training.
        steps = trained_steps(training, read_curve(training))
        assert steps is not None, "it has a learning curve"
        steps += before["steps"]
        before = {"steps": steps, "games": int(metrics[-1]["games"]), "seconds": metrics[-1]["seconds"]}
        stages[before["steps"]] = training if is_model_directory(training) else training / NEWEST_FOLDER
    return metrics, stages


if __name__ == "__main__":
    *trained, target = map(Path, sys.argv[1:])
    release(trained, target)
