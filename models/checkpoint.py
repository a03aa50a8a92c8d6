"""A model directory: `config.json` and `model.safetensors`, read strictly and written atomically.

Only safetensors is read, with no fallback to pickle, because a pickle can run code while it loads.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors

from models import store
from models.control import PolicySpec, decode_any
from models.errors import UserError, one_line
from models.files import CONFIG_FILE, WEIGHTS_FILE, exists, move_folder, replacing
from models.mlp import Network, build
from models.network import PolicyNetwork
from models.spec import MAX_PARAMETERS, ModelSpec, decode, encode

MAX_CONFIG_BYTES = 64 * 1024
MAX_WEIGHTS_BYTES = 4 * MAX_PARAMETERS + 1024 * 1024
"""The float32 weights of the largest allowed network, plus room for buffers and the header."""


def load_spec(directory: Path) -> ModelSpec:
    """Returns only the specification of a Pong model; `UserError` as for `load`."""
    with _naming_model(directory):
        store.verify(directory)
        return decode(_read(directory / CONFIG_FILE, MAX_CONFIG_BYTES))


def load(directory: Path) -> tuple[ModelSpec, PolicyNetwork]:
    """Returns a Pong model's specification and network, on the CPU, in evaluation mode, without gradients.

    `UserError` if a file is missing or too large, the specification is out of bounds or not a Pong model's, or the
    weights do not match it exactly: every tensor, its shape, float32, finite, and positive scales. A download is also
    checked against the SHA-256 of its files.
    """
    spec = load_spec(directory)
    with torch.device("meta"):  # Only shapes: initialising a large network takes seconds.
        network = PolicyNetwork(spec)
    _load_weights(directory, network)
    return spec, network


def load_policy(directory: Path) -> tuple[PolicySpec, Network]:
    """Like `load`, for any policy: for Pong or for a control problem."""
    with _naming_model(directory):
        store.verify(directory)
        spec = decode_any(_read(directory / CONFIG_FILE, MAX_CONFIG_BYTES))
    with torch.device("meta"):
        network = build(spec)
    _load_weights(directory, network)
    return spec, network


def _load_weights(directory: Path, network: Network) -> None:
    with _naming_model(directory):
        try:
            tensors = load_tensors(_read(directory / WEIGHTS_FILE, MAX_WEIGHTS_BYTES))
        except SafetensorError as error:
            raise UserError(f"its weights are not safetensors: {one_line(error)}") from error
        _check_tensors(tensors, network.state_dict())
    network.load_state_dict(tensors, assign=True)
    network.eval().requires_grad_(requires_grad=False)


@contextmanager
def _naming_model(directory: Path) -> Iterator[None]:
    """Adds the model's directory to a `UserError`."""
    try:
        yield
    except UserError as error:
        raise UserError(f"cannot load the model in {directory}: {error}") from error


def save(directory: Path, spec: PolicySpec, network: Network) -> None:
    """Writes the model to `directory`, whole or not at all; other files there stay.

    A new directory appears by one rename. In an existing one, the weights are replaced before the specification, each
    by one rename; a run's specification never changes, so that what is there always fits. `OSError` if the disk fails.
    """
    directory.parent.mkdir(parents=True, exist_ok=True)
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in network.state_dict().items()}
    weights, config = save_tensors(tensors), encode(spec)
    if exists(directory):
        with replacing(directory / CONFIG_FILE) as new_config, replacing(directory / WEIGHTS_FILE) as new_weights:
            new_weights.write_bytes(weights)
            new_config.write_bytes(config)
        return
    workplace = Path(tempfile.mkdtemp(prefix=f".{directory.name}-", dir=directory.parent))
    try:
        workplace.chmod(0o755)
        (workplace / WEIGHTS_FILE).write_bytes(weights)
        (workplace / CONFIG_FILE).write_bytes(config)
        move_folder(workplace, directory)
    finally:
        shutil.rmtree(workplace, ignore_errors=True)


def _read(path: Path, max_bytes: int) -> bytes:
    try:
        if path.stat().st_size > max_bytes:
            raise UserError(f"{path.name} has {path.stat().st_size:,} bytes; the limit is {max_bytes:,}")
        return path.read_bytes()
    except FileNotFoundError as error:
        raise UserError(f"{path.name} is missing") from error
    except OSError as error:
        raise UserError(f"{path.name} cannot be read: {error.strerror}") from error


def _check_tensors(found: dict[str, torch.Tensor], wanted: dict[str, torch.Tensor]) -> None:
    for problem, names in (("lack", wanted.keys() - found.keys()), ("have an unknown", found.keys() - wanted.keys())):
        if names:
            raise UserError(f"its weights {problem} tensor {one_line(repr(min(names)))}")
    for name, tensor in found.items():
        if tensor.shape != wanted[name].shape:
            shapes = f"{list(tensor.shape)}, but its config.json asks for {list(wanted[name].shape)}"
            raise UserError(f"tensor {name!r} has shape {shapes}")
        if tensor.dtype != wanted[name].dtype:
            raise UserError(f"tensor {name!r} is {tensor.dtype}, not {wanted[name].dtype}")
        if not tensor.isfinite().all():
            raise UserError(f"tensor {name!r} holds values that are not finite")
        if name.endswith(".scale") and not (tensor > 0).all():
            raise UserError(f"tensor {name!r} holds scales that are not positive")
