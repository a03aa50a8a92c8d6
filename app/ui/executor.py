"""Ways to make calls: in the background, between frames, or at once."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor, Future
from functools import partial
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


class BetweenFrames(Executor):
    """Hands calls on to `inner` when the frame in which they came is shown.

    A call that begins while a frame is still worked on makes that frame late: it takes the same core for some
    milliseconds, or Python's lock. After it, there is time until the next.
    """

    def __init__(self, inner: Executor) -> None:
        self._inner = inner
        self._waiting: list[Callable[[], object]] = []

    def submit(self, call: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:  # noqa: ANN401 - any call's
        """Keeps a call until `frame_shown`; returns its future."""
        future: Future[Any] = Future()
        self._waiting.append(partial(self._inner.submit, _run, future, call, args, kwargs))
        return future

    def frame_shown(self) -> None:
        """Starts what waits."""
        waiting, self._waiting = self._waiting, []
        for start in waiting:
            start()

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: FBT001, FBT002 - as declared
        """Ends it; what has not been started never will be."""
        self._waiting.clear()
        self._inner.shutdown(wait, cancel_futures=cancel_futures)


class InlineExecutor(Executor):
    """Runs each call at once, in `submit`: for a film, whose pictures may wait for what they show."""

    def submit(self, call: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:  # noqa: ANN401 - any call's
        """Calls the function; returns a finished future with its result or error."""
        future: Future[Any] = Future()
        try:
            future.set_result(call(*args, **kwargs))
        except Exception as error:  # noqa: BLE001 - raised again by future.result()
            future.set_exception(error)
        return future


def _run(future: Future[Any], call: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    if not future.set_running_or_notify_cancel():
        return
    try:
        future.set_result(call(*args, **kwargs))
    except BaseException as error:  # noqa: BLE001 - raised again by future.result()
        future.set_exception(error)
