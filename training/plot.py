"""Learning curves of trainings: read, averaged over seeds, and drawn in the terminal or as a picture."""

from __future__ import annotations

import csv
import io
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray
from rich.text import Text

from models import catalog
from models.errors import UserError, one_line
from models.files import CONFIG_FILE, atomic_write

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D
    from matplotlib.text import Annotation
    from matplotlib.transforms import Bbox

Axis: TypeAlias = Literal["steps", "minutes"]
"""What a curve runs over: agent steps, or minutes of training."""
AXES: tuple[Axis, ...] = ("steps", "minutes")
AXIS_LABELS: dict[Axis, str] = {"steps": "agent steps", "minutes": "minutes of training"}
METRIC_LABELS = {
    "mean_return": "mean return of the last 100 training games",
    "mean_length": "mean length of the last 100 training games, in agent steps",
    "evaluation_return": "mean return of 20 evaluation games",
    "entropy": "entropy of the policy, in nats",
    "kl": "KL divergence of an update, in nats",
    "steps_per_second": "agent steps per second",
}
"""Others are called by their names."""
METRICS_FILE, CURVE_FILE = "metrics.jsonl", "learning_curve.csv"
PONG, MOST_RETURN = "ALE/Pong-v5", 21
"""The environment, and the return of a game won to nothing."""
MOST_CHANGES = 3
"""Settings that a label tells; where more differ, it tells the run's name."""

BACKGROUND, PANEL, GRID, TEXT, QUIET = "#12100E", "#1C1917", "#3A342E", "#ECECEC", "#A8A29E"
COLOURS = ("#4C9BE8", "#F2C14E", "#D986C2", "#ECECEC", "#E8743B")
"""Of curves, in order: told apart with any colour blindness, and as text at least 4.5 : 1 on the dark ground. Once all
are used, they come again with other dashes."""
DASHES = ("solid", "dashed", "dotted")
SUFFIXES = (".png", ".svg")
PICTURE_SIZE = (8.0, 4.0)
LEGEND_LINE = 0.22
"""Inches of 100 pixels; a PNG has twice as many. Each line of a legend makes a picture higher."""

CHART_ROWS, CHART_WIDTH = 6, 72
"""Of a curve in the terminal, in characters; the width is the most there may be."""
DOTS = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))
"""The bits of a braille character: for each of its two columns, from above."""

Floats: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True)
class Line:
    """What was logged after an update."""

    steps: float
    """Agent steps so far."""
    seconds: float
    """Of training so far."""
    metrics: dict[str, float | None]
    """By name; None where there was nothing to measure yet."""


@dataclass(frozen=True)
class Run:
    """A training that was logged."""

    name: str
    """What the user called it."""
    algorithm: str
    environment: str
    settings: dict[str, object] | None
    """But for the seed, by dotted names; None for a model without them."""
    seed: int | None
    lines: tuple[Line, ...]


@dataclass(frozen=True)
class Series:
    """A curve over one axis; each is `[P]`."""

    at: Floats
    """Agent steps or minutes."""
    mean: Floats
    low: Floats
    high: Floats
    """The lowest and the highest of all seeds."""


@dataclass(frozen=True)
class Curve:
    """What is drawn as one: a run, or several that differ in their seeds."""

    label: str
    runs: tuple[Run, ...]
    series: dict[Axis, Series]

    @property
    def title(self) -> str:
        """The label, and how many seeds it is of."""
        seeds = len(self.runs)
        return self.label if seeds == 1 else f"{self.label} ({seeds} seeds)"


def read_run(name: str) -> Run:
    """The run, or the model with its learning curve, that the user named; `UserError` where it has none."""
    path = Path(name).expanduser()
    running = name not in catalog.bundled_names() and ((path / METRICS_FILE).is_file() or catalog.is_run(path))
    directory = path if running else catalog.home(name)
    try:
        config = msgspec.json.decode((directory / CONFIG_FILE).read_bytes(), type=dict[str, Any])
        # A run's settings hold those of its model; a model's config.json is those alone.
        model: dict[str, str] = {key: config.get("model", config)[key] for key in ("algorithm", "environment")}
    except OSError as error:
        raise UserError(f"{name} is not a run of 'volley train': {error.strerror}: {CONFIG_FILE}") from error
    except (msgspec.DecodeError, UnicodeDecodeError, KeyError, TypeError) as error:
        raise UserError(f"{name}: its {CONFIG_FILE} is neither a run's nor a model's: {one_line(error)}") from error
    seed = config.pop("seed", None)
    lines = tuple(_read_metrics(directory / METRICS_FILE) or _read_curve(directory / CURVE_FILE))
    if not lines:
        raise UserError(f"{name} has no learning curve yet: there is no line in its {METRICS_FILE} or {CURVE_FILE}")
    settings = dict(_flat(config)) if "model" in config else None
    return Run(name, model["algorithm"], model["environment"], settings, seed, lines)


