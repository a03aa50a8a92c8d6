"""Minutes to a score: `python benchmarks/time_to_score.py [--sticky P ...] [--seeds N ...] [--steps N] [--write] ...`.

Trains PPO on Pong as `volley train ppo` does, with the same `--set`, once for each seed and protocol, and then plays 48
full games with the policies that it kept along the way, forty of them. So evaluation does not disturb training, and no
minute of it counts. A score is reached by the first policy whose mean return is at least that high, as far as bisection
tells: the one before it was played too, and was below.

Prints steps and minutes to a mean return of 0, 10, 18 and 20: the median over seeds, and the range. Runs are in
`runs/time-to-score`; an interrupted benchmark goes on where it was. `--write` saves what was measured in
benchmarks/results/time_to_score.json, and leaves what is there of the other protocol.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from msgspec.structs import replace
from reuse import reused

from models.device import pick_device
from models.run_directory import Metrics, read_metrics, stages_in
from models.spec import PONG
from training.evaluate import evaluate_model
from training.presets import training_settings
from training.provenance import machine

SCORES = (0, 10, 18, 20)
GAMES = 48
EVALUATION_SEED = 1000
RUNS = Path("runs/time-to-score")
RESULTS = Path(__file__).parent / "results" / "time_to_score.json"


class Reached(NamedTuple):
    """When a training first reached a score."""

    steps: int
    minutes: float
    """Of training, evaluations left out."""


class Stages:
    """The policies that a run kept along the way, whose mean returns are measured when they are asked for."""

    def __init__(self, run: Path, *, sticky: float) -> None:
        self._run = run
        self._sticky = sticky
        self._stages = list(stages_in(run).items())
        self._cache = run / f"returns-{GAMES}.json"
        self.returns: dict[int, float] = {}
        """By agent steps, of those that have been measured."""
        if self._cache.exists():
            self.returns = {int(steps): value for steps, value in json.loads(self._cache.read_text()).items()}

    def mean_return(self, index: int) -> float:
        """Of the policy with that index, sampled, under the protocol that it was trained under."""
        steps, folder = self._stages[index]
        if steps not in self.returns:
            evaluation = evaluate_model(
                folder,
                name=f"{self._run.name} at {steps:,}",
                episodes=GAMES,
                sticky=self._sticky,
                greedy=False,
                seed=EVALUATION_SEED,
                device="auto",
            )
            self.returns[steps] = evaluation.mean_return
            self._cache.write_text(json.dumps(self.returns))
        return self.returns[steps]

    def first_with(self, score: float) -> int | None:
        """The steps of the first policy with that mean return, by bisection; None if the last has not."""
        below, reached = -1, len(self._stages) - 1
        if reached < 0 or self.mean_return(reached) < score:
            return None
        while reached - below > 1:
            middle = (below + reached) // 2
            if self.mean_return(middle) >= score:
                reached = middle
            else:
                below = middle
        return self._stages[reached][0]


def trained(name: str, *, sticky: float, seed: int, steps: int, changes: Sequence[str] = ()) -> Path:
    """The finished run of that name, trained now unless it was before."""
    run = RUNS / name
    if run.exists():
        settings = training_settings("ppo", PONG, changes=changes)
        what = ["--resume", reused(run, replace(settings, sticky=sticky, seed=seed, steps=steps)).path]
    else:
        options = [word for change in changes for word in ("--set", change)]
        what = ["ppo", "--sticky", sticky, "--seed", seed, "--run", run, *options]
    subprocess.run([sys.executable, "-m", "volley", "train", *map(str, what), "--steps", str(steps)], check=True)
    return run


def minutes_of_training(metrics: list[Metrics], steps: int) -> float:
    """From the beginning to the update that made that policy, evaluations left out."""
    until = [line for line in metrics if line["steps"] <= steps]
    # The policy was kept in the same update in which it was evaluated, if it was.
    evaluations = sum(line.get("evaluation_seconds", 0.0) for line in until)
    return float(until[-1]["seconds"] - evaluations) / 60


def times_to(scores: tuple[int, ...], run: Path, *, sticky: float) -> dict[int, Reached | None]:
    """When a finished run first reached each score; None for those it did not."""
    stages, metrics = Stages(run, sticky=sticky), read_metrics(run)
    reached = {score: stages.first_with(score) for score in scores}
    return {
        score: None if steps is None else Reached(steps, minutes_of_training(metrics, steps))
        for score, steps in reached.items()
    }


def summary(times: list[Reached | None]) -> dict[str, Any]:
    """Median and range over seeds of those that reached a score; how many did."""
    found = [time for time in times if time is not None]
    figures: dict[str, Any] = {"reached": f"{len(found)} of {len(times)}"}
    if len(found) > len(times) / 2:
        # One that did not get there counts as later than all others.
        middle = len(times) // 2
        steps, minutes = sorted(time.steps for time in found), sorted(round(time.minutes, 1) for time in found)
        figures |= {"steps": steps[middle], "steps_range": [steps[0], steps[-1]]}
        figures |= {"minutes": minutes[middle], "minutes_range": [minutes[0], minutes[-1]]}
    return figures


def main() -> None:
    """Trains, measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sticky", type=float, nargs="+", default=[0.0, 0.25])
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--steps", type=int, default=1_000_000, help="of each training (default: 1000000)")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="as for 'volley train'")
    parser.add_argument("--write", action="store_true", help=f"save benchmarks/results/{RESULTS.name}")
    arguments = parser.parse_args()
    figures: dict[str, Any] = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    for sticky in arguments.sticky:
        times = []
        for seed in arguments.seeds:
            name = f"sticky-{sticky:g}-seed-{seed}"
            run = trained(name, sticky=sticky, seed=seed, steps=arguments.steps, changes=arguments.set)
            times.append(times_to(SCORES, run, sticky=sticky))
        protocol = f"sticky actions {sticky:g}"
        found = {str(score): summary([each[score] for each in times]) for score in SCORES}
        for score, figure in found.items():
            print(f"{protocol}, mean return {score}: {figure}", flush=True)
        how = {"machine": machine(pick_device("auto")), "seeds": arguments.seeds, "steps": arguments.steps}
        figures[protocol] = how | {"changes": arguments.set} | found
    if arguments.write:
        RESULTS.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
