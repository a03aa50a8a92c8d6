"""The library: which model is in focus, what can be done with it, and what keys and clicks lead to."""

from __future__ import annotations

from enum import Enum, auto
from typing import TypeAlias

import pygame

from app.game.lineup import Lineup, Person, Policy, Rom
from app.hub.library import Again, Library
from app.hub.local import Action, Details, Entry
from app.hub.remote import Change
from app.screen import OpenMenu, Publish, Request, Start
from app.ui.bindings import Command
from app.ui.focus import COLUMN, ROW, Focus, Group, Hint
from app.ui.widgets import Scroll, TextField


class LibraryArea(Enum):
    """The parts of the page between which the focus moves. One is a target itself where it has no other."""

    LIST = auto()
    SEARCH = auto()
    HISTORY = auto()
    CARD = auto()
    BUTTONS = auto()


class LibraryButton(Enum):
    """What can be pressed beside what a model offers."""

    KEEP = "Keep it"
    DELETE = "Delete it"
    USE = "Use this one"
    BACK = "Back"
    CANCEL = "Cancel download"


LibraryTarget: TypeAlias = LibraryArea | TextField | Entry | Again | Change | Action | LibraryButton
"""What can be in focus: of the list, the search, the history, the card, and the buttons."""


_NEEDS_QUIET = frozenset({Action.DOWNLOAD, Action.UPDATE, LibraryButton.USE})
"""What cannot be done while something is downloaded."""


