"""What a person keeps of an evening: screenshots, films, replays, each in its folder, named by the time."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from pathlib import Path

import pygame

from app import settings
from app.game import replay
from app.game.match import Snapshot
from app.game.replay import Replay
from app.play.film import filming
from app.play.panels.names import PanelName
from app.play.panels.panel import Panel
from app.play.scene import MatchScene
from models.errors import UserError


def save_screenshot(surface: pygame.Surface) -> str:
    """Saves what is on the surface; says where, or why not."""
    path = _new_file(settings.screenshots_folder(), ".png")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        pygame.image.save(surface, path)
    except (OSError, pygame.error) as error:
        return f"no screenshot could be saved to {path.parent}: {error}"
    return f"screenshot saved: {path}"


def save_replay(recorded: Replay) -> str:
    """Saves a replay; says where, or why not."""
    left, right = recorded.score
    path = _new_file(settings.replays_folder(), f" {left}-{right}{replay.SUFFIX}")
    try:
        replay.save(recorded, path)
    except UserError as error:
        return str(error)
    return f"replay saved: {path}"


class FilmRecorder:
    """A film that is begun and ended at the press of a key."""

    def __init__(self) -> None:
        self._film = ExitStack()
        self._path: Path | None = None
        self.running = False

    def start(self, further: Mapping[PanelName, Panel]) -> str:
        """Begins a film, which may show these further panels too; says so, or why not."""
        path = _new_file(settings.films_folder(), ".mp4")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            film = self._film.enter_context(filming(path))
        except (OSError, UserError) as error:
            return str(error)
        film.scene.panels |= further
        self._add, self._scene = film.add, film.scene
        self._path, self.running = path, True
        return "filming"

    def add(self, now: Snapshot, elapsed: float, scene: MatchScene) -> str:
        """Adds a frame of the match with the panels that `scene` shows, where a film is being made.

        Says why that is no longer possible.
        """
        if not self.running:
            return ""
        self._scene.show_as(scene)
        try:
            self._add(now, elapsed)
        except OSError as error:
            self.running = False
            with suppress(UserError):  # which would say the same again
                self._film.close()
            return f"the film has ended: {error.strerror}"
        return ""

    def stop(self) -> str:
        """Ends the film; says where it is, or why not. Empty where there was none."""
        if not self.running:
            return ""
        self.running = False
        try:
            self._film.close()
        except UserError as error:
            return str(error)
        return f"film saved: {self._path}"


def _new_file(folder: Path, ending: str) -> Path:
    """A file that is not there yet, named by the time: what is made later comes later in the alphabet."""
    now = time.strftime("%Y-%m-%d %H.%M.%S")
    names = (f"{now}{more}{ending}" for more in ("", *(f" {number}" for number in range(2, 100))))
    return next(path for name in names if not (path := folder / name).exists())
