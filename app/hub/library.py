"""The library: the models on this machine and on the Hub. Searches, downloads and deletes them.

Calls to the Hub run on executors; `update`, called once a frame, collects their results. A Hub that is slow or silent
therefore never blocks the window.
"""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import Executor, Future
from dataclasses import dataclass, replace
from typing import TypeAlias

from app.hub import local, remote
from app.hub.local import Details, Entry, Section
from app.hub.remote import LOADING, Commit, Download
from models import store
from models.errors import UserError
from models.hub_variables import offline_variable
from models.store import StoredModel

TYPING_PAUSE = 0.4
"""Seconds after the last key before the Hub is searched."""
FOCUS_PAUSE = 0.3
"""Seconds that a model on the Hub must stay in focus before its details are fetched."""
MAX_SEARCHES = 3
"""Searches that may be waiting for the Hub at the same time."""
OFFLINE = "Offline ({variable} is set): showing the models on this machine."
_OFFLINE_HISTORY = "Offline ({variable} is set): showing the downloaded revisions."
_EMPTY = {
    Section.BUNDLED: "None found. Please reinstall Volley.",
    Section.YOURS: "No runs in runs/, and no imported models.",
    Section.DOWNLOADED: "Nothing downloaded yet.",
}


@dataclass(frozen=True, slots=True)
class Note:
    """A remark in the list."""

    text: str


@dataclass(frozen=True, slots=True)
class Retry:
    """A row of the list that repeats a failed search."""

    text: str = "Try again"


Row: TypeAlias = Section | Note | Retry | Entry
"""A row of the list; a section is the heading of its models."""


@dataclass(slots=True)
class History:
    """The commits of a repository, newest first."""

    repository: str
    commits: tuple[Commit, ...]
    status: str
    """Why it is incomplete, in a line; empty if it is complete."""


