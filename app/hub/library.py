"""The library: the models that are here and those on the Hub, looked for, looked at, downloaded and deleted.

No call to the Hub is made on the thread that asks: it is begun on an executor, and what came of it is taken in by
`update`, once a frame. A Hub that answers late, or not at all, holds nothing up.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from concurrent.futures import Executor, Future
from dataclasses import dataclass, replace
from typing import TypeAlias

from app.hub import local as shelf
from app.hub import remote as hub_calls
from app.hub.local import Details, Entry, Section
from app.hub.remote import Change, Download
from models import store
from models.errors import UserError
from models.store import StoredModel

TYPING_PAUSE = 0.4
"""Seconds without a key after which the Hub is asked."""
RESTING_PAUSE = 0.3
"""Seconds that a model on the Hub is in focus before it is looked at."""
MOST_SEARCHES = 3
"""That may wait for the Hub at once."""
LOOKING = "Loading …"
OFFLINE = "Offline, because HF_HUB_OFFLINE is set. Only models on this computer are shown."
_YES = frozenset({"1", "ON", "YES", "TRUE"})
"""What the Hub's client takes for a yes in its environment variables."""
_EMPTY = {
    Section.BUNDLED: "None. Volley's installation is incomplete.",
    Section.YOURS: "Nothing trained in runs/ or imported yet.",
    Section.DOWNLOADED: "Nothing downloaded yet.",
}


@dataclass(frozen=True, slots=True)
class Note:
    """A line of the list that is no model."""

    text: str


@dataclass(frozen=True, slots=True)
class Again:
    """A line of the list that asks the Hub once more."""

    text: str = "Try again"


Row: TypeAlias = Section | Note | Again | Entry
"""A line of the list; a section stands above its models."""


@dataclass(slots=True)
class History:
    """The commits of a repository, the newest first."""

    repository: str
    changes: tuple[Change, ...]
    sign: str
    """What is waited for, or what went wrong."""


