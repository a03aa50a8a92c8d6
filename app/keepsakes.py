"""What a person keeps of an evening: screenshots, films, replays, each in its folder, named by the time."""

from __future__ import annotations

import time
from contextlib import ExitStack
from pathlib import Path

import pygame

from app import replay, settings
from app.film import filming
from app.match import Snapshot
from app.replay import Replay
from models.errors import UserError


def save_screenshot(surface: pygame.Surface) -> str:
    """Saves what is on the surface; says where, or why not."""
    path = settings.screenshots_folder() / f"{_now()}.png"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        pygame.image.save(surface, path)
    except (OSError, pygame.error) as error:
        return f"no screenshot could be saved to {path.parent}: {error}"
    return f"screenshot saved: {path}"


def save_replay(recorded: Replay) -> str:
    """Saves a replay; says where, or why not."""
    left, right = recorded.score
    path = settings.replays_folder() / f"{_now()} {left}-{right}{replay.SUFFIX}"
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

    def start(self) -> str:
        """Begins a film; says so, or why not."""
        path = settings.films_folder() / f"{_now()}.mp4"
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._add = self._film.enter_context(filming(path)).add
        except (OSError, UserError) as error:
            return str(error)
        self._path, self.running = path, True
        return "filming"

    def add(self, now: Snapshot, elapsed: float) -> None:
        """Adds a frame of the match, where a film is being made."""
        if self.running:
            self._add(now, elapsed)

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


def _now() -> str:
    """For a file's name: what is made later comes later in the alphabet."""
    return time.strftime("%Y-%m-%d %H.%M.%S")
