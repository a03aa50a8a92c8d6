"""Some editors begin a text with the mark of its encoding; it is read as if that were not there."""

from __future__ import annotations

import codecs
import shutil
from pathlib import Path

import pytest

from app.game.rating import History, MatchRecord
from models import catalog, checkpoint, results, store
from models.files import CONFIG_FILE, CURVE_FILE, PROVENANCE_FILE, RESULTS_FILE
from models.provenance import Provenance, read_provenance, write_provenance
from models.run_directory import EVALUATION_FILE, METRICS_FILE, read_config, read_evaluation, read_metrics
from models.spec import ModelSpec
from training.run import RunDirectory
from training.settings import TrainingSettings


def mark(file: Path) -> None:
    file.write_bytes(codecs.BOM_UTF8 + file.read_bytes())


def test_a_marked_specification_is_read(model_directory: Path, spec: ModelSpec) -> None:
    mark(model_directory / CONFIG_FILE)
    assert checkpoint.load(model_directory)[0] == spec
    assert checkpoint.load_policy(model_directory)[0] == spec
    assert read_config(model_directory).spec == spec


def test_the_marked_settings_of_a_run_are_read(tmp_path: Path, spec: ModelSpec) -> None:
    settings = TrainingSettings(model=spec, seed=7)
    RunDirectory.create(tmp_path / "run", settings)
    mark(tmp_path / "run" / CONFIG_FILE)
    assert RunDirectory.open(tmp_path / "run").settings == settings
    assert read_config(tmp_path / "run").seed == 7


def test_marked_matches_are_read(tmp_path: Path) -> None:
    history, match = History(tmp_path / "matches.json"), MatchRecord("2026-11-01", "ppo", 1000.0, 21, 3)
    history.add([match])
    mark(history.path)
    assert history.load() == [match]
    history.add([match])
    assert history.load() == [match, match]


def test_a_marked_provenance_is_read(tmp_path: Path) -> None:
    write_provenance(tmp_path, Provenance(command="volley train ppo", seed=3))
    mark(tmp_path / PROVENANCE_FILE)
    assert read_provenance(tmp_path).seed == 3


def test_a_marked_record_of_a_download_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VOLLEY_DATA", str(tmp_path))
    download = store.Download(repository="ada/x", revision="main", commit="0" * 40, sha256={}, downloaded="2026")
    with store.staging("ada/x") as staged:
        mark(store.install(staged, download).directory / store.RECORD_FILE)
    assert [stored.download for stored in store.downloads()] == [download]


EVALUATION = '{"mean_return": 8, "std_return": 1, "episodes": 2, "sticky": 0, "greedy": false}'


@pytest.mark.parametrize(
    ("name", "content"),
    [(METRICS_FILE, '{"steps": 8, "seconds": 1.0}\n'), (CURVE_FILE, "steps,seconds\n8,1.0\n")],
)
def test_a_marked_learning_curve_is_read(name: str, content: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(content)
    mark(tmp_path / name)
    assert [line["steps"] for line in read_metrics(tmp_path)] == [8]


def test_a_marked_evaluation_is_read(tmp_path: Path) -> None:
    (tmp_path / EVALUATION_FILE).write_text(EVALUATION)
    mark(tmp_path / EVALUATION_FILE)
    found = read_evaluation(tmp_path)
    assert found is not None
    assert found.mean_return == 8


def test_marked_results_are_read(tmp_path: Path) -> None:
    shutil.copyfile(catalog.PRETRAINED / "ppo" / RESULTS_FILE, tmp_path / RESULTS_FILE)
    mark(tmp_path / RESULTS_FILE)
    assert results.read(tmp_path) == results.read(catalog.PRETRAINED / "ppo")
