"""Preparing a publication: `volley publish --dry-run` as a process that measures, films and writes the card."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from concurrent.futures import Executor, Future
from contextlib import suppress
from pathlib import Path

import msgspec

from app.background import VOLLEY, launch
from models.errors import UserError, one_line
from models.files import UNDECODABLE, is_folder

COMMAND = (*VOLLEY, "publish")
MAX_SECONDS_TO_END = 5.0
"""A process that takes longer to terminate is killed."""
_STAGES = {
    "evaluate": "Playing full games to measure it",
    "film": "Filming a few points",
    "card": "Writing the card",
}
"""Descriptions of the stages that `volley publish --json` reports."""


class _Report(msgspec.Struct):
    """A line of `volley publish --json`."""

    stage: str = ""
    done: float = 0
    total: float = 0
    folder: str = ""


class Preparation:
    """The process that makes the folder to upload, inside a temporary folder."""

    def __init__(self, run: Path, repository: str) -> None:
        self.status = "Starting …"
        """What it is doing."""
        self.share = 0.0
        """How much of that step is done, from 0 to 1."""
        self.folder: Path | None = None
        """The folder to upload, once it is ready."""
        self.problem = ""
        """Why it failed, in a line; empty if it has not."""
        try:
            self._temporary = Path(tempfile.mkdtemp(prefix="volley-publish-"))
            try:
                self._start(run, repository)
            except OSError:
                shutil.rmtree(self._temporary, ignore_errors=True)
                raise
        except OSError as error:
            raise UserError(f"cannot start preparing the publication: {error.strerror}") from error
        self._output = (self._temporary / "output").open("rb")
        self._unfinished = b""
        self._last_line = ""

    def _start(self, run: Path, repository: str) -> None:
        options = ("--dry-run", "--folder", str(self._temporary / "model"), "--json")
        with (self._temporary / "output").open("wb") as output:
            self._process = launch([*COMMAND, str(run), repository, *options], output)

    @property
    def ended(self) -> bool:
        """Whether it has finished or failed."""
        return self.folder is not None or bool(self.problem)

    def update(self) -> None:
        """Reads what the process has reported since the last call."""
        if self.ended:
            return
        code = self._process.poll()
        *lines, self._unfinished = (self._unfinished + self._output.read()).split(b"\n")
        for line in lines:
            self._take_line(line)
        if code is None:
            return
        folder = self._temporary / "model"
        if code == 0 and is_folder(folder):
            self.folder = folder
        else:
            ended = f"was ended: {signal.strsignal(-code)}" if code < 0 else f"failed with exit code {code}"
            self.problem = self._last_line.removeprefix("volley: ") or f"Preparation {ended}"

    def close(self, executor: Executor, after: Future[str] | None = None) -> None:
        """Ends the process, and removes the folder on `executor`, after the upload `after` if there is one."""
        if self._process.poll() is None:
            _terminate(self._process)
        self._output.close()
        executor.submit(_clean_up, self._process, self._temporary, after)

    def _take_line(self, line: bytes) -> None:
        try:
            report = msgspec.json.decode(line, type=_Report)
        except UNDECODABLE:
            self._last_line = one_line(line.decode(errors="replace")).strip() or self._last_line
            return
        if report.stage:
            progress = f": {report.done:.0f} of {report.total:.0f}" if report.total > 0 else ""
            self.status = _STAGES.get(report.stage, one_line(report.stage, 80)) + progress
            self.share = min(max(report.done / report.total, 0.0), 1.0) if report.total > 0 else 0.0


def _terminate(process: subprocess.Popen[bytes]) -> None:
    """Also terminates every process it started."""
    if sys.platform == "win32":
        process.terminate()
        return
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)


def _clean_up(process: subprocess.Popen[bytes], folder: Path, after: Future[str] | None) -> None:
    if after is not None:
        after.exception()
    try:
        process.wait(MAX_SECONDS_TO_END)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    shutil.rmtree(folder, ignore_errors=True)
