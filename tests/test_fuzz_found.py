"""What `fuzz.py` has found, each once: mutants that ended in a traceback, a hang, or something else than they say."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pygame
import pytest
import torch
from fuzz_curves import LINES, SETTINGS
from fuzz_replays import FILE, HEAD, against_the_rom, fields_of, sealed
from fuzz_results import FIXTURES, LEAGUE
from hub_answers import Fault, Reply
from local_hub import LocalHub, hub
from msgspec import msgpack
from mutations import MORE_EXTREMES, is_a_line

from app import settings
from app.game import replay
from app.game.rating import History, rate
from app.league.games import ResultsFile
from app.ui import bindings, theme
from models.errors import UserError
from models.hub import publishing, reading
from models.provenance import Provenance
from models.run_directory import CurvePoint, read_curve, read_metrics
from training import publication
from training.arena.opponents import training_opponents
from training.launch import new_run
from training.learner import Learner
from training.loop import Display, train
from training.presets import training_settings
from training.run import Progress, RunDirectory
from training.saving import packed
from training.settings import decode

__all__ = ["hub"]

DEEP = "[" * 30_000
REPOSITORY = "ada/pong"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where Volley keeps everything."""
    monkeypatch.setenv("VOLLEY_DATA", str(tmp_path))
    monkeypatch.setenv("VOLLEY_CONFIG", str(tmp_path))
    return tmp_path


def refused(read: Callable[[], object]) -> str:
    with pytest.raises(UserError) as caught:
        read()
    assert is_a_line(caught.value)
    return str(caught.value)


# Replays


def replay_with(folder: Path, payload: bytes) -> Path:
    path = folder / FILE
    path.write_bytes(sealed(payload))
    return path


@pytest.mark.parametrize(
    "payload", [b"\x81\xa1\xff\x00", b"\x81\xa5names\x92\xa1\xe5\xa1a", b"\x91" * 100_000, b"\xa1\x1b"]
)
def test_a_replay_of_bytes_that_are_no_text_or_have_no_end(tmp_path: Path, payload: bytes) -> None:
    path = replay_with(tmp_path, payload)
    assert "cannot read the replay" in refused(lambda: replay.load(path))


@pytest.mark.parametrize("name", ["\0", "a\nb", "\x1b[31m", "\u202e"])
def test_a_replay_with_a_name_that_cannot_be_drawn(tmp_path: Path, name: str) -> None:
    replay.save(against_the_rom(), tmp_path / FILE)
    fields = fields_of((tmp_path / FILE).read_bytes())
    assert msgpack.decode((tmp_path / FILE).read_bytes()[HEAD + 32 :]) == fields
    path = replay_with(tmp_path, msgpack.encode(fields | {"names": [name, "b"]}))
    assert "a name cannot be shown" in refused(lambda: replay.load(path))


# Settings, and matches of the person


@pytest.mark.parametrize("text", [f"volume = {DEEP}", f"volume = {'1' * 5000}"])
def test_settings_that_python_cannot_read_are_put_aside(home: Path, text: str) -> None:
    (home / "settings.toml").write_text(text)
    found, warning = settings.load()
    assert found == settings.Settings()
    assert warning is not None
    assert is_a_line(warning)
    assert (home / "settings.toml.broken").read_text() == text


def test_a_key_with_an_endless_name_is_named_in_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    pygame.display.init()
    _, warnings = bindings.with_overrides({"pause": ["p" * 10_000], "x" * 10_000: []})
    pygame.display.quit()
    assert len(warnings) == 2
    assert all(map(is_a_line, warnings))


@pytest.mark.parametrize("content", [b'[{"day": "\xff"}]', DEEP.encode(), b'[["2026-11-26", "a", 1, 1, 1]]'])
def test_matches_that_are_none(home: Path, content: bytes) -> None:
    (home / "matches.json").write_bytes(content)
    refused(History().load)


@pytest.mark.parametrize("rating", [1e300, -1e300, 1e6])
def test_a_match_against_someone_impossible(home: Path, rating: float) -> None:
    record = {"day": "", "opponent": "", "rating": rating, "won": 1, "lost": 0}
    (home / "matches.json").write_text(json.dumps([record]))
    assert "$[0].rating" in refused(lambda: rate(History().load()))


# Leagues


