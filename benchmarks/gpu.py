"""What a graphics card brings: `python benchmarks/gpu.py [--seeds N ...] [--steps N]`.

Trains PPO on it without sticky actions, and prints one JSON object: the card, agent steps per second of the games alone
and of training, how busy the card was meanwhile, and steps and minutes to a mean return of 20 (see time_to_score.py).
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread

import torch
from throughput import environment_speed
from time_to_score import summary, times_to, trained

from models.run_directory import read_metrics

SAMPLE_SECONDS = 0.5
SCORE = 20


@contextmanager
def utilisation() -> Iterator[list[float]]:
    """Samples, while the block lasts, the share of the time that the card computed, in per cent."""
    samples: list[float] = []
    ended = Event()

    def sample() -> None:
        query = ["nvidia-smi", "--query-gpu=utilization.gpu", "--format=csv,noheader,nounits"]
        while not ended.wait(SAMPLE_SECONDS):
            answer = subprocess.run(query, capture_output=True, text=True, check=True).stdout
            samples.append(float(answer.splitlines()[torch.cuda.current_device()]))

    thread = Thread(target=sample)
    thread.start()
    try:
        yield samples
    finally:
        ended.set()
        thread.join()


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1])
    parser.add_argument("--steps", type=int, default=1_000_000, help="of each training (default: 1000000)")
    arguments = parser.parse_args()
    if not torch.cuda.is_available():
        parser.error("torch finds no GPU here")
    alone = environment_speed()
    with utilisation() as busy:
        runs = [
            trained(f"sticky-0-seed-{seed}", sticky=0.0, seed=seed, steps=arguments.steps) for seed in arguments.seeds
        ]
    training = statistics.median(line["steps_per_second"] for run in runs for line in read_metrics(run))
    times = [times_to((SCORE,), run, sticky=0.0)[SCORE] for run in runs]
    figures = {
        "card": torch.cuda.get_device_name(),
        "environment_steps_per_second": round(alone),
        "training_steps_per_second": round(training),
        "utilisation_percent": round(statistics.mean(busy)),
        f"to_{SCORE}": summary(times),
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
