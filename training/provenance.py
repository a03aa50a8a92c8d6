"""Records where a result comes from, as known when its training begins."""

from __future__ import annotations

import os
import platform
import shlex
import sys
from datetime import UTC, datetime
from importlib.metadata import version

import torch

from models import __version__, catalog
from models.device import processor_name
from models.provenance import Provenance, read_provenance
from models.run_directory import home_of

PACKAGES = ("torch", "ale-py", "gymnasium", "numpy")


def new_provenance(start: str | None = None) -> Provenance:
    """This process's command, the time, the versions of what matters, and the processor.

    `start` is the model that the training goes on from; its own commands come first.
    """
    before = Provenance() if start is None else read_provenance(home_of(catalog.resolve(start)))
    return Provenance(
        earlier=(*before.earlier, before.command) if before.command else (),
        command=shlex.join(["volley", *sys.argv[1:]]),
        started=datetime.now(UTC).isoformat(timespec="seconds"),
        python=platform.python_version(),
        packages={"volley": __version__} | {name: version(name) for name in PACKAGES},
        processor=processor_name(),
        cores=os.cpu_count(),
        cuda=torch.cuda.get_device_name() if torch.cuda.is_available() else None,
    )


def machine(device: torch.device) -> str:
    """What sums depend on to the last bit, in words: the processor, its threads and torch, or the graphics card."""
    if device.type == "cuda":
        return f"{torch.cuda.get_device_name(device)} with torch {torch.__version__}"
    threads = torch.get_num_threads()
    return f"{processor_name()} with {threads} thread{'s' * (threads != 1)} and torch {torch.__version__}"
