"""What commands print: for any terminal, whoever wrote it, and wherever it goes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from app.command.main import main
from app.command.output import printable
from models import checkpoint
from models.errors import volley
from models.mlp import build
from models.network import PolicyNetwork
from models.spec import ModelSpec
from training.environments import specification

ESCAPE = "\x1b]0;owned\x07\x1b[31m\x9b2J"


def run(*words: str, stdout: int = subprocess.PIPE, **environment: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "volley", *words],
        stdout=stdout,
        stderr=subprocess.PIPE,
        env=os.environ | environment,
        timeout=100,
        check=False,
    )


@pytest.mark.parametrize("command", [["models"], ["models", "--json"], ["doctor"]])
def test_a_full_disk_behind_the_output_is_one_line(command: list[str]) -> None:
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("this system has no /dev/full")
    with full.open("wb") as file:
        done = run(*command, stdout=file.fileno())
    assert done.returncode == 2
    assert done.stderr == b"volley: cannot print the answer: no space left where it goes\n"


@pytest.mark.parametrize("command", [["models"], ["plot", "ppo"], ["plot", "ppo", "--json"]])
def test_a_reader_who_has_seen_enough_is_no_mistake(command: list[str]) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = run(*command, stdout=writer)
    os.close(writer)
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp437"])
@pytest.mark.parametrize("command", [["watch", "--help"], ["models"]])
def test_a_terminal_that_lacks_letters_shows_others(command: list[str], encoding: str) -> None:
    done = run(*command, PYTHONIOENCODING=encoding, LC_ALL="C")
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"?" not in done.stdout.replace(b"???", b"")
    assert len(done.stdout) > 200


def test_nothing_that_is_printed_acts_on_the_terminal() -> None:
    assert printable(f"a{ESCAPE}b\nc") == "a ]0;owned  [31m 2Jb\nc"


def test_an_error_prints_a_strangers_words_harmlessly(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", f"nobody{ESCAPE}"]) == 2
    error = capsys.readouterr().err
    assert "\x1b" not in error
    assert "\x9b" not in error
    assert error.count("\n") == 1


def test_a_progress_bar_shows_a_models_name_harmlessly(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    spec = specification("CartPole-v1", algorithm="ppo")
    monkeypatch.chdir(tmp_path)  # so that all of the name fits in the line
    checkpoint.save(Path("a\x1b]0;owned\x07"), spec, build(spec))
    assert main(["evaluate", "a\x1b]0;owned\x07", "--episodes", "2"]) == 0
    error = capsys.readouterr().err
    assert "a ]0;owned" in error.replace("\n", "")
    assert "\x07" not in error


def test_folders_are_listed_harmlessly(
    tmp_path: Path, spec: ModelSpec, network: PolicyNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    checkpoint.save(tmp_path / "runs" / f"run{ESCAPE}" / "model", spec, network)
    (tmp_path / "runs" / f"run{ESCAPE}" / "config.json").write_text("{}")
    (tmp_path / "runs" / f"run{ESCAPE}" / "provenance.json").write_text("{}")
    done = run("models", VOLLEY_DATA=str(tmp_path))
    assert done.returncode == 0
    assert b"]0;owned" in done.stdout
    assert b"\x1b" not in done.stdout


def test_commands_to_type_are_quoted() -> None:
    assert volley("watch", Path("a run/of mine")) == "volley watch 'a run/of mine'"
    assert volley("evaluate", "ppo@454656") == "volley evaluate ppo@454656"


def test_commands_to_type_are_quoted_as_windows_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("models.errors.os", SimpleNamespace(name="nt"))
    assert volley("watch", "runs\\ppo-1") == "volley watch runs\\ppo-1"
    assert volley("watch", "runs\\of mine") == 'volley watch "runs\\of mine"'


def test_output_that_was_closed_before_is_no_failure() -> None:
    done = subprocess.run(f"{sys.executable} -m volley rating >&-", shell=True, capture_output=True, check=False)  # noqa: S602
    assert (done.returncode, done.stderr) == (0, b"")


def test_a_search_is_measured_as_it_is_meant_to_act(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for algorithm, how in (("cross-entropy", "greedy"), ("ppo", "sampled")):
        spec = specification("CartPole-v1", algorithm=algorithm)
        checkpoint.save(tmp_path / algorithm, spec, build(spec))
        assert main(["evaluate", str(tmp_path / algorithm), "--episodes", "2"]) == 0
        assert f"episodes of CartPole-v1, {how}, " in capsys.readouterr().out
        assert main(["evaluate", str(tmp_path / algorithm), "--episodes", "2", "--sampled"]) == 0
        assert "episodes of CartPole-v1, sampled, " in capsys.readouterr().out


@pytest.mark.parametrize("how", ["--greedy", "--sampled"])
def test_weights_that_overflow_are_reported(how: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spec = specification("CartPole-v1", algorithm="ppo")
    network = build(spec)
    with torch.no_grad():
        for weights in network.parameters():
            weights.fill_(1e38)
    checkpoint.save(tmp_path / "large", spec, network)
    assert main(["evaluate", str(tmp_path / "large"), "--episodes", "2", how]) == 2
    assert capsys.readouterr().err.endswith("cannot play: its weights overflow\n")


@pytest.mark.parametrize("settings", ["text.usetex: True\n", "backend: qtagg\n"])
@pytest.mark.parametrize("backend", ["module://matplotlib_inline.backend_inline", "qtagg", "no such backend"])
def test_pictures_do_not_depend_on_the_users_settings(settings: str, backend: str, tmp_path: Path) -> None:
    (tmp_path / "matplotlibrc").write_text(settings)
    done = run(
        *("plot", "ppo", "--out", str(tmp_path / "curve.png")),
        MATPLOTLIBRC=str(tmp_path / "matplotlibrc"),
        MPLBACKEND=backend,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert (tmp_path / "curve.png").stat().st_size > 10_000


@pytest.mark.parametrize("place", ["MATPLOTLIBRC", "MPLCONFIGDIR"])
def test_settings_that_are_no_text_harm_no_picture(place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(place, str(tmp_path))
    (tmp_path / "matplotlibrc").write_bytes(b"# caf\xe9\n")
    done = run("plot", "ppo", "--out", str(tmp_path / "curve.png"))
    assert (done.returncode, done.stderr) == (0, b"")
    assert (tmp_path / "curve.png").stat().st_size > 10_000


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_device_that_is_not_there_leaves_no_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = tmp_path / "run"
    command = ["train", "ppo", "--env", "CartPole-v1", "--steps", "100", "--run", str(run)]
    assert main([*command, "--device", "cuda"]) == 2
    assert not run.exists()
    assert main(command) == 0
    settings = (run / "config.json").read_bytes()
    assert main(["train", "--resume", str(run), "--steps", "9000", "--device", "cuda"]) == 2
    assert (run / "config.json").read_bytes() == settings
    assert "use --device auto or --device cpu" in capsys.readouterr().err
