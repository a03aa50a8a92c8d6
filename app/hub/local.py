"""The models on this machine, and what their files say about them. Never uses the network."""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING

from app.ui.numbers import millions
from models import catalog, results, store
from models.card_text import Line, plain_text
from models.control import PolicySpec, decode_any
from models.errors import UserError
from models.files import CARD_FILE, CONFIG_FILE, found_in, is_file
from models.numbers import with_minus
from models.provenance import read_provenance
from models.results import Result
from models.run_directory import CurvePoint, policy_in, read_curve, read_evaluation, trained_steps
from models.spec import POINTS_TO_WIN, ModelSpec
from models.store import StoredModel

if TYPE_CHECKING:
    from models.hub.reading import SearchResult

UNKNOWN = "\N{EN DASH}"
_MAX_CONFIG_BYTES, _MAX_CARD_BYTES = 64 * 1024, 1024 * 1024
"""Larger files are ignored: they may come from anyone."""
_NO_POLICY = "It can play once its training has saved a policy."
_MAX_STEPS = 10**12


class Section(Enum):
    """Where a model is, in the order of the list."""

    BUNDLED = "Bundled"
    YOURS = "Yours"
    DOWNLOADED = "Downloaded"
    HUB = "On the Hub"


class ModelAction(Enum):
    """What the user can do with a model, in the order of the buttons."""

    PLAY = "Play against it"
    WATCH = "Watch it"
    DOWNLOAD = "Download"
    UPDATE = "Update"
    REVISIONS = "Revisions"
    PUBLISH = "Publish \N{HORIZONTAL ELLIPSIS}"
    DELETE = "Delete"


@dataclass(frozen=True, slots=True)
class Entry:
    """A model in the list."""

    section: Section
    model: str
    """What `models.catalog.resolve` takes; the repository for a model that is only on the Hub."""
    name: str
    about: str = ""
    """A few words: its algorithm and its score."""
    directory: Path | None = None
    """Where its files are; None if it is only on the Hub, or a run without a policy."""
    plays: bool = False
    """Whether it can play: it is on this machine and was trained for Pong."""
    run: Path | None = None
    """The training run it comes from, if that is on this machine."""
    kept: StoredModel | None = None
    """The download, if it is one."""
    found: SearchResult | None = None
    """The search result, if it was found on the Hub."""

    @property
    def key(self) -> tuple[Section, str]:
        """Identifies it among all entries."""
        return self.section, self.model

    @property
    def repository(self) -> str:
        """Its repository on the Hub; empty if it has none."""
        if self.kept is not None:
            return self.kept.download.repository
        return self.found.repository if self.found is not None else ""

    @property
    def actions(self) -> tuple[ModelAction, ...]:
        """What the user can do with it."""
        play = (ModelAction.PLAY, ModelAction.WATCH) if self.plays else ()
        if self.found is not None:
            return ModelAction.DOWNLOAD, ModelAction.REVISIONS
        if self.kept is not None:
            return *play, ModelAction.UPDATE, ModelAction.REVISIONS, ModelAction.DELETE
        if self.run is not None:
            return (*play, ModelAction.PUBLISH) if self.directory is not None else play
        return (*play, ModelAction.DELETE) if self.section is Section.YOURS else play


@dataclass(frozen=True, slots=True)
class Details:
    """What is known about a model, as shown beside the list."""

    facts: tuple[tuple[str, str], ...] = ()
    """Names and values."""
    curve: tuple[CurvePoint, ...] = ()
    card: tuple[Line, ...] = ()
    """Paragraphs of plain text."""
    note: str = ""
    """One line: what is missing and why, or why it cannot play."""


def entries() -> list[Entry]:
    """All models on this machine: bundled, yours and downloaded, in the order of the list."""
    bundled = [_model_entry(Section.BUNDLED, name, catalog.PRETRAINED / name) for name in catalog.bundled_names()]
    runs = [_run_entry(run) for run in catalog.runs()]
    imported = [_model_entry(Section.YOURS, name, store.imported_folder(name)) for name in store.imported_names()]
    return [*bundled, *runs, *imported, *map(_download_entry, store.downloads())]


def playable() -> list[str]:
    """Your own and downloaded models that can play, as `catalog.resolve` takes them."""
    return [entry.model for entry in entries() if entry.plays and entry.section is not Section.BUNDLED]


def details(entry: Entry) -> Details:
    """What is known about a model on this machine; reads its files."""
    home, directory = entry.run or entry.directory, entry.directory
    if home is None:
        return Details()
    curve = plausible_curve(read_curve(home))
    steps = trained_steps(home, curve)
    spec, result = read_spec(directory or home), _result(directory or home)
    card = read_card(directory or home)
    facts = (
        ("Algorithm", _algorithm(spec, steps)),
        ("Score", UNKNOWN if result is None else format_score(result)),
        ("Size", UNKNOWN if directory is None else format_size(_directory_size(directory))),
        _date_fact(entry, home),
        ("From", _origin(entry)),
    )
    note = _NO_POLICY if directory is None else why_not_playable(spec)
    return Details(facts, curve if isinstance(spec, ModelSpec) else (), card, note)


def delete(entry: Entry) -> None:
    """Deletes a download or an imported model; `UserError` if that fails."""
    if entry.kept is not None:
        store.remove(entry.kept)
        return
    folder = store.imported_folder(entry.model)
    gone = folder.with_name(f".deleted-{os.urandom(4).hex()}-{folder.name}")
    try:
        folder.rename(gone)  # Atomic, so that nobody finds a half-deleted model.
        shutil.rmtree(gone)
    except OSError as error:
        raise UserError(f"cannot delete {entry.name}: {error.strerror}") from error


