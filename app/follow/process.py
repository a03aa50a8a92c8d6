"""Runs `volley train` as a low-priority process."""

from __future__ import annotations

import signal
import subprocess
import sys
import tempfile
from enum import Enum, auto
from pathlib import Path
from typing import IO

from app.background import VOLLEY, launch
from models.errors import UserError, one_line, volley
from models.run_directory import is_run

COMMAND = (*VOLLEY, "train")
MAX_SAVE_SECONDS = 120.0
"""A training that is told to stop first finishes its update and its evaluation."""

_INTERRUPTED = 130
"""Exit code of a training that was stopped and saved."""
_TERMINATED = 1 if sys.platform == "win32" else -signal.SIGTERM
"""Exit code of one that was stopped before it had anything to save."""


class Phase(Enum):
    """What a training process is doing."""

    IDLE = auto()
    """Not started."""
    RUNNING = auto()
    STOPPING = auto()
    """Told to stop; it is saving."""
    STOPPED = auto()
    """Saved; it can be resumed."""
    FINISHED = auto()
    """All steps are done."""
    FAILED = auto()


class TrainingProcess:
    """One training, in the run directory `run`. Call `close` before the program ends."""

    def __init__(self, run: Path) -> None:
        self.run = run
        self.reason = ""
        """One line: why it failed."""
        self.phase = Phase.IDLE
        """As of the last `poll`."""
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, algorithm: str, steps: int) -> None:
        """Starts a new run. If the run cannot be set up, `poll` returns `FAILED`; `UserError` if no process starts."""
        self._launch((algorithm, "--steps", str(steps), "--run", str(self.run)))

    def resume(self, steps: int | None = None) -> None:
        """Resumes the run from its checkpoint, to a total of `steps` if given."""
        options = () if steps is None else ("--steps", str(steps))
        self._launch(("--resume", str(self.run), *options))

    def stop(self) -> None:
        """Tells the training to finish its update and save; `poll` says when it is done.

        On Windows it ends immediately; its last checkpoint is at most about a minute old.
        """
        if self._process is not None and self.poll() is Phase.RUNNING:
            # SIGTERM, which means the same as Ctrl-C here; shells make background processes ignore SIGINT.
            self._process.terminate()
            self.phase = Phase.STOPPING

    def poll(self) -> Phase:
        """Its phase now."""
        if self._process is not None and (code := self._process.poll()) is not None:
            self._end(code)
        return self.phase

    def close(self) -> str:
        """Stops it and waits until it is saved; returns a line that says so, empty if there is nothing to resume."""
        self.stop()
        if self._process is None:
            return ""
        try:
            self._end(self._process.wait(MAX_SAVE_SECONDS))
        except subprocess.TimeoutExpired:
            return f"the training in {self.run} is still being saved"
        if self.phase is Phase.FAILED:
            return f"the training in {self.run} failed: {self.reason}"
        return f"training saved; resume it with:  {volley('train', '--resume', self.run)}" if is_run(self.run) else ""

    def _launch(self, arguments: tuple[str, ...]) -> None:
        assert self._process is None, "one training run at a time"
        try:
            # A file, because an unread pipe would block the training once it is full.
            self._output = tempfile.TemporaryFile()  # noqa: SIM115 - open as long as the process writes
            try:
                self._process = launch([*COMMAND, *arguments], self._output)
            except OSError:
                self._output.close()
                raise
        except OSError as error:
            raise UserError(f"cannot start the training: {error.strerror}") from error
        self.phase, self.reason = Phase.RUNNING, ""

    def _end(self, code: int) -> None:
        """The process has ended, with this exit code."""
        stopped = self.phase is Phase.STOPPING and code == _TERMINATED
        self._process = None
        with self._output:
            if code == 0:
                self.phase = Phase.FINISHED
            elif stopped or code == _INTERRUPTED:
                self.phase = Phase.STOPPED
            else:
                self.phase, self.reason = Phase.FAILED, _reason(code, self._output)


def _reason(code: int, output: IO[bytes]) -> str:
    """Why a process ended with this exit code: the last line it printed, unless a signal killed it."""
    if code < 0:
        return f"killed: {signal.strsignal(-code)}"
    output.seek(0)
    lines = output.read().decode(errors="replace").split("\n")
    last = next((line for line in reversed(lines) if line.strip()), f"exit code {code}")
    return one_line(last.removeprefix("volley: ")).strip()
