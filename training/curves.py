"""Learning curves: reads them, groups them by settings, and sums them up over seeds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from models import catalog
from models.errors import UserError, one_line
from models.files import CURVE_FILE, expanded, is_file
from models.run_directory import METRICS_FILE, Metrics, is_run, read_config, read_metrics
from models.spec import POINTS_TO_WIN, PONG, SEARCHES

Axis: TypeAlias = Literal["steps", "minutes"]
"""The horizontal axis of a curve: agent steps, or minutes of training."""
AXES: tuple[Axis, ...] = ("steps", "minutes")
AXIS_LABELS: dict[Axis, str] = {"steps": "agent steps", "minutes": "minutes of training"}
METRIC_LABELS = {
    "mean_return": "mean return of the last 100 training games",
    "mean_length": "mean length of the last 100 training games, in agent steps",
    "evaluation_return": "mean return of the evaluation games",
    "entropy": "entropy of the policy, in nats",
    "kl": "KL divergence of an update, in nats",
    "steps_per_second": "agent steps per second",
}
"""Other metrics are labelled with their names."""
SEARCH_LABELS = METRIC_LABELS | {
    "mean_return": "mean return of a population's games",
    "mean_length": "mean length of a population's games, in agent steps",
}
"""Those of black-box searches."""
RESAMPLES = 1000
"""Of the bootstrap. It always draws the same, so that the same runs make the same picture."""
ENOUGH_SEEDS = 5
"""For a bootstrap. Of fewer, a 95% interval by it holds the truth much less often: of two, half the time."""
MAX_CHANGES = 3
"""Settings named in a label; if more differ, it is the run's name."""

Floats: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True)
class LoggedRun:
    """A training with its metrics."""

    name: str
    """As the user gave it."""
    algorithm: str
    environment: str
    settings: dict[str, object] | None
    """All but the seed, by dotted name; None for a model that came without settings."""
    seed: int | None
    lines: tuple[Metrics, ...]


@dataclass(frozen=True)
class Series:
    """A curve over one axis; each array is `[P]`."""

    at: Floats
    """Agent steps or minutes."""
    middle: Floats
    """The interquartile mean over seeds."""
    low: Floats
    high: Floats
    """The band: from `ENOUGH_SEEDS` seeds on its 95% interval, by bootstrap over them; of fewer, the lowest and the
    highest."""


@dataclass(frozen=True)
class Curve:
    """A run, or several that differ only in their seeds, to be drawn as one line."""

    label: str
    runs: tuple[LoggedRun, ...]
    series: dict[Axis, Series]

    @property
    def title(self) -> str:
        """The label, with the number of seeds if there are several."""
        seeds = len(self.runs)
        return self.label if seeds == 1 else f"{self.label} ({seeds} seeds)"


def read_run(name: str) -> LoggedRun:
    """The run, or the model with a learning curve, that the user named; `UserError` if it has no curve."""
    path = expanded(name)
    running = name not in catalog.bundled_names() and (is_file(path / METRICS_FILE) or is_run(path))
    directory = path if running else catalog.home(name)
    config = read_config(directory)
    lines = tuple(read_metrics(directory))
    if not lines:
        raise UserError(f"{name} has no learning curve yet: it has no {METRICS_FILE} or {CURVE_FILE}, or an empty one")
    settings = None
    if config.settings is not None:
        settings = {key: value for key, value in _flat(config.settings) if key != "seed"}
    return LoggedRun(name, config.spec.algorithm, config.spec.environment, settings, config.seed, lines)


def _flat(settings: Mapping[str, object], prefix: str = "") -> Iterator[tuple[str, object]]:
    """Nested settings as pairs of dotted name and value."""
    for name, value in settings.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield prefix + name, value


def curves_of(runs: Sequence[LoggedRun], metric: str) -> list[Curve]:
    """The curves to draw, in the order of `runs`; `UserError` if a run lacks the metric."""
    groups: list[list[LoggedRun]] = []
    for run in runs:
        group = next((group for group in groups if _is_new_seed(run, group)), None)
        if group is None:
            groups.append([run])
        else:
            group.append(run)
    labels = _labels([group[0] for group in groups])
    return [
        Curve(label, tuple(group), {axis: over_seeds([points(run, metric, axis) for run in group]) for axis in AXES})
        for label, group in zip(labels, groups, strict=True)
    ]


def _is_new_seed(run: LoggedRun, group: Sequence[LoggedRun]) -> bool:
    """Whether `run` repeats `group` with another seed. With the same seed, it becomes a separate curve."""
    alike = run.settings is not None and run.settings == group[0].settings
    return alike and run.seed not in [other.seed for other in group]


def points(run: LoggedRun, metric: str, axis: Axis) -> Floats:
    """The run's curve of `metric` over `axis`, `[P, 2]`, in order; `UserError` if it has none."""
    names = [name for name in dict.fromkeys(name for line in run.lines for name in line) if name not in _AXIS_METRICS]
    if metric not in names:
        raise UserError(f"{run.name} has no metric {metric!r}; it has: {one_line(', '.join(names))}")
    found = [
        (line["steps"] if axis == "steps" else line["seconds"] / 60, line[metric])
        for line in run.lines
        if line.get(metric) is not None
    ]
    if not found:
        raise UserError(f"{run.name} has no {metric} yet: it has not been measured")
    return np.array(sorted(found), dtype=np.float64)


