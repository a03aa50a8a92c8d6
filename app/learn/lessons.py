"""The lessons, in the order of the course."""

from __future__ import annotations

from app.learn.chance import ChanceLesson
from app.learn.climbing import Climbing
from app.learn.clip import ClipLesson
from app.learn.critic import CriticLesson
from app.learn.lesson import Lesson
from app.learn.noise import NoiseLesson


def lessons() -> tuple[Lesson, ...]:
    """Each as it is when it is opened first."""
    return Climbing(), ChanceLesson(), NoiseLesson(), ClipLesson(), CriticLesson()
