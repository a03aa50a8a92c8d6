from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
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
    "models": Mutants(200, 1),
    "replays": Mutants(40, 4),
    "runs": Mutants(12, 20),
    "configurations": Mutants(20, 4),
    "settings": Mutants(50, 10),
    "matches": Mutants(50, 8),
    "curves": Mutants(40, 40),
    "results": Mutants(30, 30),
    "leagues": Mutants(40, 30),
    "hub": Mutants(60, 20),
}
OTHERS = ("replays", "settings", "matches", "curves", "results", "leagues")
ALL = 2200


def fuzz(counts: dict[str, int], seed: int, longest: float) -> None:
    """Every mutant is refused in a line or loads as what it says, soon, and without much memory."""
    command = [sys.executable, str(FUZZ), str(seed), *(f"{kind}={count}" for kind, count in counts.items())]
    done = subprocess.run(command, capture_output=True, text=True, timeout=longest, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    outcomes = [json.loads(line) for line in done.stdout.splitlines()]
    assert [outcome["kind"] for outcome in outcomes] == list(counts)
    for outcome in outcomes:
        kind, count = outcome["kind"], outcome["count"]
        print({name: value for name, value in outcome.items() if name != "wrong"})  # noqa: T201 - to quote, with -s
        assert outcome["wrong"] == [], kind
        assert outcome["outcomes"].get("loaded", 0) >= count * KINDS[kind].loaded / 100, kind
        assert outcome["outcomes"].get("refused", 0) > 0, kind
        assert outcome["slowest"] < 10, kind
        assert outcome["grown_mib"] < 500, kind


@pytest.mark.parametrize("kinds", [("models", "runs", "configurations", "hub"), OTHERS], ids=["models", "others"])
def test_mutants_load_as_what_they_say_or_are_refused_in_a_line(kinds: tuple[str, ...]) -> None:
    """Many kinds in one process: what that imports takes longer than reading a few mutants."""
    fuzz({kind: KINDS[kind].number for kind in kinds}, seed=1, longest=600)


@pytest.fixture(autouse=True)
def _broken_addresses(asked_for: Path, _nobody_else: None) -> Iterator[None]:
    """A spoiled answer of the Hub may lead to `http://[`, whose host is taken to be %5B; there is no such host."""
    yield
    asked_for.write_text(asked_for.read_text().replace("%5B\n", ""))


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("kind", KINDS)
def test_thousands_of_mutants_do(kind: str) -> None:
    fuzz({kind: ALL}, seed=2, longest=3000)
