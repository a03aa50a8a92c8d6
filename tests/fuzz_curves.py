"""Mutated learning curves, for `fuzz.py`."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mutations import (
    MORE_EXTREMES,
    TEXT_MUTATIONS,
    Files,
    Mutation,
    Outcome,
    Trial,
    as_json,
    change_a_line,
    judged,
    mutated,
    write,
)

from app.follow.follower import Training
from app.hub.local import plausible_curve
from app.play.panels import learning
from models.errors import UserError
from models.files import CONFIG_FILE, CURVE_FILE, PROVENANCE_FILE
from models.provenance import Provenance
from models.run_directory import (
    METRICS_FILE,
    CurveReader,
    Metrics,
    parse_curve,
    read_curve,
    read_metrics,
    trained_steps,
)
from models.spec import encode
from training import plot, publication, terminal_plot
from training.curves import curves_of, read_run, summary
from training.presets import training_settings
from training.run import RunDirectory

SETTINGS = training_settings("a2c", "CartPole-v1")
PONG_SETTINGS = training_settings("a2c", "Pong")
PICTURES = 0.01
"""The share of trials that draw one, which takes half a second."""


def line(update: int) -> dict[str, Any]:
    return {
        "steps": 512 * update,
        "updates": update,
        "games": 3 * update,
        "seconds": 1.25 * update,
        "mean_return": None if update < 3 else -21.0 + update,
        "mean_length": 100.5,
        "entropy": 1.0986,
        "kl": 1e-05,
        "learning_rate": 0.0003,
    }


LINES = [json.dumps(line(update)).encode() for update in range(1, 13)]
CSV = b"steps,seconds,games,mean_return\n" + b"".join(
    b"%d,%g,%d,%g\n" % (512 * n, 1.5 * n, n, n - 21) for n in range(9)
)


def change_number(files: Files, chance: random.Random) -> None:
    """A number in a table is something else."""
    rows = [row.split(b",") for row in files[CURVE_FILE].split(b"\n")]
    row = chance.choice(rows)
    row[chance.randrange(len(row))] = str(chance.choice(MORE_EXTREMES)).encode("utf-8", "replace")[:2000]
    files[CURVE_FILE] = b"\n".join(map(b",".join, rows))


LOG_MUTATIONS: tuple[Mutation, ...] = (*TEXT_MUTATIONS, *[change_a_line(METRICS_FILE)] * 8)
TABLE_MUTATIONS: tuple[Mutation, ...] = (*TEXT_MUTATIONS, *[change_number] * 8)


def as_written(text: bytes) -> dict[str, Any] | None:
    """A line of the log, as Python's own JSON reads it; None if it is none."""
    read: object = as_json(text)
    return read if isinstance(read, dict) else None


def is_as_written(metrics: Metrics, written: dict[str, Any] | None) -> bool:
    """Whether each number is that of the line, or None where there is none to draw."""
    return (
        written is not None
        and metrics.keys() == written.keys()
        and all(number is None or number == written[name] for name, number in metrics.items())
        and all(number is not None or not _is_plain(written[name]) for name, number in metrics.items())
    )


