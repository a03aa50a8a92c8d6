"""Volley for your own programs, and as a program itself.

    from volley import PongPolicy

    policy = PongPolicy.from_pretrained("ppo")

`python -m volley` is the `volley` command.
"""

from __future__ import annotations

import os
import sys
from glob import glob
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from models import __version__
    from models.errors import UserError
    from models.policy import PongPolicy
    from training.arena.parallel import CourtForTwo
    from training.arena.single import CourtEnv

__all__ = ["CourtEnv", "PongPolicy", "UserError", "__version__"]
if find_spec("pettingzoo") is not None:
    __all__ += ["CourtForTwo"]

_FOLDER = Path(__file__).absolute().parent
_PACKAGES = ("models", "agents", "training", "app")
"""Each imports none of those after it."""
_MODULES = {
    "CourtEnv": "training.arena.single",
    "CourtForTwo": "training.arena.parallel",
    "PongPolicy": "models.policy",
    "UserError": "models.errors",
    "__version__": "models",
}
"""Where each public name is defined. Imported on first use: torch takes a second, and the command may not need it."""


def main() -> int:
    """Runs the `volley` command and returns its exit code."""
    _take_package_names()
    _begin_spawned_processes_here()
    from app.command.main import main as run  # noqa: PLC0415 - only once its name is taken

    return run()


def __getattr__(name: str) -> object:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    needed = _PACKAGES.index(_MODULES[name].partition(".")[0])
    for package in _PACKAGES[: needed + 1]:
        if (other := _other(package)) is not None:
            raise ImportError(
                f"Volley's package {package!r} clashes with {other}: Python can import only one module of a name; "
                "rename yours, or move it into a package of your own",
                name=package,
            )
    if name == "CourtForTwo" and find_spec("pettingzoo") is None:
        raise ImportError("CourtForTwo needs PettingZoo: pip install 'volley-pong[pettingzoo]'", name="pettingzoo")
    return getattr(import_module(_MODULES[name]), name)


def __dir__() -> list[str]:
    return [*globals(), *__all__]


def _take_package_names() -> None:
    """Imports Volley's packages from this folder, whatever `app` or `models` comes first in `sys.path`.

    Their submodules follow. To put this folder first for good would be wrong: it may be site-packages, where a package
    can have the name of a standard module.
    """
    path = sys.path
    sys.path = [str(_FOLDER), *path]
    try:
        for name in _PACKAGES:
            import_module(name)
    finally:
        sys.path = path


def _begin_spawned_processes_here() -> None:
    """Makes each process that `multiprocessing` spawns run this file first, so that it takes the same packages.

    It would look for them, and for the program that spawned it, in `sys.path`: and find those of another Volley, or no
    Volley's at all.
    """
    program = sys.modules["__main__"]
    program.__spec__, program.__file__ = None, str(_FOLDER / "volley.py")


def _other(package: str) -> Path | None:
    """A module of that name that is not Volley's, and is imported already or comes first in `sys.path`.

    A folder without an `__init__.py` counts if it holds modules, because Python imports Volley's package in its place.
    """
    ours = _FOLDER / package
    spec = find_spec(package)
    assert spec is not None
    found = Path(next(iter(spec.submodule_search_locations or [spec.origin or ""])))
    if not found.samefile(ours):
        return found
    for entry in sys.path:
        folder = Path(entry, package).absolute()
        # Unlike the methods of `Path`, these take a folder that may not be entered for none, as Python does.
        if os.path.isdir(folder) and folder.samefile(ours):  # noqa: PTH112
            break
        if glob("*.py", root_dir=folder):  # noqa: PTH207
            return folder
    return None


if __name__ == "__mp_main__":  # in a spawned process
    _take_package_names()

if __name__ == "__main__":
    if not sys.flags.safe_path:
        del sys.path[0]  # The current folder: nothing in it is part of Volley.
    sys.exit(main())
