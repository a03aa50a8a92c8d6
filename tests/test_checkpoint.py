from __future__ import annotations

import errno
import json
import math
import os
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from models import checkpoint
from models.errors import UserError
from models.files import CONFIG_FILE as CONFIG
from models.files import WEIGHTS_FILE as WEIGHTS
from models.files import is_model_directory
from models.network import PolicyNetwork
from models.spec import ModelSpec


def refusal(directory: Path) -> str:
    """The one line with which the model in `directory` is refused."""
    with pytest.raises(UserError) as caught:
        checkpoint.load(directory)
    message = str(caught.value)
    assert message.isprintable(), message
    assert message.startswith(f"cannot load the model in {directory}: ")
    return message.removeprefix(f"cannot load the model in {directory}: ")


def change_weights(directory: Path, change: Callable[[dict[str, Tensor]], object]) -> None:
    tensors = load_file(directory / WEIGHTS)
    change(tensors)
    save_file(tensors, directory / WEIGHTS)


def same_bits(left: PolicyNetwork, right: PolicyNetwork) -> bool:
    ours, theirs = left.state_dict(), right.state_dict()
    return ours.keys() == theirs.keys() and all(
        torch.equal(ours[name].view(torch.int32), theirs[name].view(torch.int32)) for name in ours
    )


def test_round_trip_is_bit_equal(tmp_path: Path, spec: ModelSpec, network: PolicyNetwork) -> None:
    network.pixels.mean.uniform_(0, 255)
    network.returns.scale.fill_(0.1)
    checkpoint.save(tmp_path / "new" / "model", spec, network)
    loaded_spec, loaded = checkpoint.load(tmp_path / "new" / "model")
    assert loaded_spec == checkpoint.load_spec(tmp_path / "new" / "model") == spec
    assert same_bits(loaded, network)
    assert not loaded.training
    assert not any(parameter.requires_grad for parameter in loaded.parameters())


def test_a_saved_model_is_two_files_that_others_may_read(model_directory: Path) -> None:
    assert sorted(path.name for path in model_directory.iterdir()) == [CONFIG, WEIGHTS]
    assert [path.name for path in model_directory.parent.iterdir()] == [model_directory.name]
    assert model_directory.stat().st_mode & 0o777 == 0o755


def test_a_model_is_replaced_and_its_other_files_stay(model_directory: Path, spec: ModelSpec) -> None:
    (model_directory / "results.json").write_text("{}")
    torch.manual_seed(2)
    other = PolicyNetwork(spec)
    checkpoint.save(model_directory, spec, other)
    assert same_bits(checkpoint.load(model_directory)[1], other)
    assert sorted(path.name for path in model_directory.iterdir()) == [CONFIG, WEIGHTS, "results.json"]


def test_missing_directory(tmp_path: Path) -> None:
    assert refusal(tmp_path / "nowhere") == "config.json is missing"


@pytest.mark.parametrize("name", [CONFIG, WEIGHTS])
def test_missing_file(model_directory: Path, name: str) -> None:
    (model_directory / name).unlink()
    assert not is_model_directory(model_directory)
    assert refusal(model_directory) == f"{name} is missing"


@pytest.mark.parametrize("name", [CONFIG, WEIGHTS])
def test_a_folder_in_a_file_s_place(model_directory: Path, name: str) -> None:
    (model_directory / name).unlink()
    (model_directory / name).mkdir()
    assert refusal(model_directory) == f"{name} cannot be read: Is a directory"


@pytest.mark.parametrize("name", [CONFIG, WEIGHTS])
def test_a_huge_file_is_refused_unread(model_directory: Path, name: str) -> None:
    os.truncate(model_directory / name, 2**40)  # sparse: a terabyte that takes no room on the disk
    assert refusal(model_directory).startswith(f"{name} has 1,099,511,627,776 bytes; the limit is ")


@pytest.mark.parametrize("share", [0.0, 0.001, 0.5, 0.999])
def test_truncated_weights(model_directory: Path, share: float) -> None:
    weights = (model_directory / WEIGHTS).read_bytes()
    (model_directory / WEIGHTS).write_bytes(weights[: int(share * len(weights))])
    assert refusal(model_directory).startswith("its weights are not safetensors: ")


def test_a_pickle_is_not_loaded(model_directory: Path, network: PolicyNetwork) -> None:
    torch.save(network.state_dict(), model_directory / WEIGHTS)
    assert refusal(model_directory).startswith("its weights are not safetensors: ")


def test_config_that_is_not_json(model_directory: Path) -> None:
    (model_directory / CONFIG).write_text("height: 84\n")
    assert refusal(model_directory).startswith("its config.json is not a model's: JSON is malformed")


