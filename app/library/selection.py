"""The library: which model is in focus, what can be done with it, and what keys and clicks lead to."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum, auto
from functools import partial
from itertools import chain
from typing import TypeAlias

import pygame

from app.game.lineup import Lineup, Person, Policy, Rom
from app.hub.library import Library, Retry
from app.hub.local import Details, Entry, ModelAction
from app.hub.remote import Commit
from app.screen import OpenLibrary, OpenMenu, Publish, Request, Start
from app.ui.bindings import Command
from app.ui.focus import COLUMN, ROW, Focus, Group, Hint
from app.ui.widgets import Scroll, TextField


class LibraryArea(Enum):
    """The areas the focus moves between. An area without targets of its own is a target itself."""

    LIST = auto()
    SEARCH = auto()
    HISTORY = auto()
    CARD = auto()
    BUTTONS = auto()


class LibraryButton(Enum):
    """The buttons besides the model's actions."""

    KEEP = "Keep it"
    DELETE = "Delete it"
    USE = "Use this one"
    BACK = "Back"
    CANCEL = "Cancel download"


LibraryTarget: TypeAlias = LibraryArea | TextField | Entry | Retry | Commit | ModelAction | LibraryButton
"""What can be in focus: in the list, the search, the history, the card, and the buttons."""


_NOT_WHILE_DOWNLOADING = frozenset({ModelAction.DOWNLOAD, ModelAction.UPDATE, LibraryButton.USE})
"""Hidden while a download runs."""


