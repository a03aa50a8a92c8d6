"""How many games each black-box search needs to solve a problem: `python benchmarks/search.py`.

Solved means what gymnasium says: a mean return of at least 475 in CartPole-v1 and 90 in MountainCarContinuous-v0, over
100 episodes of the incumbent, which the search neither learns from nor counts. Prints a table, then one JSON object
with the games that each seed needed, or null if it was not solved.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import sys
import tempfile
from pathlib import Path

import torch
from msgspec.structs import replace

from models.spec import SEARCHES
from training.loop import Display, train
from training.presets import training_settings
from training.run import Progress, RunDirectory

SEEDS = range(20, 30)
"""Not the seeds that the settings were tuned on."""
MAX_GAMES = 3000
PROBLEMS = {
    "CartPole-v1": SEARCHES,
    "MountainCarContinuous-v0": ("cross-entropy", "evolution-strategies"),
}


class UntilSolved(Display):
    """A display that stops a search once it has solved its problem, or played enough."""

    def __init__(self) -> None:
        self.games, self.steps, self.solved_at = 0, 0, math.nan

    def update(self, progress: Progress, metrics: dict[str, float]) -> None:
        """Called after every update."""
        self.games, self.steps, self.solved_at = progress.games, progress.steps, metrics["solved_at_games"]

    def __call__(self) -> bool:
        """Whether to stop."""
        return self.games >= MAX_GAMES or not math.isnan(self.solved_at)


def games_to_solve(algorithm: str, environment: str, seed: int) -> int | None:
    """Games that a search with its default settings needs to solve the environment; None if it does not."""
    settings = training_settings(algorithm, environment)
    # More steps than it will take, so that no scheduled evaluation or stage is due.
    settings = replace(settings, steps=10 * 1000 * MAX_GAMES, seed=seed, device="cpu")
    display = UntilSolved()
    with tempfile.TemporaryDirectory() as folder:
        train(RunDirectory.create(Path(folder), settings), display, stop=display)
    print(f"{algorithm}, {environment}, seed {seed}: {display.games} games, {display.steps} steps", file=sys.stderr)
    return None if math.isnan(display.solved_at) else int(display.solved_at)


def row(algorithm: str, environment: str, games: list[int | None]) -> str:
    """Median and range over the seeds; unsolved ones count as more than `MAX_GAMES`."""
    counts = sorted(math.inf if count is None else count for count in games)
    median, least, most = (
        f"> {MAX_GAMES}" if math.isinf(count) else f"{count:.0f}"
        for count in (statistics.median(counts), counts[0], counts[-1])
    )
    solved = f"{sum(count is not None for count in games)} of {len(games)}"
    return f"{algorithm:<22}{environment:<26}{solved:>9}{median:>9}   {least} to {most}"


def main() -> None:
    """Measures and prints."""
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    torch.set_num_threads(1)  # networks this small are slower on more
    figures: dict[str, dict[str, list[int | None]]] = {}
    print(f"{'':<22}{'':<26}{'solved':>9}{'median':>9}   range of games", flush=True)
    for environment, algorithms in PROBLEMS.items():
        for algorithm in algorithms:
            games = [games_to_solve(algorithm, environment, seed) for seed in SEEDS]
            figures.setdefault(environment, {})[algorithm] = games
            print(row(algorithm, environment, games), flush=True)
    print(json.dumps({"max_games": MAX_GAMES, "games": figures}))


if __name__ == "__main__":
    main()
