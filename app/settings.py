"""What Volley remembers between two evenings, and where on this computer its files go."""

from __future__ import annotations

import os
import tempfile
from enum import Enum
from pathlib import Path
from typing import Annotated, NamedTuple, TypeAlias

import msgspec
import platformdirs
from msgspec import Meta, Struct

from app.game.lineup import Lineup, Person, Policy
from models.errors import one_line
from models.files import data_folder


class PanelName(Enum):
    """The panels beside a match, by the name in the settings file.

    In the order they stand in. Where there is no room for all that are on, the last fold away first.
    """

    MOVES = "moves"
    TIMELINE = "timeline"
    SEEN = "seen"
    STAGES = "stages"
    LEARNING = "learning"
    FACTS = "facts"
    CREDIT = "credit"
    SALIENCY = "saliency"


PANELS_WHILE_PLAYING = frozenset({PanelName.MOVES})
"""On unless the player chooses others: little to look at."""
PANELS_WHILE_WATCHING = frozenset({PanelName.MOVES, PanelName.TIMELINE, PanelName.LEARNING, PanelName.FACTS})
"""On unless the viewer chooses others."""

Percent: TypeAlias = Annotated[int, Meta(ge=0, le=100)]

FIRST_OPPONENT = Policy("ppo@503808", reaction_ms=230)
"""For someone who opens Volley for the first time: an early stage, with a person's reaction."""


class Settings(Struct, frozen=True):
    """Everything that lasts. Fields that a newer Volley has written are passed over."""

    volume: Percent = 60
    muted: bool = False
    whole_pixels: bool = False
    """Whether the court is scaled by whole numbers only."""
    full_screen: bool = False
    panels_playing: frozenset[PanelName] = PANELS_WHILE_PLAYING
    """Switched on while someone at this computer plays."""
    panels_watching: frozenset[PanelName] = PANELS_WHILE_WATCHING
    last: Lineup = Lineup(FIRST_OPPONENT, Person())
    """Who played last."""
    keys: dict[str, list[str]] = {}
    """Other keys for a binding: its name, and keys' names as SDL has them. See `app.ui.bindings.bindings`."""


class Loaded(NamedTuple):
    """Settings, and a line to show where they are not those of the file."""

    settings: Settings
    warning: str | None = None


def load() -> Loaded:
    """The settings; the defaults where there is no file.

    A file that cannot be read keeps nobody from playing: it is put aside as `settings.toml.broken`, and there is a
    warning with the defaults.
    """
    path = settings_file()
    try:
        return Loaded(msgspec.toml.decode(path.read_bytes(), type=Settings))
    except FileNotFoundError:
        return Loaded(Settings())
    except OSError as error:
        why = error.strerror or type(error).__name__
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        why = str(error)
    return Loaded(Settings(), f"{path} cannot be read ({one_line(why)}); {_put_aside(path)}; playing with the defaults")


def _put_aside(path: Path) -> str:
    """Moves the file out of the way of `save`; says what became of it."""
    aside = path.with_name(f"{path.name}.broken")
    try:
        path.replace(aside)
    except OSError:
        return "it stays where it is"
    return f"it is kept as {aside.name}"


def save(settings: Settings) -> str | None:
    """Writes the settings, whole or not at all; a line to show where that is not possible."""
    path = settings_file()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(msgspec.toml.encode(settings))
            Path(temporary).replace(path)
        finally:
            Path(temporary).unlink(missing_ok=True)
    except OSError as error:
        return f"the settings cannot be saved to {path}: {error.strerror}; they last until Volley is closed"
    return None


def settings_file() -> Path:
    """Where the settings are; the environment variable VOLLEY_CONFIG names another folder."""
    folder = os.environ.get("VOLLEY_CONFIG")
    return (Path(folder) if folder else platformdirs.user_config_path("volley", appauthor=False)) / "settings.toml"


def screenshots_folder() -> Path:
    """Where screenshots go; it may not be there yet."""
    return _data_folder("screenshots") or platformdirs.user_pictures_path() / "Volley"


def films_folder() -> Path:
    """Where films go; it may not be there yet."""
    return _data_folder("films") or platformdirs.user_videos_path() / "Volley"


def replays_folder() -> Path:
    """Where replays go; it may not be there yet."""
    return data_folder() / "replays"


def _data_folder(name: str) -> Path | None:
    """The folder of this name in the one that the environment variable VOLLEY_DATA names, if it does."""
    folder = os.environ.get("VOLLEY_DATA")
    return Path(folder) / name if folder else None
