"""Draws learning curves as a picture."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from models.drawing import picture_format, plain_matplotlib, write_picture
from training.curves import AXES, AXIS_LABELS, Axis, Curve, caption, limits

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D
    from matplotlib.text import Annotation
    from matplotlib.transforms import Bbox

BACKGROUND, PANEL, GRID, TEXT, QUIET = "#12100E", "#1C1917", "#3A342E", "#ECECEC", "#A8A29E"
COLOURS = ("#4C9BE8", "#F2C14E", "#D986C2", "#ECECEC", "#E8743B")
"""Of curves, in order: distinct with any colour blindness, and readable as text, at least 4.5 : 1 against the
background. Further curves reuse them with other dashes."""
DASHES = ("solid", "dashed", "dotted")
PICTURE_SIZE = (8.0, 4.0)
LEGEND_LINE = 0.22
"""In inches. Each line of a legend makes the picture this much higher."""


def draw(
    curves: Sequence[Curve], metric: str, file: Path, *, axes: Sequence[Axis] = AXES, title: str | None = None
) -> None:
    """Draws the curves to a PNG or SVG, with a panel for each of `axes`; `UserError` if it cannot be written."""
    kind = picture_format(file)
    with plain_matplotlib():
        picture = _picture(curves, metric, axes, title or _title(curves), kind)
    write_picture(file, picture)


def _picture(curves: Sequence[Curve], metric: str, axes: Sequence[Axis], title: str, kind: str) -> bytes:
    """The drawn file, in this format."""
    # Importing matplotlib takes most of a second, and curves in the terminal do without.
    from matplotlib import rcParams  # noqa: PLC0415
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415
    from matplotlib.figure import Figure  # noqa: PLC0415
    from matplotlib.layout_engine import ConstrainedLayoutEngine  # noqa: PLC0415

    # With a fixed salt and no date, the same curves always make the same file.
    rcParams["font.size"], rcParams["svg.hashsalt"] = 10, "volley"
    layout = ConstrainedLayoutEngine(w_pad=0.12, h_pad=0.1, rect=(0, 0, 1, 0.93))
    figure = Figure(figsize=PICTURE_SIZE, dpi=100, facecolor=BACKGROUND, layout=layout)
    FigureCanvasAgg(figure)
    _fill(figure, curves, metric, axes, title)
    picture = io.BytesIO()
    metadata = {"Date": None} if kind == "svg" else None
    figure.savefig(picture, format=kind, dpi=200, metadata=metadata)
    return picture.getvalue()


def _title(curves: Sequence[Curve]) -> str:
    environments = {run.environment for curve in curves for run in curve.runs}
    whose = curves[0].label if len(curves) == 1 else "Learning curves"
    return f"{whose} on {environments.pop()}" if len(environments) == 1 else whose


def _fill(figure: Figure, curves: Sequence[Curve], metric: str, axes: Sequence[Axis], title: str) -> None:
    """Draws everything into an empty figure."""
    panels: list[Axes] = figure.subplots(1, len(axes), sharey=True, squeeze=False)[0].tolist()
    for panel, axis in zip(panels, axes, strict=True):
        _draw_panel(panel, curves, axis, limits(curves, metric))
    panels[0].set_title(caption(curves, metric), loc="left", color=QUIET, fontsize=10, pad=8)
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
        panel.plot(series.at, series.middle, color=colour, linewidth=1.8, linestyle=dashes, label=curve.title)
    for place, curve in enumerate(curves):
        series, colour = curve.series[axis], COLOURS[place % len(COLOURS)]
        panel.plot(series.at[-1:], series.middle[-1:], "o", color=colour, markersize=4)
    panel.set_xlim(0, 1.03 * max(float(curve.series[axis].at[-1]) for curve in curves) or 1)
    if limits is not None:
        panel.set_ylim(limits[0] - 1, limits[1] + 1)
        panel.set_yticks(np.linspace(*limits, 7))


PLACES = ((6, "bottom"), (-6, "top"), (-14, "top"))
"""Of a label at the end of its curve, best first: offset upwards in points, and which edge of the label is there."""


def _label_ends(panel: Axes, lines: Sequence[Line2D]) -> bool:
    """Labels each line at its end; or none, and returns False, if one label could not clearly belong to its line."""
    labels: list[Annotation] = []
    # From the top down: of two lines that end close together, the higher gets its label above and the lower below.
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
    """A label at the line's end, if it fits: inside the panel, with no line or label behind it or on the way to it."""
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
    """Whether the line, as drawn, passes through a box in pixels."""
    return line.get_path().transformed(line.get_transform()).intersects_bbox(box, filled=False)
