from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable
from concurrent.futures import Executor, Future
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
import torch

from agents.handicap import Handicap
from agents.policy import PolicyAgent
from agents.pong import Side
from app.follow.follower import POLL_SECONDS, Follower, Training, load_matching
from app.game.cast import load_newest, load_training_cast
from app.game.lineup import Lineup, Policy, Rom
from models import checkpoint
from models.errors import UserError
from models.network import PolicyNetwork
from models.run_directory import CurvePoint
from models.spec import FrameObservation, ModelSpec, encode
from training.learner import Learner
from training.run import Progress, RunDirectory
from training.settings import TrainingSettings


class Desk(Executor):
    """An executor that runs its jobs in `work`."""

    def __init__(self) -> None:
        self.jobs: list[tuple[Future[Any], Callable[[], Any]]] = []

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        self.jobs.append((future, lambda: fn(*args, **kwargs)))
        return future

    def work(self) -> None:
        for future, job in self.jobs:
            future.set_result(job())
        self.jobs.clear()


class Watched:
    """A run that is followed, written step by step."""

    def __init__(self, path: Path, spec: ModelSpec) -> None:
        self.path, self.spec = path, spec
        self.desk = Desk()
        self.policy = PolicyAgent(spec, network_of(spec, 0), name="untrained")
        self.follower = Follower(path, self.policy, self.desk)

    def begin(self) -> None:
        self.path.mkdir()
        (self.path / "config.json").write_bytes(encode(TrainingSettings(model=self.spec, steps=400_000)))

    def log(self, steps: int, seconds: float, mean_return: float | None = None) -> None:
        line = {"steps": steps, "updates": 1, "games": 30, "seconds": seconds, "kl": None, "mean_return": mean_return}
        with (self.path / "metrics.jsonl").open("a") as file:
            file.write(json.dumps(line) + "\n")

    def save(self, seed: int) -> PolicyNetwork:
        network = network_of(self.spec, seed)
        checkpoint.save(self.path / "model", self.spec, network)
        return network

    def poll(self) -> None:
        self.follower.update(POLL_SECONDS)
        self.desk.work()
        self.follower.update(0.0)

    def plays(self, network: PolicyNetwork) -> bool:
        pairs = zip(self.policy.network.state_dict().values(), network.state_dict().values(), strict=True)
        return all(torch.equal(one, other) for one, other in pairs)


def network_of(spec: ModelSpec, seed: int) -> PolicyNetwork:
    torch.manual_seed(seed)
    return PolicyNetwork(spec)


@pytest.fixture
def watched(tmp_path: Path, spec: ModelSpec) -> Watched:
    return Watched(tmp_path / "first", spec)


@pytest.fixture
def playing(watched: Watched) -> Watched:
    """A run whose first checkpoint plays."""
    watched.begin()
    watched.log(50_000, 60.0, -20.0)
    watched.save(1)
    watched.poll()
    return watched


def test_waits_for_the_run_and_for_its_first_checkpoint(watched: Watched) -> None:
    before = watched.policy.network
    writes: list[Callable[[], None]] = [lambda: None, watched.begin, lambda: watched.log(6144, 6.0)]
    for write in writes:
        write()
        watched.poll()
        assert watched.policy.network is before
        assert watched.follower.status == "waiting for the first checkpoint"
    assert (watched.follower.training.steps, watched.follower.training.target) == (6144, 400_000)


def test_changes_over_with_each_checkpoint(playing: Watched) -> None:
    assert playing.plays(network_of(playing.spec, 1))
    assert playing.follower.status == "playing the policy at 50,000 steps"
    playing.log(110_000, 120.0, -15.0)
    second = playing.save(2)
    playing.poll()
    assert playing.plays(second)
    assert playing.policy.name == "first at 0.11M"
    assert playing.follower.changes == (50_000, 110_000)
    playing.poll()
    assert playing.follower.changes == (50_000, 110_000)


def test_a_changed_policy_decides_by_the_new_weights(playing: Watched) -> None:
    observation = np.full(playing.spec.observation.shape, 100, np.uint8)
    before = playing.policy.decide(observation).probabilities
    playing.save(2)
    playing.poll()
    expected = network_of(playing.spec, 2)(torch.from_numpy(observation).unsqueeze(0)).logits.softmax(-1)[0]
    after = playing.policy.decide(observation).probabilities
    assert after == pytest.approx(expected.tolist(), abs=1e-6)
    assert after != pytest.approx(before, abs=1e-3)


