"""How a film's pictures become video: H.264 in an MP4 that browsers play, or a GIF that any page can show."""

from __future__ import annotations

from fractions import Fraction
from typing import ClassVar, Protocol, TypeAlias

import av
import numpy as np
import pygame
from av.video.reformatter import ColorRange, Colorspace
from av.video.stream import VideoStream
from numpy.typing import NDArray

from app.play.panels.saliency import LIGHT
from app.ui import theme

_QUALITY = {"preset": "veryfast", "crf": "20"}
_ITU709 = 1
"""The colours of high definition, in the numbers of H.273."""

Picture: TypeAlias = NDArray[np.uint8]
"""Blue, green, red and an unused byte, `[height, width, 4]`."""


class FilmFormat(Protocol):
    """One kind of file, opened for one film."""

    size: ClassVar[tuple[int, int]]
    rate: ClassVar[Fraction]
    """Pictures a second."""
    container_options: ClassVar[dict[str, str]]
    """FFmpeg's, for the file around the video."""
    stream: VideoStream

    def __init__(self, container: av.container.OutputContainer) -> None:
        """Adds the video stream to a file that is open for writing."""
        ...

    def frame(self, pixels: Picture) -> av.VideoFrame:
        """A picture in the form that the encoder takes."""
        ...


class Mp4:
    """H.264, at the emulator's own rate."""

    size: ClassVar = (1280, 720)
    rate: ClassVar = Fraction(5992, 100)
    # The index goes to the front of the file, so that a browser can start before it has the whole film.
    container_options: ClassVar = {"movflags": "+faststart"}

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
    """256 colours, the same in all pictures: those of the window and the court, and the steps between them.

    FFmpeg's `palettegen` either holds the whole film in memory to choose a palette, 2 MB a picture, or chooses one for
    each picture, and so does Pillow. As GIF encoders keep only what changes between pictures, that makes a file 1.6
    (Pillow) to 5.5 times (FFmpeg) as large.
    """

    size: ClassVar = (800, 600)
    # Every third frame: a GIF counts time in hundredths of a second, and browsers slow down anything above 50.
    rate: ClassVar = Fraction(20)
    container_options: ClassVar[dict[str, str]] = {}

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
        """Each pixel in the nearest colour of the palette."""
        blue, green, red = (pixels[..., channel].astype(np.uint16) for channel in range(3))
        indices = self._nearest[(red >> 3) << 10 | (green >> 3) << 5 | blue >> 3]
        # PyAV's annotation does not know that this format takes a pair.
        return av.VideoFrame.from_ndarray((indices, self._palette), format="pal8")  # type: ignore[arg-type]


def _palette() -> NDArray[np.uint8]:
    """At most 256 colours, `[n, 3]`: every ink on every ground, the steps of smooth edges between them, and light."""
    grounds = (theme.BACKGROUND, theme.PANEL, theme.HAIRLINE, theme.COURT)
    lightable = (theme.COURT, *theme.PLAYERS)
    inks = (theme.TEXT, theme.QUIET, theme.FOCUS, theme.PUSHED_UP, theme.PUSHED_DOWN, *theme.PLAYERS)
    lit = [base + pygame.Color(*(part * step // 8 for part in LIGHT)) for base in lightable for step in range(1, 9)]
    blends = [ground.lerp(ink, step / 8) for ground in grounds for ink in inks for step in range(1, 9)]
    colours = np.array([tuple(colour)[:3] for colour in (*grounds, *blends, *lit)], np.uint8)
    return np.unique(colours, axis=0)[:256]


def _nearest(palette: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """For each colour in 5 bits a channel, `[32768]`, the index of the palette's nearest colour."""
    levels = np.arange(32, dtype=np.float32) * 8 + 4
    colours = np.stack(np.meshgrid(levels, levels, levels, indexing="ij"), axis=-1).reshape(-1, 3)
    distances = [((colours - colour) ** 2).sum(axis=1) for colour in palette.astype(np.float32)]
    return np.asarray(np.argmin(distances, axis=0), np.uint8)


FORMATS: dict[str, type[FilmFormat]] = {".mp4": Mp4, ".gif": Gif}
"""By the ending of a file's name."""
