"""Makes a finished run into a model that ships: `python -m training.release RUN DIRECTORY`.

config.json, model.safetensors   the policy as training left it
results.json                     100 full games under each protocol
provenance.json                  command, seed, steps, minutes, versions, processor
learning_curve.csv               return of recent full games over steps and minutes
stages/STEPS/                    earlier policies of the same run
"""

from __future__ import annotations

import csv
import json
import shutil
import sys
from dataclasses import asdict
from itertools import product
from pathlib import Path
from typing import Any

from training.evaluate import evaluate_model, render
from training.run import RunDirectory

EPISODES = 100
EVALUATION_SEED = 1000
"""Not one that training used."""
STAGE_STEPS = (125_000, 250_000, 500_000, 1_000_000, 2_000_000)
CURVE_POINTS = 200
CURVE_COLUMNS = ("steps", "seconds", "games", "mean_return", "mean_length", "entropy", "kl", "learning_rate")


def release(run: RunDirectory, directory: Path) -> None:
    """Writes the run's newest policy and all that tells where it comes from to `directory`."""
    metrics = run.metrics()
    shutil.copytree(run.path / "model", directory, dirs_exist_ok=True)
    provenance = json.loads((run.path / "provenance.json").read_text())
    _write_json(directory / "provenance.json", provenance | _amount(run, metrics))
    _write_curve(directory / "learning_curve.csv", metrics)
    for steps in STAGE_STEPS:
        kept = min((run.path / "stages").iterdir(), key=lambda stage: abs(int(stage.name) - steps))
        shutil.copytree(kept, directory / "stages" / kept.name, dirs_exist_ok=True)
    results = []
    for sticky, greedy in product((0.0, 0.25), (False, True)):
        evaluation = evaluate_model(
            directory,
            name=directory.name,
            episodes=EPISODES,
            sticky=sticky,
            greedy=greedy,
            seed=EVALUATION_SEED,
            device="auto",
        )
        sys.stdout.write(render(evaluation) + "\n")
        how = f"--episodes {EPISODES} --sticky {sticky:g} --seed {EVALUATION_SEED}{' --greedy' * greedy} --json"
        results.append({"command": f"volley evaluate {directory.name} {how}"} | asdict(evaluation))
        _write_json(directory / "results.json", results)


def _amount(run: RunDirectory, metrics: list[dict[str, Any]]) -> dict[str, Any]:
    last = metrics[-1]
    return {
        "seed": run.settings.seed,
        "steps": last["steps"],
        "games": last["games"],
        "minutes": round(last["seconds"] / 60, 1),
        "steps_per_second": round(last["steps"] / last["seconds"]),
        "settings": json.loads((run.path / "config.json").read_bytes()),
    }


def _write_curve(file: Path, metrics: list[dict[str, Any]]) -> None:
    every = max(len(metrics) // CURVE_POINTS, 1)
    points = [line for line in metrics if line["updates"] % every == 0 and line["mean_return"] is not None]
    with file.open("w", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(CURVE_COLUMNS)
        writer.writerows([f"{line[name]:.6g}" for name in CURVE_COLUMNS] for line in points)


def _write_json(file: Path, content: object) -> None:
    file.write_text(json.dumps(content, indent=2) + "\n")


if __name__ == "__main__":
    release(RunDirectory.open(Path(sys.argv[1])), Path(sys.argv[2]))
