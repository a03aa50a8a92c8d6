"""Matplotlib, as it is without a user's settings: pictures look the same everywhere."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from models.errors import UserError
from models.files import atomic_write, is_folder

SUFFIXES = (".png", ".svg")


def picture_format(file: Path) -> str:
    """The format that the name of a picture says: png or svg. `UserError` if none, or if its folder does not exist."""
    kind = file.suffix.lower()
    if kind not in SUFFIXES:
        raise UserError(f"cannot draw {file}: its name must end in {' or '.join(SUFFIXES)}")
    if not is_folder(file.parent):
        raise UserError(f"cannot write {file}: there is no folder {file.parent}")
    return kind[1:]


def write_picture(file: Path, content: bytes) -> None:
    """Writes it whole or not at all; `UserError` if it cannot be written."""
    try:
        atomic_write(file, content)
    except OSError as error:
        raise UserError(f"cannot write {file}: {error.strerror}") from error


@contextmanager
def plain_matplotlib() -> Iterator[None]:
    """Draws with matplotlib's own settings, whatever a matplotlibrc or MPLBACKEND say.

    `UserError` if the current folder has a matplotlibrc that is no text: matplotlib insists on that one.

    A notebook's MPLBACKEND names one that only exists there, and `text.usetex` needs a TeX that few have.
    """
    with _no_settings():
        import matplotlib as mpl  # noqa: PLC0415 - it takes most of a second
    with mpl.rc_context():
        mpl.rcdefaults()
        yield


@contextmanager
def _no_settings() -> Iterator[None]:
    """In the block, matplotlib finds no backend to use, and an empty file of settings."""
    before = {name: os.environ.pop(name, None) for name in ("MPLBACKEND", "MATPLOTLIBRC")}
    os.environ["MATPLOTLIBRC"] = os.devnull
    try:
        yield
    except UnicodeDecodeError as error:
        raise UserError("cannot draw: the matplotlibrc in this folder is not UTF-8 text; correct it") from error
    finally:
        del os.environ["MATPLOTLIBRC"]
        os.environ.update({name: value for name, value in before.items() if value is not None})
