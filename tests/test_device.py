from __future__ import annotations

from collections.abc import Mapping

import pytest
import torch

from models import device
from models.errors import UserError

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
