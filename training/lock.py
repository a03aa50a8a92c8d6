"""A lock on a run, so that two processes never write to it at once."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path

from filelock import FileLock, Timeout

from models.errors import UserError, one_line
from models.files import CONFIG_FILE, is_file

LOCK_FILE, OWNER_FILE = ".lock", ".owner"


@contextmanager
def locked(run: Path) -> Iterator[None]:
    """Holds a run while the block lasts; `UserError` says which process has it, if another one does.

    The lock ends with its process, however that ends. Where there is no run, there is nothing to hold.
    """
    if not is_file(run / CONFIG_FILE):
        yield
        return
    lock = FileLock(run / LOCK_FILE)
    try:
        lock.acquire(blocking=False)
    except Timeout as error:
        raise UserError(f"{run} is in use by {_owner(run)}; wait until that has ended, or stop it") from error
    except OSError as error:
        raise UserError(f"cannot write to {run}: {error.strerror}") from error
    with lock:
        with suppress(OSError):  # a full disk: the lock holds without its owner's name
            now = f"{datetime.now().astimezone():%Y-%m-%d %H:%M}"
            (run / OWNER_FILE).write_text(f"process {os.getpid()} on {platform.node()} since {now}")
        yield


def _owner(run: Path) -> str:
    with suppress(OSError, UnicodeDecodeError):
        return one_line((run / OWNER_FILE).read_text(encoding="utf-8")) or "another process"
    return "another process"
