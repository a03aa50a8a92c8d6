from __future__ import annotations

from collections.abc import Mapping

import pytest
import torch

from models import device
from models.control import ControlSpec, DiscreteActions
from models.errors import UserError
from models.spec import ModelSpec

CPU = torch.device("cpu")


@pytest.mark.parametrize(
    ("name", "present", "picked"),
    [
        ("auto", False, "cpu"),
        ("auto", True, "cuda"),
        ("cpu", False, "cpu"),
        ("cpu", True, "cpu"),
        ("cuda", True, "cuda"),
    ],
)
def test_pick(name: device.DeviceName, present: bool, picked: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: present)
    assert device.pick_device(name) == torch.device(picked)


def test_cuda_asked_for_and_absent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(UserError, match="no CUDA device"):
        device.pick_device("cuda")


@pytest.mark.parametrize(
    ("features", "fast"),
    [
        ({"architecture": "x86_64", "avx512_bf16": True, "amx_bf16": False}, True),
        ({"architecture": "x86_64", "avx512_bf16": False, "amx_bf16": True}, True),
        ({"architecture": "x86_64", "avx512_bf16": False, "amx_bf16": False, "avx512_f": True}, False),
        ({"architecture": "aarch64", "neon": True}, False),
        ({}, False),
    ],
)
def test_bfloat16_on_a_processor(features: Mapping[str, object], fast: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: features)
    assert device.supports_fast_bfloat16(CPU) is fast


def test_a_pytorch_that_cannot_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(torch.cpu, "get_capabilities")
    assert device.cpu_features() == {}
    assert device.supports_fast_bfloat16(CPU) is False


@pytest.mark.parametrize("native", [True, False])
def test_bfloat16_on_cuda_is_never_emulated(native: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation=True: including_emulation or native)
    assert device.supports_fast_bfloat16(torch.device("cuda")) is native


CART = ControlSpec(algorithm="ppo", environment="CartPole-v1", observation_size=4, actions=DiscreteActions(2))


@pytest.mark.parametrize("fast", [True, False])
def test_only_networks_for_frames_run_in_bfloat16(fast: bool, spec: ModelSpec, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device, "supports_fast_bfloat16", lambda _: fast)
    for of, lower in ((spec, fast), (CART, False)):
        with device.fast_precision(CPU, of):
            assert torch.is_autocast_enabled("cpu") is lower
            assert (torch.ones(1, 1) @ torch.ones(1, 1)).dtype is (torch.bfloat16 if lower else torch.float32)
