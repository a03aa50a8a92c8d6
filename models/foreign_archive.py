"""Archives of other programs, read without unpickling: Stable-Baselines3's, and the torch files of CleanRL's agents.

Both are zip files with pickles in them. Tensors are read by `torch.load` with `weights_only=True`; of
Stable-Baselines3's `data`, which is JSON with pickles in it, a few plain fields.
"""

from __future__ import annotations

import pickletools
import re
import struct
import warnings
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import NamedTuple, TypeAlias
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile, ZipInfo

import msgspec
import torch
from torch import Tensor

from models.errors import UserError, one_line
from models.spec import MAX_PARAMETERS

MAX_FILE_BYTES = 64 * 1024 * 1024
"""With its optimiser's state, an archive takes up to 30 MB."""
MAX_TENSOR_BYTES = 32 * 1024 * 1024
"""DQN's two networks take 14 MB."""
MAX_PICKLE_BYTES = 64 * 1024
"""Of names and shapes; DQN's take 4 KB."""
MAX_SETTINGS_BYTES = 8 * 1024 * 1024
MAX_PARTS = 1000
"""Files in the archive, and in the archives in it."""

Tensors: TypeAlias = Mapping[str, Tensor]

_POLICY_FILE, _SETTINGS_FILE = "policy.pth", "data"
_PART_MARK = b"PK\1\2"
"""What the entry of each file begins with, in a zip file's directory."""


class PolicyKeywords(msgspec.Struct, frozen=True):
    """How Stable-Baselines3 was to build a policy."""

    normalize_images: bool = True


class Settings(msgspec.Struct, frozen=True):
    """The plain fields that are read of Stable-Baselines3's `data`. All others are skipped, pickles among them."""

    n_epochs: int | None = None
    normalize_advantage: bool | None = None
    target_kl: float | None = None
    policy_kwargs: PolicyKeywords = PolicyKeywords()


class Archive(NamedTuple):
    """What an archive holds."""

    tensors: Tensors
    """By their names in it: float32, finite, on the CPU."""
    settings: Settings
    """All defaults where there are none."""


def read_archive(path: Path) -> Archive:
    """The tensors and the settings in a file; `UserError` where it cannot be read, or holds anything else."""
    content = _content(path)
    with _unzipped(content) as archive:
        names = archive.namelist()
        if _POLICY_FILE in names:
            policy = _part(archive, _POLICY_FILE, MAX_TENSOR_BYTES)
            settings = _settings(archive) if _SETTINGS_FILE in names else Settings()
        elif any(name.endswith("/data.pkl") for name in names):
            policy, settings = content, Settings()
        else:
            raise UserError("it holds neither a policy.pth of Stable-Baselines3 nor the tensors of a torch file")
    tensors = _tensors(policy)
    _check_plain(tensors)
    return Archive(tensors, settings)


