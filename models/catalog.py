"""Finds the model that a name stands for."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from models import run_directory, store
from models.errors import UserError, one_line
from models.files import exists, expanded, found_in, is_folder, is_model_directory, is_utf8

PRETRAINED = Path(__file__).parent / "pretrained"
DEFAULT_MODEL = "champion"
RUNS = Path("runs")
"""Where 'volley train' puts new runs, relative to the current directory."""


def bundled_names() -> list[str]:
    """Returns the names of the models that ship with Volley, sorted."""
    return sorted(path.name for path in found_in(PRETRAINED) if is_model_directory(path))


class UnknownModelError(UserError):
    """There is no model of that name."""


def resolve(model: str) -> Path:
    """Returns the directory of the model that `model` names.

    A name can be, in this order: a bundled model; a model directory; a training run, for its best policy by evaluation
    or else its newest; an imported model; any of these followed by `@STEPS`, for an earlier stage of the same training;
    or a repository downloaded from the Hub, USER/REPO[@REVISION]. If there is no such model, a `UserError` lists the
    known ones.
    """
    if not is_utf8(model):
        raise UserError(f"{one_line(model, 160)!r} is not a name in UTF-8, so it could not be written down; rename it")
    whole, at, stage = model.rpartition("@")
    if (directory := _resolve_local(model)) is not None:
        return directory
    if at and (directory := _resolve_local(whole)) is not None:
        return _resolve_stage(whole, directory, stage)
    if (repository := store.parse_repository(model)) is not None and not exists(Path(model)):
        try:
            return store.find(*repository)
        except UserError as error:
            if not _in_a_folder(model):
                raise
            raise UserError(
                f"there is no {one_line(model, 160)!r} in the folder {Path(model).parent}; "
                f"if you mean one on the Hub, run: volley pull {model}"
            ) from error
    name, problem = model, "holds no model"
    if not is_folder(expanded(model)):
        name, problem = whole or model, "is neither a model's name nor a directory"
    names = ", ".join((*bundled_names(), *store.imported_names())) or "none"
    raise UnknownModelError(
        f"{one_line(name, 120)!r} {problem}; known models: {names}; "
        "or give a model directory, a run, or USER/REPO on the Hub"
    )


def _resolve_local(model: str) -> Path | None:
    """Like `resolve`, for names without `@` that are not downloads; None if there is no such model."""
    if model in bundled_names():
        return PRETRAINED / model
    path = expanded(model)
    if is_model_directory(path):
        return path
    if (policy := run_directory.policy_in(path)) is not None:
        return policy
    return store.imported_folder(model) if model in store.imported_names() else None


def _is_download(model: str) -> bool:
    """Whether USER/REPO has been downloaded: what follows its `@` is a revision, even if it looks like steps."""
    return store.parse_repository(model) is not None and _resolve_local(model) is None and bool(store.current(model))


def _in_a_folder(model: str) -> bool:
    """Whether FOLDER/NAME, which looks like USER/REPO, begins with a folder that is here."""
    return is_folder(Path(model).parent)


def _resolve_stage(model: str, directory: Path, stage: str) -> Path:
    found = run_directory.stages_in(run_directory.home_of(directory))
    if _is_steps(stage) and int(stage) in found:
        return found[int(stage)]
    names = ", ".join(f"{model}@{steps}" for steps in found) or "none"
    raise UserError(f"{model!r} has no stage {stage!r}; its stages: {names}")


def _is_steps(stage: str) -> bool:
    """Whether it is a number of agent steps; a stranger's file may name one that has too many digits to be read."""
    return stage.isdecimal() and len(stage) <= _MAX_DIGITS


_MAX_DIGITS = 18


def missing_download(model: str) -> tuple[str, str | None] | None:
    """Returns the repository and revision to download if `model` names nothing on this machine; None otherwise."""
    with suppress(UserError):
        resolve(model)
        return None
    return None if exists(Path(model)) or _in_a_folder(model) else store.parse_repository(model)


def stages(model: str) -> list[int]:
    """Returns the agent steps of the earlier stages of `model`, fewest first.

    `UserError` if no model has that name.
    """
    return list(run_directory.stages_in(home(model)))


def home(model: str) -> Path:
    """Returns the directory with the stages and the learning curve of `model`: its run, or its own directory.

    `UserError` if no model has that name.
    """
    return run_directory.home_of(resolve(model))


def runs(folder: Path = RUNS) -> list[Path]:
    """Returns the training runs in `folder`, the most recently saved first, without those that `resolve` refuses."""
    found = [path for path in found_in(folder) if is_utf8(str(path)) and run_directory.is_run(path)]
    return sorted(found, key=run_directory.saved_at, reverse=True)


def short_name(model: str) -> str:
    """Returns a model's display name, even if it is missing: `ppo`, or `ppo at 0.15M` for its stage `ppo@153600`."""
    whole, at, stage = model.rpartition("@")
    if at and _is_steps(stage) and not _is_download(whole):
        return f"{short_name(whole)} at {int(stage) / 1e6:.2f}M"
    path = Path(model).absolute()
    if run_directory.is_stage(path):
        return short_name(f"{run_directory.home_of(path)}@{path.name}")
    if store.COMMIT.fullmatch(path.name):
        return path.parent.name
    if at and store.parse_repository(model):
        return f"{whole.rpartition('/')[2]}@{stage[:7]}"
    return run_directory.home_of(path).name
