"""Where a model comes from: its `provenance.json`.

Training writes the file when a run begins. A release or a publication adds the amount of training, the settings, and
which policy of the run the model is. The file may come from a stranger.
"""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from models.errors import one_line
from models.files import PROVENANCE_FILE, UNDECODABLE, atomic_write, unmarked

MAX_PROVENANCE_BYTES = 64 * 1024

Text = Annotated[str, Meta(max_length=1000)]
Command = Annotated[str, Meta(max_length=10_000)]
Count = Annotated[int, Meta(ge=0)]
Amount = Annotated[float, Meta(ge=0, le=1e15)]


class TrainedPolicy(Struct, frozen=True):
    """Which policy of a training run the model is."""

    which: Text
    """A short description: the best by evaluation, the newest, an earlier stage."""
    steps: int | None = None
    """The agent steps it was trained for."""


class Provenance(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where a model comes from, as far as known. Fields are written in this order, without those at their default."""

    earlier: tuple[Command, ...] = ()
    """The commands of the trainings that it went on from, the first one first."""
    counts_earlier: bool = False
    """Whether the steps, games and minutes are those of all these trainings together."""
    command: Command = ""
    started: Text = ""
    """ISO 8601."""
    python: Text = ""
    packages: dict[Text, Text] = {}
    """Versions by package name."""
    processor: Text = ""
    cores: int | None = None
    cuda: Text | UnsetType | None = UNSET
    """The graphics card's name; null if the training used none."""
    moved_from: tuple[Text, ...] = ()
    """Other machines, or versions of torch, that it was on before it was resumed."""
    seed: int | None = None
    steps: Count | None = None
    """Agent steps."""
    games: int | None = None
    """Full games."""
    minutes: Amount | None = None
    steps_per_second: Count | None = None
    settings: dict[str, object] = {}
    """The training's settings: its run's `config.json`."""
    policy: TrainedPolicy | None = None

    @property
    def by_volley(self) -> bool:
        """Whether Volley trained the model."""
        return self.command.startswith("volley train ")

    def reproduction_commands(self) -> tuple[str, ...]:
        """Returns the commands that train such a model again, one after the other; none if they are unknown.

        A single one is without a run name. Of several, each goes on from the last one's run.
        """
        commands = tuple(one_line(command, 10_000) for command in (*self.earlier, self.command))
        if any(not _begins(command) for command in commands):
            return ()
        steps = self.settings.get("steps")
        last = commands[-1] if self.earlier else without_options(commands[-1], "--run")
        return (*commands[:-1], with_steps(last, steps) if isinstance(steps, int) else last)


def _begins(command: str) -> bool:
    """Whether a command begins a training, and can be parsed."""
    words = without_options(command)
    return words.startswith("volley train ") and "--resume" not in words.split()


def read_provenance(directory: Path) -> Provenance:
    """Returns the provenance of the model or run in `directory`; an empty one if the file cannot be read."""
    file = directory / PROVENANCE_FILE
    try:
        if file.stat().st_size > MAX_PROVENANCE_BYTES:
            return Provenance()
        return msgspec.json.decode(unmarked(file.read_bytes()), type=Provenance)
    except (OSError, *UNDECODABLE):
        return Provenance()


def write_provenance(directory: Path, provenance: Provenance) -> None:
    """Writes `provenance.json`."""
    text = json.dumps(msgspec.to_builtins(provenance), indent=2)
    atomic_write(directory / PROVENANCE_FILE, f"{text}\n".encode())


def with_steps(command: str, steps: int) -> str:
    """Returns a training's command with so many steps in all, as a resumed one may have come to do."""
    return f"{without_options(command, '--steps')} --steps {steps}"


def without_options(command: str, *options: str) -> str:
    """Returns a command without these options and their values; empty if it cannot be parsed."""
    try:
        rest = iter(shlex.split(command))
    except ValueError:
        return ""
    kept = []
    for word in rest:
        if word in options:
            next(rest, None)
        elif word.partition("=")[0] not in options:
            kept.append(word)
    return shlex.join(kept)
