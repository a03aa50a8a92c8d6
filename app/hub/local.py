"""The models on this machine: what there is, and what is known of each. Nothing here reaches for the network."""

from __future__ import annotations

import shutil
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING

from app.ui.numbers import millions
from models import catalog, results, store
from models.card_text import plain_text
from models.control import PolicySpec, decode_any
from models.errors import UserError
from models.files import CARD_FILE, CONFIG_FILE
from models.provenance import read_provenance
from models.results import Result
from models.run_directory import CurvePoint, policy_in, read_curve, read_evaluation, trained_steps
from models.spec import POINTS_TO_WIN, ModelSpec
from models.store import StoredModel

if TYPE_CHECKING:
    from models.hub.reading import SearchResult

UNKNOWN = "\N{EN DASH}"
_MOST_CONFIG, _MOST_CARD = 64 * 1024, 1024 * 1024
"""Bytes that are read of a stranger's file."""
_NO_POLICY = "It can play once its training has saved a policy."
_MOST_STEPS = 10**12


class Section(Enum):
    """Where a model is, in the order of the list."""

    BUNDLED = "Bundled"
    YOURS = "Yours"
    DOWNLOADED = "Downloaded"
    HUB = "On the Hub"


class Action(Enum):
    """What can be done with a model, in the order of the buttons."""

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
    """What `models.catalog.resolve` takes; a repository's name where it is on the Hub alone."""
    name: str
    about: str = ""
    """A few words: who made it how good."""
    directory: Path | None = None
    """Where it is; None where it is not here, or a run that holds no policy yet."""
    plays: bool = False
    """Whether it can play here: it is here, and knows Pong."""
    run: Path | None = None
    """The training that it comes from, where that is one of yours."""
    kept: StoredModel | None = None
    """The download that it is, where it is one."""
    found: SearchResult | None = None
    """What the Hub's search told of it."""

    @property
    def key(self) -> tuple[Section, str]:
        """What tells it from all others."""
        return self.section, self.model

    @property
    def repository(self) -> str:
        """Where it comes from on the Hub; empty where it does not."""
        if self.kept is not None:
            return self.kept.download.repository
        return self.found.repository if self.found is not None else ""

    @property
    def actions(self) -> tuple[Action, ...]:
        """What can be done with it."""
        play = (Action.PLAY, Action.WATCH) if self.plays else ()
        if self.found is not None:
            return Action.DOWNLOAD, Action.REVISIONS
        if self.kept is not None:
            return *play, Action.UPDATE, Action.REVISIONS, Action.DELETE
        if self.run is not None:
            return (*play, Action.PUBLISH) if self.directory is not None else play
        return (*play, Action.DELETE) if self.section is Section.YOURS else play


@dataclass(frozen=True, slots=True)
class Details:
    """What is known of a model, as shown beside the list."""

    facts: tuple[tuple[str, str], ...] = ()
    """What each is called, and what it is."""
    curve: tuple[CurvePoint, ...] = ()
    card: tuple[str, ...] = ()
    """Paragraphs of plain text."""
    sign: str = ""
    """One line: what is still looked up, or why it does not play here."""


def entries() -> list[Entry]:
    """All models that are here: bundled, yours and downloaded, in the order of the list."""
    bundled = [_local(Section.BUNDLED, name, catalog.PRETRAINED / name) for name in catalog.bundled_names()]
    runs = [_of_run(run) for run in catalog.runs()]
    imported = [_local(Section.YOURS, name, store.imported_folder(name)) for name in store.imported_names()]
    return [*bundled, *runs, *imported, *map(_of_download, store.downloads())]


def playable() -> list[str]:
    """The models that are yours or were downloaded and can play here, as `catalog.resolve` takes them."""
    return [entry.model for entry in entries() if entry.plays and entry.section is not Section.BUNDLED]


def details(entry: Entry) -> Details:
    """What is known of a model that is here; reads its files."""
    home, directory = entry.run or entry.directory, entry.directory
    if home is None:
        return Details()
    curve = sound(read_curve(home))
    steps = trained_steps(home, curve)
    spec, result = spec_of(directory or home), _result(directory or home)
    card = card_in(directory or home)
    facts = (
        ("Algorithm", _algorithm(spec, steps)),
        ("Score", UNKNOWN if result is None else score_words(result)),
        ("Size", UNKNOWN if directory is None else size_words(_size(directory))),
        _when(entry, home),
        ("From", _origin(entry)),
    )
    sign = _NO_POLICY if directory is None else why_not(spec)
    return Details(facts, curve if isinstance(spec, ModelSpec) else (), card, sign)


def delete(entry: Entry) -> None:
    """Deletes a download or an imported model; `UserError` where the disk does not do it."""
    if entry.kept is not None:
        store.remove(entry.kept)
        return
    folder = store.imported_folder(entry.model)
    gone = folder.with_name(f".deleted-{folder.name}")
    try:
        folder.rename(gone)  # At once, so that no half of it can be found.
        shutil.rmtree(gone)
    except OSError as error:
        raise UserError(f"{entry.name} cannot be deleted: {error.strerror}") from error


