"""The library: which model is in focus, what can be done with it, and what keys and clicks lead to."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import TypeAlias

import pygame

from app.game.lineup import Lineup, Person, Policy, Rom
from app.hub.library import Again, Library
from app.hub.local import Action, Details, Entry
from app.hub.remote import Change
from app.ui.bindings import Command
from app.ui.widgets import TextField


class Place(Enum):
    """What can be in focus beside buttons."""

    SEARCH = "search"
    LIST = "list"
    CARD = "card"
    HISTORY = "history"


class Button(Enum):
    """What can be pressed beside what a model offers."""

    KEEP = "Keep it"
    DELETE = "Delete it"
    USE = "Use this one"
    BACK = "Back"
    CANCEL = "Cancel the download"


Focus: TypeAlias = Place | Action | Button
Target: TypeAlias = Focus | Entry | Again | Change
"""What the mouse can be on."""


@dataclass(frozen=True, slots=True)
class Start:
    """A match is to begin."""

    lineup: Lineup


@dataclass(frozen=True, slots=True)
class Publish:
    """A training is to be published."""

    run: Path


@dataclass(frozen=True, slots=True)
class Leave:
    """Back to the menu."""


Outcome: TypeAlias = Start | Publish | Leave

CARD_STEP = 3
"""Lines that a card moves at once."""
_NEEDS_QUIET = frozenset({Action.DOWNLOAD, Action.UPDATE, Button.USE})
"""What cannot be done while something is downloaded."""


class LibraryModel:
    """What is in focus. It opens on the model `at`, or the first."""

    def __init__(self, library: Library, at: str = "") -> None:
        self.library = library
        self.field = TextField(library.query)
        self.focus: Focus = Place.LIST
        rows = self._choosable
        self.row: Entry | Again | None = next((row for row in rows if _model_of(row) == at), rows[0] if rows else None)
        self.deleting = False
        """Whether it is being asked if the model shall be deleted."""
        self.change = 0
        """Which commit of the history is in focus."""
        self.card_line = 0
        """Which line of the card is the first that is shown."""
        self.card_lines = 0
        """How many more there are than can be shown; told by whoever draws it."""
        self.settle()

    @property
    def typing(self) -> bool:
        """Whether letters are what they are."""
        return self.focus is Place.SEARCH

    @property
    def entry(self) -> Entry | None:
        """The model in focus."""
        return self.row if isinstance(self.row, Entry) else None

    @property
    def details(self) -> Details:
        """What is known of it."""
        return self.library.details(self.entry) if self.entry is not None else Details()

    @property
    def buttons(self) -> tuple[Action | Button, ...]:
        """What can be pressed now."""
        if self.deleting:
            return Button.KEEP, Button.DELETE
        busy = self.library.download is not None
        shown: tuple[Action | Button, ...] = self.entry.actions if self.entry is not None else ()
        if self.library.history is not None:
            shown = (Button.USE, Button.BACK) if self.library.history.changes else (Button.BACK,)
        return (*(each for each in shown if not (busy and each in _NEEDS_QUIET)), *((Button.CANCEL,) if busy else ()))

    @property
    def question(self) -> str:
        """What is asked before a model is deleted; empty where nothing is."""
        if not self.deleting or self.entry is None:
            return ""
        again = "It can be downloaded again." if self.entry.kept is not None else "It cannot be had back."
        commit = f" at {self.entry.kept.download.commit[:7]}" if self.entry.kept is not None else ""
        return f"Delete {self.entry.name}{commit} from this computer? {again}"

    @property
    def hints(self) -> tuple[tuple[tuple[Command, ...], str], ...]:
        """The commands worth knowing now, each group with a word for what it does."""
        up_down, sideways = (Command.UP, Command.DOWN), (Command.LEFT, Command.RIGHT)
        back = ((Command.BACK,), "cancel the download" if self.library.download is not None else "back")
        search = ((Command.SEARCH,), "search")
        match self.focus:
            case Place.SEARCH:
                return ((Command.DOWN,), "list"), ((Command.CONFIRM,), "done"), ((Command.BACK,), "list")
            case Place.LIST:
                words = "look again" if isinstance(self.row, Again) else _word(self.buttons[0]) if self.buttons else ""
                confirm = (((Command.CONFIRM,), words),) if words else ()
                aside = (((Command.RIGHT,), "more"),) if self.buttons else ()
                menu = back if self.library.download is not None else ((Command.BACK,), "menu")
                return (up_down, "choose"), *aside, *confirm, search, menu
            case Place.CARD:
                return (up_down, "scroll"), ((Command.LEFT,), "list"), search, back
            case Place.HISTORY:
                return (up_down, "choose"), ((Command.CONFIRM,), "use this one"), back
            case button:
                confirm = (((Command.CONFIRM,), _word(button)),)
                return (sideways, "choose"), ((Command.UP,), "read"), *confirm, back

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
        """Keeps the focus on what there is; follows a model that has come, or that is another row by now."""
        rows, library = self._choosable, self.library
        arrived, library.arrived = library.arrived, ""
        if arrived and self.entry is not None and arrived.startswith(f"{self.entry.repository}@"):
            self.row, self.card_line = next((row for row in rows if _model_of(row) == arrived), self.row), 0
        if self.row not in rows:
            self.row = self._instead(rows)
            self.deleting = False
        if library.history is None:
            self.focus = Place.LIST if self.focus is Place.HISTORY else self.focus
        else:
            self.change = min(self.change, max(len(library.history.changes) - 1, 0))
        if not isinstance(self.focus, Place) and self.focus not in self.buttons:
            wanted = Action.DOWNLOAD if self.focus is Button.CANCEL else Button.CANCEL
            self.focus = next((each for each in (wanted, *self.buttons) if each in self.buttons), Place.LIST)
        library.look_at(self.entry)

    def command(self, command: Command) -> Outcome | None:
        """Takes a key or a gamepad's button; gives what comes of it, if anything does."""
        outcome = self._do(command)
        self.settle()
        return outcome

    def point(self, target: Target | None) -> None:
        """Follows the mouse. A model needs a click: the way to its buttons leads over others."""
        if not self.typing and isinstance(target, Action | Button):
            self.focus = target

    def click(self, target: Target | None) -> Outcome | None:
        """Takes a click; gives what comes of it, if anything does."""
        outcome = None
        match target:
            case Entry() | Again():
                self._choose(target)
                self.focus = Place.LIST
                if isinstance(target, Again):
                    self.library.look_again()
            case Change() if self.library.history is not None:
                self.focus, self.change = Place.HISTORY, self.library.history.changes.index(target)
            case Action() | Button():
                self.focus = target
                outcome = self._press(target)
            case Place():
                self.focus = target
            case _:
                self.focus = Place.LIST if self.typing else self.focus
        self.settle()
        return outcome

    def scroll(self, lines: int) -> None:
        """Moves the card."""
        self.card_line = min(max(self.card_line + lines, 0), self.card_lines)

    @property
    def _choosable(self) -> list[Entry | Again]:
        return [row for row in self.library.rows if isinstance(row, Entry | Again)]

    def _instead(self, rows: list[Entry | Again]) -> Entry | Again | None:
        """What takes the place of a row that is gone: the same model as it is now, its download, or the first."""
        gone = self.row
        if isinstance(gone, Entry):
            for row in rows:
                if isinstance(row, Entry) and row.key == gone.key:
                    return row
            for row in rows:
                if isinstance(row, Entry) and gone.repository and row.repository == gone.repository:
                    return row
        return rows[0] if rows else None

    def _choose(self, row: Entry | Again) -> None:
        if row != self.row:
            self.row, self.card_line, self.deleting, self.library.notice = row, 0, False, ""
            self.library.close_history()

    def _do(self, command: Command) -> Outcome | None:
        if command is Command.SEARCH:
            self.focus = Place.LIST if self.typing else Place.SEARCH
            return None
        if command is Command.BACK:
            return self._back()
        if isinstance(self.focus, Action | Button):
            return self._in_buttons(self.focus, command)
        within = {Place.LIST: self._in_list, Place.CARD: self._in_card, Place.HISTORY: self._in_history}
        if self.focus in within:
            return within[self.focus](command)
        self.focus = self.focus if command is Command.UP else Place.LIST
        return None

    def _back(self) -> Outcome | None:
        if self.typing:
            self.focus = Place.LIST
        elif self.deleting:
            return self._press(Button.KEEP)
        elif self.library.download is not None:
            self.library.cancel()
        elif self.library.history is not None:
            return self._press(Button.BACK)
        elif self.focus is Place.LIST:
            return Leave()
        else:
            self.focus = Place.LIST
        return None

    def _in_list(self, command: Command) -> Outcome | None:
        rows = self._choosable
        place = rows.index(self.row) if self.row in rows else 0
        match command:
            case Command.UP if place == 0:
                self.focus = Place.SEARCH
            case Command.UP:
                self._choose(rows[place - 1])
            case Command.DOWN if place + 1 < len(rows):
                self._choose(rows[place + 1])
            case Command.RIGHT if self.library.history is not None and self.library.history.changes:
                self.focus = Place.HISTORY
            case Command.RIGHT if self.buttons:
                self.focus = self.buttons[0]
            case Command.RIGHT if self.card_lines:
                self.focus = Place.CARD
            case Command.CONFIRM if isinstance(self.row, Again):
                self.library.look_again()
            case Command.CONFIRM if self.buttons:
                return self._press(self.buttons[0])
        return None

    def _in_card(self, command: Command) -> Outcome | None:
        match command:
            case Command.DOWN if self.card_line >= self.card_lines and self.buttons:
                self.focus = self.buttons[0]
            case Command.UP | Command.DOWN:
                self.scroll(CARD_STEP if command is Command.DOWN else -CARD_STEP)
            case Command.LEFT:
                self.focus = Place.LIST
            case Command.CONFIRM if self.buttons:
                return self._press(self.buttons[0])
        return None

    def _in_history(self, command: Command) -> Outcome | None:
        count = len(self.library.history.changes) if self.library.history is not None else 0
        match command:
            case Command.UP:
                self.change = max(self.change - 1, 0)
            case Command.DOWN if self.change + 1 < count:
                self.change += 1
            case Command.DOWN | Command.RIGHT:
                self.focus = self.buttons[0]
            case Command.LEFT:
                self.focus = Place.LIST
            case Command.CONFIRM if Button.USE in self.buttons:
                return self._press(Button.USE)
        return None

    def _in_buttons(self, button: Action | Button, command: Command) -> Outcome | None:
        place = self.buttons.index(button)
        match command:
            case Command.LEFT if place == 0:
                self.focus = Place.LIST
            case Command.LEFT | Command.RIGHT:
                self.focus = self.buttons[min(place + (1 if command is Command.RIGHT else -1), len(self.buttons) - 1)]
            case Command.UP if self.library.history is not None:
                self.focus = Place.HISTORY if self.library.history.changes else Place.LIST
            case Command.UP:
                self.focus = Place.CARD if self.card_lines else Place.LIST
            case Command.CONFIRM:
                return self._press(button)
        return None

    def _press(self, button: Action | Button) -> Outcome | None:
        if button is Button.CANCEL:
            self.library.cancel()
        elif self.entry is not None:
            return self._press_of(self.entry, button)
        return None

    def _press_of(self, entry: Entry, button: Action | Button) -> Outcome | None:
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

    def _change(self, entry: Entry, button: Action | Button) -> None:
        """What does not lead away from here."""
        library = self.library
        match button:
            case Action.DOWNLOAD | Action.UPDATE:
                library.begin_download(entry.repository)
            case Action.REVISIONS:
                library.open_history(entry.repository)
                self.change, self.focus = 0, Place.HISTORY
            case Button.USE if library.history is not None:
                library.choose(library.history.changes[self.change])
            case Button.BACK:
                library.close_history()
                self.focus = Action.REVISIONS
            case Action.DELETE:
                self.deleting, self.focus = True, Button.KEEP
            case Button.KEEP:
                self.deleting, self.focus = False, Action.DELETE
            case Button.DELETE:
                self.deleting, self.focus = False, Place.LIST
                library.delete(entry)


def _model_of(row: Entry | Again) -> str:
    return row.model if isinstance(row, Entry) else ""


def _word(button: Focus) -> str:
    return str(button.value).lower().removesuffix(" \N{HORIZONTAL ELLIPSIS}")