def _content(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise UserError(f"it cannot be read: {error.strerror}") from error
    if len(content) > MAX_FILE_BYTES:
        raise UserError(f"it is larger than {MAX_FILE_BYTES:,} bytes")
    return content


@contextmanager
def _unzipped(content: bytes) -> Iterator[ZipFile]:
    """The zip file in `content`; anything wrong with it, now or later, is a `UserError`."""
    if content.count(_PART_MARK) > MAX_PARTS:
        raise UserError(f"it is a zip file of more than {MAX_PARTS:,} parts")
    try:
        with ZipFile(BytesIO(content)) as archive:
            if len(set(archive.namelist())) != len(archive.namelist()):
                raise UserError("it is a zip file with two parts of the same name")
            yield archive
    except (BadZipFile, EOFError, NotImplementedError, OSError, ValueError, struct.error, zlib.error) as error:
        raise UserError(f"it is not a zip file, or not a whole one: {one_line(error, 80)}") from error


def _part(archive: ZipFile, name: str, most_bytes: int) -> bytes:
    """One file of an archive, in memory."""
    part, shown = archive.getinfo(name), one_line(repr(name), 40)
    if part.flag_bits & 1:
        raise UserError(f"its part {shown} is encrypted")
    if part.compress_type not in {ZIP_STORED, ZIP_DEFLATED}:
        raise UserError(f"its part {shown} is compressed by a method that is not supported")
    if part.file_size > most_bytes:
        raise UserError(f"its part {shown} would be {part.file_size:,} bytes; the most is {most_bytes:,}")
    with archive.open(part) as file:
        content = file.read(most_bytes)  # No more, whatever was declared.
    if len(content) != part.file_size:
        raise UserError(f"its part {shown} is not as long as it says")
    return content


def _settings(archive: ZipFile) -> Settings:
    """The settings of an archive; all defaults where they cannot be read, because nothing depends on them."""
    content = _part(archive, _SETTINGS_FILE, MAX_SETTINGS_BYTES)
    try:
        return msgspec.json.decode(content, type=Settings)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return Settings()


def _tensors(content: bytes) -> Tensors:
    """The tensors that `torch.save` wrote; `UserError` where there is more than tensors by name.

    PyTorch gets a copy of the archive, so that it sees exactly the parts that were checked here, whatever else its own
    reader might find in the file.
    """
    copy, left = BytesIO(), MAX_TENSOR_BYTES
    with _unzipped(content) as archive, ZipFile(copy, "w") as copied:
        for name in archive.namelist():
            pickled = name.endswith(".pkl")
            part = _part(archive, name, min(left, MAX_PICKLE_BYTES) if pickled else left)
            if pickled:
                _check_pickle(part)
            copied.writestr(ZipInfo(name), part)
            left -= len(part)
    copy.seek(0)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            loaded = torch.load(copy, map_location="cpu", weights_only=True)
    except Exception as error:  # A stranger's pickle can fail with anything.
        if asked := re.search(r"GLOBAL ([\w.]{1,60})", str(error)):
            raise UserError(f"it is a pickle that would run code, {asked[1]}: that is never loaded") from error
        raise UserError(f"its tensors cannot be read by PyTorch ({type(error).__name__})") from error
    if not isinstance(loaded, dict) or not all(
        isinstance(name, str) and isinstance(tensor, Tensor) for name, tensor in loaded.items()
    ):
        raise UserError("it holds more than tensors by name, or less; save the network's state_dict() alone")
    return loaded


def _check_pickle(content: bytes) -> None:
    """`UserError` where that is not a pickle, or one that repeats anything but texts and names.

    A pair of the same pair twice, sixty deep, takes 300 bytes, and hashing it, as PyTorch would if the pickle used it
    as a key of a dictionary, takes forever. A `state_dict()` has none.
    """
    previous, kept = "", dict[object, str]()
    try:
        for operation, argument, _ in pickletools.genops(content):
            if operation.name in {"BINPUT", "LONG_BINPUT"}:
                kept[argument] = previous
            elif operation.name in {"BINGET", "LONG_BINGET"} and kept.get(argument) not in {"BINUNICODE", "GLOBAL"}:
                raise UserError("its pickle holds the same part twice, which no state_dict() does")
            previous = operation.name
    except ValueError as error:
        raise UserError(f"its tensors cannot be read: {one_line(error, 80)}") from error


def _check_plain(tensors: Tensors) -> None:
    """`UserError` where there is a tensor that is not float32, or not finite."""
    for name, tensor in tensors.items():
        shown = one_line(repr(name), 80)
        if tensor.is_nested or tensor.layout is not torch.strided or tensor.device.type != "cpu":
            raise UserError(f"tensor {shown} is no plain tensor")
        if tensor.dtype != torch.float32:
            raise UserError(f"tensor {shown} is {tensor.dtype}, not torch.float32")
    # There may be more numbers than bytes: a tensor of strides 0 needs no memory until it is read.
    if sum(tensor.numel() for tensor in tensors.values()) > MAX_PARAMETERS:
        raise UserError(f"it holds more than {MAX_PARAMETERS:,} numbers")
    for name, tensor in tensors.items():
        if not tensor.isfinite().all():
            raise UserError(f"tensor {one_line(repr(name), 80)} holds values that are not finite")
