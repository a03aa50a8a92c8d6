"""The lessons, in the order of the course."""

from __future__ import annotations

from app.learn.chance import ChanceLesson
from app.learn.climbing import Climbing
from app.learn.clip import ClipLesson
from app.learn.credit import CreditLesson
from app.learn.critic import CriticLesson
from app.learn.lesson import Lesson
from app.learn.noise import NoiseLesson
from app.learn.numbers import NumbersLesson
from app.learn.policy import PolicyLesson
from app.learn.pong import PongLesson
from app.learn.sale import SaleLesson


def lessons() -> tuple[Lesson, ...]:
    """Each as it is when it is opened first."""
    return (
        PolicyLesson(),
        Climbing(),
        ChanceLesson(),
        NoiseLesson(),
        CreditLesson(),
        ClipLesson(),
        CriticLesson(),
        NumbersLesson(),
        PongLesson(),
        SaleLesson(),
    )
