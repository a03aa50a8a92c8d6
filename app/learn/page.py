"""The page of the lessons: which one is open, what is chosen in it, and what is in focus."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any, TypeAlias

from app.follow.trainer import RunningTraining
from app.follow.tutor import Tutor
from app.learn.lesson import Answer, LearnButton, Lesson
from app.learn.pong import PongLesson
from app.ui.bindings import Command
from app.ui.focus import COLUMN, Focus, Group, Hint
from app.ui.widgets import Choice
from models.lessons import Knobs, QuizKnobs

SETTLE_SECONDS = 0.2
"""After which a lesson begins: the focus may pass others on its way."""


class LearnArea(Enum):
    """The areas the focus moves between."""

    LESSONS = auto()
    CHOICES = auto()
    ANSWERS = auto()
    BUTTONS = auto()


LearnTarget: TypeAlias = Lesson | Choice[Any] | Answer | LearnButton
"""What can be in focus."""


@dataclass(frozen=True, slots=True)
class Leave:
    """Go back to the menu."""


LearnOutcome: TypeAlias = Leave | LearnButton
"""What a key or click leads to: the way out, or a button that the page itself has no use for."""


class LearnPage:
    """Asks the tutor for whatever is chosen. Call `update` once a frame.

    Opens on the lesson named `at`; without that, on the first that is not `done`.
    """

    def __init__(self, lessons: Sequence[Lesson], tutor: Tutor, *, done: Collection[str] = (), at: str = "") -> None:
        self.lessons = tuple(lessons)
        self.tutor = tutor
        self.done = set(done)
        """The names of the lessons that have shown their point."""
        self._seed = 0
        self.asking = False
        """Whether the open lesson's question is shown in place of the lesson itself."""
        self.answer: Answer | None = None
        """What was answered to it; None if nothing yet."""
        self._asked: tuple[Lesson, Knobs | None] | None = None
        self._unchanged = SETTLE_SECONDS
        """Seconds since something was chosen."""
        first = next(
            (lesson for lesson in self.lessons if (lesson.name == at if at else lesson.name not in self.done)),
            self.lessons[0],
        )
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
        return () if self.asking else self.lesson.choices

    @property
    def answers(self) -> tuple[Answer, ...]:
        """What can be answered now."""
        question = self.lesson.question if self.asking else None
        return () if question is None else tuple(Answer(*option) for option in enumerate(question.options))

    @property
    def buttons(self) -> tuple[LearnButton, ...]:
        """What can be pressed now."""
        if self.asking:
            return (LearnButton.LESSON,)
        question = (LearnButton.QUESTION,) if self.lesson.question is not None else ()
        return *self.lesson.buttons, *question

    def show_training(self, now: RunningTraining | None) -> None:
        """Shows the training that runs beside the window, if one does."""
        for lesson in self.lessons:
            if isinstance(lesson, PongLesson):
                begins = lesson.training is None and now is not None and not now.for_pong
                lesson.training = now
                if begins and self.focus.target is LearnButton.TRAIN:
                    self.focus.enter(LearnArea.LESSONS)  # whoever presses Enter twice does not mean to stop it
        self._arrange()

    def update(self, elapsed: float) -> None:
        """Begins the open lesson once the choices rest; notes that it has shown its point.

        `UserError` if the process that runs the lessons has ended.
        """
        self._unchanged += elapsed
        now = self.lesson, QuizKnobs(self.lesson.name) if self.asking else self.lesson.knobs(self._seed)
        if now != self._asked and (self._unchanged >= SETTLE_SECONDS or self._asked is None):
            self._asked = now
            if now[1] is None:
                self.tutor.rest()
            else:
                self.tutor.ask(now[1])
        elif now[1] is not None:
            self.tutor.check()
        if self.begun and not self.asking and self.lesson.shown(self.tutor):
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
        elif isinstance(target, Answer):
            self.answer = target
        elif isinstance(target, LearnButton):
            outcome = self._press(target)
        self._settle()
        return outcome

    def _confirm(self) -> LearnOutcome | None:
        match self.focus.target:
            case Choice() as choice:
                choice.cycle()
            case Answer() as answer:
                self.answer = answer
            case LearnButton() as button:
                return self._press(button)
            case _:
                self.focus.move(Command.RIGHT)
        return None

    def _press(self, button: LearnButton) -> LearnOutcome | None:
        match button:
            case LearnButton.AGAIN:
                self._seed += 1
            case LearnButton.QUESTION:
                self.asking = True
                self._arrange()
                self.focus.enter(LearnArea.ANSWERS)
            case LearnButton.LESSON:
                self.asking, self.answer = False, None
            case _:
                return button
        return None

    def _settle(self) -> None:
        self._unchanged = 0.0
        if self.lesson is not self._opened:
            self._opened, self.asking, self.answer = self.lesson, False, None
        self._arrange()

    def _arrange(self) -> None:
        choose = ((Command.UP, Command.DOWN), "choose")
        lessons = ((Command.LEFT,), "lessons")
        inside = "change something" if self.choices else "answers" if self.asking else "button"
        self.focus.arrange(
            {
                LearnArea.LESSONS: Group(
                    targets=self.lessons,
                    moves=COLUMN,
                    exits={Command.RIGHT: (LearnArea.CHOICES, LearnArea.ANSWERS, LearnArea.BUTTONS)},
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
                LearnArea.ANSWERS: Group(
                    targets=self.answers,
                    moves=COLUMN,
                    exits={
                        Command.DOWN: (LearnArea.BUTTONS,),
                        Command.LEFT: (LearnArea.LESSONS,),
                        Command.RIGHT: (LearnArea.BUTTONS,),
                    },
                    fallback=LearnArea.BUTTONS,
                    hints=(choose, lessons),
                    confirm=lambda _: "answer",
                ),
                LearnArea.BUTTONS: Group(
                    targets=self.buttons,
                    moves=COLUMN,
                    exits={Command.UP: (LearnArea.CHOICES, LearnArea.ANSWERS), Command.LEFT: (LearnArea.LESSONS,)},
                    hover=True,
                    hints=(choose, lessons),
                    confirm=lambda target: target.value.lower() if isinstance(target, LearnButton) else "",
                ),
            }
        )
