"""REINFORCE in the aliased gridworld: `python benchmarks/gridworld.py [PICTURE]`.

Trains with several seeds, prints one JSON object with exact policy values, and draws these beside what was learned, by
default in docs/gridworld.png.
"""

from __future__ import annotations

import argparse
import json
import statistics
from pathlib import Path

import matplotlib as mpl
import numpy as np
import torch
from matplotlib import font_manager
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.patches import FancyArrow, Rectangle
from numpy.typing import NDArray

from training import gridworld
from training.gridworld import ALIASED, CELLS, GAMMA, GRID, MOVES, SEEN
from training.lessons.chance import EPSILON, STEPS, learning

SEEDS = 5
ROOT = Path(__file__).resolve().parents[1]
GROUND, PANEL, HAIRLINE, TEXT, QUIET = "#12100E", "#1C1917", "#3A342E", "#ECECEC", "#A8A29E"
BLUE, VERMILION, GOLD = "#4C9BE8", "#E8743B", "#F2C14E"


def learned_policy(seed: int) -> NDArray[np.float64]:
    """The probabilities that REINFORCE learns for each of `OBSERVATIONS`, `[4, 4]`."""
    *_, (policy, _) = learning(seed)
    return policy


def draw_grid(axes: Axes, policy: NDArray[np.float64]) -> None:
    """Draws the cells, with an arrow for every move, the longer the more probable."""
    for row, signs in enumerate(GRID):
        for column, sign in enumerate(signs):
            if sign != "#":
                draw_cell(axes, column, row, sign)
    for place, (row, column) in enumerate(CELLS):
        for probability, (down, right) in zip(policy[SEEN[place]], MOVES, strict=True):
            if probability > 0.1:  # the rest is exploration, with arrows too short to read
                draw_move(axes, (column, row), (right, down), probability)
    axes.set_xlim(-0.56, len(GRID[0]) - 0.44)
    axes.set_ylim(len(GRID) - 0.44, -0.56)
    axes.set_aspect("equal", anchor="N")
    axes.axis("off")


def draw_cell(axes: Axes, column: int, row: int, sign: str) -> None:
    """Draws one cell and what it holds."""
    aliased = (row, column) in CELLS and SEEN[CELLS.index((row, column))] == ALIASED
    ground = "#2B2723" if aliased else PANEL
    axes.add_patch(Rectangle((column - 0.5, row - 0.5), 1, 1, facecolor=ground, edgecolor=HAIRLINE, linewidth=1.5))
    if sign == ".":
        return
    colour, name, reward = (GOLD, "treasure", "+1") if sign == "+" else (VERMILION, "trap", "\N{MINUS SIGN}1")
    axes.text(column, row - 0.05, reward, color=colour, fontsize=22, weight="semibold", ha="center", va="center")
    axes.text(column, row + 0.28, name, color=QUIET, fontsize=12, ha="center", va="center")


def draw_move(axes: Axes, start: tuple[int, int], move: tuple[int, int], probability: float) -> None:
    """Draws one arrow from a cell's middle."""
    (column, row), (right, down) = start, move
    length = 0.12 + 0.26 * probability
    axes.add_patch(
        FancyArrow(
            column + 0.05 * right,
            row + 0.05 * down,
            length * right,
            length * down,
            width=0.075,
            head_width=0.2,
            head_length=0.12,
            length_includes_head=True,
            color=BLUE,
            linewidth=0,
        )
    )
    # Beside the arrow, on the side without another one.
    away = (column + 0.24 * right, row - 0.2) if right else (column + 0.16, row + 0.24 * down)
    axes.text(*away, f"{probability:.0%}", color=TEXT, fontsize=13, ha="center" if right else "left", va="center")


def draw_values(axes: Axes, bars: dict[str, float], learned: list[float]) -> None:
    """Draws a bar for each policy's value, worst at the top, and a dot for each seed."""
    colours = [QUIET, QUIET, BLUE, GOLD]
    places = np.arange(len(bars))
    axes.barh(places, list(bars.values()), height=0.56, color=colours)
    axes.scatter(learned, np.linspace(1.8, 2.2, len(learned)), s=14, color=TEXT, edgecolor=GROUND, zorder=3)
    for place, value in enumerate(bars.values()):
        axes.text(value + 0.015, place, f"{value:.3f}", color=TEXT, fontsize=14, va="center")
    axes.set_yticks(places, list(bars), color=TEXT, fontsize=13)
    axes.set_xlim(0, 0.9)
    axes.set_xticks([0, 0.2, 0.4, 0.6, 0.8])
    axes.tick_params(length=0, colors=QUIET, labelsize=12)
    axes.tick_params(axis="y", labelcolor=TEXT, labelsize=13)
    axes.grid(axis="x", color=HAIRLINE, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[:].set_visible(False)
    axes.invert_yaxis()
    axes.set_xlabel(f"exact value of an episode (discount {GAMMA})", color=QUIET, fontsize=12)


def draw(picture: Path, policy: NDArray[np.float64], bars: dict[str, float], learned: list[float]) -> None:
    """Draws the figure to a file."""
    for font in (ROOT / "app" / "ui" / "fonts").glob("IBMPlexSans-*.ttf"):
        font_manager.fontManager.addfont(font)
    mpl.rcParams["font.family"] = "IBM Plex Sans"
    figure, (left, right) = plt.subplots(
        1, 2, figsize=(14, 4.4), facecolor=GROUND, gridspec_kw={"width_ratios": (1.75, 1)}
    )
    for axes, title in ((left, "What REINFORCE learned"), (right, "What each policy is worth")):
        axes.set_facecolor(GROUND)
        axes.set_title(title, color=TEXT, fontsize=18, weight="semibold", loc="left", pad=12)
    draw_grid(left, policy)
    draw_values(right, bars, learned)
    left.text(
        2,
        1.8,
        "The two lighter cells look alike: walls above and below. Only chance leads out of both.",
        color=QUIET,
        fontsize=13,
        ha="center",
        va="center",
    )
    figure.tight_layout(pad=1.6, w_pad=3)
    figure.savefig(picture, dpi=120, facecolor=GROUND)
    plt.close(figure)


def main() -> None:
    """Trains, prints and draws."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("picture", nargs="?", type=Path, default=ROOT / "docs" / "gridworld.png", metavar="FILE")
    picture = parser.parse_args().picture
    torch.set_num_threads(1)
    policies = [learned_policy(seed) for seed in range(1, SEEDS + 1)]
    learned = [gridworld.mean_value(policy) for policy in policies]
    bars = {
        "best\ndeterministic": gridworld.mean_value(gridworld.best_epsilon_greedy(0.0)),
        f"best epsilon-greedy\n(epsilon {EPSILON})": (gridworld.mean_value(gridworld.best_epsilon_greedy(EPSILON))),
        f"REINFORCE\n({SEEDS} seeds)": statistics.mean(learned),
        "best\nstochastic": gridworld.mean_value(gridworld.random_where_aliased()),
    }
    mean_policy = np.mean(policies, axis=0)
    draw(picture, mean_policy, bars, learned)
    print(
        json.dumps(
            {
                "values": {" ".join(name.split()): round(value, 4) for name, value in bars.items()},
                "learned": [round(value, 4) for value in learned],
                "policy": mean_policy.round(3).tolist(),
                "steps": STEPS,
            }
        )
    )


if __name__ == "__main__":
    main()
