"""A model by its name, downloaded first if it has to be, with a progress bar on a terminal."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from models import catalog
from models.errors import UserError

if TYPE_CHECKING:
    from models.store import StoredModel


def local_directory(model: str) -> Path:
    """The directory of `model`; downloads it if it is on the Hub and not here. `UserError` if there is none."""
    if (wanted := catalog.missing_download(model)) is not None:
        try:
            download(*wanted)
        except UserError as error:
            raise UserError(f"{model!r} is not on this machine, and {error}") from error
    return catalog.resolve(model)


def download(repository: str, revision: str | None) -> StoredModel:
    """Downloads a model from the Hub, or what is new in it; None is the newest revision."""
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    from models.hub import reading

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task(repository, total=None)
        return reading.pull(
            repository, revision, progress=lambda done, total: bar.update(task, completed=done, total=total)
        )
