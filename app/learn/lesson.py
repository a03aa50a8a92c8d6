"""What a lesson is: an idea, something to change, and a picture that moves."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from enum import Enum
from typing import Any, ClassVar

import pygame

from app.follow.tutor import Tutor
from app.ui.widgets import Choice
from models.lessons import Knobs


class LearnButton(Enum):
    """The buttons of lessons."""

    QUESTION = "A question"
    LESSON = "Back to the lesson"
    AGAIN = "Again, with new luck"
    TRAIN = "Start training"
    WATCH = "Watch it play"
    STOP = "Stop and save"


@dataclass(frozen=True, slots=True)
class Question:
    """A question at the end of a lesson; the tutor knows the answer."""

    text: str
    options: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """One of a question's options, to choose."""

    place: int
    """Among the options, from 0."""
    text: str


class Lesson(ABC):
    """One lesson, as chosen. Its picture shows what the tutor has told since it was asked `knobs`."""

    name: ClassVar[str]
    """Under which it is remembered."""
    title: ClassVar[str]
    idea: ClassVar[str]
    """Two or three sentences."""
    question: ClassVar[Question | None] = None
    choices: tuple[Choice[Any], ...]
    """What can be changed."""
    command_lines: ClassVar[int] = 1
    """So many lines at least have room below, so that no choice moves what is to be clicked at."""

    @property
    def buttons(self) -> tuple[LearnButton, ...]:
        """The ones of use now."""
        return (LearnButton.AGAIN,)

    @property
    @abstractmethod
    def command(self) -> str:
        """That does the same outside the window, as the choices are now."""

    @abstractmethod
    def knobs(self, seed: int) -> Knobs | None:
        """What to ask the tutor, as the choices are now; None if nothing."""

    @abstractmethod
    def draw(self, surface: pygame.Surface, rect: pygame.Rect, scale: float, tutor: Tutor) -> None:
        """Draws the picture."""

    @abstractmethod
    def shown(self, tutor: Tutor) -> bool:
        """Whether the picture has shown its point."""
