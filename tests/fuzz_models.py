"""Mutated model directories, for `fuzz.py`."""

from __future__ import annotations

import json
import random
import struct
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import torch
from mutations import (
    Files,
    Mutation,
    Outcome,
    Trial,
    agree,
    change_json,
    flip_bytes,
    judged,
    mutated,
    swap_files,
    truncate,
    write,
)

from models import checkpoint, store
from models.control import PolicySpec
from models.files import CONFIG_FILE, WEIGHTS_FILE
from models.mlp import Network
from models.network import PolicyNetwork
from models.spec import CnnSpec, ConvLayer, FrameObservation, ModelSpec

TINY = ModelSpec(
    algorithm="ppo",
    observation=FrameObservation(height=20, width=16, stack=2, frame_skip=4),
    actions=("FIRE", "RIGHTFIRE", "LEFTFIRE"),
    network=CnnSpec(conv=(ConvLayer(4, 4, 2), ConvLayer(6, 3, 1)), hidden=8, mirror=False),
)
DTYPES = ("F64", "F32", "F16", "BF16", "I64", "I32", "U8", "BOOL", "F8_E4M3", "X99", 3, None)


def nest(files: Files, chance: random.Random) -> None:
    """JSON goes far deeper than anything real."""
    depth = chance.choice((50, 1_000, 30_000))
    deep = b"[" * depth + b"]" * depth
    files[CONFIG_FILE] = chance.choice((deep, files[CONFIG_FILE].replace(b"ppo", deep, 1)))[:60_000]


def lie_in_header(files: Files, chance: random.Random) -> None:
    """The safetensors header says something else than what follows."""
    header, data = _split(files[WEIGHTS_FILE])
    name = chance.choice([name for name in header if name != "__metadata__"])
    entry = header[name]
    match chance.randrange(7):
        case 0:
            entry["dtype"] = chance.choice(DTYPES)
        case 1:
            entry["shape"] = chance.choice(
                (entry["shape"][::-1], [*entry["shape"], 1], [2**40], [0], [-1], [], None, [2**63, 2], [2**32, 2**32])
            )
        case 2:
            start, end = entry["data_offsets"]
            entry["data_offsets"] = chance.choice(
                ([end, start], [0, 2**60], [start, end + 4], [start + 4, end], [0, 0], [-4, 0], [start], "x")
            )
        case 3:
            other = chance.choice([other for other in header if other != "__metadata__"])
            header[name], header[other] = header[other], header[name]
        case 4:
            header[chance.choice(("pixels.mean", "x", "../x", "a" * 5000))] = header.pop(name)
        case 5:
            del header[name]
        case _:
            header["__metadata__"] = chance.choice(({"a": "b"}, {"a": 1}, [], "x" * 10_000))
    files[WEIGHTS_FILE] = _joined(header, data)


def lie_about_length(files: Files, chance: random.Random) -> None:
    """The header's own length is not its length."""
    length = chance.choice((0, 1, 7, 2**16, 2**31, 2**40, 2**63, 2**64 - 1, len(files[WEIGHTS_FILE])))
    files[WEIGHTS_FILE] = struct.pack("<Q", length) + files[WEIGHTS_FILE][8:]


def poison(files: Files, chance: random.Random) -> None:
    """A weight is not a number, or endless."""
    header, data = _split(files[WEIGHTS_FILE])
    place = chance.randrange(len(data) // 4) * 4
    bad = struct.pack("<f", chance.choice((float("nan"), float("inf"), -float("inf"))))
    files[WEIGHTS_FILE] = _joined(header, data[:place] + bad + data[place + 4 :])


change_config = change_json(CONFIG_FILE)

MUTATIONS: tuple[Mutation, ...] = (
    *(flip_bytes, truncate, change_config, change_config, nest),
    *(lie_in_header, lie_in_header, lie_about_length, poison, swap_files),
)


def _split(weights: bytes) -> tuple[dict[str, Any], bytes]:
    """A safetensors file's header, and its data."""
    (length,) = struct.unpack("<Q", weights[:8])
    return json.loads(weights[8 : 8 + length]), weights[8 + length :]


def _joined(header: object, data: bytes) -> bytes:
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def is_what_it_says(files: Files, spec: PolicySpec, network: Network) -> bool:
    """Whether a loaded model is what its files say, as JSON and numpy read them."""
    if not agree(json.loads(files[CONFIG_FILE]), json.loads(msgspec.json.encode(spec))):
        return False
    header, data = _split(files[WEIGHTS_FILE])
    header.pop("__metadata__", None)
    state = network.state_dict()
    if header.keys() != state.keys():
        return False
    for name, entry in header.items():
        start, end = entry["data_offsets"]
        values = np.frombuffer(data[start:end], "<f4").reshape(entry["shape"])
        if entry["dtype"] != "F32" or not np.array_equal(values, state[name].numpy()):
            return False
    return True


def tiny_model(directory: Path) -> None:
    """A model that takes a millisecond."""
    torch.manual_seed(1)
    checkpoint.save(directory, TINY, PolicyNetwork(TINY))


def recorded(files: Files) -> bytes:
    """A download's record of these files."""
    return msgspec.json.encode(
        store.Download(
            repository="ada/pong",
            revision="main",
            commit="1" * 40,
            sha256={name: sha256(content).hexdigest() for name, content in files.items()},
            downloaded="2026-01-01T00:00:00+00:00",
        )
    )


def models(workplace: Path) -> Trial:
    """The trials of a model's two files, a quarter of them with a download's record."""
    source, mutant = workplace / "source", workplace / "mutant"
    tiny_model(source)
    original = {name: (source / name).read_bytes() for name in (CONFIG_FILE, WEIGHTS_FILE)}
    checkpoint.load_policy(source)  # What the imports and a first run cost is not the mutants'.

    def trial(chance: random.Random) -> Outcome:
        record = {store.RECORD_FILE: recorded(original)} if chance.random() < 0.25 else {}
        files, mutations = mutated(original | record, MUTATIONS, chance)
        write(files, mutant)

        def read() -> Iterator[str]:
            spec, network = checkpoint.load_policy(mutant)
            if not is_what_it_says(files, spec, network):
                yield "as something else than it says"
            if store.RECORD_FILE in files and any(files[name] != original[name] for name in original):
                yield "a download that was changed"

        return Outcome(mutations, *judged(read))

    return trial
