from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import local_hub
import pytest
import torch
from local_hub import Fault, LocalHub

from models import checkpoint, store
from models.control import ControlSpec, DiscreteActions
from models.errors import UserError
from models.files import CONFIG_FILE, WEIGHTS_FILE
from models.hub import client, publishing, reading
from models.mlp import build
from training.evaluate import evaluate_model

local = local_hub.hub
REPOSITORY = "ada/ppo-pong"
CARD = b"""---
library_name: volley
tags: [reinforcement-learning]
model-index:
- name: PPO
  results:
  - task: {type: reinforcement-learning}
    dataset: {type: ALE/Pong-v5, name: ALE/Pong-v5}
    metrics: [{type: mean_reward, value: 20.78 +/- 0.60, verified: false}]
---
# A model
"""
RESULTS = json.dumps(
    {
        "mean_reward": 20.5,
        "std_reward": 0.5,
        "is_deterministic": False,
        "n_eval_episodes": 100,
        "eval_datetime": "2026-01-01T00:00:00+00:00",
        "evaluations": [{"mean_return": 20.5, "std_return": 0.5, "episodes": 100, "sticky": 0.0, "greedy": False}],
    }
).encode()


@pytest.fixture(autouse=True)
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "data"
    monkeypatch.setenv("VOLLEY_DATA", str(folder))
    return folder


@pytest.fixture
def files(model_directory: Path) -> dict[str, bytes]:
    """A model's repository, with more in it than Volley fetches."""
    ours = {name: (model_directory / name).read_bytes() for name in (CONFIG_FILE, WEIGHTS_FILE)}
    return ours | {
        "README.md": CARD,
        "results.json": RESULTS,
        "learning_curve.csv": b"steps,seconds,mean_return\n1000,1.0,-20.5\n",
        "replay.mp4": b"0" * 1000,
        "evil.pkl": b"cos\nsystem\n(S'true'\ntR.",
    }


