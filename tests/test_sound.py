from __future__ import annotations

import os
import subprocess
import sys
from collections import deque
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pygame
import pytest
from numpy.typing import NDArray

from agents.base import Control
from agents.pong import FRAMES_PER_SECOND, SOUND_SAMPLES, Court
from app.ui.sound import SAMPLE_RATE, Speaker

FRAMES = 24
PERIOD = 32
"""Samples of a wave of the test tone: 16 high, 16 low."""
TONE = np.tile(np.repeat(np.array([228, 28], np.uint8), PERIOD // 2), SOUND_SAMPLES // PERIOD)

PLAY = """
import sys, time, numpy as np
from app.ui.sound import Speaker
frames = np.load(sys.argv[1])
speaker = Speaker()
speaker.volume, speaker.muted = int(sys.argv[2]), bool(int(sys.argv[3]))
speaker.play(frames[0])
speaker.open()
for frame in frames:
    speaker.play(frame)
    time.sleep(0.005)
time.sleep(0.02)
speaker.close()
speaker.play(frames[0])
"""


def heard(folder: Path, frames: NDArray[np.uint8], *, volume: int = 100, muted: bool = False) -> NDArray[np.int16]:
    """What came out of a process that played these frames, as SDL's disk driver wrote it.

    The device is in such a hurry that there may be gaps, on a busy machine more, but nothing is left out.
    """
    np.save(folder / "frames.npy", frames)
    out = folder / "out.raw"
    environment = os.environ | {
        "SDL_AUDIODRIVER": "disk",
        "SDL_DISKAUDIOFILE": str(out),
        "SDL_DISKAUDIODELAY": "1",
        "SDL_VIDEODRIVER": "dummy",
        "OMP_NUM_THREADS": "1",
    }
    command = [sys.executable, "-c", PLAY, str(folder / "frames.npy"), str(volume), str(int(muted))]
    subprocess.run(command, env=environment, check=True, capture_output=True, timeout=60)
    return np.fromfile(out, np.int16)


def without_silence(samples: NDArray[np.int16]) -> NDArray[np.int16]:
    return np.compress(samples != 0, samples)


def test_a_tone_comes_out_as_it_went_in(tmp_path: Path) -> None:
    samples = without_silence(heard(tmp_path, np.tile(TONE, (FRAMES, 1))))
    assert len(samples) % PERIOD == 0
    assert len(samples) >= (FRAMES - 2) * SOUND_SAMPLES
    # 100 above and below silence, of 128; in 16 bits, of 32,768.
    np.testing.assert_array_equal(samples, np.tile(np.repeat([25_600, -25_600], PERIOD // 2), len(samples) // PERIOD))
    spectrum = np.abs(np.fft.rfft(samples))
    frequency = np.argmax(spectrum) * SAMPLE_RATE / len(samples)
    # A wave of 32 samples, 512 of which last a frame of 1/59.92 s: 59.92 * 512 / 32.
    assert frequency == pytest.approx(958.7, abs=1)


def test_volume_is_a_share_of_the_amplitude(tmp_path: Path) -> None:
    assert set(without_silence(heard(tmp_path, np.tile(TONE, (8, 1)), volume=25))) == {6_400, -6_400}


def test_mute_is_silence(tmp_path: Path) -> None:
    samples = heard(tmp_path, np.tile(TONE, (8, 1)), muted=True)
    assert len(samples) > 0
    assert not samples.any()


def test_a_court_is_heard(tmp_path: Path) -> None:
    court = Court(sound=True)
    court.reset(idle_frames=1)
    frames = list[NDArray[np.uint8]]()
    while len(frames) < 300 and not any((frame != 128).any() for frame in frames[:-10]):
        court.step(Control())
        frames.append(court.sound())
    went_in = np.array(frames[-16:])
    samples = without_silence(heard(tmp_path, went_in))
    expected = without_silence((went_in.astype(np.int16).ravel() - 128) * 256)
    assert len(samples) > SOUND_SAMPLES
    np.testing.assert_array_equal(samples, expected[: len(samples)])
    assert len(samples) >= len(expected) - 2 * SOUND_SAMPLES


def test_without_a_sound_device_there_is_silence_and_no_complaint(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SDL_AUDIODRIVER", "nonexistent")
    speaker = Speaker()
    speaker.open()
    for _ in range(10):
        speaker.play(TONE)
    speaker.close()
    assert pygame.mixer.get_init() is None


class FakeChannel:
    """A mixer's channel whose time a test tells: one sound that plays, and one after it."""

    def __init__(self) -> None:
        self.playing: deque[NDArray[np.int16]] = deque()
        self.queued: deque[NDArray[np.int16]] = deque()
        self.heard: list[NDArray[np.int16] | None] = []
        """Frame by frame; None where there was nothing to play."""

    def get_busy(self) -> bool:
        return bool(self.playing)

    def get_queue(self) -> object | None:
        return self.queued or None

    def play(self, sound: pygame.mixer.Sound) -> None:
        assert not self.playing
        self.playing.extend(np.frombuffer(sound.get_raw(), np.int16).reshape(-1, SOUND_SAMPLES))

    def queue(self, sound: pygame.mixer.Sound) -> None:
        assert not self.queued
        self.queued.extend(np.frombuffer(sound.get_raw(), np.int16).reshape(-1, SOUND_SAMPLES))

    def pass_a_frame(self) -> None:
        self.heard.append(self.playing.popleft() if self.playing else None)
        if not self.playing:
            self.playing, self.queued = self.queued, deque()


@pytest.fixture
def channel() -> FakeChannel:
    return FakeChannel()


@pytest.fixture
def speaker(channel: FakeChannel, monkeypatch: pytest.MonkeyPatch) -> Iterator[Speaker]:
    """A speaker on the fake channel; frame n of its input holds n, and of its output 256 n."""
    monkeypatch.setenv("SDL_AUDIODRIVER", "dummy")
    speaker = Speaker()
    speaker.open()
    speaker._channel = channel  # type: ignore[assignment]
    yield speaker
    speaker.close()


def frame(number: int) -> NDArray[np.uint8]:
    return np.full(SOUND_SAMPLES, 128 + number, np.uint8)


def numbers(heard: list[NDArray[np.int16] | None]) -> list[int | None]:
    return [None if samples is None else int(samples[0]) // 256 for samples in heard]


@pytest.mark.usefixtures("speaker")
def test_a_frames_sound_lasts_a_frame() -> None:
    # 512 samples, 59.92 times a second, in one channel of 16 bits with a sign.
    assert pygame.mixer.get_init() == (30_679, -16, 1)


@pytest.mark.parametrize("late", [0.0, 0.5, 0.99])
def test_one_late_frame_leaves_no_gap(speaker: Speaker, channel: FakeChannel, late: float) -> None:
    arrivals = [(number + (late if number % 4 == 0 else 0), number) for number in range(60)]
    turns = sorted([*arrivals, *((turn + 0.5, None) for turn in range(60))], key=lambda turn: turn[0])
    for _, number in turns:
        if number is None:
            channel.pass_a_frame()
        else:
            speaker.play(frame(number % 100))
    began = next(place for place, samples in enumerate(channel.heard) if samples is not None)
    assert began <= 3
    assert numbers(channel.heard[began:]) == list(range(60 - began))


def test_a_slow_device_is_never_more_than_100_ms_behind(speaker: Speaker, channel: FakeChannel) -> None:
    for number in range(1, 101):
        speaker.play(frame(number))
        if number % 10:  # Nine frames are heard in the time of ten.
            channel.pass_a_frame()
            newest = numbers(channel.heard)[-1]
            assert newest is None or (number - newest) / FRAMES_PER_SECOND <= 0.1
    heard = [number for number in numbers(channel.heard) if number is not None]
    assert heard == sorted(set(heard))
    assert len(heard) > 80


def test_what_is_left_out_is_silence_where_there_is_any(speaker: Speaker, channel: FakeChannel) -> None:
    for number in (1, 2, 3, 4, 5, 6, 0, 7):
        speaker.play(frame(number))
    for _ in range(8):
        channel.pass_a_frame()
        speaker.play(frame(0))
    assert [number for number in numbers(channel.heard) if number] == [1, 2, 3, 4, 5, 6, 7]