class LibraryModel:
    """What is in focus. It opens on the model `at`, or the first."""

    def __init__(self, library: Library, at: str = "") -> None:
        self.library = library
        self.field = TextField(library.query)
        self.deleting = False
        """Whether the page asks if the model should be deleted."""
        self.list_scroll = Scroll()
        """In pixels, as the history's."""
        self.history_scroll = Scroll()
        self.card_scroll = Scroll()
        """In lines."""
        rows: Group[LibraryArea, LibraryTarget] = Group(targets=self._rows)
        self.focus = Focus[LibraryArea, LibraryTarget]({LibraryArea.LIST: rows}, LibraryArea.LIST)
        self._show(at)
        self.settle()

    @property
    def typing(self) -> bool:
        """Whether letters go into the search."""
        return self.focus.typing

    @property
    def row(self) -> Entry | Again | None:
        """The row of the list that is in focus, or was when the focus left the list."""
        row = self.focus.current(LibraryArea.LIST)
        return row if isinstance(row, Entry | Again) else None

    @property
    def entry(self) -> Entry | None:
        """The model that is shown."""
        return self.row if isinstance(self.row, Entry) else None

    @property
    def change(self) -> Change | None:
        """The commit of the history that is in focus, or was when the focus left the history."""
        change = self.focus.current(LibraryArea.HISTORY)
        return change if isinstance(change, Change) else None

    @property
    def details(self) -> Details:
        """What is known of the model."""
        return self.library.details(self.entry) if self.entry is not None else Details()

    @property
    def buttons(self) -> tuple[Action | LibraryButton, ...]:
        """What can be pressed now."""
        if self.deleting:
            return LibraryButton.KEEP, LibraryButton.DELETE
        busy = self.library.download is not None
        shown: tuple[Action | LibraryButton, ...] = self.entry.actions if self.entry is not None else ()
        if self.library.history is not None:
            back = (LibraryButton.BACK,)
            shown = (LibraryButton.USE, *back) if self.library.history.changes else back
        cancel = (LibraryButton.CANCEL,) if busy else ()
        return (*(each for each in shown if not (busy and each in _NEEDS_QUIET)), *cancel)

    @property
    def question(self) -> str:
        """What is asked before a model is deleted; empty where nothing is."""
        if not self.deleting or self.entry is None:
            return ""
        again = "It can be downloaded again." if self.entry.kept is not None else "This cannot be undone."
        commit = f" at {self.entry.kept.download.commit[:7]}" if self.entry.kept is not None else ""
        return f"Delete {self.entry.name}{commit} from this computer? {again}"

    @property
    def hints(self) -> tuple[Hint, ...]:
        """The commands worth knowing now."""
        area, busy = self.focus.group, self.library.download is not None
        search = (((Command.SEARCH,), "search"),) if area in (LibraryArea.LIST, LibraryArea.CARD) else ()
        back = "menu" if area is LibraryArea.LIST else "back"
        back = "list" if area is LibraryArea.SEARCH else "cancel download" if busy else back
        return *self.focus.hints, *search, ((Command.BACK,), back)

    def take(self, event: pygame.Event) -> bool:
        """Takes in what is typed while the field is in focus; whether it was text."""
        if not self.typing or not self.field.take(event):
            return False
        self.library.search(self.field.text)
        self.settle()
        return True

    def hold(self, elapsed: float) -> None:
        """Goes on for `elapsed` seconds with an editing key that is held."""
        if not self.typing:
            self.field.let_go()
        self.field.repeat(elapsed)
        self.library.search(self.field.text)

    def settle(self) -> None:
        """Keeps the focus on what there is; follows a model that was downloaded, or that is in another row now."""
        before, arrived = self.row, self.library.arrived
        rows: Group[LibraryArea, LibraryTarget] = Group(targets=self._rows, remembers=True, replacement=self._instead)
        self.focus.arrange({LibraryArea.LIST: rows})
        if self.row != before:
            self.deleting = False
        self.library.arrived = ""
        if arrived and isinstance(before, Entry) and arrived.startswith(f"{before.repository}@"):
            self._show(arrived)
        self.focus.arrange(self._groups())
        self.library.look_at(self.entry)

    def command(self, command: Command) -> Request | None:
        """Takes a key or a gamepad's button; gives what comes of it, if anything does."""
        self.settle()
        outcome = self._do(command)
        self.settle()
        return outcome

    def click(self, target: LibraryTarget | None) -> Request | None:
        """Takes a click; gives what comes of it, if anything does."""
        self.settle()
        outcome, before = None, self.row
        if target is not None:
            self.focus.go(target)
        elif self.typing:
            self.focus.enter(LibraryArea.LIST)
        self._forget(before)
        if isinstance(target, Again):
            self.library.look_again()
        elif isinstance(target, Action | LibraryButton):
            outcome = self._press(target)
        self.settle()
        return outcome

    @property
    def _rows(self) -> tuple[LibraryTarget, ...]:
        rows = tuple(row for row in self.library.rows if isinstance(row, Entry | Again))
        return rows or (LibraryArea.LIST,)

    def _groups(self) -> dict[LibraryArea, Group[LibraryArea, LibraryTarget]]:
        """What can be in focus now that it is known which model is shown."""
        up_down, sideways = (Command.UP, Command.DOWN), (Command.LEFT, Command.RIGHT)
        area, history, buttons = LibraryArea, self.library.history, self.buttons
        changes: tuple[LibraryTarget, ...] = history.changes if history is not None else ()
        to_history = (area.HISTORY,) if changes else ()
        readable = history is None and self.card_scroll.most > 0
        above = "revisions" if changes else "card" if readable else "list"
        return {
            area.LIST: Group(
                targets=self._rows,
                moves=COLUMN,
                exits={Command.UP: (area.SEARCH,), Command.RIGHT: (*to_history, area.BUTTONS, area.CARD)},
                remembers=True,
                scroll=self.list_scroll,
                hints=((up_down, "choose"), *((((Command.RIGHT,), "more"),) if buttons else ())),
                confirm=lambda row: "try again" if isinstance(row, Again) else _word(buttons[0]) if buttons else "",
            ),
            area.SEARCH: Group(
                targets=(self.field,),
                exits={Command.DOWN: (area.LIST,)},
                hints=(((Command.DOWN,), "list"),),
                confirm=lambda _: "done",
            ),
            area.HISTORY: Group(
                targets=changes or ((area.HISTORY,) if history is not None else ()),
                moves=COLUMN,
                exits={
                    Command.DOWN: (area.BUTTONS,),
                    Command.RIGHT: (area.BUTTONS,),
                    Command.LEFT: (area.LIST,),
                },
                fallback=area.LIST,
                remembers=True,
                scroll=self.history_scroll,
                hints=((up_down, "choose"),),
                confirm=lambda _: "use this one",
            ),
            area.CARD: Group(
                targets=(area.CARD,) if readable else (),
                exits={Command.DOWN: (area.BUTTONS,), Command.LEFT: (area.LIST,)},
                fallback=area.LIST,
                scroll=self.card_scroll,
                hints=((up_down, "scroll"), ((Command.LEFT,), "list")),
            ),
            area.BUTTONS: Group(
                targets=buttons,
                moves=ROW,
                exits={Command.LEFT: (area.LIST,), Command.UP: (*to_history, area.CARD, area.LIST)},
                fallback=area.LIST,
                hover=True,
                replacement=self._other_button,
                hints=((sideways, "choose"), ((Command.UP,), above)),
                confirm=_word,
            ),
        }

    def _instead(self, gone: LibraryTarget) -> LibraryTarget | None:
        """What takes the place of a row that is gone: the same model as it is now, its download, or the first."""
        rows = self._rows
        if isinstance(gone, Entry):
            for row in rows:
                if isinstance(row, Entry) and row.key == gone.key:
                    return row
            for row in rows:
                if isinstance(row, Entry) and gone.repository and row.repository == gone.repository:
                    return row
        return rows[0]

    def _other_button(self, gone: LibraryTarget) -> LibraryTarget | None:
        """What replaces a button that is gone: Cancel where a download began, Download where one was cancelled."""
        wanted = Action.DOWNLOAD if gone is LibraryButton.CANCEL else LibraryButton.CANCEL
        return wanted if wanted in self.buttons else self.buttons[0]

    def _show(self, model: str) -> None:
        """Shows the model of that name, if it is in the list; the focus may be elsewhere."""
        self.card_scroll.top = 0
        for row in self._rows:
            if isinstance(row, Entry) and row.model == model:
                self.focus.remember(LibraryArea.LIST, row)

    def _forget(self, row: Entry | Again | None) -> None:
        """Starts afresh where another row than this is in focus now."""
        if self.row != row:
            self.card_scroll.top, self.deleting, self.library.notice = 0, False, ""
            self.library.close_history()

    def _do(self, command: Command) -> Request | None:
        if command is Command.SEARCH:
            self.focus.enter(LibraryArea.LIST if self.typing else LibraryArea.SEARCH)
        elif command is Command.BACK:
            return self._back()
        elif command is Command.CONFIRM:
            return self._confirm()
        else:
            before = self.row
            self.focus.move(command)
            self._forget(before)
        return None

    def _back(self) -> Request | None:
        if self.typing:
            self.focus.enter(LibraryArea.LIST)
        elif self.deleting:
            return self._press(LibraryButton.KEEP)
        elif self.library.download is not None:
            self.library.cancel()
        elif self.library.history is not None:
            return self._press(LibraryButton.BACK)
        elif self.focus.group is LibraryArea.LIST:
            return OpenMenu()
        else:
            self.focus.enter(LibraryArea.LIST)
        return None

    def _confirm(self) -> Request | None:
        buttons = self.buttons
        match self.focus.target:
            case Action() | LibraryButton() as button:
                return self._press(button)
            case TextField():
                self.focus.enter(LibraryArea.LIST)
            case Again():
                self.library.look_again()
            case Change() if LibraryButton.USE in buttons:
                return self._press(LibraryButton.USE)
            case Entry() | LibraryArea.CARD if buttons:
                return self._press(buttons[0])
        return None

    def _press(self, button: Action | LibraryButton) -> Request | None:
        if button is LibraryButton.CANCEL:
            self.library.cancel()
        elif self.entry is not None:
            return self._press_of(self.entry, button)
        return None

    def _press_of(self, entry: Entry, button: Action | LibraryButton) -> Request | None:
        match button:
            case Action.PLAY:
                return Start(Lineup(Policy(entry.model), Person()))
            case Action.WATCH:
                return Start(Lineup(Rom(), Policy(entry.model)))
            case Action.PUBLISH if entry.run is not None:
                return Publish(entry.run)
            case _:
                self._change(entry, button)
                return None

    def _change(self, entry: Entry, button: Action | LibraryButton) -> None:
        """What does not lead away from here."""
        library = self.library
        match button:
            case Action.DOWNLOAD | Action.UPDATE:
                library.begin_download(entry.repository)
            case Action.REVISIONS:
                library.open_history(entry.repository)
                self.history_scroll = Scroll()
                self.settle()
                self.focus.enter(LibraryArea.HISTORY)
            case LibraryButton.USE if self.change is not None:
                library.choose(self.change)
            case LibraryButton.BACK:
                library.close_history()
                self._go(Action.REVISIONS)
            case Action.DELETE:
                self.deleting = True
                self._go(LibraryButton.KEEP)
            case LibraryButton.KEEP:
                self.deleting = False
                self._go(Action.DELETE)
            case LibraryButton.DELETE:
                self.deleting = False
                self.focus.enter(LibraryArea.LIST)
                library.delete(entry)

    def _go(self, button: Action | LibraryButton) -> None:
        """Moves the focus to a button that is there from now on."""
        self.settle()
        self.focus.go(button)


def _word(button: LibraryTarget) -> str:
    """What a button does, in a word."""
    label = button.value if isinstance(button, Action | LibraryButton) else ""
    return label.lower().removesuffix(" \N{HORIZONTAL ELLIPSIS}")
