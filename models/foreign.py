"""Converts Atari agents of Stable-Baselines3 and CleanRL to Volley's models.

The names and shapes of the tensors identify the network; only the NatureCNN is accepted.

Shapes do not say how observations were preprocessed, so the Atari conventions of both programs are assumed: every
fourth frame, pixels divided by 255, the newest frame last, and the emulator's minimal action set in its own order.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import msgspec
import torch
from torch import Tensor

from models.errors import UserError, one_line
from models.foreign_archive import Settings, Tensors, read_archive
from models.network import PolicyNetwork
from models.spec import MINIMAL_ACTIONS, NATURE_CNN, ModelSpec

SOURCES = {
    "sb3-ppo": "Stable-Baselines3's PPO",
    "sb3-a2c": "Stable-Baselines3's A2C",
    "sb3-actor-critic": "a Stable-Baselines3 actor-critic",
    "sb3-dqn": "Stable-Baselines3's DQN",
    "cleanrl-ppo": "CleanRL's PPO",
    "cleanrl-dqn": "CleanRL's DQN",
}
"""The supported agents, by the algorithm in their specification."""


def read(path: Path) -> tuple[ModelSpec, PolicyNetwork]:
    """Returns the specification and the network of the agent in `path`, in evaluation mode, without gradients.

    `UserError` if the file is not from one of `SOURCES`, or the agent's network, observations or actions differ.
    """
    try:
        archive = read_archive(path)
        algorithm, tensors = _identify(_unwrapped(archive.tensors), archive.settings)
    except UserError as error:
        raise UserError(f"cannot import {path}: {error}") from error
    spec = _specification(algorithm, values="value_head.weight" not in tensors)
    network = PolicyNetwork(spec)
    # Keep the buffers of a new network: pixels are divided by 255, and values are in points.
    network.load_state_dict({**network.state_dict(), **tensors})
    return spec, network.eval().requires_grad_(requires_grad=False)


def _specification(algorithm: str, *, values: bool) -> ModelSpec:
    network = msgspec.structs.replace(NATURE_CNN, head="values") if values else NATURE_CNN
    return ModelSpec(algorithm=algorithm, actions=MINIMAL_ACTIONS, network=network)


def _identify(tensors: Tensors, settings: Settings) -> tuple[str, Tensors]:
    """Returns the algorithm, and the tensors under Volley's names."""
    layout = _layout_of(tensors)
    if not settings.policy_kwargs.normalize_images:
        raise UserError("its network takes raw pixels (normalize_images=False), not divided by 255")
    algorithm = _actor_critic(settings) if layout.algorithm == "sb3-actor-critic" else layout.algorithm
    return algorithm, _rename(tensors, layout)


def _actor_critic(settings: Settings) -> str:
    """Tells the algorithm from its settings, because PPO, A2C and others have the same tensors."""
    if settings.n_epochs is not None:
        return "sb3-ppo"
    is_a2c = settings.normalize_advantage is not None and settings.target_kl is None
    return "sb3-a2c" if is_a2c else "sb3-actor-critic"


class _Layout(NamedTuple):
    """A program's names for the layers of its network."""

    algorithm: str
    marker: str
    """The layer that identifies the layout."""
    layers: dict[str, str]
    """Volley's name for each layer."""
    duplicates: dict[str, str]
    """Copies of layers that newer versions also save, with the same weights."""
    unused: dict[str, str]
    """Layers that only training uses."""


def _extractor(prefix: str) -> dict[str, str]:
    """Stable-Baselines3's NatureCNN."""
    theirs = ("cnn.0", "cnn.2", "cnn.4", "linear.0")
    return {f"{prefix}features_extractor.{layer}": ours for layer, ours in zip(theirs, _BODY, strict=True)}


_BODY = ("body.0", "body.2", "body.4", "body.7")
_CLEANRL_BODY = dict(zip(("network.0", "network.2", "network.4", "network.7"), _BODY, strict=True))
_LAYOUTS = (
    _Layout(
        "sb3-actor-critic",
        marker="action_net",
        layers={**_extractor(""), "action_net": "policy_head", "value_net": "value_head"},
        duplicates={**_extractor("pi_"), **_extractor("vf_")},
        unused={},
    ),
    _Layout(
        "sb3-dqn",
        marker="q_net.q_net.0",
        layers={**_extractor("q_net."), "q_net.q_net.0": "policy_head"},
        duplicates={},
        unused={**_extractor("q_net_target."), "q_net_target.q_net.0": "policy_head"},
    ),
    _Layout(
        "cleanrl-ppo",
        marker="actor",
        layers={**_CLEANRL_BODY, "actor": "policy_head", "critic": "value_head"},
        duplicates={},
        unused={},
    ),
    _Layout(
        "cleanrl-dqn",
        marker="network.9",
        layers={**_CLEANRL_BODY, "network.9": "policy_head"},
        duplicates={},
        unused={},
    ),
)

