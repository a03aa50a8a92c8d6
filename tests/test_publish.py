from __future__ import annotations

import json
import logging
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import here
import local_hub
import pytest
from local_hub import Fault, LocalHub

from app.command.main import main
from app.play import trailer
from models import checkpoint, results, store
from models.control import ControlSpec, DiscreteActions
from models.mlp import build
from training import publication, solo

hub = local_hub.hub
games_here = here.games_here
REPOSITORY = "tester/cart"
FILES = {"README.md", "config.json", "model.safetensors", "results.json"}
"""Of a model for a control problem of which nothing else is known."""


@pytest.fixture(autouse=True)
def quick(tmp_path: Path, games_here: None, monkeypatch: pytest.MonkeyPatch) -> None:
    del games_here
    monkeypatch.setattr(publication, "EPISODES", 2)
    monkeypatch.setattr(solo, "MAX_FRAMES", 400)
    monkeypatch.setattr(trailer, "MAX_SECONDS", 0.3)
    monkeypatch.setenv("VOLLEY_DATA", str(tmp_path / "data"))
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")


@pytest.fixture
def cart(tmp_path: Path) -> str:
    spec = ControlSpec(algorithm="a2c", environment="CartPole-v1", observation_size=4, actions=DiscreteActions(2))
    checkpoint.save(tmp_path / "cart", spec, build(spec))
    return str(tmp_path / "cart")


def committed(hub: LocalHub, repository: str = REPOSITORY) -> list[tuple[str, ...]]:
    """What each commit after the first, which is the Hub's own, has changed."""
    return [commit.changed for commit in hub.repositories[repository].commits[1:]]


def lines_of(text: str) -> list[Any]:
    return [json.loads(line) for line in text.splitlines()]


def left() -> list[str]:
    """What there is in the folder that the command was started in, and in Volley's own."""
    here = Path.cwd()
    return sorted(path.relative_to(here.parent).as_posix() for path in here.parent.rglob("*") if path.is_file())


def test_one_commit_with_all_of_it(cart: str, hub: LocalHub, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["publish", cart, REPOSITORY, "--message", "Here it is"]) == 0
    repository = hub.repositories[REPOSITORY]
    assert committed(hub) == [tuple(sorted(FILES))]
    assert (repository.commits[-1].title, repository.private) == ("Here it is", False)
    said = capsys.readouterr().out
    assert f"{hub.url}/{REPOSITORY}\n" in said
    assert repository.commits[-1].id in said
    assert "4 of 4 files were new or changed" in said
    sizes = {words[0]: words[1:] for line in said.splitlines() if (words := line.split()) and words[0] in FILES}
    weights = len(repository.commits[-1].files["model.safetensors"].content)
    assert sizes.keys() == FILES
    assert sizes["model.safetensors"] == [f"{weights / 1000:,.1f}", "kB"]
    assert not [name for name in left() if not name.startswith("cart/")], "something was left behind"


def test_pulled_again_it_measures_the_same(cart: str, hub: LocalHub, capsys: pytest.CaptureFixture[str]) -> None:
    main(["publish", cart, REPOSITORY, "--json"])
    commit = lines_of(capsys.readouterr().out)[-1]["published"]["commit"]
    assert commit == hub.repositories[REPOSITORY].commits[-1].id
    assert main(["pull", f"{REPOSITORY}@{commit}"]) == 0
    read = results.read(store.find(REPOSITORY, commit))
    assert read is not None
    capsys.readouterr()
    assert main(read.evaluations[0].command.split()[1:]) == 0
    assert json.loads(capsys.readouterr().out)["mean_return"] == read.mean_reward


def test_again_only_what_changed(cart: str, hub: LocalHub, capsys: pytest.CaptureFixture[str]) -> None:
    main(["publish", cart, REPOSITORY])
    hub.commit(
        REPOSITORY, {"notes.md": b"theirs", "replay.mp4": b"of an earlier model", "tensorboard/events.1": b"old"}
    )
    hub.requests.clear()
    capsys.readouterr()
    assert main(["publish", cart, REPOSITORY, "--json"]) == 0
    assert not any("/large/" in request.path for request in hub.requests), "the weights went over again"
    changed = committed(hub)[-1]
    assert set(changed) - {"results.json"} == {"replay.mp4", "tensorboard/events.1"}, "what is gone from the model"
    assert set(hub.repositories[REPOSITORY].commits[-1].files) == FILES | {".gitattributes", "notes.md"}
    assert set(lines_of(capsys.readouterr().out)[-1]["published"]["uploaded"]) <= {"results.json"}


