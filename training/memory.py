"""Makes the allocator keep freed memory for the next minibatch."""

from __future__ import annotations

import ctypes
import sys

_M_TRIM_THRESHOLD, _M_MMAP_MAX = -1, -4
"""Parameters of glibc's mallopt, from its malloc.h."""


def keep_freed_memory() -> None:
    """Makes glibc's allocator hold on to large blocks; does nothing elsewhere.

    By default it returns every block of a few megabytes to the system and requests it again, and each time the system
    clears its pages. A minibatch of frames then takes three times as long to gather and normalise
    (`benchmarks/minibatch.py`).
    """
    if sys.platform == "linux":
        libc = ctypes.CDLL(None)
        if hasattr(libc, "mallopt"):
            libc.mallopt(_M_MMAP_MAX, 0)
            libc.mallopt(_M_TRIM_THRESHOLD, 2**31 - 1)


def return_freed_memory() -> None:
    """Returns the memory that glibc's allocator has held on to, which takes a few milliseconds; does nothing elsewhere.

    Trajectories differ in length, so the blocks of one update leave holes that those of the next do not fit: training
    with REINFORCE would grow to 5 GB.
    """
    if sys.platform == "linux":
        libc = ctypes.CDLL(None)
        if hasattr(libc, "malloc_trim"):
            libc.malloc_trim(0)
