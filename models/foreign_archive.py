"""Reads agents of other programs without unpickling: archives of Stable-Baselines3 and torch files of CleanRL.

Both are zip files that contain pickles. Tensors are read by `torch.load` with `weights_only=True`. From
Stable-Baselines3's `data`, JSON with embedded pickles, only a few plain fields are read.
"""

from __future__ import annotations

import json
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
from models.spec import MAX_PARAMETERS, unique

MAX_FILE_BYTES = 64 * 1024 * 1024
"""An archive with its optimiser's state has up to 30 MB."""
MAX_TENSOR_BYTES = 32 * 1024 * 1024
"""DQN's two networks have 14 MB."""
MAX_PICKLE_BYTES = 64 * 1024
"""The pickle holds names and shapes; DQN's has 4 KB."""
MAX_SETTINGS_BYTES = 8 * 1024 * 1024
MAX_ENTRIES = 1000
"""Files in the archive and in archives nested in it."""

Tensors: TypeAlias = Mapping[str, Tensor]

_POLICY_FILE, _SETTINGS_FILE = "policy.pth", "data"
_ENTRY_SIGNATURE = b"PK\1\2"
"""Starts the entry of each file in a zip file's central directory."""


class PolicyKeywords(msgspec.Struct, frozen=True):
    """The policy options of Stable-Baselines3."""

    normalize_images: bool = True


class Settings(msgspec.Struct, frozen=True):
    """The fields read from Stable-Baselines3's `data`. All others, including pickles, are ignored."""

    n_epochs: int | None = None
    normalize_advantage: bool | None = None
    target_kl: float | None = None
    policy_kwargs: PolicyKeywords = PolicyKeywords()


class Archive(NamedTuple):
    """The contents of an archive."""

    tensors: Tensors
    """By name: float32, finite, on the CPU."""
    settings: Settings
    """Defaults if the archive has none."""


def read_archive(path: Path) -> Archive:
    """Returns the tensors and settings in a file; `UserError` if it cannot be read or holds anything else."""
    content = _content(path)
    with _unzipped(content) as archive:
        names = archive.namelist()
        if _POLICY_FILE in names:
            policy = _read_entry(archive, _POLICY_FILE, MAX_TENSOR_BYTES)
            settings = _settings(archive) if _SETTINGS_FILE in names else Settings()
        elif any(name.endswith("/data.pkl") for name in names):
            policy, settings = content, Settings()
        else:
            raise UserError("it is neither a Stable-Baselines3 archive (no policy.pth) nor a torch file")
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
    """Opens the zip file in `content`; any fault in it, also while it is read, is a `UserError`."""
    if content.count(_ENTRY_SIGNATURE) > MAX_ENTRIES:
        raise UserError(f"it is a zip file with more than {MAX_ENTRIES:,} files in it")
    try:
        with ZipFile(BytesIO(content)) as archive:
            if len(set(archive.namelist())) != len(archive.namelist()):
                raise UserError("it is a zip file with two files of the same name")
            yield archive
    except (BadZipFile, EOFError, NotImplementedError, OSError, ValueError, struct.error, zlib.error) as error:
        raise UserError(f"it is not a zip file, or a damaged one: {one_line(error, 80)}") from error


def _read_entry(archive: ZipFile, name: str, max_bytes: int) -> bytes:
    """Returns the contents of one file in an archive."""
    entry, shown = archive.getinfo(name), one_line(repr(name), 40)
    if entry.flag_bits & 1:
        raise UserError(f"its file {shown} is encrypted")
    if entry.compress_type not in {ZIP_STORED, ZIP_DEFLATED}:
        raise UserError(f"its file {shown} is compressed by an unsupported method")
    if entry.file_size > max_bytes:
        raise UserError(f"its file {shown} would have {entry.file_size:,} bytes; the limit is {max_bytes:,}")
    with archive.open(entry) as file:
        content = file.read(max_bytes)  # Never more, whatever size it declares.
    if len(content) != entry.file_size:
        raise UserError(f"its file {shown} does not have the size it declares")
    return content


