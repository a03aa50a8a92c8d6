"""The commands about strength: `league` and `rating`."""

from __future__ import annotations

import json
from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from app.command.arguments import INTERRUPTED, add_command, count, seed
from app.command.download import local_directory
from app.command.output import say, show
from models.errors import UserError
from models.machine import cores

if TYPE_CHECKING:
    from collections.abc import Sequence

    from app.command.arguments import Subparsers
    from app.league.entrants import Entrant
    from app.league.games import Fixture, Result, ResultsFile

ANCHOR = "casual"
"""The script whose rating is 1000, if it takes part."""


def add_parsers(subparsers: Subparsers) -> None:
    """Adds `league` and `rating`."""
    league = add_command(
        subparsers,
        "league",
        purpose="play everybody against everybody on the court for two, and rate them",
        example="volley league champion ppo reinforce tracker cpu --games 4\n"
        "  volley league ppo ppo:greedy ppo:230ms casual --picture league.png",
    )
    league.add_argument(
        "players",
        nargs="+",
        metavar="MODEL",
        help="a model, also as MODEL:greedy, MODEL:230ms (its reaction time) or MODEL:6rows (how far it misjudges "
        "balls); a level, such as Rookie; a script: tracker, casual, beginner, predictor, edger, lunger, still; or "
        "cpu, the Atari CPU",
    )
    league.add_argument(
        "--games", type=count, default=10, metavar="N", help="games for each pair, half on either side (default: 10)"
    )
    league.add_argument("--seed", type=seed, default=0, metavar="N", help="seed of each pair's first game (default: 0)")
    league.add_argument(
        "--results", type=Path, metavar="FILE", help="where results are kept; games in it are not played again"
    )
    league.add_argument("--picture", type=Path, metavar="FILE", help="save a picture of who beats whom: .png or .svg")
    league.add_argument("--json", action="store_true", help="print one JSON object")
    league.set_defaults(run=_league)
    rating = add_command(
        subparsers,
        "rating",
        purpose="print your own rating, from your matches on this machine",
        example="volley rating --json",
    )
    rating.add_argument("--json", action="store_true", help="print one JSON object")
    rating.set_defaults(run=_rating)


def _rating(arguments: Namespace) -> int:
    from app.game.levels import LEVELS, nearest
    from app.game.rating import History, rate
    from app.settings import FIRST_OPPONENT

    rating = rate(History().load())
    first = next(level for level in LEVELS if level.player == FIRST_OPPONENT)
    opponent = first if rating is None else LEVELS[nearest(rating.value)]
    if arguments.json:
        value, low, high = (None, None, None) if rating is None else rating[:3]
        matches = 0 if rating is None else rating.matches
        figures = {"rating": value, "low": low, "high": high, "matches": matches, "fair_opponent": opponent.name}
        print(json.dumps(figures))
        return 0
    if rating is None:
        say(f"no rated match yet; a good first opponent: {opponent.name} ({opponent.rating:.0f})")
        return 0
    say(f"your rating: {rating.text} (95% {rating.low:.0f} to {rating.high:.0f}), from {rating.from_matches}")
    say(f"a fair opponent: {opponent.name} ({opponent.rating:.0f})")
    return 0


def _league(arguments: Namespace) -> int:
    from app.league.entrants import entrant
    from app.league.games import ResultsFile, schedule
    from app.league.ratings import standings
    from app.league.report import as_json, draw, table
    from models.drawing import picture_format

    names = list(dict.fromkeys(arguments.players))
    if len(names) < 2:
        raise UserError("a league needs at least two players; for example: volley league ppo tracker")
    if arguments.picture is not None:
        picture_format(arguments.picture)  # so as to fail before the games, not after them
    for name in names:
        _download(name)
    entrants = [entrant(name) for name in names]
    fixtures = schedule(entrants, arguments.games, arguments.seed)
    file = ResultsFile(arguments.results)
    results = file.load(fixtures)
    try:
        _play_the_rest(entrants, file, results, fixtures)
    except KeyboardInterrupt:
        say(f"stopped after {len(results)} of {len(fixtures)} games; the same command goes on from there")
        return INTERRUPTED
    shown = {entrant.identity: entrant.name for entrant in entrants}
    anchor = next((identity for identity, name in shown.items() if name == ANCHOR), None)
    ranking = standings(list(shown), results, anchor=anchor)
    if arguments.json:
        print(json.dumps(as_json(ranking, entrants, results, games=arguments.games, seed=arguments.seed)))
    else:
        show(table(ranking, shown))
        unfinished = sum(not result.finished for result in results)
        say(f"{arguments.games} games a pair, seeds from {arguments.seed}, no sticky actions; {unfinished} unfinished")
    if arguments.picture is not None:
        draw(ranking, shown, results, arguments.picture)
    if arguments.picture is not None and not arguments.json:
        say(f"saved: {arguments.picture}")
    return 0


def _download(name: str) -> None:
    """Downloads the model of that name, if it is one on the Hub that is not here yet."""
    from models import catalog

    model = name.split(":", 1)[0]
    if catalog.missing_download(model) is not None:
        local_directory(model)


def _play_the_rest(
    entrants: Sequence[Entrant], file: ResultsFile, results: list[Result], fixtures: Sequence[Fixture]
) -> None:
    """Plays the games that have no result yet, with a progress bar on a terminal, and adds their results."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from app.league.games import play_all

    played = {result.fixture for result in results}
    console = Console(stderr=True)
    columns = (TextColumn("games"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), TextColumn("left"))
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task("", total=len(fixtures), completed=len(played))
        for result in play_all([fixture for fixture in fixtures if fixture not in played], entrants, cores()):
            file.add(result)
            results.append(result)
            bar.advance(task)
