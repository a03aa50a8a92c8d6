"""Reads mutants of kinds of files one after the other, and says what came of each: run by `test_fuzz.py`.

A process of its own, so that a crash or a hang ends it and not the test, and its memory can be measured. By hand:
`python tests/fuzz.py SEED KIND=COUNT...` prints a line of JSON for each kind, with everything that is wrong.
"""

from __future__ import annotations

import faulthandler
import importlib
import json
import os
import random
import resource
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from mutations import Trial

DRIVERS = {
    "models": "fuzz_models:models",
    "replays": "fuzz_replays:replays",
    "runs": "fuzz_runs:runs",
    "configurations": "fuzz_runs:configurations",
    "settings": "fuzz_settings:kept_settings",
    "matches": "fuzz_settings:matches",
    "curves": "fuzz_curves:curves",
    "results": "fuzz_results:model_results",
    "leagues": "fuzz_results:league_results",
    "hub": "fuzz_hub:answers",
}
"""By kind, the module and its function."""
LONGEST_TRIAL = 60
"""Seconds, after which the process ends and says where it was."""
MOST_MEMORY = 6 * 2**30
"""Bytes of addresses: what asks for more fails, instead of taking the machine with it."""


def at_home(workplace: Path) -> None:
    """Whatever Volley keeps goes to the workplace."""
    os.environ |= {
        "VOLLEY_DATA": str(workplace / "data"),
        "VOLLEY_CONFIG": str(workplace / "config"),
        "HOME": str(workplace),
        "SDL_VIDEODRIVER": "dummy",
        "SDL_AUDIODRIVER": "dummy",
        "PYGAME_HIDE_SUPPORT_PROMPT": "1",
    }
    os.chdir(workplace)


def run(trial: Trial, count: int, seed: int) -> dict[str, object]:
    """What came of so many mutants, and what they took."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    words: Counter[str] = Counter()
    wrong: list[str] = []
    slowest = 0.0
    for case in range(count):
        print(f"case {case}", file=sys.stderr)  # noqa: T201 - so that it is known which one was the last
        faulthandler.dump_traceback_later(LONGEST_TRIAL, exit=True)
        started = time.perf_counter()
        outcome = trial(random.Random(seed * 1_000_000 + case))  # noqa: S311 - to repeat a case, not to keep a secret
        slowest = max(slowest, time.perf_counter() - started)
        words[outcome.word] += 1
        if outcome.problem:
            wrong.append(f"case {case} ({outcome.mutations}) {outcome.word}: {outcome.problem}")
    faulthandler.cancel_dump_traceback_later()
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    return {"outcomes": words, "wrong": wrong, "slowest": round(slowest, 2), "grown_mib": round(grown / 1024)}


def main(seed: int, counts: dict[str, int]) -> None:
    """Prints what came of so many mutants of each kind."""
    faulthandler.enable()
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
    for kind, count in counts.items():
        print(f"kind {kind}", file=sys.stderr)  # noqa: T201 - as above
        print(json.dumps({"kind": kind, "seed": seed, "count": count} | outcomes(kind, count, seed)))  # noqa: T201


def outcomes(kind: str, count: int, seed: int) -> dict[str, object]:
    """What came of so many mutants of one kind, read in a folder of their own."""
    with tempfile.TemporaryDirectory() as folder:
        at_home(Path(folder))
        module, name = DRIVERS[kind].split(":")
        driver: Callable[[Path], Trial] = getattr(importlib.import_module(module), name)
        trial = driver(Path(folder))
        trial(random.Random(0))  # noqa: S311 - what a first run costs is not the mutants'
        outcome = run(trial, count, seed)
        os.chdir("/")
    return outcome


if __name__ == "__main__":
    main(int(sys.argv[1]), {kind: int(count) for kind, count in (word.split("=") for word in sys.argv[2:])})
