"""Optimal execution, learned: `python benchmarks/execution.py [--folder DIR] [--write]`.

Trains PPO, REINFORCE and the cross-entropy method for five risk aversions, with the defaults of `volley train ALGO
--env NAME` and several seeds, and PPO by the course's reward. Then each final policy sells, greedily, and its mean
utility is compared with the least there is: mean (lowest to highest) over the seeds. Ends with one JSON object;
`--write` puts it in benchmarks/results/execution.json, and draws docs/execution.png. Trainings that are finished are
not repeated.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import gymnasium
import numpy as np
import torch
from msgspec.structs import replace
from numpy.typing import NDArray
from reuse import reused

from models import checkpoint
from models.drawing import plain_matplotlib
from models.run_directory import NEWEST_FOLDER
from training import execution
from training.execution import NAMES, SHARES, TRADES, OptimalExecution, Shortfall
from training.lessons.sale import trades_of
from training.loop import Display, train
from training.plot import BACKGROUND, COLOURS, GRID, PANEL, QUIET, TEXT
from training.presets import training_settings

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ALGORITHMS = {"ppo": "PPO", "reinforce": "REINFORCE", "cross-entropy": "cross-entropy"}
SEEDS = (0, 1, 2)
COURSE = "volley/OptimalExecution-course-v0"
"""With the course's reward; registered here only."""
RISK_AVERSION = 1e-6
"""The course's."""
SALES, FIRST_SALE = 20, 1000
"""How many sales a policy is measured in, and the first one's seed, which is not used in training."""
CONSTANT_SHARES = (0.1, 0.2, 0.5, 0.9, 0.99)
"""Of what is left, sold each time: policies to compare the course's reward with the utility."""
ROOT = Path(__file__).parent
RESULTS, PICTURE = ROOT / "results" / "execution.json", ROOT.parent / "docs" / "execution.png"


class Learned(NamedTuple):
    """What a training came to."""

    trades: NDArray[np.float64]
    """`[SALES, N]`: the shares sold."""
    steps: int

    @property
    def shortfall(self) -> Shortfall:
        """The means of E and of V over the sales, so that its utility is the mean utility."""
        mean, variance = np.mean([execution.shortfall(trades) for trades in self.trades], axis=0)
        return Shortfall(float(mean), float(variance))


def learned(folder: Path, algorithm: str, environment: str, seed: int) -> Learned:
    """Finishes the training if necessary, and lets its final policy sell."""
    path = folder / f"{algorithm}-{environment.removeprefix('volley/')}-{seed}"
    settings = training_settings(algorithm, execution.NAME if environment == COURSE else environment)
    model = replace(settings.model, environment=environment)
    run = reused(path, replace(settings, model=model, seed=seed))
    progress = train(run, Display())
    trades = [sale(run.path / NEWEST_FOLDER, FIRST_SALE + number) for number in range(SALES)]
    print(f"{path.name}: {progress.steps:,} steps, {progress.seconds:.0f} s", file=sys.stderr)
    return Learned(np.array(trades), progress.steps)


def sale(model: Path, seed: int) -> NDArray[np.float64]:
    """The shares that a model's deterministic policy sells in each trade, `[N]`."""
    spec, network = checkpoint.load_policy(model)
    return trades_of(network, spec, gymnasium.make(spec.environment), seed=seed)


def constant_share(share: float) -> NDArray[np.float64]:
    """The trades, `[N]`, that each sell this share of what is left; the last sells all."""
    left = SHARES * (1 - share) ** np.arange(TRADES)
    return -np.diff(left, append=0.0)


def course_return(trades: NDArray[np.float64]) -> float:
    """The sum of the course's rewards for these trades, `[N]`."""
    environment = OptimalExecution(RISK_AVERSION, course_reward=True)
    environment.reset()
    total = 0.0
    for sold, left in zip(trades, execution.shares_left(trades), strict=True):
        _, reward, ended, _, _ = environment.step(np.array([sold / (sold + left)]))
        total += reward
        if ended:
            break
    return total


