"""Agents of other programs: Stable-Baselines3's Atari archives, and the torch files of CleanRL's agents.

Both are zip files with pickles in them, and nothing is unpickled here. Tensors are read by `torch.load` with
`weights_only=True`; of Stable-Baselines3's `data`, which is JSON with pickles in it, a few plain words at most. What
network the tensors are of is told by their names and shapes, and all but the NatureCNN is refused.

No shape tells how observations were made, so what both programs do on Atari is taken for granted: every fourth frame,
pixels divided by 255, the newest frame last, and the emulator's minimal set of actions in its own order.
"""

from __future__ import annotations

import pickletools
import re
import struct
import warnings
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import NamedTuple, get_args
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile, ZipInfo

import msgspec
import torch
from torch import Tensor

from models.errors import UserError, one_line
from models.network import PolicyNetwork
from models.spec import MAX_PARAMETERS, NATURE_CNN, ActionName, ModelSpec

MAX_FILE_BYTES = 64 * 1024 * 1024
"""With its optimiser's state, an archive takes up to 30 MB."""
MAX_TENSOR_BYTES = 32 * 1024 * 1024
"""DQN's two networks take 14 MB."""
MAX_PICKLE_BYTES = 64 * 1024
"""Of names and shapes; DQN's take 4 KB."""
MAX_SETTINGS_BYTES = 8 * 1024 * 1024
MAX_PARTS = 1000
"""Files in the archive, and in the archives in it."""

PROGRAMS = {
    "sb3-ppo": "Stable-Baselines3's PPO",
    "sb3-a2c": "Stable-Baselines3's A2C",
    "sb3-actor-critic": "an actor-critic of Stable-Baselines3",
    "sb3-dqn": "Stable-Baselines3's DQN",
    "cleanrl-ppo": "CleanRL's PPO",
    "cleanrl-dqn": "CleanRL's DQN",
}
"""Whose agents are known here, by the algorithm of the specification."""

Tensors = Mapping[str, Tensor]

_ACTIONS: tuple[ActionName, ...] = get_args(ActionName)
_POLICY_FILE, _SETTINGS_FILE = "policy.pth", "data"
_PART_MARK = b"PK\1\2"
"""What the entry of each file begins with, in a zip file's directory."""


def read(path: Path) -> tuple[ModelSpec, PolicyNetwork]:
    """The agent in `path` as a specification and its network, in evaluation mode, requiring no gradients.

    `UserError` with one line where the file is none of `PROGRAMS`', or of another network, observation or actions.
    """
    try:
        algorithm, tensors = _recognised(_content(path))
    except UserError as error:
        raise UserError(f"cannot import {path}: {error}") from error
    spec = _specification(algorithm, values="value_head.weight" not in tensors)
    network = PolicyNetwork(spec)
    # Buffers stay as they are in a new network: pixels are divided by 255, and values are in points.
    network.load_state_dict({**network.state_dict(), **tensors})
    return spec, network.eval().requires_grad_(requires_grad=False)


def _specification(algorithm: str, *, values: bool) -> ModelSpec:
    network = msgspec.structs.replace(NATURE_CNN, head="values") if values else NATURE_CNN
    return ModelSpec(algorithm=algorithm, actions=_ACTIONS, network=network)


# The file


