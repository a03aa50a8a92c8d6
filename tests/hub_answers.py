"""What a Hugging Face Hub holds and answers, as far as Volley asks it; `local_hub.py` puts it on the network."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.message import Message
from enum import Enum
from functools import cached_property
from typing import Any
from urllib.parse import unquote

import yaml  # type: ignore[import-untyped]

LARGE = re.compile(r"\.(safetensors|mp4|png)$|tfevents")
BRANCH = "main"
ATTRIBUTES = b"*.safetensors filter=lfs diff=lfs merge=lfs -text\n"
# What the Hub tells of a model in a listing, and what `full` adds to it.
BRIEF = frozenset({"id", "createdAt", "downloads", "library_name", "likes", "pipeline_tag", "private", "tags"})
FULL = BRIEF | {"author", "disabled", "gated", "lastModified", "sha", "siblings"}


class Fault(Enum):
    """What goes wrong with a request: the status it is refused with, or what becomes of its answer."""

    UNAUTHORIZED = 401
    FORBIDDEN = 403
    NOT_FOUND = 404
    STALE_PARENT = 412
    TOO_MANY = 429
    BROKEN = 500
    SILENT = "the request is taken, and nothing is ever answered"
    SLOW = "the body trickles, a fortieth of it every `pause` seconds"
    CUT = "the connection is closed after half of the body"
    CORRUPT = "one bit in the middle of the file differs from what was announced"
    NO_SIZES = "no file's size is announced, as by some mirrors"
    WRONG_SIZE = "half of the size is announced, and then all of the file comes"


REFUSALS = {
    Fault.UNAUTHORIZED: (None, "Invalid credentials in Authorization header"),
    Fault.FORBIDDEN: (None, "You don't have the rights to do this"),
    Fault.NOT_FOUND: ("RepoNotFound", "Repository not found"),
    Fault.STALE_PARENT: (None, "A commit has happened since. Please refresh and try again."),
    Fault.TOO_MANY: (None, "We had to rate limit you"),
    Fault.BROKEN: (None, "Internal Error"),
}


@dataclass(frozen=True)
class Blob:
    """A file's content, kept by git itself or, where it is large, beside git with a pointer to it."""

    content: bytes
    large: bool

    @cached_property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()

    @cached_property
    def in_git(self) -> bytes:
        pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{self.sha256}\nsize {len(self.content)}\n"
        return pointer.encode() if self.large else self.content

    @cached_property
    def git_sha1(self) -> str:
        return _sha1(b"blob %d\0" % len(self.in_git) + self.in_git)

    @property
    def etag(self) -> str:
        return self.sha256 if self.large else self.git_sha1


@dataclass(frozen=True)
class Commit:
    """All files as they were after it, and the paths that it wrote or deleted."""

    id: str
    title: str
    when: datetime
    files: Mapping[str, Blob]
    changed: tuple[str, ...]


@dataclass
class Repository:
    """A model repository: its commits, the first one first."""

    name: str
    private: bool
    commits: list[Commit] = field(default_factory=list)
    tags: dict[str, str] = field(default_factory=dict)
    downloads: int = 0
    likes: int = 0

    def commit(self, title: str, written: Mapping[str, Blob], deleted: Sequence[str] = ()) -> Commit:
        before = self.commits[-1].files if self.commits else {}
        files = {path: blob for path, blob in before.items() if path not in deleted} | dict(written)
        tree = "".join(f"{path} {blob.git_sha1}\n" for path, blob in sorted(files.items()))
        name = _sha1(f"{self.name} {len(self.commits)} {title}\n{tree}".encode())
        self.commits.append(Commit(name, title, datetime.now(UTC), files, tuple(sorted({*written, *deleted}))))
        return self.commits[-1]

    def at(self, revision: str) -> Commit:
        """The commit that a branch, a tag or 40 hexadecimal digits name."""
        name = self.tags.get(revision, self.commits[-1].id if revision == BRANCH else revision)
        for commit in self.commits:
            if commit.id == name:
                return commit
        raise Refusal(404, "RevisionNotFound", f"Invalid rev id: {revision}")


@dataclass(frozen=True)
class Reply:
    """What goes back."""

    body: bytes = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


class Refusal(Exception):  # noqa: N818 - an answer, and no error of the server
    """An answer that ends a request early."""

    def __init__(self, status: int, code: str | None, message: str, **headers: str) -> None:
        super().__init__(message)
        told = {"X-Error-Message": message, **({"X-Error-Code": code} if code else {}), **headers}
        self.reply = _json({"error": message}, status, **told)


