"""What this machine has."""

from __future__ import annotations

import os


def usable_cores() -> int:
    """Returns the number of processor cores that this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def cores() -> int:
    """Returns the number of processor cores for this process: its share, if torchrun started several here."""
    return max(usable_cores() // int(os.environ.get("LOCAL_WORLD_SIZE", "1")), 1)
