"""A film of a match: draws its scene off screen, picture by picture, and encodes it beside the match."""

from __future__ import annotations

import io
import os
from collections import deque
from collections.abc import Collection, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path

import av
import numpy as np
import pygame

from app.game.clock import FrameClock
from app.game.snapshot import Snapshot
from app.play.film_formats import FORMATS, FilmFormat
from app.play.scene import MatchScene
from app.settings import PANELS_WHILE_WATCHING, PanelName
from models.errors import UserError
from models.files import atomic_write, is_folder, replacing

FILM_PANELS = tuple(name for name in PanelName if name not in (PanelName.STAGES, PanelName.LEARNING))
"""Those that the command line can put in a film: the other two follow a training, or change the policy by hand."""
_MAX_WAITING = 30
"""Pictures waiting to be encoded. When there are more, the match waits, so that memory does not fill up."""


class _Disk:
    """A file to be written by an encoder, which must never hear that the disk is full: native code can die of it.

    After the first failure it takes in what it is given and writes nothing more; `check` and `close` raise the failure.
    """

    def __init__(self, path: Path) -> None:
        self.name = str(path)
        """By which FFmpeg reads the file again, to put its index first."""
        self._file = path.open("wb", buffering=0)
        self._failure: OSError | None = None

    def write(self, content: bytes) -> int:
        """Writes all of it, or gives up."""
        rest = memoryview(content)
        while self._failure is None and rest:
            try:
                rest = rest[self._file.write(rest) :]
            except OSError as error:
                self._failure = error
        return len(content)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Moves, and returns the new place."""
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        """The place where it writes next."""
        return self._file.tell()

    @property
    def failed(self) -> bool:
        """Whether it could not be written."""
        return self._failure is not None

    def check(self) -> None:
        """Raises the first failure, if there was one."""
        if self._failure is not None:
            raise self._failure

    def close(self) -> None:
        """Raises the first failure."""
        with self._file:
            self.check()


class Film:
    """Draws a match's scene off screen and adds it to a film; see `filming`. `encoder` has one thread."""

    def __init__(
        self, container: av.container.OutputContainer, film_format: FilmFormat, encoder: Executor, disk: _Disk
    ) -> None:
        self.scene = MatchScene(hints=False)
        """What is filmed. It works everything out at once, so that each picture shows what belongs to it."""
        self._container = container
        self._format = film_format
        self._encoder = encoder
        self._disk = disk
        self._encoding: deque[Future[None]] = deque()
        self._surface = pygame.Surface(film_format.size, depth=32)
        self._clock = FrameClock()
        self._frames = 0

    def add(self, now: Snapshot, elapsed: float) -> None:
        """Adds what a viewer would have seen in the last `elapsed` seconds, as frames of the film.

        `OSError` if the film can no longer be written.
        """
        self._disk.check()
        self.scene.update(now, elapsed)
        frames = self._clock.frames(elapsed, float(self._format.rate))
        if frames == 0:
            return
        self.scene.draw(self._surface, now)
        self._encoding.append(self._encoder.submit(self._encode, self._surface.get_buffer().raw, frames))
        while len(self._encoding) > _MAX_WAITING or (self._encoding and self._encoding[0].done()):
            self._encoding.popleft().result()

    def save_picture(self, path: Path) -> None:
        """Writes the newest picture to a PNG; `UserError` if it cannot be written."""
        content = io.BytesIO()
        pygame.image.save(self._surface, content, "picture.png")
        try:
            atomic_write(path, content.getvalue())
        except OSError as error:
            raise UserError(f"cannot write {str(path)!r}: {error.strerror}; choose another place") from error

    def finish(self) -> None:
        """Waits for the encoder, and adds what it still holds."""
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
def filming(path: Path, panels: Collection[PanelName] = PANELS_WHILE_WATCHING) -> Iterator[Film]:
    """Makes a film with these panels; its file appears at `path` when the block ends.

    So it does after Ctrl-C, or if what the block prints finds no reader or no space; after any other error there is no
    file. `UserError` if it cannot be written, before the block starts if possible.
    """
    suffix = path.suffix.lower()
    if suffix not in FORMATS:
        raise UserError(f"cannot record to {str(path)!r}: give a name that ends in .mp4 or .gif")
    if is_folder(path):
        raise UserError(f"cannot record to {str(path)!r}: it is a directory; give a file's name")
    film_format = FORMATS[suffix]
    interrupt: KeyboardInterrupt | OSError | None = None
    try:
        with (
            replacing(path) as unfinished,
            closing(_Disk(unfinished)) as disk,
            av.open(disk, "w", format=suffix[1:], options=film_format.container_options) as container,
            ThreadPoolExecutor(1, "encoding") as encoder,
        ):
            film = Film(container, film_format(container), encoder, disk)
            film.scene.shown = panels
            try:
                yield film
            except KeyboardInterrupt as error:
                interrupt = error
            except OSError as error:
                if disk.failed or isinstance(error, av.FFmpegError):
                    raise
                interrupt = error  # not of the film, but such as of what is printed meanwhile
            film.finish()
    except OSError as error:
        raise UserError(f"cannot record to {str(path)!r}: {error.strerror}; choose another place") from error
    if interrupt is not None:
        raise interrupt
