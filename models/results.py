"""A model's measured strength: its `results.json`, which may come from a stranger.

It has Volley's own figures, one per protocol, and the fields that reinforcement learning models on the Hub share.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from models.files import RESULTS_FILE, UNDECODABLE, unmarked
from models.spec import PONG

MAX_RESULTS_BYTES = 256 * 1024


class Result(Struct, frozen=True):
    """The figures of full games under one protocol. Unknown fields are ignored."""

    mean_return: Annotated[float, Meta(ge=-1e9, le=1e9)]
    std_return: Annotated[float, Meta(ge=0, le=1e9)]
    episodes: Annotated[int, Meta(ge=1, le=10**9)]
    sticky: Annotated[float, Meta(ge=0, lt=1)]
    """The probability, per emulator frame, that the previous action is repeated."""
    greedy: bool
    environment: Annotated[str, Meta(max_length=80)] = PONG
    """The gymnasium name."""
    ci95: tuple[float, float] | None = None
    """The 95% confidence interval of the mean."""
    seed: int | None = None
    command: Annotated[str, Meta(max_length=1000)] = ""
    """The command that measured it; empty if unknown."""

    @property
    def protocol(self) -> str:
        """A short description of how it was measured."""
        how = "greedy" if self.greedy else "sampled"
        if self.environment != PONG:  # No sticky actions there.
            return f"{how}, {self.episodes} episodes"
        return f"{how}, sticky {self.sticky:g}, {self.episodes} games"


class Results(Struct, frozen=True):
    """All results of a model."""

    mean_reward: float
    """The mean return of the first evaluation, under the Hub's name for it."""
    std_reward: float
    is_deterministic: bool
    n_eval_episodes: int
    eval_datetime: str
    evaluations: tuple[Result, ...] = ()

    @property
    def main(self) -> Result | None:
        """The result to show if there is room for only one: sampled, without sticky actions, as the window plays."""
        return min(self.evaluations, key=lambda result: (result.greedy, result.sticky), default=None)


def decode(content: bytes) -> Results | None:
    """Returns the results in a `results.json`; None if it is malformed."""
    try:
        return msgspec.json.decode(unmarked(content), type=Results)
    except UNDECODABLE:
        return None


def read(directory: Path) -> Results | None:
    """Returns the results in a model directory; None if there are none."""
    file = directory / RESULTS_FILE
    try:
        return decode(file.read_bytes()) if file.stat().st_size <= MAX_RESULTS_BYTES else None
    except OSError:
        return None
