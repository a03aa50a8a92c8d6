"""What a training run was asked to do: its `config.json`."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

import msgspec

from models.control import PolicySpec
from models.device import DeviceName
from models.errors import UserError
from training.a2c import A2cSettings
from training.ppo import PpoSettings
from training.reinforce import ReinforceSettings
from training.search import AnySearchSettings

AlgorithmSettings: TypeAlias = ReinforceSettings | PpoSettings | A2cSettings | AnySearchSettings
StickyProbability = Annotated[float, msgspec.Meta(ge=0, lt=1)]


class TrainingSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything that, with the code, determines a training run on a given processor."""

    format_version: Literal[2] = 2
    model: PolicySpec
    steps: Annotated[int, msgspec.Meta(ge=1)] = 5_000_000
    """Agent steps (decisions) in all."""
    seed: Annotated[int, msgspec.Meta(ge=0, lt=2**31)] = 0
    sticky: StickyProbability = 0.25
    device: DeviceName = "auto"
    num_envs: Annotated[int, msgspec.Meta(ge=1, le=4096)] = 48
    rollout_length: Annotated[int, msgspec.Meta(ge=1, le=4096)] = 128
    algorithm: AlgorithmSettings = PpoSettings()


def encode(settings: TrainingSettings) -> bytes:
    """The settings as indented JSON."""
    return msgspec.json.format(msgspec.json.encode(settings), indent=2) + b"\n"


def decode(config: bytes) -> TrainingSettings:
    """The settings in a run's `config.json`; `UserError` where it is not one."""
    try:
        return msgspec.json.decode(config, type=TrainingSettings)
    except msgspec.DecodeError as error:
        raise UserError(f"its config.json is not a training run's: {error}") from error
