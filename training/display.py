"""Shows the progress of a training in the terminal."""

from __future__ import annotations

import math
from types import TracebackType
from typing import Any, Self

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.progress import (
    Progress as Bar,
)

from models.errors import one_line
from training.loop import Display
from training.run import Progress

LINE_SECONDS = 30.0
"""Between two lines of a log file, which has no bar."""


class _SteadyConsole(Console):
    """A console that falls silent, and ends nothing, when its terminal, reader or disk is gone."""

    def on_broken_pipe(self) -> None:
        """Called by rich, which would end the program."""
        self.quiet = True

    def print(self, *objects: object, **how: Any) -> None:  # noqa: ANN401 - as rich declares them
        """Prints, if that is still possible."""
        try:
            super().print(*objects, **how)
        except OSError:
            self.quiet = True


class TerminalDisplay(Display):
    """A bar with steps, steps/s, the mean return of recent full games and the time left; in a log file, plain lines."""

    def __init__(self, steps: int, algorithm: str) -> None:
        self._console = _SteadyConsole(stderr=True)
        self._steps = steps
        self._next_line = 0.0
        self._begun: tuple[int, float] | None = None
        """Steps and seconds at the first update here."""
        self._bar = Bar(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("steps"),
            TextColumn("{task.fields[figures]}"),
            TimeElapsedColumn(),
            TimeRemainingColumn(elapsed_when_finished=False),
            TextColumn("left"),
            console=self._console,
            disable=not self._console.is_terminal,
            speed_estimate_period=120,
        )
        self._task = self._bar.add_task(escape(one_line(algorithm)), total=steps, figures="")

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._bar.stop()

    def update(self, progress: Progress, metrics: dict[str, float]) -> None:
        """Called after every update."""
        self._begun = self._begun or (progress.steps, progress.seconds)
        score = metrics["mean_return"]
        if not math.isnan(score):
            mean = f"mean return {score:+6.2f}"
        elif progress.games:  # whose returns say nothing
            mean = f"{progress.games:,} games, all against itself"
        else:
            mean = "no finished game yet"
        figures = f"{metrics['steps_per_second']:5,.0f}/s  {mean}"
        self._bar.update(self._task, completed=min(progress.steps, self._steps), figures=figures)
        if not self._console.is_terminal and progress.seconds >= self._next_line:
            self._next_line = progress.seconds + LINE_SECONDS
            share = f"{progress.steps:,} of {self._steps:,} steps"
            left = self._time_left(progress.steps, progress.seconds)
            self._console.print(f"{share}  {figures}  {left}", highlight=False, soft_wrap=True)

    def note(self, line: str) -> None:
        """Called with something that the user should know."""
        self._console.print(one_line(f"note: {line}", 1000), highlight=False, soft_wrap=True, markup=False)

    def _time_left(self, steps: int, seconds: float) -> str:
        """At the speed since the first update here: before a run was resumed, it may have been slower or faster."""
        assert self._begun is not None, "set by the first update"
        steps_here, seconds_here = steps - self._begun[0], seconds - self._begun[1]
        if not steps_here:
            return "time left not known yet"
        return f"{max(self._steps - steps, 0) * seconds_here / steps_here / 60:.0f} min left"
