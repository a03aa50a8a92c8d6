"""The progress of a training in a log file."""

import math

import pytest

from training.display import TerminalDisplay
from training.run import Progress


def test_games_against_itself_alone_are_counted(capsys: pytest.CaptureFixture[str]) -> None:
    metrics = {"mean_return": math.nan, "steps_per_second": 100.0}
    with TerminalDisplay(10_000, "ppo") as display:
        display.update(Progress(steps=1_000, seconds=5_000.0), metrics)
        display.update(Progress(steps=4_000, seconds=5_030.0, games=1_200), metrics)
    first, second = capsys.readouterr().err.splitlines()
    assert "no finished game yet" in first
    assert "1,200 games, all against itself" in second


def test_the_time_left_is_estimated_from_the_speed_since_the_run_was_resumed(
    capsys: pytest.CaptureFixture[str],
) -> None:
    metrics = {"mean_return": 3.0, "steps_per_second": 100.0}
    with TerminalDisplay(10_000, "ppo") as display:
        display.update(Progress(steps=1_000, seconds=5_000.0), metrics)  # slow, before it was resumed
        display.update(Progress(steps=4_000, seconds=5_030.0), metrics)
    first, second = capsys.readouterr().err.splitlines()
    assert first.endswith("time left not known yet")
    assert second.endswith("1 min left")
