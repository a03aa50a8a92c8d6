from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

FUZZ = Path(__file__).parent / "fuzz_models.py"


def fuzz(source: Path, workplace: Path, count: int, seed: int) -> dict[str, object]:
    workplace.mkdir()
    command = [sys.executable, str(FUZZ), str(source), str(workplace), str(count), str(seed)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    outcome: dict[str, object] = json.loads(done.stdout)
    return outcome


@pytest.mark.skipif(sys.platform == "win32", reason="the standard library measures memory on Unix only")
def test_thousands_of_mutated_models_load_as_what_they_say_or_are_refused_in_a_line(
    model_directory: Path, tmp_path: Path
) -> None:
    outcome = fuzz(model_directory, tmp_path / "mutant", 2400, seed=1)
    assert outcome["wrong"] == []
    counts = outcome["outcomes"]
    assert isinstance(counts, dict)
    assert counts["refused"] > 1800
    assert counts["loaded"] > 40  # or the mutants are so broken that they show nothing
    assert float(str(outcome["slowest"])) < 2
    assert float(str(outcome["grown_mib"])) < 500
