"""The window's calls to the Hub. Run them on another thread: importing the Hub's client alone takes a second.

Results are ready to show. Every failure is a `UserError` of one line.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING

from app.hub import local
from app.hub.local import UNKNOWN, Details, Entry, Section, format_date
from models import store
from models.card import PATTERNS
from models.card_text import plain_text
from models.run_directory import parse_curve
from models.spec import ModelSpec
from models.store import StoredModel

if TYPE_CHECKING:
    from models.hub.reading import Preview, RemoteModel, SearchResult


LOADING = "Loading …"


@dataclass(slots=True)
class Download:
    """A running download. The thread it runs on updates its progress."""

    repository: str
    revision: str | None
    bytes_done: int = 0
    bytes_total: int = 0
    """0 until the Hub has said."""
    cancelled: Event = field(default_factory=Event)

    @property
    def share(self) -> float:
        """How much of it has arrived, from 0 to 1."""
        return min(self.bytes_done / self.bytes_total, 1.0) if self.bytes_total else 0.0

    @property
    def status(self) -> str:
        """Its progress, in a few words."""
        if not self.bytes_total:
            return "connecting …"
        if self.bytes_done >= self.bytes_total:
            return f"all {local.format_size(self.bytes_total)} downloaded, verifying …"
        return f"{local.format_size(self.bytes_done)} of {local.format_size(self.bytes_total)}"


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit of a repository."""

    id: str
    """40 hexadecimal digits."""
    title: str
    """Empty if only the Hub knows it."""
    date: datetime | None
    kept: StoredModel | None
    """Its download, if it is on this machine."""
    current: bool
    """Whether the repository's name stands for it."""


def search(query: str) -> tuple[Entry, ...]:
    """The models on the Hub that match `query`."""
    from models.hub import reading  # noqa: PLC0415

    return tuple(_entry(found) for found in reading.search(query))


def examine(entry: Entry) -> Details:
    """What the repository says about its model. The client caches small files on disk."""
    from models.hub import reading  # noqa: PLC0415

    assert entry.found is not None
    remote = reading.examine(entry.repository)
    return _details(entry.found, remote, reading.preview(remote))


def history(repository: str) -> tuple[Commit, ...]:
    """The commits of a repository, newest first; downloaded ones that the Hub no longer has come last."""
    from models.hub import reading  # noqa: PLC0415

    downloaded = {commit.id: commit for commit in local_commits(repository)}
    commits = []
    for revision in reading.revisions(repository):
        known = downloaded.pop(revision.commit, None)
        kept, current = (known.kept, known.current) if known else (None, False)
        commits.append(Commit(revision.commit, revision.title, revision.when, kept, current))
    return *commits, *downloaded.values()


def local_commits(repository: str) -> tuple[Commit, ...]:
    """The downloaded commits of a repository, newest first, with the dates of their downloads; no network."""
    current = store.current(repository)
    return tuple(
        Commit(record.commit, "", local.parse_date(record.downloaded), kept, current=record.commit == current)
        for kept in store.downloads()
        if (record := kept.download).repository == repository
    )


def pull(download: Download) -> StoredModel | None:
    """Downloads a model and reports its progress in `download`; returns None if it was cancelled."""
    from models.hub import reading  # noqa: PLC0415

    def report(bytes_done: int, bytes_total: int) -> None:
        if download.cancelled.is_set():
            raise reading.Cancelled
        download.bytes_done, download.bytes_total = bytes_done, bytes_total

    try:
        return reading.pull(download.repository, download.revision, progress=report)
    except reading.Cancelled:
        return None


def publish(folder: Path, repository: str, *, private: bool) -> str:
    """Uploads a folder in place of what the repository held before; returns the repository's URL."""
    from models.hub import publishing  # noqa: PLC0415

    return publishing.publish(folder, repository, private=private, delete_patterns=list(PATTERNS)).url


def user() -> str:
    """The name of the logged-in user; `UserError` if nobody is logged in."""
    from models.hub import publishing  # noqa: PLC0415

    return publishing.user()


def details_from_search(found: SearchResult) -> Details:
    """What a search result says about a model."""
    facts = (
        ("Algorithm", found.algorithm or UNKNOWN),
        ("Score", f"{_score(found)}, according to its card" if found.score else UNKNOWN),
        ("Size", UNKNOWN),
        ("Changed", format_date(found.modified)),
        ("From", found.repository + (", private" if found.private else "")),
    )
    return Details(facts, note=LOADING)


def _entry(found: SearchResult) -> Entry:
    about = ", ".join(word for word in (found.algorithm, _score(found), "private" if found.private else "") if word)
    return Entry(Section.HUB, found.repository, found.repository, about, found=found)


def _score(found: SearchResult) -> str:
    """The score with proper plus-minus and minus signs."""
    return found.score.replace("+/-", "\N{PLUS-MINUS SIGN}").replace("-", "\N{MINUS SIGN}")


def _details(found: SearchResult, remote: RemoteModel, preview: Preview) -> Details:
    result = None if preview.results is None else preview.results.main
    first = dict(details_from_search(found).facts)
    first["Score"] = first["Score"] if result is None else f"{local.format_score(result)}, reported by its author"
    first["Size"] = local.format_size(remote.size)
    first["Changed"] = format_date(remote.modified)
    first["From"] = f"{remote.repository}@{remote.commit[:7]}" + (", private" if found.private else "")
    spec = local.decode_spec(preview.config)
    first["Algorithm"] = first["Algorithm"] if spec is None else spec.algorithm
    curve = local.plausible_curve(parse_curve(preview.curve)) if isinstance(spec, ModelSpec) else ()
    return Details(tuple(first.items()), curve, plain_text(preview.card), local.why_not_playable(spec))
