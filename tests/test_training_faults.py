"""Trainings on machines that fail: full disks, damaged checkpoints, readers that are gone, kills."""

from __future__ import annotations

import builtins
import errno
import io
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import Any

import pytest
import torch

from app.command.main import main
from models import files
from models.provenance import read_provenance
from training import launch
from training.lock import OWNER_FILE
from training.run import RunDirectory

TRAIN = ["train", "ppo", "--env", "CartPole-v1", "--device", "cpu", "--steps"]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of some updates, saved twice, so that it has two checkpoints."""
    path = tmp_path_factory.mktemp("runs") / "run"
    assert main([*TRAIN, "2000", "--run", str(path)]) == 0
    assert main(["train", "--resume", str(path), "--steps", "6000"]) == 0
    return path


@pytest.fixture
def run(trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    """A copy of it, to be harmed."""
    capsys.readouterr()
    return shutil.copytree(trained, tmp_path / "run")


class Noon(datetime):
    """A clock that stands still."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> Noon:
        return cls(2026, 11, 27, 12, tzinfo=tz or UTC)


def resume(run: Path, steps: int) -> int:
    return main(["train", "--resume", str(run), "--steps", str(steps)])


def emptied(file: Path) -> None:
    file.write_bytes(b"")


def cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def zeroed(file: Path) -> None:
    file.write_bytes(bytes(file.stat().st_size))


@pytest.mark.parametrize("damage", [emptied, cut, zeroed, Path.unlink])
def test_after_damage_to_the_newest_checkpoint_the_one_before_it_is_taken(
    damage: Callable[[Path], None], run: Path
) -> None:
    steps = [line["steps"] for line in RunDirectory.open(run).metrics()]
    damage(run / "checkpoints" / "newest.pt")
    assert resume(run, 8000) == 0
    again = [line["steps"] for line in RunDirectory.open(run).metrics()]
    assert again[: len(steps)] == steps, "the lost updates were done again"
    assert again[-1] >= 8000


def test_a_damaged_checkpoint_never_takes_the_place_of_a_good_one(run: Path) -> None:
    newest, previous = (run / "checkpoints" / name for name in ("newest.pt", "previous.pt"))
    good = previous.read_bytes()
    cut(newest)
    assert resume(run, 6000) == 0
    assert previous.read_bytes() == good
    taken = newest.read_bytes()
    assert resume(run, 6000) == 0
    assert previous.read_bytes() == taken, "now both are good"


def test_if_no_checkpoint_can_be_read_it_says_so_and_what_is_left(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("newest.pt", "previous.pt"):
        zeroed(run / "checkpoints" / name)
    assert resume(run, 8000) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"volley: cannot resume {run}: its checkpoints cannot be read (")
    assert line.endswith(f"its newest policy is in {run / 'model'}")


def test_what_was_best_after_the_last_save_is_kept(run: Path) -> None:
    folder = run / "best"
    shutil.copytree(run / "model", folder, dirs_exist_ok=True)
    figures = {"mean_return": 9999.0, "std_return": 0, "episodes": 20, "sticky": 0, "greedy": False}
    (folder / "evaluation.json").write_text(json.dumps(figures))
    weights = (folder / "model.safetensors").read_bytes()
    assert resume(run, 30_000) == 0
    returns = [line["evaluation_return"] for line in RunDirectory.open(run).metrics() if "evaluation_return" in line]
    assert returns[-1] is not None
    assert (folder / "model.safetensors").read_bytes() == weights


