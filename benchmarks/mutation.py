"""Breaks the arithmetic of learning in every small way, and counts how often the tests notice.

`python benchmarks/mutation.py [--write]`. In a copy of the checkout, mutmut (`pip install mutmut==3.8.1`; it needs
fork, so Linux or macOS) changes one operator, number, argument or assignment of a function at a time, and runs those of
the `TESTS` that call the function. It mutates neither constants of a module nor decorated functions, such as
properties. All mutants are tried, so there is no seed; the tests' own are fixed. An interrupted run goes on where it
was; delete the copy to begin anew.

Prints what survived, and how many were killed. `--write` puts the figures in benchmarks/results/mutation.json. There a
survivor that no test could notice has a `reason`, written by hand, which is kept as long as the survivor is.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress

COMMAND = "python benchmarks/mutation.py --write"
CHECKOUT = Path(__file__).parent.parent
RESULTS = CHECKOUT / "benchmarks" / "results" / "mutation.json"
MODULES = (
    "models/returns.py",
    "models/losses.py",
    "models/distributions.py",
    "training/gradient.py",
    "training/ppo.py",
    "training/a2c.py",
    "training/reinforce.py",
    "agents/preprocessing.py",
)
TESTS = (
    "test_properties",
    "test_properties_of_pictures",
    "test_returns",
    "test_losses",
    "test_distributions",
    "test_gradient",
    "test_updates",
    "test_preprocessing",
    "test_mirror",
)
"""Those that are to notice. Left out are slow ones, which train until something is learned."""
COPIED = ("agents", "app", "models", "training", "tests", "volley.py", "pyproject.toml")
SURVIVED, UNTESTED = 0, (5, 33)
"""What mutmut keeps of a mutant: the exit code of pytest, or that no test calls the function."""
CONFIGURATION = f"""
[tool.mutmut]
source_paths = ["agents", "app", "models", "training"]
only_mutate = {json.dumps(MODULES)}
also_copy = ["volley.py"]
# The first optimiser imports torch's compiler, which takes seconds: as a plugin it is imported before the fork.
pytest_add_cli_args = ["-n", "0", "-p", "no:cacheprovider", "-p", "torch._dynamo"]
pytest_add_cli_args_test_selection = {json.dumps([f"tests/{name}.py" for name in TESTS])}
# Torch may be forked only before it has started threads.
process_isolation = "forkserver"
# Seconds of the processor beyond those of the tests, to tell what fails slowly from what never ends.
timeout_constant = 20.0
"""
WITHOUT_SHRINKING = """
from hypothesis import Phase, settings
settings.register_profile("mutation", phases=[Phase.generate])
settings.load_profile("mutation")
"""
"""That a property fails is enough; to look for its simplest failure takes seconds."""


def main() -> None:
    """Tries and counts."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=Path("runs/mutation"), help="of the copy (default: %(default)s)")
    parser.add_argument("--processes", type=int, default=1, help="that try mutants (default: 1)")
    parser.add_argument("--write", action="store_true", help=f"put the figures in {RESULTS.name}")
    arguments = parser.parse_args()
    if not arguments.folder.exists():
        copy(arguments.folder)
    run(arguments.folder, arguments.processes)
    known = json.loads(RESULTS.read_text())["modules"] if RESULTS.exists() else {}
    modules = {module: figures(module, arguments.folder, known.get(module, {})) for module in MODULES}
    for module, found in modules.items():
        show(module, found)
    if arguments.write:
        about = {"command": COMMAND, "date": datetime.now(UTC).date().isoformat(), "tests": TESTS}
        RESULTS.write_text(json.dumps(about | {"modules": modules}, indent=1, ensure_ascii=False) + "\n")


def copy(folder: Path) -> None:
    """Makes a copy of the checkout, set up to be mutated."""
    half = folder.with_name(f".{folder.name}")
    shutil.rmtree(half, ignore_errors=True)
    half.mkdir(parents=True)
    for name in COPIED:
        if (CHECKOUT / name).is_dir():
            shutil.copytree(CHECKOUT / name, half / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(CHECKOUT / name, half / name)
    with (half / "pyproject.toml").open("a") as file:
        file.write(CONFIGURATION)
    with (half / "tests" / "conftest.py").open("a") as file:
        file.write(WITHOUT_SHRINKING)
    half.rename(folder)


def run(folder: Path, processes: int) -> None:
    """Tries every mutant that has not been tried, with a bar of how many have been."""
    command = [sys.executable, "-m", "mutmut", "run", "--max-children", str(processes)]
    columns = (*Progress.get_default_columns(), MofNCompleteColumn())
    with (folder / "mutmut.log").open("w") as log, Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task("mutants", total=None)
        process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=subprocess.STDOUT)
        while process.poll() is None:
            codes = [code for module in MODULES for code in exit_codes(module, folder).values()]
            progress.update(task, total=len(codes) or None, completed=len(codes) - codes.count(None))
            time.sleep(1)
    if any(None in found.values() or not found for found in (exit_codes(module, folder) for module in MODULES)):
        sys.exit(f"mutmut stopped early: see {folder / 'mutmut.log'}")


def exit_codes(module: str, folder: Path) -> dict[str, int | None]:
    """By mutant; None for those that have not been tried, and nothing before there are any."""
    try:
        kept = json.loads((folder / "mutants" / f"{module}.meta").read_text())
    except (FileNotFoundError, ValueError):  # not written yet, or just now
        return {}
    found: dict[str, int | None] = kept["exit_code_by_key"]
    return found


def figures(module: str, folder: Path, known: dict[str, Any]) -> dict[str, Any]:
    """How many mutants there were and how many were killed, and the survivors, with the reasons that are known."""
    codes = exit_codes(module, folder)
    reasons = {
        json.dumps(survivor["change"]): survivor["reason"]
        for survivor in known.get("survivors", ())
        if "reason" in survivor
    }
    survivors = []
    for mutant, code in codes.items():
        if code == SURVIVED or code in UNTESTED:
            survivor: dict[str, Any] = {"mutant": mutant, "change": change(mutant, folder)}
            if reason := reasons.get(json.dumps(survivor["change"])):
                survivor["reason"] = reason
            survivors.append(survivor)
    return {"mutants": len(codes), "killed": len(codes) - len(survivors), "survivors": survivors}


def change(mutant: str, folder: Path) -> list[str]:
    """The lines that a mutant takes away and puts in, as in a diff."""
    command = [sys.executable, "-m", "mutmut", "show", mutant]
    shown = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stdout
    return [re.sub(r"\s+", " ", line) for line in shown.splitlines() if re.match(r"[-+] ", line)]


def show(module: str, found: dict[str, Any]) -> None:
    """Prints a module's figures, and the survivors without a reason."""
    for survivor in found["survivors"]:
        if "reason" not in survivor:
            print(survivor["mutant"], *survivor["change"], sep="\n    ")
    print(f"{module}: {found['killed']} of {found['mutants']} mutants killed")


if __name__ == "__main__":
    main()
