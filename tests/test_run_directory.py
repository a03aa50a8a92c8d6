from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from models import catalog
from models.control import ControlSpec, DiscreteActions
from models.errors import UserError
from models.provenance import Provenance, write_provenance
from models.run_directory import (
    CurvePoint,
    CurveReader,
    home_of,
    is_run,
    parse_curve,
    policy_in,
    read_config,
    read_curve,
    read_evaluation,
    read_metrics,
    stages_in,
    trained_steps,
)
from models.spec import ModelSpec, encode
from training.run import RunDirectory
from training.settings import TrainingSettings, decode

LINES = [{"steps": 100 * n, "seconds": float(n), "mean_return": -21.0 + n, "kl": 0.1} for n in range(1, 6)]
POINTS = tuple(CurvePoint(100 * n, float(n), -21.0 + n) for n in range(1, 6))


def as_text(lines: list[dict[str, float]]) -> str:
    return "".join(json.dumps(line) + "\n" for line in lines)


def test_a_curve_is_read_as_it_grows_and_only_what_is_new(tmp_path: Path) -> None:
    file, reader = tmp_path / "metrics.jsonl", CurveReader(tmp_path)
    assert reader.read() == ()
    file.write_text(as_text(LINES[:2]))
    assert reader.read() == POINTS[:2]
    assert reader.read() == POINTS[:2]
    with file.open("r+") as stream:
        stream.write("x" * 10)
        stream.seek(0, os.SEEK_END)
        stream.write(as_text(LINES[2:3]))
    assert reader.read() == POINTS[:3]


def test_half_a_line_waits_for_its_other_half(tmp_path: Path) -> None:
    file, reader = tmp_path / "metrics.jsonl", CurveReader(tmp_path)
    text = as_text(LINES[:2])
    file.write_text(text[:-20])
    assert reader.read() == POINTS[:1]
    with file.open("a") as stream:
        stream.write(text[-20:])
    assert reader.read() == POINTS[:2]


def test_a_curve_that_was_cut_is_read_anew(tmp_path: Path) -> None:
    """As when a training resumes from its checkpoint: later updates are dropped."""
    file, reader = tmp_path / "metrics.jsonl", CurveReader(tmp_path)
    file.write_text(as_text(LINES[:4]))
    assert reader.read() == POINTS[:4]
    unfinished = tmp_path / "new"
    unfinished.write_text(as_text([*LINES[:2], LINES[4], LINES[4]]))
    unfinished.replace(file)
    assert reader.read() == (*POINTS[:2], POINTS[4], POINTS[4])
    file.write_text(as_text(LINES[:1]))
    assert reader.read() == POINTS[:1]
    file.unlink()
    assert reader.read() == POINTS[:1]


def test_malformed_lines_are_skipped(tmp_path: Path) -> None:
    noise = b'\xff\n\n{"steps": -1, "seconds": 1}\n[]\n{"seconds": 1.0}\n\0\0\n'
    (tmp_path / "metrics.jsonl").write_bytes(noise + as_text(LINES[:1]).encode())
    null = '{"steps": 7, "seconds": 1, "mean_return": null}\n'
    with (tmp_path / "metrics.jsonl").open("a") as file:
        file.write(null)
    assert read_curve(tmp_path) == (POINTS[0], CurvePoint(7, 1.0))


def test_the_curve_beside_a_bundled_model(tmp_path: Path) -> None:
    file = tmp_path / "learning_curve.csv"
    file.write_text("steps,seconds,games,mean_return\n49152,42.5,35,-19.5\n1.2e+06,900,50,nan\n2e+06,1000,50,8\n")
    curve = read_curve(tmp_path)
    assert curve == (CurvePoint(49_152, 42.5, -19.5), CurvePoint(2_000_000, 1000.0, 8.0))
    assert trained_steps(tmp_path, curve) == 2_000_000
    (tmp_path / "provenance.json").write_text('{"command": "volley train", "steps": 2001216}')
    assert trained_steps(tmp_path, curve) == 2_001_216
    for broken in (
        "",
        "steps,seconds\n1,2\n",
        "steps,seconds,mean_return\n1,2\n",
        "steps,seconds,mean_return\n1,2,x\n",
    ):
        file.write_text(broken)
        assert read_curve(tmp_path) == ()
    assert trained_steps(tmp_path.parent, ()) is None


