"""A film of a match: H.264 in an MP4 that browsers play."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pygame
from av.video.reformatter import ColorRange, Colorspace
from av.video.stream import VideoStream

from app.match import Snapshot
from app.pacing import FrameClock
from app.scenes.match import MatchScene
from models.errors import UserError

SIZE = (1280, 720)
FRAMES_PER_SECOND = Fraction(5992, 100)
"""The emulator's rate, exactly."""
_QUALITY = {"preset": "veryfast", "crf": "20"}
_MOST_WAITING = 30
"""Pictures. A film that cannot keep up holds the match back, and does not fill the memory."""
_ITU709 = 1
"""The colours of high definition, in the numbers of H.273."""


class Film:
    """Draws a match's scene off screen and adds it to a film; see `filming`. Encoding goes on beside the match."""

    def __init__(self, container: av.container.OutputContainer, encoder: Executor) -> None:
        self._container = container
        self._encoder = encoder
        self._encoding: deque[Future[None]] = deque()
        self._stream = _video_stream(container)
        self._surface = pygame.Surface(SIZE, depth=32)
        self._scene = MatchScene(hints=False)
        self._clock = FrameClock()
        self._frames = 0

    def add(self, now: Snapshot, elapsed: float) -> None:
        """Adds what a person would have seen in the `elapsed` seconds up to now, in frames of the film."""
        self._scene.update(now, elapsed)
        frames = self._clock.frames(elapsed, float(FRAMES_PER_SECOND))
        if frames == 0:
            return
        self._scene.draw(self._surface, now)
        self._encoding.append(self._encoder.submit(self._encode, self._surface.get_buffer().raw, frames))
        while len(self._encoding) > _MOST_WAITING or (self._encoding and self._encoding[0].done()):
            self._encoding.popleft().result()

    def finish(self) -> None:
        """Adds what the encoder still holds."""
        while self._encoding:
            self._encoding.popleft().result()
        self._container.mux(self._stream.encode(None))

    def _encode(self, pixels: bytes, frames: int) -> None:
        picture = _video_frame(pixels)
        for _ in range(frames):
            picture.pts = self._frames
            self._frames += 1
            self._container.mux(self._stream.encode(picture))


@contextmanager
def filming(path: Path) -> Iterator[Film]:
    """A film that stands at `path` once the block is left, also by Ctrl-C; after any other error there is none.

    `UserError` where it cannot be written, before the block is entered where that can be told.
    """
    if path.suffix.lower() != ".mp4":
        raise UserError(f"cannot record to {str(path)!r}: a film is an MP4; give a name that ends in .mp4")
    if path.is_dir():
        raise UserError(f"cannot record to {str(path)!r}: it is a directory; give a file's name")
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    interrupt: KeyboardInterrupt | None = None
    try:
        unfinished.touch()  # PyAV opens the file only when the first frame comes.
        with (
            av.open(unfinished, "w", format="mp4", options={"movflags": "+faststart"}) as container,
            ThreadPoolExecutor(1, "encoding") as encoder,
        ):
            film = Film(container, encoder)
            try:
                yield film
            except KeyboardInterrupt as error:
                interrupt = error
            film.finish()
        unfinished.replace(path)
    except OSError as error:
        raise UserError(f"cannot record to {str(path)!r}: {error.strerror}; choose another place") from error
    finally:
        unfinished.unlink(missing_ok=True)
    if interrupt is not None:
        raise interrupt


def _video_stream(container: av.container.OutputContainer) -> VideoStream:
    stream = container.add_stream("libx264", rate=FRAMES_PER_SECOND, options=_QUALITY)
    stream.width, stream.height = SIZE
    stream.pix_fmt = "yuv420p"
    stream.time_base = 1 / FRAMES_PER_SECOND
    codec = stream.codec_context
    codec.colorspace = codec.color_primaries = codec.color_trc = _ITU709
    codec.color_range = ColorRange.MPEG
    return stream


def _video_frame(pixels: bytes) -> av.VideoFrame:
    """A surface's bytes as the encoder takes them."""
    picture = av.VideoFrame.from_ndarray(np.frombuffer(pixels, np.uint8).reshape(SIZE[1], SIZE[0], 4), format="bgra")
    return picture.reformat(format="yuv420p", dst_colorspace=Colorspace.ITU709, dst_color_range=ColorRange.MPEG)