@pytest.mark.parametrize("score", [[10**40, 0], [-1, 21], [21, 22], [21.0, 3], [True, 0]])
def test_a_game_with_an_impossible_score_counts_for_nothing(tmp_path: Path, score: list[object]) -> None:
    file = ResultsFile(tmp_path / "league.jsonl")
    file.add(LEAGUE[0])
    line = json.loads(file.path.read_bytes())
    line["fixture"]["seed"] = LEAGUE[1].fixture.seed
    file.path.write_text(f"{json.dumps(line | {'score': score})}\n{json.dumps(line | {'frames': -1})}\n")
    file.add(LEAGUE[0])
    assert file.load(FIXTURES) == [LEAGUE[0]]


@pytest.mark.parametrize("noise", [b"\xff", b'{"fixture": "\xe5"}', DEEP.encode()])
def test_a_damaged_line_of_a_league_is_passed_over(tmp_path: Path, noise: bytes) -> None:
    file = ResultsFile(tmp_path / "league.jsonl")
    file.path.write_bytes(noise + b"\n")
    file.add(LEAGUE[0])
    assert file.load(FIXTURES) == [LEAGUE[0]]


# Learning curves


def test_numbers_that_nothing_measures_are_none_and_lines_without_time_are_gone(tmp_path: Path) -> None:
    lines = [
        '{"steps": 5, "seconds": 1, "mean_return": 1e300, "kl": %s, "entropy": -1e16}' % ("9" * 400),
        '{"steps": 6, "seconds": -1}',
        '{"steps": 7.5, "seconds": 1}',
        '{"steps": 1%s, "seconds": 1}' % ("0" * 400),
        '{"steps": 8, "seconds": 1e300}',
        '{"steps": 9, "seconds": 2, "mean_return": 3}',
    ]
    (tmp_path / "metrics.jsonl").write_text("\n".join(lines) + "\n")
    assert read_metrics(tmp_path) == [
        {"steps": 5, "seconds": 1, "mean_return": None, "kl": None, "entropy": None},
        {"steps": 9, "seconds": 2, "mean_return": 3},
    ]
    assert read_curve(tmp_path) == (CurvePoint(5, 1.0), CurvePoint(9, 2.0, 3))


@pytest.mark.parametrize("missing", ["updates", "games", "seconds"])
def test_a_run_whose_last_metrics_lack_something_can_be_published(tmp_path: Path, missing: str) -> None:
    lines = [json.loads(line) for line in LINES]
    lines[-1] = (
        lines[-1] | {"seconds": 0} if missing == "seconds" else {k: v for k, v in lines[-1].items() if k != missing}
    )
    totals = publication.with_totals(Provenance(), RunDirectory(tmp_path, SETTINGS), lines)
    assert totals.steps == lines[-1]["steps"]
    assert (totals.games is None) == (missing == "games")
    assert (totals.steps_per_second is None) == (missing == "seconds")
    publication.write_curve(tmp_path / "curve.csv", lines)
    assert len((tmp_path / "curve.csv").read_text().splitlines()) == 11


# Configurations


@pytest.mark.parametrize(
    "config", [b"\xff", b'{"model": "\xe5"}', DEEP.encode(), b'{"\x1b[31m\\n": 1}', b'{"%s": 1}' % (b"a" * 9000)]
)
def test_a_configuration_that_is_none(config: bytes) -> None:
    assert "config.json is not a training run's" in refused(lambda: decode(config))


@pytest.mark.parametrize(
    "change", [f"gamma={DEEP}", f"gamma={'9' * 5000}", f"{'x' * 9000}=1", "gamma=\ud800", "\x1b=1"]
)
def test_a_change_that_is_none(change: str) -> None:
    refused(lambda: training_settings("ppo", "CartPole-v1", changes=[change]))


@pytest.mark.parametrize("courts", [{"itself": 2000}, {"itself": 1024, "past": 1024, "scripts": 1024, "rom": 1024}])
def test_a_run_that_could_not_be_read_again_is_not_begun(tmp_path: Path, courts: dict[str, int]) -> None:
    opponents = training_opponents(courts)
    assert "out of bounds" in refused(lambda: new_run(tmp_path / "run", algorithm="ppo", opponents=opponents))
    assert not (tmp_path / "run").exists()


