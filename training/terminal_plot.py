"""Draws learning curves in the terminal, in braille characters."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from rich.text import Text

from models.errors import one_line
from training.curves import Axis, Curve, Floats, limits
from training.plot import COLOURS, QUIET

CHART_ROWS, CHART_WIDTH = 6, 72
"""The size of a chart, in characters; the width is a maximum."""
DOTS = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))
"""The bits of a braille character: for each of its two columns, from the top."""


def draw(curves: Sequence[Curve], metric: str, axis: Axis, *, width: int, braille: bool = True) -> Text:
    """The curves, one below the other on the same scales, at most `width` characters wide, each above its figures.

    Without `braille`, which some terminals cannot show, only the figures.
    """
    means = np.concatenate([curve.series[axis].middle for curve in curves])
    low, high = limits(curves, metric) or (float(means.min()), float(means.max()))
    end = max(curve.series[axis].at[-1] for curve in curves)
    ticks = [f"{number:.3g}" for number in (high, low)]
    margin = max(map(len, ticks)) + 1
    columns = min(width, CHART_WIDTH) - margin
    text = Text()
    for place, curve in enumerate(curves):
        colour = COLOURS[place % len(COLOURS)]
        text.append("" if place == 0 else "\n").append(one_line(curve.title), f"bold {colour}").append("\n")
        if braille and columns > 10:
            series = curve.series[axis]
            rows = _chart(series.at / (end or 1), (series.middle - low) / ((high - low) or 1), columns)
            for row, tick in zip(rows, [ticks[0], *[""] * (CHART_ROWS - 2), ticks[1]], strict=True):
                text.append(f"{tick:>{margin - 1}} ", QUIET).append(row, colour).append("\n")
            text.append(f"{'':{margin}}0{_amount(end, axis):>{columns - 1}}\n", QUIET)
        text.append(_figures(curve)).append("\n")
    return text


def _figures(curve: Curve) -> str:
    steps, minutes = curve.series["steps"], curve.series["minutes"]
    span = f" ({steps.low[-1]:.4g} to {steps.high[-1]:.4g})" if len(curve.runs) > 1 else ""
    ends = f"{_amount(steps.at[-1], 'steps')}, {_amount(minutes.at[-1], 'minutes')}"
    return f"last {steps.middle[-1]:.4g}{span}, highest {steps.middle.max():.4g}, {ends}"


def _amount(number: float, axis: Axis) -> str:
    """A number of steps or minutes, with its unit."""
    return f"{number:.1f} min" if axis == "minutes" else f"{number:,.0f} steps"


def _chart(across: Floats, up: Floats, columns: int) -> list[str]:
    """A line through points, `[P]` fractions of width and height, as rows of braille characters, the top one first."""
    wide, high = 2 * columns, 4 * CHART_ROWS
    first, last = (round(float(share) * (wide - 1)) for share in (across[0], across[-1]))
    marks = np.zeros((CHART_ROWS, columns), dtype=np.int64)
    before = round((1 - float(up[0])) * (high - 1))
    for column in range(first, last + 1):
        share = float(np.interp(column / (wide - 1), across, up))
        row = round((1 - share) * (high - 1))
        # Fill up to the row of the column before, so that the line has no gaps.
        for dot in range(max(min(row, before), 0), min(max(row, before), high - 1) + 1):
            marks[dot // 4, column // 2] |= DOTS[column % 2][dot % 4]
        before = row
    return ["".join(chr(0x2800 + mark) if mark else " " for mark in row) for row in marks]
