"""A Pong policy's specification: everything needed to rebuild its network and its observations.

A `ModelSpec` is a model directory's `config.json`. It may come from a stranger, so every number is bounded and unknown
fields are refused: a specification that decodes is safe to build.
"""

from __future__ import annotations

import json
from typing import Annotated, Final, Literal, TypeVar, get_args

import msgspec

from models.errors import UserError, one_line
from models.files import UNDECODABLE, unmarked
from models.screen import COURT, SCREEN, Region

T = TypeVar("T")

SEARCHES = (
    "hill-climbing",
    "steepest-ascent",
    "simulated-annealing",
    "adaptive-noise",
    "cross-entropy",
    "evolution-strategies",
)
"""Algorithms that search for a policy that always takes its likeliest action: sampled, it is another policy."""


def meant_greedy(algorithm: str) -> bool:
    """Whether a policy of that algorithm is meant to take its likeliest action, or to sample."""
    return algorithm in SEARCHES


FORMAT_VERSION = 1
MAX_PARAMETERS = 20_000_000
"""The NatureCNN has 1.7 million; a specification with far more is a mistake or an attack."""
MAX_MULTIPLICATIONS = 400_000_000
"""Per decision, at fifteen decisions a second. The NatureCNN needs 9.3 million."""

PONG: Final = "ALE/Pong-v5"
"""The gymnasium name."""
POINTS_TO_WIN = 21
"""A game's return is therefore from -21 to 21."""

ActionName = Literal[
    "NOOP", "FIRE", "RIGHT", "LEFT", "RIGHTFIRE", "LEFTFIRE", "SLOWRIGHT", "SLOWLEFT", "SLOWRIGHTFIRE", "SLOWLEFTFIRE"
]
"""RIGHT moves the paddle up, LEFT down; holding FIRE at an impact speeds up the ball."""

MINIMAL_ACTIONS: tuple[ActionName, ...] = ("NOOP", "FIRE", "RIGHT", "LEFT", "RIGHTFIRE", "LEFTFIRE")
"""Pong's minimal action set, in the order of ale-py and of gymnasium's ALE/Pong-v5. The paddle moves at full speed."""

ACTIONS: tuple[ActionName, ...] = get_args(ActionName)
"""All of them, the minimal set first."""

SLOW_ACTIONS: dict[ActionName, ActionName] = {
    "SLOWRIGHT": "RIGHT",
    "SLOWLEFT": "LEFT",
    "SLOWRIGHTFIRE": "RIGHTFIRE",
    "SLOWLEFTFIRE": "LEFTFIRE",
}
"""Actions that move the paddle slowly, and those that move it so at full speed. Their speed is `SLOW_SPEED`."""
SLOW_SPEED = 30
"""Percent of the paddle's full speed: 7 rows in four frames. At full speed it moves 23, more than it covers."""

MIRRORED_ACTION: dict[ActionName, ActionName] = {
    "NOOP": "NOOP",
    "FIRE": "FIRE",
    "RIGHT": "LEFT",
    "LEFT": "RIGHT",
    "RIGHTFIRE": "LEFTFIRE",
    "LEFTFIRE": "RIGHTFIRE",
    "SLOWRIGHT": "SLOWLEFT",
    "SLOWLEFT": "SLOWRIGHT",
    "SLOWRIGHTFIRE": "SLOWLEFTFIRE",
    "SLOWLEFTFIRE": "SLOWRIGHTFIRE",
}
"""Each action on a court turned upside down."""

Activation = Literal["elu", "relu"]


class ConvLayer(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """One convolution, without padding; `[channels, kernel, stride]` in JSON."""

    channels: Annotated[int, msgspec.Meta(ge=1, le=256)]
    kernel: Annotated[int, msgspec.Meta(ge=1, le=16)]
    stride: Annotated[int, msgspec.Meta(ge=1, le=8)]


class FrameObservation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Grey frames, newest last: `[stack, height, width]` of uint8.

    Each is the pixelwise maximum of the last two of `frame_skip` emulator frames, resized by area averaging.
    """

    height: Annotated[int, msgspec.Meta(ge=16, le=210)] = 84
    width: Annotated[int, msgspec.Meta(ge=16, le=160)] = 84
    stack: Annotated[int, msgspec.Meta(ge=1, le=8)] = 4
    frame_skip: Annotated[int, msgspec.Meta(ge=2, le=8)] = 4
    view: Literal["court"] | msgspec.UnsetType = msgspec.UNSET
    """Set only if they show the court alone, from paddle to paddle, and not the whole screen."""

    @property
    def region(self) -> Region:
        """What of the screen it shows."""
        return COURT if self.view == "court" else SCREEN

    @property
    def shape(self) -> tuple[int, int, int]:
        """`(stack, height, width)`."""
        return (self.stack, self.height, self.width)


class CnnSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Convolutions, one hidden layer and its heads: a policy and a state value, or only action values."""

    conv: Annotated[tuple[ConvLayer, ...], msgspec.Meta(min_length=1, max_length=6)] = (
        ConvLayer(16, 8, 4),
        ConvLayer(32, 4, 2),
    )
    hidden: Annotated[int, msgspec.Meta(ge=1, le=1024)] = 256
    activation: Activation = "elu"
    mirror: bool = True
    """Whether the network sees the court upside down when its paddle is in the lower half; see `CourtMirror`."""
    head: Literal["values"] | msgspec.UnsetType = msgspec.UNSET
    """Set only if the outputs are action values and the policy takes the best action (Q-learning)."""


NATURE_CNN = CnnSpec(
    (ConvLayer(32, 8, 4), ConvLayer(64, 4, 2), ConvLayer(64, 3, 1)), hidden=512, activation="relu", mirror=False
)
"""The network of Mnih et al., "Human-level control through deep reinforcement learning", Nature 518 (2015)."""


class ModelSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="pong"):
    """A policy's specification.

    `actions` names the policy's outputs, in order. `ValueError` (from `decode`: `UserError`) if the convolutions do not
    fit the frame, an action is listed twice, or the network exceeds `MAX_PARAMETERS` or `MAX_MULTIPLICATIONS`.
    """

    format_version: Literal[1] = 1
    algorithm: Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9-]{1,40}\Z")]
    environment: Literal["ALE/Pong-v5"] = PONG
    observation: FrameObservation = FrameObservation()
    actions: Annotated[tuple[ActionName, ...], msgspec.Meta(min_length=2, max_length=10)]
    network: CnnSpec = CnnSpec()

    def __post_init__(self) -> None:
        if len(set(self.actions)) != len(self.actions):
            raise ValueError("an action is listed twice")
        if self.network.mirror and {MIRRORED_ACTION[name] for name in self.actions} != set(self.actions):
            raise ValueError("a network that mirrors the court needs each of its actions both upwards and downwards")
        parameters = parameter_count(self)
        if parameters > MAX_PARAMETERS:
            raise ValueError(f"the network would have {parameters:,} parameters; the limit is {MAX_PARAMETERS:,}")
        multiplications = multiplication_count(self)
        if multiplications > MAX_MULTIPLICATIONS:
            limit = f"{MAX_MULTIPLICATIONS:,}"
            raise ValueError(f"a decision would need {multiplications:,} multiplications; the limit is {limit}")


