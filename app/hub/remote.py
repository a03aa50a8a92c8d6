"""What the window asks of the Hub, each a call for another thread: the Hub's client takes a second to import.

What comes back is ready to be shown. Every failure is a `UserError` of one line.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING

from app.hub import local as shelf
from app.hub.local import UNKNOWN, Details, Entry, Section, date_words
from models import store
from models.card import PATTERNS
from models.card_text import plain_text
from models.run_directory import parse_curve
from models.spec import ModelSpec
from models.store import StoredModel

if TYPE_CHECKING:
    from models.hub.reading import Preview, RemoteModel, SearchResult


@dataclass(slots=True)
class Download:
    """A download under way. The thread that it runs on writes how far it is."""

    repository: str
    revision: str | None
    bytes_done: int = 0
    bytes_in_all: int = 0
    """0 before the Hub has told."""
    cancelled: Event = field(default_factory=Event)

    @property
    def share(self) -> float:
        """How much of it is here, from 0 to 1."""
        return min(self.bytes_done / self.bytes_in_all, 1.0) if self.bytes_in_all else 0.0

    @property
    def words(self) -> str:
        """How far it is."""
        if not self.bytes_in_all:
            return "connecting …"
        if self.bytes_done >= self.bytes_in_all:
            return f"all {shelf.size_words(self.bytes_in_all)} downloaded, checking …"
        return f"{shelf.size_words(self.bytes_done)} of {shelf.size_words(self.bytes_in_all)}"


@dataclass(frozen=True, slots=True)
class Change:
    """One commit of a repository."""

    commit: str
    title: str
    when: datetime | None
    kept: StoredModel | None
    """Where it is here."""
    current: bool
    """Whether the repository's name stands for it."""


def search(query: str) -> tuple[Entry, ...]:
    """The models on the Hub that a search finds."""
    from models.hub import reading  # noqa: PLC0415

    return tuple(_entry(found) for found in reading.search(query))


def look(entry: Entry) -> Details:
    """What a model's author tells of it. The client keeps small files on the disk meanwhile."""
    from models.hub import reading  # noqa: PLC0415

    assert entry.found is not None
    remote = reading.examine(entry.repository)
    return _details(entry.found, remote, reading.preview(remote))


def history(repository: str) -> tuple[Change, ...]:
    """The commits of a repository, the newest first; at the end those that are here and no longer there."""
    from models.hub import reading  # noqa: PLC0415

    here = {change.commit: change for change in changes_here(repository)}
    told = []
    for revision in reading.revisions(repository):
        known = here.pop(revision.commit, None)
        kept, current = (known.kept, known.current) if known else (None, False)
        told.append(Change(revision.commit, revision.title, revision.when, kept, current))
    return *told, *here.values()


def changes_here(repository: str) -> tuple[Change, ...]:
    """The commits of a repository that are here, the newest first; asks nobody."""
    current = store.current(repository)
    return tuple(
        Change(kept.download.commit, "", shelf.date_of(kept.download.downloaded), kept, kept.download.commit == current)
        for kept in store.downloads()
        if kept.download.repository == repository
    )


def pull(download: Download) -> StoredModel | None:
    """Downloads a model, and writes how far it is; None where it was cancelled."""
    from models.hub import reading  # noqa: PLC0415

    def report(bytes_done: int, bytes_in_all: int) -> None:
        if download.cancelled.is_set():
            raise reading.Cancelled
        download.bytes_done, download.bytes_in_all = bytes_done, bytes_in_all

    try:
        return reading.pull(download.repository, download.revision, progress=report)
    except reading.Cancelled:
        return None


def publish(folder: Path, repository: str, *, private: bool) -> str:
    """Uploads a folder, in place of what was published there before; gives where it can be seen."""
    from models.hub import publishing  # noqa: PLC0415

    return publishing.publish(folder, repository, private=private, delete_patterns=list(PATTERNS)).url


def user() -> str:
    """Who is logged in; `UserError` where nobody is."""
    from models.hub import publishing  # noqa: PLC0415

    return publishing.user()


def first_details(found: SearchResult) -> Details:
    """What the search has told of a model already."""
    facts = (
        ("Algorithm", found.algorithm or UNKNOWN),
        ("Score", f"{_score(found)}, from its card" if found.score else UNKNOWN),
        ("Size", UNKNOWN),
        ("Changed", date_words(found.modified)),
        ("From", found.repository + (", private" if found.private else "")),
    )
    return Details(facts, sign="Loading …")


def _entry(found: SearchResult) -> Entry:
    about = ", ".join(word for word in (found.algorithm, _score(found), "private" if found.private else "") if word)
    return Entry(Section.HUB, found.repository, found.repository, about, found=found)


def _score(found: SearchResult) -> str:
    """As all figures here are written."""
    return found.score.replace("+/-", "\N{PLUS-MINUS SIGN}").replace("-", "\N{MINUS SIGN}")


def _details(found: SearchResult, remote: RemoteModel, preview: Preview) -> Details:
    result = None if preview.results is None else preview.results.main
    first = dict(first_details(found).facts)
    first["Score"] = first["Score"] if result is None else f"{shelf.score_words(result)}, by its author"
    first["Size"] = shelf.size_words(remote.size)
    first["Changed"] = date_words(remote.modified)
    first["From"] = f"{remote.repository}@{remote.commit[:7]}" + (", private" if found.private else "")
    spec = shelf.spec_in(preview.config)
    first["Algorithm"] = first["Algorithm"] if spec is None else spec.algorithm
    curve = shelf.sound(parse_curve(preview.curve)) if isinstance(spec, ModelSpec) else ()
    return Details(tuple(first.items()), curve, plain_text(preview.card), shelf.why_not(spec))
