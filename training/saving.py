"""What checkpoints are made of: plain types, which can be read without running a stranger's code.

Nothing here imports torch, which would take worker processes seconds.
"""

from __future__ import annotations

import json
import zlib
from base64 import b64decode, b64encode
from typing import Any

import numpy as np
from numpy.typing import NDArray


def as_text(content: bytes) -> str:
    """Bytes as text: a checkpoint holds no bytes."""
    return b64encode(content).decode()


def from_text(text: str) -> bytes:
    """What was given to `as_text`."""
    return b64decode(text)


def packed(array: NDArray[Any]) -> dict[str, Any]:
    """An array, compressed: pictures that are much alike take a hundredth of their size."""
    return {
        "content": as_text(zlib.compress(array.tobytes(), 1)),
        "shape": list(array.shape),
        "type": array.dtype.str,
    }


def unpacked(saved: dict[str, Any]) -> NDArray[Any]:
    """What was given to `packed`."""
    content = zlib.decompress(from_text(saved["content"]))
    return np.frombuffer(bytearray(content), np.dtype(saved["type"])).reshape(saved["shape"])


def saved_randomness(generator: np.random.Generator) -> str:
    """The state of a generator as JSON: its numbers are too large for other formats."""
    return json.dumps(generator.bit_generator.state)


def restore_randomness(generator: np.random.Generator, saved: str) -> None:
    """Goes back to what `saved_randomness` returned."""
    generator.bit_generator.state = json.loads(saved)
