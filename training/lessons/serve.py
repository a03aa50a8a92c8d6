"""The process that runs the window's lessons, and tells it how they go."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any

import torch

from models.lessons import (
    Ask,
    ChanceKnobs,
    ClimbingKnobs,
    ClipKnobs,
    CreditKnobs,
    CriticKnobs,
    Knobs,
    NoiseKnobs,
    NumbersKnobs,
    PolicyKnobs,
    QuizKnobs,
    SaleKnobs,
    State,
    Tell,
    decode_ask,
    encode,
)
from training.lessons import chance, climbing, clip, credit, critic, noise, numbers, policy, quiz, sale

INTERVAL = 0.05
"""Seconds between two states, at least, so that people can see what happens."""


LESSONS: dict[type, Callable[[Any], Iterator[State]]] = {
    QuizKnobs: quiz.run,
    PolicyKnobs: policy.run,
    ClimbingKnobs: climbing.run,
    ChanceKnobs: chance.run,
    NoiseKnobs: noise.run,
    CreditKnobs: credit.run,
    ClipKnobs: clip.run,
    CriticKnobs: critic.run,
    NumbersKnobs: numbers.run,
    SaleKnobs: sale.run,
}


def states(knobs: Knobs | None) -> Iterator[State]:
    """The lesson with these knobs, as it goes; nothing without any."""
    return iter(()) if knobs is None else LESSONS[type(knobs)](knobs)


def serve(asks: Iterable[bytes], tell: Callable[[bytes], object]) -> None:
    """Runs what was asked for last, until there is nothing left to read."""
    newest: SimpleQueue[Ask | None] = SimpleQueue()
    Thread(target=_listen, args=(asks, newest), daemon=True).start()
    Thread(target=_warm_up, daemon=True).start()
    ask = newest.get()
    while ask is not None:
        ask = _run(ask, newest, tell)


def _listen(asks: Iterable[bytes], newest: SimpleQueue[Ask | None]) -> None:
    for line in asks:
        newest.put(decode_ask(line))
    newest.put(None)


def _warm_up() -> None:
    """Makes torch import, before a lesson needs it, what its first optimiser takes a second to import."""
    torch.optim.Adam([torch.zeros(1)])


def _run(ask: Ask, newest: SimpleQueue[Ask | None], tell: Callable[[bytes], object]) -> Ask | None:
    """Runs a lesson until something else is asked for; returns that."""
    begun = time.monotonic()
    for state in states(ask.knobs):
        tell(encode(Tell(ask.number, state)))
        try:
            return _last(newest, newest.get(timeout=max(begun + INTERVAL - time.monotonic(), 0)))
        except Empty:
            begun = time.monotonic()
    return _last(newest, newest.get())


def _last(newest: SimpleQueue[Ask | None], ask: Ask | None) -> Ask | None:
    """The newest of what has been asked for meanwhile."""
    while ask is not None and not newest.empty():
        ask = newest.get()
    return ask
