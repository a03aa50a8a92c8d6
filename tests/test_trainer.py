from __future__ import annotations

from pathlib import Path
from typing import cast

import pytest

from app.follow import trainer
from app.follow.follower import Training
from app.follow.process import Phase
from app.follow.trainer import Train, Trainer
from app.ui.executor import InlineExecutor
from models.errors import UserError
from models.run_directory import CurvePoint
from training.presets import training_settings
from training.run import RunDirectory


class FakeProcess:
    """Records what it is asked to do; the test sets its phase."""

    def __init__(self, run: Path) -> None:
        self.run, self.reason, self.phase = run, "", Phase.RUNNING
        self.asked: list[object] = []

    def start(self, algorithm: str, steps: int) -> None:
        self.asked.append(("start", algorithm, steps))

    def resume(self, steps: int | None) -> None:
        self.asked.append(("resume", steps))

    def stop(self) -> None:
        self.phase = Phase.STOPPING

    def poll(self) -> Phase:
        return self.phase

    def close(self) -> str:
        return f"saved {self.run}"


class FakeFollower:
    """Reports the training that the test sets."""

    def __init__(self, *_: object) -> None:
        self.training = Training()

    def update(self, elapsed: float) -> None:
        pass


@pytest.fixture
def training(monkeypatch: pytest.MonkeyPatch) -> Trainer:
    monkeypatch.setattr(trainer, "TrainingProcess", FakeProcess)
    monkeypatch.setattr(trainer, "Follower", FakeFollower)
    return Trainer(InlineExecutor())


def process_of(training: Trainer) -> FakeProcess:
    return cast("FakeProcess", training._process)


def about(training: Trainer) -> str:
    assert training.now is not None
    return training.now.about


def test_a_new_training_gets_its_own_folder(training: Trainer) -> None:
    assert training.now is None
    training.start(Train("ppo", 200_000, None))
    assert process_of(training).asked == [("start", "ppo", 200_000)]
    assert process_of(training).run.parent == Path("runs")
    assert process_of(training).run.name.startswith("ppo-")
    assert about(training) == "Starting …"


def test_what_it_learns_is_not_known_at_first(training: Trainer) -> None:
    training.start(Train("ppo", None, Path("runs/old")))
    assert training.now is not None
    assert training.now.for_pong is None
    for environment, for_pong in (("ALE/Pong-v5", True), ("CartPole-v1", False)):
        cast("FakeFollower", training._progress).training = Training(environment=environment)
        assert training.now is not None
        assert training.now.for_pong is for_pong


def test_only_one_runs_at_a_time(training: Trainer) -> None:
    training.start(Train("ppo", 200_000, None))
    first = process_of(training)
    with pytest.raises(UserError, match=r"^a training run is under way already; stop it first$"):
        training.start(Train("ppo", 200_000, None))
    assert process_of(training) is first


def test_a_run_is_resumed(training: Trainer) -> None:
    training.start(Train("ppo", None, Path("runs/old")))
    assert process_of(training).asked == [("resume", None)]
    assert process_of(training).run == Path("runs/old")


def test_it_reports_its_progress(training: Trainer) -> None:
    training.start(Train("ppo", 200_000, None))
    cast("FakeFollower", training._progress).training = Training((CurvePoint(43_008, 40.0, -20.25),), target=200_000)
    assert about(training) == "43,008 of 200,000 steps, mean return \N{MINUS SIGN}20.2"
    training.stop()
    assert about(training) == "Saving …"


@pytest.mark.parametrize(
    ("phase", "message"),
    [
        (Phase.FINISHED, "training finished"),
        (Phase.STOPPED, "training stopped; there was nothing to save yet"),
        (Phase.FAILED, "failed: no room on the disk"),
    ],
)
def test_the_end_is_reported_once(training: Trainer, phase: Phase, message: str) -> None:
    training.start(Train("ppo", 1, Path("runs/old")))
    assert training.update(1.0) == ""
    process_of(training).phase, process_of(training).reason = phase, "no room on the disk"
    assert message in training.update(1.0)
    assert training.now is None
    assert training.update(1.0) == ""
    assert training.close() == ""


def test_what_was_saved_is_said(training: Trainer, tmp_path: Path) -> None:
    RunDirectory.create(tmp_path / "run", training_settings("ppo", "pong"))
    training.start(Train("ppo", 1, tmp_path / "run"))
    process_of(training).phase = Phase.STOPPED
    assert training.update(1.0) == f"training saved: {tmp_path / 'run'}"


def test_closing_saves_what_still_runs(training: Trainer) -> None:
    training.start(Train("ppo", 1, Path("runs/old")))
    assert training.close() == f"saved {Path('runs/old')}"
