"""The page of the lessons: which one is open, what is chosen in it, and what is in focus."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from enum import Enum, auto
from typing import Any, TypeAlias

from app.follow.tutor import Tutor
from app.learn.lesson import Lesson
from app.ui.bindings import Command
from app.ui.focus import COLUMN, ROW_OR_COLUMN, Focus, Group, Hint
from app.ui.widgets import Choice
from models.lessons import Knobs

SETTLE_SECONDS = 0.2
"""After which a lesson begins: the focus may pass others on its way."""


class LearnButton(Enum):
    """The buttons of every lesson."""

    AGAIN = "Again, with other luck"


class LearnArea(Enum):
    """The areas the focus moves between."""

    LESSONS = auto()
    CHOICES = auto()
    BUTTONS = auto()


LearnTarget: TypeAlias = Lesson | Choice[Any] | LearnButton
"""What can be in focus."""


class LearnPage:
    """Asks the tutor for whatever is chosen. Call `update` once a frame."""

    def __init__(self, lessons: Sequence[Lesson], tutor: Tutor, *, done: Collection[str] = ()) -> None:
        self.lessons = tuple(lessons)
        self.tutor = tutor
        self.done = set(done)
        """The names of the lessons that have shown their point."""
        self._seed = 0
        self._asked: tuple[Lesson, Knobs] | None = None
        self._unchanged = SETTLE_SECONDS
        """Seconds since something was chosen."""
        first = next((lesson for lesson in self.lessons if lesson.name not in self.done), self.lessons[0])
        group: Group[LearnArea, LearnTarget] = Group(targets=self.lessons)
        self.focus = Focus[LearnArea, LearnTarget]({LearnArea.LESSONS: group}, LearnArea.LESSONS)
        self.focus.go(first)
        self._settle()

    @property
    def lesson(self) -> Lesson:
        """The open one."""
        lesson = self.focus.current(LearnArea.LESSONS)
        assert isinstance(lesson, Lesson)
        return lesson

    @property
    def begun(self) -> bool:
        """Whether what the tutor tells is about the open lesson."""
        return self._asked is not None and self._asked[0] is self.lesson

    @property
    def hints(self) -> tuple[Hint, ...]:
        """The commands worth knowing now."""
        in_list = self.focus.group is LearnArea.LESSONS
        return *self.focus.hints, ((Command.BACK,), "menu" if in_list else "lessons")

    def update(self, elapsed: float) -> None:
        """Begins the open lesson once the choices rest; notes that it has shown its point."""
        self._unchanged += elapsed
        now = self.lesson, self.lesson.knobs(self._seed)
        if now != self._asked and (self._unchanged >= SETTLE_SECONDS or self._asked is None):
            self._asked = now
            self.tutor.ask(now[1])
        if self.begun and self.lesson.shown(self.tutor):
            self.done.add(self.lesson.name)

    def command(self, command: Command) -> bool:
        """Acts on a key or a gamepad's button; returns whether it leaves the page."""
        match command:
            case Command.CONFIRM:
                self._confirm()
            case Command.BACK if self.focus.group is LearnArea.LESSONS:
                return True
            case Command.BACK:
                self.focus.enter(LearnArea.LESSONS)
            case _:
                self.focus.move(command)
        self._settle()
        return False

    def click(self, target: LearnTarget | None, step: int = 0) -> None:
        """Acts on a click, which on a choice changes it by `step`."""
        if target is None:
            return
        self.focus.go(target)
        if isinstance(target, Choice):
            target.step(step)
        elif isinstance(target, LearnButton):
            self._again()
        self._settle()

    def _confirm(self) -> None:
        match self.focus.target:
            case Choice() as choice:
                choice.cycle()
            case LearnButton():
                self._again()
            case _:
                self.focus.enter(LearnArea.CHOICES if self.lesson.choices else LearnArea.BUTTONS)

    def _again(self) -> None:
        self._seed += 1

    def _settle(self) -> None:
        self._unchanged = 0.0
        choose = ((Command.UP, Command.DOWN), "choose")
        self.focus.arrange(
            {
                LearnArea.LESSONS: Group(
                    targets=self.lessons,
                    moves=COLUMN,
                    exits={Command.RIGHT: (LearnArea.CHOICES, LearnArea.BUTTONS)},
                    remembers=True,
                    hints=(choose, ((Command.RIGHT,), "change something")),
                    confirm=lambda _: "change something",
                ),
                LearnArea.CHOICES: Group(
                    targets=self.lesson.choices,
                    moves=COLUMN,
                    exits={Command.DOWN: (LearnArea.BUTTONS,)},
                    fallback=LearnArea.BUTTONS,
                    hover=True,
                    hints=(choose, ((Command.LEFT, Command.RIGHT), "change")),
                    confirm=lambda _: "change",
                ),
                LearnArea.BUTTONS: Group(
                    targets=tuple(LearnButton),
                    moves=ROW_OR_COLUMN,
                    exits={Command.UP: (LearnArea.CHOICES,), Command.LEFT: (LearnArea.LESSONS,)},
                    hover=True,
                    hints=(choose, ((Command.LEFT,), "lessons")),
                    confirm=lambda _: "again",
                ),
            }
        )