def test_reads_once_a_second_and_never_twice_at_a_time(watched: Watched) -> None:
    watched.begin()
    watched.log(50_000, 60.0)
    watched.save(1)
    jobs = []
    for _ in range(40):
        watched.follower.update(0.1)
        jobs.append(len(watched.desk.jobs))
    assert jobs == [1] * 40
    assert watched.follower.training == Training()
    for _ in range(40):
        watched.desk.work()
        watched.follower.update(0.1)
        jobs.append(len(watched.desk.jobs))
    # The first 0.1 s collects the result, the next starts a reading, and so on every 1.0 s and one more frame.
    assert 3 <= sum(jobs[40:]) <= 4
    assert watched.follower.changes == (50_000,)


def truncate(model: Path) -> None:
    weights = model / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-10])


def other_kind(model: Path) -> None:
    spec = checkpoint.load_spec(model)
    observation = msgspec.structs.replace(spec.observation, stack=spec.observation.stack + 1)
    spec = msgspec.structs.replace(spec, observation=observation)
    checkpoint.save(model, spec, PolicyNetwork(spec))


def not_finite(model: Path) -> None:
    spec, network = checkpoint.load(model)
    network.policy_head.weight[0, 0] = float("nan")
    checkpoint.save(model, spec, network)


BROKEN: dict[str, tuple[Callable[[Path], object], str]] = {
    "half-written": (truncate, "its weights are not safetensors"),
    "no weights": (lambda model: (model / "model.safetensors").unlink(), "gone"),
    "deleted": (shutil.rmtree, "gone"),
    "the run deleted": (lambda model: shutil.rmtree(model.parent), "gone"),
    "other weights": (lambda model: (model / "model.safetensors").write_bytes(b"PK\3\4"), "not safetensors"),
    "a broken config": (lambda model: (model / "config.json").write_bytes(b'{"format_version"'), "not a model's"),
    "another kind": (other_kind, "a different kind of model"),
    "not finite": (not_finite, "not finite"),
}


