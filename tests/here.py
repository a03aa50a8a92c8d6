"""Games in this process, for tests that are not about worker processes: to start one costs a second of processor time.

A test module takes the fixture by `games_here = here.games_here`.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from multiprocessing import get_context
from multiprocessing.connection import Connection
from threading import Thread
from types import SimpleNamespace
from typing import Any

import pytest


class Worker(Thread):
    """Does in a thread what a worker process would do."""

    exitcode = None

    def __init__(self, *, target: Callable[..., None], args: tuple[Any, ...], daemon: bool) -> None:
        there, *own = args
        # The one who starts it closes its end, as if it were another process's.
        super().__init__(target=target, args=(Connection(os.dup(there.fileno())), *own), daemon=daemon)


@pytest.fixture
def games_here(monkeypatch: pytest.MonkeyPatch) -> None:
    spawn = get_context("spawn")
    context = SimpleNamespace(Pipe=spawn.Pipe, RawArray=spawn.RawArray, Process=Worker)
    monkeypatch.setattr("training.workers._CONTEXT", context)
    deaf = SimpleNamespace(signal=lambda *_: None, SIGINT=signal.SIGINT, SIG_IGN=signal.SIG_IGN)
    monkeypatch.setattr("training.workers.signal", deaf)