def _read_metrics(file: Path) -> list[Line]:
    """The lines of a run's metrics; those that are none, such as one half written, are passed over."""
    found = []
    with suppress(OSError):
        for text in file.read_bytes().splitlines():
            with suppress(msgspec.DecodeError, ValueError):
                found.append(_line(msgspec.json.decode(text, type=dict[str, float | None])))
    return found


def _read_curve(file: Path) -> list[Line]:
    """The same from a model's learning curve."""
    found = []
    with suppress(OSError, csv.Error), file.open(errors="replace", newline="") as stream:
        for row in csv.DictReader(stream):
            with suppress(ValueError, TypeError):
                found.append(_line({name: float(number) for name, number in row.items()}))
    return found


def _line(numbers: Mapping[str, float | None]) -> Line:
    """The numbers as a line; `ValueError` where they are none."""
    finite = {name: number if number is None or math.isfinite(number) else None for name, number in numbers.items()}
    steps, seconds = finite.pop("steps", None), finite.pop("seconds", None)
    if steps is None or seconds is None:
        raise ValueError("a line needs steps and seconds")
    return Line(steps, seconds, finite)


def _flat(settings: Mapping[str, object], prefix: str = "") -> Iterator[tuple[str, object]]:
    """Settings within settings, as pairs of dotted name and value."""
    for name, value in settings.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield prefix + name, value


def curves_of(runs: Sequence[Run], metric: str) -> list[Curve]:
    """What to draw, in the order of `runs`; `UserError` where one has no such metric."""
    groups: list[list[Run]] = []
    for run in runs:
        group = next((group for group in groups if _belongs(run, group)), None)
        if group is None:
            groups.append([run])
        else:
            group.append(run)
    labels = _labels([group[0] for group in groups])
    return [
        Curve(label, tuple(group), {axis: average([points(run, metric, axis) for run in group]) for axis in AXES})
        for label, group in zip(labels, groups, strict=True)
    ]


def _belongs(run: Run, group: Sequence[Run]) -> bool:
    """Whether `run` is one more seed of what `group` did; a seed that is there already makes a curve of its own."""
    alike = run.settings is not None and run.settings == group[0].settings
    return alike and run.seed not in [other.seed for other in group]


def points(run: Run, metric: str, axis: Axis) -> Floats:
    """The run's curve of `metric` over `axis`, `[P, 2]`, in order; `UserError` where it has none."""
    names = dict.fromkeys(name for line in run.lines for name in line.metrics)
    if metric not in names:
        raise UserError(f"{run.name} has no metric {metric!r}; it has: {', '.join(names)}")
    found = [
        (line.steps if axis == "steps" else line.seconds / 60, value)
        for line in run.lines
        if (value := line.metrics.get(metric)) is not None
    ]
    if not found:
        raise UserError(f"{run.name} has no {metric} yet: nothing has been measured")
    return np.array(sorted(found), dtype=np.float64)


def average(curves: Sequence[Floats]) -> Series:
    """The mean and the range of curves `[P, 2]`, each linear between its points, as far as all of them go.

    `UserError` where one ends before another begins.
    """
    begin, end = max(curve[0, 0] for curve in curves), min(curve[-1, 0] for curve in curves)
    if begin > end:
        raise UserError("one of these runs ends before another of the same settings begins: leave it out")
    grid = np.unique(np.concatenate([curve[:, 0] for curve in curves]))
    grid = grid[(grid >= begin) & (grid <= end)]
    values = np.stack([np.interp(grid, curve[:, 0], curve[:, 1]) for curve in curves])
    return Series(grid, values.mean(axis=0), values.min(axis=0), values.max(axis=0))


