"""How models fare against many opponents: `python benchmarks/champion.py [MODEL...] [--games N] [--write]`.

Each model plays full games, sampled and greedy, on the court for two against every opponent, half of them on either
side, without sticky actions. Results are kept in the same file as those of `volley league`, so an interrupted benchmark
goes on where it was. Prints the share of the points with its 95% interval (bootstrap over games) as a table in
Markdown; `--write` puts it in docs/champion.md.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from rich.progress import track

from app.league.entrants import Entrant, entrant
from app.league.games import Fixture, Result, ResultsFile, games_between, play_all
from models import catalog
from models.machine import cores

OPPONENTS = ("cpu", "casual", "tracker", "tracker:230ms", "predictor", "edger", "lunger", "ppo", "reinforce")
NOT_MET_IN_TRAINING = {"edger", "lunger", "reinforce"}
RESAMPLES = 2000
PAGE = Path(__file__).parent.parent / "docs" / "champion.md"
PLACE = "<!-- shares -->"
"""The table stands between two of these on the page."""


class Share(NamedTuple):
    """Of the points, with its 95% interval."""

    value: float
    low: float
    high: float
    points: tuple[int, int]
    """The player's and its opponent's."""
    games: int
    unfinished: int
    """Games that ended with a rally of a minute."""

    @property
    def text(self) -> str:
        """As it stands in the table; where hardly anybody ever missed, the points themselves."""
        cut = f", {self.unfinished} cut" if self.unfinished else ""
        if sum(self.points) < self.games:
            return "{} : {}".format(*self.points) + f" points in {self.games} games{cut}"
        return f"{self.value:.0%} ({self.low:.0%} to {self.high:.0%}{cut})"


class Pairing(NamedTuple):
    """A player and an opponent."""

    player: Entrant
    opponent: Entrant

    def fixtures(self, games: int, seed: int) -> list[Fixture]:
        """Their games; a player's games against itself all have seeds of their own."""
        if self.player.identity == self.opponent.identity:
            return [Fixture(self.player.identity, self.player.identity, seed + number) for number in range(games)]
        return games_between(self.player, self.opponent, games, seed)

    def share(self, results: Sequence[Result]) -> Share:
        """The player's share of the points; on the left, if it plays against itself."""
        points = np.array(
            [result.score if result.fixture.left == self.player.identity else result.score[::-1] for result in results]
        )
        drawn = np.random.default_rng(0).integers(len(points), size=(RESAMPLES, len(points)))
        won = points[drawn].sum(1)
        low, high = np.percentile(won[:, 0] / won.sum(1).clip(min=1), (2.5, 97.5))
        total = points.sum(0)
        unfinished = sum(not result.finished for result in results)
        score = int(total[0]), int(total[1])
        return Share(score[0] / max(sum(score), 1), float(low), float(high), score, len(points), unfinished)


def opponents_of(model: str, extra: Sequence[str]) -> list[str]:
    """Whom a model plays: the usual opponents, its own stages, itself, and the extra ones."""
    stages = [f"{model}@{steps}" for steps in catalog.stages(model)]
    return [*OPPONENTS, *stages, model, *extra]


def main() -> None:
    """Plays and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*", default=["champion", "ppo"], metavar="MODEL")
    parser.add_argument("--games", type=int, default=40, help="for each pair (default: 40)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--against", nargs="*", default=[], metavar="MODEL", help="more opponents, such as an exploiter"
    )
    parser.add_argument("--results", type=Path, help="where results are kept")
    parser.add_argument("--write", action="store_true", help=f"put the table in docs/{PAGE.name}")
    arguments = parser.parse_args()
    pairings = {
        (row, f"{model}{how}"): Pairing(entrant(f"{model}{how}"), entrant(row))
        for model in arguments.models
        for row in opponents_of(model, arguments.against)
        for how in ("", ":greedy")
    }
    wanted = {key: pairing.fixtures(arguments.games, arguments.seed) for key, pairing in pairings.items()}
    fixtures = list(dict.fromkeys(fixture for games in wanted.values() for fixture in games))
    everybody = list({entrant.identity: entrant for pairing in pairings.values() for entrant in pairing}.values())
    file = ResultsFile(arguments.results)
    results = {result.fixture: result for result in file.load(fixtures)}
    missing = [fixture for fixture in fixtures if fixture not in results]
    for result in track(play_all(missing, everybody, cores()), "games", total=len(missing)):
        file.add(result)
        results[result.fixture] = result
    shares = {key: pairings[key].share([results[game] for game in games]) for key, games in wanted.items()}
    table = _table(shares)
    print(table)
    if arguments.write:
        before, _, after = PAGE.read_text().split(PLACE)
        PAGE.write_text(f"{before}{PLACE}\n{table}\n{PLACE}{after}")


def _table(shares: dict[tuple[str, str], Share]) -> str:
    """The shares by row and column, as a table in Markdown."""
    rows, columns = (list(dict.fromkeys(names)) for names in zip(*shares, strict=True))
    lines = ["| opponent | " + " | ".join(f"`{column}`" for column in columns) + " |"]
    lines.append("| --- " * (len(columns) + 1) + "|")
    for row in rows:
        cells = [shares[row, column].text if (row, column) in shares else "" for column in columns]
        name = f"`{row}`" + (" *" if row in NOT_MET_IN_TRAINING else "")
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
