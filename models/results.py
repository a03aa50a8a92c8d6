"""What a model was measured to be worth: its `results.json`, which may be a stranger's.

Beside Volley's own figures, one for each protocol, stand those that the Hub's agents for reinforcement learning have.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from models.files import RESULTS_FILE
from models.spec import PONG

MAX_RESULTS_BYTES = 256 * 1024


class Result(Struct, frozen=True):
    """Full games under one protocol. Other fields are skipped."""

    mean_return: Annotated[float, Meta(ge=-1e9, le=1e9)]
    std_return: Annotated[float, Meta(ge=0, le=1e9)]
    episodes: Annotated[int, Meta(ge=1, le=10**9)]
    sticky: Annotated[float, Meta(ge=0, lt=1)]
    """The probability, per emulator frame, that an action was repeated."""
    greedy: bool
    environment: Annotated[str, Meta(max_length=80)] = PONG
    """Its name in gymnasium."""
    ci95: tuple[float, float] | None = None
    """Of the mean."""
    seed: int | None = None
    command: Annotated[str, Meta(max_length=1000)] = ""
    """What measured it; empty where that is not known."""

    @property
    def protocol(self) -> str:
        """How it was measured, in a few words."""
        how = "greedy" if self.greedy else "sampled"
        if self.environment != PONG:  # Nothing sticks there.
            return f"{how}, {self.episodes} episodes"
        return f"{how}, sticky {self.sticky:g}, {self.episodes} games"


class Results(Struct, frozen=True):
    """All of them."""

    mean_reward: float
    """Of the first of `evaluations`, under the name that the Hub knows."""
    std_reward: float
    is_deterministic: bool
    n_eval_episodes: int
    eval_datetime: str
    evaluations: tuple[Result, ...] = ()

    @property
    def main(self) -> Result | None:
        """The one to show where there is room for one: sampled, without sticky actions, as the window plays."""
        return min(self.evaluations, key=lambda result: (result.greedy, result.sticky), default=None)


def decode(content: bytes) -> Results | None:
    """The results in a `results.json`; None where it holds none that can be read."""
    try:
        return msgspec.json.decode(content, type=Results)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def read(directory: Path) -> Results | None:
    """The results beside a model; None where there are none."""
    file = directory / RESULTS_FILE
    try:
        return decode(file.read_bytes()) if file.stat().st_size <= MAX_RESULTS_BYTES else None
    except OSError:
        return None
