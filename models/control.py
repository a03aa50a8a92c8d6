"""The specification of a policy for a control problem: it observes a vector; its actions are discrete or continuous.

A `ControlSpec` is the `config.json` of such a model, as `ModelSpec` is that of a Pong model.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Literal, TypeAlias

import msgspec

from models.spec import MAX_PARAMETERS, ModelSpec, checked_fields, decode, decode_as

Width = Annotated[int, msgspec.Meta(ge=1, le=1024)]


class DiscreteActions(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="discrete"):
    """One of `count` actions."""

    count: Annotated[int, msgspec.Meta(ge=2, le=1024)]


class ContinuousActions(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="continuous"):
    """A vector of numbers, each between two bounds."""

    low: Annotated[tuple[float, ...], msgspec.Meta(min_length=1, max_length=64)]
    high: tuple[float, ...]
    head: Literal["gaussian", "tanh-gaussian"] = "gaussian"
    """Whether samples are clipped to the bounds or squashed into them by tanh."""

    def __post_init__(self) -> None:
        if len(self.low) != len(self.high) or any(low >= high for low, high in zip(self.low, self.high, strict=True)):
            raise ValueError("each action needs a lower and a higher bound")


class ControlSpec(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="control"
):
    """A policy's specification: two fully connected networks, one for the policy and one for the value."""

    format_version: Literal[1] = 1
    algorithm: Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9-]{1,40}\Z")]
    environment: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_./:-]{1,80}\Z")]
    """The gymnasium name."""
    observation_size: Annotated[int, msgspec.Meta(ge=1, le=4096)]
    actions: DiscreteActions | ContinuousActions
    hidden: Annotated[tuple[Width, ...], msgspec.Meta(max_length=4)] = (64, 64)
    """The width of each hidden layer; with none, the policy is linear."""

    def __post_init__(self) -> None:
        widths = (self.observation_size, *self.hidden)
        parameters = 2 * sum((before + 1) * after for before, after in pairwise(widths))
        if parameters > MAX_PARAMETERS:
            raise ValueError(f"the network would have {parameters:,} parameters; the limit is {MAX_PARAMETERS:,}")

    @property
    def action_size(self) -> int:
        """The size of the policy's output: the number of discrete actions, or the dimensions of a continuous one."""
        return self.actions.count if isinstance(self.actions, DiscreteActions) else len(self.actions.low)


PolicySpec: TypeAlias = ModelSpec | ControlSpec
"""The specification of any policy."""


def decode_any(config: bytes) -> PolicySpec:
    """Returns the specification in a `config.json`, for Pong or a control problem; `UserError` as for `decode`."""
    return decode_as(ControlSpec, config) if checked_fields(config).get("kind") == "control" else decode(config)