# Checkpoints


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A short training on CartPole, saved twice."""
    return short_run(tmp_path / "run", "a2c")


def short_run(path: Path, algorithm: str) -> Path:
    made = training_settings(algorithm, "CartPole-v1")
    for steps in (8, 16):
        directory = RunDirectory.create(path, made) if steps == 8 else RunDirectory.open(path)
        changes = {"steps": steps, "num_envs": 2, "rollout_length": 4, "device": "cpu"}
        directory.write_settings(decode(json.dumps(json.loads((path / "config.json").read_bytes()) | changes).encode()))
        train(directory, Display())
    return path


def resumed(path: Path, **changes: object) -> Progress:
    config = path / "config.json"
    config.write_text(json.dumps(json.loads(config.read_bytes()) | {"steps": 24} | changes))
    return train(RunDirectory.open(path), Display())


def change_checkpoints(path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    for file in (path / "checkpoints").iterdir():
        state = torch.load(file, weights_only=True)
        change(state)
        torch.save(state, file)


def test_a_checkpoint_with_one_bit_changed_is_never_taken_up(run: Path) -> None:
    """Torch itself reads it without a word, with another number in a weight or in a game."""
    newest = run / "checkpoints" / "newest.pt"
    content, chance = newest.read_bytes(), random.Random(1)  # noqa: S311 - to repeat it
    expected = RunDirectory.open(run)._checkpoint()
    assert expected is not None
    for _ in range(60):
        place = chance.randrange(len(content))
        newest.write_bytes(content[:place] + bytes([content[place] ^ 1 << chance.randrange(8)]) + content[place + 1 :])
        found = RunDirectory.open(run)._checkpoint()
        assert found is not None
        if found.progress == expected.progress:
            weights, wanted = found.learner["network"], expected.learner["network"]
            assert all(torch.equal(weights[name], wanted[name]) for name in wanted)
        else:
            assert found.progress["steps"] == 8  # the one before


def test_a_run_whose_configuration_was_changed_since_its_checkpoint(run: Path) -> None:
    assert "its checkpoint does not fit its config.json" in refused(lambda: resumed(run, num_envs=3))


def test_a_checkpoint_that_says_half_of_how_far_it_is(run: Path) -> None:
    change_checkpoints(run, lambda state: state["progress"].pop("games"))
    assert "its progress is incomplete" in refused(lambda: resumed(run))


@pytest.mark.parametrize(
    ("name", "value"), [("steps", -1), ("updates", "3"), ("seconds", float("nan")), ("games", 1.5)]
)
def test_a_checkpoint_with_impossible_progress(run: Path, name: str, value: object) -> None:
    change_checkpoints(run, lambda state: state["progress"].update({name: value}))
    assert f"$.{name}" in refused(lambda: resumed(run))


def test_a_checkpoint_that_holds_no_state(run: Path) -> None:
    for file in (run / "checkpoints").iterdir():
        torch.save(torch.zeros(3), file)
    assert "its checkpoints cannot be read" in refused(lambda: resumed(run))


@pytest.mark.parametrize("name", ["exp_avg", "exp_avg_sq", "step"])
def test_an_optimisers_state_of_another_shape_is_refused(learner: Learner, name: str) -> None:
    """The fused optimiser would write beyond its end."""
    loss = sum(weights.sum() for weights in learner.network.parameters())
    assert isinstance(loss, torch.Tensor)
    loss.backward()
    learner.optimizer.step()
    state = learner.state_dict()
    learner.load_state_dict(state)
    state["optimizer"]["state"][0][name] = torch.zeros(0)
    with pytest.raises(ValueError, match="other shapes"):
        learner.load_state_dict(state)


@pytest.mark.parametrize(
    ("algorithm", "part", "value"),
    [
        ("hill-climbing", ("solved_at",), "x"),
        ("reinforce", ("experience", "pending", "rewards"), packed(np.zeros(3, np.float32))),
        ("reinforce", ("experience", "returns"), torch.zeros(7)),
        ("a2c", ("returns", "mean"), torch.zeros(3)),
        ("a2c", ("generator",), torch.zeros(3, dtype=torch.uint8)),
    ],
)
def test_a_part_of_a_checkpoint_that_does_not_fit(
    tmp_path: Path, algorithm: str, part: tuple[str, ...], value: object
) -> None:
    run = short_run(tmp_path / "run", algorithm)

    def change(state: dict[str, Any]) -> None:
        holder = state["learner"]
        for name in part[:-1]:
            holder = holder[name]
        holder[part[-1]] = value

    change_checkpoints(run, change)
    assert "its checkpoint does not fit its config.json" in refused(lambda: resumed(run, steps=1000))


# The Hub


def spoiled(hub: LocalHub, monkeypatch: pytest.MonkeyPatch, spoil: Callable[[Reply], Reply]) -> None:
    """From now on each answer is another one."""
    receive = hub.receive

    def spoiled_receive(*request: object) -> tuple[Reply, Fault | None]:
        reply, fault = receive(*request)  # type: ignore[arg-type]
        return spoil(reply), fault

    monkeypatch.setattr(hub, "receive", spoiled_receive)


ASK: dict[str, Callable[[], object]] = {
    "search": lambda: reading.search("pong"),
    "examine": lambda: reading.examine(REPOSITORY),
    "history": lambda: reading.revisions(REPOSITORY),
    "login": lambda: publishing.check_login("tester/pong"),
}


@pytest.mark.parametrize("ask", ASK)
@pytest.mark.parametrize(
    "body", [b"", b"null", b"[1]", b'"x"', b'{"id": 3', b"\xff", b'[{"id": 3}]', b'{"name": 3, "sha": 3}']
)
def test_an_answer_that_makes_no_sense(hub: LocalHub, monkeypatch: pytest.MonkeyPatch, ask: str, body: bytes) -> None:
    spoiled(hub, monkeypatch, lambda _: Reply(body))
    assert "the Hub's answer makes no sense" in refused(ASK[ask])


@pytest.mark.parametrize("value", ["1", 1.5, True, -5, [], {}])
def test_a_file_of_an_impossible_size(hub: LocalHub, monkeypatch: pytest.MonkeyPatch, value: object) -> None:
    described = {"id": REPOSITORY, "sha": "1" * 40, "siblings": [{"rfilename": "config.json", "size": value}]}
    spoiled(hub, monkeypatch, lambda reply: Reply(json.dumps(described).encode(), 200, reply.headers))
    assert "the Hub's answer makes no sense" in refused(ASK["examine"])


@pytest.mark.parametrize("ask", ["search", "history"])
def test_a_list_that_goes_round_in_a_circle(hub: LocalHub, monkeypatch: pytest.MonkeyPatch, ask: str) -> None:
    link = {"Link": f'<{hub.url}/api/models>; rel="next"'}
    spoiled(hub, monkeypatch, lambda reply: Reply(b"[]", 200, {**reply.headers, **link}))
    assert "the Hub's answer has no end" in refused(ASK[ask])
    assert len(hub.requests) < 400


@pytest.mark.parametrize("header", [{"Retry-After": "99999999"}, {"RateLimit": '"api";r=0;t=99999999'}])
def test_the_hub_cannot_ask_for_a_wait_of_years(
    hub: LocalHub, monkeypatch: pytest.MonkeyPatch, header: dict[str, str]
) -> None:
    spoiled(hub, monkeypatch, lambda reply: Reply(b"{}", 429, {**reply.headers, **header}))
    assert "too many requests" in refused(ASK["search"])
    assert 0 < max(hub.waits) <= 60


# Text on the screen


@pytest.mark.parametrize("text", [text for text in MORE_EXTREMES if isinstance(text, str)])
def test_any_text_can_be_drawn_soon(text: str) -> None:
    """A long name took minutes to fit, and some characters could not be drawn at all."""
    surface = pygame.Surface((300, 100))
    shown = theme.fitted(text, 14, 200)
    assert theme.font(theme.Face.REGULAR, 14).size(shown)[0] <= 200
    theme.draw_text(surface, shown, 14, topleft=(0, 0))
    for line in theme.wrapped(text, 14, 200, 3):
        theme.draw_text(surface, line, 14, topleft=(0, 0))


def test_a_text_is_cut_where_it_no_longer_fits() -> None:
    text = "The quick brown fox jumps over the lazy dog"
    measure = theme.font(theme.Face.REGULAR, 14).size
    for width in range(20, 320, 7):
        shown = theme.fitted(text, 14, width)
        longer = f"{text[: len(shown)]}\N{HORIZONTAL ELLIPSIS}"
        assert shown == text or measure(shown)[0] <= width < measure(longer)[0]