def _labels(runs: Sequence[Run]) -> list[str]:
    """What to call each run beside the others: its algorithm, and what sets it apart from most of the same."""
    environments = {run.environment for run in runs}
    labels = []
    for run in runs:
        if run.settings is None:
            label = catalog.short_name(run.name)
        else:
            kin = [other.settings for other in runs if other.settings and _kind(other) == _kind(run)]
            changes = _changes(run.settings, kin)
            if len(changes) > MOST_CHANGES:
                changes = [catalog.short_name(run.name)]
            label = ", ".join([run.algorithm, *changes])
        labels.append(label if len(environments) == 1 else f"{label}, {run.environment}")
    return [
        label if labels.count(label) == 1 or label == run.name else f"{label} in {run.name}"
        for label, run in zip(labels, runs, strict=True)
    ]


def _kind(run: Run) -> tuple[str, str]:
    return run.algorithm, run.environment


def _changes(settings: Mapping[str, object], kin: Sequence[Mapping[str, object]]) -> list[str]:
    """The settings that are not as in most of `kin`, in words; the first decides where there is no most."""
    words = []
    for name, value in settings.items():
        usual = Counter(repr(other.get(name)) for other in kin).most_common(1)[0][0]
        if repr(value) != usual:
            words.append(_in_words(name.rpartition(".")[2].replace("_", " "), value))
    return words


def _in_words(setting: str, value: object) -> str:
    if value is None or value is False:
        return f"no {setting}"
    return setting if value is True else f"{setting} {value}"


def summary(curve: Curve) -> dict[str, object]:
    """A curve's figures by name; what is last and highest is of the mean over its seeds."""
    steps, minutes = curve.series["steps"], curve.series["minutes"]
    return {
        "label": curve.label,
        "algorithm": curve.runs[0].algorithm,
        "environment": curve.runs[0].environment,
        "runs": [run.name for run in curve.runs],
        "seeds": [run.seed for run in curve.runs],
        "last": float(steps.mean[-1]),
        "last_lowest": float(steps.low[-1]),
        "last_highest": float(steps.high[-1]),
        "highest": float(steps.mean.max()),
        "steps": int(steps.at[-1]),
        "minutes": float(minutes.at[-1]),
    }


def _measured(curves: Sequence[Curve], metric: str) -> str:
    """What is drawn, in words."""
    words = METRIC_LABELS.get(metric, metric.replace("_", " "))
    if not _of_pong(curves):
        words = words.replace("games", "episodes")
    return f"{words}; line: mean over seeds, band: lowest to highest" if _has_band(curves) else words


def _of_pong(curves: Sequence[Curve]) -> bool:
    return all(run.environment == PONG for curve in curves for run in curve.runs)


def _has_band(curves: Sequence[Curve]) -> bool:
    return any(len(curve.runs) > 1 for curve in curves)


def _limits(curves: Sequence[Curve], metric: str) -> tuple[float, float] | None:
    """The least and the most there can be, where that is known."""
    return (-MOST_RETURN, MOST_RETURN) if metric.endswith("_return") and _of_pong(curves) else None


def in_terminal(curves: Sequence[Curve], metric: str, axis: Axis, *, width: int, braille: bool = True) -> Text:
    """The curves below each other on the same scales, at most `width` characters wide, each above its figures.

    Without `braille`, which not every terminal can write, the figures alone.
    """
    means = np.concatenate([curve.series[axis].mean for curve in curves])
    low, high = _limits(curves, metric) or (float(means.min()), float(means.max()))
    end = max(curve.series[axis].at[-1] for curve in curves)
    ticks = [f"{number:.3g}" for number in (high, low)]
    margin = max(map(len, ticks)) + 1
    columns = min(width, CHART_WIDTH) - margin
    text = Text()
    for place, curve in enumerate(curves):
        colour = COLOURS[place % len(COLOURS)]
        text.append("" if place == 0 else "\n").append(curve.title, f"bold {colour}").append("\n")
        if braille and columns > 10:
            series = curve.series[axis]
            rows = _chart(series.at / (end or 1), (series.mean - low) / ((high - low) or 1), columns)
            for row, tick in zip(rows, [ticks[0], *[""] * (CHART_ROWS - 2), ticks[1]], strict=True):
                text.append(f"{tick:>{margin - 1}} ", QUIET).append(row, colour).append("\n")
            text.append(f"{'':{margin}}0{_amount(end, axis):>{columns - 1}}\n", QUIET)
        text.append(_figures(curve)).append("\n")
    return text


