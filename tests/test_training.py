"""Whole trainings, short, on the real game: directory, repetition, resumption, interruption, the command line."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, get_args

import here
import msgspec
import pytest
import torch

from app.command import learn
from app.command.main import main
from models import checkpoint
from models.control import ControlSpec
from models.errors import UserError
from models.spec import MINIMAL_ACTIONS, ModelSpec
from training import policy_gradient, presets, solo
from training.algorithms import ALGORITHMS
from training.environments import make_pong
from training.loop import Display, crossed, train
from training.ppo import PpoSettings
from training.run import Progress, RunDirectory
from training.search import SearchSettings
from training.settings import AlgorithmSettings, TrainingSettings

games_here = here.games_here


@pytest.fixture
def settings(spec: ModelSpec, games_here: None, monkeypatch: pytest.MonkeyPatch) -> TrainingSettings:
    del games_here
    monkeypatch.setattr(policy_gradient, "EVALUATION_GAMES", 1)
    monkeypatch.setattr(solo, "MAX_FRAMES", 800)
    monkeypatch.setattr(policy_gradient, "WARM_UP_STEPS", 4)
    return TrainingSettings(
        model=spec,
        steps=96,
        seed=5,
        num_envs=4,
        rollout_length=8,
        device="cpu",
        algorithm=PpoSettings(minibatch_size=16),
    )


def curve(run: RunDirectory) -> list[dict[str, Any]]:
    """The metrics, without what depends on the clock."""
    return [{k: v for k, v in line.items() if "second" not in k} for line in run.metrics()]


def test_ale_py_orders_actions_as_volley_does(spec: ModelSpec) -> None:
    pong = make_pong(spec, 1, sticky=0.0)
    names = [action.name for action in pong.unwrapped.ale.get_action_set()]  # type: ignore[attr-defined]
    assert tuple(names) == MINIMAL_ACTIONS


def test_a_run_directory_holds_all_that_is_promised(tmp_path: Path, settings: TrainingSettings) -> None:
    run = RunDirectory.create(tmp_path / "run", settings)
    progress = train(run, Display())
    assert (progress.steps, progress.updates) == (96, 3)
    assert [line["steps"] for line in run.metrics()] == [32, 64, 96]
    assert run.metrics()[-1]["evaluation_return"] < 0
    for model in ("model", "best", "stages/000000032", "stages/000000064", "stages/000000096"):
        assert checkpoint.load(run.path / model)[0] == settings.model
    assert RunDirectory.open(run.path).settings == settings
    assert list((run.path / "tensorboard").glob("events.out.tfevents.*"))
    assert json.loads((run.path / "provenance.json").read_text())["packages"]["volley"]
    assert not list(run.path.rglob(f".*.{os.getpid()}"))


def test_stages_of_what_was_lost_go(tmp_path: Path, settings: TrainingSettings) -> None:
    run = RunDirectory.create(tmp_path / "run", settings)
    train(run, Display())
    shutil.copytree(run.path / "stages" / "000000064", run.path / "stages" / "000000999")
    train(RunDirectory.open(run.path), Display())
    assert [path.name for path in sorted((run.path / "stages").iterdir())] == ["000000032", "000000064", "000000096"]


def test_same_seed_same_curve(tmp_path: Path, settings: TrainingSettings) -> None:
    curves = []
    for name, seed in (("a", 5), ("b", 5), ("c", 6)):
        run = RunDirectory.create(tmp_path / name, msgspec.structs.replace(settings, seed=seed))
        train(run, Display())
        curves.append(curve(run))
    assert curves[0] == curves[1]
    assert curves[0] != curves[2]


def test_a_stopped_run_goes_on_where_it_was(tmp_path: Path, settings: TrainingSettings) -> None:
    run = RunDirectory.create(tmp_path / "run", settings)
    answers = iter([False, True])
    assert train(run, Display(), stop=lambda: next(answers)).steps == 32
    weights = (run.path / "model" / "model.safetensors").read_bytes()
    with (run.path / "metrics.jsonl").open("a") as file:
        file.write('{"steps": 64, "lost": "its update was never saved"}\n')
    first = curve(run)[0]
    again = RunDirectory.open(run.path)
    assert train(again, Display()).steps == 96
    lines = curve(again)
    assert [line["steps"] for line in lines] == [32, 64, 96]
    assert lines[0] == first
    assert "lost" not in lines[1]
    assert (run.path / "model" / "model.safetensors").read_bytes() != weights


def test_the_model_of_a_run_is_the_average_of_its_weights(tmp_path: Path) -> None:
    changed = presets.training_settings("ppo", "CartPole-v1", changes=["averaging=0.9"])
    small = msgspec.structs.replace(changed, steps=64, num_envs=2, rollout_length=16, device="cpu")
    run = RunDirectory.create(tmp_path / "run", small)
    train(run, Display())
    saved = torch.load(run.path / "checkpoints" / "newest.pt", weights_only=True)["learner"]
    for folder in ("model", "best"):
        _, network = checkpoint.load_policy(run.path / folder)
        for name, weights in network.named_parameters():
            assert torch.equal(weights, saved["average"][f"module.{name}"])
            assert not torch.equal(weights, saved["network"][name])


def test_a_finished_run_is_left_as_it_is(tmp_path: Path, settings: TrainingSettings) -> None:
    run = RunDirectory.create(tmp_path / "run", settings)
    train(run, Display())
    before = curve(run)
    assert train(RunDirectory.open(run.path), Display()).steps == 96
    assert curve(run) == before


def test_what_is_there_is_not_written_over(tmp_path: Path, settings: TrainingSettings) -> None:
    RunDirectory.create(tmp_path / "run", settings)
    with pytest.raises(UserError, match="already exists; go on with it by volley train --resume"):
        RunDirectory.create(tmp_path / "run", settings)


@pytest.mark.parametrize("config", [None, b"{", b'{"steps": 5}', b'{"format_version": 9}'])
def test_what_is_not_a_run_is_refused_in_one_line(tmp_path: Path, config: bytes | None) -> None:
    if config is not None:
        (tmp_path / "config.json").write_bytes(config)
    with pytest.raises(UserError) as caught:
        RunDirectory.open(tmp_path)
    assert "\n" not in str(caught.value)


def test_crossing_a_multiple() -> None:
    assert [crossed(a, a + 3, 10) for a in (0, 6, 7, 9, 10)] == [False, False, True, True, False]


def test_the_command_line_knows_every_algorithm() -> None:
    assert set(learn.ALGORITHMS) == set(presets.PRESETS)


def test_whatever_can_be_asked_for_can_be_trained() -> None:
    assert set(ALGORITHMS) == set(get_args(AlgorithmSettings))
    begun = {type(row["algorithm"]) for rows in presets.PRESETS.values() for row in rows.values()}
    assert begun == set(ALGORITHMS)


@pytest.mark.parametrize("algorithm", [name for name in presets.PRESETS if name != "imitation"])
def test_pong_and_all_else_have_their_presets(algorithm: str) -> None:
    long = {"ppo": 6_000_000, "reinforce": 4_500_000}
    assert presets.training_settings(algorithm, "Pong").steps == long.get(algorithm, 5_000_000)
    settings = presets.training_settings(algorithm, "CartPole-v1")
    assert (settings.steps, settings.sticky) == (400_000 if algorithm == "a2c" else 200_000, 0)
    # A search looks for a linear policy.
    assert isinstance(settings.model, ControlSpec)
    assert (settings.model.hidden == ()) is isinstance(settings.algorithm, SearchSettings)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["train"], "no algorithm given"),
        (["train", "ppo2"], "invalid choice: 'ppo2'"),
        (["train", "ppo", "--steps", "0"], "not a whole number of 1 or more"),
        (["train", "ppo", "--sticky", "1"], "not a probability"),
        (["train", "ppo", "--resume", "x"], "only --steps and --device may change"),
        (["train", "--resume", "x", "--env", "CartPole-v1"], "only --steps and --device may change"),
        (["train", "ppo", "--env", "Foo-v1"], "no environment 'Foo-v1'"),
        (["train", "ppo", "--env", ""], "no environment ''"),
        (["train", "ppo", "--env", "FrozenLake-v1"], "its observations are Discrete(16)"),
        (["train", "ppo", "--head", "gaussian"], "leave out --head gaussian"),
        (["train", "ppo", "--env", "Pendulum-v1", "--head", "categorical"], "--head gaussian or tanh-gaussian"),
        (["train", "ppo", "--env", "CartPole-v1", "--sticky", "0.25"], "--sticky is only for Pong"),
        (["train", "ppo", "--set", "clip=0.1"], "one of ppo's settings: gamma, "),
        (["train", "ppo", "--set", "gamma"], "use NAME=VALUE"),
        (["train", "a2c", "--set", "learning_rate=-1"], "--set learning_rate=-1: Expected `float` > 0.0"),
        (["train", "evolution-strategies", "--set", "learning_rate=1e38"], "Expected `float` <= 1e+37"),
        (["train", "ppo", "--set", "gamma=2"], "<= 1.0"),
        (["train", "reinforce", "--set", "credit=none"], "Invalid enum value 'none'"),
        (["train", "--resume", "nowhere"], "nowhere is not a run"),
        (["evaluate", "nobody"], "known models:"),
        (["evaluate"], "MODEL"),
        (["evaluate", "ppo", "--episodes", "many"], "not a whole number"),
    ],
)
def test_a_mistake_is_one_line_and_code_2(words: list[str], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 2
    error = capsys.readouterr().err
    assert told in error
    assert error.count("\n") == 1


def test_evaluate_prints_the_promised_object(model_directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["evaluate", str(model_directory), "--episodes", "2", "--sticky", "0", "--seed", "4", "--json"]
    assert main(words) == 0
    result = json.loads(capsys.readouterr().out)
    assert list(result) == [
        "model", "environment", "episodes", "mean_return", "std_return", "ci95", "mean_length", "sticky", "greedy",
        "seed", "seconds",
    ]  # fmt: skip
    assert (result["episodes"], result["sticky"], result["greedy"], result["seed"]) == (2, 0, False, 4)
    assert result["ci95"][0] <= result["mean_return"] <= result["ci95"][1]


ONE_PROCESS = ["a2c", "--env", "CartPole-v1"]
SEVERAL = ["a2c", "--opponents", "scripts=2"]
"""Each court of Pong plays in another process."""


@pytest.mark.parametrize(
    ("what", "number"),
    [(ONE_PROCESS, signal.SIGINT), (SEVERAL, signal.SIGHUP), (["a2c"], signal.SIGTERM)],
    ids=["Ctrl-C", "terminal closed", "service stopped"],
)
def test_a_signal_to_end_saves_and_says_how_to_go_on(tmp_path: Path, what: list[str], number: signal.Signals) -> None:
    """A terminal or a service manager sends it to all processes."""
    run = tmp_path / "run"
    training = subprocess.Popen(
        [sys.executable, "-m", "volley", "train", *what, "--steps", "5000000", "--run", str(run), "--device", "cpu"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        start_new_session=True,
    )
    deadline = time.monotonic() + 100
    metrics = run / "metrics.jsonl"
    while not (metrics.exists() and metrics.stat().st_size) and time.monotonic() < deadline:
        time.sleep(0.2)
    os.killpg(training.pid, number)
    out, error = training.communicate(timeout=60)
    assert training.returncode == 130, error
    assert f"volley train --resume {run}" in out
    assert "Traceback" not in error
    assert checkpoint.load_policy(run / "model")
    assert Progress(**_saved_progress(run)).steps == RunDirectory.open(run).metrics()[-1]["steps"] > 0


def _saved_progress(run: Path) -> dict[str, Any]:
    progress: dict[str, Any] = torch.load(run / "checkpoints" / "newest.pt", weights_only=True)["progress"]
    return progress


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_200_000_steps_visibly_learn(tmp_path: Path) -> None:
    """An untrained network returns about -20; so few steps are for the first points won."""
    assert main(["train", "ppo", "--steps", "200000", "--run", str(tmp_path / "run")]) == 0
    assert RunDirectory.open(tmp_path / "run").metrics()[-1]["mean_return"] > -17
