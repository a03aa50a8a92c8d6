"""Finding models on the Hub, and downloading them safely.

What comes from there is a stranger's. Only files of known names are downloaded, after their sizes were asked for; a
revision becomes the commit that it stands for; every file is checked against the hash that the Hub gave for it, and is
kept with that (`store.py`).
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from functools import partial
from hashlib import sha1, sha256
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple, Self, TypeAlias

from huggingface_hub import hf_hub_download
from huggingface_hub.hf_api import ModelInfo

from models import checkpoint, store
from models.card import LIBRARY
from models.checkpoint import MAX_CONFIG_BYTES, MAX_WEIGHTS_BYTES
from models.errors import UserError, one_line
from models.files import CARD_FILE, CONFIG_FILE, CURVE_FILE, PROVENANCE_FILE, RESULTS_FILE, WEIGHTS_FILE
from models.hub.client import Token, api, configure
from models.hub.failures import explaining_failures
from models.provenance import MAX_PROVENANCE_BYTES
from models.results import MAX_RESULTS_BYTES, Results, decode

MOST_BYTES = {
    CONFIG_FILE: MAX_CONFIG_BYTES,
    WEIGHTS_FILE: MAX_WEIGHTS_BYTES,
    CARD_FILE: 1024 * 1024,
    RESULTS_FILE: MAX_RESULTS_BYTES,
    CURVE_FILE: 1024 * 1024,
    PROVENANCE_FILE: MAX_PROVENANCE_BYTES,
}
"""The files that are downloaded, and how large each may be."""
NEEDED = (CONFIG_FILE, WEIGHTS_FILE)
PREVIEWED = (CONFIG_FILE, CARD_FILE, RESULTS_FILE, CURVE_FILE)
MOST_FOUND = 50
"""Models that a search returns, and commits of a repository's history."""

Progress: TypeAlias = Callable[[int, int], None]
"""Called with how many bytes have arrived, and of how many. An exception from it ends the download, without a trace."""


class Cancelled(Exception):  # noqa: N818 - no error: the user asked for it
    """Raised by a `Progress` to end a download."""


class Found(NamedTuple):
    """A model that a search has found."""

    repository: str
    algorithm: str
    """Empty where its card does not say."""
    score: str
    """Mean and deviation of the return, as its card claims; empty where it claims none."""
    modified: datetime | None
    private: bool


class RemoteFile(NamedTuple):
    """A file of a repository."""

    size: int
    """Bytes."""
    sha256: str | None
    """Of a large file, for which the Hub stores it."""
    git_sha1: str
    """Of any other: git's own hash of it."""


class Remote(NamedTuple):
    """One commit of a model's repository."""

    repository: str
    revision: str
    """As it was asked for."""
    commit: str
    modified: datetime | None
    files: dict[str, RemoteFile]
    """Those that Volley would download."""

    @property
    def size(self) -> int:
        """Bytes, of all files that Volley would download."""
        return sum(file.size for file in self.files.values())


class Revision(NamedTuple):
    """A commit in a repository's history."""

    commit: str
    title: str
    when: datetime


class Preview(NamedTuple):
    """What is known of a model before it is downloaded. All of it is what its author claims."""

    card: str
    results: Results | None
    curve: str
    """CSV, as in `learning_curve.csv`; empty where there is none."""
    config: bytes = b""
    """JSON, as in `config.json`."""


def search(query: str) -> list[Found]:
    """Volley's models on the Hub whose names contain `query`, the most popular first, `MOST_FOUND` at most."""
    with explaining_failures("search the Hub"):
        models = api().list_models(
            search=query or None,
            filter=LIBRARY,
            sort="downloads",
            limit=MOST_FOUND,
            expand=["cardData", "lastModified", "private", "tags"],
        )
        return [_found(model) for model in islice(models, MOST_FOUND) if store.split(model.id)]


def _found(model: ModelInfo) -> Found:
    card = model.card_data
    results = [] if card is None else card.eval_results or []
    score = next((str(result.metric_value) for result in results if result.metric_type == "mean_reward"), "")
    algorithm = "" if card is None else str(card.get("model_name") or "")
    return Found(model.id, one_line(algorithm, 40), one_line(score, 40), model.last_modified, bool(model.private))


def examine(repository: str, revision: str | None = None, *, token: Token = None) -> Remote:
    """What the Hub has in a repository at a revision, by default the newest of its main branch.

    `UserError` where there is no such repository or revision, it holds no model of Volley's, or a file is too large.
    """
    with explaining_failures(f"find {repository}"):
        info = api(token).model_info(repository, revision=revision, files_metadata=True)
    files = {name: file for name, file in files_of(info).items() if name in MOST_BYTES}
    for name in NEEDED:
        if name not in files:
            raise UserError(f"{repository} is not a model of Volley's: it has no {name}{_advice(info)}")
    for name, file in files.items():
        if file.size > MOST_BYTES[name]:
            raise UserError(f"{repository}: its {name} is {file.size:,} bytes; the most is {MOST_BYTES[name]:,}")
    if not store.COMMIT.fullmatch(info.sha or ""):
        raise UserError(f"{repository}: the Hub gave no commit; try again later")
    return Remote(repository, revision or "main", str(info.sha), info.last_modified, files)


