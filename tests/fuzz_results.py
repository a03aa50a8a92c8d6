"""Mutated results of models and of leagues, for `fuzz.py`."""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import msgspec
from fuzz_models import recorded, tiny_model
from mutations import (
    MORE_EXTREMES,
    TEXT_MUTATIONS,
    Files,
    Mutation,
    Outcome,
    Trial,
    as_json,
    change_a_line,
    change_json,
    is_a_line,
    judged,
    known_agree,
    mutated,
    write,
)
from rich.console import Console

from app.game.lineup import Rom, Script, Tracker
from app.hub import local
from app.league import ratings, report
from app.league.entrants import Entrant
from app.league.games import Fixture, Result, ResultsFile, schedule
from app.league.ratings import standings
from models import card, provenance, results, store
from models.errors import UserError
from models.files import CARD_FILE, CONFIG_FILE, PROVENANCE_FILE, RESULTS_FILE, WEIGHTS_FILE
from models.provenance import Provenance, TrainedPolicy
from models.run_directory import EVALUATION_FILE, read_evaluation
from training import publication
from training.evaluate import Evaluation

EVALUATION = Evaluation(
    model="ada/pong",
    environment="ALE/Pong-v5",
    episodes=100,
    mean_return=7.5,
    std_return=3.25,
    ci95=(6.875, 8.125),
    mean_length=1713.5,
    sticky=0.25,
    greedy=False,
    seed=1000,
    seconds=12.5,
)
ORIGIN = Provenance(
    earlier=("volley train ppo --run runs/a",),
    command="volley train ppo --from runs/a --steps 1000 --run runs/b",
    started="2026-11-25T12:00:00+00:00",
    python="3.11.7",
    packages={"volley": "1.0", "torch": "2.12"},
    processor="A processor",
    cores=2,
    cuda=None,
    seed=3,
    steps=1000,
    games=10,
    minutes=1.5,
    steps_per_second=11,
    settings={"steps": 1000, "sticky": 0.25, "opponents": {"itself": 1, "rom": 2}},
    policy=TrainedPolicy("the best of that training", 900),
)
CARD = "---\nlibrary_name: volley\ntags:\n- a\n---\n\n# A card of ada/pong\n\n| a | b |\n| - | - |\n| 1 | <b>2</b> |\n"
JSON_FILES = (RESULTS_FILE, PROVENANCE_FILE, EVALUATION_FILE, store.RECORD_FILE)
MUTATIONS: tuple[Mutation, ...] = (
    *TEXT_MUTATIONS,
    *[change_json(name, MORE_EXTREMES) for name in JSON_FILES for _ in (1, 2, 3)],
)


def differs(found: object, content: bytes, *, defaults: object = None) -> bool:
    """Whether something was read that is not there: a default stands for a file that cannot be read.

    What only Python cannot read, such as a field unknown to Volley that is no text, cannot be compared.
    """
    said = as_json(content)
    return found not in (None, defaults) and said is not None and not known_agree(said, msgspec.to_builtins(found))


def told(folder: Path, files: Files) -> Iterator[str]:
    """What is wrong with what the files beside a model say."""
    if differs(results.read(folder), files[RESULTS_FILE]):
        yield "other results than it says"
    if differs(read_evaluation(folder), files[EVALUATION_FILE]):
        yield "another evaluation than it says"
    origin = provenance.read_provenance(folder)
    if differs(origin, files[PROVENANCE_FILE], defaults=Provenance()):
        yield "another origin than it says"
    yield from (f"not a command: {line!r}"[:300] for line in origin.reproduction_commands() if "\n" in line)
    try:
        publication.check_staged(folder, "write it again", "ada/pong")
    except UserError as error:
        if not is_a_line(error):
            yield f"not a line: {error}"[:300]


def drawn(folder: Path) -> Iterator[str]:
    """What is wrong with what is shown of a model: its card, and its facts in the library."""
    written = card.card(folder, "ada/pong")
    if not all(line.isprintable() and len(line) < 12_000 for line in written.split("\n")):
        yield "a card with invisible characters, or without an end"
    if not all(text.isprintable() for line in local.read_card(folder) for text in line):
        yield "a card that cannot be drawn"
    for entry in local.entries():
        texts = [entry.name, entry.about, *(text for fact in local.details(entry).facts for text in fact)]
        yield from (f"cannot be drawn: {text!r}"[:300] for text in texts if text and not is_a_line(text))