def test_a_pong_models_publication_has_a_film(
    model_directory: Path, hub: LocalHub, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publication, "EPISODES", 1)
    assert main(["publish", str(model_directory), "tester/tiny-pong", "--private", "--json"]) == 0
    repository = hub.repositories["tester/tiny-pong"]
    assert repository.private
    assert committed(hub, "tester/tiny-pong") == [tuple(sorted(FILES | {"replay.mp4", "replay.png"}))]
    files = repository.commits[-1].files
    assert files["replay.mp4"].content[4:8] == b"ftyp"
    told = lines_of(capsys.readouterr().out)
    counted = [(line["done"], line["total"]) for line in told if line.get("stage") == "evaluate"]
    assert counted == [(0, 2), (1, 2), (2, 2)]
    stages = list(dict.fromkeys(line["stage"] for line in told[:-1]))
    assert stages == ["check", "evaluate", "film", "card", "upload"]
    assert told[-1]["files"] == {name: len(blob.content) for name, blob in files.items() if name != ".gitattributes"}
    assert told[-1]["published"]["url"] == f"{hub.url}/tester/tiny-pong"


@pytest.mark.parametrize(
    ("points_at", "ends_at"),
    [
        # A rate of 59.92 frames a second: 20 s are 1198.4 frames, 0.75 s are 45, and 60 s are 3595.
        ([100, 700, 1300, 1500], 1300 + 45),
        ([1199], 1199 + 45),
        ([1198, 2000], 2000 + 45),
        ([], 3595),
        ([3590], 3595),
    ],
)
def test_a_film_ends_with_a_point(points_at: list[int], ends_at: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    match: Any = SimpleNamespace(frames=0, score=(0, 0))
    ending = trailer._Ending(match)
    while not ending.reached():
        match.frames += 1
        match.score = (0, sum(match.frames >= at for at in points_at))
    assert match.frames == ends_at


def test_a_dry_run_asks_nobody_and_is_uploaded_as_it_is(
    cart: str, hub: LocalHub, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["publish", cart, REPOSITORY, "--dry-run"]) == 0
    assert not hub.requests
    assert {path.name for path in Path("cart").iterdir()} == FILES
    assert f"volley publish cart {REPOSITORY} --staged" in capsys.readouterr().out
    shutil.rmtree("cart")
    assert main(["publish", cart, REPOSITORY, "--dry-run", "--private", "--message", "A better one"]) == 0
    assert f"publish cart {REPOSITORY} --staged --private --message 'A better one'\n" in capsys.readouterr().out
    assert main(["publish", cart, REPOSITORY, "--dry-run", "--folder", str(tmp_path / "there"), "--json"]) == 0
    *_, last = lines_of(capsys.readouterr().out)
    assert (last["folder"], set(last["files"])) == (str(tmp_path / "there"), FILES)
    with (tmp_path / "there" / "README.md").open("a") as card:
        card.write("A word of my own.\n")
    assert main(["publish", str(tmp_path / "there"), REPOSITORY, "--staged"]) == 0
    files = hub.repositories[REPOSITORY].commits[-1].files
    for path in (tmp_path / "there").iterdir():
        assert files[path.name].content == path.read_bytes()
    assert "measuring" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "answer"),
    [
        (["nothing", REPOSITORY], "neither a model's name nor a directory"),
        (["CART", "cart"], "'cart' is not a valid repository name; give USER/REPO"),
        (["CART", "tester/cart@main"], "is not a valid repository name"),
        (["CART", "tester/cart--pole"], "the Hub does not take the name tester/cart--pole"),
        (["CART", "tester/cart.git"], "the Hub does not take the name tester/cart.git"),
        (["CART", "somebody/cart"], "somebody/ is not yours; you can publish under tester/"),
        (["CART", REPOSITORY, "--staged"], "was not written by 'volley publish --dry-run'"),
        (["CART", REPOSITORY, "--staged", "--dry-run"], "leave out --dry-run"),
        (["CART", REPOSITORY, "--dry-run", "--folder", "CART"], "choose another with --folder"),
    ],
)
@pytest.mark.usefixtures("hub")
def test_mistakes_are_told_before_anything_is_measured(
    cart: str, words: list[str], answer: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publication, "measure", lambda *_, **__: pytest.fail("it was measured"))
    assert main(["publish", *(cart if word == "CART" else word for word in words)]) == 2
    said = capsys.readouterr().err
    assert answer in said
    assert said.count("\n") == 1


