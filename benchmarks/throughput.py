"""How fast training is, compared with the games alone: `python benchmarks/throughput.py`.

Prints one JSON object: agent steps per second of the vector environment alone and of training in it, the medians of
alternating measurements, so that other load on the machine slows both; and their ratio.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from contextlib import closing
from pathlib import Path

import msgspec

from models.spec import PONG
from training import loop
from training.environments import make
from training.presets import training_settings
from training.run import Progress, RunDirectory

ROUNDS = 5
UPDATES = 4
"""Per round of training; the first is a warm-up and not counted."""

SETTINGS = training_settings("ppo", PONG)


class Stopwatch(loop.Display):
    """A display that records the speed of each update."""

    def __init__(self) -> None:
        self.speeds: list[float] = []

    def update(self, progress: Progress, metrics: dict[str, float]) -> None:
        """Called after every update."""
        del progress
        self.speeds.append(metrics["steps_per_second"])


def environment_speed(steps: int = 300) -> float:
    """Agent steps per second with random actions."""
    with closing(make(SETTINGS.model, SETTINGS.num_envs, sticky=SETTINGS.sticky)) as environments:
        environments.reset(seed=0)
        environments.action_space.seed(0)
        started = time.perf_counter()
        for _ in range(steps):
            environments.step(environments.action_space.sample())
        return steps * SETTINGS.num_envs / (time.perf_counter() - started)


def training_speed() -> float:
    """Agent steps per second of whole updates, collection and learning."""
    # One step more than the updates take, because the end of a training is evaluated.
    steps = UPDATES * SETTINGS.num_envs * SETTINGS.rollout_length + 1
    watch = Stopwatch()
    with tempfile.TemporaryDirectory() as folder:
        run = RunDirectory.create(Path(folder), msgspec.structs.replace(SETTINGS, steps=steps))
        loop.train(run, watch, stop=lambda: len(watch.speeds) == UPDATES)
    return statistics.median(watch.speeds[1:])


def main() -> None:
    """Measures and prints."""
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    alone, training = [], []
    for _ in range(ROUNDS):
        alone.append(environment_speed())
        training.append(training_speed())
    shares = [t / a for a, t in zip(alone, training, strict=True)]
    figures = {
        "environment_steps_per_second": round(statistics.median(alone)),
        "training_steps_per_second": round(statistics.median(training)),
        "share": round(statistics.median(shares), 3),
        "shares": [round(share, 3) for share in shares],
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
