"""Self-play: the environment, whom it draws, and whole short trainings."""

from __future__ import annotations

import json
import os
import shutil
import signal
from pathlib import Path

import here
import msgspec
import numpy as np
import pytest
import torch

from agents.pong import Side
from app.command.main import main
from models import catalog, checkpoint
from models.errors import UserError
from models.network import PolicyNetwork
from models.spec import ModelSpec
from training import policy_gradient
from training.arena.courts import Courts, Layout
from training.arena.opponents import (
    LEAST_WEIGHT,
    MOST_PAST_SELVES,
    SCRIPTS,
    Opponents,
    PastSelves,
    Record,
    training_opponents,
)
from training.arena.selfplay import STICKY_COURTS, SelfPlay
from training.arena.table import Matchup, Player
from training.launch import new_run, resumed_run
from training.loop import Display, train
from training.workers import LostWorkerError

games_here = here.games_here


def test_the_record_of_an_opponent_is_the_share_of_recent_points() -> None:
    record = Record(["a", "b"])
    record.note("a", won=True)
    assert record.shares == {"a": pytest.approx(0.98 * 0.5 + 0.02), "b": 0.5}
    for _ in range(500):
        record.note("a", won=False)
    assert record.shares["a"] == pytest.approx(0, abs=1e-4)
    record.note("gone", won=True)
    assert "gone" not in record.shares


def test_the_harder_an_opponent_is_the_more_often_it_is_drawn() -> None:
    record, random = Record(["hard", "even", "beaten"]), np.random.default_rng(0)
    record.shares.update(hard=0.0, even=0.5, beaten=1.0)
    drawn = [record.draw(random) for _ in range(20_000)]
    # Weights 1, 1/2 and the least, 0.05.
    total = 1 + 0.5 + LEAST_WEIGHT
    for name, weight in (("hard", 1), ("even", 0.5), ("beaten", LEAST_WEIGHT)):
        assert drawn.count(name) / len(drawn) == pytest.approx(weight / total, abs=0.01)


def test_past_selves_are_copies_and_the_one_most_beaten_leaves(spec: ModelSpec, network: PolicyNetwork) -> None:
    past = PastSelves(spec)
    past.admit(network)
    with torch.no_grad():
        network.policy_head.bias.add_(1)
    assert not torch.equal(past.networks["past-0"].policy_head.bias, network.policy_head.bias)
    for _ in range(MOST_PAST_SELVES - 1):
        past.admit(network)
    past.record.shares["past-3"] = 0.9
    past.admit(network)
    assert len(past.networks) == MOST_PAST_SELVES
    assert "past-3" not in past.networks
    assert "past-16" in past.networks
    again = PastSelves(spec)
    again.load_state_dict(past.state_dict())
    assert again.record.shares == past.record.shares
    for name, copy in again.networks.items():
        assert torch.equal(copy.policy_head.bias, past.networks[name].policy_head.bias)


@pytest.fixture
def environments(spec: ModelSpec, network: PolicyNetwork) -> SelfPlay:
    made = SelfPlay(spec, Opponents(itself=2, past=1, scripts=2, rom=1), sticky=0.25, seed=1)
    made.admit(network)
    return made


@pytest.mark.usefixtures("games_here")
def test_every_seat_of_the_policy_is_an_environment(environments: SelfPlay, spec: ModelSpec) -> None:
    observations, _ = environments.reset()
    assert environments.num_envs == 2 * 2 + 1 + 2 + 1
    assert environments.twins == 4
    assert observations.shape == (8, *spec.observation.shape)
    total = np.zeros(8)
    random = np.random.default_rng(0)
    for _ in range(150):
        observations, rewards, terminations, truncations, _ = environments.step(random.integers(3, size=8))
        assert rewards[0] == -rewards[1], "the two sides of a game against itself"
        assert rewards[2] == -rewards[3]
        total += np.abs(rewards)
    assert observations.any(axis=(1, 2, 3)).all()
    assert not (terminations | truncations).any()
    assert total.sum() > 8
    assert environments.metrics["share_rom"] < 0.5
    environments.close()


@pytest.mark.usefixtures("games_here")
def test_sticky_courts_have_the_policy_on_the_right(environments: SelfPlay) -> None:
    environments.reset()
    for court, game in enumerate(environments._games):
        if environments._stickies[court] > 0:
            assert (court - 2) % STICKY_COURTS == 0, "counted from the first where it does not play itself"
            assert game.sides == (Side.RIGHT,)
    assert sum(sticky > 0 for sticky in environments._stickies) == 1
    environments.close()


