from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path

import pytest

from models import catalog, checkpoint, store
from models.errors import UserError
from models.files import fingerprint


@pytest.fixture
def pretrained(tmp_path: Path, model_directory: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A catalogue of models, beside a folder that is none."""
    folder = tmp_path / "pretrained"
    for name in ("zeta", "alpha", "nu", "pi", "beta", "omega"):
        shutil.copytree(model_directory, folder / name)
    (folder / "notes").mkdir()
    monkeypatch.setattr(catalog, "PRETRAINED", folder)
    return folder


def test_bundled_names_in_order(pretrained: Path) -> None:
    assert catalog.bundled_names() == ["alpha", "beta", "nu", "omega", "pi", "zeta"]
    shutil.rmtree(pretrained)
    assert catalog.bundled_names() == []


@pytest.mark.parametrize("name", ["alpha", "zeta"])
def test_a_bundled_name_goes_before_a_folder(
    pretrained: Path, model_directory: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(model_directory.parent)
    shutil.copytree(model_directory, name)
    assert catalog.resolve(name) == pretrained / name
    assert catalog.resolve(f"./{name}") == Path(name)


def test_a_model_directory(pretrained: Path, model_directory: Path) -> None:
    assert catalog.resolve(str(model_directory)) == model_directory
    assert catalog.resolve(str(pretrained / "alpha")) == pretrained / "alpha"


def test_home(pretrained: Path, model_directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(model_directory.parent))
    assert pretrained.is_dir()
    assert catalog.resolve("~/tiny") == model_directory


def test_a_run_gives_its_best_or_else_its_newest(tmp_path: Path, model_directory: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(model_directory, run / "model")
    assert catalog.resolve(str(run)) == run / "model"
    shutil.copytree(model_directory, run / "best")
    assert catalog.resolve(str(run)) == run / "best"


def test_nothing_of_that_name(pretrained: Path) -> None:
    with pytest.raises(UserError) as caught:
        catalog.resolve("aplha")
    assert str(caught.value) == (
        "'aplha' is neither a model's name nor a directory; known models: alpha, beta, nu, omega, pi, zeta; "
        "or give a model directory, a run, or USER/REPO on the Hub"
    )
    with pytest.raises(UserError, match="holds no model; known models: alpha, beta"):
        catalog.resolve(str(pretrained / "notes"))


def test_a_mistyped_run_is_not_looked_for_on_the_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert catalog.missing_download("runs/frist") == ("runs/frist", None)
    (tmp_path / "runs").mkdir()
    assert catalog.missing_download("runs/frist") is None
    with pytest.raises(UserError, match=r"^there is no 'runs/frist' in the folder runs; if you mean one on the Hub"):
        catalog.resolve("runs/frist")


@pytest.fixture
def staged(tmp_path: Path, model_directory: Path) -> Path:
    """A run with a newest policy, two stages, and things among these that are none."""
    run = tmp_path / "my-run"
    for folder in ("model", "stages/000500000", "stages/001000000", "stages/old"):
        shutil.copytree(model_directory, run / folder)
    (run / "stages" / "002000000").mkdir()
    return run


def test_stages_of_a_run(staged: Path, model_directory: Path) -> None:
    run = str(staged)
    assert catalog.stages(run) == [500_000, 1_000_000]
    assert catalog.resolve(f"{run}@500000") == staged / "stages" / "000500000"
    assert catalog.resolve(f"{run}@0001000000") == staged / "stages" / "001000000"
    assert catalog.stages(str(staged / "model")) == [500_000, 1_000_000]
    assert catalog.stages(str(model_directory)) == []


def test_stages_of_a_bundled_model(pretrained: Path, model_directory: Path) -> None:
    shutil.copytree(model_directory, pretrained / "alpha" / "stages" / "000129024")
    assert catalog.stages("alpha") == [129_024]
    assert catalog.resolve("alpha@129024") == pretrained / "alpha" / "stages" / "000129024"
    assert catalog.stages("beta") == []


@pytest.mark.parametrize("stage", ["7", "2000000", "old", "latest", "", "-500000", "../model", "²"])
def test_a_stage_that_is_not_there(staged: Path, stage: str) -> None:
    with pytest.raises(UserError) as caught:
        catalog.resolve(f"{staged}@{stage}")
    run = str(staged)
    assert str(caught.value) == f"{run!r} has no stage {stage!r}; its stages: {run}@500000, {run}@1000000"


def test_a_stage_where_none_is_kept(pretrained: Path) -> None:
    assert pretrained.is_dir()
    with pytest.raises(UserError, match=r"^'beta' has no stage '5'; its stages: none$"):
        catalog.resolve("beta@5")
    with pytest.raises(UserError, match=r"^'aplha' is neither a model's name nor a directory"):
        catalog.resolve("aplha@5")


def test_a_directory_goes_before_a_stage(staged: Path, model_directory: Path) -> None:
    twin = staged.with_name("my-run@500000")
    shutil.copytree(model_directory, twin)
    assert catalog.resolve(f"{staged}@500000") == twin


@pytest.mark.parametrize(
    ("model", "name"),
    [
        ("ppo", "ppo"),
        ("ppo@153600", "ppo at 0.15M"),
        ("runs/mine", "mine"),
        ("runs/mine/", "mine"),
        ("runs/mine/best", "mine"),
        ("runs/mine/model", "mine"),
        ("runs/mine@2002944", "mine at 2.00M"),
        ("runs/mine/best@2002944", "mine at 2.00M"),
        ("runs/mine/stages/000503808", "mine at 0.50M"),
        ("runs/mine@home", "mine@home"),
        (f"mine@{'9' * 5000}", f"mine@{'9' * 5000}"),
    ],
)
def test_short_names(model: str, name: str) -> None:
    assert catalog.short_name(model) == name


def test_a_downloads_revision_is_not_a_number_of_steps(tmp_path: Path) -> None:
    """Of 27 commits, one begins with seven decimal digits."""
    (tmp_path / "mira" / "pong").mkdir(parents=True)
    (tmp_path / "mira" / "pong" / store.CURRENT_FILE).write_text("1234567" + 33 * "a")
    with store.keeping_downloads_in(tmp_path):
        assert catalog.short_name("mira/pong@1234567") == "pong@1234567"
        assert catalog.short_name("mira/pong@2024") == "pong@2024"
        assert catalog.short_name("mira/other@2002944") == "other at 2.00M"


def test_a_stage_of_too_many_digits_is_none(pretrained: Path) -> None:
    assert pretrained.is_dir()
    with pytest.raises(UserError, match="has no stage"):
        catalog.resolve(f"alpha@{'9' * 5000}")


def test_a_folder_below_home_is_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match=r"^'~/empty' holds no model"):
        catalog.resolve("~/empty")


@pytest.mark.parametrize("name", ["", ".", "..", "../alpha", "al\npha", "alpha\0"])
def test_odd_names(pretrained: Path, tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert pretrained.is_dir()
    with pytest.raises(UserError) as caught:
        catalog.resolve(name)
    assert str(caught.value).isprintable()


def test_the_default_model_ships_and_every_bundled_model_loads_with_its_stages() -> None:
    assert catalog.DEFAULT_MODEL in catalog.bundled_names()
    assert len(catalog.stages(catalog.DEFAULT_MODEL)) >= 5
    for name in catalog.bundled_names():
        for model in (name, *(f"{name}@{steps}" for steps in catalog.stages(name))):
            checkpoint.load(catalog.resolve(model))


def test_names_that_are_not_utf_8_are_refused_and_not_listed(tmp_path: Path, model_directory: Path) -> None:
    odd = tmp_path / "runs" / os.fsdecode(b"caf\xe9")
    for run in (odd, tmp_path / "runs" / "fine"):
        shutil.copytree(model_directory, run / "model")
        for file in ("config.json", "provenance.json"):
            (run / file).write_text("{}")
    assert catalog.runs(tmp_path / "runs") == [tmp_path / "runs" / "fine"]
    with pytest.raises(UserError, match=r"is not a name in UTF-8, so it could not be written down; rename it$"):
        catalog.resolve(str(odd))


@pytest.mark.parametrize("name", ["config.json", "model.safetensors"])
def test_a_model_that_may_not_be_read_is_told(
    name: str, model_directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = Path.read_bytes

    def refused(path: Path) -> bytes:
        if path.name == name:
            raise PermissionError(errno.EACCES, "Permission denied")
        return read(path)

    monkeypatch.setattr(Path, "read_bytes", refused)
    with pytest.raises(UserError, match=rf"^cannot load the model in .*: {name} cannot be read: Permission denied$"):
        fingerprint(model_directory)
