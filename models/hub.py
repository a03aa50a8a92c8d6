"""The Hugging Face Hub: find models there, pull them safely, and publish.

What comes from there is a stranger's. Only files of known names are fetched, after their sizes were asked for; a
revision becomes the commit that it stands for; every file is held against the hash that the Hub gave for it, and kept
with it (`store.py`). Every failure, of the network as of the Hub, is a `UserError` of one line.

This imports huggingface_hub, and any call may take half a minute where the Hub does not answer: nothing here belongs
on the thread that draws.
"""

from __future__ import annotations

import errno
import logging
import shutil
from collections.abc import Callable, Iterable, Iterator, MutableMapping
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from hashlib import sha1, sha256
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple, Protocol, Self, TypeAlias

from huggingface_hub import HfApi, constants, get_session, hf_hub_download
from huggingface_hub.errors import (  # type: ignore[attr-defined] # HTTPError, of whichever transport there is
    EntryNotFoundError,
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    HTTPError,
    LocalEntryNotFoundError,
    LocalTokenNotFoundError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.hf_api import ModelInfo
from huggingface_hub.utils.tqdm import disable_progress_bars

from models import checkpoint, store
from models.card import CARD_FILE, CURVE_FILE, LIBRARY, PROVENANCE_FILE
from models.checkpoint import MAX_CONFIG_BYTES, MAX_WEIGHTS_BYTES
from models.errors import UserError, one_line
from models.files import CONFIG_FILE, WEIGHTS_FILE
from models.results import MAX_RESULTS_BYTES, RESULTS_FILE, Results, decode

MOST_BYTES = {
    CONFIG_FILE: MAX_CONFIG_BYTES,
    WEIGHTS_FILE: MAX_WEIGHTS_BYTES,
    CARD_FILE: 1024 * 1024,
    RESULTS_FILE: MAX_RESULTS_BYTES,
    CURVE_FILE: 1024 * 1024,
    PROVENANCE_FILE: 64 * 1024,
}
"""The files that are fetched, and how large each may be."""
NEEDED = (CONFIG_FILE, WEIGHTS_FILE)
PREVIEWED = (CONFIG_FILE, CARD_FILE, RESULTS_FILE, CURVE_FILE)
MOST_FOUND = 50
"""Models that a search gives, and commits that a repository's history gives."""

ANSWER_SECONDS = 20
"""That the Hub may be silent before it is taken for gone; listings are then asked for five times more."""

Token: TypeAlias = str | bool | None
"""What opens the Hub; None is that of the client's own login, False is none at all."""
Progress: TypeAlias = Callable[[int, int], None]
"""Is told how many bytes are here, and of how many. What it raises ends the download, which leaves nothing behind."""

# Plain HTTP in small pieces can be counted as it comes, and ended in the middle.
constants.HF_HUB_DISABLE_XET = True
constants.DOWNLOAD_CHUNK_SIZE = 64 * 1024
disable_progress_bars()
logging.getLogger("huggingface_hub").setLevel(logging.CRITICAL)  # What failed is said once, by an error.


class Cancelled(Exception):  # noqa: N818 - no error: what was asked for
    """Raised by a `Progress` to end a download."""


class Unreachable(UserError):  # noqa: N818 - told to the user in a line, as any other
    """The Hub cannot be reached now, so that nothing is known of what it has."""


class Found(NamedTuple):
    """A model that a search has found."""

    repository: str
    algorithm: str
    """Empty where its card does not say."""
    score: str
    """Mean and deviation of the return, as its card claims; empty where it does not."""
    modified: datetime | None
    private: bool


class RemoteFile(NamedTuple):
    """A file of a repository."""

    size: int
    """Bytes."""
    sha256: str | None
    """Of a large file, which the Hub knows by it."""
    git_sha1: str
    """Of any other: the hash by which git knows it."""


class Remote(NamedTuple):
    """One commit of a model's repository."""

    repository: str
    revision: str
    """As it was asked for."""
    commit: str
    modified: datetime | None
    files: dict[str, RemoteFile]
    """Those that Volley would fetch."""

    @property
    def size(self) -> int:
        """Bytes, of all files that Volley would fetch."""
        return sum(file.size for file in self.files.values())


class Revision(NamedTuple):
    """A commit in a repository's history."""

    commit: str
    title: str
    when: datetime


class Preview(NamedTuple):
    """What can be known of a model before it is pulled. All of it is what its author claims."""

    card: str
    results: Results | None
    curve: str
    """CSV, as in `learning_curve.csv`; empty where there is none."""
    config: bytes = b""
    """JSON, as in `config.json`."""


class Published(NamedTuple):
    """What came of a publication."""

    repository: str
    commit: str
    url: str
    """Of the model's page."""
    commit_url: str
    """Of the commit, or of the request to take it up."""
    uploaded: tuple[str, ...] = ()
    """The files that were new or not as they had been there."""


def search(query: str) -> list[Found]:
    """Models of Volley's on the Hub whose names hold `query`, the most popular first, `MOST_FOUND` at most."""
    with _told("search the Hub"):
        models = HfApi().list_models(
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
    """What the Hub has in a repository at a revision, without the newest of its main branch.

    `UserError` where there is no such repository or revision, it holds no model of Volley's, or a file is too large.
    """
    with _told(f"find {repository}"):
        info = HfApi(token=token).model_info(repository, revision=revision, files_metadata=True)
    files = {name: file for name, file in _files_of(info).items() if name in MOST_BYTES}
    for name in NEEDED:
        if name not in files:
            raise UserError(f"{repository} is no model of Volley's: it has no {name}{_advice(info)}")
    for name, file in files.items():
        if file.size > MOST_BYTES[name]:
            raise UserError(f"{repository}: its {name} is {file.size:,} bytes; the most is {MOST_BYTES[name]:,}")
    if not store.COMMIT.fullmatch(info.sha or ""):
        raise UserError(f"{repository}: the Hub named no commit; try again later")
    return Remote(repository, revision or "main", str(info.sha), info.last_modified, files)


def _files_of(info: ModelInfo) -> dict[str, RemoteFile]:
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
    with _told(f"read the history of {repository}"):
        commits = HfApi().list_repo_commits(repository)
        return [Revision(each.commit_id, one_line(each.title, 80), each.created_at) for each in commits[:MOST_FOUND]]


def preview(remote: Remote) -> Preview:
    """What a model's author tells of it, without its weights."""
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
    """Downloads a model, and lets the repository's name stand for it.

    One that is here already is not fetched again, but by `force`. It is loaded once before it is kept. `UserError`
    where there is no such model, something in it is not as it should be, or it cannot be had now; what was here before
    then stays as it was.
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
    """Downloads files into `folder`, each held against its size and its hash."""
    total, before = sum(remote.files[name].size for name in names), 0
    for name in names:
        file = remote.files[name]

        def count(received: int, name: str = name, file: RemoteFile = file, before: int = before) -> None:
            if received > file.size:
                raise UserError(f"{remote.repository}: its {name} is larger than the Hub had said; it was not kept")
            progress(before + received, total)

        with _told(f"download {remote.repository}"):
            meter: Any = partial(_Meter, count)  # Called as a class would be.
            hf_hub_download(
                remote.repository, name, revision=remote.commit, local_dir=folder, tqdm_class=meter, token=token
            )
        if not _is(folder / name, file):
            raise UserError(f"{remote.repository}: what arrived as {name} is not what the Hub has; try again later")
        before += file.size
    shutil.rmtree(folder / ".cache", ignore_errors=True)  # The client's own notes.


class _Meter:
    """Stands where the client wants a progress bar, and tells how many bytes have arrived."""

    def __init__(self, count: Callable[[int], None], *, initial: int = 0, **_words: object) -> None:
        self._count = count
        self._received = initial

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        pass

    def update(self, received: int) -> None:
        """So many bytes more, or fewer where the client begins anew."""
        self._received += received
        self._count(self._received)


def _is(path: Path, file: RemoteFile) -> bool:
    """Whether a file is what the Hub has: the same size, and the same hash."""
    content = path.read_bytes()
    if len(content) != file.size:
        return False
    if file.sha256 is not None:
        return sha256(content).hexdigest() == file.sha256
    return sha1(b"blob %d\0" % len(content) + content).hexdigest() == file.git_sha1  # noqa: S324 - git's own


def check_login(repository: str) -> None:
    """Whether somebody is logged in who may publish under that name, as far as the Hub tells beforehand.

    `UserError` where that can be no repository's name, nobody is logged in, or it belongs to somebody else.
    """
    check_name(repository)
    who = _who()
    names = [str(who.get("name")), *(str(of.get("name")) for of in who.get("orgs") or ())]
    owner = repository.partition("/")[0]
    if owner not in names:
        yours = one_line(", ".join(f"{name}/" for name in names))
        raise UserError(f"cannot publish to {repository}: {owner}/ is not yours; you may publish under {yours}")
    if (who.get("auth") or {}).get("accessToken", {}).get("role") == "read":
        raise UserError(f"cannot publish to {repository}: {_REASONS_BY_STATUS[403]}")


def user(token: Token = None) -> str:
    """Whose token that is, by the name that stands before `/` in a repository's; `UserError` where it is nobody's."""
    return str(_who(token).get("name"))


def _who(token: Token = None) -> dict[str, Any]:
    with _told("publish"):
        if token is False:
            raise LocalTokenNotFoundError
        return HfApi().whoami(token)


def check_name(repository: str) -> None:
    """`UserError` where that can be no repository's name."""
    if (named := store.split(repository)) is None or named[1] is not None:
        raise UserError(f"{one_line(repository, 80)!r} can be no repository's name, which is USER/REPO")


def publish(
    folder: Path,
    repository: str,
    *,
    private: bool | None = False,
    message: str | None = None,
    branch: str | None = None,
    create_pr: bool | None = None,
    token: Token = None,
    allow_patterns: list[str] | str | None = None,
    ignore_patterns: list[str] | str | None = None,
    delete_patterns: list[str] | str | None = None,
) -> Published:
    """Uploads what is in `folder` as one commit, in a repository that is made where there is none.

    What the repository has already is not uploaded again, and what it has beside stays, but for what `delete_patterns`
    names. Where nothing has changed, there is no commit. `private` is for a new repository; one that is there stays
    what it is. The rest is as in huggingface_hub.
    """
    check_name(repository)
    with _told(f"publish to {repository}"):
        api = HfApi(token=token)
        api.create_repo(repository, private=private, exist_ok=True)
        before = api.model_info(repository, revision=branch, files_metadata=True)
        commit = api.upload_folder(
            repo_id=repository,
            folder_path=folder,
            commit_message=message or "Publish from Volley",
            parent_commit=before.sha,
            revision=branch,
            create_pr=create_pr,
            allow_patterns=allow_patterns,
            ignore_patterns=ignore_patterns,
            delete_patterns=delete_patterns,
        )
        url = commit.pr_url or commit.commit_url
        return Published(
            repository, commit.oid, f"{api.endpoint}/{repository}", url, _changed(folder, _files_of(before))
        )


def _changed(folder: Path, there: dict[str, RemoteFile]) -> tuple[str, ...]:
    """The files of a folder, by their paths in it, that are not `there` as they are here."""
    files = {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*")) if path.is_file()}
    return tuple(name for name, path in files.items() if name not in there or not _is(path, there[name]))


@contextmanager
def _told(what: str) -> Iterator[None]:
    """Says in one line why something could not be done, and what to do."""
    session = get_session()
    if _limit_silence not in (hooks := session.event_hooks["request"]):
        session.event_hooks = {**session.event_hooks, "request": [*hooks, _limit_silence]}
    try:
        yield
    except (HTTPError, OSError, EntryNotFoundError, HFValidationError, RuntimeError, UnicodeEncodeError) as error:
        # The client tells some failures by another, which says less.
        told = error.__cause__ if isinstance(error, LocalEntryNotFoundError | RuntimeError) else None
        cause = told or error
        kind = Unreachable if _is_unreachable(cause) else UserError
        raise kind(f"cannot {what}: {_reason(cause)}") from error


class _Request(Protocol):
    """What is asked of the Hub, as the transport holds it."""

    extensions: MutableMapping[str, Any]


def _limit_silence(request: _Request) -> None:
    """Lets the client wait `ANSWER_SECONDS` where it would wait for ever, as it does with most requests."""
    waits = request.extensions.get("timeout", {})
    request.extensions["timeout"] = {kind: ANSWER_SECONDS if wait is None else wait for kind, wait in waits.items()}


def _is_unreachable(error: BaseException) -> bool:
    if isinstance(error, HfHubHTTPError):
        return error.response.status_code >= _SERVER_FAULT
    return isinstance(error, HTTPError | OfflineModeIsEnabled)


_SERVER_FAULT = 500


_REASONS: tuple[tuple[type[Exception], str], ...] = (
    (GatedRepoError, "its author wants to be asked first; do that on its page, and log in by: hf auth login"),
    (RepositoryNotFoundError, "there is no such repository, or it is private; check the name, or: hf auth login"),
    (RevisionNotFoundError, "it has no such revision; leave it out for the newest"),
    (EntryNotFoundError, "a file of it is gone; try again"),
    (LocalTokenNotFoundError, "nobody is logged in; do so by: hf auth login"),
    # A header's, which hold nothing of the user's but the token.
    (UnicodeEncodeError, "the token holds letters that none has; log in again by: hf auth login"),
    (OfflineModeIsEnabled, "offline, as HF_HUB_OFFLINE says; unset it to reach the Hub"),
)
_REASONS_BY_STATUS = {
    401: "the Hub does not know this token; log in again by: hf auth login",
    403: "this token may not do that; log in with one that may write, by: hf auth login",
    409: "it was being changed by somebody else; try again",
    412: "it was changed by somebody else meanwhile; look at it, and publish again",
    429: "the Hub asks to wait; try again in a few minutes",
}


def _reason(error: BaseException) -> str:
    for kind, reason in _REASONS:
        if isinstance(error, kind):
            return reason
    if isinstance(error, HfHubHTTPError):
        status = error.response.status_code
        return _REASONS_BY_STATUS.get(status, f"the Hub answers with fault {status}; try again later")
    if isinstance(error, HFValidationError):
        return f"that can be no repository's name, which is USER/REPO ({one_line(error, 80)})"
    if isinstance(error, HTTPError):
        return f"the Hub does not answer ({type(error).__name__}); check the connection, and try again"
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return "the disk is full; make room and try again"
    return f"{one_line(error, 120)}; try again"
