from __future__ import annotations

import json
import os
import subprocess
from importlib import metadata
from pathlib import Path

import ale_py
import cv2
import gymnasium
import huggingface_hub
import msgspec
import numpy as np
import pygame
import pytest
import torch

from agents.policy import PolicyAgent
from app.command import report
from models import __version__, catalog, checkpoint
from models.files import WEIGHTS_FILE
from models.network import PolicyNetwork
from models.spec import ModelSpec


@pytest.fixture
def bundle(tmp_path: Path, spec: ModelSpec, network: PolicyNetwork, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of pretrained models that holds the default one, tiny."""
    folder = tmp_path / "pretrained"
    checkpoint.save(folder / catalog.DEFAULT_MODEL, spec, network)
    monkeypatch.setattr(catalog, "PRETRAINED", folder)
    monkeypatch.setattr(report, "DECISIONS", 30)
    return folder


@pytest.fixture
def found(bundle: Path) -> report.Report:
    assert bundle.is_dir()
    return report.examine()


def line_of(found: report.Report, name: str) -> str:
    """The line about `name`, and the advice below it where there is some."""
    lines = report.render(found).splitlines()
    (index,) = [index for index, line in enumerate(lines) if line[6:].startswith(f"{name} ")]
    advice = lines[index + 1] if "->" in lines[index + 1] else ""
    return lines[index] + advice


def test_what_it_finds_is_so(found: report.Report) -> None:
    assert found.can_play
    assert found.versions == {
        "volley": __version__,
        "torch": torch.__version__,
        "gymnasium": gymnasium.__version__,
        "ale-py": ale_py.__version__,
        "pygame-ce": pygame.version.ver,
        "opencv-python-headless": metadata.version("opencv-python-headless"),
        "numpy": np.__version__,
        "huggingface_hub": huggingface_hub.__version__,
    }
    opencv = found.versions["opencv-python-headless"]
    assert opencv is not None
    assert opencv.startswith(cv2.__version__)
    assert found.sdl == ".".join(str(part) for part in pygame.get_sdl_version())
    assert found.device.type == ("cuda" if torch.cuda.is_available() else "cpu")
    assert found.processor.cores == len(os.sched_getaffinity(0))
    assert found.weights == [report.Weights(catalog.DEFAULT_MODEL)]
    assert found.rom_md5 == report.PONG_MD5


def test_json(found: report.Report) -> None:
    read = json.loads(json.dumps(found.as_dict()))
    assert read.pop("can_play") is True
    assert msgspec.convert(read, report.Report) == found


def test_the_table(found: report.Report) -> None:
    text = report.render(found)
    assert text.isascii()
    assert text.splitlines()[0].startswith(f"Volley {__version__} on ")
    assert text.endswith("Volley can play here.")
    assert "FAIL" not in text
    for line in text.splitlines()[2:-2]:
        assert line[:4].strip() in ("ok", "warn", ""), line
    columns = {
        len(line) - len(line[6:].partition("  ")[2].lstrip()) for line in text.splitlines()[2:-2] if line[0] != " "
    }
    assert len(columns) == 1, "the texts stand in one column"


def test_broken_weights(bundle: Path, spec: ModelSpec, network: PolicyNetwork) -> None:
    checkpoint.save(bundle / "another", spec, network)
    (bundle / "another" / WEIGHTS_FILE).write_bytes(b"")
    found = report.examine()
    assert found.can_play
    assert line_of(found, "model another").startswith("warn")

    (bundle / catalog.DEFAULT_MODEL / WEIGHTS_FILE).write_bytes(b"")
    found = report.examine()
    assert not found.can_play
    assert found.decision is None
    (broken,) = [weights for weights in found.weights if weights.name == catalog.DEFAULT_MODEL]
    assert broken.error is not None
    assert broken.error in line_of(found, f"model {catalog.DEFAULT_MODEL}")
    assert report.render(found).endswith("Volley cannot play here: see FAIL above.")


def test_no_weights(bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalog, "PRETRAINED", bundle / "nowhere")
    found = report.examine()
    assert not found.can_play
    assert line_of(found, f"model {catalog.DEFAULT_MODEL}").startswith("FAIL")


@pytest.mark.parametrize(("rom", "said"), [(None, "missing"), (b"not Pong", "a different game")])
def test_no_rom(bundle: Path, tmp_path: Path, rom: bytes | None, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert bundle.is_dir()
    if rom is not None:
        (tmp_path / "pong.bin").write_bytes(rom)
    monkeypatch.setattr(ale_py.roms, "get_rom_path", lambda _: tmp_path / "pong.bin")
    found = report.examine()
    assert not found.can_play
    assert line_of(found, "ROM").startswith("FAIL")
    assert said in line_of(found, "ROM")
    assert "ale-py" in line_of(found, "ROM")


def test_no_display_and_no_sound(found: report.Report, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable, driver in (("SDL_VIDEODRIVER", "dummy"), ("SDL_AUDIODRIVER", "dummy")):
        monkeypatch.setenv(variable, driver)
    display, sound = report._display(), report._sound()
    assert display.driver is sound.driver is None
    without = msgspec.structs.replace(found, display=display, sound=sound)
    assert without.can_play, "films need no display"
    assert "dummy" in line_of(without, "display")
    assert "--headless" in line_of(without, "display")
    assert "dummy" in line_of(without, "sound")


def test_a_driver_that_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SDL_VIDEODRIVER", "x11")
    monkeypatch.setenv("DISPLAY", ":4711")
    error = report._display().error
    assert error is not None
    assert "x11" in error


def test_a_display(monkeypatch: pytest.MonkeyPatch) -> None:
    read, write = os.pipe()
    command = ["Xvfb", "-displayfd", str(write), "-screen", "0", "1000x700x24", "-nolisten", "tcp"]
    try:
        server = subprocess.Popen(command, pass_fds=[write], stderr=subprocess.DEVNULL)
    except FileNotFoundError:
        pytest.skip("needs Xvfb")
    finally:
        os.close(write)
    try:
        with os.fdopen(read) as numbers:
            number = numbers.readline().strip()
        monkeypatch.setenv("DISPLAY", f":{number}")
        monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
        monkeypatch.delenv("SDL_VIDEODRIVER", raising=False)
        assert report._display() == report.Display("x11", 1000, 700)
    finally:
        server.terminate()
        server.wait()


def test_a_probe_that_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report, "PROBE_SECONDS", 0.2)
    answer, error = report._probe("import time; time.sleep(60)")
    assert answer == ""
    assert error is not None
    assert "no answer within" in error


def test_a_probe_that_crashes() -> None:
    answer, error = report._probe("import os; os.abort()")
    assert answer == ""
    assert error is not None


def test_decision_time(spec: ModelSpec, network: PolicyNetwork) -> None:
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        network.register_forward_hook(lambda *_: used.add(torch.get_num_threads()))
        used: set[int] = set()
        timed = report.time_decisions(PolicyAgent(spec, network, name="tiny"), decisions=40)
        assert used == {1}
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(threads)
    assert (timed.model, timed.decisions) == ("tiny", 40)
    assert 0 < timed.p50_ms <= timed.p99_ms


def test_hub_offline(found: report.Report) -> None:
    assert "HF_HUB_OFFLINE" in line_of(msgspec.structs.replace(found, hub_offline="HF_HUB_OFFLINE"), "Hub")
    assert "HF_HUB_OFFLINE" not in line_of(msgspec.structs.replace(found, hub_offline=""), "Hub")
