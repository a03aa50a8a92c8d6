"""Mutated replays, for `fuzz.py`."""

from __future__ import annotations

import random
import zlib
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from fuzz_models import tiny_model
from mutations import (
    MORE_EXTREMES,
    Files,
    Mutation,
    Outcome,
    Trial,
    change,
    flip_bytes,
    judged,
    known_agree,
    mutated,
    swap_files,
    truncate,
    write,
)

from agents.base import FULL_SPEED, Control
from agents.pong import Court, Side
from agents.scripted import TrackerAgent
from app.game import replay
from app.game.cast import load_recorded_cast
from app.game.lineup import Lineup, Person, Policy, Rom, Tracker
from app.game.match import Match
from app.game.replay import Replay
from app.game.seats import AgentSeat, RecordedSeat, RomSeat
from app.game.session import Session

FRAMES = 150
HEAD = len(b"VOLLEYREPLAY1\n")
FILE = "game.volley"


def against_the_rom() -> Replay:
    """A tracker's first seconds."""
    match = Match(Court(seed=1), names=("", ""))
    match.seat(RomSeat(), AgentSeat(TrackerAgent(), Side.RIGHT))
    for _ in range(FRAMES):
        match.advance()
    return Replay.of(
        match.timeline.controls,
        match.court.fingerprint(),
        lineup=Lineup(Rom(), Tracker()),
        names=("Atari CPU", "Tracker"),
        models=("", ""),
        seed=1,
        idle_frames=match.court.idle_frames,
        score=match.score,
    )


def against_a_model(model: Path) -> Replay:
    """A person's first seconds."""
    session = Session(Lineup(Person(), Policy(str(model), reaction_ms=100)), seed=5)
    session.begin_now()
    for _ in range(FRAMES):
        session.match.advance()
    recorded = session.replay()
    assert recorded is not None
    return recorded


def fields_of(content: bytes) -> dict[str, Any]:
    fields: dict[str, Any] = msgspec.msgpack.decode(content[HEAD + 32 :])
    return fields


def sealed(payload: bytes) -> bytes:
    """A file with a digest that fits."""
    return b"VOLLEYREPLAY1\n" + sha256(payload).digest() + payload


def forge(files: Files, chance: random.Random) -> None:
    """A field has another value, and the digest fits it."""
    fields = fields_of(files[FILE])
    change(fields, chance, MORE_EXTREMES)
    files[FILE] = sealed(msgspec.msgpack.encode(fields))


def forge_bytes(files: Files, chance: random.Random) -> None:
    """Bytes of the fields are others, and the digest fits them."""
    part = {FILE: files[FILE][HEAD + 32 :]}
    chance.choice((flip_bytes, truncate))(part, chance)
    files[FILE] = sealed(part[FILE])


def forge_controls(files: Files, chance: random.Random) -> None:
    """Somebody did something else in some frames, or there are more frames, or fewer."""
    fields = fields_of(files[FILE])
    codes = np.frombuffer(zlib.decompress(fields["packed_controls"]), "<u2").copy()
    match chance.randrange(4):
        case 0:
            codes[chance.randrange(len(codes))] = chance.choice((0, 1, 201, 402, 403, 404, 65_535))
        case 1:
            codes = codes[: chance.randrange(len(codes))]
            fields["frames"] = chance.choice((fields["frames"], len(codes) // 2))
        case 2:
            codes = np.resize(codes, len(codes) * chance.choice((2, 100)))
        case _:
            codes = np.roll(codes, chance.choice((-2, -1, 1, 2)))
    fields["packed_controls"] = zlib.compress(codes.tobytes())
    files[FILE] = sealed(msgspec.msgpack.encode(fields))


def forge_outcome(files: Files, chance: random.Random) -> None:
    """It says that it ended in another way, or began in another."""
    fields = fields_of(files[FILE])
    name, value = chance.choice(
        (
            ("final", "0" * 64),
            ("final", ""),
            ("score", [21, 0]),
            ("score", [1, 1]),
            ("idle_frames", 2),
            ("idle_frames", 0),
            ("models", ["", "0" * 64]),
            ("seed", 3),
            ("names", ["\0", "x" * 199]),
            ("frames", 1),
        )
    )
    fields[name] = value
    files[FILE] = sealed(msgspec.msgpack.encode(fields))


def nest_fields(files: Files, chance: random.Random) -> None:
    """Lists in lists, or one that says it is huge."""
    depth = chance.choice((50, 1000, 100_000))
    files[FILE] = sealed(
        chance.choice((b"\x91" * depth, b"\x81\xa1a" * depth, b"\xdd\xff\xff\xff\xff", b"\xc6\xff\xff\xff\xff"))
    )


MUTATIONS: tuple[Mutation, ...] = (
    *(flip_bytes, truncate, swap_files, nest_fields),
    *(forge, forge, forge, forge_bytes, forge_bytes, forge_controls, forge_controls, forge_outcome),
)


def played(fields: dict[str, Any]) -> tuple[list[int], str, list[list[Control | None]]]:
    """How the game that these fields describe ends, and both players' controls, as numpy reads them."""
    codes = np.frombuffer(zlib.decompress(fields["packed_controls"]), "<u2").reshape(-1, 2).tolist()
    controls: list[list[Control | None]] = [[], []]
    court = Court()
    court.reset(idle_frames=fields["idle_frames"])
    for pair in codes:
        hands = [None if code == 0 else Control((code - 1) // 2 - FULL_SPEED, fire=code % 2 == 0) for code in pair]
        assert hands[1] is not None
        court.step(hands[1], hands[0])
        for side in (0, 1):
            controls[side].append(hands[side])
    return list(court.score), sha256(court.fingerprint()).hexdigest(), controls


def replays(workplace: Path) -> Trial:
    """The trials of two replays."""
    model, mutant = workplace / "model", workplace / "mutant"
    tiny_model(model)
    originals = []
    models: dict[type, list[str]] = {}
    for recorded in (against_the_rom(), against_a_model(model)):
        models[type(recorded.lineup.right)] = list(recorded.models)
        replay.save(recorded, workplace / FILE)
        originals.append((workplace / FILE).read_bytes())

    def trial(chance: random.Random) -> Outcome:
        files, mutations = mutated({FILE: chance.choice(originals)}, MUTATIONS, chance)
        write(files, mutant)

        return Outcome(mutations, *judged(lambda: read(mutant / FILE, models)))

    return trial


def read(path: Path, models: dict[type, list[str]]) -> Iterator[str]:
    """What is wrong with a replay as it is loaded and played again; `models` are those there, by who plays right."""
    found = replay.load(path)
    try:
        fields = fields_of(path.read_bytes())
    except UnicodeDecodeError:  # a field that Volley does not know, and skips
        return
    if not known_agree(fields, msgspec.to_builtins(found, builtin_types=(bytes,))):
        yield "as something else than it says"
    cast = load_recorded_cast(found)
    if not all(text.isprintable() for text in (*found.names, cast.notice)):
        yield f"with what cannot be drawn: {found.names} {cast.notice!r}"
    score, final, controls = played(fields)
    if (score, final) != (fields["score"], fields["final"]):
        yield "it does not end as recorded"
    if [seat._controls for seat in cast.seats if isinstance(seat, RecordedSeat)] != controls:
        yield "it plays other controls than recorded"
    if cast.notice == "" and fields["models"] != models[type(found.lineup.right)]:
        yield "a model is missing, and nothing says so"
