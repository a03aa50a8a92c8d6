"""Records where a result comes from, as known when its training begins."""

from __future__ import annotations

import platform
import shlex
import sys
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import torch

from models import __version__, catalog
from models.device import processor_name
from models.machine import usable_cores
from models.provenance import Provenance, read_provenance, with_steps, without_options
from models.run_directory import home_of, is_run, read_config

PACKAGES = ("torch", "ale-py", "gymnasium", "numpy")


def new_provenance(device: torch.device, start: str | None = None) -> Provenance:
    """This process's command, the time, the versions of what matters, and the processor.

    `start` is the model that the training goes on from; its own commands come first.
    """
    command = shlex.join(["volley", *sys.argv[1:]])
    return Provenance(
        earlier=() if start is None else _commands(home_of(catalog.resolve(start))),
        # A name that is not UTF-8 could not be written.
        command=command.encode(errors="replace").decode(),
        started=datetime.now(UTC).isoformat(timespec="seconds"),
        python=platform.python_version(),
        packages={"volley": __version__} | {name: version(name) for name in PACKAGES},
        processor=processor_name(),
        cores=usable_cores(),
        cuda=torch.cuda.get_device_name(device) if device.type == "cuda" else None,
    )


def _commands(home: Path) -> tuple[str, ...]:
    """What made the model or run in `home`, the first training first; empty if that is unknown."""
    before = read_provenance(home)
    command = before.command
    if not command:
        return ()
    if is_run(home) and without_options(command, "--run") == command:
        command += f" --run {shlex.quote(f'runs/{home.name}')}"
    steps = before.settings.get("steps") or read_config(home).steps
    return (*before.earlier, with_steps(command, steps) if isinstance(steps, int) else command)


def machine(device: torch.device) -> str:
    """What sums depend on to the last bit, in words: the processor, its threads and torch, or the graphics card."""
    if device.type == "cuda":
        return f"{torch.cuda.get_device_name(device)} with torch {torch.__version__}"
    threads = torch.get_num_threads()
    return f"{processor_name()} with {threads} thread{'s' * (threads != 1)} and torch {torch.__version__}"
