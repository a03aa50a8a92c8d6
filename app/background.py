"""Volley's own commands as processes that give way to everything else, so that the window stays smooth."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from typing import IO, Any

NICENESS = 10
"""Added to the window's own. While both want the processor, the process then gets about a tenth of it."""
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
    threads = {name: str(THREADS) for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS")}
    streams: dict[str, Any] = {"stdin": questions, "stdout": output, "stderr": errors}
    if sys.platform == "win32":
        flags = subprocess.BELOW_NORMAL_PRIORITY_CLASS | subprocess.CREATE_NO_WINDOW
        return subprocess.Popen(command, env=os.environ | threads, creationflags=flags, **streams)  # noqa: S603
    # A process group of its own: Ctrl-C in the terminal then reaches only the window, which stops the process in good
    # order. But the window's session: Linux divides time among sessions before it considers niceness within one.
    process = subprocess.Popen(command, env=os.environ | threads, process_group=0, **streams)  # noqa: S603
    os.setpriority(os.PRIO_PROCESS, process.pid, os.getpriority(os.PRIO_PROCESS, 0) + NICENESS)
    return process
