"""What becomes of files on bad disks and in wicked hands, and how to judge what came of reading them."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

from models.errors import UserError

Files: TypeAlias = dict[str, bytes]
Mutation: TypeAlias = Callable[[Files, random.Random], None]

EXTREMES: tuple[Any, ...] = (
    *(0, -1, 1, 2, 3, 255, 256, 2**31, 2**63, 2**64, 10**40, 0.5, -0.0, 1e308, 1e400, float("nan")),
    *("", "x", "\0", "../..", "ALE/Pong-v5", "a" * 10_000, None, True, [], {}, [[]], [1] * 10_000, {"a": {"b": {}}}),
)
# Numbers at the ends of their types, and text that does something to a terminal, or to whoever draws it.
MORE_EXTREMES: tuple[Any, ...] = (
    *EXTREMES,
    *(-1e308, 1e300, -1e300, 5e-324, 10**300, 10**4000, -(10**40), 2**53 + 1, 1e15, False, 1.0),
    *("\x1b[31mred", "a\nb", "\u202eright to left", "\ud800", "é" * 300, "NaN", "-1", "~", "/", "a\0b"),
)
LONGEST_LINE = 700


class Outcome(NamedTuple):
    """What came of a mutant: its mutations, a word for what happened, and what is wrong with that, if anything."""

    mutations: str
    word: str
    problem: str = ""


Trial: TypeAlias = Callable[[random.Random], Outcome]
"""Makes one mutant and reads it."""


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


def swap_files(files: Files, chance: random.Random) -> None:
    """A file holds what belongs into another, or something else altogether."""
    name = chance.choice(sorted(files))
    zipped, pickled = b"PK\x03\x04" + bytes(60), b"\x80\x04cos\nsystem\n(S'true'\ntR."
    files[name] = chance.choice((*files.values(), b"", b"{}", b"null", pickled, zipped, b"\xff" * 100))


def lose_file(files: Files, chance: random.Random) -> None:
    """A file is gone."""
    del files[chance.choice(sorted(files))]


def places(content: object) -> list[tuple[Any, Any]]:
    """Where in a document a value stands: what holds it, and its key or place there."""
    if isinstance(content, dict):
        keys: list[Any] = list(content)
    elif isinstance(content, list):
        keys = list(range(len(content)))
    else:
        return []
    assert isinstance(content, dict | list)
    return [(content, key) for key in keys] + [place for key in keys for place in places(content[key])]


def change(document: object, chance: random.Random, values: Sequence[Any] = EXTREMES) -> None:
    """A field has another value, is gone, is new, or has changed places with another."""
    holder, key = chance.choice(places(document))
    kind = chance.randrange(4)
    if kind == 0:
        holder[key] = chance.choice(values)
    elif kind == 1:
        other_holder, other_key = chance.choice(places(document))
        holder[key], other_holder[other_key] = other_holder[other_key], holder[key]
    elif isinstance(holder, dict):
        if kind == 2:
            del holder[key]
        else:
            holder[chance.choice(("more", "__class__", "", "kind"))] = chance.choice(values)
    elif isinstance(holder[key], int | float):
        holder[key] = holder[key] * chance.choice((0, -1, 2, 3, 1000))


def change_json(name: str, values: Sequence[Any] = EXTREMES) -> Mutation:
    """A mutation of a file of JSON."""

    def change_document(files: Files, chance: random.Random) -> None:
        document = json.loads(files[name])
        change(document, chance, values)
        files[name] = json.dumps(document).encode()

    return change_document


def change_a_line(name: str) -> Mutation:
    """A mutation of a file of lines of JSON."""

    def change_line(files: Files, chance: random.Random) -> None:
        lines = files[name].splitlines()
        place = chance.randrange(len(lines))
        document = json.loads(lines[place])
        change(document, chance, MORE_EXTREMES)
        lines[place] = json.dumps(document).encode()
        files[name] = b"\n".join(lines) + b"\n"

    return change_line


def shuffle_lines(files: Files, chance: random.Random) -> None:
    """Lines come in another order, twice, or half."""
    name = chance.choice(sorted(files))
    lines = files[name].splitlines(keepends=True)
    kind = chance.randrange(3)
    if kind == 0:
        chance.shuffle(lines)
    elif kind == 1:
        lines.insert(chance.randrange(len(lines)), chance.choice(lines))
    else:
        place = chance.randrange(len(lines))
        lines[place] = lines[place][: chance.randrange(len(lines[place]))]
    files[name] = b"".join(lines)


def replace_word(files: Files, chance: random.Random) -> None:
    """A word or a number of a text is another one."""
    name = chance.choice(sorted(files))
    words = files[name].split(b" ")
    others = (b"nan", b"-1", b"1e999", b"inf", b'"\\u0000"', b"[" * 50, b"9" * 5000, b"{}", b"", b"\x00", b"\xff\xfe")
    words[chance.randrange(len(words))] = chance.choice((*others, *words))
    files[name] = b" ".join(words)


def nest_deeply(files: Files, chance: random.Random) -> None:
    """Brackets go far deeper than anything real."""
    name, depth = chance.choice(sorted(files)), chance.choice((50, 1_000, 30_000))
    opening, closing = chance.choice(((b"[", b"]"), (b'{"a":', b"}"), (b"a = [", b"]")))
    content = files[name]
    deep = opening * depth + b"1" + closing * depth
    start = chance.randrange(len(content) + 1)
    files[name] = chance.choice((deep, content[:start] + deep + content[start:]))[:90_000]


TEXT_MUTATIONS: tuple[Mutation, ...] = (flip_bytes, truncate, shuffle_lines, replace_word, nest_deeply, swap_files)


def mutated(original: Files, mutations: Sequence[Mutation], chance: random.Random) -> tuple[Files, str]:
    """Files with one mutation or a few, and what these were."""
    files, chosen = dict(original), chance.choices(mutations, k=chance.choice((1, 1, 1, 2, 3)))
    # An earlier mutation may leave nothing for a later one to read: what there is then, is read.
    with suppress(Exception):
        for mutate in chosen:
            mutate(files, chance)
    return files, ", ".join(mutate.__name__ for mutate in chosen)


def write(files: Files, folder: Path) -> None:
    """The folder holds these files and no others."""
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_dir():
            path.rmdir()
        else:
            path.unlink()
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def agree(said: object, built: object) -> bool:
    """Whether all that was said was built; what was left out may be anything."""
    if isinstance(said, dict) and isinstance(built, dict):
        return all(name in built and agree(value, built[name]) for name, value in said.items())
    return type(said) is type(built) and said == built


def known_agree(said: object, built: object) -> bool:
    """The same where unknown fields are ignored, and a whole number may stand for a float."""
    if isinstance(said, dict) and isinstance(built, dict):
        return all(known_agree(said[name], value) for name, value in built.items() if name in said)
    if isinstance(said, list | tuple) and isinstance(built, list | tuple):
        return len(said) == len(built) and all(map(known_agree, said, built))
    if type(said) is int and type(built) is float:
        return float(said) == built
    return type(said) is type(built) and said == built


def _refuse(constant: str) -> None:
    raise ValueError(constant)


def as_json(content: bytes) -> Any:
    """JSON as Python reads it; None where it is none, also with NaN or half a letter, which Python lets pass."""
    try:
        text = content.decode()
        return None if "\\ud800" in text else json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return None


def is_a_line(text: object) -> bool:
    """Whether a message can be shown: one line, not endless, nothing invisible."""
    return str(text).isprintable() and 0 < len(str(text)) < LONGEST_LINE


def judged(read: Callable[[], Iterator[str]]) -> tuple[str, str]:
    """What came of reading: `refused`, `loaded` or `crashed`; and the first problem that `read` yields, if any."""
    try:
        problem = next(read(), "")
    except UserError as error:
        return "refused", "" if is_a_line(error) else f"not a line: {str(error)!r}"[:400]
    except Exception as error:  # noqa: BLE001 - whatever it is, it should not be
        return "crashed", f"{type(error).__name__}: {error}"[:300]
    return "loaded", problem
