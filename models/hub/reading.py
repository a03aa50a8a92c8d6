"""Finds models on the Hub, and downloads them safely.

Everything there comes from strangers. Only files with known names are downloaded, after a check of their sizes. A
revision is resolved to its commit. Every file is checked against the Hub's hash, which is stored with it (`store.py`).
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from functools import partial
from hashlib import sha1, sha256
from itertools import islice
from pathlib import Path
from typing import Annotated, Any, NamedTuple, Self, TypeAlias

import msgspec
from huggingface_hub import hf_hub_download
from huggingface_hub.hf_api import ModelInfo
from msgspec import Meta

from models import checkpoint, store
from models.card import LIBRARY
from models.checkpoint import MAX_CONFIG_BYTES, MAX_WEIGHTS_BYTES
from models.errors import UserError, one_line
from models.files import CARD_FILE, CONFIG_FILE, CURVE_FILE, PROVENANCE_FILE, RESULTS_FILE, WEIGHTS_FILE, exists
from models.hub.client import Token, api, configure
from models.hub.failures import NONSENSE, explaining_failures
from models.provenance import MAX_PROVENANCE_BYTES
from models.results import MAX_RESULTS_BYTES, Results, decode

MAX_BYTES = {
    CONFIG_FILE: MAX_CONFIG_BYTES,
    WEIGHTS_FILE: MAX_WEIGHTS_BYTES,
    CARD_FILE: 1024 * 1024,
    RESULTS_FILE: MAX_RESULTS_BYTES,
    CURVE_FILE: 1024 * 1024,
    PROVENANCE_FILE: MAX_PROVENANCE_BYTES,
}
"""The files to download, and the largest size of each."""
REQUIRED = (CONFIG_FILE, WEIGHTS_FILE)
PREVIEWED = (CONFIG_FILE, CARD_FILE, RESULTS_FILE, CURVE_FILE)
MAX_RESULTS = 50
"""The most models that a search returns, and the most commits of a history."""

Progress: TypeAlias = Callable[[int, int], None]
"""Called with the bytes received and the total. If it raises an exception, the download ends and leaves nothing."""


class Cancelled(Exception):  # noqa: N818 - not an error: the user cancelled
    """A `Progress` raises it to end a download."""


class SearchResult(NamedTuple):
    """A model that a search found."""

    repository: str
    algorithm: str
    """Empty if its card does not say."""
    score: str
    """Mean and standard deviation of the return, as its card claims; empty if it claims none."""
    modified: datetime | None
    private: bool


UNKNOWN = -1


class RemoteFile(NamedTuple):
    """A file in a repository."""

    size: Annotated[int, Meta(ge=UNKNOWN)]
    """Bytes; `UNKNOWN` if the Hub does not say."""
    sha256: str | None
    """Only for large files, for which the Hub stores it."""
    git_sha1: str
    """The git hash, for other files."""


class RemoteModel(NamedTuple):
    """One commit of a model's repository."""

    repository: str
    revision: str
    """As requested."""
    commit: str
    modified: datetime | None
    files: dict[str, RemoteFile]
    """The files that Volley would download."""

    @property
    def size(self) -> int:
        """The size in bytes of all files that Volley would download."""
        return sum(file.size for file in self.files.values())


class Revision(NamedTuple):
    """A commit in a repository's history."""

    commit: store.Commit
    title: str
    when: datetime


class Preview(NamedTuple):
    """What a model's author claims about it, for a look before the download."""

    card: str
    results: Results | None
    curve: str
    """CSV, as in `learning_curve.csv`; empty if there is none."""
    config: bytes
    """JSON, as in `config.json`."""


def search(query: str) -> list[SearchResult]:
    """Returns Volley's models on the Hub with `query` in their names, most downloaded first, at most `MAX_RESULTS`."""
    with explaining_failures("search the Hub"):
        try:
            return _search(query, ["cardData", *_SHOWN])
        except NONSENSE:  # one card that the client cannot read would hide all models
            return _search(query, _SHOWN)


_SHOWN: list[Any] = ["lastModified", "private", "tags"]


def _search(query: str, expand: list[Any]) -> list[SearchResult]:
    models = api().list_models(search=query or None, filter=LIBRARY, sort="downloads", limit=MAX_RESULTS, expand=expand)
    return [_search_result(model) for model in islice(models, MAX_RESULTS) if store.parse_repository(model.id)]


def _search_result(model: ModelInfo) -> SearchResult:
    card = model.card_data
    results = [] if card is None else card.eval_results or []
    score = next((str(result.metric_value) for result in results if result.metric_type == "mean_reward"), "")
    algorithm = "" if card is None else str(card.get("model_name") or "")
    private = model.private is not None and msgspec.convert(model.private, bool)
    return SearchResult(model.id, one_line(algorithm, 40), one_line(score, 40), model.last_modified, private)


def examine(repository: str, revision: str | None = None, *, token: Token = None) -> RemoteModel:
    """Returns the model in a repository at a revision, by default the newest commit of its main branch.

    `UserError` if there is no such repository or revision, it holds no Volley model, or a file is too large.
    """
    with explaining_failures(f"find {repository}"):
        info = api(token).model_info(repository, revision=revision, files_metadata=True)
        files = {name: file for name, file in files_of(info).items() if name in MAX_BYTES}
        commit = "" if info.sha is None else msgspec.convert(info.sha, str)
    for name in REQUIRED:
        if name not in files:
            raise UserError(f"{repository} is not a Volley model: it has no {name}{_advice(info)}")
    for name, file in files.items():
        if file.size == UNKNOWN:
            raise UserError(f"{repository}: the Hub, or its mirror, does not say how large {name} is; try another one")
        if file.size > MAX_BYTES[name]:
            raise UserError(f"{repository}: its {name} has {file.size:,} bytes; the limit is {MAX_BYTES[name]:,}")
    if not store.COMMIT.fullmatch(commit):
        raise UserError(f"{repository}: the Hub named no commit; try again later")
    return RemoteModel(repository, revision or "main", commit, info.last_modified, files)


