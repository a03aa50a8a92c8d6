"""A game in a small file: both players' controls in every frame, from which the emulator plays the same game again."""

from __future__ import annotations

import zlib
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Literal

import msgspec
import numpy as np
from msgspec import Meta, Struct

from agents.base import FULL_SPEED, Control
from agents.pong import MAX_NOOPS, Court, Score
from app.game.lineup import Lineup
from app.game.match import MAX_GAME_FRAMES
from app.game.timeline import Controls
from models.errors import UserError, one_line
from models.files import UNDECODABLE, atomic_write

SUFFIX = ".volley"
_MAGIC = b"VOLLEYREPLAY1\n"
_MAX_BYTES = 8_000_000
_FRAME = np.dtype(("<u2", 2))
_ROM = 0
"""The code of a frame in which the ROM played."""
_MAX_CODE = 1 + 2 * (2 * FULL_SPEED) + 1

Name = Annotated[str, Meta(max_length=200)]
Hash = Annotated[str, Meta(pattern=r"^([0-9a-f]{64})?\Z")]


class Replay(Struct, frozen=True, kw_only=True):
    """A recorded game; pairs are of the left and the right side."""

    format_version: Literal[1] = 1
    lineup: Lineup
    names: tuple[Name, Name]
    models: tuple[Hash, Hash]
    """Each side's `app.game.cast.model_hash`; empty without a model."""
    seed: Annotated[int, Meta(ge=0, lt=2**31)]
    """Of the agents: see `app.game.cast.load_cast`."""
    idle_frames: Annotated[int, Meta(ge=0, le=MAX_NOOPS)]
    score: tuple[Annotated[int, Meta(ge=0, le=21)], Annotated[int, Meta(ge=0, le=21)]]
    frames: Annotated[int, Meta(ge=1, le=MAX_GAME_FRAMES)]
    final: Hash
    """The SHA-256 of the court's RAM after the last frame."""
    packed_controls: bytes

    def __post_init__(self) -> None:
        """Rejects names that cannot be shown."""
        if not all(name.isprintable() for name in self.names):
            raise ValueError("a name cannot be shown")

    @classmethod
    def of(
        cls,
        controls: list[Controls],
        court_ram: bytes,
        *,
        lineup: Lineup,
        names: tuple[str, str],
        models: tuple[str, str],
        seed: int,
        idle_frames: int,
        score: Score,
    ) -> Replay:
        """The replay of a game with these controls in every frame, and this RAM after the last."""
        return cls(
            lineup=lineup,
            names=(one_line(names[0], 190), one_line(names[1], 190)),
            models=models,
            seed=seed,
            idle_frames=idle_frames,
            score=(score.left, score.right),
            frames=len(controls),
            final=sha256(court_ram).hexdigest(),
            packed_controls=packed(controls),
        )

    def controls(self) -> list[Controls]:
        """Both players' controls in every frame; `UserError` if they are damaged."""
        try:
            unpacker = zlib.decompressobj()
            unpacked = unpacker.decompress(self.packed_controls, self.frames * _FRAME.itemsize + 1)
            codes = np.frombuffer(unpacked, "<u2").reshape(self.frames, 2)
        except (zlib.error, ValueError) as error:
            raise UserError("this replay is damaged: its frames cannot be read") from error
        if codes.max() > _MAX_CODE or not codes[:, 1].all():
            raise UserError("this replay is damaged: it contains an impossible control")
        known = [_control(code) for code in range(_MAX_CODE + 1)]
        controls = [(known[left], known[right]) for left, right in codes.tolist()]
        return [(left, right) for left, right in controls if right is not None]

    def verify(self, controls: list[Controls]) -> None:
        """Plays the game again, without a window; `UserError` if it does not end as recorded."""
        court = Court()
        court.reset(idle_frames=self.idle_frames)
        for left, right in controls:
            court.step(right, left)
        if court.score != self.score or sha256(court.fingerprint()).hexdigest() != self.final:
            raise UserError(
                "this replay no longer plays as recorded: it was changed, or made with another version of the "
                "emulator; it cannot be repaired"
            )


def packed(controls: list[Controls]) -> bytes:
    """These controls as `Replay.packed_controls`."""
    codes = np.array([[_code(left), _code(right)] for left, right in controls], "<u2")
    return zlib.compress(codes.tobytes(), 9)


def save(replay: Replay, path: Path) -> None:
    """Writes the replay, all of it or nothing; `UserError` if `path` cannot be written."""
    payload = msgspec.msgpack.encode(replay)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        atomic_write(path, _MAGIC + sha256(payload).digest() + payload)
    except OSError as error:
        raise UserError(f"cannot save the replay to {str(path)!r}: {error.strerror}; choose another place") from error


def load(path: Path) -> Replay:
    """Reads a replay that `save` wrote; `UserError` if there is none, or it is damaged."""
    try:
        with path.open("rb") as file:
            content = file.read(_MAX_BYTES)
    except OSError as error:
        raise UserError(f"cannot read the replay {str(path)!r}: {error.strerror}") from error
    if not content.startswith(_MAGIC):
        raise UserError(f"{str(path)!r} is not a Volley replay")
    digest, payload = content[len(_MAGIC) : len(_MAGIC) + 32], content[len(_MAGIC) + 32 :]
    if sha256(payload).digest() != digest:
        raise UserError(f"the replay {str(path)!r} is damaged: it was cut short or changed; get an intact copy")
    try:
        return msgspec.msgpack.decode(payload, type=Replay)
    except UNDECODABLE as error:
        reason = f"{one_line(error)}; was it made by a newer Volley?"
        raise UserError(f"cannot read the replay {str(path)!r}: {reason}") from error


def _code(control: Control | None) -> int:
    return _ROM if control is None else 1 + 2 * (control.move + FULL_SPEED) + control.fire


def _control(code: int) -> Control | None:
    if code == _ROM:
        return None
    move, fire = divmod(code - 1, 2)
    return Control(move - FULL_SPEED, bool(fire))
