from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from app.background import NICENESS
from app.follow import process as training_process
from app.follow.process import Phase, TrainingProcess
from models import catalog, checkpoint
from models.errors import UserError
from training.run import RunDirectory

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="processes are told to end by signals")

# Stands for `volley train`: makes its run directory, tells how it was started, and goes on until it is told to stop.
TRAINS = """
import json, os, signal, sys, time
from pathlib import Path
words = sys.argv[1:]
run = Path(words[words.index("--run" if "--run" in words else "--resume") + 1])
run.mkdir(exist_ok=True)
def stop(*_):
    print("saved", flush=True)
    sys.exit(130)
signal.signal(signal.SIGTERM, stop)
for name in ("config.json", "provenance.json"):
    (run / name).write_text("{}")
about = {"words": words, "nice": os.nice(0), "threads": os.environ["OMP_NUM_THREADS"], "group": os.getpgid(0)}
about |= {"session": os.getsid(0), "input": sys.stdin.read()}
(run / "started").write_text(json.dumps(about))
time.sleep(60)
"""


@pytest.fixture
def process(tmp_path: Path) -> Iterator[TrainingProcess]:
    process = TrainingProcess(tmp_path / "run")
    yield process
    process.close()


@pytest.fixture
def typed(tmp_path: Path) -> Iterator[None]:
    """What someone types, where the window was started in a terminal."""
    (tmp_path / "typed").write_text("hello")
    before, file = os.dup(0), os.open(tmp_path / "typed", os.O_RDONLY)
    os.dup2(file, 0)
    yield
    os.dup2(before, 0)
    os.close(before)
    os.close(file)