def test_unknown_version(model_directory: Path) -> None:
    config = json.loads((model_directory / CONFIG).read_text()) | {"format_version": 99}
    (model_directory / CONFIG).write_text(json.dumps(config))
    assert refusal(model_directory) == "its config.json has format version 99; this Volley reads only 1"


def test_wrong_shape(model_directory: Path) -> None:
    change_weights(model_directory, lambda tensors: tensors.update({"policy_head.weight": torch.zeros(4, 8)}))
    assert (
        refusal(model_directory) == "tensor 'policy_head.weight' has shape [4, 8], but its config.json asks for [3, 8]"
    )


def test_the_shape_of_another_specification(model_directory: Path) -> None:
    config = json.loads((model_directory / CONFIG).read_text())
    config["network"]["hidden"] = 9
    (model_directory / CONFIG).write_text(json.dumps(config))
    assert "has shape" in refusal(model_directory)


@pytest.mark.parametrize("name", ["policy_head.bias", "body.0.weight", "pixels.mean", "returns.scale"])
def test_missing_tensor(model_directory: Path, name: str) -> None:
    change_weights(model_directory, lambda tensors: tensors.pop(name))
    assert refusal(model_directory) == f"its weights lack tensor {name!r}"


def test_extra_tensor(model_directory: Path) -> None:
    change_weights(model_directory, lambda tensors: tensors.update({"bad\nname": torch.zeros(1)}))
    assert refusal(model_directory) == r"its weights have an unknown tensor 'bad\nname'"


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64, torch.int32])
def test_wrong_dtype(model_directory: Path, dtype: torch.dtype) -> None:
    change_weights(model_directory, lambda tensors: tensors.update({"policy_head.bias": torch.zeros(3, dtype=dtype)}))
    assert refusal(model_directory) == f"tensor 'policy_head.bias' is {dtype}, not torch.float32"


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_values_that_are_not_finite(model_directory: Path, value: float) -> None:
    change_weights(model_directory, lambda tensors: tensors["body.0.weight"].view(-1)[7].fill_(value))
    assert refusal(model_directory) == "tensor 'body.0.weight' holds values that are not finite"


@pytest.mark.parametrize("value", [0.0, -1.0])
@pytest.mark.parametrize("name", ["pixels.scale", "returns.scale"])
def test_deviations_that_would_make_values_not_finite(model_directory: Path, name: str, value: float) -> None:
    change_weights(model_directory, lambda tensors: tensors[name].view(-1)[-1].fill_(value))
    assert refusal(model_directory) == f"tensor {name!r} holds scales that are not positive"


def fail_at(call: int) -> Callable[[Path, bytes], int]:
    """`Path.write_bytes` on a disk that is full, half-way through the write number `call`, counted from 1."""
    write, calls = Path.write_bytes, 0

    def write_bytes(path: Path, data: bytes) -> int:
        nonlocal calls
        calls += 1
        if calls < call:
            return write(path, data)
        write(path, data[: len(data) // 2])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    return write_bytes


@pytest.mark.parametrize("call", [1, 2])
def test_a_full_disk_leaves_the_earlier_model(
    model_directory: Path, spec: ModelSpec, network: PolicyNetwork, call: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.manual_seed(2)
    other = PolicyNetwork(spec)
    with monkeypatch.context() as full_disk:
        full_disk.setattr(Path, "write_bytes", fail_at(call))
        with pytest.raises(OSError, match="No space left"):
            checkpoint.save(model_directory, spec, other)
    assert same_bits(checkpoint.load(model_directory)[1], network)
    assert sorted(path.name for path in model_directory.iterdir()) == [CONFIG, WEIGHTS]
    assert list(model_directory.parent.iterdir()) == [model_directory]


@pytest.mark.parametrize("call", [1, 2])
def test_a_full_disk_leaves_no_part_of_a_new_model(
    tmp_path: Path, spec: ModelSpec, network: PolicyNetwork, call: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as full_disk:
        full_disk.setattr(Path, "write_bytes", fail_at(call))
        with pytest.raises(OSError, match="No space left"):
            checkpoint.save(tmp_path / "model", spec, network)
    assert list(tmp_path.iterdir()) == []


def test_a_failure_between_the_two_renames_leaves_a_whole_model(
    model_directory: Path, spec: ModelSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.manual_seed(2)
    other = PolicyNetwork(spec)
    replace = Path.replace

    def replace_weights_only(path: Path, target: Path) -> Path:
        if target.name == CONFIG:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return replace(path, target)

    with monkeypatch.context() as failing:
        failing.setattr(Path, "replace", replace_weights_only)
        with pytest.raises(OSError, match="error"):
            checkpoint.save(model_directory, spec, other)
    assert same_bits(checkpoint.load(model_directory)[1], other)
    assert list(model_directory.parent.iterdir()) == [model_directory]
