"""What checkpoints are made of: plain types and tensors, which can be read without running a stranger's code."""

from __future__ import annotations

import json
import zlib
from typing import Any

import numpy as np
import torch
from torch import Tensor


def as_tensor(content: bytes) -> Tensor:
    """Bytes as a tensor."""
    return torch.frombuffer(bytearray(content), dtype=torch.uint8)


def packed(steps: Tensor) -> dict[str, Any]:
    """A tensor, compressed: pictures that are much alike take a hundredth of their size."""
    content = steps.cpu().contiguous().view(torch.uint8).numpy().tobytes()
    return {"content": as_tensor(zlib.compress(content, 1)), "shape": list(steps.shape), "like": steps.new_empty(0)}


def unpacked(saved: dict[str, Any], device: torch.device) -> Tensor:
    """What was given to `packed`, on a device."""
    content = bytearray(zlib.decompress(saved["content"].cpu().numpy().tobytes()))
    flat = torch.frombuffer(content, dtype=saved["like"].dtype) if content else saved["like"].cpu()
    return flat.view(saved["shape"]).to(device)


def saved_randomness(generator: np.random.Generator) -> str:
    """The state of a generator as JSON: its numbers are too large for other formats."""
    return json.dumps(generator.bit_generator.state)


def restore_randomness(generator: np.random.Generator, saved: str) -> None:
    """Goes back to what `saved_randomness` returned."""
    generator.bit_generator.state = json.loads(saved)