def files_of(info: ModelInfo) -> dict[str, RemoteFile]:
    """Returns all files of a repository, by name; `ValueError` if the Hub's description of one makes no sense."""
    return {
        msgspec.convert(file.rfilename, str): msgspec.convert(
            (UNKNOWN if file.size is None else file.size, file.lfs.sha256 if file.lfs else None, file.blob_id or ""),
            RemoteFile,
        )
        for file in info.siblings or ()
    }


def _advice(info: ModelInfo) -> str:
    foreign = [
        file.rfilename for file in info.siblings or () if file.rfilename.endswith((".zip", ".cleanrl_model", ".pt"))
    ]
    return f"; download {one_line(foreign[0], 60)} and try: volley import FILE NAME" if foreign else ""


def revisions(repository: str) -> list[Revision]:
    """Returns the commits of a repository's main branch, newest first, at most `MAX_RESULTS`."""
    with explaining_failures(f"read the history of {repository}"):
        commits = api().list_repo_commits(repository)
        return [
            msgspec.convert((commit.commit_id, one_line(commit.title, 80), commit.created_at), Revision)
            for commit in commits[:MAX_RESULTS]
        ]


def preview(remote: RemoteModel) -> Preview:
    """Returns what a model's author says about it, without downloading the weights."""
    with store.staging(remote.repository) as folder:
        _fetch(remote, [name for name in PREVIEWED if name in remote.files], folder, lambda _done, _total: None)
        texts = {name: (folder / name).read_bytes() for name in PREVIEWED if exists(folder / name)}
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
    pin: bool = True,
    token: Token = None,
) -> store.StoredModel:
    """Downloads a model; if `pin`, makes the repository's name refer to it.

    Downloads a commit again only if `force`. The model must load before it is stored. `UserError` if there is no such
    model, one of its files is invalid, or the Hub cannot be reached; earlier downloads then stay unchanged.
    """
    stored = _pulled(repository, revision, progress, force=force, pin=pin, token=token)
    if pin:
        store.pin(stored)
    return stored


def _pulled(
    repository: str, revision: str | None, progress: Progress, *, force: bool, pin: bool, token: Token
) -> store.StoredModel:
    remote = examine(repository, revision, token=token)
    for stored in () if force else store.downloads():
        download = stored.download
        if (download.repository, download.commit) == (repository, remote.commit) and store.is_intact(stored):
            if not pin and download.asked_for(remote.revision):  # there is nothing to write, where perhaps nobody may
                return stored
            return store.ask_again(stored, remote.revision, _now())
    with store.staging(repository) as folder:
        _fetch(remote, remote.files, folder, progress, token)
        digests = {name: sha256((folder / name).read_bytes()).hexdigest() for name in remote.files}
        try:
            checkpoint.load_policy(folder)
        except UserError as error:
            reason = str(error).removeprefix(f"cannot load the model in {folder}: ")
            raise UserError(f"{repository}@{remote.commit[:7]} is not usable, so it was not saved: {reason}") from error
        download = store.Download(
            repository=repository,
            revision=remote.revision,
            commit=remote.commit,
            sha256=digests,
            downloaded=_now(),
        )
        return store.install(folder, download)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _fetch(remote: RemoteModel, names: Iterable[str], folder: Path, progress: Progress, token: Token = None) -> None:
    """Downloads files into `folder`, and checks the size and hash of each."""
    configure()
    total, before = sum(remote.files[name].size for name in names), 0
    for name in names:
        file = remote.files[name]

        def count(received: int, name: str = name, file: RemoteFile = file, before: int = before) -> None:
            if received > file.size:
                raise UserError(f"{remote.repository}: its {name} is larger than the Hub said, so it was not saved")
            progress(before + received, total)

        with explaining_failures(f"download {remote.repository}"):
            meter: Any = partial(_Meter, count)  # Called like a class.
            hf_hub_download(
                remote.repository, name, revision=remote.commit, local_dir=folder, tqdm_class=meter, token=token
            )
        if not is_same(folder / name, file):
            raise UserError(f"{remote.repository}: the downloaded {name} does not match its hash; try again later")
        before += file.size
    shutil.rmtree(folder / ".cache", ignore_errors=True)  # The client's metadata.


class _Meter:
    """Replaces the client's progress bar, and counts the bytes received."""

    def __init__(self, count: Callable[[int], None], *, initial: int = 0, **_options: object) -> None:
        self._count = count
        self._received = initial

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        pass

    def update(self, received: int) -> None:
        """Adds `received` bytes; negative if the client starts over."""
        self._received += received
        self._count(self._received)


def is_same(path: Path, file: RemoteFile) -> bool:
    """Whether a local file has the size and hash of the Hub's."""
    content = path.read_bytes()
    if len(content) != file.size:
        return False
    if file.sha256 is not None:
        return sha256(content).hexdigest() == file.sha256
    return sha1(b"blob %d\0" % len(content) + content).hexdigest() == file.git_sha1  # noqa: S324 - git's own
