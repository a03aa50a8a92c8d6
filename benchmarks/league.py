"""The league of all that ships: `python benchmarks/league.py [--games N] [--write]`.

Every model that ships, the stages of the champion's training, the scripts and the ROM meet each other, as in `volley
league`, and results are kept in the same file. Prints the table in Markdown; `--write` puts it in docs/champion.md, and
two pictures beside it: who beats whom, and the champion's rating over the time of its training.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
from rich.progress import track

from app.league.entrants import Entrant, entrant
from app.league.games import ResultsFile, play_all, schedule
from app.league.ratings import Standing, standings
from app.league.report import draw, share
from models import catalog
from models.machine import cores
from models.run_directory import read_metrics

mpl.use("Agg")
CHAMPION = "champion"
OTHERS = ("casual", "tracker", "tracker:230ms", "predictor", "edger", "lunger", "cpu")
ANCHOR = "casual"
BESIDE = ("casual", "tracker", "predictor", "cpu", "ppo")
"""Whose ratings stand beside the champion's curve."""
LABEL_HEIGHT = 20
"""In rating points, so that labels do not lie on each other."""
DOCS = Path(__file__).parent.parent / "docs"
PLACE = "<!-- league -->"
"""The table stands between two of these in docs/champion.md."""


def main() -> None:
    """Plays, prints and draws."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--games", type=int, default=4, help="for each pair (default: 4)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--results", type=Path, help="where results are kept")
    parser.add_argument("--write", action="store_true", help="put table and pictures in docs/")
    arguments = parser.parse_args()
    stages = [f"{CHAMPION}@{steps}" for steps in catalog.stages(CHAMPION)]
    entrants = [entrant(name) for name in (*catalog.bundled_names(), *stages, *OTHERS)]
    fixtures = schedule(entrants, arguments.games, arguments.seed)
    file = ResultsFile(arguments.results)
    results = file.load(fixtures)
    played = {result.fixture for result in results}
    missing = [fixture for fixture in fixtures if fixture not in played]
    for result in track(play_all(missing, entrants, cores()), "games", total=len(missing)):
        file.add(result)
        results.append(result)
    names = {one.identity: one.name for one in entrants}
    anchor = next(identity for identity, name in names.items() if name == ANCHOR)
    ranking = standings(list(names), results, anchor=anchor)
    text = _table(ranking, names)
    print(text)
    if arguments.write:
        before, _, after = (DOCS / "champion.md").read_text().split(PLACE)
        (DOCS / "champion.md").write_text(f"{before}{PLACE}\n{text}\n{PLACE}{after}")
        draw(ranking, names, results, DOCS / "league.png")
        draw_curve(ranking, entrants, DOCS / "champion-rating.png")


def _table(ranking: Sequence[Standing], names: dict[str, str]) -> str:
    lines = ["| | player | rating | points | games won |", "| --- | --- | --- | --- | --- |"]
    for place, standing in enumerate(ranking, 1):
        (value, low, high), (won, lost) = standing.by_points, standing.points
        rating = f"{value:.0f} ({low:.0f} to {high:.0f})"
        games = "{} of {}".format(*standing.games)
        lines.append(f"| {place} | `{names[standing.name]}` | {rating} | {share(won, lost):.0%} | {games} |")
    return "\n".join(lines)


def draw_curve(ranking: Sequence[Standing], entrants: Sequence[Entrant], path: Path) -> None:
    """Saves the champion's rating over the minutes of its training, beside those of scripts."""
    from matplotlib import pyplot as plt  # noqa: PLC0415 - after the backend is chosen

    background, text, quiet, bright = "#12100E", "#ECECEC", "#A8A29E", "#F2C14E"
    by_name = {one.name: one.identity for one in entrants}
    ratings = {standing.name: standing.by_points for standing in ranking}
    curve = read_metrics(catalog.home(CHAMPION))
    stages = [(steps, ratings[by_name[f"{CHAMPION}@{steps}"]]) for steps in catalog.stages(CHAMPION)]
    points = [*stages, (curve[-1]["steps"], ratings[by_name[CHAMPION]])]
    minutes = [min(curve, key=lambda line: abs(line["steps"] - steps))["seconds"] / 60 for steps, _ in points]
    figure, axes = plt.subplots(figsize=(8, 4.2), facecolor=background, layout="constrained")
    axes.set_facecolor(background)
    lows, values, highs = zip(*((rating.low, rating.value, rating.high) for _, rating in points), strict=True)
    axes.fill_between(minutes, lows, highs, color=bright, alpha=0.18, linewidth=0)
    axes.plot(minutes, values, color=bright, linewidth=2, marker="o", markersize=4)
    lowest_free = -math.inf
    for value, name in sorted((ratings[by_name[name]].value, name) for name in BESIDE):
        axes.axhline(value, color=quiet, linewidth=0.8, linestyle=(0, (2, 4)))
        place = max(value, lowest_free)
        axes.annotate(name, (1.005, place), xycoords=("axes fraction", "data"), color=quiet, fontsize=9, va="center")
        lowest_free = place + LABEL_HEIGHT
    axes.set_xlabel("minutes with the coach", color=text)
    axes.set_ylabel("rating", color=text)
    axes.set_xlim(0, None)
    axes.tick_params(colors=text)
    for spine in axes.spines.values():
        spine.set_color("#3A342E")
    figure.savefig(path, dpi=110)


if __name__ == "__main__":
    main()
