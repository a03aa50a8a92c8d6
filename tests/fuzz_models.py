"""Loads mutated model directories one after the other, and says what came of each: run by `test_fuzz.py`.

A process of its own, so that a crash ends it and not the test, and its memory can be measured.
"""

from __future__ import annotations

import json
import random
import resource
import struct
import sys
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeAlias

import msgspec
import numpy as np
import torch

from models import checkpoint, store
from models.control import PolicySpec
from models.errors import UserError
from models.files import CONFIG_FILE, WEIGHTS_FILE
from models.mlp import Network

Files: TypeAlias = dict[str, bytes]
Mutation: TypeAlias = Callable[[Files, random.Random], None]

EXTREMES: tuple[Any, ...] = (
    *(0, -1, 1, 2, 3, 255, 256, 2**31, 2**63, 2**64, 10**40, 0.5, -0.0, 1e308, 1e400, float("nan")),
    *("", "x", "\0", "../..", "ALE/Pong-v5", "a" * 10_000, None, True, [], {}, [[]], [1] * 10_000, {"a": {"b": {}}}),
)
DTYPES = ("F64", "F32", "F16", "BF16", "I64", "I32", "U8", "BOOL", "F8_E4M3", "X99", 3, None)


def flip_bytes(files: Files, chance: random.Random) -> None:
    """Some bytes become others."""
    name = chance.choice(sorted(files))
    content = bytearray(files[name])
    # Half of the time near the start, where headers are.
    reach = len(content) if chance.random() < 0.5 else min(len(content), 1200)
    for _ in range(chance.choice((1, 1, 2, 8, 64))):
        content[chance.randrange(reach)] = chance.randrange(256)
    files[name] = bytes(content)


def truncate(files: Files, chance: random.Random) -> None:
    """The end is missing, or there is more of it than there should be."""
    name = chance.choice(sorted(files))
    content = files[name]
    files[name] = content[: chance.randrange(len(content))] if chance.random() < 0.8 else content + content[-64:]


def change_config(files: Files, chance: random.Random) -> None:
    """A field of config.json has another value, is gone, is new, or has changed places with another."""
    config = json.loads(files[CONFIG_FILE])
    holder, key = chance.choice(_places(config))
    kind = chance.randrange(4)
    if kind == 0:
        holder[key] = chance.choice(EXTREMES)
    elif kind == 1:
        other_holder, other_key = chance.choice(_places(config))
        holder[key], other_holder[other_key] = other_holder[other_key], holder[key]
    elif isinstance(holder, dict):
        if kind == 2:
            del holder[key]
        else:
            holder[chance.choice(("more", "__class__", "", "kind"))] = chance.choice(EXTREMES)
    elif isinstance(holder[key], int | float):
        holder[key] = holder[key] * chance.choice((0, -1, 2, 3, 1000))
    files[CONFIG_FILE] = json.dumps(config).encode()


def _places(content: object) -> list[tuple[Any, Any]]:
    """Where in a JSON document a value stands: what holds it, and its key or place there."""
    if isinstance(content, dict):
        keys: list[Any] = list(content)
    elif isinstance(content, list):
        keys = list(range(len(content)))
    else:
        return []
    assert isinstance(content, dict | list)
    return [(content, key) for key in keys] + [place for key in keys for place in _places(content[key])]


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


def swap_files(files: Files, chance: random.Random) -> None:
    """A file holds what belongs into another, or something else altogether."""
    name = chance.choice(sorted(files))
    zipped, pickled = b"PK\x03\x04" + bytes(60), b"\x80\x04cos\nsystem\n(S'true'\ntR."
    files[name] = chance.choice((*files.values(), b"", b"{}", b"null", pickled, zipped, b"\xff" * 100))


LONGEST_LINE = 700

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


def agree(said: object, built: object) -> bool:
    """Whether all that was said was built; what was left out may be anything."""
    if isinstance(said, dict) and isinstance(built, dict):
        return all(name in built and agree(value, built[name]) for name, value in said.items())
    return type(said) is type(built) and said == built


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


def mutant(original: Files, chance: random.Random, *, downloaded: bool) -> tuple[Files, str]:
    """Files with one mutation or a few, and what these were."""
    files = dict(original)
    if downloaded:
        files[store.RECORD_FILE] = recorded(original)
    mutations = chance.choices(MUTATIONS, k=chance.choice((1, 1, 1, 2, 3)))
    # An earlier mutation may leave nothing for a later one to read: what there is then, is loaded.
    with suppress(ValueError, KeyError, TypeError, IndexError, AttributeError, struct.error, RecursionError):
        for mutate in mutations:
            mutate(files, chance)
    return files, ", ".join(mutate.__name__ for mutate in mutations)


def fault(directory: Path, files: Files, original: Files) -> tuple[str, str]:
    """What came of loading the model: `refused` or `loaded`; and what is wrong with that, empty where nothing is."""
    try:
        spec, network = checkpoint.load_policy(directory)
    except UserError as error:
        a_line = len(str(error).splitlines()) == 1 and len(str(error)) < LONGEST_LINE
        return "refused", "" if a_line else f"not a line: {error!r}"
    except Exception as error:  # noqa: BLE001 - whatever it is, it should not be
        return "crashed", f"{type(error).__name__}: {error}"[:300]
    if not is_what_it_says(files, spec, network):
        return "loaded", "as something else than it says"
    changed = store.RECORD_FILE in files and any(files[name] != original[name] for name in original)
    return "loaded", "a download that was changed" if changed else ""


def main(source: Path, workplace: Path, count: int, seed: int) -> None:
    """Mutates the model in `source`, `count` times; prints one JSON object: what came of them, and what it took."""
    torch.set_num_threads(1)
    original = {name: (source / name).read_bytes() for name in (CONFIG_FILE, WEIGHTS_FILE)}
    checkpoint.load_policy(source)  # What the imports and a first run cost is not the mutants'.
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    outcomes: Counter[str] = Counter()
    wrong: list[str] = []
    slowest = 0.0
    for case in range(count):
        chance = random.Random(seed * count + case)  # noqa: S311 - to repeat a case, not to keep a secret
        files, mutations = mutant(original, chance, downloaded=case % 4 == 0)
        for file in workplace.iterdir():
            file.unlink()
        for name, content in files.items():
            (workplace / name).write_bytes(content)
        started = time.perf_counter()
        outcome, problem = fault(workplace, files, original)
        slowest = max(slowest, time.perf_counter() - started)
        outcomes[outcome] += 1
        if problem:
            wrong.append(f"case {case} ({mutations}) {outcome}: {problem}")
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    print(json.dumps({"outcomes": outcomes, "wrong": wrong, "slowest": slowest, "grown_mib": grown / 1024}))  # noqa: T201


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))