def test_metrics_keep_their_numbers_as_they_were_logged(tmp_path: Path) -> None:
    assert read_metrics(tmp_path) == []
    lines = ['{"steps": 10, "seconds": 0.5, "kl": null, "games": 3}', '{"steps": 20, "seconds": 1e-05}']
    (tmp_path / "metrics.jsonl").write_text("\n".join([lines[0], '{"steps": 15, "sec', '{"seconds": 9}', lines[1]]))
    metrics = read_metrics(tmp_path)
    assert [json.dumps(line) for line in metrics] == lines
    assert metrics[0]["kl"] is None


def test_a_learning_curve_is_read_as_metrics(tmp_path: Path) -> None:
    (tmp_path / "learning_curve.csv").write_text(
        "steps,seconds,mean_return,note\n10,1,-20,a\n20,2,inf,b\n30,3\n40,4,-19,b,c\n,5,6,7\n50,6,-18,\n"
    )
    known = [(line["steps"], line["mean_return"], line["note"]) for line in read_metrics(tmp_path)]
    assert known == [(10, -20, None), (20, None, None), (50, -18, None)]
    assert read_curve(tmp_path) == (CurvePoint(10, 1.0, -20.0), CurvePoint(50, 6.0, -18.0))


def test_the_mean_of_the_first_few_games_is_not_shown(tmp_path: Path) -> None:
    lines = [json.dumps({"steps": n, "seconds": n, "games": n, "mean_return": 20}) for n in (3, 9, 10)]
    (tmp_path / "metrics.jsonl").write_text("\n".join(lines) + "\n")
    assert [point.mean_return for point in read_curve(tmp_path)] == [None, None, 20]
    assert parse_curve("steps,seconds,games,mean_return\n1,2,9,20\n2,3,10,19") == (CurvePoint(2, 3.0, 19.0),)


def test_a_strangers_curve() -> None:
    assert parse_curve("steps,seconds,mean_return\n1,2,3") == (CurvePoint(1, 2.0, 3.0),)
    for text in ("", "\0", "steps,seconds,mean_return\n-1,2,3", "a,b\n1,2", '"' + "x" * 200_000):
        assert parse_curve(text) == ()


def test_which_policies_a_run_holds(tmp_path: Path, model_directory: Path) -> None:
    run = tmp_path / "run"
    assert policy_in(run) is None
    assert stages_in(run) == {}
    for name in ("model", "stages/000200", "stages/000100", "stages/notes"):
        shutil.copytree(model_directory, run / name)
    (run / "stages" / "000300").mkdir()
    assert policy_in(run) == run / "model"
    shutil.copytree(model_directory, run / "best")
    assert policy_in(run) == run / "best"
    assert list(stages_in(run).items()) == [(100, run / "stages" / "000100"), (200, run / "stages" / "000200")]
    assert {home_of(run / name) for name in ("model", "best", "stages/000100")} == {run}
    assert home_of(model_directory) == model_directory


def test_a_model_may_be_called_as_a_runs_policies_are(tmp_path: Path, model_directory: Path) -> None:
    shutil.copytree(model_directory, tmp_path / "best")
    write_provenance(tmp_path / "best", Provenance(command="volley train ppo"))
    assert home_of(tmp_path / "best") == tmp_path / "best"


def test_what_is_a_run(tmp_path: Path, model_directory: Path) -> None:
    assert not is_run(tmp_path / "nowhere")
    (tmp_path / "config.json").touch()
    assert not is_run(tmp_path)
    (tmp_path / "provenance.json").touch()
    assert is_run(tmp_path)
    (model_directory / "provenance.json").touch()
    assert not is_run(model_directory)