@pytest.mark.parametrize(
    ("opponents", "sticky"),
    [
        (Opponents(itself=1, past=0, scripts=3, rom=0), [1]),
        (Opponents(itself=2, past=0, scripts=2, rom=0), [2]),
        (Opponents(itself=5, past=0, scripts=3, rom=2), [5, 9]),
        (Opponents(), [8, 12, 16, 20, 24, 28]),
        (Opponents(itself=3, past=0, scripts=0, rom=0), []),
    ],
)
def test_every_fourth_court_of_others_is_sticky(spec: ModelSpec, opponents: Opponents, sticky: list[int]) -> None:
    made = SelfPlay(spec, opponents, sticky=0.25, seed=1)
    assert [court for court, chance in enumerate(made._stickies) if chance] == sticky
    made.close()


@pytest.mark.usefixtures("games_here")
def test_a_fixed_opponent_stays_who_it_was(spec: ModelSpec) -> None:
    """Its folder may hold another policy by the time that the run is resumed."""
    opponents = Opponents(itself=0, past=0, scripts=0, rom=0, fixed=1, model="other")
    then, now = PolicyNetwork(spec).eval(), PolicyNetwork(spec).eval()
    first = SelfPlay(spec, opponents, sticky=0.0, seed=1, fixed=then)
    first.reset()
    resumed = SelfPlay(spec, opponents, sticky=0.0, seed=1, fixed=now)
    resumed.load_state_dict(first.state_dict())
    for game in (*resumed._games, resumed._draw(0)):
        assert game.network is not None
        assert torch.equal(game.network.policy_head.weight, then.policy_head.weight)
    first.close()
    resumed.close()


def test_an_ended_game_is_followed_by_the_next(spec: ModelSpec) -> None:
    courts = Courts(Layout(spec.observation, spec.actions, (0.0,) * 3, 0), processes=2)
    board, both = courts.board, Matchup(Player.NETWORK, Player.NETWORK)
    against_the_rom = Matchup(Player.ROM, Player.NETWORK)
    courts.begin([both, both, against_the_rom])
    board.actions[:] = (1, 0)  # up on the left, still on the right: short rallies
    ended = np.zeros(3)
    for step in range(1500):
        courts.step(dict(enumerate([both, against_the_rom, both])) if step == 0 else {})
        for court in np.flatnonzero(board.terminated):
            ended[court] += 1
            assert not board.observations[court, :, :-1].any(), "a new game's stack has one frame"
            assert board.observations[court, Side.RIGHT, -1].any()
            assert board.observations[court, Side.LEFT, -1].any() == (court != 1), "the ROM is shown nothing"
            assert board.finals[court, Side.RIGHT].any()
        if (ended >= 1).all():
            break
    assert (ended >= 1).all()
    courts.close()


def test_opponents_by_number_of_courts() -> None:
    assert training_opponents({}) == Opponents()
    few = training_opponents({"itself": 3, "rom": 1})
    assert (few.itself, few.past, few.scripts, few.rom) == (3, 0, 0, 1)
    assert (few.courts, few.seats) == (4, 7)


@pytest.mark.parametrize("name", SCRIPTS)
def test_scripts_differ_from_game_to_game(name: str) -> None:
    random = np.random.default_rng(0)
    drawn = {SCRIPTS[name](random) for _ in range(20)}
    assert len(drawn) == (1 if name in {"tracker", "still"} else 20)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(policy_gradient, "EVALUATION_GAMES", 1)
    monkeypatch.setattr(policy_gradient, "WARM_UP_STEPS", 2)
    monkeypatch.setattr("training.arena.experience.ADMISSION_INTERVAL", 1)
    monkeypatch.setattr("training.loop.keep_best", lambda *_: 0.0)


