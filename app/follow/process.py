"""A training beside the window: `volley train` as a process of its own, at low priority."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from enum import Enum, auto
from pathlib import Path
from typing import IO, Any

from models.errors import UserError, one_line
from models.run_directory import is_run

NICENESS = 10
"""Above the window's own. While both want the processor, the training then gets a tenth of it."""
THREADS = 1
"""Of the network's mathematics."""
COMMAND = (sys.executable, "-P", "-m", "volley", "train")
"""-P: without the current folder, which may hold modules of any name."""
LONGEST_SAVE = 120.0
"""Seconds. A training that is stopped first ends its update, and an evaluation that goes on."""

_INTERRUPTED = 130
"""The exit code of a training that was told to stop, and has been saved."""
_TERMINATED = 1 if sys.platform == "win32" else -signal.SIGTERM
"""The exit code of one that was told to stop before it had anything to save."""


class Phase(Enum):
    """What a training process is at."""

    IDLE = auto()
    """Not begun."""
    RUNNING = auto()
    STOPPING = auto()
    """It was told to stop, and saves."""
    STOPPED = auto()
    """It can be gone on with."""
    FINISHED = auto()
    """All steps are done."""
    FAILED = auto()


class TrainingProcess:
    """One training, in the run directory `run`. Whoever closes the window calls `close`."""

    def __init__(self, run: Path) -> None:
        self.run = run
        self.reason = ""
        """Why it failed, in a line."""
        self.phase = Phase.IDLE
        """As of the last `poll`."""
        self._process: subprocess.Popen[bytes] | None = None
        self._first: tuple[str, ...] = ()

    def start(self, algorithm: str, steps: int) -> None:
        """Begins a new run; one that cannot be begun fails, as `poll` then tells."""
        self._first = (algorithm, "--steps", str(steps), "--run", str(self.run))
        self._launch(self._first)

    def resume(self, steps: int | None = None) -> None:
        """Goes on with the run where it was saved, to `steps` in all where asked; one that never began begins."""
        more = () if steps is None else ("--steps", str(steps))
        begun = is_run(self.run) or not self._first
        self._launch(("--resume", str(self.run), *more) if begun else self._first)

    def stop(self) -> None:
        """Lets the update under way end, and the run be saved; see `poll` for when that is done.

        On Windows it ends at once, and the last checkpoint stands, which is a minute old at most.
        """
        if self._process is not None and self.poll() is Phase.RUNNING:
            # Means what Ctrl-C does; but that is not heard by what a script started in the background.
            self._process.terminate()
            self.phase = Phase.STOPPING

    def poll(self) -> Phase:
        """What it is at now."""
        if self._process is not None and (code := self._process.poll()) is not None:
            self._end(code)
        return self.phase

    def close(self) -> str:
        """Stops it, and waits until it is saved; says so in a line, empty where there is nothing to go on with."""
        self.stop()
        if self._process is None:
            return ""
        try:
            self._end(self._process.wait(LONGEST_SAVE))
        except subprocess.TimeoutExpired:
            return f"the training in {self.run} is still being saved"
        if self.phase is Phase.FAILED:
            return f"the training in {self.run} failed: {self.reason}"
        return f"go on with the training:  volley train --resume {self.run}" if is_run(self.run) else ""

    def _launch(self, words: tuple[str, ...]) -> None:
        assert self._process is None, "one training at a time"
        # A file, because a pipe that nobody empties would hold the training up once it is full.
        self._output = tempfile.TemporaryFile()  # noqa: SIM115 - open as long as the process writes
        try:
            self._process = begin([*COMMAND, *words], self._output)
        except OSError as error:
            self._output.close()
            raise UserError(f"no training can be started: {error.strerror}") from error
        self.phase, self.reason = Phase.RUNNING, ""

    def _end(self, code: int) -> None:
        """Takes in how the process ended."""
        stopped = self.phase is Phase.STOPPING and code == _TERMINATED
        self._process = None
        with self._output:
            if code == 0:
                self.phase = Phase.FINISHED
            elif stopped or code == _INTERRUPTED:
                self.phase = Phase.STOPPED
            else:
                self.phase, self.reason = Phase.FAILED, _reason(code, self._output)


def begin(command: list[str], output: IO[bytes]) -> subprocess.Popen[bytes]:
    """Starts a command of Volley's own that yields to all others; `OSError` where that is not possible."""
    threads = {name: str(THREADS) for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS")}
    streams: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stdout": output, "stderr": subprocess.STDOUT}
    if sys.platform == "win32":
        flags = subprocess.BELOW_NORMAL_PRIORITY_CLASS | subprocess.CREATE_NO_WINDOW
        return subprocess.Popen(command, env=os.environ | threads, creationflags=flags, **streams)  # noqa: S603
    # In a group of its own: a Ctrl-C in the terminal reaches the window alone, which then stops it. But in the window's
    # session: Linux shares time out among sessions before it looks at who is nice within one.
    process = subprocess.Popen(command, env=os.environ | threads, process_group=0, **streams)  # noqa: S603
    os.setpriority(os.PRIO_PROCESS, process.pid, os.getpriority(os.PRIO_PROCESS, 0) + NICENESS)
    return process


def _reason(code: int, output: IO[bytes]) -> str:
    """Why a process ended with that code: what it said last, if nothing killed it."""
    if code < 0:
        return f"it was ended: {signal.strsignal(-code)}"
    output.seek(0)
    lines = output.read().decode(errors="replace").split("\n")
    last = next((line for line in reversed(lines) if line.strip()), f"it ended with code {code}")
    return one_line(last.removeprefix("volley: ")).strip()
