"""Saves screenshots, films and replays, each kind in its own folder, named by the time."""

from __future__ import annotations

import io
import time
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from pathlib import Path

import pygame

from app import settings
from app.game import replay
from app.game.replay import Replay
from app.game.snapshot import Snapshot
from app.play.film import Film, filming
from app.play.panels.panel import Panel
from app.play.scene import MatchScene
from app.settings import PanelName
from models.errors import UserError
from models.files import atomic_write, exists


def save_screenshot(surface: pygame.Surface) -> str:
    """Saves a picture of the surface; returns a line that says where, or why not."""
    path = _new_file(settings.screenshots_folder(), ".png")
    content = io.BytesIO()
    pygame.image.save(surface, content, path.name)  # On a full disk, it would write nothing in silence.
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        atomic_write(path, content.getvalue())
    except OSError as error:
        return f"cannot save a screenshot to {path.parent}: {error.strerror}"
    return f"screenshot saved: {path}"


def save_replay(recorded: Replay) -> str:
    """Saves a replay; returns a line that says where, or why not."""
    left, right = recorded.score
    path = _new_file(settings.replays_folder(), f" {left}-{right}{replay.SUFFIX}")
    try:
        replay.save(recorded, path)
    except UserError as error:
        return str(error)
    return f"replay saved: {path}"


class FilmRecorder:
    """Films the match from one press of a key to the next."""

    def __init__(self) -> None:
        self._film: Film | None = None
        self._closing = ExitStack()
        self._path = Path()

    @property
    def running(self) -> bool:
        """Whether a film is being made."""
        return self._film is not None

    def start(self, extra_panels: Mapping[PanelName, Panel]) -> str:
        """Starts a film, which can show these panels too; returns a line that says so, or why not."""
        self._path = _new_file(settings.films_folder(), ".mp4")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            film = self._closing.enter_context(filming(self._path))
        except OSError as error:
            return f"cannot save a film to {self._path.parent}: {error.strerror}"
        except UserError as error:
            return str(error)
        film.scene.panels |= extra_panels
        self._film = film
        return "filming"

    def add(self, now: Snapshot, elapsed: float, scene: MatchScene) -> str:
        """Adds a frame to the film, if there is one, with the panels that `scene` shows.

        Returns a line that says why the film had to stop; an empty one if it goes on.
        """
        if self._film is None:
            return ""
        self._film.scene.show_as(scene)
        try:
            self._film.add(now, elapsed)
        except OSError as error:
            self._film = None
            with suppress(UserError):  # It would say the same again.
                self._closing.close()
            return f"filming stopped: {error.strerror}"
        return ""

    def stop(self) -> str:
        """Ends the film; returns a line that says where it is, or why not; an empty one if there was none."""
        if self._film is None:
            return ""
        self._film = None
        try:
            self._closing.close()
        except UserError as error:
            return str(error)
        return f"film saved: {self._path}"


def _new_file(folder: Path, suffix: str) -> Path:
    """A file that does not exist yet, named by the time: newer files sort after older ones."""
    now = time.strftime("%Y-%m-%d %H.%M.%S")
    names = (f"{now}{more}{suffix}" for more in ("", *(f" {number}" for number in range(2, 100))))
    return next(path for name in names if not exists(path := folder / name))
