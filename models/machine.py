"""What this machine has."""

from __future__ import annotations

import os


def cores() -> int:
    """Returns the number of processor cores for this process: its share, if torchrun started several here."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(usable // int(os.environ.get("LOCAL_WORLD_SIZE", "1")), 1)
