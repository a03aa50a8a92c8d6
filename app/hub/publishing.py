"""Publishing a training: it is prepared by a process of its own, looked at, and only then uploaded."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from concurrent.futures import Executor, Future
from contextlib import suppress
from enum import Enum, auto
from pathlib import Path
from typing import NamedTuple

import msgspec

from app.follow.process import begin
from app.hub import local as shelf
from app.hub import remote as hub_calls
from models import store
from models.errors import UserError, one_line
from models.spec import ModelSpec

COMMAND = (sys.executable, "-P", "-m", "volley", "publish")
"""-P: without the current folder, which may hold modules of any name."""
ASK_AGAIN = 5.0
"""Seconds after which it is asked once more who is logged in."""
LONGEST_END = 5.0
"""Seconds that a process has to end in when it is told to."""
_WORDS = {
    "evaluate": "measuring it anew, by full games",
    "film": "filming a few points",
    "card": "writing the card",
}
"""For the stages of `volley publish --json`."""
ASKING = "asking the Hub who you are …"


class Stage(Enum):
    """How far a publication is."""

    NAMING = auto()
    """It is being asked under which name."""
    PREPARING = auto()
    REVIEW = auto()
    """All is there to be looked at, and nothing is uploaded yet."""
    UPLOADING = auto()
    DONE = auto()


class File(NamedTuple):
    """What will be uploaded."""

    name: str
    size: int
    """Bytes."""


class _Told(msgspec.Struct):
    """A line of `volley publish --json`."""

    stage: str = ""
    done: float = 0
    total: float = 0
    folder: str = ""


class Preparation:
    """The process that makes the folder to be uploaded, in a workplace of its own that goes with it."""

    def __init__(self, run: Path, repository: str) -> None:
        self.words = "starting …"
        """What it is at."""
        self.share = 0.0
        """How much of that is done, from 0 to 1."""
        self.folder: Path | None = None
        """What it made, once it has ended."""
        self.problem = ""
        """Why it made none, in a line."""
        self._workplace = Path(tempfile.mkdtemp(prefix="volley-publish-"))
        wanted = self._workplace / "model"
        options = ("--dry-run", "--folder", str(wanted), "--json")
        try:
            with (self._workplace / "said").open("wb") as output:
                self._process = begin([*COMMAND, str(run), repository, *options], output)
        except OSError as error:
            shutil.rmtree(self._workplace, ignore_errors=True)
            raise UserError(f"it cannot be prepared: {error.strerror}") from error
        self._said = (self._workplace / "said").open("rb")
        self._unfinished = b""
        self._last = ""

    @property
    def ended(self) -> bool:
        """Whether it has made the folder, or failed."""
        return self.folder is not None or bool(self.problem)

    def update(self) -> None:
        """Takes in what it has said."""
        if self.ended:
            return
        code = self._process.poll()
        *lines, self._unfinished = (self._unfinished + self._said.read()).split(b"\n")
        for line in lines:
            self._hear(line)
        if code is None:
            return
        folder = self._workplace / "model"
        if code == 0 and folder.is_dir():
            self.folder = folder
        else:
            killed = f"it was ended: {signal.strsignal(-code)}" if code < 0 else f"it ended with code {code}"
            self.problem = self._last.removeprefix("volley: ") or killed

    def close(self, porter: Executor, after: Future[str] | None = None) -> None:
        """Ends the process and removes its workplace, beside the window; where it is uploaded, `after` that."""
        if self._process.poll() is None:
            _terminate(self._process)
        self._said.close()
        porter.submit(_clear, self._process, self._workplace, after)

    def _hear(self, line: bytes) -> None:
        try:
            told = msgspec.json.decode(line, type=_Told)
        except (msgspec.DecodeError, UnicodeDecodeError):
            self._last = one_line(line.decode(errors="replace")).strip() or self._last
            return
        if told.stage:
            many = f": {told.done:.0f} of {told.total:.0f}" if told.total > 0 else ""
            self.words = _WORDS.get(told.stage, one_line(told.stage, 80)) + many
            self.share = min(max(told.done / told.total, 0.0), 1.0) if told.total > 0 else 0.0


def _terminate(process: subprocess.Popen[bytes]) -> None:
    """With all that it has started."""
    if sys.platform == "win32":
        process.terminate()
        return
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)


def _clear(process: subprocess.Popen[bytes], workplace: Path, after: Future[str] | None) -> None:
    if after is not None:
        after.exception()
    try:
        process.wait(LONGEST_END)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    shutil.rmtree(workplace, ignore_errors=True)


class Publishing:
    """One training on its way to the Hub. Whoever leaves its page calls `close`."""

    def __init__(self, run: Path, errands: Executor, porter: Executor) -> None:
        self.run = run
        self.stage = Stage.NAMING
        self.user = ""
        """Who is logged in; empty where that is not known."""
        self.sign = ASKING
        """Who that is, in a line."""
        self.problem = ""
        """What went wrong last, in a line."""
        self.repository = ""
        self.private = False
        self.preparation: Preparation | None = None
        self.files: tuple[File, ...] = ()
        self.card: tuple[str, ...] = ()
        self.url = ""
        """Where it can be seen, once it is there."""
        self._errands, self._porter = errands, porter
        self._asked: Future[str] | None = errands.submit(hub_calls.user)
        self._since = 0.0
        self._upload: Future[str] | None = None

    @property
    def usual_name(self) -> str:
        """What such a repository is called, as a rule; empty where nobody is logged in, or the run has no policy."""
        entry = next((entry for entry in shelf.entries() if entry.run == self.run), None)
        spec = shelf.spec_of(entry.directory) if entry is not None and entry.directory is not None else None
        if not self.user or spec is None:
            return ""
        return f"{self.user}/{spec.algorithm}-{'pong' if isinstance(spec, ModelSpec) else spec.environment}"

    @property
    def size(self) -> int:
        """Bytes, of all that will be uploaded."""
        return sum(file.size for file in self.files)

    def prepare(self, repository: str, *, private: bool) -> None:
        """Begins to make what will be uploaded; uploads nothing."""
        named = store.split(repository)
        if named is None or named[1] is not None:
            self.problem = "A repository's name is USER/REPO: letters, digits, and . _ - within them."
            return
        self.repository, self.private, self.problem = repository, private, ""
        try:
            self.preparation, self.stage = Preparation(self.run, repository), Stage.PREPARING
        except UserError as error:
            self.problem = str(error)

    def upload(self) -> None:
        """Uploads that very folder that was looked at."""
        if self.stage is Stage.REVIEW and self.preparation is not None and self.preparation.folder is not None:
            self.stage, self.problem = Stage.UPLOADING, ""
            self._upload = self._porter.submit(
                hub_calls.publish, self.preparation.folder, self.repository, private=self.private
            )

    def back(self) -> None:
        """Back to the name; what was prepared is removed."""
        self._drop()
        self.stage, self.problem = Stage.NAMING, ""

    def update(self, elapsed: float) -> None:
        """Takes in what has come by now, `elapsed` seconds after the last time."""
        self._since += elapsed
        self._take_user()
        if self.stage is Stage.PREPARING and self.preparation is not None:
            self.preparation.update()
            if self.preparation.problem:
                self.problem = self.preparation.problem
                self._drop()
                self.stage = Stage.NAMING
            elif self.preparation.folder is not None:
                self._review(self.preparation.folder)
        elif self.stage is Stage.UPLOADING and self._upload is not None and self._upload.done():
            self._take_upload(self._upload)

    def close(self) -> Future[str] | None:
        """Leaves nothing half done; gives the upload that goes on, if one does."""
        going_on = self._upload if self.stage is Stage.UPLOADING else None
        self._drop(going_on)
        return going_on

    def _take_user(self) -> None:
        if self._asked is None:
            if not self.user and self.stage is Stage.NAMING and self._since >= ASK_AGAIN:
                self._asked = self._errands.submit(hub_calls.user)
            return
        if not self._asked.done():
            return
        asked, self._asked, self._since = self._asked, None, 0.0
        try:
            self.user = one_line(asked.result(), 100)
            self.sign = f"Logged in as {self.user}."
        except UserError as error:
            self.sign = str(error)

    def _review(self, folder: Path) -> None:
        paths = sorted(path for path in folder.rglob("*") if path.is_file())
        self.files = tuple(File(path.relative_to(folder).as_posix(), path.stat().st_size) for path in paths)
        self.card = shelf.card_in(folder)
        self.stage = Stage.REVIEW

    def _take_upload(self, upload: Future[str]) -> None:
        self._upload = None
        try:
            self.url, self.stage = upload.result(), Stage.DONE
            self._drop()
        except UserError as error:
            self.problem, self.stage = str(error), Stage.REVIEW

    def _drop(self, after: Future[str] | None = None) -> None:
        if self.preparation is not None:
            self.preparation.close(self._porter, after)
            self.preparation = None


def outcome_of(upload: Future[str]) -> str:
    """What came of an upload, in a line; waits for it."""
    try:
        return f"published: {upload.result()}"
    except UserError as error:
        return str(error)