def _settings(archive: ZipFile) -> Settings:
    """Returns the settings in an archive; `UserError` if they cannot be read, for they say what the network takes.

    Python's reader takes the bare Infinity and NaN that Python's writer leaves, as for `max_grad_norm=inf`.
    """
    content = _read_entry(archive, _SETTINGS_FILE, MAX_SETTINGS_BYTES)
    try:
        return msgspec.convert(json.loads(content, object_pairs_hook=unique), Settings)
    except (msgspec.ValidationError, ValueError, RecursionError) as error:
        raise UserError(f"its settings cannot be read: {one_line(error, 80)}") from error


def _tensors(content: bytes) -> Tensors:
    """Returns the tensors that `torch.save` wrote; `UserError` if there is anything but named tensors.

    PyTorch gets a copy of the archive, so that it sees only the files checked here, whatever else its own reader might
    find in the original.
    """
    copy, bytes_left = BytesIO(), MAX_TENSOR_BYTES
    with _unzipped(content) as archive, ZipFile(copy, "w") as copied:
        for name in archive.namelist():
            is_pickle = name.endswith(".pkl")
            entry = _read_entry(archive, name, min(bytes_left, MAX_PICKLE_BYTES) if is_pickle else bytes_left)
            if is_pickle:
                _check_pickle(entry)
            copied.writestr(ZipInfo(name), entry)
            bytes_left -= len(entry)
    copy.seek(0)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            loaded = torch.load(copy, map_location="cpu", weights_only=True)
    except Exception as error:  # A stranger's pickle can fail with anything.
        if blocked := re.search(r"GLOBAL ([\w.]{1,60})", str(error)):
            raise UserError(f"its pickle would run code ({blocked[1]}), and Volley never loads such files") from error
        raise UserError(f"PyTorch cannot read its tensors ({type(error).__name__})") from error
    if not isinstance(loaded, dict) or not all(
        isinstance(name, str) and isinstance(tensor, Tensor) for name, tensor in loaded.items()
    ):
        raise UserError("it is not a dictionary of named tensors; save only the network's state_dict()")
    return loaded


def _check_pickle(content: bytes) -> None:
    """`UserError` if that is not a pickle, or one that reuses anything but strings and names.

    A pair of the same pair twice, sixty levels deep, takes 300 bytes, but hashing it takes forever, as PyTorch would if
    it were a dictionary key. A `state_dict()` has no such pairs.
    """
    previous, memo = "", dict[object, str]()
    try:
        for operation, argument, _ in pickletools.genops(content):
            if operation.name in {"BINPUT", "LONG_BINPUT"}:
                memo[argument] = previous
            elif operation.name in {"BINGET", "LONG_BINGET"} and memo.get(argument) not in {"BINUNICODE", "GLOBAL"}:
                raise UserError("its pickle uses an object twice, which no state_dict() does")
            previous = operation.name
    except ValueError as error:
        raise UserError(f"its tensors cannot be read: {one_line(error, 80)}") from error


def _check_plain(tensors: Tensors) -> None:
    """`UserError` unless every tensor is dense, on the CPU, float32 and finite."""
    for name, tensor in tensors.items():
        shown = one_line(repr(name), 80)
        if tensor.is_nested or tensor.layout is not torch.strided or tensor.device.type != "cpu":
            raise UserError(f"tensor {shown} is not a dense tensor on the CPU")
        if tensor.dtype != torch.float32:
            raise UserError(f"tensor {shown} is {tensor.dtype}, not torch.float32")
    # There can be more numbers than bytes: a tensor with strides of 0 needs no memory until it is read.
    if sum(tensor.numel() for tensor in tensors.values()) > MAX_PARAMETERS:
        raise UserError(f"it holds more than {MAX_PARAMETERS:,} numbers")
    for name, tensor in tensors.items():
        if not tensor.isfinite().all():
            raise UserError(f"tensor {one_line(repr(name), 80)} holds values that are not finite")
