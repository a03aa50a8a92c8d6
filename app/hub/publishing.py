"""Publishing a training: it is prepared, reviewed, and only then uploaded."""

from __future__ import annotations

from concurrent.futures import Executor, Future
from enum import Enum, auto
from pathlib import Path
from typing import NamedTuple

from app.hub import local, remote
from app.hub.preparation import Preparation
from models import store
from models.card_text import Line
from models.errors import UserError, one_line
from models.files import files_below
from models.spec import ModelSpec

LOGIN_CHECK_SECONDS = 5.0
"""Time between two checks of the login."""
CHECKING_LOGIN = "Checking your login …"


class Stage(Enum):
    """How far a publication is."""

    NAMING = auto()
    """The user chooses a name."""
    PREPARING = auto()
    REVIEW = auto()
    """The user looks at what would be uploaded; nothing has been yet."""
    UPLOADING = auto()
    DONE = auto()


class File(NamedTuple):
    """A file to upload."""

    name: str
    size: int
    """Bytes."""


class Publishing:
    """The publication of a run on the Hub. Call `close` when its screen closes.

    `questions` runs calls that only ask the Hub, `transfers` those that upload or delete files.
    """

    def __init__(self, run: Path, questions: Executor, transfers: Executor) -> None:
        self.run = run
        self.stage = Stage.NAMING
        self.user = ""
        """The logged-in user; empty if unknown."""
        self.login = CHECKING_LOGIN
        """The login as a line to show."""
        self.problem = ""
        """The last error, in a line; empty if there was none."""
        self.repository = ""
        self.private = False
        self.preparation: Preparation | None = None
        self.files: tuple[File, ...] = ()
        self.card: tuple[Line, ...] = ()
        self.url = ""
        """Of the published model."""
        self._questions, self._transfers = questions, transfers
        self._login_check: Future[str] | None = questions.submit(remote.user)
        self._since_login_check = 0.0
        self._upload: Future[str] | None = None

    @property
    def suggested_name(self) -> str:
        """The usual repository name for this run; empty if nobody is logged in, or the run has no policy yet."""
        entry = next((entry for entry in local.entries() if entry.run == self.run), None)
        spec = local.read_spec(entry.directory) if entry is not None and entry.directory is not None else None
        if not self.user or spec is None:
            return ""
        environment = "pong" if isinstance(spec, ModelSpec) else spec.environment.rpartition("/")[2]
        return f"{self.user}/{spec.algorithm}-{environment}"

    @property
    def size(self) -> int:
        """Bytes to upload."""
        return sum(file.size for file in self.files)

    def prepare(self, repository: str, *, private: bool) -> None:
        """Starts to prepare what will be uploaded; uploads nothing."""
        named = store.parse_repository(repository)
        if named is None or named[1] is not None:
            self.problem = "The name must be USER/REPO, using letters, digits, and . _ -"
            return
        self.repository, self.private, self.problem = repository, private, ""
        try:
            self.preparation, self.stage = Preparation(self.run, repository), Stage.PREPARING
        except UserError as error:
            self.problem = str(error)

    def upload(self) -> None:
        """Uploads the folder that was reviewed, as it is."""
        if self.stage is Stage.REVIEW and self.preparation is not None and self.preparation.folder is not None:
            self.stage, self.problem = Stage.UPLOADING, ""
            self._upload = self._transfers.submit(
                remote.publish, self.preparation.folder, self.repository, private=self.private
            )

    def back(self) -> None:
        """Returns to naming, and discards what was prepared."""
        self._drop()
        self.stage, self.problem = Stage.NAMING, ""

    def update(self, elapsed: float) -> None:
        """Collects what has happened in the last `elapsed` seconds."""
        self._since_login_check += elapsed
        self._check_login()
        if self.stage is Stage.PREPARING and self.preparation is not None:
            self.preparation.update()
            if self.preparation.problem:
                self.problem = self.preparation.problem
                self._drop()
                self.stage = Stage.NAMING
            elif self.preparation.folder is not None:
                self._review(self.preparation.folder)
        elif self.stage is Stage.UPLOADING and self._upload is not None and self._upload.done():
            self._finish(self._upload)

    def close(self) -> Future[str] | None:
        """Discards what was prepared; returns the upload that is still running, if there is one."""
        upload = self._upload if self.stage is Stage.UPLOADING else None
        self._drop(upload)
        return upload

    def _check_login(self) -> None:
        if self._login_check is None:
            if not self.user and self.stage is Stage.NAMING and self._since_login_check >= LOGIN_CHECK_SECONDS:
                self._login_check = self._questions.submit(remote.user)
            return
        if not self._login_check.done():
            return
        check, self._login_check, self._since_login_check = self._login_check, None, 0.0
        try:
            self.user = one_line(check.result(), 100)
            self.login = f"Logged in as {self.user}."
        except UserError as error:
            self.login = str(error)

    def _review(self, folder: Path) -> None:
        paths = files_below(folder)
        self.files = tuple(File(path.relative_to(folder).as_posix(), path.stat().st_size) for path in paths)
        self.card = local.read_card(folder)
        self.stage = Stage.REVIEW

    def _finish(self, upload: Future[str]) -> None:
        self._upload = None
        try:
            self.url, self.stage = upload.result(), Stage.DONE
            self._drop()
        except UserError as error:
            self.problem, self.stage = str(error), Stage.REVIEW

    def _drop(self, after: Future[str] | None = None) -> None:
        if self.preparation is not None:
            self.preparation.close(self._transfers, after)
            self.preparation = None


def outcome_of(upload: Future[str]) -> str:
    """How an upload ended, in a line; waits for it."""
    try:
        return f"published: {upload.result()}"
    except UserError as error:
        return str(error)
