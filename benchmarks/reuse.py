"""The runs of benchmarks, which are kept, so that an interrupted benchmark goes on where it was."""

from __future__ import annotations

from pathlib import Path

from models.errors import UserError
from models.run_directory import is_run
from training.run import RunDirectory
from training.settings import TrainingSettings


def reused(path: Path, settings: TrainingSettings) -> RunDirectory:
    """The run with these settings in `path`, made now unless it is there; `UserError` if another is."""
    if not is_run(path):
        return RunDirectory.create(path, settings)
    run = RunDirectory.open(path)
    if run.settings != settings:
        raise UserError(f"{path} was trained with other settings: move it away, and it is trained anew")
    return run
