from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

FUZZ = Path(__file__).parent / "fuzz.py"

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the standard library measures memory on Unix only")


class Mutants(NamedTuple):
    """Of one kind: how many are read each time, and how many of 100 must load, or the rest shows nothing."""

    number: int
    loaded: int


KINDS = {
    "models": Mutants(300, 1),
    "replays": Mutants(40, 4),
    "runs": Mutants(12, 20),
    "configurations": Mutants(20, 4),
    "settings": Mutants(80, 10),
    "matches": Mutants(80, 8),
    "curves": Mutants(40, 40),
    "results": Mutants(30, 30),
    "leagues": Mutants(40, 30),
    "hub": Mutants(60, 20),
}
ALL = 2200
LONGEST = {True: 300, False: 3000}
"""Seconds for a few, and for all."""


def fuzz(kind: str, count: int, seed: int) -> None:
    """Every mutant is refused in a line or loads as what it says, soon, and without much memory."""
    command = [sys.executable, str(FUZZ), kind, str(count), str(seed)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=LONGEST[count < ALL], check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    outcome = json.loads(done.stdout)
    print({name: value for name, value in outcome.items() if name != "wrong"})  # noqa: T201 - figures to quote, with -s
    assert outcome["wrong"] == []
    assert outcome["outcomes"].get("loaded", 0) >= count * KINDS[kind].loaded / 100
    assert outcome["outcomes"].get("refused", 0) > 0
    assert outcome["slowest"] < 10
    assert outcome["grown_mib"] < 500


@pytest.mark.parametrize("kind", KINDS)
def test_mutants_load_as_what_they_say_or_are_refused_in_a_line(kind: str) -> None:
    fuzz(kind, KINDS[kind].number, seed=1)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("kind", KINDS)
def test_thousands_of_mutants_do(kind: str) -> None:
    fuzz(kind, ALL, seed=2)
