"""The page on which a training is published: what is in focus, and what keys and clicks lead to."""

from __future__ import annotations

from enum import Enum
from typing import TypeAlias

import pygame

from app.hub.publishing import Publishing, Stage
from app.ui.bindings import Command
from app.ui.widgets import Choice, TextField


class Place(Enum):
    """What can be in focus beside buttons."""

    NAME = "name"
    PRIVATE = "private"
    FILES = "files"
    CARD = "card"


class Button(Enum):
    """What can be pressed."""

    PREPARE = "Prepare"
    UPLOAD = "Upload"
    CANCEL = "Cancel"
    RENAME = "Another name"
    LEAVE = "Back to the models"


Target: TypeAlias = Place | Button

BUTTONS = {
    Stage.NAMING: (Button.PREPARE, Button.LEAVE),
    Stage.PREPARING: (Button.CANCEL,),
    Stage.REVIEW: (Button.UPLOAD, Button.RENAME, Button.LEAVE),
    Stage.UPLOADING: (Button.LEAVE,),
    Stage.DONE: (Button.LEAVE,),
}
PLACES = {
    Stage.NAMING: (Place.NAME, Place.PRIVATE),
    Stage.PREPARING: (),
    Stage.REVIEW: (Place.FILES, Place.CARD),
    Stage.UPLOADING: (Place.FILES, Place.CARD),
    Stage.DONE: (),
}
"""What can be in focus above the buttons."""
STEP = 3
"""Lines that files and card move at once."""


class PublishingModel:
    """What is in focus."""

    def __init__(self, publishing: Publishing) -> None:
        self.publishing = publishing
        self.field = TextField()
        self.private = Choice("Repository", (False, True), False, lambda private: "private" if private else "public")
        self.focus: Target = Place.NAME
        self.line = {Place.FILES: 0, Place.CARD: 0}
        """The first line that is shown of each."""
        self.lines = {Place.FILES: 0, Place.CARD: 0}
        """How many more there are than can be shown; told by whoever draws them."""
        self._stage = publishing.stage
        self._suggested = ""

    @property
    def typing(self) -> bool:
        """Whether letters are what they are."""
        return self.focus is Place.NAME

    @property
    def targets(self) -> tuple[Target, ...]:
        """What can be in focus, from the top."""
        return *PLACES[self.publishing.stage], *BUTTONS[self.publishing.stage]

    @property
    def hints(self) -> tuple[tuple[tuple[Command, ...], str], ...]:
        """The commands worth knowing now, each group with a word for what it does."""
        up_down, sideways = (Command.UP, Command.DOWN), (Command.LEFT, Command.RIGHT)
        back = ((Command.BACK,), {Stage.PREPARING: "cancel", Stage.REVIEW: "another name"}.get(self._stage, "models"))
        match self.focus:
            case Place.NAME:
                return ((Command.DOWN,), "choose"), ((Command.CONFIRM,), "prepare"), back
            case Place.PRIVATE:
                return (up_down, "choose"), (sideways, "change"), ((Command.CONFIRM,), "prepare"), back
            case Place.FILES | Place.CARD:
                other = "card" if self.focus is Place.FILES else "files"
                return (up_down, "scroll"), (sideways, other), back
            case button:
                choose = ((sideways, "choose"),) if len(BUTTONS[self._stage]) > 1 else ()
                return *choose, ((Command.CONFIRM,), str(button.value).lower()), back

    def hold(self, elapsed: float) -> None:
        """Goes on for `elapsed` seconds with an editing key that is held."""
        if not self.typing:
            self.field.let_go()
        self.field.repeat(elapsed)

    def settle(self) -> None:
        """Follows the publication: the focus is on what there is, and the name begins with who is logged in."""
        publishing = self.publishing
        if publishing.user and not self._suggested:
            self._suggested = publishing.suggested_name
            if not self.field.text:
                self.field.fill(self._suggested)
        if publishing.stage is not self._stage:
            before, self._stage = self._stage, publishing.stage
            naming = publishing.stage is Stage.NAMING and before is not Stage.PREPARING
            self.focus = Place.NAME if naming else BUTTONS[publishing.stage][0]

    def take(self, event: pygame.Event) -> bool:
        """Takes in what is typed while the field is in focus; whether it was text."""
        return self.typing and self.field.take(event)

    def command(self, command: Command) -> bool:
        """Takes a key or a gamepad's button; whether the page is to be left."""
        leave = self._do(command)
        self.settle()
        return leave

    def point(self, target: Target | None) -> None:
        """Follows the mouse, but not while one types."""
        if isinstance(target, Button) and not self.typing:
            self.focus = target

    def click(self, target: Target | None, way: int) -> bool:
        """Takes a click; on the choice, one that leads `way`. Whether the page is to be left."""
        leave = False
        if target is not None:
            self.focus = target
        if target is Place.PRIVATE:
            self.private.step(way)
        elif isinstance(target, Button):
            leave = self._press(target)
        self.settle()
        return leave

    def scroll(self, place: Place, lines: int) -> None:
        """Moves the files or the card."""
        self.line[place] = min(max(self.line[place] + lines, 0), self.lines[place])

    def _do(self, command: Command) -> bool:
        if command is Command.BACK:
            return self._back()
        if command is Command.CONFIRM:
            return self._press(self.focus if isinstance(self.focus, Button) else BUTTONS[self._stage][0])
        if self.focus in (Place.FILES, Place.CARD):
            self._in_text(Place(self.focus), command)
        elif self.focus is Place.PRIVATE and command in (Command.LEFT, Command.RIGHT):
            self.private.step(1 if command is Command.RIGHT else -1)
        else:
            self._move(command)
        return False

    def _move(self, command: Command) -> None:
        """To the place above or below; among buttons, which stand in a row, left and right."""
        targets, buttons = self.targets, BUTTONS[self._stage]
        place = targets.index(self.focus)
        first = len(targets) - len(buttons)
        match command:
            case Command.UP if self.focus in buttons:
                self.focus = targets[max(first - 1, 0)] if first else self.focus
            case Command.UP:
                self.focus = targets[max(place - 1, 0)]
            case Command.DOWN if self.focus not in buttons:
                self.focus = targets[place + 1]
            case Command.LEFT | Command.RIGHT if self.focus in buttons:
                self.focus = targets[min(max(place + (1 if command is Command.RIGHT else -1), first), len(targets) - 1)]

    def _in_text(self, place: Place, command: Command) -> None:
        match command:
            case Command.DOWN if self.line[place] >= self.lines[place]:
                self.focus = BUTTONS[self._stage][0]
            case Command.UP | Command.DOWN:
                self.scroll(place, STEP if command is Command.DOWN else -STEP)
            case Command.LEFT | Command.RIGHT:
                self.focus = Place.FILES if command is Command.LEFT else Place.CARD

    def _back(self) -> bool:
        if self._stage in (Stage.PREPARING, Stage.REVIEW):
            self.publishing.back()
            return False
        if self.focus is Place.PRIVATE:
            self.focus = Place.NAME
            return False
        return True

    def _press(self, button: Button) -> bool:
        match button:
            case Button.PREPARE:
                self.publishing.prepare(self.field.text.strip(), private=self.private.value)
            case Button.UPLOAD:
                self.publishing.upload()
            case Button.CANCEL | Button.RENAME:
                self.publishing.back()
            case Button.LEAVE:
                return True
        return False