def files_of(info: ModelInfo) -> dict[str, RemoteFile]:
    """All files of a repository, by name."""
    return {
        file.rfilename: RemoteFile(file.size or 0, file.lfs.sha256 if file.lfs else None, file.blob_id or "")
        for file in info.siblings or ()
    }


def _advice(info: ModelInfo) -> str:
    foreign = [
        file.rfilename for file in info.siblings or () if file.rfilename.endswith((".zip", ".cleanrl_model", ".pt"))
    ]
    return f"; download {one_line(foreign[0], 60)} and try: volley import FILE NAME" if foreign else ""


def revisions(repository: str) -> list[Revision]:
    """The commits of a repository's main branch, the newest first, `MOST_FOUND` at most."""
    with explaining_failures(f"read the history of {repository}"):
        commits = api().list_repo_commits(repository)
        return [Revision(each.commit_id, one_line(each.title, 80), each.created_at) for each in commits[:MOST_FOUND]]


def preview(remote: Remote) -> Preview:
    """What a model's author says about it, without its weights."""
    with store.staging(remote.repository) as folder:
        _fetch(remote, [name for name in PREVIEWED if name in remote.files], folder, lambda _done, _total: None)
        texts = {name: (folder / name).read_bytes() for name in PREVIEWED if (folder / name).exists()}
    return Preview(
        texts.get(CARD_FILE, b"").decode(errors="replace"),
        decode(texts.get(RESULTS_FILE, b"")),
        texts.get(CURVE_FILE, b"").decode(errors="replace"),
        texts.get(CONFIG_FILE, b""),
    )


def pull(
    repository: str,
    revision: str | None = None,
    *,
    progress: Progress = lambda _done, _total: None,
    force: bool = False,
    token: Token = None,
) -> store.Kept:
    """Downloads a model, and makes it the one that the repository's name stands for.

    A commit that is already here is downloaded again only if `force`. The model is loaded once before it is kept.
    `UserError` where there is no such model, a file in it is not what it should be, or the Hub cannot be reached; what
    was here before then stays as it was.
    """
    remote = examine(repository, revision, token=token)
    for kept in () if force else store.downloads():
        if (kept.download.repository, kept.download.commit) == (repository, remote.commit) and store.is_whole(kept):
            store.pin(kept)
            return kept
    with store.staging(repository) as folder:
        _fetch(remote, remote.files, folder, progress, token)
        digests = {name: sha256((folder / name).read_bytes()).hexdigest() for name in remote.files}
        try:
            checkpoint.load_policy(folder)
        except UserError as error:
            reason = str(error).removeprefix(f"cannot load the model in {folder}: ")
            raise UserError(f"{repository}@{remote.commit[:7]} was not kept: {reason}") from error
        download = store.Download(
            repository=repository,
            revision=remote.revision,
            commit=remote.commit,
            sha256=digests,
            downloaded=datetime.now(UTC).isoformat(timespec="seconds"),
        )
        return store.place(folder, download)


def _fetch(remote: Remote, names: Iterable[str], folder: Path, progress: Progress, token: Token = None) -> None:
    """Downloads files into `folder`, and checks the size and the hash of each."""
    configure()
    total, before = sum(remote.files[name].size for name in names), 0
    for name in names:
        file = remote.files[name]

        def count(received: int, name: str = name, file: RemoteFile = file, before: int = before) -> None:
            if received > file.size:
                raise UserError(f"{remote.repository}: its {name} is larger than the Hub said; it was not kept")
            progress(before + received, total)

        with explaining_failures(f"download {remote.repository}"):
            meter: Any = partial(_Meter, count)  # Called as a class would be.
            hf_hub_download(
                remote.repository, name, revision=remote.commit, local_dir=folder, tqdm_class=meter, token=token
            )
        if not is_same(folder / name, file):
            raise UserError(f"{remote.repository}: what arrived as {name} is not what the Hub has; try again later")
        before += file.size
    shutil.rmtree(folder / ".cache", ignore_errors=True)  # The client's own notes.


class _Meter:
    """Takes the place of the client's progress bar, and counts the bytes that arrive."""

    def __init__(self, count: Callable[[int], None], *, initial: int = 0, **_options: object) -> None:
        self._count = count
        self._received = initial

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        pass

    def update(self, received: int) -> None:
        """Adds so many bytes, or fewer than none where the client starts over."""
        self._received += received
        self._count(self._received)


def is_same(path: Path, file: RemoteFile) -> bool:
    """Whether a file has the size and the hash of what the Hub has."""
    content = path.read_bytes()
    if len(content) != file.size:
        return False
    if file.sha256 is not None:
        return sha256(content).hexdigest() == file.sha256
    return sha1(b"blob %d\0" % len(content) + content).hexdigest() == file.git_sha1  # noqa: S324 - git's own