_AXIS_METRICS = {"steps", "seconds"}
"""These say when a line was logged: axes, not curves."""


def over_seeds(curves: Sequence[Floats]) -> Series:
    """The interquartile mean of curves `[P, 2]` over the span they share, interpolated linearly, and its band.

    Agarwal et al. 2021, "Deep Reinforcement Learning at the Edge of the Statistical Precipice": of few seeds, one that
    failed or was lucky moves the mean far. `UserError` if a curve ends before another begins.
    """
    begin, end = max(curve[0, 0] for curve in curves), min(curve[-1, 0] for curve in curves)
    if begin > end:
        raise UserError("one of these runs ends before another with the same settings begins; leave it out")
    grid = np.unique(np.concatenate([curve[:, 0] for curve in curves]))
    grid = grid[(grid >= begin) & (grid <= end)]
    values = np.stack([np.interp(grid, curve[:, 0], curve[:, 1]) for curve in curves])
    middle = interquartile_mean(values)
    if len(values) < ENOUGH_SEEDS:
        return Series(grid, middle, values.min(0), values.max(0))
    drawn = np.random.default_rng(0).integers(len(values), size=(RESAMPLES, len(values)))
    low, high = np.percentile([interquartile_mean(values[seeds]) for seeds in drawn], (2.5, 97.5), axis=0)
    return Series(grid, middle, low, high)


def interquartile_mean(values: Floats) -> Floats:
    """The mean of `[N, ...]` values over the first dimension, `[...]`, without the lowest and the highest quarter.

    A quarter of fewer than four is none.
    """
    outside = len(values) // 4
    middle: Floats = np.sort(values, axis=0)[outside : len(values) - outside].mean(axis=0)
    return middle


def _labels(runs: Sequence[LoggedRun]) -> list[str]:
    """A label for each run: its algorithm, and the settings that set it apart from most others of the same."""
    environments = {run.environment for run in runs}
    labels = []
    for run in runs:
        if run.settings is None:
            label = catalog.short_name(run.name)
        else:
            peers = [other.settings for other in runs if other.settings and _kind(other) == _kind(run)]
            changes = _changes(run.settings, peers)
            if len(changes) > MAX_CHANGES:
                changes = [catalog.short_name(run.name)]
            label = ", ".join([run.algorithm, *changes])
        labels.append(label if len(environments) == 1 else f"{label}, {run.environment}")
    return [
        label if labels.count(label) == 1 or label == run.name else f"{label} in {run.name}"
        for label, run in zip(labels, runs, strict=True)
    ]


def _kind(run: LoggedRun) -> tuple[str, str]:
    return run.algorithm, run.environment


def _changes(settings: Mapping[str, object], peers: Sequence[Mapping[str, object]]) -> list[str]:
    """The settings that differ from most of `peers`, as text; if there is no majority, from the first."""
    changes = []
    for name, value in settings.items():
        usual = Counter(repr(other.get(name)) for other in peers).most_common(1)[0][0]
        if repr(value) != usual:
            changes.append(_setting_label(name.rpartition(".")[2].replace("_", " "), value))
    return changes


def _setting_label(setting: str, value: object) -> str:
    if value is None or value is False:
        return f"no {setting}"
    return setting if value is True else f"{setting} {value}"


def summary(curve: Curve) -> dict[str, object]:
    """A curve's figures by name; `last` and `highest` are those of the interquartile mean over seeds."""
    steps, minutes = curve.series["steps"], curve.series["minutes"]
    band, enough = [float(steps.low[-1]), float(steps.high[-1])], len(curve.runs) >= ENOUGH_SEEDS
    return {
        "label": curve.label,
        "algorithm": curve.runs[0].algorithm,
        "environment": curve.runs[0].environment,
        "runs": [run.name for run in curve.runs],
        "seeds": [run.seed for run in curve.runs],
        "last": float(steps.middle[-1]),
        "last_ci95": band if enough else None,
        "last_range": None if enough else band,
        "highest": float(steps.middle.max()),
        "steps": int(steps.at[-1]),
        "minutes": float(minutes.at[-1]),
    }


def caption(curves: Sequence[Curve], metric: str) -> str:
    """What the lines show, and the bands if there are any."""
    searched = all(run.algorithm in SEARCHES for curve in curves for run in curve.runs)
    label = (SEARCH_LABELS if searched else METRIC_LABELS).get(metric, metric.replace("_", " "))
    if not _of_pong(curves):
        label = label.replace("games", "episodes")
    bands = {len(curve.runs) >= ENOUGH_SEEDS for curve in curves if len(curve.runs) > 1}
    if not bands:
        return label
    band = "95% interval" if False not in bands else "lowest to highest seed"
    if len(bands) == 2:
        band += f", 95% interval from {ENOUGH_SEEDS} seeds on"
    return f"{label}: interquartile mean over seeds, {band}"


def _of_pong(curves: Sequence[Curve]) -> bool:
    return all(run.environment == PONG for curve in curves for run in curve.runs)


def limits(curves: Sequence[Curve], metric: str) -> tuple[float, float] | None:
    """The lowest and the highest possible value; None if unknown."""
    return (-POINTS_TO_WIN, POINTS_TO_WIN) if metric.endswith("_return") and _of_pong(curves) else None
