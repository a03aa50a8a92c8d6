"""How a policy wins and loses its points: `python benchmarks/rallies.py [MODEL...] [--sticky P] [--steps N]`.

Plays a batch of games of Pong against the ROM, sampled, and counts for each point how often the policy had hit the ball
when the point ended. A policy that is strong in training may have learned a single stroke, which the ROM cannot return
unless a sticky action spoils it, and little of the rally that follows then. `--write` puts the figures in
benchmarks/results/rallies.json.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from rich.progress import track

from models import catalog, checkpoint
from models.acting import choose
from models.network import PolicyNetwork
from models.spec import ModelSpec
from training.solo import SoloGame

RESULTS = Path(__file__).parent / "results" / "rallies.json"
LAST_HITTER, RIGHT = 18, 1
"""The byte of the ROM's memory that says who hit the ball last, and the policy there."""
MOST_STROKES = 4
"""More are counted together."""


class CountingGame(SoloGame):
    """A game that counts the policy's strokes in the current point."""

    strokes = 0
    _by_right = False

    def step(self, action: int) -> tuple[float, bool, bool]:
        """Plays one decision."""
        outcome = super().step(action)
        by_right = int(self._ale.getRAM()[LAST_HITTER]) == RIGHT
        self.strokes += by_right and not self._by_right
        self._by_right = by_right
        return outcome


@torch.inference_mode()
def measure(
    spec: ModelSpec, network: PolicyNetwork, *, sticky: float, games: int, steps: int, seed: int
) -> dict[str, dict[int, int]]:
    """Points won and lost, by how often the policy had hit the ball."""
    observations = np.zeros((games, *spec.observation.shape), np.uint8)
    playing = [CountingGame(spec, observations[i], sticky=sticky, seed=seed + i) for i in range(games)]
    for game in playing:
        game.begin()
    generator = torch.Generator().manual_seed(seed)
    won, lost = Counter[int](), Counter[int]()
    for _ in track(range(steps), spec.algorithm, console=Console(stderr=True)):
        actions = choose(network(torch.from_numpy(observations)).distribution, generator)
        for game, action in zip(playing, actions.tolist(), strict=True):
            reward, terminated, truncated = game.step(action)
            if reward:
                (won if reward > 0 else lost)[min(game.strokes, MOST_STROKES)] += 1
                game.strokes = 0
            if terminated or truncated:
                game.begin()
    return {"won": dict(sorted(won.items())), "lost": dict(sorted(lost.items()))}


def main() -> None:
    """Plays, counts and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*", metavar="MODEL", default=["ppo"])
    parser.add_argument("--sticky", type=float, default=0.25)
    parser.add_argument("--games", type=int, default=32, help="at a time (default: 32)")
    parser.add_argument("--steps", type=int, default=1500, help="decisions of each game (default: 1500)")
    parser.add_argument("--seed", type=int, default=100)
    parser.add_argument("--write", action="store_true", help=f"put the figures in {RESULTS.name}")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    figures = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    for name in arguments.models:
        spec, network = checkpoint.load(catalog.resolve(name))
        points = measure(
            spec,
            network,
            sticky=arguments.sticky,
            games=arguments.games,
            steps=arguments.steps,
            seed=arguments.seed,
        )
        figures[f"{name}, sticky {arguments.sticky:g}"] = points
        print(f"{name}, sticky {arguments.sticky:g}, {arguments.games} games, {arguments.steps:,} decisions each")
        print("strokes     won    lost")
        for strokes in range(MOST_STROKES + 1):
            label = f"{strokes}{' or more' if strokes == MOST_STROKES else ''}"
            print(f"{label:<9}{points['won'].get(strokes, 0):>6}  {points['lost'].get(strokes, 0):>6}")
    if arguments.write:
        RESULTS.write_text(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    main()
