"""The process that runs the window's lessons, and tells it how they go."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from queue import Empty, SimpleQueue
from threading import Thread

from models.lessons import (
    Ask,
    ChanceKnobs,
    ClimbingKnobs,
    ClipKnobs,
    CriticKnobs,
    Knobs,
    NoiseKnobs,
    State,
    Tell,
    decode_ask,
    encode,
)
from training.lessons import chance, climbing, clip, critic, noise

INTERVAL = 0.05
"""Seconds between two states, at least, so that one can see what happens."""


def states(knobs: Knobs | None) -> Iterator[State]:
    """The lesson with these knobs, as it goes."""
    match knobs:
        case None:
            return iter(())
        case ClimbingKnobs():
            return climbing.run(knobs)
        case ChanceKnobs():
            return chance.run(knobs)
        case NoiseKnobs():
            return noise.run(knobs)
        case ClipKnobs():
            return clip.run(knobs)
        case CriticKnobs():
            return critic.run(knobs)


def serve(asks: Iterable[bytes], tell: Callable[[bytes], object]) -> None:
    """Runs what was asked for last, until there is nothing left to read."""
    newest: SimpleQueue[Ask | None] = SimpleQueue()
    Thread(target=_listen, args=(asks, newest), daemon=True).start()
    ask = newest.get()
    while ask is not None:
        ask = _run(ask, newest, tell)


def _listen(asks: Iterable[bytes], newest: SimpleQueue[Ask | None]) -> None:
    for line in asks:
        newest.put(decode_ask(line))
    newest.put(None)


def _run(ask: Ask, newest: SimpleQueue[Ask | None], tell: Callable[[bytes], object]) -> Ask | None:
    """Runs a lesson until something else is asked for; returns that."""
    for state in states(ask.knobs):
        tell(encode(Tell(ask.number, state)))
        deadline = time.monotonic() + INTERVAL
        try:
            return _last(newest, newest.get(timeout=max(deadline - time.monotonic(), 0)))
        except Empty:
            pass
    return _last(newest, newest.get())


def _last(newest: SimpleQueue[Ask | None], ask: Ask | None) -> Ask | None:
    """The newest of what has been asked for meanwhile."""
    while ask is not None and not newest.empty():
        ask = newest.get()
    return ask