@pytest.mark.parametrize(("breaks", "reason"), BROKEN.values(), ids=BROKEN)
def test_the_policy_plays_on_whatever_happens_to_the_files(
    playing: Watched, breaks: Callable[[Path], object], reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = playing.policy.network
    breaks(playing.path / "model")
    playing.poll()
    assert playing.policy.network is before
    assert reason in playing.follower.status
    assert playing.follower.status.isprintable()
    assert str(playing.path) not in playing.follower.status
    with monkeypatch.context() as patch:
        patch.setattr(checkpoint, "load", lambda _: pytest.fail("unchanged files are not read again"))
        playing.poll()
    assert reason in playing.follower.status
    shutil.rmtree(playing.path / "model", ignore_errors=True)
    third = playing.save(3)
    playing.poll()
    assert playing.plays(third)
    assert playing.follower.status.startswith("playing the policy at")


@pytest.mark.parametrize(
    ("seconds_before", "steps"),
    [
        (0.0, 60_000),
        (31.0, 30_000),
        (-20.0, 60_000),
        # The training was stopped for an hour, and resumed.
        (3600.0, 60_000),
    ],
)
def test_finds_the_line_of_the_metrics_that_belongs_to_a_checkpoint(
    watched: Watched, seconds_before: float, steps: int
) -> None:
    watched.begin()
    for line in range(1, 7):
        watched.log(10_000 * line, 10.0 * line)
    watched.save(1)
    os.utime(watched.path / "metrics.jsonl", (5000, 5000))
    os.utime(watched.path / "model" / "model.safetensors", (5000 - seconds_before, 5000 - seconds_before))
    watched.poll()
    assert watched.follower.changes == (steps,)


def test_without_a_policy_it_follows_the_progress(watched: Watched) -> None:
    follower = Follower(watched.path, None, watched.desk)
    watched.begin()
    watched.log(6144, 6.0, -20.5)
    watched.save(1)
    follower.update(POLL_SECONDS)
    watched.desk.work()
    follower.update(0.0)
    assert follower.training.curve == (CurvePoint(6144, 6.0, -20.5),)
    assert follower.changes == ()


def test_a_run_as_training_writes_it_is_understood(tmp_path: Path, learner: Learner) -> None:
    run = RunDirectory.create(tmp_path / "run", TrainingSettings(model=learner.spec, steps=400_000))
    progress = Progress(steps=6144, updates=1, games=30, seconds=5.5)
    run.log(progress, {"kl": 0.1, "mean_return": -20.25, "steps_per_second": 1117.0})
    run.save(learner, progress)
    player = load_newest(run.path, seed=0)
    desk = Desk()
    follower = Follower(run.path, player, desk)
    follower.update(POLL_SECONDS)
    desk.work()
    follower.update(0.0)
    assert follower.training.curve == (CurvePoint(6144, 5.5, -20.25),)
    assert follower.training.target == 400_000
    assert follower.training.silent_for == 0.0
    os.utime(run.path / "metrics.jsonl", (time.time() - 200, time.time() - 200))
    follower.update(POLL_SECONDS)
    desk.work()
    follower.update(0.0)
    assert follower.training.silent_for == 180.0
    assert player.name == "run at 0.01M"


def test_who_plays_before_the_first_checkpoint_and_after(watched: Watched) -> None:
    with pytest.raises(UserError, match=r"first is not a run of 'volley train': .*config.json"):
        load_newest(watched.path, seed=0)
    watched.begin()
    player = load_newest(watched.path, seed=0)
    assert (player.name, player.spec) == ("first, untrained", watched.spec)
    saved = watched.save(7)
    player = load_newest(watched.path, seed=0)
    assert player.name == "first"
    assert torch.equal(player.network.policy_head.weight, saved.policy_head.weight)


def test_a_training_is_followed_as_strong_as_it_was_asked_for(watched: Watched) -> None:
    watched.begin()
    player = Policy(str(watched.path), temperature=0.5, greedy=True, reaction_ms=230)
    agent = load_training_cast(Lineup(Rom(), player), watched.path, seed=0).seats[Side.RIGHT].agent
    assert isinstance(agent, Handicap)
    assert agent.reaction_ms == 230
    assert agent.policy is not None
    assert (agent.policy.temperature, agent.policy.greedy) == (0.5, True)


@pytest.mark.parametrize("config", [b"{", b"{}", b"\xff", b"[]"])
def test_what_is_not_a_run_cannot_be_followed(tmp_path: Path, config: bytes) -> None:
    (tmp_path / "config.json").write_bytes(config)
    with pytest.raises(UserError) as caught:
        load_newest(tmp_path, seed=0)
    assert str(caught.value).isprintable()


def test_a_network_that_cannot_replace_another_says_why(model_directory: Path, spec: ModelSpec) -> None:
    for playing in (
        spec,
        msgspec.structs.replace(spec, algorithm="imitation"),
        msgspec.structs.replace(spec, actions=("NOOP", "FIRE")),
    ):
        found, network = load_matching(model_directory, playing)
        assert found == spec
        assert network.policy_head.out_features == 3
    with pytest.raises(UserError, match=r"^it is a different kind of model"):
        load_matching(model_directory, msgspec.structs.replace(spec, observation=FrameObservation(stack=2)))
    (model_directory / "model.safetensors").unlink()
    with pytest.raises(UserError, match=r"^model.safetensors is missing$"):
        load_matching(model_directory, spec)


def test_speed_and_time_left_follow_the_recent_speed() -> None:
    # 1,000 steps/s for the first 1,000 s, and 500 steps/s from then on, a point every 10 s.
    fast = [CurvePoint(10_000 * n, 10.0 * n) for n in range(101)]
    slow = [CurvePoint(1_000_000 + 5000 * n, 1000 + 10.0 * n) for n in range(1, 21)]
    training = Training((*fast, *slow), target=1_200_000)
    assert (training.steps, training.rate) == (1_100_000, 500.0)
    # 100,000 more at 500 a second.
    assert training.seconds_left == 200.0
    assert not training.finished


def test_speed_and_time_left_are_unknown_at_first() -> None:
    for training in (Training(), Training((CurvePoint(100, 1.0),), 1000), Training((CurvePoint(1, 1.0),) * 2, 9)):
        assert (training.rate, training.seconds_left, training.finished) == (None, None, False)
    done = Training((CurvePoint(100, 1.0), CurvePoint(1100, 2.0)), target=1000)
    assert (done.seconds_left, done.finished) == (0.0, True)
    assert Training(done.curve).seconds_left is None