def figures(sold: Shortfall, risk_aversion: float) -> dict[str, float]:
    """A shortfall in whole dollars, and its utility, also in percent above the least there is."""
    least = execution.optimal_shortfall(risk_aversion).utility(risk_aversion)
    utility = sold.utility(risk_aversion)
    return {
        "mean": round(sold.mean),
        "deviation": round(sold.deviation),
        "utility": round(utility),
        "percent above the least": round(100 * (utility / least - 1), 2),
    }


def compare(folder: Path) -> tuple[dict[str, Any], dict[str, dict[float, list[Learned]]]]:
    """Trains for each risk aversion, and prints a row for each; returns the figures and what was learned."""
    found: dict[str, dict[float, list[Learned]]] = {algorithm: {} for algorithm in ALGORITHMS}
    results: dict[str, Any] = {}
    table = [f"{'lambda':<8}{'least utility':>14}" + "".join(f"{name:>34}" for name in ALGORITHMS.values())]
    print(table[0])
    for risk_aversion, environment in NAMES.items():
        optimum = execution.optimal_shortfall(risk_aversion)
        rows: dict[str, Any] = {"optimum": figures(optimum, risk_aversion)}
        line = f"{risk_aversion:<8g}{optimum.utility(risk_aversion):>14,.0f}"
        for algorithm in ALGORITHMS:
            seeds = [learned(folder, algorithm, environment, seed) for seed in SEEDS]
            found[algorithm][risk_aversion] = seeds
            rows[algorithm] = [figures(each.shortfall, risk_aversion) | {"steps": each.steps} for each in seeds]
            line += f"{spread([row['percent above the least'] for row in rows[algorithm]]):>34}"
        results[environment] = rows
        table.append(line)
        print(line, flush=True)
    return {"table": table} | results, found


def spread(percentages: Sequence[float]) -> str:
    """Mean (lowest to highest)."""
    return f"+{statistics.mean(percentages):.2f}% ({min(percentages):.2f} to {max(percentages):.2f})"


def judge_course_reward(trained: Learned) -> dict[str, Any]:
    """Prints the course's return and the utility of several ways to sell; returns them by name."""
    ways = {"the optimum": execution.optimal_trades(RISK_AVERSION)}
    ways |= {f"{share:.0%} of what is left": constant_share(share) for share in CONSTANT_SHARES}
    ways |= {"equal lots": np.full(TRADES, SHARES / TRADES), "all at once": np.append(SHARES, np.zeros(TRADES - 1))}
    ways["PPO, the course's reward"] = trained.trades[0]
    results: dict[str, Any] = {}
    print(f"\n{'':<28}{'course return':>14}{'utility':>12}")
    for name, trades in ways.items():
        row = {"course return": round(course_return(trades), 2)}
        row |= figures(execution.shortfall(trades), RISK_AVERSION)
        results[name] = row
        print(f"{name:<28}{row['course return']:>14.2f}{row['utility']:>12,.0f}")
    return results


def draw(found: dict[str, dict[float, list[Learned]]], course: Learned) -> None:
    """Saves the efficient frontier with all that was learned, and the shares left over the days."""
    with plain_matplotlib():
        from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415 - within plain settings
        from matplotlib.figure import Figure  # noqa: PLC0415

        figure = Figure(figsize=(11, 4.6), facecolor=BACKGROUND, layout="constrained")
        FigureCanvasAgg(figure)
        left, right = figure.subplots(1, 2)
        draw_frontier(left, found)
        draw_sales(right, {ALGORITHMS[name]: rows[RISK_AVERSION][0] for name, rows in found.items()}, course)
        for axes in (left, right):
            axes.set_facecolor(PANEL)
            axes.spines[:].set_visible(False)
            axes.grid(color=GRID, linewidth=0.8)
            axes.set_axisbelow(True)
            axes.tick_params(colors=QUIET, length=0, labelsize=9.5)
            axes.legend(frameon=False, labelcolor=TEXT, fontsize=9.5)
        figure.savefig(PICTURE, dpi=150)


