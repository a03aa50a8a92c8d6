"""Keeping freed memory for the next minibatch."""

from __future__ import annotations

import ctypes
import sys

_M_TRIM_THRESHOLD, _M_MMAP_MAX = -1, -4
"""Parameters of glibc's mallopt, from its malloc.h."""


def keep_freed_memory() -> None:
    """Makes glibc's allocator hold on to large blocks; does nothing elsewhere.

    By default it gives every block of some megabytes back to the system and asks for it again, and the system clears
    each page anew. A minibatch of frames then takes three times as long to gather and normalise
    (`benchmarks/minibatch.py`).
    """
    if sys.platform == "linux":
        libc = ctypes.CDLL(None)
        if hasattr(libc, "mallopt"):
            libc.mallopt(_M_MMAP_MAX, 0)
            libc.mallopt(_M_TRIM_THRESHOLD, 2**31 - 1)


def return_freed_memory() -> None:
    """Gives what glibc's allocator has held on to back to the system, which takes some milliseconds.

    Trajectories differ in length, so that the blocks of each update leave holes which those of the next do not fit: a
    training by REINFORCE would grow to 5 GB.
    """
    if sys.platform == "linux":
        libc = ctypes.CDLL(None)
        if hasattr(libc, "malloc_trim"):
            libc.malloc_trim(0)
