"""A token and a password, planted where people have them, come out nowhere: only the Hub is given the token."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from email.message import Message
from pathlib import Path
from typing import Any

import local_hub
import pygame
import pytest
from hub_answers import Reply
from huggingface_hub import close_session, constants, hf_api
from local_hub import Fault, LocalHub

from app import trouble
from app.command import report
from app.command.main import main
from app.game import replay
from app.play.screen import MatchScreen
from app.settings import replays_folder, settings_file
from app.trouble import reports_folder
from models import checkpoint
from models.errors import without_secrets
from models.mlp import build
from training import publication
from training.environments import specification

hub = local_hub.hub
TOKEN = "hf_" + "plantedtoken" * 3
PASSWORD = "hunter2"  # noqa: S105 - it opens nothing
REPOSITORY = "tester/cart"


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publication, "EPISODES", 1)
    monkeypatch.setattr(report, "DECISIONS", 10)
    monkeypatch.setattr("app.window.Pacer.wait", lambda _pacer: 1 / 60)


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where everything is written, with the token in each place that a program may read one from."""
    monkeypatch.setattr(LocalHub, "token", TOKEN)
    for name, value in {
        "VOLLEY_CONFIG": "config",
        "VOLLEY_DATA": "data",
        "HF_TOKEN_PATH": "huggingface/token",
        "HF_STORED_TOKENS_PATH": "huggingface/stored_tokens",
    }.items():
        monkeypatch.setenv(name, str(tmp_path / value))
    for name in ("SDL_VIDEODRIVER", "SDL_AUDIODRIVER"):
        monkeypatch.setenv(name, "dummy")
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    monkeypatch.chdir(tmp_path)
    for file, text in planted(tmp_path).items():
        file.parent.mkdir(exist_ok=True)
        file.write_text(text)
    trouble._write.cache_clear()
    yield tmp_path
    if pygame.display.get_init():
        pygame.event.clear()


def planted(folder: Path) -> dict[Path, str]:
    home = folder / "huggingface"
    return {
        home / "token": TOKEN,
        home / "stored_tokens": f"[mine]\nhf_token = {TOKEN}\n",
        settings_file(): f'token = "{TOKEN}"\n',
    }


class Traffic(list[bytes]):
    """All that a Hub was sent, but the header that is for the token."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        super().__init__()
        receive = LocalHub.receive

        def heard(hub: LocalHub, method: str, target: str, headers: Message, body: bytes) -> tuple[Reply, Fault | None]:
            shown = [pair for pair in headers.items() if pair[0].lower() != "authorization"]
            self.append(f"{method} {target} {shown}\n".encode() + body)
            return receive(hub, method, target, headers, body)

        monkeypatch.setattr(LocalHub, "receive", heard)


def written(folder: Path) -> Iterator[tuple[Path, bytes]]:
    """All files but those in which the token was planted; replays without their compression."""
    for path in folder.rglob("*"):
        if path.is_file() and path not in planted(folder):
            yield path, path.read_bytes()
            if path.suffix == replay.SUFFIX:
                yield path, repr(replay.load(path)).encode()


def volley(hub: LocalHub, *words: str, **variables: str) -> str:
    """What a process says that runs this command."""
    command = [sys.executable, "-m", "volley", *words]
    done = subprocess.run(
        command, env=os.environ | hub.environment() | variables, capture_output=True, text=True, check=False
    )
    return done.stdout + done.stderr


draw = MatchScreen._draw


def fail_soon(screen: MatchScreen, *arguments: Any) -> None:
    """Draws a match, and fails after 3 s of it."""
    if screen._session.match.frames >= 180:
        raise TypeError(f"cannot draw {TOKEN} of http://ada:{PASSWORD}@127.0.0.1")
    draw(screen, *arguments)


def test_a_token_is_told_to_the_hub_alone(
    here: Path,
    hub: LocalHub,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    sent = Traffic(monkeypatch)
    run = ("--run", "runs/first", "--device", "cpu")
    assert main(["train", "a2c", "--env", "CartPole-v1", "--steps", "2000", *run]) == 0
    assert main(["train", "--resume", "runs/first", "--steps", "4000"]) == 0
    assert main(["evaluate", "runs/first", "--episodes", "1", "--json"]) == 0
    assert main(["publish", "runs/first", REPOSITORY, "--folder", "kept"]) == 0
    assert main(["pull", REPOSITORY]) == 0
    assert main(["models"]) == main(["models", "--hub", ""]) == main(["doctor"]) == 0
    monkeypatch.setattr(MatchScreen, "_draw", fail_soon)
    assert main(["watch", "ppo", "--versus", "tracker"]) == 1
    out, err = capfd.readouterr()
    told = volley(hub, "models", "--hub", "cart", HF_DEBUG="1", HF_HUB_VERBOSITY="debug")
    assert REPOSITORY in told
    assert any(reports_folder().iterdir())
    assert any(replays_folder().iterdir())
    assert {path.name for path, _ in written(here)} >= {"newest.pt", "README.md", "results.json", "provenance.json"}
    received = [(name, blob.content) for name, blob in hub.repositories[REPOSITORY].commits[-1].files.items()]
    assert len(received) > 5
    said = [("printed", (out + err + told).encode()), ("logged", caplog.text.encode())]
    for where, content in (*said, *received, *written(here), *(("sent", message) for message in sent)):
        assert TOKEN.encode() not in content, where
        assert PASSWORD.encode() not in content, where


def points_at(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets the client be as if HF_ENDPOINT had been this when it was imported."""
    monkeypatch.setattr(constants, "ENDPOINT", address)
    monkeypatch.setattr(hf_api.api, "endpoint", address)