def format_score(result: Result) -> str:
    """The mean return, and how it was measured."""
    return f"{with_minus(result.mean_return, 'z.2f')} {result.protocol}"


def format_size(size: int) -> str:
    """A number of bytes with a suitable unit."""
    return f"{size / 1e6:.1f} MB" if size >= 1e6 else f"{size / 1e3:.0f} kB" if size >= 1e3 else f"{size} bytes"


def format_date(when: datetime | None) -> str:
    """A date in local time, such as 7 Nov 2026."""
    if when is None:
        return UNKNOWN
    with suppress(OverflowError, ValueError):  # the last day that there is may be a day later here
        when = when.astimezone()
    return f"{when:%d %b %Y}".lstrip("0")


def read_card(directory: Path) -> tuple[Line, ...]:
    """The paragraphs of a model directory's card, as `plain_text`; empty if there is none."""
    return plain_text(_read_text(directory, CARD_FILE))


def plausible_curve(curve: tuple[CurvePoint, ...]) -> tuple[CurvePoint, ...]:
    """Drops points without a return or with steps that are impossible or fall; clips returns to what Pong allows."""
    kept: list[CurvePoint] = []
    for point in curve:
        fewest = kept[-1].steps if kept else 0
        if point.mean_return is not None and fewest <= point.steps <= _MAX_STEPS:
            mean_return = min(max(point.mean_return, -POINTS_TO_WIN), POINTS_TO_WIN)
            kept.append(CurvePoint(point.steps, point.seconds, mean_return))
    return tuple(kept)


def _model_entry(section: Section, model: str, directory: Path) -> Entry:
    spec = read_spec(directory)
    plays = isinstance(spec, ModelSpec)
    return Entry(section, model, model, _about(spec, _result(directory)), directory, plays=plays)


def _run_entry(run: Path) -> Entry:
    directory = policy_in(run)
    spec = read_spec(run if directory is None else directory)
    about = _about(spec, _result(directory)) if directory else "no policy saved yet"
    plays = directory is not None and isinstance(spec, ModelSpec)
    return Entry(Section.YOURS, str(run), run.name, about, directory, plays=plays, run=run)


def _download_entry(kept: StoredModel) -> Entry:
    download, spec = kept.download, read_spec(kept.directory)
    model, commit = f"{download.repository}@{download.commit}", download.commit[:7]
    about = f"{commit}, {_about(spec, _result(kept.directory))}"
    plays = isinstance(spec, ModelSpec)
    return Entry(Section.DOWNLOADED, model, download.repository, about, kept.directory, plays=plays, kept=kept)


def _about(spec: PolicySpec | None, result: Result | None) -> str:
    if spec is None:
        return "unreadable config.json"
    score = "" if result is None else f", {with_minus(result.mean_return, 'z.2f')}"
    return f"{spec.algorithm}{score}" if isinstance(spec, ModelSpec) else f"{spec.algorithm}, {spec.environment}"


def _algorithm(spec: PolicySpec | None, steps: int | None) -> str:
    name = UNKNOWN if spec is None else spec.algorithm
    return name if steps is None or steps > _MAX_STEPS else f"{name}, {millions(steps)} steps"


def _date_fact(entry: Entry, home: Path) -> tuple[str, str]:
    if entry.kept is not None:
        return "Downloaded", format_date(parse_date(entry.kept.download.downloaded))
    if entry.run is None and entry.section is Section.YOURS:
        return "Imported", format_date(_modified(home / CONFIG_FILE))
    return "Trained", format_date(parse_date(read_provenance(home).started))


def parse_date(text: str) -> datetime | None:
    """The time in ISO 8601; None if the text is not one."""
    with suppress(ValueError):
        return datetime.fromisoformat(text)
    return None


def _modified(file: Path) -> datetime | None:
    with suppress(OSError):
        return datetime.fromtimestamp(file.stat().st_mtime, UTC)
    return None


def _origin(entry: Entry) -> str:
    if entry.kept is not None:
        return f"{entry.repository}@{entry.kept.download.commit[:7]}"
    if entry.run is not None:
        return f"your training run {entry.run}"
    return "bundled with Volley" if entry.section is Section.BUNDLED else "imported from another program"


def why_not_playable(spec: PolicySpec | None) -> str:
    """Why a model of that specification (None: an unreadable one) cannot play here; empty if it can."""
    if spec is None:
        return f"It cannot play here: Volley cannot read its {CONFIG_FILE}."
    for_pong = isinstance(spec, ModelSpec)
    return "" if for_pong else f"It cannot play here: it was trained for {spec.environment}, not for Pong."


def decode_spec(config: bytes) -> PolicySpec | None:
    """The specification in a `config.json`; None if it is not a valid one."""
    with suppress(UserError):
        return decode_any(config)
    return None


def read_spec(directory: Path) -> PolicySpec | None:
    """The specification of the model in a directory; None if it cannot be read."""
    return decode_spec(_read_text(directory, CONFIG_FILE, _MAX_CONFIG_BYTES).encode())


def _result(directory: Path) -> Result | None:
    """The published result of a model, or else the last evaluation of its run."""
    found = results.read(directory)
    if found is not None and found.main is not None:
        return found.main
    return read_evaluation(directory)


def _read_text(directory: Path, name: str, max_bytes: int = _MAX_CARD_BYTES) -> str:
    """A file's text; empty if there is no such file, or it is larger than `max_bytes`."""
    with suppress(OSError):
        file = directory / name
        return file.read_bytes().decode(errors="replace") if file.stat().st_size <= max_bytes else ""
    return ""


def _directory_size(directory: Path) -> int:
    """Bytes of all files in a model directory, without those in subfolders."""
    with suppress(OSError):
        return sum(file.stat().st_size for file in found_in(directory) if is_file(file))
    return 0