def _figures(curve: Curve) -> str:
    steps, minutes = curve.series["steps"], curve.series["minutes"]
    span = f" ({steps.low[-1]:.4g} to {steps.high[-1]:.4g})" if len(curve.runs) > 1 else ""
    ends = f"{_amount(steps.at[-1], 'steps')}, {_amount(minutes.at[-1], 'minutes')}"
    return f"last {steps.mean[-1]:.4g}{span}, highest {steps.mean.max():.4g}, {ends}"


def _amount(number: float, axis: Axis) -> str:
    """So many steps or minutes, with the unit."""
    return f"{number:.1f} min" if axis == "minutes" else f"{number:,.0f} steps"


def _chart(across: Floats, up: Floats, columns: int) -> list[str]:
    """A line through points, `[P]` shares of width and height, as rows of braille characters, the highest first."""
    wide, high = 2 * columns, 4 * CHART_ROWS
    first, last = (round(float(share) * (wide - 1)) for share in (across[0], across[-1]))
    marks = np.zeros((CHART_ROWS, columns), dtype=np.int64)
    before = round((1 - float(up[0])) * (high - 1))
    for column in range(first, last + 1):
        share = float(np.interp(column / (wide - 1), across, up))
        row = round((1 - share) * (high - 1))
        # From the column before, a line without gaps.
        for dot in range(max(min(row, before), 0), min(max(row, before), high - 1) + 1):
            marks[dot // 4, column // 2] |= DOTS[column % 2][dot % 4]
        before = row
    return ["".join(chr(0x2800 + mark) if mark else " " for mark in row) for row in marks]


def draw(
    curves: Sequence[Curve], metric: str, file: Path, *, axes: Sequence[Axis] = AXES, title: str | None = None
) -> None:
    """Draws the curves, a panel for each of `axes`, into a PNG or SVG; `UserError` where it cannot be written."""
    kind = file.suffix.lower()
    if kind not in SUFFIXES:
        raise UserError(f"cannot draw {file}: give it a name that ends in {' or '.join(SUFFIXES)}")
    # It takes most of a second, and the terminal's curves do without.
    from matplotlib import rc_context  # noqa: PLC0415
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415
    from matplotlib.figure import Figure  # noqa: PLC0415
    from matplotlib.layout_engine import ConstrainedLayoutEngine  # noqa: PLC0415

    # With a fixed salt and without a date, the same curves give the same file.
    with rc_context({"font.size": 10, "svg.hashsalt": "volley"}):
        layout = ConstrainedLayoutEngine(w_pad=0.12, h_pad=0.1, rect=(0, 0, 1, 0.93))
        figure = Figure(figsize=PICTURE_SIZE, dpi=100, facecolor=BACKGROUND, layout=layout)
        FigureCanvasAgg(figure)
        _fill(figure, curves, metric, axes, title or _title(curves))
        picture = io.BytesIO()
        metadata = {"Date": None} if kind == ".svg" else None
        figure.savefig(picture, format=kind[1:], dpi=200, metadata=metadata)
    try:
        atomic_write(file, picture.getvalue())
    except OSError as error:
        raise UserError(f"cannot write {file}: {error.strerror}") from error


def _title(curves: Sequence[Curve]) -> str:
    environments = {run.environment for curve in curves for run in curve.runs}
    whose = curves[0].label if len(curves) == 1 else "Learning curves"
    return f"{whose} on {environments.pop()}" if len(environments) == 1 else whose


def _fill(figure: Figure, curves: Sequence[Curve], metric: str, axes: Sequence[Axis], title: str) -> None:
    """Puts all that is seen into an empty figure."""
    panels: list[Axes] = figure.subplots(1, len(axes), sharey=True, squeeze=False)[0].tolist()
    for panel, axis in zip(panels, axes, strict=True):
        _draw_panel(panel, curves, axis, _limits(curves, metric))
    panels[0].set_title(_measured(curves, metric), loc="left", color=QUIET, fontsize=10, pad=8)
    heading = figure.text(0, 0.97, title, color=TEXT, fontsize=14, fontweight="bold", verticalalignment="top")
    heading.set_in_layout(False)
    figure.draw_without_rendering()
    labelled = [_label_ends(panel, panel.get_lines()[: len(curves)]) for panel in panels]
    if not any(labelled):
        lines = panels[0].get_lines()[: len(curves)]
        columns = len(curves) if sum(len(curve.title) for curve in curves) < 70 else 2
        figure.set_figheight(PICTURE_SIZE[1] + LEGEND_LINE * -(-len(curves) // columns))
        figure.legend(handles=lines, loc="outside lower left", ncols=columns, frameon=False, labelcolor=TEXT)
        figure.draw_without_rendering()
    heading.set_x(panels[0].get_position().x0)


def _draw_panel(panel: Axes, curves: Sequence[Curve], axis: Axis, limits: tuple[float, float] | None) -> None:
    from matplotlib.ticker import EngFormatter, MaxNLocator, StrMethodFormatter  # noqa: PLC0415

    panel.set_facecolor(PANEL)
    panel.spines[:].set_visible(False)
    panel.set_axisbelow(True)
    panel.grid(color=GRID, linewidth=0.8)
    panel.tick_params(colors=QUIET, length=0, labelsize=9.5)
    panel.set_xlabel(AXIS_LABELS[axis], color=QUIET, fontsize=10)
    panel.xaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 2.5, 5, 10]))
    panel.xaxis.set_major_formatter(EngFormatter(sep="") if axis == "steps" else StrMethodFormatter("{x:g}"))
    for place, curve in enumerate(curves):
        series, colour = curve.series[axis], COLOURS[place % len(COLOURS)]
        dashes = DASHES[place // len(COLOURS) % len(DASHES)]
        if len(curve.runs) > 1:
            panel.fill_between(series.at, series.low, series.high, color=colour, alpha=0.22, linewidth=0)
        panel.plot(series.at, series.mean, color=colour, linewidth=1.8, linestyle=dashes, label=curve.title)
    for place, curve in enumerate(curves):
        series, colour = curve.series[axis], COLOURS[place % len(COLOURS)]
        panel.plot(series.at[-1:], series.mean[-1:], "o", color=colour, markersize=4)
    panel.set_xlim(0, 1.03 * max(float(curve.series[axis].at[-1]) for curve in curves) or 1)
    if limits is not None:
        panel.set_ylim(limits[0] - 1, limits[1] + 1)
        panel.set_yticks(np.linspace(*limits, 7))


PLACES = ((6, "bottom"), (-6, "top"), (-14, "top"))
"""Of a label by the end of its curve, the best first: points up, and which side of it is there."""


def _label_ends(panel: Axes, lines: Sequence[Line2D]) -> bool:
    """Writes at the end of each line what it is; nothing, and False, where one would not clearly be that line's."""
    labels: list[Annotation] = []
    # From above: of two that end close together, the higher has its label above and the lower below.
    for line in sorted(lines, key=lambda line: _end(line)[1], reverse=True):
        label = _label_end(panel, line, [other for other in lines if other is not line], labels)
        if label is None:
            for written in labels:
                written.remove()
            return False
        labels.append(label)
    return True


def _end(line: Line2D) -> tuple[float, float]:
    across, up = np.asarray(line.get_xydata())[-1]
    return float(across), float(up)


def _label_end(panel: Axes, line: Line2D, others: Sequence[Line2D], labels: Sequence[Annotation]) -> Annotation | None:
    """The label at the line's end, where one fits: within the panel, on no line or label, and with none in between."""
    from matplotlib.transforms import Bbox  # noqa: PLC0415

    end = _end(line)
    tip = panel.transData.transform(end)
    for up, side in PLACES:
        label = panel.annotate(
            str(line.get_label()),
            end,
            xytext=(4, up),
            textcoords="offset points",
            horizontalalignment="right",
            verticalalignment=side,
            color=line.get_color(),
            fontweight="bold",
        )
        label.set_in_layout(False)
        box = label.get_window_extent()
        reach = Bbox.union([box, Bbox(np.stack([tip, tip]))])
        inside = all(panel.bbox.contains(*corner) for corner in box.corners())
        covers = _crosses(line, box) or any(_crosses(other, reach) for other in others)
        if inside and not covers and not any(reach.overlaps(other.get_window_extent()) for other in labels):
            return label
        label.remove()
    return None


def _crosses(line: Line2D, box: Bbox) -> bool:
    """Whether the line, as it is drawn, goes through a box in pixels."""
    return line.get_path().transformed(line.get_transform()).intersects_bbox(box, filled=False)