def is_a_download(folder: Path) -> bool:
    return any(stored.directory == folder for stored in store.downloads())


def model_results(workplace: Path) -> Trial:
    """The trials of what lies beside a model: its results, its origin, its card and its download's record."""
    folder = workplace / "data" / "downloads" / "ada" / "pong" / ("1" * 40)
    tiny_model(workplace / "tiny")
    model = {name: (workplace / "tiny" / name).read_bytes() for name in (CONFIG_FILE, WEIGHTS_FILE)}
    publication.write_results(workplace, [EVALUATION, EVALUATION])
    provenance.write_provenance(workplace, ORIGIN)
    original = {
        RESULTS_FILE: (workplace / RESULTS_FILE).read_bytes(),
        PROVENANCE_FILE: (workplace / PROVENANCE_FILE).read_bytes(),
        EVALUATION_FILE: msgspec.json.encode(EVALUATION),
        CARD_FILE: CARD.encode(),
        store.RECORD_FILE: recorded(model),
    }

    def trial(chance: random.Random) -> Outcome:
        files, mutations = mutated(original, MUTATIONS, chance)
        write(model | files, folder)

        def read() -> Iterator[str]:
            yield from told(folder, files)
            yield from drawn(folder)
            if not is_a_download(folder):
                raise UserError("it is no download any more")
            store.verify(folder)

        return Outcome(mutations, *judged(read))

    return trial


PLAYERS = [
    Entrant("cpu", Rom(), "cpu#1"),
    Entrant("casual", Script("casual"), "casual#2"),
    Entrant("tracker", Tracker(), "tracker#3"),
]
FIXTURES = schedule(PLAYERS, 2, 0)
LEAGUE = [
    Result(fixture, (21, place) if place % 2 else (3 + place, 21), 9000 + place, finished=place != 4)
    for place, fixture in enumerate(FIXTURES)
]
LEAGUE_FILE = "league.jsonl"


def is_a_result(line: object) -> bool:
    """Whether a line of JSON is the result of a game that can be: an oracle beside the type that Volley reads."""
    if not isinstance(line, dict) or not isinstance(line.get("fixture"), dict):
        return False
    score, fixture, frames = line.get("score"), line["fixture"], line.get("frames")
    return (
        isinstance(score, list)
        and len(score) == 2
        and all(type(points) is int and 0 <= points <= 21 for points in score)
        and type(frames) is int
        and frames >= 0
        and type(line.get("finished")) is bool
        and all(type(fixture.get(side)) is str for side in ("left", "right"))
        and type(fixture.get("seed")) is int
    )


def league_results(workplace: Path) -> Trial:
    """The trials of a league's file."""
    ratings.RESAMPLES = 2  # for speed: 200 are no other code
    file, names = workplace / "league" / LEAGUE_FILE, {player.identity: player.name for player in PLAYERS}
    results_file = ResultsFile(file)
    file.parent.mkdir()
    for result in LEAGUE:
        results_file.add(result)
    original: Files = {LEAGUE_FILE: file.read_bytes()}

    def trial(chance: random.Random) -> Outcome:
        files, mutations = mutated(original, (*TEXT_MUTATIONS, *[change_a_line(LEAGUE_FILE)] * 8), chance)
        write(files, file.parent)

        def read() -> Iterator[str]:
            found = results_file.load(FIXTURES)
            lines = [as_json(line) for line in files[LEAGUE_FILE].splitlines()]
            wanted = {
                msgspec.convert(line["fixture"], Fixture): line
                for line in lines
                if is_a_result(line) and msgspec.convert(line["fixture"], Fixture) in FIXTURES
            }
            if {result.fixture for result in found} != wanted.keys():
                yield "other games than it says"
            if not all(known_agree(wanted[result.fixture], msgspec.to_builtins(result)) for result in found):
                yield "other results than it says"
            if max(Counter(result.fixture for result in found).values(), default=1) > 1:
                yield "a game counts twice"
            if not found:
                raise UserError("no result is left")
            table = standings(list(names), found)
            if not all(math.isfinite(number) for each in table for number in (*each.by_points, *each.by_games)):
                yield "a rating that is no number"
            report.as_json(table, PLAYERS, found, games=2, seed=0)
            with Console(quiet=True) as console:
                console.print(report.table(table, names))
            results_file.add(LEAGUE[0])
            if LEAGUE[0] not in results_file.load(FIXTURES):
                yield "a result cannot be added"

        return Outcome(mutations, *judged(read))

    return trial