def test_a_run_does_not_go_back(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings = (run / "config.json").read_bytes()
    assert resume(run, 3000) == 2
    assert capsys.readouterr().err.endswith("steps already; --steps counts from its beginning: ask for more\n")
    assert (run / "config.json").read_bytes() == settings
    assert resume(run, 6000) == 0, "it has done all that, and a bit more"


def test_a_run_without_a_checkpoint_begins_again(run: Path) -> None:
    """It was killed before its first save."""
    for name in ("checkpoints", "model"):
        shutil.rmtree(run / name)
    (run / "metrics.jsonl").unlink()
    assert resume(run, 2000) == 0
    assert 2000 <= RunDirectory.open(run).metrics()[-1]["steps"] < 6000


def test_a_run_whose_checkpoints_are_gone_keeps_all_else(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copytree(run / "model", run / "stages" / "000001024")
    shutil.rmtree(run / "checkpoints")
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file() and path.name != OWNER_FILE}
    assert resume(run, 8000) == 2
    said = capsys.readouterr().err.splitlines()[-1]
    assert said == f"volley: cannot resume {run}: its checkpoints are gone; its newest policy is in {run / 'model'}"
    lost = {path for path, content in before.items() if not path.is_file() or path.read_bytes() != content}
    assert lost <= {run / "config.json"}


@pytest.mark.parametrize("algorithm", ["ppo", "cross-entropy"])
def test_a_run_goes_on_on_another_kind_of_device(
    algorithm: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The state of a graphics card's generator has 16 bytes, a processor's 5,056."""
    run = tmp_path / "run"
    assert main(["train", algorithm, *TRAIN[2:], "2000", "--run", str(run)]) == 0
    file = run / "checkpoints" / "newest.pt"
    state = torch.load(file, weights_only=True)
    state["learner"]["generator"] = torch.arange(16, dtype=torch.uint8)
    state["machine"] = "A card with torch 2"
    torch.save(state, file)
    assert resume(run, 4000) == 0
    assert "A card with torch 2" in capsys.readouterr().err
    record = read_provenance(run)
    assert record.moved_from == ("A card with torch 2",)
    assert resume(run, 6000) == 0
    assert read_provenance(run) == record, "it has not moved again"


@pytest.mark.parametrize("fails_at", range(1, 8))
def test_a_full_disk_ends_it_in_a_line_and_leaves_a_run_that_goes_on(
    fails_at: int, run: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whichever of its writes fails."""
    writes, bring = 0, files._bring_to_disk

    def full(path: Path) -> None:
        nonlocal writes
        writes += 1
        if writes >= fails_at:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        bring(path)

    with monkeypatch.context() as disk:
        disk.setattr(files, "_bring_to_disk", full)
        assert resume(run, 8000) == 2
    line = capsys.readouterr().err.splitlines()[-1]
    assert line.startswith(f"volley: cannot write to {run}: No space left on device; ")
    assert line.endswith(f"volley train --resume {run}")
    assert resume(run, 10_000) == 0
    steps = [line["steps"] for line in RunDirectory.open(run).metrics()]
    assert steps == sorted(set(steps))
    assert steps[-1] >= 10_000
    assert not list(run.rglob(f".*.{os.getpid()}"))


def test_a_full_disk_leaves_the_only_checkpoint_that_can_be_read(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cut(run / "checkpoints" / "newest.pt")
    bring = files._bring_to_disk

    def full(path: Path) -> None:
        if path.name.startswith(".newest.pt."):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        bring(path)

    with monkeypatch.context() as disk:
        disk.setattr(files, "_bring_to_disk", full)
        assert resume(run, 6000) == 2
    assert resume(run, 6000) == 0


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no file that is always full")
def test_a_disk_that_is_full_for_tensorboard_alone_ends_it_too(
    run: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """`tensorboard` may be a link to another disk."""
    opened = open

    def full(file: Any, *rest: Any, **more: Any) -> Any:
        return opened("/dev/full" if "tfevents" in str(file) else file, *rest, **more)

    with monkeypatch.context() as disk:
        for module in (builtins, io):  # `open`, and what `Path.open` calls
            disk.setattr(module, "open", full)
        assert resume(run, 60_000) == 2
    line = capsys.readouterr().err.splitlines()[-1]
    assert line.startswith(f"volley: cannot write to {run}: No space left on device; ")
    assert resume(run, 8000) == 0


def test_what_a_killed_training_left_unfinished_is_removed_and_nothing_else(run: Path) -> None:
    left = [
        *(".config.json.41", ".metrics.jsonl.41", ".diverged.pt.41", "checkpoints/.newest.pt.4000001"),
        *("model/.model.safetensors.41", "best/.evaluation.json.41", "stages/.000002048-a_1b2c3d/model.safetensors"),
        *(".model-abcdefgh/config.json", ".best-01234567/config.json"),
    ]
    others = [".notes", ".notes.2024", ".config.json.old", ".git/config", "stages/.000002048-mine/x", "model/41"]
    for name in (*left, *others):
        (run / name).parent.mkdir(exist_ok=True)
        (run / name).write_text("half")
    before = {path for path in run.rglob("*") if path.is_file()}
    assert resume(run, 6000) == 0
    assert before - {path for path in run.rglob("*") if path.is_file()} == {run / name for name in left}
    assert not list(run.rglob(".*-????????"))


def test_two_that_begin_in_the_same_second_have_folders_of_their_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(launch, "RUNS", tmp_path / "runs")
    monkeypatch.setattr(launch, "datetime", Noon)
    paths = [launch.new_run(None, algorithm="ppo", environment="CartPole-v1", seed=seed).path for seed in range(3)]
    assert [path.name for path in paths] == [f"ppo-20261127-120000{end}" for end in ("", "-2", "-3")]
    assert [RunDirectory.open(path).settings.seed for path in paths] == [0, 1, 2]


@pytest.mark.parametrize("tail", [b'{"steps": 9000, "sec', b"\0" * 100, b"\xff\xfe\n", b"[" * 100_000])
def test_a_torn_line_of_metrics_is_dropped(tail: bytes, run: Path) -> None:
    with (run / "metrics.jsonl").open("ab") as file:
        file.write(tail)
    assert resume(run, 8000) == 0
    steps = [line["steps"] for line in RunDirectory.open(run).metrics()]
    assert steps == sorted(set(steps))


def test_it_goes_on_when_nobody_reads_its_progress(tmp_path: Path) -> None:
    """As in: volley train ... 2>&1 | true."""
    path = tmp_path / "run"
    reader, writer = os.pipe()
    os.close(reader)
    training = subprocess.run(
        [sys.executable, "-m", "volley", *TRAIN, "6000", "--run", str(path)],
        stdout=writer,
        stderr=writer,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        timeout=120,
        check=False,
    )
    os.close(writer)
    assert training.returncode == 0
    assert RunDirectory.open(path).metrics()[-1]["steps"] >= 6000
    assert (path / "checkpoints" / "newest.pt").exists()


def test_a_run_in_use_is_locked_and_says_by_whom(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = "import sys, time; from pathlib import Path; from training.lock import locked\n"
    code += "with locked(Path(sys.argv[1])): print('held', flush=True); time.sleep(100)"
    other = subprocess.Popen([sys.executable, "-c", code, run], stdout=subprocess.PIPE)
    assert other.stdout is not None
    assert other.stdout.readline() == b"held\n"
    settings = (run / "config.json").read_bytes()
    for command in (["train", "--resume", run, "--steps", "9000"], ["publish", run, "someone/model", "--dry-run"]):
        assert main([str(word) for word in command]) == 2
        line = capsys.readouterr().err.splitlines()[-1]
        assert line.startswith(f"volley: {run} is in use by process {other.pid} on ")
        assert line.endswith("; wait until that has ended, or stop it")
    assert (run / "config.json").read_bytes() == settings
    other.kill()
    other.communicate()
    assert resume(run, 8000) == 0, "the lock ends with its process"


def test_a_checkpoint_of_a_newer_version_is_refused(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = run / "checkpoints" / "newest.pt"
    torch.save(torch.load(file, weights_only=True) | {"format": 9}, file)
    assert resume(run, 8000) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "has format 9, and this version of Volley reads formats up to 2: update it" in line


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"machine": "an abacus"}, "it was on an abacus"),
        ({"learner": None}, "it was saved by a version that did not save games"),
    ],
)
def test_a_run_that_cannot_go_on_exactly_says_so_once(
    change: dict[str, Any], said: str, run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = run / "checkpoints" / "newest.pt"
    state = torch.load(file, weights_only=True)
    if "learner" in change:
        change = {"learner": {name: part for name, part in state["learner"].items() if name != "experience"}}
    torch.save(state | change, file)
    assert resume(run, 8000) == 0
    notes = [line for line in capsys.readouterr().err.splitlines() if "note: " in line]
    assert notes == [f"note: this run will not end bit for bit as it would have without the stop: {said}"]
    assert resume(run, 10_000) == 0
    assert "note: " not in capsys.readouterr().err
