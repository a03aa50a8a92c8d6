from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import httpx2
import local_hub
import pytest
from huggingface_hub import HfApi, constants, hf_hub_download, snapshot_download
from huggingface_hub.errors import (
    HfHubHTTPError,
    LocalEntryNotFoundError,
    RemoteEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from local_hub import Fault, LocalHub

hub = local_hub.hub
REPOSITORY = "tester/ppo-pong"
WEIGHTS = bytes(range(256)) * 800
CARD = b"---\nlibrary_name: volley\npipeline_tag: reinforcement-learning\ntags: [ppo]\n---\n# A model\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """What someone publishes: two files that git keeps, and two that are kept beside it."""
    folder = tmp_path / "published"
    (folder / "runs").mkdir(parents=True)
    (folder / "README.md").write_bytes(CARD)
    (folder / "model.safetensors").write_bytes(WEIGHTS)
    (folder / "replay.mp4").write_bytes(b"film")
    (folder / "runs" / "config.json").write_bytes(b"{}")
    return folder


def publish(folder: Path, parent: str | None = None) -> str:
    return HfApi().upload_folder(repo_id=REPOSITORY, folder_path=folder, parent_commit=parent).oid


def download(name: str = "model.safetensors") -> bytes:
    return Path(hf_hub_download(REPOSITORY, name)).read_bytes()


def bytes_sent(hub: LocalHub, path: str) -> int:
    return sum(request.received for request in hub.requests if path in request.path)


def test_published_and_pulled(hub: LocalHub, folder: Path) -> None:
    api = HfApi()
    assert api.create_repo("ppo-pong").repo_id == REPOSITORY
    with pytest.raises(HfHubHTTPError, match="409"):
        api.create_repo(REPOSITORY)
    assert api.create_repo(REPOSITORY, exist_ok=True).repo_id == REPOSITORY
    first = publish(folder)
    assert bytes_sent(hub, "/large/") == len(WEIGHTS) + len(b"film")
    files = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    pulled = Path(snapshot_download(REPOSITORY))
    assert pulled.name == first
    assert {name: (pulled / name).read_bytes() for name in files} == files
    assert sorted(api.list_repo_files(REPOSITORY)) == sorted([".gitattributes", *files])


def test_a_second_upload_sends_what_changed(hub: LocalHub, folder: Path) -> None:
    hub.create(REPOSITORY)
    first = publish(folder)
    (folder / "README.md").write_bytes(CARD + b"more")
    hub.requests.clear()
    second = publish(folder)
    assert bytes_sent(hub, "/large/") == 0
    assert hub.repositories[REPOSITORY].commits[-1].changed == ("README.md",)
    assert publish(folder) == second
    assert [commit.commit_id for commit in HfApi().list_repo_commits(REPOSITORY)][:2] == [second, first]


def test_every_revision_stays(hub: LocalHub) -> None:
    first = hub.commit(REPOSITORY, {"a.json": b"1", "b.json": b"1"})
    second = hub.commit(REPOSITORY, {"a.json": b"2"})
    hub.tag(REPOSITORY, "v1", first)
    HfApi().delete_file("a.json", REPOSITORY)
    for revision, content in {first: b"1", "v1": b"1", second: b"2"}.items():
        assert Path(hf_hub_download(REPOSITORY, "a.json", revision=revision)).read_bytes() == content
    assert HfApi().model_info(REPOSITORY, revision="v1").sha == first
    assert [tag.target_commit for tag in HfApi().list_repo_refs(REPOSITORY).tags] == [first]
    with pytest.raises(RemoteEntryNotFoundError):
        download("a.json")
    for unknown in ("v2", first[:10]):
        with pytest.raises(RevisionNotFoundError):
            hf_hub_download(REPOSITORY, "a.json", revision=unknown)


def test_ids_are_those_of_git(hub: LocalHub) -> None:
    hub.commit(REPOSITORY, {"hello.md": b"hello\n", "model.safetensors": WEIGHTS})
    siblings = HfApi().model_info(REPOSITORY, files_metadata=True).siblings
    assert siblings
    by_name = {sibling.rfilename: sibling for sibling in siblings}
    # `echo hello | git hash-object --stdin`
    assert by_name["hello.md"].blob_id == "ce013625030ba8dba906f756967f9e9ca394464a"
    large = by_name["model.safetensors"]
    assert large.size == len(WEIGHTS)
    assert large.lfs
    assert large.lfs.sha256 == hashlib.sha256(WEIGHTS).hexdigest()


def test_a_search(hub: LocalHub) -> None:
    hub.commit("ada/ppo-pong", {"README.md": CARD})
    hub.commit("bob/ppo-pong", {"README.md": b"---\ntags: [a2c]\n---\n"})
    hub.commit("bob/broken", {"README.md": b"---\n{: [\n---\n"})
    hub.create("bob/ppo-hidden", private=True)
    api = HfApi()

    def names(**asked: object) -> list[str]:
        return [model.id for model in api.list_models(**asked)]  # type: ignore[arg-type]

    assert names(search="PPO") == ["bob/ppo-hidden", "bob/ppo-pong", "ada/ppo-pong"]
    assert names(search="ppo", token=False) == ["bob/ppo-pong", "ada/ppo-pong"]
    assert names(filter=["ppo", "volley"]) == names(author="ada") == ["ada/ppo-pong"]
    assert names(pipeline_tag="reinforcement-learning") == ["ada/ppo-pong"]
    assert names(limit=1) == ["bob/ppo-hidden"]
    (brief,), (full,) = api.list_models(author="ada"), api.list_models(author="ada", full=True, cardData=True)
    assert (brief.last_modified, brief.card_data) == (None, None)
    assert full.last_modified
    assert full.card_data
    assert full.card_data.library_name == "volley"
    (expanded,) = api.list_models(author="ada", expand=["cardData", "downloads"])
    assert expanded.card_data
    assert (expanded.downloads, expanded.likes) == (0, None)


def test_only_a_token_opens_what_is_private_and_writes(
    hub: LocalHub, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    HfApi().create_repo(REPOSITORY, private=True)
    publish(folder)
    assert HfApi().whoami()["name"] == "tester"
    monkeypatch.delenv("HF_TOKEN")
    with pytest.raises(RepositoryNotFoundError):
        download()
    hub.repositories[REPOSITORY].private = False
    assert download() == WEIGHTS
    with pytest.raises(RepositoryNotFoundError):
        publish(folder)
    with pytest.raises(HfHubHTTPError, match="401"):
        HfApi().create_repo("other")
    monkeypatch.setenv("HF_TOKEN", "hf_wrong")
    with pytest.raises(HfHubHTTPError, match="Invalid credentials"):
        HfApi().model_info(REPOSITORY)


def test_a_stale_parent(hub: LocalHub, folder: Path) -> None:
    parent = hub.commit(REPOSITORY, {"README.md": b"theirs"})
    hub.commit(REPOSITORY, {"README.md": b"theirs again"})
    with pytest.raises(HfHubHTTPError, match="412"):
        publish(folder, parent)
    head = hub.repositories[REPOSITORY].commits[-1].id
    hub.fail(Fault.STALE_PARENT, times=1)
    with pytest.raises(HfHubHTTPError, match="A commit has happened since"):
        publish(folder, head)
    assert hub.repositories[REPOSITORY].commits[-1].id == head
    publish(folder, head)


def test_a_large_file_must_be_what_was_promised(hub: LocalHub) -> None:
    answer = httpx2.put(f"{hub.url}/large/{'0' * 64}", content=WEIGHTS)
    assert answer.status_code == 400
    assert hub.large == {}


def test_a_card_that_is_no_yaml(hub: LocalHub, folder: Path) -> None:
    hub.create(REPOSITORY)
    (folder / "README.md").write_text("---\n{: [\n---\n")
    with pytest.raises(ValueError, match=r"Invalid metadata in README\.md"):
        publish(folder)


@pytest.mark.parametrize(
    ("fault", "ask", "error", "waits"),
    [
        (Fault.UNAUTHORIZED, lambda: HfApi().model_info(REPOSITORY), HfHubHTTPError, []),
        (Fault.FORBIDDEN, lambda: HfApi().model_info(REPOSITORY), HfHubHTTPError, []),
        (Fault.FORBIDDEN, download, LocalEntryNotFoundError, []),
        (Fault.NOT_FOUND, download, RepositoryNotFoundError, []),
        (Fault.BROKEN, lambda: HfApi().model_info(REPOSITORY), HfHubHTTPError, []),
        (Fault.BROKEN, lambda: list(HfApi().list_models()), HfHubHTTPError, [1, 2, 4, 8, 8]),
        (Fault.BROKEN, download, LocalEntryNotFoundError, [1, 2, 4, 8, 8]),
        (Fault.TOO_MANY, lambda: list(HfApi().list_models()), HfHubHTTPError, [4] * 5),
        (Fault.CUT, download, httpx2.RemoteProtocolError, [1] * 5),
        (Fault.WRONG_SIZE, download, OSError, []),
    ],
)
def test_a_fault_and_a_try_after_it(
    hub: LocalHub, fault: Fault, ask: Callable[[], object], error: type[Exception], waits: list[float]
) -> None:
    hub.commit(REPOSITORY, {"model.safetensors": WEIGHTS})
    hub.fail(fault)
    with pytest.raises(error) as told:
        ask()
    if isinstance(told.value, HfHubHTTPError):
        assert told.value.response.status_code == fault.value
    assert hub.waits == waits
    hub.heal()
    ask()
    assert download() == WEIGHTS


def test_a_fault_is_over_after_so_many_requests(hub: LocalHub) -> None:
    hub.commit(REPOSITORY, {"model.safetensors": WEIGHTS})
    hub.fail(Fault.CUT, times=2)
    assert download() == WEIGHTS
    assert [request.method for request in hub.requests] == ["HEAD", "GET", "GET", "GET"]
    assert hub.waits == [1, 1]


@pytest.mark.parametrize("name", ["model.safetensors", "config.json"])
def test_the_client_takes_what_is_corrupt(hub: LocalHub, name: str) -> None:
    hub.commit(REPOSITORY, {name: WEIGHTS})
    hub.fail(Fault.CORRUPT)
    differing = [position for position, byte in enumerate(download(name)) if byte != WEIGHTS[position]]
    assert differing == [len(WEIGHTS) // 2]


def test_no_answer(hub: LocalHub) -> None:
    hub.commit(REPOSITORY, {"model.safetensors": WEIGHTS})
    hub.fail(Fault.SILENT)
    with pytest.raises(httpx2.ReadTimeout):
        HfApi().model_info(REPOSITORY, timeout=0.2)
    hub.fail(Fault.SILENT, "HEAD", times=1)
    before = time.monotonic()
    assert download() == WEIGHTS
    assert time.monotonic() - before > 0.9


def test_a_slow_body(hub: LocalHub) -> None:
    hub.commit(REPOSITORY, {"model.safetensors": WEIGHTS})
    hub.fail(Fault.SLOW)
    hub.pause = 0.01
    before = time.monotonic()
    assert download() == WEIGHTS
    assert time.monotonic() - before > 39 * 0.01


def test_a_part_of_a_file(hub: LocalHub) -> None:
    hub.commit(REPOSITORY, {"model.safetensors": WEIGHTS})
    answer = httpx2.get(f"{hub.url}/{REPOSITORY}/resolve/main/model.safetensors", headers={"Range": "bytes=300-"})
    assert (answer.status_code, answer.content) == (206, WEIGHTS[300:])


def test_another_process(hub: LocalHub) -> None:
    hub.commit(REPOSITORY, {"model.safetensors": WEIGHTS})
    code = f"import huggingface_hub; print(huggingface_hub.hf_hub_download({REPOSITORY!r}, 'model.safetensors'))"
    ran = subprocess.run(
        [sys.executable, "-c", code], env=os.environ | hub.environment(), capture_output=True, text=True, check=True
    )
    file = Path(ran.stdout.strip())
    assert file.is_relative_to(hub.home)
    assert file.read_bytes() == WEIGHTS


def test_the_client_is_left_as_it_was(tmp_path: Path) -> None:
    before = dict(vars(constants))
    with LocalHub(tmp_path) as hub, hub.in_this_process():
        assert hub.url == constants.ENDPOINT != before["ENDPOINT"]
    assert vars(constants) == before