def _content(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise UserError(f"it cannot be read: {error.strerror}") from error
    if len(content) > MAX_FILE_BYTES:
        raise UserError(f"it is larger than {MAX_FILE_BYTES:,} bytes")
    return content


def _recognised(content: bytes) -> tuple[str, Tensors]:
    """The algorithm, and the tensors by Volley's names."""
    with _unzipped(content) as archive:
        names = archive.namelist()
        if _POLICY_FILE in names:
            policy = _part(archive, _POLICY_FILE, MAX_TENSOR_BYTES)
            settings = _settings(archive) if _SETTINGS_FILE in names else _Settings()
        elif any(name.endswith("/data.pkl") for name in names):
            policy, settings = content, _Settings()
        else:
            raise UserError("it holds neither a policy.pth of Stable-Baselines3 nor the tensors of a torch file")
    tensors = _tensors(policy)
    _check_plain(tensors)
    layout = _layout_of(tensors)
    if not settings.policy_kwargs.normalize_images:
        raise UserError("its network takes pixels as they are (normalize_images=False), not divided by 255")
    algorithm = _actor_critic(settings) if layout.algorithm == "sb3-actor-critic" else layout.algorithm
    return algorithm, _translated(tensors, layout)


@contextmanager
def _unzipped(content: bytes) -> Iterator[ZipFile]:
    """The zip file in `content`; what goes wrong with it, now or later, is a `UserError`."""
    if content.count(_PART_MARK) > MAX_PARTS:
        raise UserError(f"it is a zip file of more than {MAX_PARTS:,} parts")
    try:
        with ZipFile(BytesIO(content)) as archive:
            if len(set(archive.namelist())) != len(archive.namelist()):
                raise UserError("it is a zip file with two parts of the same name")
            yield archive
    except (BadZipFile, EOFError, NotImplementedError, OSError, ValueError, struct.error, zlib.error) as error:
        raise UserError(f"it is no zip file, or not a whole one: {one_line(error, 80)}") from error


def _part(archive: ZipFile, name: str, most_bytes: int) -> bytes:
    """One file of an archive, in memory."""
    part, shown = archive.getinfo(name), one_line(repr(name), 40)
    if part.flag_bits & 1:
        raise UserError(f"its part {shown} is encrypted")
    if part.compress_type not in {ZIP_STORED, ZIP_DEFLATED}:
        raise UserError(f"its part {shown} is compressed in a way that is not read here")
    if part.file_size > most_bytes:
        raise UserError(f"its part {shown} would be {part.file_size:,} bytes; the most is {most_bytes:,}")
    with archive.open(part) as file:
        content = file.read(most_bytes)  # No more, whatever was declared.
    if len(content) != part.file_size:
        raise UserError(f"its part {shown} is not as long as it says")
    return content


class _PolicyKeywords(msgspec.Struct, frozen=True):
    normalize_images: bool = True


class _Settings(msgspec.Struct, frozen=True):
    """The plain words looked at in Stable-Baselines3's `data`. All else is passed over, pickles among it."""

    n_epochs: int | None = None
    normalize_advantage: bool | None = None
    target_kl: float | None = None
    policy_kwargs: _PolicyKeywords = _PolicyKeywords()


def _settings(archive: ZipFile) -> _Settings:
    """Of an archive; as if there were none where they cannot be read, because nothing rests on them."""
    content = _part(archive, _SETTINGS_FILE, MAX_SETTINGS_BYTES)
    try:
        return msgspec.json.decode(content, type=_Settings)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _Settings()


def _actor_critic(settings: _Settings) -> str:
    """What the settings call the algorithm: PPO's and A2C's tensors are the same, and so are other algorithms'."""
    if settings.n_epochs is not None:
        return "sb3-ppo"
    alone = settings.normalize_advantage is not None and settings.target_kl is None
    return "sb3-a2c" if alone else "sb3-actor-critic"


# Its tensors


def _tensors(content: bytes) -> Tensors:
    """What `torch.save` wrote; `UserError` where that is more than tensors by name.

    PyTorch is given a copy of the archive: so it sees the very parts that were measured here, whatever else its own
    reader might have found in the file.
    """
    copy, left = BytesIO(), MAX_TENSOR_BYTES
    with _unzipped(content) as archive, ZipFile(copy, "w") as copied:
        for name in archive.namelist():
            pickled = name.endswith(".pkl")
            part = _part(archive, name, min(left, MAX_PICKLE_BYTES) if pickled else left)
            if pickled:
                _check_pickle(part)
            copied.writestr(ZipInfo(name), part)
            left -= len(part)
    copy.seek(0)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            loaded = torch.load(copy, map_location="cpu", weights_only=True)
    except Exception as error:  # There is no end to what a stranger's pickle can fail with.
        if asked := re.search(r"GLOBAL ([\w.]{1,60})", str(error)):
            raise UserError(f"it is a pickle that asks for code, {asked[1]}: such are not loaded") from error
        raise UserError(f"its tensors cannot be read by PyTorch ({type(error).__name__})") from error
    if not isinstance(loaded, dict) or not all(
        isinstance(name, str) and isinstance(tensor, Tensor) for name, tensor in loaded.items()
    ):
        raise UserError("it holds more than tensors by name, or less; save the network's state_dict() alone")
    return loaded


def _check_pickle(content: bytes) -> None:
    """`UserError` where a pickle is none, or says again what is neither text nor a name.

    A pair of the same pair twice, sixty deep, takes 300 bytes; to use it as a key of a dictionary, as PyTorch would at
    the pickle's word, takes for ever. A `state_dict()` has none.
    """
    previous, kept = "", dict[object, str]()
    try:
        for operation, argument, _ in pickletools.genops(content):
            if operation.name in {"BINPUT", "LONG_BINPUT"}:
                kept[argument] = previous
            elif operation.name in {"BINGET", "LONG_BINGET"} and kept.get(argument) not in {"BINUNICODE", "GLOBAL"}:
                raise UserError("its pickle holds the same part twice, which no state_dict() does")
            previous = operation.name
    except ValueError as error:
        raise UserError(f"its tensors cannot be read: {one_line(error, 80)}") from error


def _check_plain(tensors: Tensors) -> None:
    """`UserError` where there is a tensor that is not float32, or not finite."""
    for name, tensor in tensors.items():
        shown = one_line(repr(name), 80)
        if tensor.is_nested or tensor.layout is not torch.strided or tensor.device.type != "cpu":
            raise UserError(f"tensor {shown} is no plain tensor")
        if tensor.dtype != torch.float32:
            raise UserError(f"tensor {shown} is {tensor.dtype}, not torch.float32")
    # More than were read: a tensor of strides 0 needs no memory until it is looked at.
    if sum(tensor.numel() for tensor in tensors.values()) > MAX_PARAMETERS:
        raise UserError(f"it holds more than {MAX_PARAMETERS:,} numbers")
    for name, tensor in tensors.items():
        if not tensor.isfinite().all():
            raise UserError(f"tensor {one_line(repr(name), 80)} holds values that are not finite")


# Its network


class _Layout(NamedTuple):
    """How a program calls the layers of its network."""

    algorithm: str
    mark: str
    """The layer by which the layout is known."""
    layers: dict[str, str]
    """What Volley calls each of its layers."""
    twins: dict[str, str]
    """Layers that newer versions write a second and a third time, and that must be the same each time."""
    unused: dict[str, str]
    """Layers that are there for training."""


def _extractor(prefix: str) -> dict[str, str]:
    """Stable-Baselines3's NatureCNN."""
    theirs = ("cnn.0", "cnn.2", "cnn.4", "linear.0")
    return {f"{prefix}features_extractor.{layer}": ours for layer, ours in zip(theirs, _BODY, strict=True)}


_BODY = ("body.0", "body.2", "body.4", "body.7")
_CLEANRL_BODY = dict(zip(("network.0", "network.2", "network.4", "network.7"), _BODY, strict=True))
_LAYOUTS = (
    _Layout(
        "sb3-actor-critic",
        mark="action_net",
        layers={**_extractor(""), "action_net": "policy_head", "value_net": "value_head"},
        twins={**_extractor("pi_"), **_extractor("vf_")},
        unused={},
    ),
    _Layout(
        "sb3-dqn",
        mark="q_net.q_net.0",
        layers={**_extractor("q_net."), "q_net.q_net.0": "policy_head"},
        twins={},
        unused={**_extractor("q_net_target."), "q_net_target.q_net.0": "policy_head"},
    ),
    _Layout(
        "cleanrl-ppo",
        mark="actor",
        layers={**_CLEANRL_BODY, "actor": "policy_head", "critic": "value_head"},
        twins={},
        unused={},
    ),
    _Layout(
        "cleanrl-dqn",
        mark="network.9",
        layers={**_CLEANRL_BODY, "network.9": "policy_head"},
        twins={},
        unused={},
    ),
)

_NOT_HERE = {
    "lstm": "its network remembers (LSTM), and one here does not",
    "features_extractor.extractors.": "its network takes several inputs at once (MultiInputPolicy)",
    "log_std": "its actions are numbers, not one of a few",
    "advantage": "its values are split in two (dueling)",
    "quantile_net": "its values are distributions (QR-DQN)",
}
"""Why a network is refused that has a tensor with such a name."""


def _layout_of(tensors: Tensors) -> _Layout:
    """The layout whose names these are; `UserError` where there is none."""
    for fragment, reason in _NOT_HERE.items():
        if any(fragment in name for name in tensors):
            raise UserError(reason)
    layout = next((layout for layout in _LAYOUTS if f"{layout.mark}.weight" in tensors), None)
    if layout is None:
        example = f" ({one_line(repr(min(tensors)), 80)})" if tensors else ""
        raise UserError(
            f"its tensors{example} are of no network known here: those of Stable-Baselines3's PPO, A2C and DQN with "
            "CnnPolicy, and of CleanRL's ppo_atari.py and dqn_atari.py"
        )
    if not any(f"{layer}.weight" in tensors for layer, ours in layout.layers.items() if ours in _BODY):
        raise UserError("its network looks at numbers, not at pictures (MlpPolicy)")
    if any(name.startswith("mlp_extractor.") for name in tensors):
        raise UserError("its network has layers of its own behind the NatureCNN (net_arch)")
    return layout


def _translated(tensors: Tensors, layout: _Layout) -> Tensors:
    """The tensors by Volley's names; `UserError` where they are not exactly those of the layout."""
    twins = layout.twins if any(f"{layer}.weight" in tensors for layer in layout.twins) else {}
    ours = {
        f"{layer}.{part}": f"{name}.{part}"
        for layer, name in {**layout.layers, **twins, **layout.unused}.items()
        for part in ("weight", "bias")
    }
    for what, names in (("lack", ours.keys() - tensors.keys()), ("have an unknown", tensors.keys() - ours.keys())):
        if names:
            raise UserError(f"its tensors {what} {one_line(repr(min(names)), 80)}")
    with torch.device("meta"):  # for its shapes alone
        wanted = PolicyNetwork(_specification(layout.algorithm, values=False)).state_dict()
    translated: dict[str, Tensor] = {}
    for theirs, name in ours.items():
        tensor = tensors[theirs]
        if tensor.shape != wanted[name].shape:
            raise UserError(_misfit(theirs, name, list(tensor.shape), list(wanted[name].shape)))
        first = translated.setdefault(name, tensor)
        if theirs.rpartition(".")[0] in twins and not torch.equal(first, tensor):
            raise UserError("its policy and its value do not look with the same eyes (share_features_extractor=False)")
    return translated


def _misfit(theirs: str, ours: str, found: list[int], wanted: list[int]) -> str:
    """Why a tensor has another shape than the NatureCNN's, as far as one can tell."""
    match ours, found:
        case "body.0.weight", [32, frames, 8, 8]:
            return f"its network looks at {frames} frames at a time, or colours; 4 grey ones are shown here"
        case "body.7.weight", [512, _]:
            return "its network looks at pictures of another size than 84 x 84"
        case "policy_head.weight", [actions, 512]:
            return f"its network has {actions} outputs, and Pong {len(_ACTIONS)} actions: {', '.join(_ACTIONS)}"
    return f"tensor {theirs!r} has shape {found}, the NatureCNN's has {wanted}"
