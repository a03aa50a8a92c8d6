"""Records where a result comes from, as known when its training begins."""

from __future__ import annotations

import os
import platform
import shlex
import sys
from datetime import UTC, datetime
from importlib.metadata import version

import torch

from models import __version__
from models.device import processor_name
from models.provenance import Provenance

PACKAGES = ("torch", "ale-py", "gymnasium", "numpy")


def new_provenance() -> Provenance:
    """This process's command, the time, the versions of what matters, and the processor."""
    return Provenance(
        command=shlex.join(["volley", *sys.argv[1:]]),
        started=datetime.now(UTC).isoformat(timespec="seconds"),
        python=platform.python_version(),
        packages={"volley": __version__} | {name: version(name) for name in PACKAGES},
        processor=processor_name(),
        cores=os.cpu_count(),
        cuda=torch.cuda.get_device_name() if torch.cuda.is_available() else None,
    )
