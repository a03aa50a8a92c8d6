from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from models import catalog, checkpoint
from models.errors import UserError


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
        "'aplha' is neither a bundled model nor a directory; bundled: alpha, beta, nu, omega, pi, zeta; "
        "or give a model directory or a run of 'volley train'"
    )
    with pytest.raises(UserError, match="holds no model; bundled: alpha, beta"):
        catalog.resolve(str(pretrained / "notes"))


@pytest.mark.parametrize("name", ["", ".", "..", "../alpha", "al\npha", "alpha\0"])
def test_odd_names(pretrained: Path, tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert pretrained.is_dir()
    with pytest.raises(UserError) as caught:
        catalog.resolve(name)
    assert str(caught.value).isprintable()


def test_the_default_model_ships_and_every_bundled_model_loads() -> None:
    assert catalog.DEFAULT_MODEL in catalog.bundled_names()
    for name in catalog.bundled_names():
        checkpoint.load(catalog.resolve(name))
