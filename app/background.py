"""Volley's own commands as processes that give way to everything else, so that the window stays smooth."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import IO, Any

from models.interruption import ending_with_parent

NICENESS = 10
"""Added to the window's own. While both want the processor, the process then gets about a tenth of it."""
TIME_TO_SAVE = 120
"""Seconds in which such a process may end by itself once the window is gone, as after a crash."""
WINDOW = "VOLLEY_WINDOW"
"""The variable that tells it the window's process ID."""
THREADS = 1
"""For the mathematics of networks."""
VOLLEY = (sys.executable, "-P", "-m", "volley")
"""-P: without the current folder, which may hold modules of any name."""


def launch(
    command: Sequence[str],
    output: IO[bytes] | int,
    *,
    questions: int = subprocess.DEVNULL,
    errors: int = subprocess.STDOUT,
) -> subprocess.Popen[bytes]:
    """Starts a process at low priority that writes what it prints to `output`; `OSError` if it cannot start.

    `questions` is what it reads, and `errors` where its errors go, by default to where everything goes.
    """
    variables = {name: str(THREADS) for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS")} | {WINDOW: str(os.getpid())}
    streams: dict[str, Any] = {"stdin": questions, "stdout": output, "stderr": errors}
    if sys.platform == "win32":
        flags = subprocess.BELOW_NORMAL_PRIORITY_CLASS | subprocess.CREATE_NO_WINDOW
        return subprocess.Popen(command, env=os.environ | variables, creationflags=flags, **streams)  # noqa: S603
    # A process group of its own: Ctrl-C in the terminal then reaches only the window, which stops the process in good
    # order. But the window's session: Linux divides time among sessions before it considers niceness within one.
    process = subprocess.Popen(command, env=os.environ | variables, process_group=0, **streams)  # noqa: S603
    os.setpriority(os.PRIO_PROCESS, process.pid, os.getpriority(os.PRIO_PROCESS, 0) + NICENESS)
    return process


def ending_with_the_window() -> AbstractContextManager[None]:
    """While the block lasts, ends this process soon after the window that launched it is gone; else does nothing.

    On Windows a process does not learn that, and goes on.
    """
    window = os.environ.pop(WINDOW, "")  # for this process only, not for those that it starts
    if not window.isdecimal() or sys.platform == "win32":
        return nullcontext()
    return ending_with_parent(int(window), TIME_TO_SAVE)
