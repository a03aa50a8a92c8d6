"""Which model did the user mean?"""

from __future__ import annotations

from pathlib import Path

from models.errors import UserError
from models.files import is_model_directory

PRETRAINED = Path(__file__).parent / "pretrained"
DEFAULT_MODEL = "ppo"


def bundled_names() -> list[str]:
    """The names of the models that ship with Volley, in alphabetical order."""
    return sorted(path.name for path in PRETRAINED.glob("*") if is_model_directory(path))


def resolve(model: str) -> Path:
    """The directory of the model that `model` names: a bundled name, a model directory, or a training run.

    Of a run, the best policy by evaluation, or the newest where none was evaluated yet. `UserError` with what there is
    where nothing of that name exists.
    """
    if model in bundled_names():
        return PRETRAINED / model
    path = Path(model).expanduser()
    for candidate in (path, path / "best", path / "model"):
        if is_model_directory(candidate):
            return candidate
    what = "holds no model" if path.is_dir() else "is neither a bundled model nor a directory"
    bundled = ", ".join(bundled_names()) or "none"
    raise UserError(f"{model!r} {what}; bundled: {bundled}; or give a model directory or a run of 'volley train'")