class LibraryModel:
    """What is in focus. Opens with the model `at`, by default the first."""

    def __init__(self, library: Library, at: str = "") -> None:
        self.library = library
        self.field = TextField(library.query)
        self.deleting = False
        """Whether the user is being asked to confirm a deletion."""
        self.list_scroll = Scroll()
        """In pixels, like the history's."""
        self.history_scroll = Scroll()
        self.card_scroll = Scroll()
        """In lines."""
        rows: Group[LibraryArea, LibraryTarget] = Group(targets=self._rows)
        self.focus = Focus[LibraryArea, LibraryTarget]({LibraryArea.LIST: rows}, LibraryArea.LIST)
        self._show(at)
        self.settle()

    @property
    def typing(self) -> bool:
        """Whether keys type text."""
        return self.focus.typing

    @property
    def row(self) -> Entry | Retry | None:
        """The focused row of the list; the last one if the focus has left the list."""
        row = self.focus.current(LibraryArea.LIST)
        return row if isinstance(row, Entry | Retry) else None

    @property
    def entry(self) -> Entry | None:
        """The model that is shown."""
        return self.row if isinstance(self.row, Entry) else None

    @property
    def commit(self) -> Commit | None:
        """The focused commit of the history; the last one if the focus has left the history."""
        commit = self.focus.current(LibraryArea.HISTORY)
        return commit if isinstance(commit, Commit) else None

    @property
    def details(self) -> Details:
        """What is known about the model."""
        return self.library.details(self.entry) if self.entry is not None else Details()

    @property
    def buttons(self) -> tuple[ModelAction | LibraryButton, ...]:
        """The buttons shown now."""
        if self.deleting:
            return LibraryButton.KEEP, LibraryButton.DELETE
        busy = self.library.download is not None
        shown: tuple[ModelAction | LibraryButton, ...] = self.entry.actions if self.entry is not None else ()
        if self.library.history is not None:
            back = (LibraryButton.BACK,)
            shown = (LibraryButton.USE, *back) if self.library.history.commits else back
        cancel = (LibraryButton.CANCEL,) if busy else ()
        return (*(each for each in shown if not (busy and each in _NOT_WHILE_DOWNLOADING)), *cancel)

    @property
    def question(self) -> str:
        """The question before a deletion; empty if nothing is being deleted."""
        if not self.deleting or self.entry is None:
            return ""
        consequence = "You can download it again." if self.entry.kept is not None else "This cannot be undone."
        commit = f" at {self.entry.kept.download.commit[:7]}" if self.entry.kept is not None else ""
        return f"Delete {self.entry.name}{commit} from this computer? {consequence}"

    @property
    def hints(self) -> tuple[Hint, ...]:
        """The commands worth knowing now."""
        area = self.focus.group
        search = (((Command.SEARCH,), "search"),) if area in (LibraryArea.LIST, LibraryArea.CARD) else ()
        word, _ = self._way_back
        return *self.focus.hints, *search, ((Command.BACK,), word)

    @property
    def _way_back(self) -> tuple[str, Callable[[], Request | None]]:
        """What Esc does: in a word or two, and as a function."""
        to_list = partial(self.focus.enter, LibraryArea.LIST)
        if self.typing:
            return "list", to_list
        if self.deleting:
            return _hint_label(LibraryButton.KEEP), partial(self._press, LibraryButton.KEEP)
        if self.library.download is not None:
            return "cancel download", self.library.cancel
        if self.library.history is not None:
            return _hint_label(LibraryButton.BACK), partial(self._press, LibraryButton.BACK)
        return ("menu", OpenMenu) if self.focus.group is LibraryArea.LIST else ("back", to_list)

    def take(self, event: pygame.Event) -> bool:
        """Passes typed text to the search field if that is in focus; returns whether the event was text."""
        if not self.typing or not self.field.take(event):
            return False
        self.library.search(self.field.text)
        self.settle()
        return True

    def repeat(self, elapsed: float) -> None:
        """Repeats a held editing key, `elapsed` seconds after the last call."""
        if not self.typing:
            self.field.release()
        self.field.repeat(elapsed)
        self.library.search(self.field.text)

    def settle(self) -> None:
        """Updates the focus after the list has changed; follows a model to its new row after a download."""
        before, arrived = self.row, self.library.arrived
        rows: Group[LibraryArea, LibraryTarget] = Group(
            targets=self._rows, remembers=True, replacement=self._replacement_row
        )
        self.focus.arrange({LibraryArea.LIST: rows})
        if self.row != before:
            self.deleting = False
            if not _same_repository(self.row, before):
                self._close_what_was_open()
        self.library.arrived = ""
        if arrived and isinstance(before, Entry) and arrived.startswith(f"{before.repository}@"):
            self._show(arrived)
            self.deleting = self.deleting and self.row == before
        self.focus.arrange(self._groups())
        self.library.focus_on(self.entry)

    def command(self, command: Command) -> Request | None:
        """Acts on a key or a gamepad's button; returns the request that follows, if any."""
        self.settle()
        request = self._do(command)
        self.settle()
        return request

    def click(self, target: LibraryTarget | None) -> Request | None:
        """Acts on a click; returns the request that follows, if any."""
        self.settle()
        request, before = None, self.row
        if target is not None:
            self.focus.go(target)
        elif self.typing:
            self.focus.enter(LibraryArea.LIST)
        self._reset_unless(before)
        if isinstance(target, Retry):
            self.library.search_again()
        elif isinstance(target, ModelAction | LibraryButton):
            request = self._press(target)
        self.settle()
        return request

    @property
    def _rows(self) -> tuple[LibraryTarget, ...]:
        rows = tuple(row for row in self.library.rows if isinstance(row, Entry | Retry))
        return rows or (LibraryArea.LIST,)

    def _groups(self) -> dict[LibraryArea, Group[LibraryArea, LibraryTarget]]:
        """The groups for the model that is shown now."""
        up_down, sideways = (Command.UP, Command.DOWN), (Command.LEFT, Command.RIGHT)
        area, history, buttons = LibraryArea, self.library.history, self.buttons
        commits: tuple[LibraryTarget, ...] = history.commits if history is not None else ()
        to_history = (area.HISTORY,) if commits else ()
        readable = history is None and self.card_scroll.max_top > 0
        return {
            area.LIST: Group(
                targets=self._rows,
                moves=COLUMN,
                exits={Command.UP: (area.SEARCH,), Command.RIGHT: (*to_history, area.BUTTONS, area.CARD)},
                remembers=True,
                scroll=self.list_scroll,
                hints=((up_down, "choose"), *((((Command.RIGHT,), "more"),) if buttons else ())),
                confirm=lambda row: (
                    "try again" if isinstance(row, Retry) else _hint_label(buttons[0]) if buttons else ""
                ),
            ),
            area.SEARCH: Group(
                targets=(self.field,),
                exits={Command.DOWN: (area.LIST,)},
                hints=(((Command.DOWN,), "list"),),
                confirm=lambda _: "done",
            ),
            area.HISTORY: Group(
                targets=commits or ((area.HISTORY,) if history is not None else ()),
                moves=COLUMN,
                exits={
                    Command.DOWN: (area.BUTTONS,),
                    Command.RIGHT: (area.BUTTONS,),
                    Command.LEFT: (area.LIST,),
                },
                fallback=area.LIST,
                remembers=True,
                replacement=self._same_commit,
                scroll=self.history_scroll,
                hints=((up_down, "choose"),),
                confirm=lambda _: _hint_label(LibraryButton.USE) if LibraryButton.USE in buttons else "",
            ),
            area.CARD: Group(
                targets=(area.CARD,) if readable else (),
                exits={Command.DOWN: (area.BUTTONS,), Command.LEFT: (area.LIST,)},
                fallback=area.LIST,
                scroll=self.card_scroll,
                hints=((up_down, "scroll"), ((Command.LEFT,), "list")),
                confirm=lambda _: _hint_label(buttons[0]) if buttons else "",
            ),
            area.BUTTONS: Group(
                targets=buttons,
                moves=ROW,
                exits={Command.LEFT: (area.LIST,), Command.UP: (*to_history, area.CARD, area.LIST)},
                fallback=area.LIST,
                hover=True,
                replacement=self._replacement_button,
                hints=((sideways, "choose"), *((((Command.UP,), "read"),) if to_history or readable else ())),
                confirm=_hint_label,
            ),
        }

    def _replacement_row(self, gone: LibraryTarget) -> LibraryTarget | None:
        """What replaces a missing row: the same model's new entry, another of its repository, or the first."""
        rows = self._rows
        if isinstance(gone, Entry):
            for row in rows:
                if isinstance(row, Entry) and row.key == gone.key:
                    return row
            for row in rows:
                if isinstance(row, Entry) and gone.repository and row.repository == gone.repository:
                    return row
        return rows[0]

    def _same_commit(self, gone: LibraryTarget) -> LibraryTarget | None:
        """The commit of which more is known by now, or the first."""
        commits = self.library.history.commits if self.library.history is not None else ()
        same = (commit for commit in commits if isinstance(gone, Commit) and commit.id == gone.id)
        return next(chain(same, commits), None)

    def _replacement_button(self, gone: LibraryTarget) -> LibraryTarget | None:
        """What replaces a missing button: Download and Cancel replace each other."""
        counterpart = ModelAction.DOWNLOAD if gone is LibraryButton.CANCEL else LibraryButton.CANCEL
        return counterpart if counterpart in self.buttons else self.buttons[0]

    def _show(self, model: str) -> None:
        """Shows this model if it is in the list, without moving the focus to the list."""
        self.card_scroll.top = 0
        for row in self._rows:
            if isinstance(row, Entry) and row.model == model:
                self.focus.remember(LibraryArea.LIST, row)

    def _reset_unless(self, row: Entry | Retry | None) -> None:
        """Closes whatever was open for the previous row, unless `row` is still shown."""
        if self.row != row:
            self.deleting = False
            self._close_what_was_open()

    def _close_what_was_open(self) -> None:
        self.card_scroll.top, self.library.notice = 0, ""
        self.library.close_history()

    def _do(self, command: Command) -> Request | None:
        if command is Command.SEARCH:
            self.focus.enter(LibraryArea.LIST if self.typing else LibraryArea.SEARCH)
        elif command is Command.BACK:
            _, go_back = self._way_back
            return go_back()
        elif command is Command.CONFIRM:
            return self._confirm()
        else:
            before = self.row
            self.focus.move(command)
            self._reset_unless(before)
        return None

    def _confirm(self) -> Request | None:
        buttons = self.buttons
        match self.focus.target:
            case ModelAction() | LibraryButton() as button:
                return self._press(button)
            case TextField():
                self.focus.enter(LibraryArea.LIST)
            case Retry():
                self.library.search_again()
            case Commit() if LibraryButton.USE in buttons:
                return self._press(LibraryButton.USE)
            case Entry() | LibraryArea.CARD if buttons:
                return self._press(buttons[0])
        return None

    def _press(self, button: ModelAction | LibraryButton) -> Request | None:
        if button is LibraryButton.CANCEL:
            self.library.cancel()
        elif button is LibraryButton.BACK:
            self.library.close_history()
            self._go(ModelAction.REVISIONS)
        elif self.entry is not None:
            return self._act_on(self.entry, button)
        return None

    def _act_on(self, entry: Entry, button: ModelAction | LibraryButton) -> Request | None:
        match button:
            case ModelAction.PLAY:
                return Start(Lineup(Policy(entry.model), Person()), back=OpenLibrary(entry.model))
            case ModelAction.WATCH:
                return Start(Lineup(Rom(), Policy(entry.model)), back=OpenLibrary(entry.model))
            case ModelAction.PUBLISH if entry.run is not None:
                return Publish(entry.run)
            case _:
                self._act_here(entry, button)
                return None

    def _act_here(self, entry: Entry, button: ModelAction | LibraryButton) -> None:
        """The actions that stay on this screen."""
        library = self.library
        match button:
            case ModelAction.DOWNLOAD | ModelAction.UPDATE:
                library.start_download(entry.repository)
            case ModelAction.REVISIONS:
                library.open_history(entry.repository)
                self.history_scroll = Scroll()
                self.settle()
                self.focus.enter(LibraryArea.HISTORY)
            case LibraryButton.USE if self.commit is not None:
                library.choose(self.commit)
            case ModelAction.DELETE:
                self.deleting = True
                self._go(LibraryButton.KEEP)
            case LibraryButton.KEEP:
                self.deleting = False
                self._go(ModelAction.DELETE)
            case LibraryButton.DELETE:
                self.deleting = False
                self.focus.enter(LibraryArea.LIST)
                library.delete(entry)

    def _go(self, button: ModelAction | LibraryButton) -> None:
        """Moves the focus to a button that has just appeared."""
        self.settle()
        self.focus.go(button)


def _same_repository(one: Entry | Retry | None, other: Entry | Retry | None) -> bool:
    """Whether both are of one repository; a model that is of none is only itself."""
    if not (isinstance(one, Entry) and isinstance(other, Entry)):
        return False
    return one.key == other.key or (one.repository != "" and one.repository == other.repository)


def _hint_label(button: LibraryTarget) -> str:
    """What the line of hints says about a button."""
    label = button.value if isinstance(button, ModelAction | LibraryButton) else ""
    return label.lower().removesuffix(" \N{HORIZONTAL ELLIPSIS}")
