"""An example of every format that a version of Volley has written, made by that version: `tests/formats`.

`run-1` is of the first version; `run-2-first` of the one that brought control problems; `run-2-new-games` of the last
one that did not save games in progress; `run-2-games` of one that did. The oldest models are the weights that ship.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from app import settings
from app.command.main import main
from app.game import replay
from app.game.lineup import Ladder, Lineup, Person
from app.game.rating import History, MatchRecord
from app.game.session import Session
from app.league.games import Fixture, ResultsFile
from models import checkpoint
from training.run import RunDirectory

FORMATS = Path(__file__).parent / "formats"
STILL, BEGINNER = "still#1298d334d1cd", "beginner#4ef20bf40fc6"
"""Each script with a hash of what it does."""


@pytest.fixture
def example(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """A copy of the run of that name."""
    return Path(shutil.copytree(FORMATS / request.param, tmp_path / request.param))


@pytest.mark.parametrize("example", ["run-2-first", "run-2-new-games", "run-2-games"], indirect=True)
def test_a_run_goes_on(example: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "--resume", str(example), "--steps", "6144"]) == 0
    assert [line["steps"] for line in RunDirectory.open(example).metrics()] == [2048, 4096, 6144]
    assert checkpoint.load_policy(example / "model")
    assert "6,144 steps" in capsys.readouterr().out


@pytest.mark.parametrize("example", ["run-1"], indirect=True)
def test_a_run_of_the_first_version_is_refused_by_its_number(example: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "--resume", str(example)]) == 2
    assert "format version 1; this Volley reads only 2" in capsys.readouterr().err


def of_version(number: int, config: Path) -> None:
    fields: dict[str, Any] = json.loads(config.read_text())
    config.write_text(json.dumps(fields | {"format_version": number, "novelty": True}))


@pytest.mark.parametrize("example", ["run-2-games"], indirect=True)
def test_newer_ones_are_refused_by_their_number(example: Path, capsys: pytest.CaptureFixture[str]) -> None:
    of_version(9, example / "config.json")
    assert main(["train", "--resume", str(example)]) == 2
    assert "format version 9; this Volley reads only 2" in capsys.readouterr().err
    of_version(9, example / "model" / "config.json")
    assert main(["evaluate", str(example / "model")]) == 2
    assert "format version 9; this Volley reads only 1" in capsys.readouterr().err


def test_a_replay_is_played_as_it_was() -> None:
    recorded = replay.load(FORMATS / "game-1.volley")
    session = Session(recorded.lineup, seed=recorded.seed, games=1, replay=recorded)
    session.begin_now()
    while session.match.court.frames < recorded.frames:
        session.match.advance()
    assert session.match.court.score == recorded.score == (0, 4)
    assert session.match.court.frames == 900


def test_settings_are_those_that_were_chosen(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("VOLLEY_CONFIG", str(tmp_path))
    shutil.copy(FORMATS / "settings-first.toml", tmp_path / "settings.toml")
    now, warning = settings.load()
    assert warning is None
    assert (now.volume, now.muted, now.last, now.keys) == (40, True, Lineup(Ladder(), Person()), {"pause": ["p"]})


def test_matches_and_results_are_those_that_were_played() -> None:
    assert History(FORMATS / "matches.json").load() == [MatchRecord("2026-11-26", "Amateur", 818.0, 21, 17)]
    played = [Fixture(STILL, BEGINNER, 0), Fixture(BEGINNER, STILL, 0)]
    results = ResultsFile(FORMATS / "league.jsonl").load(played)
    assert [(result.fixture, result.score) for result in results] == list(zip(played, [(0, 21), (21, 0)], strict=True))
