"""Where networks run, and whether bfloat16 is worth using there."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import torch

from models.control import PolicySpec
from models.errors import UserError
from models.files import is_file
from models.spec import ModelSpec

DeviceName = Literal["auto", "cpu", "cuda"]


def pick_device(name: DeviceName) -> torch.device:
    """Returns the device of that name; `auto` prefers CUDA. `UserError` if CUDA is requested but unavailable."""
    available = torch.cuda.is_available()
    if name == "cuda" and not available:
        raise UserError("PyTorch finds no CUDA device; use --device auto or --device cpu")
    return torch.device("cuda" if available and name != "cpu" else "cpu")


def supports_fast_bfloat16(device: torch.device) -> bool:
    """Whether `device` multiplies bfloat16 matrices in hardware.

    Without AVX-512 BF16 or AMX, a processor converts each number first, which is slower than float32. A CUDA device
    needs compute capability 8.0 or newer.
    """
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    features = cpu_features()
    return bool(features.get("avx512_bf16") or features.get("amx_bf16"))


def fast_precision(device: torch.device, spec: PolicySpec) -> torch.autocast:
    """A context in which a policy's network runs in bfloat16, if it is for frames and `device` does that in hardware.

    A network for numbers is too small to gain by it.
    """
    fast = isinstance(spec, ModelSpec) and supports_fast_bfloat16(device)
    return torch.autocast(device.type, torch.bfloat16, enabled=fast)


def cpu_features() -> Mapping[str, object]:
    """Returns the CPU features that PyTorch detects, such as `avx2: True`; empty if this PyTorch cannot tell."""
    if hasattr(torch.cpu, "get_capabilities"):
        return torch.cpu.get_capabilities()
    return {}


def processor_name() -> str:
    """Returns the processor's name, as the operating system reports it."""
    cpuinfo = Path("/proc/cpuinfo")
    if is_file(cpuinfo):
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
