"""Matplotlib, as it is without a user's settings: pictures look the same everywhere."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def plain_matplotlib() -> Iterator[None]:
    """Draws with matplotlib's own settings, whatever a matplotlibrc or MPLBACKEND say.

    A notebook's MPLBACKEND names one that only exists there, and `text.usetex` needs a TeX that few have.
    """
    chosen = os.environ.pop("MPLBACKEND", None)
    import matplotlib as mpl  # noqa: PLC0415 - it takes most of a second

    if chosen is not None:
        os.environ["MPLBACKEND"] = chosen
    with mpl.rc_context():
        mpl.rcdefaults()
        yield
