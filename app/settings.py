"""The settings, and the folders of Volley's files on this computer."""

from __future__ import annotations

import os
from enum import Enum
from pathlib import Path
from typing import Annotated, NamedTuple, TypeAlias

import msgspec
import platformdirs
from msgspec import Meta, Struct

from app.game.lineup import Lineup, Person, Policy
from models.errors import one_line
from models.files import UNDECODABLE, atomic_write, data_folder, unmarked


class PanelName(Enum):
    """The panels beside a match, by their names in the settings file, in display order.

    If there is no room for all that are on, the last ones are hidden first.
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
"""The default: few, so as not to distract."""
PANELS_WHILE_WATCHING = frozenset({PanelName.MOVES, PanelName.TIMELINE, PanelName.LEARNING, PanelName.FACTS})
"""The default."""

Percent: TypeAlias = Annotated[int, Meta(ge=0, le=100)]

FIRST_OPPONENT = Policy("champion@71680", reaction_ms=230, misjudgement=6)
"""For someone who opens Volley for the first time: the level that is nearest to the rating that a person is expected to
have."""


class Settings(Struct, frozen=True):
    """What Volley remembers. Unknown fields, which a newer version may have written, are ignored."""

    volume: Percent = 60
    muted: bool = False
    whole_pixels: bool = False
    """Whether the court is scaled by whole numbers only."""
    full_screen: bool = False
    panels_playing: frozenset[PanelName] = PANELS_WHILE_PLAYING
    """Shown while someone at this computer plays."""
    panels_watching: frozenset[PanelName] = PANELS_WHILE_WATCHING
    last: Lineup = Lineup(FIRST_OPPONENT, Person())
    """The lineup of the last match."""
    lessons: frozenset[str] = frozenset()
    """Those that have shown their point, by name."""
    keys: dict[str, list[str]] = {}
    """Maps names of bindings to other keys, spelled as in SDL. See `app.ui.bindings.with_overrides`."""


class Loaded(NamedTuple):
    """Settings, with a warning if the file could not be used."""

    settings: Settings
    warning: str | None = None


def load() -> Loaded:
    """Reads the settings; returns the defaults if there is no file.

    If the file cannot be read, renames it to `settings.toml.broken`, and returns the defaults with a warning.
    """
    settings, problem = _read()
    return Loaded(settings or Settings(), f"{problem}; using the defaults" if problem else None)


def _read() -> tuple[Settings | None, str]:
    """What is in the file, None if nothing that can be read; and why, in a line, unless there is no file."""
    path = settings_file()
    try:
        return msgspec.toml.decode(unmarked(path.read_bytes()), type=Settings), ""
    except FileNotFoundError:
        return None, ""
    except OSError as error:
        reason = error.strerror or type(error).__name__
    except UNDECODABLE as error:
        reason = str(error)
    return None, f"cannot read {path} ({one_line(reason)}); {_put_aside(path)}"


def _put_aside(path: Path) -> str:
    """Renames the file so that `save` does not overwrite it; returns a phrase that says so."""
    aside = path.with_name(f"{path.name}.broken")
    try:
        path.replace(aside)
    except OSError:
        return "it could not be renamed"
    return f"it was renamed to {aside.name}"


def save_changes(before: Settings, after: Settings) -> str | None:
    """Writes what has changed from `before` to `after`, and leaves the rest of the file as it is by now.

    An editor or another window may have written to it. Returns an error to show, if there is one.
    """
    saved, problem = _read()
    if saved is not None:
        names = (field.name for field in msgspec.structs.fields(Settings))
        changed = {name: getattr(after, name) for name in names if getattr(before, name) != getattr(after, name)}
        after = msgspec.structs.replace(saved, **changed)
    return save(after) or problem or None


def save(settings: Settings) -> str | None:
    """Writes the settings atomically; returns an error to show if that fails, else None."""
    path = settings_file()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        atomic_write(path, msgspec.toml.encode(settings))
    except OSError as error:
        return f"cannot save the settings to {path}: {error.strerror}; they last until you close Volley"
    return None


def settings_file() -> Path:
    """The settings file; the environment variable VOLLEY_CONFIG overrides its folder."""
    folder = os.environ.get("VOLLEY_CONFIG")
    return (Path(folder) if folder else platformdirs.user_config_path("volley", appauthor=False)) / "settings.toml"


def screenshots_folder() -> Path:
    """The folder for screenshots; it may not exist yet."""
    return _data_folder("screenshots") or platformdirs.user_pictures_path() / "Volley"


def films_folder() -> Path:
    """The folder for films; it may not exist yet."""
    return _data_folder("films") or platformdirs.user_videos_path() / "Volley"


def replays_folder() -> Path:
    """The folder for replays; it may not exist yet."""
    return data_folder() / "replays"


def _data_folder(name: str) -> Path | None:
    """This subfolder of the folder in the environment variable VOLLEY_DATA; None if that is not set."""
    folder = os.environ.get("VOLLEY_DATA")
    return Path(folder) / name if folder else None