@dataclass(frozen=True)
class Call:
    """A request as a route sees it."""

    method: str
    path: str
    query: Mapping[str, list[str]]
    headers: Message
    body: bytes
    known: bool
    fault: Fault | None

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    def first(self, name: str) -> str:
        return self.query.get(name, [""])[0]

    def announced(self, blob: Blob) -> int:
        return len(blob.content) // (2 if self.fault is Fault.WRONG_SIZE else 1)


class Holdings:
    """What a Hub holds: the repositories by name, and the large files of all of them by sha256."""

    user = "tester"
    retry_after = 3

    def __init__(self) -> None:
        self.url = ""
        self.repositories: dict[str, Repository] = {}
        self.large: dict[str, bytes] = {}
        self._lock = threading.RLock()

    def create(self, name: str, *, private: bool = False) -> Repository:
        """A new repository, with the one file that the Hub puts into each."""
        repository = self.repositories[name] = Repository(name, private)
        repository.commit("initial commit", {".gitattributes": Blob(ATTRIBUTES, large=False)})
        return repository

    def commit(self, name: str, files: Mapping[str, bytes], title: str = "upload") -> str:
        """Files put there by someone else, into a new repository where there is none; the commit's 40 digits."""
        with self._lock:
            repository = self.repositories.get(name) or self.create(name)
            blobs = {path: Blob(content, large=bool(LARGE.search(path))) for path, content in files.items()}
            self.large |= {blob.sha256: blob.content for blob in blobs.values() if blob.large}
            return repository.commit(title, blobs).id

    def tag(self, name: str, tag: str, commit: str) -> None:
        """Let `tag` name a commit."""
        self.repositories[name].tags[tag] = commit

    def answer(self, call: Call) -> Reply:
        """What goes back for a request."""
        with self._lock:
            try:
                return self._route(call)
            except Refusal as refusal:
                return refusal.reply

    def repository(self, call: Call, name: str, *, write: bool = False) -> Repository:
        """The repository, where this caller may know of it."""
        if write and not call.known:
            raise Refusal(401, "RepoNotFound", "Invalid username or password.")
        repository = self.repositories.get(name)
        if repository is None or (repository.private and not call.known):
            raise Refusal(404, "RepoNotFound", "Repository not found")
        return repository

    def _route(self, call: Call) -> Reply:
        if call.fault in REFUSALS:
            told = {"Retry-After": str(self.retry_after)} if call.fault is Fault.TOO_MANY else {}
            raise Refusal(call.fault.value, *REFUSALS[call.fault], **told)
        if "Authorization" in call.headers and not call.known:
            raise Refusal(401, *REFUSALS[Fault.UNAUTHORIZED])
        for methods, pattern, route in ROUTES:
            if call.method in methods and (parts := re.fullmatch(pattern, call.path)):
                return route(self, call, *map(unquote, parts.groups("")))
        raise Refusal(404, None, f"This Hub has no {call.method} {call.path}")


def _create(hub: Holdings, call: Call) -> Reply:
    if not call.known:
        raise Refusal(401, None, "Invalid username or password.")
    asked = call.json
    name = f"{asked['organization'] or hub.user}/{asked['name']}"
    url = {"url": f"{hub.url}/{name}"}
    if name in hub.repositories:
        return _json(url | {"error": "You already created this model repo"}, 409)
    hub.create(name, private=asked.get("visibility") == "private")
    return _json(url)


def _validate(_: Holdings, call: Call) -> Reply:
    try:
        _front_matter(call.json["content"])
    except yaml.YAMLError as error:
        return _json({"errors": [{"message": str(error)}], "warnings": []}, 400)
    return _json({"errors": [], "warnings": []})


def _preupload(hub: Holdings, call: Call, name: str, revision: str) -> Reply:
    there = hub.repository(call, name, write=True).at(revision).files
    files = []
    for path in (file["path"] for file in call.json["files"]):
        oid = {"oid": there[path].etag} if path in there else {}
        mode = "lfs" if LARGE.search(path) else "regular"
        files.append({"path": path, "uploadMode": mode, "shouldIgnore": False, **oid})
    return _json({"files": files})


def _batch(hub: Holdings, call: Call, name: str) -> Reply:
    hub.repository(call, name, write=True)
    objects = [
        wanted
        if wanted["oid"] in hub.large
        else {**wanted, "actions": {"upload": {"href": f"{hub.url}/large/{wanted['oid']}", "header": {}}}}
        for wanted in call.json["objects"]
    ]
    return _json({"transfer": "basic", "objects": objects})


