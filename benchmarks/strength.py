"""How strong the levels and `ppo` are: `python benchmarks/strength.py [--seed N] [--json]`.

Full games to 21 with consecutive seeds, without sticky actions, the player on the right. The number of games is fixed
in advance, and all of them count. A rally of five minutes ends its game, which then has no winner and is reported as
unfinished. Prints one line of a table per pairing, or, with `--json`, one JSON object.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from multiprocessing.pool import Pool
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from agents.agent import Agent
from agents.base import Control, control_of
from agents.pong import FRAMES_PER_SECOND, Court, Score, Side
from agents.preprocessing import mirrored
from app.game.cast import load_agent
from app.game.levels import FIXED_OPPONENT, HUMAN_REACTION, LEVELS
from app.game.lineup import Policy, Rom, Script, Tracker
from models import catalog

PROCESSES = 2
GAMES, GAMES_AGAINST_ITSELF = 24, 40
LONGEST_RALLY = round(5 * 60 * FRAMES_PER_SECOND)
"""Frames."""

Opponent: TypeAlias = Policy | Tracker | Script | Rom


class Pairing(NamedTuple):
    """Who plays whom."""

    player: str
    right: Policy | Tracker
    opponent: str
    left: Opponent
    games: int = GAMES


class Game(NamedTuple):
    """How one game went."""

    score: Score
    frames: int
    finished: bool


@dataclass(frozen=True, kw_only=True)
class Strength:
    """The results of a pairing, from the right player's side."""

    player: str
    opponent: str
    games: int
    unfinished: int
    points: Score
    points_won: float
    """As a fraction of all points."""
    ci95: tuple[float, float]
    """95% interval of `points_won`."""
    games_won: float
    """As a fraction of all games."""
    minutes: float
    """Mean length of a game at normal speed."""


def pairings() -> list[Pairing]:
    """Every level against the fixed opponent; the default model against opponents it never trained on, and itself."""
    model = catalog.DEFAULT_MODEL
    ppo = Policy(model)
    strangers: list[tuple[str, Opponent]] = [
        ("the ROM", Rom()),
        ("tracker", Tracker()),
        ("tracker, reaction 230 ms", Tracker(reaction_ms=HUMAN_REACTION)),
        *((f"{model}@{steps}", Policy(f"{model}@{steps}")) for steps in catalog.stages(model)),
    ]
    return [
        *(Pairing(level.name, level.player, "the fixed opponent", FIXED_OPPONENT) for level in LEVELS),
        *(Pairing(model, ppo, name, left) for name, left in strangers),
        Pairing(model, ppo, "itself", ppo, GAMES_AGAINST_ITSELF),
    ]


def play(pairing: Pairing, seed: int) -> Game:
    """One full game. The court and the two players have separate seeds."""
    court = Court(seed=3 * seed)
    right = load_agent(pairing.right, seed=3 * seed + 1)
    left = None if isinstance(pairing.left, Rom) else load_agent(pairing.left, seed=3 * seed + 2)
    score, served = court.score, 0
    while not court.over and court.frames - served < LONGEST_RALLY:
        court.step(*_controls(court, right, left))
        if court.score != score:
            score, served = court.score, court.frames
    return Game(score, court.frames, court.over)


def _controls(court: Court, right: Agent[Any], left: Agent[Any] | None) -> tuple[Control, Control | None]:
    grey = court.grey()
    control = control_of(right.observe(grey).action)
    return control, None if left is None else control_of(left.observe(mirrored(grey)).action)


def summarize(pairing: Pairing, games: Sequence[Game]) -> Strength:
    """The results of one pairing's games."""
    points = Score(*(sum(game.score[side] for game in games) for side in Side))
    return Strength(
        player=pairing.player,
        opponent=pairing.opponent,
        games=len(games),
        unfinished=sum(not game.finished for game in games),
        points=points,
        points_won=points.right / sum(points),
        ci95=share_interval(np.array([game.score for game in games])),
        games_won=sum(game.finished and game.score.right > game.score.left for game in games) / len(games),
        minutes=sum(game.frames for game in games) / len(games) / FRAMES_PER_SECOND / 60,
    )


def share_interval(scores: NDArray[np.int64]) -> tuple[float, float]:
    """The 95% interval of the right player's fraction of all points, from scores `[games, 2]`.

    Points of the same game depend on each other, so the sample is of games: the ratio estimator, with 1.96 standard
    errors either way.
    """
    games, totals = len(scores), scores.sum(1)
    share = scores[:, 1].sum() / totals.sum()
    residuals = scores[:, 1] - share * totals
    error = np.sqrt(games / max(games - 1, 1) * (residuals**2).sum()) / totals.sum()
    return max(float(share - 1.96 * error), 0.0), min(float(share + 1.96 * error), 1.0)


def measure(pairing: Pairing, seed: int, pool: Pool) -> Strength:
    """Plays all games of a pairing in parallel."""
    games = [(pairing, seed + number) for number in range(pairing.games)]
    return summarize(pairing, pool.starmap(play, games, chunksize=1))


def row(strength: Strength) -> str:
    """One line of the table."""
    low, high = strength.ci95
    left, right = strength.points
    return (
        f"{strength.player:<12} {strength.opponent:<26} {strength.games:>3} games {right:>5} : {left:<5} "
        f"points {strength.points_won:6.1%} ({low:6.1%} to {high:6.1%})  games {strength.games_won:6.1%}  "
        f"{strength.minutes:4.1f} min  {strength.unfinished} unfinished"
    )


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=0, help="seed of each pairing's first game (default: 0)")
    parser.add_argument("--json", action="store_true", help="print one JSON object per pairing")
    arguments = parser.parse_args()
    with get_context("spawn").Pool(PROCESSES) as pool:
        for pairing in pairings():
            strength = measure(pairing, arguments.seed, pool)
            print(json.dumps(asdict(strength)) if arguments.json else row(strength), flush=True)


if __name__ == "__main__":
    main()
