"""Which model did the user mean?"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from models import run_directory, store
from models.errors import UserError
from models.files import is_model_directory

PRETRAINED = Path(__file__).parent / "pretrained"
DEFAULT_MODEL = "ppo"
RUNS = Path("runs")
"""Where 'volley train' puts new runs, in the folder it is started in."""


def bundled_names() -> list[str]:
    """The names of the models that ship with Volley, in alphabetical order."""
    return sorted(path.name for path in PRETRAINED.glob("*") if is_model_directory(path))


def resolve(model: str) -> Path:
    """The directory of the model that `model` names.

    That is, in this order: a bundled name; a model directory; a training run, for its best policy by evaluation or else
    its newest; the name of an imported model; any of these with `@STEPS` behind it, for an earlier stage of the same
    training; or a repository of the Hub that was downloaded, USER/REPO[@REVISION]. `UserError`, with what there is,
    where nothing has that name.
    """
    whole, at, stage = model.rpartition("@")
    if (directory := _resolve_local(model)) is not None:
        return directory
    if at and (directory := _resolve_local(whole)) is not None:
        return _resolve_stage(whole, directory, stage)
    if (repository := store.split(model)) is not None and not Path(model).exists():
        return store.find(*repository)
    name, what = model, "holds no model"
    if not Path(model).is_dir():
        name, what = whole or model, "is neither a model's name nor a directory"
    names = ", ".join((*bundled_names(), *store.imported_names())) or "none"
    raise UserError(f"{name!r} {what}; here: {names}; or give a model directory, a run, or USER/REPO of the Hub")


def _resolve_local(model: str) -> Path | None:
    """As `resolve`, of what has no `@` behind it and is not a download; None where there is none."""
    if model in bundled_names():
        return PRETRAINED / model
    path = Path(model).expanduser()
    if is_model_directory(path):
        return path
    if (policy := run_directory.policy_in(path)) is not None:
        return policy
    return store.imported_folder(model) if model in store.imported_names() else None


def _resolve_stage(model: str, directory: Path, stage: str) -> Path:
    kept = run_directory.stages_in(run_directory.home_of(directory))
    if stage.isdecimal() and int(stage) in kept:
        return kept[int(stage)]
    there = ", ".join(f"{model}@{steps}" for steps in kept) or "none"
    raise UserError(f"{model!r} has no stage {stage!r}; its stages: {there}")


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
    return list(run_directory.stages_in(home(model)))


def home(model: str) -> Path:
    """The directory that holds the stages and the curve of `model`: a run, or the model's own.

    `UserError` where no model has that name.
    """
    return run_directory.home_of(resolve(model))


def runs(folder: Path = RUNS) -> list[Path]:
    """The training runs in `folder`, the one that was saved last first."""
    found = [path for path in folder.glob("*") if run_directory.is_run(path)]
    return sorted(found, key=lambda path: path.stat().st_mtime, reverse=True)


def short_name(model: str) -> str:
    """What to call a model on screen, there or not: `ppo`, or `ppo at 0.13M` for its stage after 129,024 steps."""
    whole, at, stage = model.rpartition("@")
    if at and stage.isdecimal():
        return f"{short_name(whole)} at {int(stage) / 1e6:.2f}M"
    path = Path(model).absolute()
    if run_directory.is_stage(path):
        return short_name(f"{run_directory.home_of(path)}@{path.name}")
    if store.COMMIT.fullmatch(path.name):
        return path.parent.name
    if at and store.split(model):
        return f"{whole.rpartition('/')[2]}@{stage[:7]}"
    return run_directory.home_of(path).name
