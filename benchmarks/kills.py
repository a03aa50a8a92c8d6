"""Kills trainings at random moments, and compares what they end with: `python benchmarks/kills.py [FAMILY...]`.

For each family of algorithms a short training runs unbroken. Another one is killed with SIGKILL, which no program can
catch, after random times, every third time while a checkpoint is being written, and resumed each time, until it has
ended. Checkpoints come every second instead of every minute. Reports the kills, how many of them hit a checkpoint, the
most seconds of training that one cost, and whether all that was saved in the end (network, optimiser, statistics,
random generators, games) is the same to the last bit. `--write` puts the figures in benchmarks/results/kills.json.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.console import Console
from rich.progress import track

from models.files import CONFIG_FILE
from models.run_directory import CHECKPOINT_FILE, CHECKPOINTS_FOLDER, PREVIOUS_CHECKPOINT_FILE, read_metrics

RESULTS = Path(__file__).parent / "results" / "kills.json"
TRAIN = """
import sys
from app.command.main import main
from training import loop, policy_gradient
if __name__ == "__main__":
    loop.CHECKPOINT_SECONDS = 1.0
    policy_gradient.EVALUATION_GAMES = 1
    sys.exit(main(["train", *sys.argv[1:]]))
"""
"""A training with a checkpoint every second. The guard is for the processes that it starts."""
FAMILIES = {
    "ppo, CartPole": ["ppo", "--env", "CartPole-v1", "--steps", "150000"],
    "ppo, Pendulum": ["ppo", "--env", "Pendulum-v1", "--steps", "150000"],
    "ppo, CartPole, two processes": ["ppo", "--env", "CartPole-v1", "--steps", "200000"],
    "a2c, CartPole": ["a2c", "--env", "CartPole-v1", "--steps", "100000"],
    "reinforce, CartPole": ["reinforce", "--env", "CartPole-v1", "--steps", "150000"],
    "cross-entropy, CartPole": ["cross-entropy", "--env", "CartPole-v1", "--steps", "400000"],
    "evolution-strategies, CartPole": ["evolution-strategies", "--env", "CartPole-v1", "--steps", "400000"],
    "ppo, Pong": ["ppo", "--steps", "120000"],
    "reinforce, Pong": ["reinforce", "--steps", "90000"],
    "ppo, self-play": ["ppo", "--opponents", "itself=2,past=1,scripts=3,rom=2", "--slow-moves", "--steps", "40000"],
    "imitation": ["imitation", "--opponents", "itself=2,past=1,scripts=3,rom=2", "--slow-moves", "--steps", "40000"],
}
TOGETHER = {"ppo, CartPole, two processes": 2}
"""The number of processes of those that train as a team."""


def main() -> None:
    """Trains, kills and compares."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("families", nargs="*", metavar="FAMILY", help=f"by default all: {'; '.join(FAMILIES)}")
    parser.add_argument("--kills", type=int, default=20, help="at most, for each family (default: 20)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--write", action="store_true", help=f"put the figures in {RESULTS.name}")
    arguments = parser.parse_args()
    console = Console(stderr=True)
    results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    for name in track(arguments.families or list(FAMILIES), "families", console=console):
        with tempfile.TemporaryDirectory() as folder:
            results[name] = measure(name, arguments.kills, arguments.seed, Path(folder))
        print(f"{name}: {json.dumps(results[name])}")
        if arguments.write:
            RESULTS.write_text(json.dumps(results, indent=1) + "\n")


