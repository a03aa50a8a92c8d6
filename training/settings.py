"""The settings of a training run: its `config.json`."""

from __future__ import annotations

from contextlib import suppress
from typing import Annotated, Final, Literal, TypeAlias

import msgspec

from models.control import PolicySpec
from models.device import DeviceName
from models.files import UNDECODABLE, unmarked
from models.spec import check_version, decode_as
from training.a2c import A2cSettings
from training.arena.opponents import Opponents
from training.imitation import ImitationSettings
from training.ppo import PpoSettings
from training.reinforce import ReinforceSettings
from training.search import AnySearchSettings

AlgorithmSettings: TypeAlias = ReinforceSettings | PpoSettings | A2cSettings | ImitationSettings | AnySearchSettings
FORMAT_VERSION: Final = 2
StickyProbability = Annotated[float, msgspec.Meta(ge=0, lt=1)]


class TrainingSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything that determines a training run, given the code and the processor."""

    format_version: Literal[2] = FORMAT_VERSION
    model: PolicySpec
    steps: Annotated[int, msgspec.Meta(ge=1)] = 5_000_000
    """Total agent steps (decisions)."""
    seed: Annotated[int, msgspec.Meta(ge=0, lt=2**31)] = 0
    """For the network, the environments and sampling."""
    sticky: StickyProbability = 0.25
    """Pong only: the probability, per emulator frame, that the last action repeats."""
    device: DeviceName = "auto"
    """Where the network runs."""
    num_envs: Annotated[int, msgspec.Meta(ge=1, le=4096)] = 48
    """Environments that run in parallel."""
    rollout_length: Annotated[int, msgspec.Meta(ge=1, le=4096)] = 128
    """Agent steps of each environment per rollout; unused by black-box searches."""
    opponents: Opponents | None = None
    """Pong only: whom the policy meets on the court for two; None for the ROM's own opponent alone."""
    slow_moves_after: Annotated[int, msgspec.Meta(ge=0)] = 0
    """Pong only: the agent steps before the policy begins to take the slow moves among its actions."""
    start: str | None = None
    """The model that training starts from; None for a new network."""
    algorithm: AlgorithmSettings = PpoSettings()
    """Which algorithm learns, and its hyperparameters."""


class _Stamp(msgspec.Struct):
    """What a `config.json` of any version has."""

    format_version: int = FORMAT_VERSION


def decode(config: bytes) -> TrainingSettings:
    """The settings in a run's `config.json`; `UserError` if it holds none, or those of another version."""
    with suppress(*UNDECODABLE):
        check_version(msgspec.json.decode(unmarked(config), type=_Stamp).format_version, FORMAT_VERSION)
    return decode_as(TrainingSettings, config, whose="a training run's")
