"""A film of a match: H.264 in an MP4 that browsers play, or a GIF that goes anywhere a picture does."""

from __future__ import annotations

import io
import os
from collections import deque
from collections.abc import Collection, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Protocol, TypeAlias

import av
import numpy as np
import pygame
from av.video.reformatter import ColorRange, Colorspace
from av.video.stream import VideoStream
from numpy.typing import NDArray

from app.game.match import Snapshot
from app.play.panels.names import WHILE_WATCHING, PanelName
from app.play.panels.saliency import LIGHT
from app.play.scene import MatchScene
from app.ui import theme
from app.ui.pacing import FrameClock
from models.errors import UserError
from models.files import atomic_write

FRAMES_PER_SECOND = Fraction(5992, 100)
"""The emulator's rate, exactly."""
SIZE = (1280, 720)
"""Of an MP4."""
GIF_SIZE = (800, 600)
GIF_FRAMES_PER_SECOND = 20
"""Every third frame: a GIF counts time in hundredths of a second, and browsers slow down what is faster than 50."""
_QUALITY = {"preset": "veryfast", "crf": "20"}
_MOST_WAITING = 30
"""Pictures. A film that cannot keep up holds the match back, and does not fill the memory."""
_ITU709 = 1
"""The colours of high definition, in the numbers of H.273."""

Picture: TypeAlias = NDArray[np.uint8]
"""Blue, green, red and nothing, `[height, width, 4]`."""


class Format(Protocol):
    """How a film's pictures become video."""

    size: tuple[int, int]
    rate: Fraction
    """Pictures a second."""
    stream: VideoStream

    def frame(self, pixels: Picture) -> av.VideoFrame:
        """A picture as the encoder takes it."""
        ...


class Mp4:
    """H.264, the game's own rate."""

    size, rate = SIZE, FRAMES_PER_SECOND

    def __init__(self, container: av.container.OutputContainer) -> None:
        self.stream = container.add_stream("libx264", rate=self.rate, options=_QUALITY)
        self.stream.width, self.stream.height = self.size
        self.stream.pix_fmt = "yuv420p"
        self.stream.time_base = 1 / self.rate
        codec = self.stream.codec_context
        codec.colorspace = codec.color_primaries = codec.color_trc = _ITU709
        codec.color_range = ColorRange.MPEG

    def frame(self, pixels: Picture) -> av.VideoFrame:
        """In the colours of high definition."""
        picture = av.VideoFrame.from_ndarray(pixels, format="bgra")
        return picture.reformat(format="yuv420p", dst_colorspace=Colorspace.ITU709, dst_color_range=ColorRange.MPEG)


class Gif:
    """A picture that moves, in 256 colours: those of the window and the court, and what lies between them."""

    size, rate = GIF_SIZE, Fraction(GIF_FRAMES_PER_SECOND)

    def __init__(self, container: av.container.OutputContainer) -> None:
        self.stream = container.add_stream("gif", rate=self.rate)
        self.stream.width, self.stream.height = self.size
        self.stream.pix_fmt = "pal8"
        self.stream.time_base = 1 / self.rate
        palette = _palette()
        self._palette = np.zeros((256, 4), np.uint8)
        self._palette[: len(palette)] = np.insert(palette, 0, 255, axis=1)
        self._nearest = _nearest(palette)

    def frame(self, pixels: Picture) -> av.VideoFrame:
        """Each pixel by the palette's nearest colour."""
        blue, green, red = (pixels[..., place].astype(np.uint16) for place in range(3))
        indices = self._nearest[(red >> 3) << 10 | (green >> 3) << 5 | blue >> 3]
        # PyAV's annotation does not know that this format takes a pair.
        return av.VideoFrame.from_ndarray((indices, self._palette), format="pal8")  # type: ignore[arg-type]