@pytest.mark.usefixtures("games_here", "quick")
def test_a_training_by_self_play_goes_on_from_a_model_and_can_be_resumed(tmp_path: Path) -> None:
    run = new_run(
        tmp_path / "run",
        algorithm="ppo",
        steps=2 * 128 * 5,
        seed=3,
        sticky=None,
        device="cpu",
        opponents=Opponents(itself=1, past=1, scripts=1, rom=1),
        start="reinforce@454656",
        frame_skip=2,
    )
    progress = train(run, Display(), stop=iter([False, True]).__next__)
    assert progress.steps == 128 * 5
    _, start = checkpoint.load(catalog.resolve("reinforce@454656"))
    spec, newest = checkpoint.load(run.path / "model")
    assert isinstance(spec, ModelSpec)
    assert spec.observation.frame_skip == 2
    assert torch.equal(newest.pixels.mean, start.pixels.mean), "the inputs stay as they were"
    moved = (newest.policy_head.weight - start.policy_head.weight).abs()
    assert 0 < moved.mean() < 0.01
    again = resumed_run(run.path, steps=None, device=None)
    progress = train(again, Display())
    assert progress.steps == 2 * 128 * 5
    lines = again.metrics()
    assert [line["updates"] for line in lines] == [1, 2]
    state = torch.load(run.path / "checkpoints" / "newest.pt", weights_only=True)["learner"]["experience"]["games"]
    assert len(state["past"]["weights"]) == 3, "the start, and one for each of two rollouts"
    assert lines[-1]["share_still"] is not None


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--opponents", "nobody=3"], "'nobody' is neither"),
        (["--opponents", "rom=0"], "leaves no court"),
        (["--opponents", "scripts=8,scripts=6"], "'scripts' is there twice"),
        (["--opponents", "rom"], "'rom' is not KIND=N"),
        (
            ["--frame-skip", "2", "--opponents", "reinforce@454656=1"],
            "reinforce@454656 decides every 4 frames, the run every 2",
        ),
        (["--opponents", "ppo=1,reinforce=1"], "only one model"),
        (["--frame-skip", "1"], "'1' is not a whole number from 2 to 8"),
        (["--from", "nobody"], "'nobody' is neither"),
        (["--env", "CartPole-v1", "--opponents", "all"], "only for Pong"),
        (["--env", "CartPole-v1", "--from", "ppo"], "only for Pong"),
    ],
)
def test_mistakes_are_one_line(
    arguments: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", "ppo", "--run", str(tmp_path / "run"), *arguments]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1
    assert not (tmp_path / "run").exists()


def test_a_search_has_no_opponents(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="are for policy gradients"):
        new_run(
            tmp_path / "run",
            algorithm="hill-climbing",
            opponents=Opponents(),
        )


def test_a_run_has_the_network_of_its_start(tmp_path: Path, spec: ModelSpec, network: PolicyNetwork) -> None:
    checkpoint.save(tmp_path / "other", spec, network)
    run = new_run(tmp_path / "run", algorithm="ppo", start=str(tmp_path / "other"), frame_skip=2)
    model = run.settings.model
    assert isinstance(model, ModelSpec)
    assert model.network == spec.network
    assert model.observation == msgspec.structs.replace(spec.observation, frame_skip=2)


def test_an_opponent_must_have_the_network_of_the_start(
    tmp_path: Path, spec: ModelSpec, network: PolicyNetwork
) -> None:
    checkpoint.save(tmp_path / "other", spec, network)
    opponents = training_opponents({str(tmp_path / "other"): 3})
    alone = new_run(tmp_path / "alone", algorithm="ppo", opponents=opponents)
    assert alone.settings.model == msgspec.structs.replace(alone.settings.model, network=spec.network)
    with pytest.raises(UserError, match="another network than the run"):
        new_run(tmp_path / "run", algorithm="ppo", start="reinforce@454656", opponents=opponents)
    assert not (tmp_path / "run").exists()


def test_a_dead_process_is_reported(environments: SelfPlay) -> None:
    environments.reset()
    process, _ = environments._courts._workers._workers[0]
    assert process.pid is not None
    os.kill(process.pid, signal.SIGKILL)
    with pytest.raises(LostWorkerError, match=r"has died \(exit code -9\)"):
        environments.step(np.zeros(8, np.int64))
    environments.close()


def test_settings_say_whom_the_policy_meets(tmp_path: Path) -> None:
    run = new_run(
        tmp_path / "run",
        algorithm="ppo",
        steps=1,
        seed=0,
        sticky=None,
        device=None,
        opponents=Opponents(),
        start="reinforce@454656",
    )
    config = json.loads((run.path / "config.json").read_text())
    assert config["opponents"] == {"itself": 8, "past": 2, "scripts": 14, "rom": 8, "fixed": 0, "model": None}
    assert config["start"] == "reinforce@454656"
    assert config["num_envs"] == Opponents().seats


@pytest.mark.usefixtures("games_here", "quick")
def test_an_exploiter_meets_one_policy_that_does_not_change(tmp_path: Path) -> None:
    run = new_run(
        tmp_path / "run",
        algorithm="ppo",
        steps=1,
        seed=3,
        sticky=None,
        device="cpu",
        opponents=training_opponents({"reinforce@454656": 3}),
    )
    train(run, Display())
    (line,) = run.metrics()
    assert line["steps"] == 3 * 128
    assert line["share_fixed"] < 0.5, "an untrained network loses"
    others = line["share_rom"], line["share_tracker"], line["share_past"]
    assert others == (None, None, None), "nobody else was met"


@pytest.mark.usefixtures("games_here", "quick")
def test_a_run_goes_on_without_the_folder_of_its_fixed_opponent(
    tmp_path: Path, spec: ModelSpec, network: PolicyNetwork
) -> None:
    checkpoint.save(tmp_path / "other", spec, network)
    opponents = training_opponents({str(tmp_path / "other"): 2})
    run = new_run(tmp_path / "run", algorithm="ppo", steps=2 * 256, seed=3, device="cpu", opponents=opponents)
    train(run, Display(), stop=iter([False, True]).__next__)
    shutil.rmtree(tmp_path / "other")
    assert train(resumed_run(run.path, steps=None, device=None), Display()).steps == 2 * 256