class Library:
    """What there is, and what is done with it.

    On `errands` run calls that only ask, on `porter` those that leave files: whoever ends the program waits for these.
    """

    def __init__(self, errands: Executor, porter: Executor) -> None:
        self.query = ""
        self.rows: tuple[Row, ...] = ()
        """The list, from the top."""
        self.notice = ""
        """One line: what went wrong last."""
        self.download: Download | None = None
        self.history: History | None = None
        self.arrived = ""
        """The model that came last, for whoever moves the focus there, and empties this."""
        self._errands, self._porter = errands, porter
        self._offline = os.environ.get("HF_HUB_OFFLINE", "").upper() in _YES
        self._here: list[Entry] = []
        self._found: tuple[Entry, ...] = ()
        self.hub_sign = OFFLINE if self._offline else LOOKING
        """What is waited for, or why the Hub cannot be asked; empty once it has answered."""
        self._failed = False
        self._asked = self._offline
        """Whether the Hub was asked for the query as it is now."""
        self._since = TYPING_PAUSE
        self._searches: list[tuple[str, Future[tuple[Entry, ...]]]] = []
        self._known: dict[tuple[Section, str], Details] = {}
        self._looks: dict[tuple[Section, str], Future[Details]] = {}
        self._focus: Entry | None = None
        self._rested = 0.0
        self._asked_history: Future[tuple[Change, ...]] | None = None
        self._downloads: list[tuple[Download, Future[StoredModel | None]]] = []
        """With those that were cancelled, until they have ended."""
        self.refresh()

    @property
    def hub_words(self) -> str:
        """How it stands with the Hub, in a few words."""
        if self._offline:
            return "Hub: offline"
        if self._failed:
            return "Hub: no answer"
        return "Hub: loading …" if self.hub_sign else f"Hub: {len(self._found)} found"

    def refresh(self) -> None:
        """Looks anew at what is here."""
        self._here = shelf.entries()
        self._known = {key: known for key, known in self._known.items() if key[0] is Section.HUB}
        self._arrange()

    def open(self) -> None:
        """It is shown again: looks anew at what is here, and at the Hub where that failed before."""
        self.refresh()
        if self._failed:
            self.look_again()

    def search(self, query: str) -> None:
        """Shows what is here by that name at once, and asks the Hub when no more is typed."""
        if query != self.query:
            self.query, self._since = query, 0.0
            self._ask()

    def look_again(self) -> None:
        """Asks the Hub once more."""
        self._since = TYPING_PAUSE
        self._ask()

    def look_at(self, entry: Entry | None) -> None:
        """This is the model whose details are wanted now; what could not be looked up before is tried again."""
        if entry != self._focus:
            self._focus, self._rested = entry, 0.0
            self._known = {key: known for key, known in self._known.items() if known.facts}

    def details(self, entry: Entry) -> Details:
        """What is known of a model by now."""
        known = self._known.get(entry.key, Details())
        if known.facts or entry.found is None:
            return known
        first = hub_calls.first_details(entry.found)
        return replace(first, sign=known.sign or first.sign)

    def begin_download(self, repository: str, revision: str | None = None) -> None:
        """Downloads a model, of its newest commit unless another is asked for; one at a time."""
        if self.download is None:
            self.notice = ""
            self.download = Download(repository, revision)
            self._downloads.append((self.download, self._porter.submit(hub_calls.pull, self.download)))

    def cancel(self) -> None:
        """Ends the download: at its next byte it removes what has arrived."""
        if self.download is not None:
            self.download.cancelled.set()
            self.download = None

    def delete(self, entry: Entry) -> None:
        """Deletes a download or an imported model."""
        self.notice = ""
        try:
            shelf.delete(entry)
        except UserError as error:
            self.notice = str(error)
        self.refresh()

    def open_history(self, repository: str) -> None:
        """Looks up the commits of a repository; those that are here are known at once."""
        self.notice = ""
        self.history = History(repository, hub_calls.changes_here(repository), OFFLINE if self._offline else LOOKING)
        self._asked_history = None if self._offline else self._errands.submit(hub_calls.history, repository)

    def close_history(self) -> None:
        """Shows it no longer."""
        self.history = self._asked_history = None

    def choose(self, change: Change) -> None:
        """Lets the repository's name stand for this commit; downloads it where it is not here."""
        assert self.history is not None
        if change.kept is None:
            self.begin_download(self.history.repository, change.commit)
            return
        try:
            store.pin(change.kept)
            self._arrive(change.kept)
        except UserError as error:
            self.notice = str(error)

    def update(self, elapsed: float) -> str:
        """Takes in what has come by now, `elapsed` seconds after the last time; gives a line to show, if any."""
        self._since += elapsed
        self._rested += elapsed
        self._take_found()
        if not self._asked and self._since >= TYPING_PAUSE and len(self._searches) < MOST_SEARCHES:
            self._asked = True
            self._searches.append((self.query, self._errands.submit(hub_calls.search, self.query)))
        self._take_details()
        self._take_history()
        return self._take_downloads()

    def close(self) -> None:
        """Leaves nothing half done."""
        self.cancel()

    def _ask(self) -> None:
        """The next update does, where enough time has gone by."""
        if not self._offline:
            self._asked, self._failed, self.hub_sign = False, False, LOOKING
        self._arrange()

    def _take_found(self) -> None:
        """Of several answers, that to what is asked now; the others come too late."""
        for query, future in [search for search in self._searches if search[1].done()]:
            self._searches.remove((query, future))
            if query != self.query or not self._asked:
                continue
            try:
                self._found, self.hub_sign = future.result(), ""
            except UserError as error:
                self._found, self.hub_sign, self._failed = (), str(error), True
            self._arrange()

    def _take_details(self) -> None:
        for key in [key for key, future in self._looks.items() if future.done()]:
            try:
                self._known[key] = self._looks.pop(key).result()
            except UserError as error:
                self._known[key] = Details(sign=str(error))
        wanted = self._focus
        if wanted is None or wanted.key in self._known or wanted.key in self._looks:
            return
        if wanted.found is None:
            self._looks[wanted.key] = self._errands.submit(shelf.details, wanted)
        elif self._rested >= RESTING_PAUSE:
            self._looks[wanted.key] = self._porter.submit(hub_calls.look, wanted)

    def _take_history(self) -> None:
        if self.history is None or self._asked_history is None or not self._asked_history.done():
            return
        future, self._asked_history = self._asked_history, None
        try:
            self.history.changes, self.history.sign = future.result(), ""
        except UserError as error:
            self.history.sign = str(error)

    def _take_downloads(self) -> str:
        said = ""
        for download, future in [each for each in self._downloads if each[1].done()]:
            self._downloads.remove((download, future))
            self.download = None if download is self.download else self.download
            try:
                kept = future.result()
            except UserError as error:
                # Whoever has cancelled it does not care any more.
                self.notice = self.notice if download.cancelled.is_set() else str(error)
                continue
            if kept is not None:
                said = f"{kept.download.repository} downloaded, at {kept.download.commit[:7]}"
                self._arrive(kept)
        return said

    def _arrive(self, kept: StoredModel) -> None:
        """A download is here now, and its repository's name stands for it."""
        self.refresh()
        repository = kept.download.repository
        self.arrived = f"{repository}@{kept.download.commit}"
        if self.history is not None and self.history.repository == repository:
            here = {change.commit: change.kept for change in hub_calls.changes_here(repository)}
            self.history.changes = tuple(
                replace(each, kept=here.get(each.commit), current=each.commit == kept.download.commit)
                for each in self.history.changes
            )

    def _arrange(self) -> None:
        """Makes the rows."""
        words = self.query.lower().split()
        rows: list[Row] = []
        for section in (Section.BUNDLED, Section.YOURS, Section.DOWNLOADED):
            models = [each for each in self._here if each.section is section]
            found = [each for each in models if _is_called(each, words)]
            rows += [section, *found]
            if not found:
                rows.append(Note("No match." if models else _EMPTY[section]))
        self.rows = (*rows, Section.HUB, *self._rows_of_hub(words))

    def _rows_of_hub(self, words: Iterable[str]) -> tuple[Row, ...]:
        """What the Hub's search found and is not here; while it is asked, of what it found before what has the name."""
        here = {each.repository for each in self._here}
        found = tuple(each for each in self._found if each.repository not in here)
        if self.hub_sign:
            looking = tuple(each for each in found if _is_called(each, words))
            return (*looking, Note(self.hub_sign), *((Again(),) if self._failed else ()))
        none = "All results are already downloaded." if self._found else "No Volley model matches."
        return found or (Note(none),)


def _is_called(entry: Entry, words: Iterable[str]) -> bool:
    """Whether all words are in its name, or in what is said of it."""
    return all(word in f"{entry.name} {entry.about}".lower() for word in words)
