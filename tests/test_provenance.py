from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import msgspec
import pytest
import torch

from models import catalog
from models.errors import UserError
from models.provenance import MAX_PROVENANCE_BYTES, Provenance, TrainedPolicy, read_provenance, write_provenance
from models.spec import ModelSpec
from training.launch import new_run
from training.provenance import new_provenance
from training.run import RunDirectory
from training.settings import TrainingSettings

CPU = torch.device("cpu")


def test_what_training_writes_as_a_run_begins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["volley", "train", "ppo", "--run", "my runs/first"])
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {3}, raising=False)  # as `taskset -c 3` leaves it
    write_provenance(tmp_path, new_provenance(CPU))
    written = json.loads((tmp_path / "provenance.json").read_text())
    assert list(written) == ["command", "started", "python", "packages", "processor", "cores", "cuda"]
    assert written["command"] == "volley train ppo --run 'my runs/first'"
    assert written["cuda"] is None
    assert written["cores"] == 1
    assert read_provenance(tmp_path).by_volley


def test_a_card_that_was_not_used_is_not_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("torch.cuda.get_device_name", lambda *_: "a card")
    assert new_provenance(CPU).cuda is None
    assert new_provenance(torch.device("cuda")).cuda == "a card"


def test_a_long_command_is_whole() -> None:
    command = "volley train ppo " + " ".join(f"--set ppo.something_{number}=1" for number in range(60)) + " --steps 5"
    assert len(command) > 1000
    assert Provenance(command=command).reproduction_commands() == (command,)


def test_a_command_whose_names_are_not_utf_8_can_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["volley", "train", "ppo", "--run", "caf\udce9"])
    write_provenance(tmp_path, new_provenance(CPU))
    assert read_provenance(tmp_path).command == "volley train ppo --run 'caf?'"


def test_a_model_whose_name_is_not_utf_8_is_not_gone_on_from(tmp_path: Path, model_directory: Path) -> None:
    named = tmp_path / os.fsdecode(b"caf\xe9")
    shutil.copytree(model_directory, named)
    with pytest.raises(UserError, match=r"is not a name in UTF-8, so it could not be written down; rename it$"):
        new_run(tmp_path / "run", algorithm="ppo", start=str(named))


def test_the_trainings_before_are_told_with_the_steps_that_they_came_to(
    tmp_path: Path, spec: ModelSpec, model_directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.argv", ["volley", "train", "ppo", "--steps", "70", "--run", "runs/first"])
    run = RunDirectory.create(tmp_path / "run", TrainingSettings(model=spec, steps=70))
    run.write_settings(TrainingSettings(model=spec, steps=500))
    shutil.copytree(model_directory, run.path / "model")
    assert new_provenance(CPU, str(run.path)).earlier == ("volley train ppo --run runs/first --steps 500",)


def test_a_training_before_is_told_with_the_run_that_the_next_one_went_on_from(
    tmp_path: Path, spec: ModelSpec, model_directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.argv", ["volley", "train", "ppo"])
    run = RunDirectory.create(tmp_path / "ppo of today", TrainingSettings(model=spec, steps=70))
    shutil.copytree(model_directory, run.path / "model")
    assert new_provenance(CPU, str(run.path)).earlier == ("volley train ppo --run 'runs/ppo of today' --steps 70",)


def test_what_trained_a_published_model_is_told_with_its_steps(model_directory: Path) -> None:
    resumed = Provenance(command="volley train ppo --steps 200000", settings={"steps": 5_000_000})
    write_provenance(model_directory, resumed)
    assert new_provenance(CPU, str(model_directory)).earlier == ("volley train ppo --steps 5000000",)


@pytest.mark.parametrize("name", catalog.bundled_names())
def test_a_record_that_ships_is_written_again_byte_for_byte(name: str, tmp_path: Path) -> None:
    before = catalog.PRETRAINED / name
    write_provenance(tmp_path, read_provenance(before))
    assert (tmp_path / "provenance.json").read_bytes() == (before / "provenance.json").read_bytes()


def test_what_a_publication_adds_comes_last(tmp_path: Path) -> None:
    record = read_provenance(catalog.resolve("ppo"))
    write_provenance(tmp_path, msgspec.structs.replace(record, policy=TrainedPolicy("the newest", None)))
    written = json.loads((tmp_path / "provenance.json").read_text())
    assert list(written.items())[-1] == ("policy", {"which": "the newest", "steps": None})


@pytest.mark.parametrize(
    "content", ["", "{no JSON", "[]", "\xff", '{"steps": -1}', '{"packages": [1]}', "[" * 10_000, " " * 70_000 + "{}"]
)
def test_a_record_that_cannot_be_read_is_empty(tmp_path: Path, content: str) -> None:
    (tmp_path / "provenance.json").write_bytes(content.encode("latin-1"))
    assert read_provenance(tmp_path) == Provenance()
    assert read_provenance(tmp_path / "nowhere") == Provenance()


def test_unknown_fields_are_skipped_and_huge_files_not_read(tmp_path: Path) -> None:
    file = tmp_path / "provenance.json"
    file.write_text('{"steps": 5, "more": [1]}')
    assert read_provenance(tmp_path) == Provenance(steps=5)
    file.write_text('{"steps": 5}' + " " * MAX_PROVENANCE_BYTES)
    assert read_provenance(tmp_path) == Provenance()
