"""Where a result comes from."""

from __future__ import annotations

import os
import platform
import shlex
import sys
from datetime import UTC, datetime
from importlib.metadata import version

import torch

from models.device import processor_name

PACKAGES = ("volley", "torch", "ale-py", "gymnasium", "numpy")


def provenance() -> dict[str, object]:
    """The command, when it began, the versions that matter, and the processor."""
    return {
        "command": shlex.join(["volley", *sys.argv[1:]]),
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "packages": {name: version(name) for name in PACKAGES},
        "processor": processor_name(),
        "cores": os.cpu_count(),
        "cuda": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
    }
