"""Calls beside the window that nobody waits for."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor, Future
from threading import Thread
from typing import Any


class Errands(Executor):
    """Runs each call on a thread of its own, which ends with the program wherever it is.

    For what only asks: a Hub that does not answer may keep it for half a minute, and a window that was closed should
    not wait for that. What writes files belongs on an executor that is waited for.
    """

    def submit(self, call: Callable[..., Any], /, *words: Any, **more: Any) -> Future[Any]:  # noqa: ANN401 - any call's
        """Begins a call at once; gives what will come of it."""
        future: Future[Any] = Future()
        Thread(target=_run, args=(future, call, words, more), daemon=True).start()
        return future


def _run(future: Future[Any], call: Callable[..., Any], words: tuple[Any, ...], more: dict[str, Any]) -> None:
    if not future.set_running_or_notify_cancel():
        return
    try:
        future.set_result(call(*words, **more))
    except BaseException as error:  # noqa: BLE001 - told to whoever asks for the result
        future.set_exception(error)