def everything_in(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def fetched(local: LocalHub) -> list[str]:
    """The files that were asked for, by name."""
    return [
        request.path.rpartition("/")[2]
        for request in local.requests
        if request.method == "GET" and "resolve" in request.path
    ]


def test_a_pull_keeps_a_model_by_its_commit(local: LocalHub, files: dict[str, bytes]) -> None:
    commit = local.commit(REPOSITORY, files)
    reports: list[tuple[int, int]] = []
    kept = reading.pull(REPOSITORY, progress=lambda done, total: reports.append((done, total)))
    named = sorted(files.keys() - {"replay.mp4", "evil.pkl"})
    assert sorted(path.name for path in kept.directory.iterdir()) == sorted([*named, store.RECORD_FILE])
    assert (kept.download.commit, kept.download.revision) == (commit, "main")
    assert sorted(fetched(local)) == named
    assert all((kept.directory / name).read_bytes() == files[name] for name in named)
    size = sum(len(files[name]) for name in named)
    assert reports == sorted(reports)
    assert reports[-1] == (size, size)
    assert store.find(REPOSITORY) == kept.directory
    checkpoint.load(kept.directory)


def test_what_is_here_is_not_fetched_again(local: LocalHub, files: dict[str, bytes]) -> None:
    local.commit(REPOSITORY, files)
    kept = reading.pull(REPOSITORY)
    local.requests.clear()
    assert reading.pull(REPOSITORY).directory == kept.directory
    assert fetched(local) == []
    (kept.directory / WEIGHTS_FILE).write_bytes(b"damaged")
    reading.pull(REPOSITORY)
    checkpoint.load(kept.directory)


def test_a_pull_at_a_revision_stays_there(local: LocalHub, files: dict[str, bytes]) -> None:
    first = local.commit(REPOSITORY, files)
    local.tag(REPOSITORY, "v1", first)
    second = local.commit(REPOSITORY, {"README.md": b"new"})
    assert reading.pull(REPOSITORY).download.commit == second
    assert reading.pull(REPOSITORY, "v1").download.commit == first
    assert store.find(REPOSITORY).name == first
    assert store.find(REPOSITORY, "main").name == second
    assert reading.pull(REPOSITORY, second).download.commit == second
    assert [revision.commit for revision in reading.revisions(REPOSITORY)][:2] == [second, first]
    with pytest.raises(UserError, match=r"^cannot find ada/ppo-pong: it has no such revision; leave out the revision"):
        reading.pull(REPOSITORY, "v2")


@pytest.mark.parametrize("force", [False, True])
def test_a_download_is_found_by_the_revision_that_was_asked_for_last(
    force: bool, local: LocalHub, files: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    seconds = iter(range(10, 60))
    monkeypatch.setattr(reading, "_now", lambda: f"2026-01-01T00:00:{next(seconds)}+00:00")
    first = local.commit(REPOSITORY, files)
    local.tag(REPOSITORY, "stable", first)
    reading.pull(REPOSITORY)
    second = local.commit(REPOSITORY, {"README.md": b"new"})
    local.tag(REPOSITORY, "newest", second)
    reading.pull(REPOSITORY, "newest")
    reading.pull(REPOSITORY, force=force)
    assert store.find(REPOSITORY, "main").name == second, "it was the first"
    reading.pull(REPOSITORY, "stable", force=force)
    assert store.find(REPOSITORY, "stable").name == first, "only main was known"


DOWNLOAD_FAULTS = {
    Fault.UNAUTHORIZED: "the Hub does not accept this token; log in again with: hf auth login",
    Fault.FORBIDDEN: "this token does not allow that",
    Fault.NOT_FOUND: "no such repository, or it is private",
    Fault.TOO_MANY: "too many requests to the Hub",
    Fault.BROKEN: "the Hub answered with error 500; try again later",
    Fault.CUT: "the Hub does not answer",
    Fault.CORRUPT: "does not match its hash; try again later",
}


@pytest.mark.parametrize("fault", DOWNLOAD_FAULTS)
@pytest.mark.parametrize("file", ["model.safetensors", "config.json"])
def test_a_download_that_fails_says_why_and_leaves_what_was_there(
    local: LocalHub, files: dict[str, bytes], data: Path, fault: Fault, file: str
) -> None:
    local.commit(REPOSITORY, files)
    reading.pull(REPOSITORY)
    before = everything_in(data)
    newest = local.commit(REPOSITORY, {"README.md": b"newer"})
    local.fail(fault, rf"^GET .*/resolve/.*{file}" if fault in {Fault.CUT, Fault.CORRUPT} else rf"/resolve/.*{file}")
    with pytest.raises(UserError, match=DOWNLOAD_FAULTS[fault]) as told:
        reading.pull(REPOSITORY)
    assert "\n" not in str(told.value)
    assert everything_in(data) == before
    local.heal()
    assert reading.pull(REPOSITORY).download.commit == newest


def test_a_hub_that_does_not_answer(
    local: LocalHub, files: dict[str, bytes], data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    local.commit(REPOSITORY, files)
    local.fail(Fault.SILENT, "/resolve/")
    with pytest.raises(UserError, match=r"^cannot download ada/ppo-pong: the Hub does not answer"):
        reading.pull(REPOSITORY)
    assert everything_in(data) == {}
    local.heal()
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(UserError, match=r"^cannot find ada/ppo-pong: offline, because HF_HUB_OFFLINE is set"):
        reading.pull(REPOSITORY)
    with pytest.raises(UserError, match=r"^cannot search the Hub: offline"):
        reading.search("pong")


@pytest.mark.parametrize("what", ["search", "examine", "revisions"])
def test_a_question_that_is_never_answered_ends(local: LocalHub, what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "ANSWER_SECONDS", 0.1)
    local.fail(Fault.SILENT, "")
    with pytest.raises(UserError, match="the Hub does not answer"):
        ASKING[what]()


def test_an_upload_that_breaks_off_is_told(local: LocalHub, model_directory: Path) -> None:
    local.fail(Fault.BROKEN, "^PUT ")
    with pytest.raises(UserError, match=r"^cannot publish to ada/ppo-pong: .*try again"):
        publishing.publish(model_directory, REPOSITORY)
    local.heal()
    publishing.publish(model_directory, REPOSITORY)


def test_a_slow_download_is_counted_and_can_be_ended(local: LocalHub, files: dict[str, bytes], data: Path) -> None:
    local.commit(REPOSITORY, files)
    local.pause = 0.01
    local.fail(Fault.SLOW)
    seen: list[int] = []

    def until_half(done: int, total: int) -> None:
        seen.append(done)
        if done > total // 2:
            raise reading.Cancelled

    with pytest.raises(reading.Cancelled):
        reading.pull(REPOSITORY, progress=until_half)
    assert len(seen) > 1
    assert everything_in(data) == {}
    assert not list((data / "downloads").iterdir())
    local.heal()
    reading.pull(REPOSITORY)


def test_more_than_was_announced_is_not_taken(local: LocalHub, files: dict[str, bytes], data: Path) -> None:
    local.commit(REPOSITORY, files)
    local.fail(Fault.WRONG_SIZE)
    with pytest.raises(UserError, match="is larger than the Hub said, so it was not saved"):
        reading.pull(REPOSITORY)
    assert everything_in(data) == {}


def test_a_mirror_that_says_no_sizes_is_refused_for_that(local: LocalHub, files: dict[str, bytes], data: Path) -> None:
    local.commit(REPOSITORY, files)
    local.fail(Fault.NO_SIZES)
    with pytest.raises(UserError, match=r"the Hub, or its mirror, does not say how large [\w.]+ is; try another"):
        reading.pull(REPOSITORY)
    assert everything_in(data) == {}


@pytest.mark.parametrize("name", sorted(reading.MAX_BYTES))
def test_what_is_too_large_is_not_even_asked_for(
    local: LocalHub, files: dict[str, bytes], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(reading.MAX_BYTES, name, 2000)
    local.commit(REPOSITORY, files | {name: bytes(2001)})
    with pytest.raises(UserError, match=rf"^ada/ppo-pong: its {name} has 2,001 bytes; the limit is 2,000$"):
        reading.pull(REPOSITORY)
    assert fetched(local) == []


@pytest.mark.parametrize("missing", [CONFIG_FILE, WEIGHTS_FILE])
def test_a_repository_that_holds_no_model_of_ours(local: LocalHub, files: dict[str, bytes], missing: str) -> None:
    del files[missing]
    local.commit(REPOSITORY, files)
    with pytest.raises(UserError, match=rf"^ada/ppo-pong is not a Volley model: it has no {missing}$"):
        reading.pull(REPOSITORY)
    local.commit(REPOSITORY, {"ppo-PongNoFrameskip-v4.zip": b"PK"})
    with pytest.raises(UserError, match=r"; download ppo-PongNoFrameskip-v4\.zip and try: volley import FILE NAME$"):
        reading.pull(REPOSITORY)
    assert fetched(local) == []


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        (CONFIG_FILE, b"{}", "has format version None"),
        (WEIGHTS_FILE, b"PK\x03\x04" + bytes(100), "its weights are not safetensors"),
    ],
)
def test_what_would_not_load_is_not_kept(
    local: LocalHub, files: dict[str, bytes], name: str, content: bytes, reason: str
) -> None:
    commit = local.commit(REPOSITORY, files | {name: content})
    with pytest.raises(UserError, match=rf"^ada/ppo-pong@{commit[:7]} is not usable, so it was not saved: .*{reason}"):
        reading.pull(REPOSITORY)
    assert store.downloads() == []


def test_a_full_disk(local: LocalHub, files: dict[str, bytes], data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    local.commit(REPOSITORY, files)
    reading.pull(REPOSITORY)
    before = everything_in(data)
    local.commit(REPOSITORY, {"README.md": b"newer"})
    with monkeypatch.context() as patch:
        patch.setattr("huggingface_hub.file_download.http_get", full)
        with pytest.raises(
            UserError, match=r"^cannot download ada/ppo-pong: the disk is full; free some space and try again$"
        ):
            reading.pull(REPOSITORY)
    assert everything_in(data) == before
    reading.pull(REPOSITORY)


PULL = "import sys; from models.hub import reading; print(reading.pull(sys.argv[1]).download.commit)"


def test_two_processes_at_once(local: LocalHub, files: dict[str, bytes], data: Path) -> None:
    commit = local.commit(REPOSITORY, files)
    local.pause = 0.02
    local.fail(Fault.SLOW)  # so that they meet
    environment = os.environ | local.environment() | {"VOLLEY_DATA": str(data)}
    command = [sys.executable, "-c", PULL, REPOSITORY]
    both = [subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    assert [process.communicate(timeout=60)[0].strip() for process in both] == [commit, commit]
    assert fetched(local).count(WEIGHTS_FILE) == 2  # they did meet
    checkpoint.load(store.find(REPOSITORY))
    assert len(store.downloads()) == 1
    assert not list(data.rglob(".unfinished*"))


def test_searching_finds_ours_by_name(local: LocalHub, files: dict[str, bytes]) -> None:
    local.commit(REPOSITORY, files)
    local.commit("eve/other-pong", {"README.md": b"---\ntags: [pong]\n---\n"})
    (found,) = reading.search("pong")
    assert (found.repository, found.algorithm, found.score, found.private) == (
        REPOSITORY,
        "PPO",
        "20.78 +/- 0.60",
        False,
    )
    assert found.modified is not None
    assert reading.search("nothing") == []
    assert len(reading.search("")) == 1


@pytest.mark.parametrize(
    "index",
    ["x", "[]", "[{}]", "[{name: [1], results: 3}]", "[{name: A, results: [{metrics: [{type: mean_reward}]}]}]"],
)
def test_a_card_that_is_nonsense_is_found_all_the_same(local: LocalHub, index: str) -> None:
    local.commit(REPOSITORY, {"README.md": f"---\nlibrary_name: volley\nmodel-index: {index}\n---\n".encode()})
    (found,) = reading.search("")
    assert found.repository == REPOSITORY
    assert found.score == ""


@pytest.mark.parametrize(
    "claims",
    [
        "eval_results: 5",
        "model-index: [{name: A, results: [{task: {type: a}, dataset: {name: b, type: c}, source: {name: d}}]}]",
        "ignore_metadata_errors: true",
    ],
)
def test_a_card_that_the_client_cannot_read_hides_no_other_model(
    local: LocalHub, files: dict[str, bytes], claims: str
) -> None:
    local.commit(REPOSITORY, files)
    local.commit("mallory/pong", {"README.md": f"---\nlibrary_name: volley\n{claims}\n---\n".encode()})
    assert {found.repository for found in reading.search("")} == {REPOSITORY, "mallory/pong"}


def test_a_preview_fetches_no_weights(local: LocalHub, files: dict[str, bytes], data: Path) -> None:
    local.commit(REPOSITORY, files)
    preview = reading.preview(reading.examine(REPOSITORY))
    assert preview.card.encode() == CARD
    assert preview.results is not None
    assert preview.results.main is not None
    assert preview.results.main.protocol == "sampled, sticky 0, 100 games"
    assert preview.curve.startswith("steps,")
    assert WEIGHTS_FILE not in fetched(local)
    assert everything_in(data) == {}


PUBLISH_FAULTS = {
    Fault.UNAUTHORIZED: "the Hub does not accept this token",
    Fault.FORBIDDEN: "this token has no write access; log in with one that has",
    Fault.STALE_PARENT: "someone else has changed it in the meantime",
    Fault.TOO_MANY: "too many requests to the Hub",
    Fault.BROKEN: "the Hub answered with error 500",
}


@pytest.mark.parametrize("fault", PUBLISH_FAULTS)
def test_a_publication_that_fails_changes_nothing(local: LocalHub, model_directory: Path, fault: Fault) -> None:
    first = publishing.publish(model_directory, REPOSITORY)
    (model_directory / "README.md").write_bytes(CARD)
    local.fail(fault, r"^POST .*/commit/")
    with pytest.raises(UserError, match=rf"^cannot publish to ada/ppo-pong: {PUBLISH_FAULTS[fault]}"):
        publishing.publish(model_directory, REPOSITORY)
    local.heal()
    assert reading.examine(REPOSITORY).commit == first.commit
    assert publishing.publish(model_directory, REPOSITORY).commit != first.commit


def test_nothing_private_is_uploaded_to_a_public_repository(local: LocalHub, model_directory: Path) -> None:
    publishing.publish(model_directory, REPOSITORY)
    (model_directory / "README.md").write_bytes(CARD)
    before = len(local.repositories[REPOSITORY].commits)
    with pytest.raises(UserError, match=r"^cannot publish to ada/ppo-pong as private: it exists and is public"):
        publishing.publish(model_directory, REPOSITORY, private=True)
    assert len(local.repositories[REPOSITORY].commits) == before


def test_a_private_repository_stays_so(local: LocalHub, model_directory: Path) -> None:
    for _ in range(2):
        publishing.publish(model_directory, REPOSITORY, private=True)
    assert local.repositories[REPOSITORY].private


def test_a_second_publication_uploads_only_what_changed(local: LocalHub, model_directory: Path) -> None:
    published = publishing.publish(model_directory, REPOSITORY, private=True, message="The first")
    assert local.repositories[REPOSITORY].private
    assert published.url == f"{local.url}/{REPOSITORY}"
    commits = local.repositories[REPOSITORY].commits
    assert (commits[-1].title, commits[-1].id) == ("The first", published.commit)
    assert len(commits) == 2  # the Hub's own, and one
    (model_directory / "README.md").write_bytes(CARD)
    local.requests.clear()
    publishing.publish(model_directory, REPOSITORY)
    assert len(commits) == 3
    assert commits[-1].changed == ("README.md",)
    assert not [request for request in local.requests if request.method == "PUT"]
    publishing.publish(model_directory, REPOSITORY)
    assert len(commits) == 3


@pytest.fixture
def balancer(tmp_path: Path) -> Path:
    torch.manual_seed(3)
    spec = ControlSpec(algorithm="ppo", environment="CartPole-v1", observation_size=4, actions=DiscreteActions(2))
    directory = tmp_path / "balancer"
    checkpoint.save(directory, spec, build(spec))
    return directory


def test_what_was_published_comes_back_and_plays_the_same(local: LocalHub, balancer: Path, data: Path) -> None:
    def returns(directory: Path) -> tuple[float, float]:
        evaluation = evaluate_model(directory, name="it", episodes=20, sticky=None, greedy=False, seed=7, device="cpu")
        return evaluation.mean_return, evaluation.std_return

    commit = publishing.publish(balancer, REPOSITORY).commit
    reading.pull(REPOSITORY)
    for cache in (data, local.home):
        shutil.rmtree(cache, ignore_errors=True)
    assert returns(reading.pull(REPOSITORY, commit).directory) == returns(balancer)


ASKING: dict[str, Callable[[], object]] = {
    "search": lambda: reading.search("x"),
    "examine": lambda: reading.examine("a/b"),
    "revisions": lambda: reading.revisions("a/b"),
    "pull": lambda: reading.pull("a/b"),
}


@pytest.mark.parametrize("what", ASKING)
def test_whatever_is_asked_of_a_hub_that_is_down_ends_in_a_line(local: LocalHub, what: str) -> None:
    local.fail(Fault.BROKEN, "")
    with pytest.raises(UserError, match=r"^cannot .*: the Hub answered with error 500; try again later$"):
        ASKING[what]()