@pytest.fixture
def behind_a_password(hub: LocalHub, monkeypatch: pytest.MonkeyPatch) -> LocalHub:
    """A Hub behind a mirror that asks for a password, which stands in HF_ENDPOINT."""
    receive = LocalHub.receive

    def let_in(hub: LocalHub, method: str, target: str, headers: Message, body: bytes) -> tuple[Reply, Fault | None]:
        if headers.get("Authorization", "").startswith("Basic "):
            headers.replace_header("Authorization", f"Bearer {hub.token}")
        return receive(hub, method, target, headers, body)

    monkeypatch.setattr(LocalHub, "receive", let_in)
    points_at(hub.url.replace("://", f"://ada:{PASSWORD}@"), monkeypatch)
    return hub


def test_a_password_in_the_hubs_address_is_not_told(
    here: Path, behind_a_password: LocalHub, capfd: pytest.CaptureFixture[str]
) -> None:
    spec = specification("CartPole-v1", algorithm="a2c")
    checkpoint.save(here / "cart", spec, build(spec))
    assert main(["publish", "cart", REPOSITORY, "--folder", "kept"]) == 0
    assert main(["publish", "kept", REPOSITORY, "--staged", "--json"]) == 0
    assert main(["pull", REPOSITORY]) == 0
    behind_a_password.fail(Fault.BROKEN, "")
    assert main(["pull", REPOSITORY]) == 2
    out, err = capfd.readouterr()
    assert f"{behind_a_password.url}/{REPOSITORY}\n" in out, "it can be clicked"
    for where, content in (("printed", (out + err).encode()), *written(here)):
        assert PASSWORD.encode() not in content, where


@pytest.mark.usefixtures("hub")
@pytest.mark.parametrize("name", ["HF_ENDPOINT", "HTTP_PROXY", "ALL_PROXY"])
def test_a_password_in_an_address_where_nobody_answers_is_not_told(
    here: Path, name: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    nobody = f"http://ada:{PASSWORD}@127.0.0.1:1"
    if name == "HF_ENDPOINT":
        points_at(nobody, monkeypatch)
    else:
        monkeypatch.setenv(name, nobody)
        close_session()
    assert main(["pull", "ada/pong"]) == 2
    out, err = capfd.readouterr()
    assert "the Hub does not answer" in err
    assert PASSWORD not in out + err
    assert not any(PASSWORD.encode() in content for _, content in written(here))


@pytest.mark.parametrize(
    ("text", "left"),
    [
        (f"the token {TOKEN}, and", "the token [secret], and"),
        ("hf_oauth_eyJhbGciOi.eyJz-dWIi_.c2ln is no token", "[secret] is no token"),
        ("https://ada:hunter2@mirror.example/x", "https://[secret]mirror.example/x"),
        ("https://ada:p@ss:word@mirror.example", "https://[secret]mirror.example"),
        ("HF_ENDPOINT=ada:hunter2@mirror", "HF_ENDPOINT=[secret]mirror"),
        ("hf_hub_download in hf_api.py, https://huggingface.co/ada@v1", None),
        ('File "x.py", line 1: runs/first@1000 and ada/pong@main', None),
    ],
)
def test_what_is_a_secret(text: str, left: str | None) -> None:
    assert without_secrets(text) == (left or text)


def test_a_token_that_looks_like_none_is_known_by_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "mirror/1234\n")
    assert without_secrets("Bearer mirror/1234 is refused") == "Bearer [secret] is refused"