def _is_plain(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e12


def lines_read(content: bytes, found: list[Metrics]) -> Iterator[str]:
    """What is wrong with the metrics that were read of a log: each is a line of it, and no sound line is missing."""
    lines = content.splitlines()
    unread = iter(lines)
    for metrics in found:
        if not any(is_as_written(metrics, as_written(written)) for written in unread):
            yield f"a line that is not there: {metrics}"[:300]
    there = iter(found)
    if not all(json.loads(sound) in there for sound in lines if sound in LINES):
        yield "a sound line is missing"
    for metrics in found:
        numbers = [number for number in metrics.values() if number is not None]
        if not all(math.isfinite(number) for number in numbers) or min(metrics["steps"], metrics["seconds"]) < 0:
            yield f"numbers that are none: {metrics}"[:300]


def in_the_window(folder: Path) -> Iterator[str]:
    """What is wrong with what the window shows of a curve."""
    curve = read_curve(folder)
    points = CurveReader(folder).read() or curve
    for target in (None, 100_000):
        model, training = learning.LearningModel(), Training(points, target)
        model.update(training, tuple(point.steps for point in points[:3]), "")
        texts = [model.end, *(text for figure in model.figures for text in figure)]
        if not all(len(text) < 200 and "nan" not in text and "inf" not in text for text in texts):
            yield f"beside the window: {texts}"[:300]
        if not all(math.isfinite(share) for pair in model.curve for share in pair):
            yield "a point that cannot be drawn"
    trained_steps(folder, curve)
    if not all(-21 <= (point.mean_return or 0) <= 21 for point in plausible_curve(curve)):
        yield "an impossible return"


def published(folder: Path, found: list[Metrics]) -> Iterator[str]:
    """What is wrong with what a publication says of a curve."""
    if (folder / METRICS_FILE).exists():
        run = RunDirectory(folder, SETTINGS)
        totals = publication.with_totals(Provenance(command="volley train a2c"), run, found)
        if found and totals.steps != found[-1]["steps"]:
            yield "other steps than the last line's"
        publication.write_curve(folder / "published.csv", found)


def plotted(folder: Path, chance: random.Random) -> Iterator[str]:
    """What is wrong with what `volley plot` shows of a curve."""
    curves = curves_of([read_run(str(folder))], "mean_return")
    figures = summary(curves[0])
    if not all(math.isfinite(value) for value in figures.values() if isinstance(value, float)):
        yield f"figures that are none: {figures}"[:300]
    for axis in ("steps", "minutes"):
        text = terminal_plot.draw(curves, "mean_return", axis, width=80).plain
        if not all(one.isprintable() and len(one) < 200 for one in text.split("\n")):
            yield f"a plot that is no picture: {text!r}"[:300]
    if chance.random() < PICTURES:
        plot.draw(curves, "mean_return", folder / "curve.png")


def curves(workplace: Path) -> Trial:
    """The trials of a run's log and of a model's table."""
    folder = workplace / "run"
    fixed = {PROVENANCE_FILE: b'{"command": "volley train a2c"}'}
    log, table = {METRICS_FILE: b"\n".join(LINES) + b"\n"}, {CURVE_FILE: CSV}

    def trial(chance: random.Random) -> Outcome:
        is_log = chance.random() < 0.7
        files, mutations = mutated(log, LOG_MUTATIONS, chance) if is_log else mutated(table, TABLE_MUTATIONS, chance)
        config = encode(chance.choice((SETTINGS, PONG_SETTINGS)))
        write(fixed | {CONFIG_FILE: config} | files, folder)

        def read() -> Iterator[str]:
            found = read_metrics(folder)
            if is_log:
                content = files[METRICS_FILE]
                yield from lines_read(content, found)
                yield from grown(content, folder)
            else:
                text = files[CURVE_FILE].decode(errors="replace")
                if len(parse_curve(text)) > text.count("\n") + text.count("\r"):
                    yield "more points than lines"
            yield from in_the_window(folder)
            yield from published(folder, found)
            yield from plotted(folder, chance)
            if not found:
                raise UserError("there is no curve")

        return Outcome(mutations, *judged(read))

    return trial


def grown(content: bytes, folder: Path) -> Iterator[str]:
    """Whether a log that comes piece by piece is read as one that is there at once."""
    whole = CurveReader(folder).read()
    folder.joinpath("growing").mkdir()
    file, reader = folder / "growing" / METRICS_FILE, CurveReader(folder / "growing")
    for end in (len(content) // 3, len(content) // 2, len(content)):
        file.write_bytes(content[:end])
        pieces = reader.read()
    if pieces != whole:
        yield "read otherwise as it grows"
    if len(whole) > len(content.split(b"\n")):
        yield "more points than lines"
