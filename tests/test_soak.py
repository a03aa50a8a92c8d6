"""The long benchmark of the match in small: `benchmarks/soak.py` is run for hours by hand."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.game.session import Session

BENCHMARKS = Path(__file__).parent.parent / "benchmarks"


@pytest.fixture(autouse=True)
def _benchmarks() -> Iterator[None]:
    sys.path.insert(0, str(BENCHMARKS))
    yield
    sys.path.remove(str(BENCHMARKS))


@pytest.mark.parametrize("number", range(6))
def test_any_moment_can_be_gone_back_to_and_the_game_goes_on_as_it_would_have(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import soak  # noqa: PLC0415 - where benchmarks are

    monkeypatch.setattr(soak, "LONGEST_GAME", 500)
    disturbed = Session(soak.LINEUPS[number], seed=number, games=1)
    assert soak.play(disturbed) == 5
    quiet = Session(soak.LINEUPS[number], seed=number, games=1)
    quiet.begin_now()
    while quiet.match.court.frames < disturbed.match.court.frames:
        quiet.match.advance()
    assert quiet.match.court.fingerprint() == disturbed.match.court.fingerprint()
    assert quiet.match.timeline.controls == disturbed.match.timeline.controls
    soak.play_again(disturbed, tmp_path / "game.volley")