def draw_frontier(axes: Axes, found: dict[str, dict[float, list[Learned]]]) -> None:
    """Draws expected cost over its deviation: of the optimum for all risk aversions, and of each learned policy."""
    optima = [execution.optimal_shortfall(risk_aversion) for risk_aversion in np.geomspace(3e-8, 1e-4, 100)]
    axes.plot(*in_millions(optima), color=TEXT, linewidth=1.4, label="efficient frontier")
    for (algorithm, rows), colour, marker in zip(found.items(), COLOURS, "osD", strict=False):
        points = [each.shortfall for seeds in rows.values() for each in seeds]
        label = ALGORITHMS[algorithm]
        axes.scatter(*in_millions(points), s=26, color=colour, marker=marker, alpha=0.8, label=label, zorder=3)
    chosen = in_millions([execution.optimal_shortfall(risk_aversion) for risk_aversion in NAMES])
    axes.scatter(*chosen, s=90, facecolor="none", edgecolor=TEXT, linewidth=1, label="the best trades", zorder=2)
    for risk_aversion, across, up in zip(NAMES, *chosen, strict=True):
        axes.annotate(lambda_is(risk_aversion), (across, up), (8, 8), textcoords="offset points", color=QUIET)
    axes.set_xlim(0, 1.45)
    axes.set_ylim(0, 1.5)
    axes.set_title("What each policy costs", loc="left", color=TEXT, fontsize=12, fontweight="bold")
    axes.set_xlabel("standard deviation, million dollars", color=QUIET)
    axes.set_ylabel("expected cost, million dollars", color=QUIET)


def lambda_is(risk_aversion: float) -> str:
    """The risk aversion as a label."""
    return f"\N{GREEK SMALL LETTER LAMDA} = {risk_aversion:.0e}".replace("e-0", "e\N{MINUS SIGN}")


def in_millions(shortfalls: Sequence[Shortfall]) -> tuple[list[float], list[float]]:
    """Deviations and means, in millions of dollars."""
    return [each.deviation / 1e6 for each in shortfalls], [each.mean / 1e6 for each in shortfalls]


def draw_sales(axes: Axes, sales: dict[str, Learned], course: Learned) -> None:
    """Draws the shares left after each day: in the best way, and as the first seeds' policies sell."""
    days = np.arange(TRADES + 1)
    optimum = np.append(SHARES, execution.shares_left(execution.optimal_trades(RISK_AVERSION)))
    axes.plot(days, optimum / SHARES, color=TEXT, linewidth=1.4, label="optimum")
    ways = sales | {"PPO, the course's reward": course}
    for (name, each), colour in zip(ways.items(), COLOURS[:3] + COLOURS[4:], strict=True):
        left = np.append(SHARES, execution.shares_left(each.trades[0]))
        axes.plot(days, left / SHARES, color=colour, linewidth=1.4, linestyle="dashed", label=name)
    axes.set_xlim(0, 30)
    title = f"How they sell ({lambda_is(RISK_AVERSION)})"
    axes.set_title(title, loc="left", color=TEXT, fontsize=12, fontweight="bold")
    axes.set_xlabel("days", color=QUIET)
    axes.set_ylabel("shares left, millions", color=QUIET)


def main() -> None:
    """Trains, measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--folder", type=Path, default=Path("runs/execution"), help="where the runs go (default: %(default)s)"
    )
    parser.add_argument("--write", action="store_true", help="write the figures and the picture")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    execution.register()
    gymnasium.register(COURSE, entry_point="training.execution:OptimalExecution", kwargs={"course_reward": True})
    results, found = compare(arguments.folder)
    course = learned(arguments.folder, "ppo", COURSE, seed=0)
    written = json.dumps({"policies": results, "the course's reward": judge_course_reward(course)}, indent=1)
    print(written)
    if arguments.write:
        RESULTS.write_text(written + "\n")
        draw(found, course)


if __name__ == "__main__":
    main()
