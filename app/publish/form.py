"""The page for publishing a training run: what is in focus, and what keys and clicks do."""

from __future__ import annotations

from enum import Enum, auto
from typing import TypeAlias

import pygame

from app.hub.publishing import Publishing, Stage
from app.ui.bindings import Command
from app.ui.focus import ROW, Focus, Group, Hint
from app.ui.widgets import Choice, Scroll, TextField


class PublishingArea(Enum):
    """The areas the focus moves between. The two texts are targets themselves."""

    NAME = auto()
    PRIVATE = auto()
    FILES = auto()
    CARD = auto()
    BUTTONS = auto()


class PublishingButton(Enum):
    """The buttons of the page."""

    PREPARE = "Prepare"
    UPLOAD = "Upload"
    CANCEL = "Cancel"
    RENAME = "Change name"
    LEAVE = "Back to models"


PublishingTarget: TypeAlias = TextField | Choice[bool] | PublishingArea | PublishingButton
"""What can be in focus: the name, the visibility, the texts, and the buttons."""

BUTTONS = {
    Stage.NAMING: (PublishingButton.PREPARE, PublishingButton.LEAVE),
    Stage.PREPARING: (PublishingButton.CANCEL,),
    # Not first: Cancel was there, and may be pressed just as there is nothing left to cancel.
    Stage.REVIEW: (PublishingButton.RENAME, PublishingButton.UPLOAD, PublishingButton.LEAVE),
    Stage.UPLOADING: (PublishingButton.LEAVE,),
    Stage.DONE: (PublishingButton.LEAVE,),
}


class PublishingModel:
    """What is in focus."""

    def __init__(self, publishing: Publishing) -> None:
        self.publishing = publishing
        self.field = TextField()
        self.private = Choice("Visibility", (False, True), False, lambda private: "private" if private else "public")
        self.files_scroll = Scroll()
        self.card_scroll = Scroll()
        self._stage = publishing.stage
        self._suggested = ""
        self.focus = Focus[PublishingArea, PublishingTarget](self._groups(), PublishingArea.NAME)

    @property
    def typing(self) -> bool:
        """Whether keys type text."""
        return self.focus.typing

    @property
    def buttons(self) -> tuple[PublishingButton, ...]:
        """The buttons shown now; while a name is asked for, Enter presses the first one from everywhere."""
        return BUTTONS[self.publishing.stage]

    @property
    def hints(self) -> tuple[Hint, ...]:
        """The commands worth knowing now."""
        back = {Stage.PREPARING: "cancel", Stage.REVIEW: "change name"}.get(self._stage, "models")
        if self.focus.group is PublishingArea.PRIVATE:
            back = "name"
        return *self.focus.hints, ((Command.BACK,), back)

    def repeat(self, elapsed: float) -> None:
        """Repeats a held editing key, `elapsed` seconds after the last call."""
        if not self.typing:
            self.field.release()
        self.field.repeat(elapsed)

    def settle(self) -> None:
        """Follows the publication: updates the focus, and suggests a name once the user is known."""
        publishing = self.publishing
        if publishing.user and not self._suggested:
            self._suggested = publishing.suggested_name
            if not self.field.text:
                self.field.fill(self._suggested)
        self.focus.arrange(self._groups())
        if publishing.stage is not self._stage:
            before, self._stage = self._stage, publishing.stage
            named = publishing.stage is Stage.NAMING and before is not Stage.PREPARING
            areas = {Stage.NAMING: PublishingArea.NAME, Stage.REVIEW: PublishingArea.CARD}
            there = publishing.stage is Stage.REVIEW or named
            self.focus.enter(areas[publishing.stage] if there else PublishingArea.BUTTONS)

    def take(self, event: pygame.Event) -> bool:
        """Passes typed text to the name field if that is in focus; returns whether the event was text."""
        return self.typing and self.field.take(event)

    def command(self, command: Command) -> bool:
        """Acts on a key or a gamepad's button; returns whether to leave the page."""
        leave = False
        if command is Command.BACK:
            leave = self._back()
        elif command is Command.CONFIRM:
            target = self.focus.target
            if isinstance(target, PublishingButton):
                leave = self._press(target)
            elif self.publishing.stage is Stage.NAMING:
                self._press(PublishingButton.PREPARE)
        else:
            self.focus.move(command)
        self.settle()
        return leave

    def click(self, target: PublishingTarget | None, step: int = 0) -> bool:
        """Acts on a click, which on the choice changes it by `step`; returns whether to leave the page."""
        leave = False
        if target is not None:
            self.focus.go(target)
        if isinstance(target, Choice):
            target.step(step)
        elif isinstance(target, PublishingButton):
            leave = self._press(target)
        self.settle()
        return leave

    def _groups(self) -> dict[PublishingArea, Group[PublishingArea, PublishingTarget]]:
        """The groups at this stage."""
        up_down, sideways = (Command.UP, Command.DOWN), (Command.LEFT, Command.RIGHT)
        area, stage, buttons = PublishingArea, self.publishing.stage, self.buttons
        naming, reading = stage is Stage.NAMING, stage in (Stage.REVIEW, Stage.UPLOADING)
        return {
            area.NAME: Group(
                targets=(self.field,) if naming else (),
                exits={Command.DOWN: (area.PRIVATE,)},
                hints=(((Command.DOWN,), "choose"),),
                confirm=lambda _: "prepare",
            ),
            area.PRIVATE: Group(
                targets=(self.private,) if naming else (),
                exits={Command.UP: (area.NAME,), Command.DOWN: (area.BUTTONS,)},
                hints=((up_down, "choose"), (sideways, "change")),
                confirm=lambda _: "prepare",
            ),
            area.FILES: Group(
                targets=(area.FILES,) if reading else (),
                exits={Command.RIGHT: (area.CARD,), Command.DOWN: (area.BUTTONS,)},
                scroll=self.files_scroll,
                hints=((up_down, "scroll"), (sideways, "card")),
            ),
            area.CARD: Group(
                targets=(area.CARD,) if reading else (),
                exits={Command.LEFT: (area.FILES,), Command.DOWN: (area.BUTTONS,)},
                scroll=self.card_scroll,
                hints=((up_down, "scroll"), (sideways, "files")),
            ),
            area.BUTTONS: Group(
                targets=buttons,
                moves=ROW,
                exits={Command.UP: (area.PRIVATE, area.CARD)},
                hover=True,
                hints=((sideways, "choose"),) if len(buttons) > 1 else (),
                confirm=lambda button: button.value.lower() if isinstance(button, PublishingButton) else "",
            ),
        }

    def _back(self) -> bool:
        if self._stage in (Stage.PREPARING, Stage.REVIEW):
            self.publishing.back()
            return False
        if self.focus.group is PublishingArea.PRIVATE:
            self.focus.enter(PublishingArea.NAME)
            return False
        return True

    def _press(self, button: PublishingButton) -> bool:
        match button:
            case PublishingButton.PREPARE:
                self.publishing.prepare(self.field.text.strip(), private=self.private.value)
            case PublishingButton.UPLOAD:
                self.publishing.upload()
            case PublishingButton.CANCEL | PublishingButton.RENAME:
                self.publishing.back()
            case PublishingButton.LEAVE:
                return True
        return False
