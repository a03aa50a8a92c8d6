"""The settings of a training run: its `config.json`."""

from __future__ import annotations

import json
from typing import Annotated, Literal, TypeAlias

import msgspec

from models.control import PolicySpec
from models.device import DeviceName
from models.errors import UserError, one_line
from models.files import UNDECODABLE
from models.spec import unique
from training.a2c import A2cSettings
from training.arena.opponents import Opponents
from training.imitation import ImitationSettings
from training.ppo import PpoSettings
from training.reinforce import ReinforceSettings
from training.search import AnySearchSettings

AlgorithmSettings: TypeAlias = ReinforceSettings | PpoSettings | A2cSettings | ImitationSettings | AnySearchSettings
StickyProbability = Annotated[float, msgspec.Meta(ge=0, lt=1)]


class TrainingSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything that determines a training run, given the code and the processor."""

    format_version: Literal[2] = 2
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
    start: str | None = None
    """The model that training starts from; None for a new network."""
    algorithm: AlgorithmSettings = PpoSettings()
    """Which algorithm learns, and its hyperparameters."""


def encode(settings: TrainingSettings) -> bytes:
    """The settings as indented JSON."""
    return msgspec.json.format(msgspec.json.encode(settings), indent=2) + b"\n"


def decode(config: bytes) -> TrainingSettings:
    """The settings in a run's `config.json`; `UserError` if it holds none."""
    try:
        settings = msgspec.json.decode(config, type=TrainingSettings)
        json.loads(config, object_pairs_hook=unique)
    except UNDECODABLE as error:
        raise UserError(f"its config.json is not a training run's: {one_line(error)}") from error
    return settings