def test_a_run_that_was_killed_before_its_second_file_is_a_run(tmp_path: Path, spec: ModelSpec) -> None:
    """It can be resumed."""
    run = RunDirectory.create(tmp_path / "run", TrainingSettings(model=spec))
    (run.path / "provenance.json").unlink()
    assert RunDirectory.open(run.path).settings == run.settings
    assert catalog.runs(tmp_path) == [run.path]
    (run.path / "config.json").write_bytes(encode(spec))
    assert catalog.runs(tmp_path) == [], "a model's specification"
    (run.path / "config.json").write_bytes(b"{")
    assert catalog.runs(tmp_path) == []


def test_what_was_asked_of_a_run(tmp_path: Path, spec: ModelSpec, model_directory: Path) -> None:
    settings = TrainingSettings(model=spec, steps=70, seed=3)
    (tmp_path / "config.json").write_bytes(encode(settings))
    config = read_config(tmp_path)
    assert (config.spec, config.steps, config.seed) == (spec, 70, 3)
    assert config.settings is not None
    assert config.settings["num_envs"] == settings.num_envs
    control = ControlSpec(algorithm="a2c", environment="X-v1", observation_size=4, actions=DiscreteActions(2))
    (tmp_path / "config.json").write_bytes(encode(TrainingSettings(model=control)))
    assert read_config(tmp_path).spec == control
    model = read_config(model_directory)
    assert (model.spec, model.steps, model.seed, model.settings) == (spec, None, None, None)


def test_an_older_runs_settings_are_read(tmp_path: Path) -> None:
    """Of format version 1, whose specifications did not name their kind."""
    settings = json.loads((catalog.PRETRAINED / "ppo" / "provenance.json").read_text())["settings"]
    settings["format_version"] = 1
    del settings["model"]["kind"]
    (tmp_path / "config.json").write_text(json.dumps(settings))
    config = read_config(tmp_path)
    assert (config.spec.algorithm, config.steps, config.seed) == ("ppo", 6_000_000, 0)


@pytest.mark.parametrize("config", [b"", b"{", b"\xff", b"[]", b"{}", b'{"model": {}, "steps": 1}', b"[" * 10_000])
def test_what_was_asked_cannot_be_told(tmp_path: Path, config: bytes) -> None:
    with pytest.raises(UserError, match=r"is not a run of 'volley train': .*config.json$"):
        read_config(tmp_path)
    (tmp_path / "config.json").write_bytes(config)
    with pytest.raises(UserError, match=r"config\.json is neither a run's nor a model's") as caught:
        read_config(tmp_path)
    assert str(caught.value).isprintable()


def test_a_setting_that_is_there_twice_cannot_be_told(tmp_path: Path, spec: ModelSpec) -> None:
    settings = encode(TrainingSettings(model=spec, steps=70))
    (tmp_path / "config.json").write_bytes(settings.replace(b'"steps"', b'"steps": 7, "steps"', 1))
    with pytest.raises(UserError, match=r"it has 'steps' twice$"):
        read_config(tmp_path)


def test_what_the_best_policy_was_measured_to_be_worth(tmp_path: Path) -> None:
    assert read_evaluation(tmp_path) is None
    (tmp_path / "evaluation.json").write_text("{}")
    assert read_evaluation(tmp_path) is None
    figures = {"mean_return": 7.5, "std_return": 1, "episodes": 20, "sticky": 0, "greedy": False, "seconds": 1}
    (tmp_path / "evaluation.json").write_text(json.dumps(figures))
    found = read_evaluation(tmp_path)
    assert found is not None
    assert (found.mean_return, found.episodes) == (7.5, 20)


def test_reading_runs_costs_no_torch() -> None:
    code = "import sys; from models import catalog, run_directory; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_setting_that_is_there_twice_is_refused(spec: ModelSpec) -> None:
    config = encode(TrainingSettings(model=spec))
    assert decode(config).seed == 0
    with pytest.raises(UserError, match=r"its config\.json is not a training run's: it has 'seed' twice"):
        decode(config.rstrip()[:-1] + b', "seed": 1}')