def _put(hub: Holdings, call: Call, oid: str) -> Reply:
    if hashlib.sha256(call.body).hexdigest() != oid:
        raise Refusal(400, None, "The bytes are not those that were promised")
    hub.large[oid] = call.body
    return Reply()


def _commit(hub: Holdings, call: Call, name: str, branch: str) -> Reply:
    repository = hub.repository(call, name, write=True)
    if branch != BRANCH:
        raise Refusal(404, "RevisionNotFound", f"Invalid rev id: {branch}")
    head = repository.commits[-1]
    (_, header), *operations = [(line["key"], line["value"]) for line in map(json.loads, call.body.splitlines())]
    if not head.id.startswith(header.get("parentCommit", "")):
        raise Refusal(412, *REFUSALS[Fault.STALE_PARENT])
    written, deleted = {}, []
    for kind, value in operations:
        path = value["path"]
        if kind == "file":
            written[path] = Blob(base64.b64decode(value["content"]), large=False)
        elif kind == "lfsFile" and value["oid"] in hub.large:
            written[path] = Blob(hub.large[value["oid"]], large=True)
        elif kind == "deletedFile" and path in head.files:
            deleted.append(path)
        else:
            raise Refusal(404, "EntryNotFound", f"A file with this name doesn't exist: {path}")
    commit = repository.commit(header["summary"], written, deleted)
    return _json({"commitUrl": f"{hub.url}/{name}/commit/{commit.id}", "commitOid": commit.id})


def _models(hub: Holdings, call: Call) -> Reply:
    newest = reversed(hub.repositories.values())
    visible = [repository for repository in newest if call.known or not repository.private]
    models = [_describe(call, repository, repository.commits[-1]) for repository in visible]
    wanted, author, pipeline = call.query.get("filter", []), call.first("author"), call.first("pipeline_tag")
    found = [
        model
        for model in models
        if call.first("search").lower() in model["id"].lower()
        and author in ("", model["author"])
        and pipeline in ("", model["pipeline_tag"])
        and set(wanted) <= set(model["tags"])
    ]
    found.sort(key=lambda model: model[call.first("sort") or "lastModified"], reverse=True)
    asked = (FULL if call.first("full") else BRIEF) | ({"cardData"} if call.first("cardData") else set())
    shown = {"id", *call.query.get("expand", asked)}
    limited = found[: int(call.first("limit") or 1000)]
    return _json([{name: model[name] for name in shown & model.keys()} for model in limited])


def _model(hub: Holdings, call: Call, name: str, revision: str) -> Reply:
    repository = hub.repository(call, name)
    model = _describe(call, repository, repository.at(revision or BRANCH))
    shown = {"id", *call.query.get("expand", model)}
    return _json({name: model[name] for name in shown & model.keys()})


def _describe(call: Call, repository: Repository, commit: Commit) -> dict[str, Any]:
    try:
        card = _front_matter(commit.files["README.md"].content.decode()) if "README.md" in commit.files else {}
    except (yaml.YAMLError, UnicodeDecodeError):
        card = {}
    library, index = card.get("library_name"), card.get("model-index")
    tags = card["tags"] if isinstance(card.get("tags"), list) else []
    tags = [*([library] if library else []), *tags, *(["model-index"] if index else [])]
    blobs = bool(call.first("blobs"))
    return {
        "id": repository.name,
        "author": repository.name.split("/")[0],
        "sha": commit.id,
        "createdAt": _time(repository.commits[0].when),
        "lastModified": _time(commit.when),
        "private": repository.private,
        "gated": False,
        "disabled": False,
        "downloads": repository.downloads,
        "likes": repository.likes,
        "library_name": library,
        "pipeline_tag": card.get("pipeline_tag"),
        "tags": tags,
        "cardData": card,
        "model-index": index,
        "siblings": [
            {"rfilename": path, **(_details(call, blob, "blobId", "sha256") if blobs else {})}
            for path, blob in sorted(commit.files.items())
        ],
    }


def _details(call: Call, blob: Blob, git: str, large: str) -> dict[str, Any]:
    size = call.announced(blob)
    beside = {"lfs": {large: blob.sha256, "size": size, "pointerSize": len(blob.in_git)}} if blob.large else {}
    if call.fault is Fault.NO_SIZES:
        return {git: blob.git_sha1, **beside}
    return {"size": size, git: blob.git_sha1, **beside}


