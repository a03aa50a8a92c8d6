"""Writes a run's metrics for TensorBoard."""

from __future__ import annotations

import os
import platform
import struct
import time
from collections.abc import Mapping
from pathlib import Path

from tensorboardX.proto.event_pb2 import Event, SessionLog
from tensorboardX.proto.summary_pb2 import Summary
from tensorboardX.record_writer import masked_crc32c


class EventFile:
    """A file of TensorBoard's events, each of them written before the call for it returns; `OSError` if the disk fails.

    tensorboardX's own `SummaryWriter` writes in a thread, and once a full disk has ended that thread, whoever adds to
    its queue waits for ever.
    """

    def __init__(self, folder: Path, steps: int) -> None:
        """Begins a file in `folder`. What earlier files have at `steps` and later was lost: TensorBoard hides it."""
        folder.mkdir(exist_ok=True)
        self._path = folder / f"events.out.tfevents.{int(time.time())}.{platform.node()}.{os.getpid()}"
        self._add(Event(wall_time=time.time(), file_version="brain.Event:2"))
        self._add(Event(wall_time=time.time(), step=steps, session_log=SessionLog(status=SessionLog.START)))

    def add(self, values: Mapping[str, float], steps: int) -> None:
        """Adds a point to each curve."""
        points = [Summary.Value(tag=name, simple_value=value) for name, value in values.items()]
        self._add(Event(wall_time=time.time(), step=steps, summary=Summary(value=points)))

    def _add(self, event: Event) -> None:
        with self._path.open("ab") as file:
            file.write(_record(event.SerializeToString()))


def _record(content: bytes) -> bytes:
    """The content as a TFRecord: its length, then the content, each followed by its checksum."""
    length = struct.pack("<Q", len(content))
    return b"".join(part + struct.pack("<I", masked_crc32c(part)) for part in (length, content))
