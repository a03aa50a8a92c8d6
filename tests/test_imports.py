from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from importlinter.cli import EXIT_STATUS_SUCCESS, lint_imports

CHECKOUT = Path(__file__).parent.parent
PACKAGES = ("agents", "app", "models", "training")


def test_packages_import_one_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """models <- agents <- training, agents <- app: the contracts are in pyproject.toml."""
    monkeypatch.chdir(CHECKOUT)
    assert lint_imports(no_cache=True) == EXIT_STATUS_SUCCESS


GLOBALS = """
import json, locale, logging, os, random, signal, sys, warnings

import ale_py, cv2, gymnasium, huggingface_hub, matplotlib, msgspec, numpy, pygame, torch
from huggingface_hub import constants, get_session
from huggingface_hub.utils import are_progress_bars_disabled

# What other libraries do as they are imported themselves.
import av, gymnasium.vector, matplotlib.figure, numpy.testing, platformdirs, rich.console, rich.progress, rich.table
import markdown_it, safetensors.torch, tensorboardX

def state():
    names = ["", "huggingface_hub", "matplotlib", "gymnasium", "ale_py", "torch"]
    loggers = [logging.getLogger(name) for name in names]
    return {
        "environment variables": dict(os.environ),
        "search path": list(sys.path),
        "log levels": [logger.level for logger in loggers],
        "log handlers": [len(logger.handlers) for logger in loggers],
        "warning filters": list(map(str, warnings.filters)),
        "signal handlers": [str(signal.getsignal(number)) for number in (signal.SIGINT, signal.SIGTERM)],
        "the Hub's progress bars": are_progress_bars_disabled(),
        "the Hub's transport": [constants.HF_HUB_DISABLE_XET, constants.DOWNLOAD_CHUNK_SIZE],
        "the Hub's session": [len(hooks) for hooks in get_session().event_hooks.values()],
        "environments": sorted(gymnasium.registry),
        "plots": dict(matplotlib.rcParams.items()),
        "threads of torch": torch.get_num_threads(),
        "number type of torch": str(torch.get_default_dtype()),
        "gradients": torch.is_grad_enabled(),
        "determinism": torch.are_deterministic_algorithms_enabled(),
        "seeds": [torch.initial_seed(), str(random.getstate()), str(numpy.random.get_state())],
        "numpy's printing": numpy.get_printoptions(),
        "numpy's errors": numpy.geterr(),
        "threads of OpenCV": cv2.getNumThreads(),
        "pygame": [pygame.get_init(), pygame.display.get_init(), bool(pygame.font.get_init())],
        "language": locale.setlocale(locale.LC_ALL),
        "recursion": sys.getrecursionlimit(),
        "hooks": [str(sys.excepthook), str(sys.displayhook)],
    }

found = {}
for name in sys.argv[1:]:
    before = state()
    __import__(name)
    after = state()
    changed = [what for what in before if str(before[what]) != str(after[what])]
    if changed:
        found[name] = changed
print(json.dumps(found))
"""


def modules() -> list[str]:
    """Every module of the four packages, as it is imported."""
    files = [file for package in PACKAGES for file in (CHECKOUT / package).rglob("*.py")]
    parts = [file.relative_to(CHECKOUT).with_suffix("").parts for file in files if file.stem != "__main__"]
    return sorted(".".join(part for part in each if part != "__init__") for each in parts)


def changed_by_importing(*names: str, folder: Path) -> dict[str, list[str]]:
    """What each import changed of other libraries' state, by module; in a process of its own.

    Besides Volley's modules, those in `folder` can be imported.
    """
    environment = {name: value for name, value in os.environ.items() if name != "PYGAME_HIDE_SUPPORT_PROMPT"}
    environment["PYTHONPATH"] = os.pathsep.join([str(CHECKOUT), str(folder)])
    command = [sys.executable, "-c", GLOBALS, *names]
    done = subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True, check=True)
    changed: dict[str, list[str]] = json.loads(done.stdout.splitlines()[-1])
    return changed


def test_importing_changes_nothing_but_ones_own(tmp_path: Path) -> None:
    """What a module needs otherwise of a library, it says by a call, as it is used.

    One that does not is found: it comes last, as to load what all of them need takes seconds.
    """
    names = modules()
    assert {"models.hub.client", "training.gridworld", "app"} <= set(names)
    (tmp_path / "loud.py").write_text(
        "import logging, os, torch\n"
        "from huggingface_hub.utils import disable_progress_bars\n"
        "disable_progress_bars()\n"
        "logging.getLogger('huggingface_hub').setLevel(50)\n"
        "os.environ['LOUD'] = '1'\n"
        "torch.set_num_threads(torch.get_num_threads() + 1)\n"
    )
    loud = ["environment variables", "log levels", "the Hub's progress bars", "threads of torch"]
    assert changed_by_importing(*names, "loud", folder=tmp_path) == {"loud": loud}
