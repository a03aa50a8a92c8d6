"""The files for TensorBoard, read back."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

import pytest
from tensorboardX.proto.event_pb2 import Event, SessionLog
from tensorboardX.record_writer import RecordWriter

from training.tensorboard import EventFile


@pytest.fixture
def written(tmp_path: Path) -> Path:
    """The file of a training that logged twice."""
    events = EventFile(tmp_path / "tensorboard", 32)
    events.add({"mean_return": -20.5, "entropy": 1.5}, 32)
    events.add({"entropy": 1.25}, 64)
    (file,) = (tmp_path / "tensorboard").iterdir()
    return file


def events_in(file: Path) -> Iterator[Event]:
    """The events of a file: each has its length in 8 bytes, a checksum in 4, itself, and another checksum."""
    content = file.read_bytes()
    while content:
        (length,) = struct.unpack("<Q", content[:8])
        yield Event.FromString(content[12 : 12 + length])
        content = content[16 + length :]


def test_the_curves_are_there(written: Path) -> None:
    first, begun, *updates = events_in(written)
    assert written.name.startswith("events.out.tfevents.")
    assert first.file_version == "brain.Event:2"
    assert (begun.step, begun.session_log.status) == (32, SessionLog.START), "what was lost is hidden"
    points = [(event.step, {point.tag: point.simple_value for point in event.summary.value}) for event in updates]
    assert points == [(32, {"mean_return": -20.5, "entropy": 1.5}), (64, {"entropy": 1.25})]
    assert all(event.wall_time > 1.7e9 for event in (first, begun, *updates))


def test_they_are_packed_as_tensorboardx_does(written: Path, tmp_path: Path) -> None:
    writer = RecordWriter(str(tmp_path / "theirs"))
    for event in events_in(written):
        writer.write(event.SerializeToString())
    writer.close()
    assert written.read_bytes() == (tmp_path / "theirs").read_bytes()
