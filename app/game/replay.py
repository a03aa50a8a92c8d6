"""A game in a small file: what both hands did in every frame, from which the emulator plays the same game again."""

from __future__ import annotations

import zlib
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Literal

import msgspec
import numpy as np
from msgspec import Meta, Struct

from agents.base import FULL_SPEED, Control
from agents.pong import MOST_NOOPS, Court, Score
from app.game.lineup import Lineup
from app.game.match import MOST_GAME_FRAMES
from app.game.timeline import Controls
from models.errors import UserError
from models.files import atomic_write

SUFFIX = ".volley"
_MAGIC = b"VOLLEYREPLAY1\n"
_MOST_BYTES = 8_000_000
_FRAME = np.dtype(("<u2", 2))
_ROM = 0
"""Stands for a frame in which the ROM played."""
_MOST_CODE = 1 + 2 * (2 * FULL_SPEED) + 1

Name = Annotated[str, Meta(max_length=200)]
Hash = Annotated[str, Meta(pattern="^([0-9a-f]{64})?$")]


class Replay(Struct, frozen=True, kw_only=True):
    """A recorded game; pairs are of the left and the right side."""

    format_version: Literal[1] = 1
    lineup: Lineup
    names: tuple[Name, Name]
    models: tuple[Hash, Hash]
    """`models.files.fingerprint` of each side's model; empty where no model played."""
    seed: Annotated[int, Meta(ge=0, lt=2**31)]
    """The agents were made with it: see `app.session`."""
    idle_frames: Annotated[int, Meta(ge=0, le=MOST_NOOPS)]
    score: tuple[Annotated[int, Meta(ge=0, le=21)], Annotated[int, Meta(ge=0, le=21)]]
    frames: Annotated[int, Meta(ge=1, le=MOST_GAME_FRAMES)]
    final: Hash
    """The SHA-256 of the court's RAM after the last frame."""
    packed_controls: bytes

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
        """The replay of a game in which these were the controls of every frame, and which left the RAM like that."""
        return cls(
            lineup=lineup,
            names=names,
            models=models,
            seed=seed,
            idle_frames=idle_frames,
            score=(score.left, score.right),
            frames=len(controls),
            final=sha256(court_ram).hexdigest(),
            packed_controls=packed(controls),
        )

    def controls(self) -> list[Controls]:
        """Of every frame; `UserError` where they are not what the file says."""
        try:
            unpacker = zlib.decompressobj()
            unpacked = unpacker.decompress(self.packed_controls, self.frames * _FRAME.itemsize + 1)
            codes = np.frombuffer(unpacked, "<u2").reshape(self.frames, 2)
        except (zlib.error, ValueError) as error:
            raise UserError("this replay is damaged: its frames cannot be read") from error
        if codes.max() > _MOST_CODE or not codes[:, 1].all():
            raise UserError("this replay is damaged: it holds a control that does not exist")
        known = [_control(code) for code in range(_MOST_CODE + 1)]
        controls = [(known[left], known[right]) for left, right in codes.tolist()]
        return [(left, right) for left, right in controls if right is not None]

    def verify(self, controls: list[Controls]) -> None:
        """Plays the game again, without a window; `UserError` where it does not end as it is recorded."""
        court = Court()
        court.reset(idle_frames=self.idle_frames)
        for left, right in controls:
            court.step(right, left)
        if court.score != self.score or sha256(court.fingerprint()).hexdigest() != self.final:
            raise UserError(
                "this replay does not play as it was recorded: it was changed, or made with another version of the "
                "emulator; there is nothing to be done about it"
            )


def packed(controls: list[Controls]) -> bytes:
    """`Replay.packed_controls` of these."""
    codes = np.array([[_code(left), _code(right)] for left, right in controls], "<u2")
    return zlib.compress(codes.tobytes(), 9)


def save(replay: Replay, path: Path) -> None:
    """Writes the replay; `path` is whole or as before. `UserError` where it cannot be written."""
    payload = msgspec.msgpack.encode(replay)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        atomic_write(path, _MAGIC + sha256(payload).digest() + payload)
    except OSError as error:
        raise UserError(f"cannot save the replay to {str(path)!r}: {error.strerror}; choose another place") from error


def load(path: Path) -> Replay:
    """Reads a replay that `save` wrote; `UserError` where there is none, or it was cut short or changed."""
    try:
        with path.open("rb") as file:
            content = file.read(_MOST_BYTES)
    except OSError as error:
        raise UserError(f"cannot read the replay {str(path)!r}: {error.strerror}") from error
    if not content.startswith(_MAGIC):
        raise UserError(f"{str(path)!r} is no replay of Volley")
    digest, payload = content[len(_MAGIC) : len(_MAGIC) + 32], content[len(_MAGIC) + 32 :]
    if sha256(payload).digest() != digest:
        raise UserError(f"the replay {str(path)!r} is damaged: it was cut short or changed; get a whole copy")
    try:
        return msgspec.msgpack.decode(payload, type=Replay)
    except msgspec.MsgspecError as error:
        raise UserError(f"cannot read the replay {str(path)!r}: {error}; was it made by a newer Volley?") from error


def _code(control: Control | None) -> int:
    return _ROM if control is None else 1 + 2 * (control.move + FULL_SPEED) + control.fire


def _control(code: int) -> Control | None:
    if code == _ROM:
        return None
    move, fire = divmod(code - 1, 2)
    return Control(move - FULL_SPEED, bool(fire))