def score_words(result: Result) -> str:
    """A score, and how it was measured."""
    return f"{result.mean_return:.2f} {result.protocol}".replace("-", "\N{MINUS SIGN}")


def size_words(size: int) -> str:
    """Bytes, in the unit that fits."""
    return f"{size / 1e6:.1f} MB" if size >= 1e6 else f"{size / 1e3:.0f} kB" if size >= 1e3 else f"{size} bytes"


def date_words(when: datetime | None) -> str:
    """A day, as on this machine's calendar."""
    return UNKNOWN if when is None else f"{when.astimezone():%d %b %Y}".lstrip("0")


def card_in(directory: Path) -> tuple[str, ...]:
    """The card in a model directory, as `plain_text`; empty where there is none."""
    return plain_text(_text(directory, CARD_FILE))


def sound(curve: tuple[CurvePoint, ...]) -> tuple[CurvePoint, ...]:
    """A stranger's curve as far as it can be one of Pong: a game gives 21 points at most, and time goes on."""
    return tuple(
        CurvePoint(point.steps, point.seconds, min(max(point.mean_return, -POINTS_TO_WIN), POINTS_TO_WIN))
        for point in curve
        if point.mean_return is not None and 0 <= point.steps <= _MOST_STEPS
    )


def _local(section: Section, model: str, directory: Path) -> Entry:
    spec = spec_of(directory)
    plays = isinstance(spec, ModelSpec)
    return Entry(section, model, model, _about(spec, _result(directory)), directory, plays=plays)


def _of_run(run: Path) -> Entry:
    directory = policy_in(run)
    spec = spec_of(run if directory is None else directory)
    about = _about(spec, _result(directory)) if directory else "no policy saved yet"
    plays = directory is not None and isinstance(spec, ModelSpec)
    return Entry(Section.YOURS, str(run), run.name, about, directory, plays=plays, run=run)


def _of_download(kept: StoredModel) -> Entry:
    download, spec = kept.download, spec_of(kept.directory)
    model, commit = f"{download.repository}@{download.commit}", download.commit[:7]
    about = f"{commit}, {_about(spec, _result(kept.directory))}"
    plays = isinstance(spec, ModelSpec)
    return Entry(Section.DOWNLOADED, model, download.repository, about, kept.directory, plays=plays, kept=kept)


def _about(spec: PolicySpec | None, result: Result | None) -> str:
    if spec is None:
        return "unreadable config.json"
    score = "" if result is None else f", {result.mean_return:.2f}".replace("-", "\N{MINUS SIGN}")
    return f"{spec.algorithm}{score}" if isinstance(spec, ModelSpec) else f"{spec.algorithm}, {spec.environment}"


def _algorithm(spec: PolicySpec | None, steps: int | None) -> str:
    name = UNKNOWN if spec is None else spec.algorithm
    return name if steps is None or steps > _MOST_STEPS else f"{name}, {millions(steps)} steps"


def _when(entry: Entry, home: Path) -> tuple[str, str]:
    if entry.kept is not None:
        return "Downloaded", date_words(date_of(entry.kept.download.downloaded))
    if entry.run is None and entry.section is Section.YOURS:
        return "Imported", date_words(_modified(home / CONFIG_FILE))
    return "Trained", date_words(date_of(read_provenance(home).started))


def date_of(text: str) -> datetime | None:
    """The time that a text in ISO 8601 names; None where it is none."""
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
        return f"your training in {entry.run}"
    return "ships with Volley" if entry.section is Section.BUNDLED else "imported from another program"


def why_not(spec: PolicySpec | None) -> str:
    """Why a model of that specification, None being no good one, does not play here; empty where it does."""
    if spec is None:
        return f"Cannot play here: Volley cannot read its {CONFIG_FILE}."
    for_pong = isinstance(spec, ModelSpec)
    return "" if for_pong else f"Cannot play here: it was trained for {spec.environment}, not for Pong."


def spec_in(config: bytes) -> PolicySpec | None:
    """The specification in a `config.json`; None where it holds none."""
    with suppress(UserError):
        return decode_any(config)
    return None


def spec_of(directory: Path) -> PolicySpec | None:
    """The specification of the model in a directory; None where it cannot be read."""
    return spec_in(_text(directory, CONFIG_FILE, _MOST_CONFIG).encode())


def _result(directory: Path) -> Result | None:
    """What a model was measured to be worth; of a run, what its last evaluation gave."""
    found = results.read(directory)
    if found is not None and found.main is not None:
        return found.main
    return read_evaluation(directory)


def _text(directory: Path, name: str, most: int = _MOST_CARD) -> str:
    """A file's text; empty where there is none, or it is too large to be what it is called."""
    with suppress(OSError):
        file = directory / name
        return file.read_bytes().decode(errors="replace") if file.stat().st_size <= most else ""
    return ""


def _size(directory: Path) -> int:
    """Bytes, of all files in a model directory but those of other models beneath it."""
    with suppress(OSError):
        return sum(file.stat().st_size for file in directory.iterdir() if file.is_file())
    return 0