def _palette() -> NDArray[np.uint8]:
    """At most 256 colours, `[n, 3]`: each ink on each ground, the steps between that smooth edges have, and light."""
    grounds = (theme.BACKGROUND, theme.PANEL, theme.HAIRLINE, theme.COURT)
    lightable = (theme.COURT, *theme.PLAYERS)
    inks = (theme.TEXT, theme.QUIET, theme.FOCUS, theme.PUSHED_UP, theme.PUSHED_DOWN, *theme.PLAYERS)
    lit = [base + pygame.Color(*(part * step // 8 for part in LIGHT)) for base in lightable for step in range(1, 9)]
    blends = [ground.lerp(ink, step / 8) for ground in grounds for ink in inks for step in range(1, 9)]
    colours = np.array([tuple(colour)[:3] for colour in (*grounds, *blends, *lit)], np.uint8)
    return np.unique(colours, axis=0)[:256]


def _nearest(palette: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """For each colour in 5 bits a channel, `[32768]`, the place of the nearest in the palette."""
    levels = np.arange(32, dtype=np.float32) * 8 + 4
    colours = np.stack(np.meshgrid(levels, levels, levels, indexing="ij"), axis=-1).reshape(-1, 3)
    distances = [((colours - colour) ** 2).sum(axis=1) for colour in palette.astype(np.float32)]
    return np.asarray(np.argmin(distances, axis=0), np.uint8)


FORMATS: dict[str, type[Mp4 | Gif]] = {".mp4": Mp4, ".gif": Gif}
"""By the end of a file's name."""


_OPTIONS = {".mp4": {"movflags": "+faststart"}, ".gif": {}}


class Film:
    """Draws a match's scene off screen and adds it to a film; see `filming`. Encoding goes on beside the match."""

    def __init__(self, container: av.container.OutputContainer, form: Format, encoder: Executor) -> None:
        self.scene = MatchScene(hints=False)
        """What is filmed. Nothing in it is worked out beside the match: each picture shows what belongs to it."""
        self._container = container
        self._format = form
        self._encoder = encoder
        self._encoding: deque[Future[None]] = deque()
        self._surface = pygame.Surface(form.size, depth=32)
        self._clock = FrameClock()
        self._frames = 0

    def add(self, now: Snapshot, elapsed: float) -> None:
        """Adds what a person would have seen in the `elapsed` seconds up to now, in frames of the film."""
        self.scene.update(now, elapsed)
        frames = self._clock.frames(elapsed, float(self._format.rate))
        if frames == 0:
            return
        self.scene.draw(self._surface, now)
        self._encoding.append(self._encoder.submit(self._encode, self._surface.get_buffer().raw, frames))
        while len(self._encoding) > _MOST_WAITING or (self._encoding and self._encoding[0].done()):
            self._encoding.popleft().result()

    def save_picture(self, path: Path) -> None:
        """Writes what was filmed last to a PNG; `UserError` where that cannot be written."""
        content = io.BytesIO()
        pygame.image.save(self._surface, content, "picture.png")
        try:
            atomic_write(path, content.getvalue())
        except OSError as error:
            raise UserError(f"cannot write {str(path)!r}: {error.strerror}; choose another place") from error

    def finish(self) -> None:
        """Adds what the encoder still holds."""
        while self._encoding:
            self._encoding.popleft().result()
        self._container.mux(self._format.stream.encode(None))

    def _encode(self, pixels: bytes, frames: int) -> None:
        width, height = self._format.size
        picture = self._format.frame(np.frombuffer(pixels, np.uint8).reshape(height, width, 4))
        for _ in range(frames):
            picture.pts = self._frames
            self._frames += 1
            self._container.mux(self._format.stream.encode(picture))


@contextmanager
def filming(path: Path, panels: Collection[PanelName] = WHILE_WATCHING) -> Iterator[Film]:
    """A film that stands at `path` once the block is left, also by Ctrl-C; after any other error there is none.

    It shows these panels. `UserError` where it cannot be written, before the block is entered where that can be told.
    """
    suffix = path.suffix.lower()
    if suffix not in FORMATS:
        raise UserError(f"cannot record to {str(path)!r}: give a name that ends in .mp4, or in .gif")
    if path.is_dir():
        raise UserError(f"cannot record to {str(path)!r}: it is a directory; give a file's name")
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    interrupt: KeyboardInterrupt | None = None
    try:
        unfinished.touch()  # PyAV opens the file only when the first frame comes.
        with (
            av.open(unfinished, "w", format=suffix[1:], options=_OPTIONS[suffix]) as container,
            ThreadPoolExecutor(1, "encoding") as encoder,
        ):
            film = Film(container, FORMATS[suffix](container), encoder)
            film.scene.shown = panels
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
