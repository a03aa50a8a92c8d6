"""What the allocator costs a minibatch of frames: `python benchmarks/minibatch.py`.

Prints one JSON object: microseconds per sample to gather and normalise 768 stacked frames, with glibc's defaults and
with `keep_freed_memory`, and their ratio; medians of 15.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time

import torch

from models.network import PixelNormalizer
from models.spec import FrameObservation
from training.memory import keep_freed_memory

MINIBATCH, ROLLOUT, REPEATS = 768, 6144, 15


def microseconds_per_sample() -> float:
    """To gather and normalise in bfloat16, as an update does."""
    observation = FrameObservation()
    frames = torch.randint(255, (ROLLOUT, *observation.shape), dtype=torch.uint8)
    normalize = PixelNormalizer(observation.height, observation.width)
    seconds = []
    for _ in range(REPEATS + 2):
        indices = torch.randperm(ROLLOUT)[:MINIBATCH]
        started = time.perf_counter()
        with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
            normalize(frames[indices])
        seconds.append(time.perf_counter() - started)
    return statistics.median(seconds[2:]) / MINIBATCH * 1e6


def main() -> None:
    """Measures and prints."""
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    before = microseconds_per_sample()
    keep_freed_memory()
    after = microseconds_per_sample()
    print(json.dumps({"before_us": round(before, 1), "after_us": round(after, 1), "ratio": round(before / after, 2)}))


if __name__ == "__main__":
    main()
