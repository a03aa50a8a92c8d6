"""Data-parallel training by processes on this machine, as torchrun would start them."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import closing, nullcontext
from pathlib import Path
from typing import Any

import pytest
import torch
from msgspec.structs import replace
from team_process import METHODS, SPEC, updated

from app.command.main import main
from models.errors import UserError
from models.run_directory import CHECKPOINT_FILE, CHECKPOINTS_FOLDER
from training.environments import make
from training.gradient import normalized_together
from training.launch import _check_team
from training.learner import Learner
from training.loop import check_devices
from training.presets import training_settings
from training.reinforce import ReinforceSettings, whole_trajectories
from training.rollout import Collector
from training.team import ALONE, Team

SCRIPT = Path(__file__).parent / "team_process.py"
TRAIN = ("volley", "train", "a2c", "--env", "CartPole-v1", "--steps", "2048")


def started(*arguments: str | Path, by: tuple[str, ...] = ()) -> list[subprocess.Popen[str]]:
    """The two processes of a team, or what starts each of them."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    where = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    path = os.pathsep.join([str(SCRIPT.parent.parent), os.environ.get("PYTHONPATH", "")])
    return [
        subprocess.Popen(
            [*by, sys.executable, SCRIPT, *arguments],
            env=os.environ | where | {"RANK": str(rank), "LOCAL_RANK": str(rank), "PYTHONPATH": path},
            stderr=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for rank in range(2)
    ]


def ended(team: list[subprocess.Popen[str]]) -> list[tuple[int, str]]:
    """The exit code of each, and what it printed."""
    printed = ["".join(process.communicate(timeout=100)) for process in team]
    return [(process.returncode, text) for process, text in zip(team, printed, strict=True)]


def tensors(state: Any, path: str = "") -> dict[str, torch.Tensor]:
    """All tensors in a state, by where they are."""
    if isinstance(state, torch.Tensor):
        return {path: state}
    parts = state.items() if isinstance(state, dict) else enumerate(state) if isinstance(state, list | tuple) else ()
    return {place: tensor for name, part in parts for place, tensor in tensors(part, f"{path}/{name}").items()}


def test_two_processes_make_the_update_of_one_with_all_their_environments(tmp_path: Path) -> None:
    out = tmp_path / "states"
    for code, printed in ended(started("update", out)):
        assert code == 0, printed
    first, second = (torch.load(out.with_suffix(f".{rank}")) for rank in range(2))
    for name in METHODS:
        for state in (first[name], second[name]):
            del state["generator"]  # each draws its own games
        one, other = tensors(first[name]), tensors(second[name])
        assert one.keys() == other.keys()
        assert all(torch.equal(one[place], other[place]) for place in one)
        if name == "minibatches":
            continue  # which decisions share a minibatch is up to chance
        alone = updated(name, ALONE)
        learned, expected = tensors(first[name]["network"]), tensors(alone["network"])
        assert learned.keys() == expected.keys()
        for place, weights in learned.items():
            assert torch.allclose(weights, expected[place], atol=2e-6, rtol=1e-5), (name, place)
        assert first[name]["inputs"]["count"] == alone["inputs"]["count"] == 3 * 12 * 10


@pytest.mark.parametrize(
    ("others", "device", "alike"), [(0, "cpu", True), (0, "cuda", False), (1, "cpu", False), (1, "cuda", True)]
)
def test_processes_with_and_without_a_card_do_not_wait_for_each_other(
    others: int, device: str, alike: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    team = Team(0, 2)
    monkeypatch.setattr(Team, "total", lambda _team, own: own + others)
    with nullcontext() if alike else pytest.raises(UserError, match="some have none; give --device cpu to all of them"):
        check_devices(team, torch.device(device))


def test_means_count_every_decision_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The other process has 400 decisions, with 0.004 nats each."""
    monkeypatch.setattr(Team, "summed", lambda _team, own: own + 400 * torch.tensor([0.004, 1.0]))
    assert Team(0, 2).mean({"kl": 0.03}, 3200)["kl"] == pytest.approx((3200 * 0.03 + 400 * 0.004) / 3600)


@pytest.mark.parametrize("equal", [0.1, 123.4])
def test_equal_advantages_teach_a_team_nothing(equal: float, monkeypatch: pytest.MonkeyPatch) -> None:
    advantages, team = torch.full((5, 3), equal), Team(0, 2)
    monkeypatch.setattr(Team, "from_first", lambda _team, own: own)
    monkeypatch.setattr(Team, "summed", lambda _team, own: 2 * own)
    assert torch.equal(normalized_together(advantages, team), torch.zeros(5, 3))


@pytest.mark.parametrize(
    ("algorithm", "changes", "reason"),
    [
        ("reinforce", {"normalize": False}, "cannot train without normalising"),
        ("ppo", {"minibatch_size": 1}, "minibatches of 1 cannot be shared among 2 processes; set minibatch_size to 2"),
    ],
)
def test_what_a_team_would_not_learn_as_one_process_does_is_refused(
    algorithm: str, changes: dict[str, Any], reason: str
) -> None:
    settings = training_settings(algorithm, "CartPole-v1")
    _check_team(settings, Team(0, 2))
    changed = replace(settings, algorithm=replace(settings.algorithm, **changes))
    _check_team(changed, ALONE)
    with pytest.raises(UserError, match=reason):
        _check_team(changed, Team(0, 2))


def test_everybody_plays_its_share_of_the_trajectories() -> None:
    learner = Learner(SPEC, learning_rate=1e-3, seed=0, device=torch.device("cpu"), team=Team(0, 3))
    with closing(make(SPEC, 2)) as environments:
        collector = Collector(environments, learner, rollout_length=4, seed=0)
        shared = whole_trajectories(collector, ReinforceSettings(trajectories_per_update=8))
        assert shared._minimum == 3


@pytest.mark.slow
def test_a_killed_process_ends_the_training_in_a_line_and_a_resume_ends_as_without_it(tmp_path: Path) -> None:
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    for code, printed in ended(started(*TRAIN, "--run", whole)):
        assert code == 0, printed
    team = started(*TRAIN, "--run", broken)
    wait_for_lines(broken / "metrics.jsonl", 3)
    team[1].kill()
    (code, printed), _ = ended(team)
    assert code == 2
    assert "another process of this run has ended, or cannot be reached (" in printed
    assert "); start them all again, with" in printed
    assert "Traceback" not in printed
    for code, printed in ended(started("volley", "train", "--resume", broken)):
        assert code == 0, printed
        assert "note:" not in printed
    one, other = (
        torch.load(run / CHECKPOINTS_FOLDER / CHECKPOINT_FILE, weights_only=True)["learner"] for run in (whole, broken)
    )
    assert tensors(one).keys() == tensors(other).keys()
    assert all(torch.equal(tensor, tensors(other)[place]) for place, tensor in tensors(one).items())
    assert len((whole / "metrics.jsonl").read_text().splitlines()) == 2048 // (8 * 8)


def wait_for_lines(file: Path, number: int) -> None:
    deadline = time.monotonic() + 60
    while not file.exists() or len(file.read_text().splitlines()) < number:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_run_of_two_processes_goes_on_with_one_and_says_what_that_changes(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    team = started(*TRAIN, "--run", run)
    wait_for_lines(run / "metrics.jsonl", 3)
    team[0].send_signal(signal.SIGTERM)
    assert {code for code, _ in ended(team)} == {130}
    assert main(["train", "--resume", str(run)]) == 0
    assert "it was saved by a run of 2 processes" in capfd.readouterr().err


def test_a_run_of_one_process_goes_on_with_two_that_draw_differently(tmp_path: Path) -> None:
    run = tmp_path / "run"
    assert main([*TRAIN[1:], "--run", str(run), "--steps", "64"]) == 0
    for code, printed in ended(started("volley", "train", "--resume", run, "--steps", "256")):
        assert code == 0, printed
    saved = torch.load(run / CHECKPOINTS_FOLDER / CHECKPOINT_FILE, weights_only=True)["learner"]
    assert not torch.equal(saved["generator"], saved["others"][0]["generator"])


def test_if_what_started_them_is_killed_the_processes_save_the_run_and_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "as torchrun sets it")
    run = tmp_path / "run"
    shells = started(*TRAIN, "--steps", "1000000", "--run", run, by=("sh", "-c", '"$@" & wait', "sh"))
    wait_for_lines(run / "metrics.jsonl", 3)
    for shell in shells:
        shell.kill()
    printed = "".join(text for _, text in ended(shells))  # A pipe ends when all who could write to it have.
    assert "saved; resume with:" in printed


RENDEZVOUS = {"WORLD_SIZE": "2", "RANK": "0", "MASTER_ADDR": "127.0.0.1"}


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        (RENDEZVOUS, "cannot join the other processes of this run (The server socket has failed to listen on"),
        ({"WORLD_SIZE": "2", "RANK": "0"}, "cannot join the other processes of this run (Error initializing"),
        (RENDEZVOUS | {"RANK": "2"}, "RANK is 2, but there are only 2 processes (WORLD_SIZE); let torchrun start them"),
        (RENDEZVOUS | {"RANK": "x"}, "RANK is 'x', not a whole number; let torchrun start the processes"),
        ({"WORLD_SIZE": "abc"}, "WORLD_SIZE is 'abc', not a whole number; let torchrun start the processes"),
        ({"WORLD_SIZE": "-2"}, "WORLD_SIZE is '-2', not a whole number; let torchrun start the processes"),
    ],
)
def test_processes_that_cannot_meet_say_so_in_a_line(
    variables: dict[str, str], said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("WORLD_SIZE", "RANK", "MASTER_ADDR", "MASTER_PORT"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        monkeypatch.setenv("MASTER_PORT", str(taken.getsockname()[1]))
        assert main(list(TRAIN[1:])) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"volley: {said}")
    assert error.count("\n") == 1