def feature_shapes(spec: ModelSpec) -> list[tuple[int, int, int]]:
    """Returns the shape `(channels, rows, columns)` after each convolution; `ValueError` if a kernel does not fit."""
    rows, columns = spec.observation.height, spec.observation.width
    shapes = []
    for layer in spec.network.conv:
        if min(rows, columns) < layer.kernel:
            raise ValueError(f"a kernel of {layer.kernel} does not fit into {rows} x {columns}")
        rows, columns = ((size - layer.kernel) // layer.stride + 1 for size in (rows, columns))
        shapes.append((layer.channels, rows, columns))
    return shapes


def parameter_count(spec: ModelSpec) -> int:
    """Returns the number of trained parameters, without building the network."""
    channels, total = spec.observation.stack, 0
    for layer in spec.network.conv:
        total += layer.channels * (channels * layer.kernel**2 + 1)
        channels = layer.channels
    last_channels, rows, columns = feature_shapes(spec)[-1]
    total += spec.network.hidden * (last_channels * rows * columns + 1)
    outputs = len(spec.actions) + (spec.network.head != "values")
    return total + outputs * (spec.network.hidden + 1)


def multiplication_count(spec: ModelSpec) -> int:
    """Returns the number of multiplications per decision, without building the network."""
    channels, total = spec.observation.stack, 0
    for layer, (_, rows, columns) in zip(spec.network.conv, feature_shapes(spec), strict=True):
        total += rows * columns * layer.channels * channels * layer.kernel**2
        channels = layer.channels
    last_channels, rows, columns = feature_shapes(spec)[-1]
    total += spec.network.hidden * last_channels * rows * columns
    return total + (len(spec.actions) + 1) * spec.network.hidden


def encode(content: msgspec.Struct) -> bytes:
    """Returns a `config.json`, or any other record, as JSON: indented, with one trailing newline."""
    return msgspec.json.format(msgspec.json.encode(content), indent=2) + b"\n"


def decode(config: bytes) -> ModelSpec:
    """Returns the specification in a `config.json`.

    `UserError` unless it is a complete, bounded specification of a Pong model, in a version that this Volley reads.
    """
    fields = checked_fields(config)
    if fields.get("kind") == "control":
        raise UserError(f"it was trained for {one_line(str(fields.get('environment')), 80)}, not for Pong")
    return decode_as(ModelSpec, config)


def checked_fields(config: bytes) -> dict[str, object]:
    """Returns the fields of a `config.json`; `UserError` if it is not a JSON object or has an unknown version."""
    fields: dict[str, object] = decode_as(dict[str, object], config)
    check_version(fields.get("format_version"), FORMAT_VERSION)
    return fields


def check_version(found: object, known: int) -> None:
    """`UserError` if a `config.json` has another version than the one that this Volley reads."""
    if found != known:
        raise UserError(
            f"its config.json has format version {one_line(repr(found), 40)}; this Volley reads only {known}"
        )


def decode_as(kind: type[T], config: bytes, *, whose: str = "a model's") -> T:
    """Decodes a `config.json` as a `kind`; `UserError` if it is invalid."""
    text = unmarked(config)
    try:
        found = msgspec.json.decode(text, type=kind)
        json.loads(text, object_pairs_hook=unique)
    except UNDECODABLE as error:
        raise UserError(f"its config.json is not {whose}: {one_line(error)}") from error
    return found


def unique(fields: list[tuple[str, object]]) -> dict[str, object]:
    """The object with these fields, for `json.loads`.

    `ValueError` for an object with two values of one name, of which programs take either.
    """
    names = [name for name, _ in fields]
    if len(set(names)) != len(names):
        raise ValueError(f"it has {max(names, key=names.count)!r} twice")
    return dict(fields)
