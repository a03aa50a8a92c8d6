"""The three paths through the code that CONTRIBUTING.md tells of, held against the calls that are really made."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import local_hub
import pygame
import pytest
from local_hub import LocalHub
from msgspec.structs import replace

from app.command.download import local_directory
from app.game.lineup import Lineup, Policy, Rom
from app.game.session import Session
from app.game.snapshot import State
from app.ui.display import open_display
from app.window import Window
from models import checkpoint
from models.hub import publishing
from models.network import PolicyNetwork
from models.spec import ModelSpec
from training.loop import Display, train
from training.presets import training_settings
from training.run import RunDirectory

CHECKOUT = Path(__file__).parents[1]
ROOMS = tuple(str(CHECKOUT / room) for room in ("agents", "app", "models", "training"))

# The server and its environment are the fixture of another file.
hub = local_hub.hub


@contextmanager
def calls() -> Iterator[list[str]]:
    """Every call of a function of the project's, in order: methods as Class.method, functions as module.function."""
    made: list[str] = []

    def note(frame: FrameType, event: str, _argument: object) -> None:
        code = frame.f_code
        if event == "call" and code.co_filename.startswith(ROOMS):
            name = code.co_qualname
            made.append(name if "." in name else f"{Path(code.co_filename).stem}.{name}")

    sys.setprofile(note)
    try:
        yield made
    finally:
        sys.setprofile(None)


def documented(path: str) -> list[str]:
    """The calls that CONTRIBUTING.md names under a path, in order."""
    text = (CHECKOUT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    found = re.search(rf"\*\*{path}\*\*.*?```\n(.*?)```", text, re.DOTALL)
    assert found is not None, f"CONTRIBUTING.md does not tell of {path}"
    return re.findall(r"[A-Za-z_]+\.[A-Za-z_]+", found[1])


def assert_in_order(expected: list[str], made: list[str]) -> None:
    rest = iter(made)
    missing = [name for name in expected if name not in rest]
    assert not missing, f"not called in this order: {missing}"


def test_a_frame_becomes_an_action(
    tmp_path: Path, spec: ModelSpec, network: PolicyNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable, value in (("SDL_VIDEODRIVER", "dummy"), ("SDL_AUDIODRIVER", "dummy")):
        monkeypatch.setenv(variable, value)
    monkeypatch.setenv("VOLLEY_CONFIG", str(tmp_path / "config"))
    checkpoint.save(tmp_path / "model", spec, network)
    session = Session(Lineup(Rom(), Policy(str(tmp_path / "model"))), seed=1)
    window = Window(open_display(), session)
    with window.services:
        while session.match.state is not State.PLAYING:
            window.frame(0.0)
            pygame.time.wait(2)
        with calls() as made:
            for _ in range(2 * spec.observation.frame_skip):  # a decision is among them
                window.frame(1 / 60)
    assert_in_order(documented("A frame to an action"), made)


def test_a_reward_becomes_a_gradient(tmp_path: Path) -> None:
    settings = replace(training_settings("ppo", "CartPole-v1"), steps=1, device="cpu", num_envs=2, rollout_length=8)
    with calls() as made:
        train(RunDirectory.create(tmp_path / "run", settings), Display())
    assert_in_order(documented("A reward to a gradient"), made)


def test_a_name_becomes_a_player(
    hub: LocalHub, tmp_path: Path, spec: ModelSpec, network: PolicyNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VOLLEY_DATA", str(tmp_path / "data"))
    checkpoint.save(tmp_path / "model", spec, network)
    publishing.publish(tmp_path / "model", "ada/pong")
    assert hub.requests
    with calls() as made:
        local_directory("ada/pong")
        Session(Lineup(Rom(), Policy("ada/pong")), seed=1).begin_now()
    assert_in_order(documented("A name to a player"), made)