_UNSUPPORTED = {
    "lstm": "its network is recurrent (LSTM); Volley supports only the NatureCNN",
    "features_extractor.extractors.": "its network takes several inputs (MultiInputPolicy); Volley supports one",
    "log_std": "its actions are continuous, and Pong's are discrete",
    "advantage": "its value network is a dueling one; Volley supports only the NatureCNN",
    "quantile_net": "it predicts distributions of values (QR-DQN); Volley supports only the NatureCNN",
}
"""Why a network is refused, by a fragment of one of its tensors' names."""


_WRAPPERS = ("_orig_mod.", "module.")
"""What torch.compile and DataParallel put before every name."""


def _unwrapped(tensors: Tensors) -> Tensors:
    """The tensors under the names that they have without wrappers."""
    for wrapper in _WRAPPERS:
        if tensors and all(name.startswith(wrapper) for name in tensors):
            return _unwrapped({name.removeprefix(wrapper): tensor for name, tensor in tensors.items()})
    return tensors


def _layout_of(tensors: Tensors) -> _Layout:
    """Returns the layout that the tensors' names match; `UserError` if there is none."""
    for fragment, reason in _UNSUPPORTED.items():
        if any(fragment in name for name in tensors):
            raise UserError(reason)
    layout = next((layout for layout in _LAYOUTS if f"{layout.marker}.weight" in tensors), None)
    if layout is None:
        example = f" ({one_line(repr(min(tensors)), 80)})" if tensors else ""
        raise UserError(
            f"its tensors{example} match no supported network: Stable-Baselines3's PPO, A2C or DQN with CnnPolicy, "
            "or CleanRL's ppo_atari.py or dqn_atari.py"
        )
    if not any(f"{layer}.weight" in tensors for layer, ours in layout.layers.items() if ours in _BODY):
        raise UserError("its network takes vectors, not frames (MlpPolicy)")
    if any(name.startswith("mlp_extractor.") for name in tensors):
        raise UserError("its network has extra layers after the NatureCNN (net_arch)")
    return layout


def _rename(tensors: Tensors, layout: _Layout) -> Tensors:
    """Returns the tensors under Volley's names; `UserError` if they do not match the layout exactly."""
    duplicates = layout.duplicates if any(f"{layer}.weight" in tensors for layer in layout.duplicates) else {}
    ours = {
        f"{layer}.{part}": f"{name}.{part}"
        for layer, name in {**layout.layers, **duplicates, **layout.unused}.items()
        for part in ("weight", "bias")
    }
    for problem, names in (("lack", ours.keys() - tensors.keys()), ("have an unknown", tensors.keys() - ours.keys())):
        if names:
            raise UserError(f"its tensors {problem} {one_line(repr(min(names)), 80)}")
    with torch.device("meta"):  # only shapes
        wanted = PolicyNetwork(_specification(layout.algorithm, values=False)).state_dict()
    renamed: dict[str, Tensor] = {}
    for theirs, name in ours.items():
        tensor = tensors[theirs]
        if tensor.shape != wanted[name].shape:
            raise UserError(_wrong_shape(theirs, name, list(tensor.shape), list(wanted[name].shape)))
        first = renamed.setdefault(name, tensor)
        if theirs.rpartition(".")[0] in duplicates and not torch.equal(first, tensor):
            raise UserError("its policy and its value share no layers (share_features_extractor=False)")
    return renamed


def _wrong_shape(theirs: str, ours: str, found: list[int], wanted: list[int]) -> str:
    """Explains a tensor's shape that is not the NatureCNN's."""
    match ours, found:
        case "body.0.weight", [32, frames, 8, 8]:
            return f"its network takes {frames} frames or colour channels; Volley's observations are 4 grey frames"
        case "body.7.weight", [512, _]:
            return "its network takes frames of another size than 84 x 84"
        case "policy_head.weight", [actions, 512]:
            names = ", ".join(MINIMAL_ACTIONS)
            return f"its network has {actions} outputs, but Pong has {len(MINIMAL_ACTIONS)} actions: {names}"
    return f"tensor {theirs!r} has shape {found}, but the NatureCNN's has {wanted}"
