"""Which model did the user mean?"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from models import store
from models.errors import UserError
from models.files import CONFIG_FILE, is_model_directory

PRETRAINED = Path(__file__).parent / "pretrained"
DEFAULT_MODEL = "ppo"
RUNS = Path("runs")
"""Where 'volley train' puts new runs, in the folder it is started in."""
_RUN_FOLDERS = ("best", "model")
"""Where a run keeps its policies, the one to take first."""


def bundled_names() -> list[str]:
    """The names of the models that ship with Volley, in alphabetical order."""
    return sorted(path.name for path in PRETRAINED.glob("*") if is_model_directory(path))


def resolve(model: str) -> Path:
    """The directory of the model that `model` names.

    That is a bundled name, a model directory, a training run, the name of an imported model, or a repository of the Hub
    that was downloaded, USER/REPO[@REVISION]. Of a run, the best policy by evaluation, or the newest where none was
    evaluated yet. With `@STEPS` behind it, an earlier stage of the same training. `UserError` with what there is where
    nothing of that name exists.
    """
    local = _resolve_local(model)
    if local is not None:
        return local
    whole, at, stage = model.rpartition("@")
    named = store.split(model)
    if named is not None and _resolve_local(whole) is None and not Path(model).exists():
        return store.find(*named)
    if at:
        return _resolve_stage(whole, stage)
    what = "holds no model" if Path(model).is_dir() else "is neither a model's name nor a directory"
    names = ", ".join((*bundled_names(), *store.imported_names())) or "none"
    raise UserError(f"{model!r} {what}; here: {names}; or give a model directory, a run, or USER/REPO of the Hub")


def _resolve_local(model: str) -> Path | None:
    """As `resolve`, of what has no `@` behind it and is not a download; None where there is none."""
    if model in bundled_names():
        return PRETRAINED / model
    path = Path(model).expanduser()
    for candidate in (path, *(path / folder for folder in _RUN_FOLDERS)):
        if is_model_directory(candidate):
            return candidate
    return store.imported_folder(model) if model in store.imported_names() else None


def to_download(model: str) -> tuple[str, str | None] | None:
    """The repository and the revision that `model` names, where it can be nothing but a download that is not here."""
    with suppress(UserError):
        resolve(model)
        return None
    return None if Path(model).exists() else store.split(model)


def stages(model: str) -> list[int]:
    """The agent steps after which earlier stages of `model` were kept, fewest first.

    `UserError` where no model has that name.
    """
    return sorted(_stage_directories(model))


def home(model: str) -> Path:
    """The whole that `model` belongs to, or is: a bundled model's directory, or a run's, with stages and curve in it.

    `UserError` where no model has that name.
    """
    directory = resolve(model)
    return directory.parent.parent if directory.parent.name == "stages" else _home(directory)


def runs(folder: Path = RUNS) -> list[Path]:
    """The training runs in `folder`, the one that was saved last first."""
    found = [path for path in folder.glob("*") if is_run(path)]
    return sorted(found, key=lambda path: path.stat().st_mtime, reverse=True)


def is_run(directory: Path) -> bool:
    """Whether `directory` looks like a training run, though it may hold no policy yet."""
    begun = all((directory / name).is_file() for name in (CONFIG_FILE, "provenance.json"))
    return begun and not is_model_directory(directory)


def short_name(model: str) -> str:
    """What to call a model on screen, there or not: `ppo`, or `ppo at 0.13M` for its stage after 129,024 steps."""
    whole, at, stage = model.rpartition("@")
    if at and stage.isdecimal():
        return f"{short_name(whole)} at {int(stage) / 1e6:.2f}M"
    path = Path(model).absolute()
    if path.parent.name == "stages":
        return short_name(f"{path.parent.parent}@{path.name}")
    if store.COMMIT.fullmatch(path.name):
        return path.parent.name
    if at and store.split(model):
        return f"{whole.rpartition('/')[2]}@{stage[:7]}"
    return path.parent.name if path.name in _RUN_FOLDERS else path.name


def _resolve_stage(model: str, stage: str) -> Path:
    kept = _stage_directories(model)
    if stage.isdecimal() and int(stage) in kept:
        return kept[int(stage)]
    there = ", ".join(f"{model}@{steps}" for steps in sorted(kept)) or "none"
    raise UserError(f"{model!r} has no stage {stage!r}; its stages: {there}")


def _stage_directories(model: str) -> dict[int, Path]:
    """By agent steps."""
    folder = _home(resolve(model)) / "stages"
    found = (path for path in folder.glob("*") if path.name.isdecimal() and is_model_directory(path))
    return {int(path.name): path for path in found}


def _home(directory: Path) -> Path:
    return directory.parent if directory.name in _RUN_FOLDERS else directory