def _tree(hub: Holdings, call: Call, name: str, revision: str) -> Reply:
    files = hub.repository(call, name).at(revision).files
    return _json(
        [{"type": "file", "path": path, **_details(call, blob, "oid", "oid")} for path, blob in sorted(files.items())]
    )


def _commits(hub: Holdings, call: Call, name: str, revision: str) -> Reply:
    repository = hub.repository(call, name)
    until = repository.commits.index(repository.at(revision)) + 1
    told = {"authors": [{"user": hub.user}], "message": ""}
    return _json(
        [
            {"id": commit.id, "title": commit.title, "date": _time(commit.when), **told}
            for commit in reversed(repository.commits[:until])
        ]
    )


def _refs(hub: Holdings, call: Call, name: str) -> Reply:
    repository = hub.repository(call, name)
    branch = {"name": BRANCH, "ref": f"refs/heads/{BRANCH}", "targetCommit": repository.commits[-1].id}
    tags = [{"name": tag, "ref": f"refs/tags/{tag}", "targetCommit": id_} for tag, id_ in repository.tags.items()]
    return _json({"branches": [branch], "tags": tags, "converts": []})


def _resolve(hub: Holdings, call: Call, name: str, revision: str, path: str) -> Reply:
    repository = hub.repository(call, name)
    commit = repository.at(revision)
    at = {"X-Repo-Commit": commit.id}
    if path not in commit.files:
        raise Refusal(404, "EntryNotFound", "Entry not found", **at)
    blob = commit.files[path]
    headers = {**at, "ETag": f'"{blob.etag}"', "Accept-Ranges": "bytes"}
    if blob.large:
        headers |= {"X-Linked-Etag": f'"{blob.etag}"', "X-Linked-Size": str(call.announced(blob))}
    if call.method == "HEAD":
        return Reply(headers=headers | {"Content-Length": str(call.announced(blob))})
    repository.downloads += 1
    content, size = blob.content, len(blob.content)
    if call.fault is Fault.CORRUPT:
        middle = slice(size // 2, size // 2 + 1)
        content = content[: size // 2] + bytes(byte ^ 1 for byte in content[middle]) + content[size // 2 + 1 :]
    if part := re.fullmatch(r"bytes=(\d+)-(\d*)", call.headers.get("Range", "")):
        start, end = int(part[1]), min(int(part[2] or size), size - 1)
        return Reply(content[start : end + 1], 206, headers | {"Content-Range": f"bytes {start}-{end}/{size}"})
    return Reply(content, headers=headers)


def _who(hub: Holdings, call: Call) -> Reply:
    if not call.known:
        raise Refusal(401, None, "Invalid username or password.")
    return _json({"type": "user", "name": hub.user, "orgs": [], "auth": {"type": "access_token"}})


def _json(data: object, status: int = 200, **headers: str) -> Reply:
    # A card's YAML may hold dates.
    return Reply(json.dumps(data, default=str).encode(), status, {"Content-Type": "application/json", **headers})


def _front_matter(card: str) -> dict[str, Any]:
    found = re.match(r"---\s*\n(.*?)\n---\s*(\n|$)", card, re.DOTALL)
    data = yaml.safe_load(found[1]) if found else None
    return data if isinstance(data, dict) else {}


def _time(when: datetime) -> str:
    return when.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _sha1(content: bytes) -> str:
    return hashlib.sha1(content, usedforsecurity=False).hexdigest()


NAME = "([^/]+/[^/]+)"
ROUTES: list[tuple[str, str, Callable[..., Reply]]] = [
    ("POST", "/api/repos/create", _create),
    ("POST", "/api/validate-yaml", _validate),
    ("POST", f"/api/models/{NAME}/preupload/([^/]+)", _preupload),
    ("POST", f"/{NAME}.git/info/lfs/objects/batch", _batch),
    ("PUT", "/large/([0-9a-f]{64})", _put),
    ("POST", f"/api/models/{NAME}/commit/([^/]+)", _commit),
    ("GET", "/api/models", _models),
    ("GET", f"/api/models/{NAME}(?:/revision/([^/]+))?", _model),
    ("GET", f"/api/models/{NAME}/tree/([^/]+)", _tree),
    ("GET", f"/api/models/{NAME}/commits/([^/]+)", _commits),
    ("GET", f"/api/models/{NAME}/refs", _refs),
    ("GET HEAD", f"/{NAME}/resolve/([^/]+)/(.+)", _resolve),
    ("GET", "/api/whoami-v2", _who),
]
