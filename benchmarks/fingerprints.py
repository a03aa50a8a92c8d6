"""Checks that the same seeds still give the same weights: `python benchmarks/fingerprints.py`.

Trains every algorithm briefly from the command line, and prints the SHA-256 of each run's final policy and learning
curve. `--save FILE` keeps them; `--against FILE` compares with kept ones, says which differ, and exits with 1 if any
do. Rounding depends on the processor, the number of threads and the version of PyTorch, so a file of fingerprints names
these, and can be compared only if they are the same.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

import torch

from models.device import processor_name

COMMAND = shlex.join([sys.executable, "-m", "volley"])
TIMES = {"seconds", "evaluation_seconds", "steps_per_second", "time/seconds"}
"""Metrics that differ from run to run."""
RUNS: dict[str, str] = {
    "reinforce on Pong": "reinforce --steps 13000",
    "surrogate on Pong": "surrogate --steps 13000",
    "ppo on Pong": "ppo --steps 19000 --sticky 0",
    "a2c on Pong": "a2c --steps 6000",
    "evolution-strategies on Pong": "evolution-strategies --steps 1 --set population_size=2",
    "reinforce on CartPole": "reinforce --env CartPole-v1 --steps 12000",
    "reinforce, plain, on CartPole": "reinforce --env CartPole-v1 --steps 8000 --set credit=total --set normalize=false"
    " --set baseline=none --set minibatch_size=64",
    "reinforce by points on Pendulum": "reinforce --env Pendulum-v1 --steps 8000 --set trajectory=point",
    "reinforce on the gridworld": "reinforce --env volley/AliasedGridworld-v0 --steps 8000",
    "ppo on optimal execution": "ppo --env volley/OptimalExecution-v0 --steps 12000",
    "surrogate on CartPole": "surrogate --env CartPole-v1 --steps 12000",
    "ppo on CartPole": "ppo --env CartPole-v1 --steps 12000",
    "ppo on Pendulum": "ppo --env Pendulum-v1 --steps 12000",
    "ppo on Pendulum, tanh": "ppo --env Pendulum-v1 --steps 12000 --head tanh-gaussian",
    "ppo, linear, on CartPole": "ppo --env CartPole-v1 --steps 12000 --set step_size=linear",
    "a2c on CartPole": "a2c --env CartPole-v1 --steps 8000",
    "a2c, n-step, on Pendulum": "a2c --env Pendulum-v1 --steps 8000 --set advantages=n-step --set normalize=false",
    "a2c, kl, on CartPole": "a2c --env CartPole-v1 --steps 8000 --set step_size=kl",
    "hill-climbing on CartPole": "hill-climbing --env CartPole-v1 --steps 12000",
    "steepest-ascent on CartPole": "steepest-ascent --env CartPole-v1 --steps 12000",
    "simulated-annealing on CartPole": "simulated-annealing --env CartPole-v1 --steps 12000",
    "adaptive-noise on CartPole": "adaptive-noise --env CartPole-v1 --steps 12000",
    "cross-entropy on CartPole": "cross-entropy --env CartPole-v1 --steps 12000",
    "cross-entropy on MountainCarContinuous": "cross-entropy --env MountainCarContinuous-v0 --steps 40000",
    "evolution-strategies on CartPole": "evolution-strategies --env CartPole-v1 --steps 12000",
}
"""The arguments of `volley train` for each run."""


def main() -> int:
    """Trains and prints; saves or compares."""
    parser = argparse.ArgumentParser(description="Fingerprints of short runs of every algorithm.")
    parser.add_argument("--save", type=Path, help="JSON file to write")
    parser.add_argument("--against", type=Path, help="JSON file to compare with")
    parser.add_argument("--command", default=COMMAND, help="command that starts Volley (default: %(default)s)")
    parser.add_argument("--only", default="", metavar="TEXT", help="only runs whose name contains TEXT")
    arguments = parser.parse_args()
    machine = {"processor": processor_name(), "threads": str(torch.get_num_threads()), "torch": torch.__version__}
    expected = json.loads(arguments.against.read_text()) if arguments.against else None
    if expected is not None and expected["machine"] != machine:
        print(f"{arguments.against} was made on {expected['machine']}; this is {machine}: not comparable")
        return 2
    found: dict[str, dict[str, str]] = {}
    different = 0
    for name, options in RUNS.items():
        if arguments.only not in name:
            continue
        with tempfile.TemporaryDirectory() as folder:
            found[name] = fingerprint(shlex.split(arguments.command), options.split(), Path(folder) / "run")
        verdict = ""
        if expected is not None and name not in expected["runs"]:
            verdict = "new"
        elif expected is not None:
            same = expected["runs"][name] == found[name]
            different += not same
            verdict = "same" if same else "DIFFERENT"
        print(f"{name:<42} {found[name]['weights'][:16]} {found[name]['curve'][:16]} {verdict}", flush=True)
    if arguments.save:
        arguments.save.write_text(json.dumps({"machine": machine, "runs": found}, indent=2) + "\n")
    if expected is not None:
        known = len(found.keys() & expected["runs"].keys())
        print(f"{known - different} of {known} bit-identical")
    return int(different > 0)


def fingerprint(command: list[str], options: list[str], run: Path) -> dict[str, str]:
    """Trains a run with seed 0; returns the SHA-256 of its weights and of its curve without times, in hexadecimal."""
    subprocess.run([*command, "train", *options, "--seed", "0", "--run", str(run)], check=True, capture_output=True)
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    curve = json.dumps([{key: line[key] for key in line if key not in TIMES} for line in lines], sort_keys=True)
    return {
        "weights": hashlib.sha256((run / "model" / "model.safetensors").read_bytes()).hexdigest(),
        "curve": hashlib.sha256(curve.encode()).hexdigest(),
    }


if __name__ == "__main__":
    sys.exit(main())