def becomes(monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """Lets the next training be a script instead."""
    monkeypatch.setattr(training_process, "COMMAND", (sys.executable, "-I", "-c", script))


def wait_for(path: Path) -> None:
    deadline = time.monotonic() + 60
    while not (path.exists() and path.stat().st_size):
        assert time.monotonic() < deadline, path
        time.sleep(0.02)


def ended(process: TrainingProcess) -> Phase:
    deadline = time.monotonic() + 60
    while process.poll() in (Phase.RUNNING, Phase.STOPPING):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return process.phase


@pytest.mark.usefixtures("typed")
def test_begins_low_and_apart_and_is_stopped_and_gone_on_with(
    process: TrainingProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    becomes(monkeypatch, TRAINS)
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    started = process.run / "started"
    process.start("ppo", 200_000)
    wait_for(started)
    about = json.loads(started.read_text())
    assert about["words"] == ["ppo", "--steps", "200000", "--run", str(process.run)]
    assert about["nice"] == min(os.nice(0) + NICENESS, 19)
    assert about["threads"] == "1"
    assert about["group"] != os.getpgid(0), "a Ctrl-C in the terminal is for the window"
    assert about["session"] == os.getsid(0)
    assert about["input"] == ""
    assert process.poll() is Phase.RUNNING
    process.stop()
    process.stop()
    assert ended(process) is Phase.STOPPED
    assert process.reason == ""

    started.unlink()
    process.resume()
    wait_for(started)
    assert json.loads(started.read_text())["words"] == ["--resume", str(process.run)]
    assert process.close() == f"training saved; resume it with:  volley train --resume {process.run}"
    assert process.phase is Phase.STOPPED

    started.unlink()
    process.resume(steps=400_000)
    wait_for(started)
    assert json.loads(started.read_text())["words"] == ["--resume", str(process.run), "--steps", "400000"]


def test_one_stopped_before_it_had_begun_has_nothing_to_resume(
    process: TrainingProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    becomes(monkeypatch, "import time; time.sleep(60)")
    process.start("ppo", 200_000)
    assert process.close() == ""
    assert process.phase is Phase.STOPPED


@pytest.mark.parametrize(
    ("script", "phase", "reason"),
    [
        ("print('200,000 steps and 20 games')", Phase.FINISHED, ""),
        ("print('x' * 200_000)", Phase.FINISHED, ""),
        ("import sys; print(); sys.exit('volley: runs/x exists already\\n\\n')", Phase.FAILED, "runs/x exists already"),
        ("print('1 of 2', flush=True); raise RuntimeError('no space\\x07')", Phase.FAILED, "RuntimeError: no space"),
        ("import sys; sys.exit(3)", Phase.FAILED, "exit code 3"),
        ("import os; print('1 of 2', flush=True); os.kill(os.getpid(), 9)", Phase.FAILED, "killed: Killed"),
        ("import sys; sys.exit(130)", Phase.STOPPED, ""),
    ],
)
def test_how_it_ended(
    process: TrainingProcess, monkeypatch: pytest.MonkeyPatch, script: str, phase: Phase, reason: str
) -> None:
    becomes(monkeypatch, script)
    process.start("ppo", 1)
    assert ended(process) is phase
    assert process.reason == reason
    assert process.close() == ""


def test_a_failure_while_it_is_saved_is_told(process: TrainingProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    becomes(monkeypatch, TRAINS.replace("sys.exit(130)", "sys.exit('No space left on device')"))
    process.start("ppo", 1)
    wait_for(process.run / "started")
    assert process.close() == f"the training in {process.run} failed: No space left on device"


def test_closing_does_not_wait_for_ever(process: TrainingProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    becomes(monkeypatch, TRAINS.replace("sys.exit(130)", "time.sleep(60)"))
    monkeypatch.setattr(training_process, "MAX_SAVE_SECONDS", 0.2)
    process.start("ppo", 1)
    wait_for(process.run / "started")
    assert process.close() == f"the training in {process.run} is still being saved"
    os.kill(json.loads((process.run / "started").read_text())["group"], signal.SIGKILL)
    assert ended(process) is Phase.FAILED


def test_the_runs_there_are_the_one_saved_last_first(tmp_path: Path, model_directory: Path) -> None:
    assert catalog.runs(tmp_path / "nowhere") == []
    for age, name in ((30, "old"), (10, "new"), (20, "between")):
        (tmp_path / "runs" / name).mkdir(parents=True)
        for file in ("config.json", "provenance.json"):
            (tmp_path / "runs" / name / file).write_text("{}")
        os.utime(tmp_path / "runs" / name, (5000 - age, 5000 - age))
    saved = tmp_path / "runs" / "old" / "checkpoints" / "newest.pt"
    saved.parent.mkdir()
    saved.write_bytes(b"")
    os.utime(saved.parent.parent, (4970, 4970))
    os.utime(saved, (4985, 4985))
    shutil.copytree(model_directory, tmp_path / "runs" / "model")
    (tmp_path / "runs" / "model" / "provenance.json").write_text("{}")
    (tmp_path / "runs" / "notes").mkdir()
    assert [path.name for path in catalog.runs(tmp_path / "runs")] == ["new", "old", "between"]


def test_nothing_runs_at_first(process: TrainingProcess) -> None:
    process.stop()
    assert process.poll() is Phase.IDLE
    assert process.close() == ""


def test_there_is_one_training_at_a_time(process: TrainingProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    becomes(monkeypatch, TRAINS)
    process.start("ppo", 1)
    with pytest.raises(AssertionError, match="one training run at a time"):
        process.resume()


def test_what_cannot_be_started_is_told(process: TrainingProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training_process, "COMMAND", ("/nowhere/python",))
    with pytest.raises(UserError, match="cannot start the training: No such file"):
        process.start("ppo", 1)
    assert process.poll() is Phase.IDLE


def test_a_temporary_folder_that_takes_nothing_is_told(
    process: TrainingProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "gone"))
    with pytest.raises(UserError, match="cannot start the training: No such file"):
        process.start("ppo", 1)
    assert process.poll() is Phase.IDLE


def test_the_real_command_says_why_it_cannot_train(process: TrainingProcess) -> None:
    process.resume()
    assert ended(process) is Phase.FAILED
    assert process.reason == f"{process.run} is not a run of 'volley train': No such file or directory: config.json"


# Stands for the window: launches a training, tells its process ID, and waits to be killed.
WINDOW = """
import subprocess, sys, time
from app.background import VOLLEY, launch
words = ["train", "a2c", "--env", "CartPole-v1", "--steps", "100000000", "--run", sys.argv[1]]
print(launch([*VOLLEY, *words], subprocess.DEVNULL).pid, flush=True)
time.sleep(600)
"""


def test_a_training_is_saved_and_ends_when_its_window_was_killed(tmp_path: Path) -> None:
    run = tmp_path / "run"
    with subprocess.Popen([sys.executable, "-c", WINDOW, run], stdout=subprocess.PIPE, text=True) as window:
        assert window.stdout is not None
        training = int(window.stdout.readline())
        try:
            wait_for(run / "metrics.jsonl")
            assert not RunDirectory.open(run).has_checkpoint, "it saves once a minute"
        finally:
            window.kill()
    deadline = time.monotonic() + 60
    with suppress(ProcessLookupError):
        while time.monotonic() < deadline:
            os.kill(training, 0)
            time.sleep(0.1)
        os.killpg(training, signal.SIGKILL)
    assert time.monotonic() < deadline
    assert RunDirectory.open(run).has_checkpoint


@pytest.mark.slow
def test_a_real_training_is_started_stopped_and_gone_on_with(process: TrainingProcess) -> None:
    process.start("ppo", 1_000_000)
    wait_for(process.run / "metrics.jsonl")
    process.stop()
    assert ended(process) is Phase.STOPPED
    run = RunDirectory.open(process.run)
    first = run.metrics()[-1]["steps"]
    checkpoint.load(process.run / "model")
    assert run.settings.steps == 1_000_000
    process.resume(steps=first + 1)
    assert ended(process) is Phase.FINISHED
    assert run.metrics()[-1]["steps"] > first
    assert process.close() == ""
