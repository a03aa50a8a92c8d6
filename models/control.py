"""What a policy for a control problem is made of: a vector seen, and either one of a few actions or some numbers done.

A `ControlSpec` is such a model directory's `config.json`, as `ModelSpec` is that of one that plays Pong.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Literal, TypeAlias

import msgspec

from models.spec import MAX_PARAMETERS, ModelSpec, checked_fields, decode, decode_as

Width = Annotated[int, msgspec.Meta(ge=1, le=1024)]


class DiscreteActions(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="discrete"):
    """One of so many."""

    count: Annotated[int, msgspec.Meta(ge=2, le=1024)]


class ContinuousActions(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="continuous"):
    """Numbers, each between two bounds."""

    low: Annotated[tuple[float, ...], msgspec.Meta(min_length=1, max_length=64)]
    high: tuple[float, ...]
    head: Literal["gaussian", "tanh-gaussian"] = "gaussian"
    """Whether what is drawn is cut off at the bounds, or bent into them."""

    def __post_init__(self) -> None:
        if len(self.low) != len(self.high) or any(low >= high for low, high in zip(self.low, self.high, strict=True)):
            raise ValueError("each action needs a lower and a higher bound")


class ControlSpec(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="control"
):
    """A policy's specification: two networks of fully connected layers, one for the policy and one for the value."""

    format_version: Literal[1] = 1
    algorithm: Annotated[str, msgspec.Meta(pattern="^[a-z0-9-]{1,40}$")]
    environment: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_./:-]{1,80}$")]
    """Its name in gymnasium."""
    observation_size: Annotated[int, msgspec.Meta(ge=1, le=4096)]
    actions: DiscreteActions | ContinuousActions
    hidden: Annotated[tuple[Width, ...], msgspec.Meta(max_length=4)] = (64, 64)
    """How wide each layer between observation and action is; without any, the policy is linear."""

    def __post_init__(self) -> None:
        widths = (self.observation_size, *self.hidden)
        parameters = 2 * sum((before + 1) * after for before, after in pairwise(widths))
        if parameters > MAX_PARAMETERS:
            raise ValueError(f"the network would hold {parameters:,} numbers; the most is {MAX_PARAMETERS:,}")

    @property
    def action_size(self) -> int:
        """How many numbers the policy's output has: one for each action, or each dimension of one."""
        return self.actions.count if isinstance(self.actions, DiscreteActions) else len(self.actions.low)


PolicySpec: TypeAlias = ModelSpec | ControlSpec
"""Of any policy."""


def decode_any(config: bytes) -> PolicySpec:
    """The specification in a `config.json`, of a policy for Pong or a control problem; `UserError` as for `decode`."""
    return decode_as(ControlSpec, config) if checked_fields(config).get("kind") == "control" else decode(config)