def test_staged_for_another_repository(cart: str, hub: LocalHub, capsys: pytest.CaptureFixture[str]) -> None:
    main(["publish", cart, REPOSITORY, "--dry-run"])
    capsys.readouterr()
    assert main(["publish", "cart", "tester/other", "--staged"]) == 2
    assert "was not written for tester/other" in capsys.readouterr().err
    for other in (REPOSITORY[:-1], f"{REPOSITORY}-2"):
        assert main(["publish", "cart", other, "--staged"]) == 2, other
        assert f"was not written for {other}" in capsys.readouterr().err
    Path("cart/model.safetensors").write_bytes(b"no weights")
    assert main(["publish", "cart", REPOSITORY, "--staged"]) == 2
    assert "not safetensors" in capsys.readouterr().err
    assert not hub.repositories


@pytest.mark.parametrize("how", ["nobody", "unknown", "no token at all", "may only read"])
def test_who_may_not_publish_is_told_at_once(
    cart: str, hub: LocalHub, how: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publication, "measure", lambda *_, **__: pytest.fail("it was measured"))
    answer = "hf auth login"
    if how == "nobody":
        monkeypatch.delenv("HF_TOKEN")
        answer = "you are not logged in"
    elif how != "may only read":
        monkeypatch.setenv("HF_TOKEN", "hf_wrongToken" if how == "unknown" else "hf_\u00e9\u00e9")
        answer = "does not accept this token" if how == "unknown" else "malformed token"
    else:
        who = {"name": "tester", "auth": {"accessToken": {"role": "read"}}}
        monkeypatch.setattr("huggingface_hub.HfApi.whoami", lambda *_, **__: who)
        answer = "has no write access"
    assert main(["publish", cart, REPOSITORY]) == 2
    said = capsys.readouterr().err
    assert answer in said
    assert said.count("\n") == 1
    assert not hub.repositories


def test_what_was_measured_outlives_a_failed_upload(
    cart: str, hub: LocalHub, capsys: pytest.CaptureFixture[str]
) -> None:
    hub.fail(Fault.BROKEN, "^POST .*/commit/")
    assert main(["publish", cart, REPOSITORY]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    again = said.strip().rpartition("to retry: volley ")[2].split()
    assert committed(hub) == []
    hub.heal()
    assert main(again) == 0
    assert committed(hub) == [tuple(sorted(FILES))]


def test_the_token_is_never_told(
    cart: str, hub: LocalHub, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    caplog.set_level(logging.DEBUG)
    main(["publish", cart, REPOSITORY, "--folder", str(tmp_path / "kept")])
    for fault in (Fault.UNAUTHORIZED, Fault.FORBIDDEN, Fault.BROKEN):
        hub.fail(fault, "^POST")
        assert main(["publish", str(tmp_path / "kept"), REPOSITORY, "--staged"]) == 2
    hub.fail(Fault.UNAUTHORIZED)
    assert main(["publish", cart, REPOSITORY]) == 2
    said = capfd.readouterr()
    assert REPOSITORY in said.out, "there was nothing to look at"
    assert said.err.count("cannot publish") == 4
    assert hub.token not in said.out + said.err + caplog.text
    for path in tmp_path.rglob("*"):
        assert path.is_dir() or hub.token.encode() not in path.read_bytes(), path


def test_ended_in_mid_measurement_it_leaves_nothing(cart: str, hub: LocalHub, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(publication, "measure", interrupted)
    assert main(["publish", cart, REPOSITORY]) == 130
    assert main(["publish", cart, REPOSITORY, "--dry-run"]) == 130
    assert not [name for name in left() if not name.startswith("cart/")]
    assert not hub.repositories


@pytest.mark.skipif(sys.platform == "win32", reason="ends a process otherwise")
def test_as_a_process_it_can_be_told_to_end(cart: str, hub: LocalHub, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in hub.environment().items():
        monkeypatch.setenv(name, value)
    hub.fail(Fault.SILENT, "whoami")
    command = [sys.executable, "-m", "volley", "publish", cart, REPOSITORY, "--json"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert json.loads(process.stdout.readline()) == {"stage": "check"}
    while not hub.requests:
        time.sleep(0.02)
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=20)
    assert (process.returncode, said) == (130, "")