class Library:
    """The models, what is known about them, and what is being downloaded.

    `questions` runs calls that only ask the Hub; `transfers` those that write files, so the program waits for them
    before it ends.
    """

    def __init__(self, questions: Executor, transfers: Executor) -> None:
        self.query = ""
        self.rows: tuple[Row, ...] = ()
        """The list, top to bottom."""
        self.notice = ""
        """The last error, in a line; empty if there was none."""
        self.download: Download | None = None
        self.history: History | None = None
        self.arrived = ""
        """The model that was downloaded or chosen last; the screen moves the focus to it and clears this."""
        self._questions, self._transfers = questions, transfers
        self._offline = offline_variable()
        """Why the Hub is not asked; empty if it is."""
        self._local: list[Entry] = []
        self._found: tuple[Entry, ...] = ()
        self.hub_status = OFFLINE.format(variable=self._offline) if self._offline else LOADING
        """Why the Hub's models are not all shown, in a line; empty once it has answered."""
        self._failed = False
        self._search_sent = bool(self._offline)
        """Whether the Hub was asked for the current query."""
        self._since_typing = TYPING_PAUSE
        self._searches: list[tuple[str, Future[tuple[Entry, ...]]]] = []
        self._newest: Future[tuple[Entry, ...]] | None = None
        """The one of them whose answer counts."""
        self._details: dict[tuple[Section, str], Details] = {}
        self._pending_details: dict[tuple[Section, str], Future[Details]] = {}
        self._focused: Entry | None = None
        self._focused_for = 0.0
        self._pending_history: Future[tuple[Commit, ...]] | None = None
        self._downloads: list[tuple[Download, Future[StoredModel | None]]] = []
        """Includes cancelled ones until they have ended."""
        self.refresh()

    @property
    def hub_summary(self) -> str:
        """The state of the Hub, in a few words."""
        if self._offline:
            return "Hub: offline"
        if self._failed:
            return "Hub: search failed"
        return f"Hub: {self.hub_status or f'{len(self._found)} found'}"

    def refresh(self) -> None:
        """Reads the models on this machine again."""
        self._local = local.entries()
        self._details = {key: known for key, known in self._details.items() if key[0] is Section.HUB}
        self._update_rows()

    def open(self) -> None:
        """Refreshes the list when its screen opens, and repeats a search that failed."""
        self.refresh()
        if self._failed:
            self.search_again()

    def search(self, query: str) -> None:
        """Filters the models on this machine immediately; searches the Hub after a pause in typing."""
        if query != self.query:
            self.query, self._since_typing = query, 0.0
            self._request_search()

    def search_again(self) -> None:
        """Repeats the search on the Hub, where models may have changed since they were looked at."""
        for known in (self._details, self._pending_details):
            for key in [key for key in known if key[0] is Section.HUB]:
                del known[key]
        self._since_typing = TYPING_PAUSE
        self._request_search()

    def focus_on(self, entry: Entry | None) -> None:
        """Fetches the details of this model from now on; forgets failures, so that they are tried again."""
        if entry != self._focused:
            self._focused, self._focused_for = entry, 0.0
            self._details = {key: known for key, known in self._details.items() if known.facts}

    def details(self, entry: Entry) -> Details:
        """What is known about a model so far."""
        known = self._details.get(entry.key, Details())
        if known.facts or entry.found is None:
            return known
        first = remote.details_from_search(entry.found)
        return replace(first, note=known.note or first.note)

    def start_download(self, repository: str, revision: str | None = None) -> None:
        """Downloads a model at `revision`, by default its newest commit; does nothing while another download runs."""
        if self.download is None:
            self.notice = ""
            self.download = Download(repository, revision)
            self._downloads.append((self.download, self._transfers.submit(remote.pull, self.download)))

    def cancel(self) -> None:
        """Cancels the download; it stops at its next progress report and removes its files."""
        if self.download is not None:
            self.download.cancelled.set()
            self.download = None

    def delete(self, entry: Entry) -> None:
        """Deletes a download or an imported model."""
        self.notice = ""
        try:
            local.delete(entry)
        except UserError as error:
            self.notice = str(error)
        self.refresh()

    def open_history(self, repository: str) -> None:
        """Fetches the commits of a repository; shows those on this machine meanwhile."""
        self.notice = ""
        status = _OFFLINE_HISTORY.format(variable=self._offline) if self._offline else LOADING
        self.history = History(repository, remote.local_commits(repository), status)
        self._pending_history = None if self._offline else self._questions.submit(remote.history, repository)

    def close_history(self) -> None:
        """Closes the history."""
        self.history = self._pending_history = None

    def choose(self, commit: Commit) -> None:
        """Makes this commit the one that the repository's name stands for; downloads it first if necessary."""
        assert self.history is not None
        if commit.kept is None:
            self.start_download(self.history.repository, commit.id)
            return
        try:
            store.pin(commit.kept)
            self._use(commit.kept)
        except UserError as error:
            self.notice = str(error)

    def update(self, elapsed: float) -> str:
        """Collects results, `elapsed` seconds after the last call; returns a message to show, or an empty string."""
        self._since_typing += elapsed
        self._focused_for += elapsed
        self._update_search()
        if not self._search_sent and self._since_typing >= TYPING_PAUSE and len(self._searches) < MAX_SEARCHES:
            self._search_sent = True
            self._newest = self._questions.submit(remote.search, self.query)
            self._searches.append((self.query, self._newest))
        self._update_details()
        self._update_history()
        return self._update_downloads()

    def close(self) -> None:
        """Cancels what is unfinished."""
        self.cancel()

    def _request_search(self) -> None:
        """Has `update` search the Hub once enough time has passed."""
        if not self._offline:
            self._search_sent, self._failed, self.hub_status = False, False, LOADING
        self._update_rows()

    def _update_search(self) -> None:
        """Takes the answer to the current query; drops answers to earlier ones."""
        for query, future in [search for search in self._searches if search[1].done()]:
            self._searches.remove((query, future))
            if future is not self._newest or query != self.query or not self._search_sent:
                continue
            try:
                self._found, self.hub_status, self._failed = future.result(), "", False
            except UserError as error:
                self._found, self.hub_status, self._failed = (), str(error), True
            self._update_rows()

    def _update_details(self) -> None:
        for key in [key for key, future in self._pending_details.items() if future.done()]:
            try:
                self._details[key] = self._pending_details.pop(key).result()
            except UserError as error:
                self._details[key] = Details(note=str(error))
        entry = self._focused
        if entry is None or entry.key in self._details or entry.key in self._pending_details:
            return
        if entry.found is None:
            self._pending_details[entry.key] = self._questions.submit(local.details, entry)
        elif self._focused_for >= FOCUS_PAUSE:
            self._pending_details[entry.key] = self._transfers.submit(remote.examine, entry)

    def _update_history(self) -> None:
        if self.history is None or self._pending_history is None or not self._pending_history.done():
            return
        future, self._pending_history = self._pending_history, None
        try:
            # Another may have been chosen or downloaded since the Hub was asked.
            self.history.commits, self.history.status = _as_here(future.result(), self.history.repository), ""
        except UserError as error:
            self.history.status = str(error)

    def _update_downloads(self) -> str:
        message = ""
        for download, future in [each for each in self._downloads if each[1].done()]:
            self._downloads.remove((download, future))
            self.download = None if download is self.download else self.download
            try:
                kept = future.result()
            except UserError as error:
                # Nobody wants to read why a cancelled download failed.
                self.notice = self.notice if download.cancelled.is_set() else str(error)
                continue
            if kept is not None:
                message = f"downloaded {kept.download.repository} at {kept.download.commit[:7]}"
                self._use(kept)
        return message

    def _use(self, kept: StoredModel) -> None:
        """Shows that the repository's name stands for this download now."""
        self.refresh()
        repository = kept.download.repository
        self.arrived = f"{repository}@{kept.download.commit}"
        if self.history is not None and self.history.repository == repository:
            self.history.commits = _as_here(self.history.commits, repository)

    def _update_rows(self) -> None:
        words = self.query.lower().split()
        rows: list[Row] = []
        for section in (Section.BUNDLED, Section.YOURS, Section.DOWNLOADED):
            models = [each for each in self._local if each.section is section]
            matching = [each for each in models if _matches(each, words)]
            rows += [section, *matching]
            if not matching:
                rows.append(Note("No match." if models else _EMPTY[section]))
        self.rows = (*rows, Section.HUB, *self._hub_rows(words))

    def _hub_rows(self, words: Iterable[str]) -> tuple[Row, ...]:
        """What the search found, without models on this machine; until it answers, earlier results that match."""
        here = {each.repository for each in self._local}
        found = tuple(each for each in self._found if each.repository not in here)
        if self.hub_status:
            matching = tuple(each for each in found if _matches(each, words))
            return (*matching, Note(self.hub_status), *((Retry(),) if self._failed else ()))
        nothing = "All results are already on this machine." if self._found else "No Volley model matches."
        return found or (Note(nothing),)


def _as_here(commits: Iterable[Commit], repository: str) -> tuple[Commit, ...]:
    """The commits, with what is on this machine of each now."""
    here = {commit.id: commit for commit in remote.local_commits(repository)}
    known = ((commit, here.get(commit.id)) for commit in commits)
    return tuple(
        replace(commit, kept=None, current=False)
        if mine is None
        else replace(commit, kept=mine.kept, current=mine.current)
        for commit, mine in known
    )


def _matches(entry: Entry, words: Iterable[str]) -> bool:
    """Whether the entry's name and description contain all these words."""
    return all(word in f"{entry.name} {entry.about}".lower() for word in words)
