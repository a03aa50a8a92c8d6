"""Calls in the background that nobody has to wait for."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor, Future
from threading import Thread
from typing import Any


class DaemonExecutor(Executor):
    """Runs each call on a daemon thread of its own, which ends with the program even in mid-call.

    For calls that only ask: a Hub that does not answer may take half a minute to fail, and closing the window should
    not wait for that. Calls that write files belong on an executor that is shut down properly.
    """

    def submit(self, call: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:  # noqa: ANN401 - any call's
        """Starts a call at once; returns its future."""
        future: Future[Any] = Future()
        Thread(target=_run, args=(future, call, args, kwargs), daemon=True).start()
        return future


def _run(future: Future[Any], call: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    if not future.set_running_or_notify_cancel():
        return
    try:
        future.set_result(call(*args, **kwargs))
    except BaseException as error:  # noqa: BLE001 - raised again by future.result()
        future.set_exception(error)
