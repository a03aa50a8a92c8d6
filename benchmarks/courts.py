"""How many steps a second the courts for two make: `python benchmarks/courts.py [--courts N] [--seconds S]`.

A step is one decision on one court, of `frame_skip` emulator frames. Measured in turn, several times, beside ale-py's
own vector environment with as many games: prints the median of each and its ratio to that.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from contextlib import ExitStack
from statistics import median

import numpy as np
from gymnasium.vector import VectorEnv

from models.network import PolicyNetwork
from models.spec import FrameObservation, ModelSpec
from training.arena.opponents import Opponents
from training.arena.selfplay import SelfPlay
from training.environments import FAST_ACTIONS, make_pong

ROUNDS = 5


def steps_per_second(step: Callable[[], object], steps: int, seconds: float) -> float:
    """How many steps a second `step` makes, each call making so many."""
    calls, start = 0, time.perf_counter()
    while (elapsed := time.perf_counter() - start) < seconds:
        step()
        calls += 1
    return calls * steps / elapsed


def stepping(stack: ExitStack, environments: VectorEnv, steps: int) -> tuple[Callable[[], object], int]:
    """What plays a random decision in each environment, and how many court steps that makes."""
    stack.callback(environments.close)
    environments.reset(seed=0)
    random, seats = np.random.default_rng(0), environments.num_envs
    return lambda: environments.step(random.integers(len(FAST_ACTIONS), size=seats)), steps


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--courts", type=int, default=32)
    parser.add_argument("--seconds", type=float, default=3.0, help="for each measurement (default: 3)")
    arguments = parser.parse_args()
    courts = arguments.courts
    mixes = {
        "both paddles by the policy": Opponents(itself=courts, past=0, scripts=0, rom=0),
        "against scripts": Opponents(itself=0, past=0, scripts=courts, rom=0),
        "against the ROM": Opponents(itself=0, past=0, scripts=0, rom=courts),
        "the usual mix": Opponents(),
    }
    for frame_skip in (4, 2):
        spec = ModelSpec(algorithm="ppo", actions=FAST_ACTIONS, observation=FrameObservation(frame_skip=frame_skip))
        with ExitStack() as stack:
            kinds = {"AtariVectorEnv": stepping(stack, make_pong(spec, courts, sticky=0.0), courts)}
            for name, opponents in mixes.items():
                environments = SelfPlay(spec, opponents, sticky=0.0, seed=0)
                environments.admit(PolicyNetwork(spec))
                kinds[name] = stepping(stack, environments, opponents.courts)
            measured: dict[str, list[float]] = {name: [] for name in kinds}
            for _ in range(ROUNDS):
                for name, (step, steps) in kinds.items():
                    measured[name].append(steps_per_second(step, steps, arguments.seconds))
            base = median(measured["AtariVectorEnv"])
            print(f"frame skip {frame_skip}, {courts} courts, medians of {ROUNDS}:")
            for name, rates in measured.items():
                print(f"  {name:<28}{median(rates):7,.0f} steps/s  {median(rates) / base:5.0%} of AtariVectorEnv")


if __name__ == "__main__":
    main()
