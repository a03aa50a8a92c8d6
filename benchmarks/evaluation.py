"""How fast measuring a model is, compared with the games alone: `python benchmarks/evaluation.py [MODEL]`.

Prints one JSON object: agent steps per second of the vector environment alone and of an evaluation of 100 full games,
50 side by side, the medians of alternating measurements, so that other load on the machine slows both; and their
ratio. The evaluation's include its end, when fewer and fewer games go on. Set OMP_WAIT_POLICY=PASSIVE, as the command
does: else torch's threads take the cores from the games while they wait.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from contextlib import closing

import torch

from models import catalog, checkpoint
from models.spec import ModelSpec
from training.environments import make
from training.evaluate import MAX_PARALLEL_GAMES, evaluate

ROUNDS = 3
STEPS = 600
EPISODES = 100


def environment_speed(spec: ModelSpec, sticky: float) -> float:
    """Agent steps per second with random actions."""
    with closing(make(spec, MAX_PARALLEL_GAMES, sticky=sticky)) as environments:
        environments.reset(seed=0)
        environments.action_space.seed(0)
        started = time.perf_counter()
        for _ in range(STEPS):
            environments.step(environments.action_space.sample())
        return STEPS * MAX_PARALLEL_GAMES / (time.perf_counter() - started)


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", nargs="?", default="ppo", metavar="MODEL")
    name = parser.parse_args().model
    spec, network = checkpoint.load_policy(catalog.resolve(name))
    assert isinstance(spec, ModelSpec)
    figures = {}
    for sticky in (0.0, 0.25):
        alone, measuring = [], []
        for seed in range(ROUNDS):
            alone.append(environment_speed(spec, sticky))
            played = evaluate(
                spec,
                network,
                name=name,
                episodes=EPISODES,
                sticky=sticky,
                greedy=False,
                seed=seed,
                device=torch.device("cpu"),
            )
            measuring.append(played.episodes * played.mean_length / played.seconds)
        figures[f"sticky {sticky:g}"] = {
            "environment_steps_per_second": round(statistics.median(alone)),
            "evaluation_steps_per_second": round(statistics.median(measuring)),
            "shares": [round(own / its, 3) for its, own in zip(alone, measuring, strict=True)],
        }
        print(json.dumps(figures[f"sticky {sticky:g}"]), file=sys.stderr)
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
