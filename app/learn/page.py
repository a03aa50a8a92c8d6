"""The page of the lessons: which one is open, what is chosen in it, and what is in focus."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any, TypeAlias

from app.follow.trainer import RunningTraining
from app.follow.tutor import Tutor
from app.learn.lesson import LearnButton, Lesson
from app.learn.pong import PongLesson
from app.ui.bindings import Command
from app.ui.focus import COLUMN, ROW_OR_COLUMN, Focus, Group, Hint
from app.ui.widgets import Choice
from models.lessons import Knobs, QuizKnobs

SETTLE_SECONDS = 0.2
"""After which a lesson begins: the focus may pass others on its way."""


class LearnArea(Enum):
    """The areas the focus moves between."""

    LESSONS = auto()
    CHOICES = auto()
    BUTTONS = auto()


LearnTarget: TypeAlias = Lesson | Choice[Any] | LearnButton
"""What can be in focus."""


@dataclass(frozen=True, slots=True)
class Leave:
    """Go back to the menu."""


LearnOutcome: TypeAlias = Leave | LearnButton
"""What a key or click leads to: the way out, or a button that the page itself has no use for."""


class LearnPage:
    """Asks the tutor for whatever is chosen. Call `update` once a frame."""

    def __init__(self, lessons: Sequence[Lesson], tutor: Tutor, *, done: Collection[str] = ()) -> None:
        self.lessons = tuple(lessons)
        self.tutor = tutor
        self.done = set(done)
        """The names of the lessons that have shown their point."""
        self._seed = 0
        self.answer: Choice[int | None] | None = None
        """What was answered to the open lesson's question; None while the lesson itself is shown."""
        self._asked: tuple[Lesson, Knobs | None] | None = None
        self._unchanged = SETTLE_SECONDS
        """Seconds since something was chosen."""
        first = next((lesson for lesson in self.lessons if lesson.name not in self.done), self.lessons[0])
        group: Group[LearnArea, LearnTarget] = Group(targets=self.lessons)
        self.focus = Focus[LearnArea, LearnTarget]({LearnArea.LESSONS: group}, LearnArea.LESSONS)
        self.focus.go(first)
        self._opened = self.lesson
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

    @property
    def choices(self) -> tuple[Choice[Any], ...]:
        """What can be changed now."""
        return self.lesson.choices if self.answer is None else (self.answer,)

    @property
    def buttons(self) -> tuple[LearnButton, ...]:
        """What can be pressed now."""
        if self.answer is not None:
            return (LearnButton.LESSON,)
        question = (LearnButton.QUESTION,) if self.lesson.question is not None else ()
        return *question, *self.lesson.buttons

    def show_training(self, now: RunningTraining | None) -> None:
        """Shows the training that runs beside the window, if one does."""
        for lesson in self.lessons:
            if isinstance(lesson, PongLesson):
                lesson.training = now
        self._arrange()

    def update(self, elapsed: float) -> None:
        """Begins the open lesson once the choices rest; notes that it has shown its point."""
        self._unchanged += elapsed
        answering = self.answer is not None
        now = self.lesson, QuizKnobs(self.lesson.name) if answering else self.lesson.knobs(self._seed)
        if now != self._asked and (self._unchanged >= SETTLE_SECONDS or self._asked is None):
            self._asked = now
            if now[1] is None:
                self.tutor.rest()
            else:
                self.tutor.ask(now[1])
        if self.begun and not answering and self.lesson.shown(self.tutor):
            self.done.add(self.lesson.name)

    def command(self, command: Command) -> LearnOutcome | None:
        """Acts on a key or a gamepad's button; returns what it leads to, if anything."""
        outcome: LearnOutcome | None = None
        match command:
            case Command.CONFIRM:
                outcome = self._confirm()
            case Command.BACK if self.focus.group is LearnArea.LESSONS:
                outcome = Leave()
            case Command.BACK:
                self.focus.enter(LearnArea.LESSONS)
            case _:
                self.focus.move(command)
        self._settle()
        return outcome

    def click(self, target: LearnTarget | None, step: int = 0) -> LearnOutcome | None:
        """Acts on a click, which on a choice changes it by `step`; returns what it leads to, if anything."""
        if target is None:
            return None
        outcome: LearnOutcome | None = None
        self.focus.go(target)
        if isinstance(target, Choice):
            target.step(step)
        elif isinstance(target, LearnButton):
            outcome = self._press(target)
        self._settle()
        return outcome

    def _confirm(self) -> LearnOutcome | None:
        match self.focus.target:
            case Choice() as choice:
                choice.cycle()
            case LearnButton() as button:
                return self._press(button)
            case _:
                self.focus.enter(LearnArea.CHOICES if self.choices else LearnArea.BUTTONS)
        return None

    def _press(self, button: LearnButton) -> LearnOutcome | None:
        match button:
            case LearnButton.AGAIN:
                self._seed += 1
            case LearnButton.QUESTION:
                self._open_question()
            case LearnButton.LESSON:
                self.answer = None
            case _:
                return button
        return None

    def _open_question(self) -> None:
        question = self.lesson.question
        assert question is not None, "it has no such button"
        answers, options = (None, *range(len(question.options))), question.options
        self.answer = Choice("Your answer", answers, None, lambda answer: "?" if answer is None else options[answer])
        self._arrange()
        self.focus.enter(LearnArea.CHOICES)

    def _settle(self) -> None:
        self._unchanged = 0.0
        if self.lesson is not self._opened:
            self._opened, self.answer = self.lesson, None
        self._arrange()

    def _arrange(self) -> None:
        choose = ((Command.UP, Command.DOWN), "choose")
        inside = "change something" if self.choices else self.buttons[0].value.lower()
        self.focus.arrange(
            {
                LearnArea.LESSONS: Group(
                    targets=self.lessons,
                    moves=COLUMN,
                    exits={Command.RIGHT: (LearnArea.CHOICES, LearnArea.BUTTONS)},
                    remembers=True,
                    hints=(choose, ((Command.RIGHT, Command.CONFIRM), inside)),
                ),
                LearnArea.CHOICES: Group(
                    targets=self.choices,
                    moves=COLUMN,
                    exits={Command.DOWN: (LearnArea.BUTTONS,)},
                    fallback=LearnArea.BUTTONS,
                    hover=True,
                    hints=(choose, ((Command.LEFT, Command.RIGHT), "change")),
                    confirm=lambda _: "change",
                ),
                LearnArea.BUTTONS: Group(
                    targets=self.buttons,
                    moves=ROW_OR_COLUMN,
                    exits={Command.UP: (LearnArea.CHOICES,), Command.LEFT: (LearnArea.LESSONS,)},
                    hover=True,
                    hints=(choose, ((Command.LEFT,), "lessons")),
                    confirm=lambda target: target.value.lower() if isinstance(target, LearnButton) else "",
                ),
            }
        )