def measure(name: str, kills: int, seed: int, folder: Path) -> dict[str, Any]:
    """Trains the family twice; returns the figures."""
    options = [*FAMILIES[name], "--seed", str(seed), "--device", "cpu"]
    processes = TOGETHER.get(name, 1)
    slow_start = 3 if processes == 1 else 12  # seconds
    unbroken, broken = folder / "unbroken", folder / "broken"
    begun = time.monotonic()
    start([*options, "--run", str(unbroken)], processes).wait()
    whole = time.monotonic() - begun
    random = np.random.default_rng(seed)
    killed = in_checkpoint = 0
    lost = [0.0]
    while killed < kills:
        begins = ["--resume", str(broken)] if (broken / CONFIG_FILE).exists() else [*options, "--run", str(broken)]
        process = start(begins, processes)
        aims = killed % 3 == 2
        hit = kill(process, broken, random.uniform(0.1, 1.0) * (slow_start + 2 * whole / kills), at_a_checkpoint=aims)
        if hit is None:
            break
        killed, in_checkpoint = killed + 1, in_checkpoint + hit
        lost.append(seconds_lost(broken))
    ended = start(["--resume", str(broken)], processes).wait()
    same = identical(saved(unbroken), saved(broken))
    return {
        "kills": killed,
        "while writing a checkpoint": in_checkpoint,
        "most seconds lost": round(max(lost), 1),
        "resumed": ended == 0,
        "identical": same,
        "seconds unbroken": round(whole),
    }


def start(options: list[str], processes: int) -> subprocess.Popen[bytes]:
    """A training in a process of its own, or in several."""
    team = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}", "--no-python", "--"]
    together = [sys.executable, *team] if processes > 1 else []
    command = [*together, sys.executable, "-c", TRAIN, *options]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)


def kill(process: subprocess.Popen[bytes], run: Path, after: float, *, at_a_checkpoint: bool) -> bool | None:
    """Kills a training some seconds after its start, or, if asked, then when it next writes a checkpoint.

    Returns whether one was being written; None if the training ended first.
    """
    folder, begun = run / CHECKPOINTS_FOLDER, time.monotonic()
    while process.poll() is None:
        writing = folder.exists() and any(path.name.startswith(".") for path in folder.iterdir())
        if time.monotonic() - begun > after and (writing or not at_a_checkpoint):
            for number in [process.pid, *descendants(process.pid)]:
                with suppress(ProcessLookupError):
                    os.kill(number, signal.SIGKILL)
            process.wait()
            return writing
        time.sleep(0.0005 if at_a_checkpoint else 0.01)
    return None


def descendants(process: int) -> list[int]:
    """The processes that a process has started, and those that they have."""
    try:
        children = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    except OSError:
        return []
    return [number for child in map(int, children) for number in (child, *descendants(child))]


def seconds_lost(run: Path) -> float:
    """Of training: between the newest whole checkpoint and the newest line of the metrics."""
    lines = read_metrics(run)
    if not lines:
        return 0.0
    return float(lines[-1]["seconds"]) - float(saved(run)["progress"]["seconds"] if has_checkpoint(run) else 0.0)


def has_checkpoint(run: Path) -> bool:
    """Whether there is anything to resume from."""
    return any((run / CHECKPOINTS_FOLDER / name).exists() for name in (CHECKPOINT_FILE, PREVIOUS_CHECKPOINT_FILE))


def saved(run: Path) -> dict[str, Any]:
    """The newest checkpoint."""
    folder = run / CHECKPOINTS_FOLDER
    newest = folder / CHECKPOINT_FILE
    file = newest if newest.exists() else folder / PREVIOUS_CHECKPOINT_FILE
    state: dict[str, Any] = torch.load(file, weights_only=True)
    return state


def identical(one: Any, other: Any) -> bool:  # noqa: ANN401 - whatever a checkpoint holds
    """Whether two checkpoints are the same to the last bit, but for the time that they took."""
    if isinstance(one, torch.Tensor):
        return bool(one.shape == other.shape and one.cpu().numpy().tobytes() == other.cpu().numpy().tobytes())
    if isinstance(one, dict):
        keys = one.keys() - {"seconds"}
        return keys == other.keys() - {"seconds"} and all(identical(one[key], other[key]) for key in keys)
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(identical(*pair) for pair in zip(one, other, strict=True))
    return bool(one == other) or (one != one and other != other)  # noqa: PLR0124 - NaN


if __name__ == "__main__":
    main()
