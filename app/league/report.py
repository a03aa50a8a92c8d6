"""A league's results as a table, as JSON, and as a picture of who beats whom."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from rich.table import Table
from rich.text import Text

from app.league.entrants import Entrant
from app.league.games import Result
from app.league.ratings import Games, Rating, Standing
from models.drawing import picture_format, plain_matplotlib, write_picture
from models.errors import one_line

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def table(standings: Sequence[Standing], names: dict[str, str]) -> Table:
    """The table for a terminal. `names` are the names to show, by identity."""
    shown = Table(box=None, pad_edge=False)
    for heading in ("", "player", "rating by points", "rating by games", "points", "games won"):
        shown.add_column(heading, justify="left" if heading == "player" else "right")
    for place, standing in enumerate(standings, 1):
        won, lost = standing.points
        shown.add_row(
            str(place),
            Text(one_line(names[standing.name])),  # As Text, because a folder's name must not be read as markup.
            _rating(standing.by_points),
            _rating(standing.by_games),
            f"{won} : {lost}  {share(won, lost):4.0%}",
            "{} of {}".format(*standing.games),
        )
    return shown


def _rating(rating: Rating) -> str:
    return f"{rating.value:.0f} ({rating.low:.0f} to {rating.high:.0f})"


def share(won: int, lost: int) -> float:
    """The share of the points won; a half if there were none."""
    return won / (won + lost) if won + lost else 0.5


def as_json(
    standings: Sequence[Standing], entrants: Sequence[Entrant], results: Sequence[Result], *, games: int, seed: int
) -> dict[str, Any]:
    """The league as builtin types: the table, and the result of every pair."""
    names = {entrant.identity: entrant.name for entrant in entrants}
    points = Games.of(list(names), results).points_won
    order = [list(names).index(standing.name) for standing in standings]
    return {
        "games_per_pair": games,
        "seed": seed,
        "unfinished": sum(not result.finished for result in results),
        "players": [
            {
                "name": names[standing.name],
                "rating_by_points": standing.by_points._asdict(),
                "rating_by_games": standing.by_games._asdict(),
                "points_won": standing.points[0],
                "points_lost": standing.points[1],
                "games_won": standing.games[0],
                "games_played": standing.games[1],
            }
            for standing in standings
        ],
        "points": {
            names[standings[row].name]: {
                names[standings[column].name]: [int(points[i, j]), int(points[j, i])]
                for column, j in enumerate(order)
                if column != row
            }
            for row, i in enumerate(order)
        },
    }


def draw(standings: Sequence[Standing], names: dict[str, str], results: Sequence[Result], path: Path) -> None:
    """Saves a picture of who beats whom: for each pair, the share of the points that the row's player won.

    `UserError` if the file cannot be written, or its name does not say a format.
    """
    kind, picture = picture_format(path), io.BytesIO()
    with plain_matplotlib():
        figure = _figure(_shares(standings, results), [names[standing.name] for standing in standings])
        figure.savefig(picture, format=kind, dpi=110)
    write_picture(path, picture.getvalue())


def _figure(shares: NDArray[np.float64], names: Sequence[str]) -> Figure:
    """A table of `shares`, in colours."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415 - matplotlib takes a second
    from matplotlib.colors import LinearSegmentedColormap  # noqa: PLC0415
    from matplotlib.figure import Figure  # noqa: PLC0415

    count = len(names)
    figure = Figure(figsize=(2.6 + 0.62 * count, 1.9 + 0.5 * count), layout="constrained", facecolor=_BACKGROUND)
    FigureCanvasAgg(figure)
    axes = figure.add_subplot(facecolor=_BACKGROUND)
    colours = LinearSegmentedColormap.from_list("points", [_LESS, _EVEN, _MORE]).with_extremes(bad=_BACKGROUND)
    axes.imshow(np.ma.masked_invalid(shares), cmap=colours, vmin=0, vmax=1, aspect="auto")
    axes.set_xticks(range(count), names, rotation=45, ha="left", color=_TEXT)
    axes.set_yticks(range(count), names, color=_TEXT)
    axes.xaxis.tick_top()
    axes.tick_params(length=0)
    for row, column in np.argwhere(~np.isnan(shares)):
        value = shares[row, column]
        axes.text(column, row, f"{value:.0%}", ha="center", va="center", color=_TEXT, fontsize=9)
    for spine in axes.spines.values():
        spine.set_visible(False)
    axes.set_title("Share of the points that each row wins from each column", color=_TEXT, fontsize=11, pad=14)
    return figure


_BACKGROUND, _TEXT = "#12100E", "#ECECEC"
_LESS, _EVEN, _MORE = "#A8501F", "#3A342E", "#2F6DAF"


def _shares(standings: Sequence[Standing], results: Sequence[Result]) -> NDArray[np.float64]:
    """`[P, P]`, in the order of the table; NaN where nobody played."""
    points = Games.of([standing.name for standing in standings], results).points_won
    total = points + points.T
    return np.divide(points, total, out=np.full_like(points, np.nan), where=total > 0)
