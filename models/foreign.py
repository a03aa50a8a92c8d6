"""Agents of other programs as models of Volley's: of Stable-Baselines3 and of CleanRL, on Atari.

The names and shapes of the tensors tell which network it is, and everything but the NatureCNN is refused.

No shape tells how observations were made, so what both programs do on Atari is taken for granted: every fourth frame,
pixels divided by 255, the newest frame last, and the emulator's minimal set of actions in its own order.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple, get_args

import msgspec
import torch
from torch import Tensor

from models.errors import UserError, one_line
from models.foreign_archive import Settings, Tensors, read_archive
from models.network import PolicyNetwork
from models.spec import NATURE_CNN, ActionName, ModelSpec

PROGRAMS = {
    "sb3-ppo": "Stable-Baselines3's PPO",
    "sb3-a2c": "Stable-Baselines3's A2C",
    "sb3-actor-critic": "an actor-critic of Stable-Baselines3",
    "sb3-dqn": "Stable-Baselines3's DQN",
    "cleanrl-ppo": "CleanRL's PPO",
    "cleanrl-dqn": "CleanRL's DQN",
}
"""Whose agents are known here, by the algorithm of the specification."""

_ACTIONS: tuple[ActionName, ...] = get_args(ActionName)


def read(path: Path) -> tuple[ModelSpec, PolicyNetwork]:
    """The agent in `path` as a specification and its network, in evaluation mode, requiring no gradients.

    `UserError` with one line where the file is not of one of `PROGRAMS`, or its agent has another network, observation
    or actions.
    """
    try:
        algorithm, tensors = _recognised(*read_archive(path))
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


def _recognised(tensors: Tensors, settings: Settings) -> tuple[str, Tensors]:
    """The algorithm, and the tensors by Volley's names."""
    layout = _layout_of(tensors)
    if not settings.policy_kwargs.normalize_images:
        raise UserError("its network takes pixels as they are (normalize_images=False), not divided by 255")
    algorithm = _actor_critic(settings) if layout.algorithm == "sb3-actor-critic" else layout.algorithm
    return algorithm, _translated(tensors, layout)


def _actor_critic(settings: Settings) -> str:
    """The algorithm by its settings: the tensors of PPO, A2C and others are the same."""
    if settings.n_epochs is not None:
        return "sb3-ppo"
    alone = settings.normalize_advantage is not None and settings.target_kl is None
    return "sb3-a2c" if alone else "sb3-actor-critic"


class _Layout(NamedTuple):
    """A program's names for the layers of its network."""

    algorithm: str
    mark: str
    """The layer that identifies the layout."""
    layers: dict[str, str]
    """Volley's name for each of its layers."""
    twins: dict[str, str]
    """Layers that newer versions write two or three times, with the same weights each time."""
    unused: dict[str, str]
    """Layers that only training needs."""


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
            raise UserError("its policy and its value come from different layers (share_features_extractor=False)")
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
