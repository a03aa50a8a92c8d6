"""The coach, slow moves, and imitation."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from msgspec.structs import replace
from numpy.typing import NDArray
from probes import Outcome, Probe

from agents.base import Frame, control_of
from agents.pong import Court, Side
from agents.scripted import TrackerAgent
from agents.sight import look, look_from_left
from app.command.main import main
from models import checkpoint
from models.errors import UserError
from models.network import PolicyNetwork, with_slow_moves, withhold_slow_moves
from models.spec import PONG, ActionName, CnnSpec, ConvLayer, FrameObservation, ModelSpec
from training import imitation, policy_gradient, ppo
from training.arena.coach import Coach
from training.arena.opponents import Opponents, training_opponents
from training.arena.selfplay import SelfPlay
from training.environments import FAST_ACTIONS, FINE_ACTIONS, make_pong
from training.gradient import Batch
from training.imitation import ImitationSettings
from training.launch import new_run
from training.learner import Learner
from training.loop import Display, train
from training.ppo import PpoSettings
from training.presets import training_settings
from training.rollout import CoachedRollout, Collector
from training.run import RunDirectory

CONTROLS = [control_of(name) for name in FINE_ACTIONS]
FRAME_SKIP = 4


def conceded(side: Side, controls: list[Any], frames: int) -> int:
    """The points that the tracker wins against the coach's advice, every fourth frame."""
    court, tracker, coach = Court(seed=1), TrackerAgent(seed=1), Coach(controls, FRAME_SKIP)
    control = controls[0]
    for frame in range(frames):
        if frame % FRAME_SKIP == 0:
            control = controls[coach.costs(court, side).argmin()]
        grey = court.grey()
        other = tracker.decide(look_from_left(grey) if side is Side.RIGHT else look(grey)).control
        court.step(*((control, other) if side is Side.RIGHT else (other, control)))
    return court.score[side.other]


@pytest.mark.parametrize("side", Side)
def test_who_takes_the_advice_hardly_ever_misses(side: Side) -> None:
    assert conceded(side, CONTROLS, 6000) <= 1


def test_without_slow_moves_even_a_coach_misses() -> None:
    assert conceded(Side.RIGHT, CONTROLS[:3], 6000) > 3


def test_advice_by_hand() -> None:
    court, coach = Court(seed=0), Coach(CONTROLS, FRAME_SKIP)
    court.reset(idle_frames=1)
    assert court.ball is None
    # Nothing to hit: to the middle, as fast as it takes, and then stay.
    for side, other in ((Side.RIGHT, Side.LEFT), (Side.LEFT, Side.RIGHT)):
        moved = {side: control_of("LEFT"), other: control_of("NOOP")}
        for _ in range(8):
            court.step(moved[Side.RIGHT], moved[Side.LEFT])
        assert court.turn_towards(side, 113.5) < -100
        costs = coach.costs(court, side)
        assert FINE_ACTIONS[costs.argmin()] == "RIGHTFIRE"
        # A decision at full speed is 1: to stay leaves the paddle that much further off, a slow move 0.7 of it.
        assert costs == pytest.approx([1, 0, 2, 0.7, 1.3])


def test_the_way_to_a_row_adds_up() -> None:
    court = Court(seed=0)
    court.reset(idle_frames=1)
    for side, row in ((Side.RIGHT, 60.0), (Side.LEFT, 160.0)):
        before = court.turn_towards(side, row)
        move = court.towards(side, row)
        assert abs(move) == 100
        controls = [control_of("NOOP"), control_of("NOOP")]
        controls[side] = control_of("RIGHT" if move < 0 else "LEFT")
        court.step(controls[Side.RIGHT], controls[Side.LEFT])
        assert court.turn_towards(side, row) == pytest.approx(before - move)


def played(court: Court, idle: int, actions: list[ActionName], expected: list[Frame]) -> bool:
    """Whether the actions lead to the expected pictures after that many idle frames."""
    court.reset(idle_frames=idle)
    for action, picture in zip(actions, expected, strict=True):
        frames = []
        for _ in range(FRAME_SKIP):
            court.step(control_of(action))
            frames.append(court.grey())
        if (np.maximum(*frames[-2:]) != picture).any():
            return False
    return True


def test_slow_moves_are_the_emulators_own() -> None:
    """The same actions on Volley's court and in ale-py's vector environment, as continuous actions there."""
    observation = FrameObservation(height=210, width=160, stack=1)
    actions = (*FINE_ACTIONS, "NOOP", "RIGHT", "LEFT", "SLOWRIGHT", "SLOWLEFT")
    spec = ModelSpec(algorithm="ppo", actions=actions, observation=observation, network=CnnSpec(mirror=False))
    environments = make_pong(spec, 1, sticky=0.0)
    environments.reset(seed=0)
    taken = np.random.default_rng(0).integers(len(actions), size=300)
    expected = [environments.step(np.array([action]))[0][0, 0].copy() for action in taken]
    environments.close()
    # The number of idle frames at the start is the environment's secret.
    court = Court()
    assert any(played(court, idle, [actions[action] for action in taken], expected) for idle in range(31))


def test_slow_moves_begin_half_way_between_staying_and_moving(spec: ModelSpec, network: PolicyNetwork) -> None:
    narrow = ModelSpec(algorithm="ppo", actions=FAST_ACTIONS, observation=spec.observation, network=spec.network)
    wide = ModelSpec(algorithm="ppo", actions=FINE_ACTIONS, observation=spec.observation, network=spec.network)
    network = PolicyNetwork(narrow)
    observations = torch.randint(256, (5, *spec.observation.shape), dtype=torch.uint8)
    before, after = network(observations), with_slow_moves(network, wide)(observations)
    stay, up, down, slow_up, slow_down = after.logits.T
    torch.testing.assert_close(after.logits[:, :3], before.logits)
    torch.testing.assert_close(slow_up, (stay + up) / 2)
    torch.testing.assert_close(slow_down, (stay + down) / 2)
    torch.testing.assert_close(after.value, before.value)


def test_a_training_that_goes_on_from_an_early_stage_offers_the_slow_moves_withheld_there(
    tmp_path: Path, spec: ModelSpec
) -> None:
    settings = training_settings("ppo", PONG)
    assert isinstance(settings.model, ModelSpec)
    shape = replace(settings.model, observation=spec.observation, network=spec.network)
    stage = PolicyNetwork(shape)
    withhold_slow_moves(stage)
    checkpoint.save(tmp_path, shape, stage)
    network = policy_gradient.starting_network(str(tmp_path), replace(settings, model=shape))
    observations = torch.randint(256, (5, *spec.observation.shape), dtype=torch.uint8)
    stay, up, down, slow_up, slow_down = network(observations).logits.T
    torch.testing.assert_close(torch.stack((stay, up, down), 1), stage(observations).logits[:, :3])
    torch.testing.assert_close(slow_up, (stay + up) / 2)
    torch.testing.assert_close(slow_down, (stay + down) / 2)


@pytest.fixture
def small() -> ModelSpec:
    return ModelSpec(
        algorithm="imitation",
        actions=FINE_ACTIONS,
        observation=FrameObservation(height=42, width=42, stack=2),
        network=CnnSpec((ConvLayer(4, 8, 4),), hidden=8),
    )


def test_every_seat_gets_the_costs_for_what_it_sees(small: ModelSpec) -> None:
    opponents = Opponents(itself=1, past=0, scripts=1, rom=1)
    environments = SelfPlay(small, opponents, sticky=0.0, seed=0, coached=True)
    _, info = environments.reset()
    board = environments._courts.board
    random, different = np.random.default_rng(0), 0
    for _ in range(60):
        courts, sides = environments._seats
        np.testing.assert_array_equal(info["costs"], board.costs[courts, sides])
        different += len(set(info["costs"][:2].argmin(1).tolist())) > 1
        *_, info = environments.step(random.integers(5, size=opponents.seats))
    assert different, "the two sides of a court need different actions"
    environments.close()
    without = SelfPlay(small, opponents, sticky=0.0, seed=0)
    assert without.reset()[1] == {}
    without.close()


def preferring(observations: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Costs `[N, 3]`: 0 for that action, 0.5 for the others."""
    return 0.5 - 0.5 * np.eye(3)[observations[:, 0, 0, 0] % 3]


class Coached(Probe):
    """A probe whose coach prefers the action of the number of the shade, modulo 3."""

    def reset(self, **options: Any) -> tuple[NDArray[np.uint8], dict[str, Any]]:
        observations, info = super().reset(**options)
        return observations, info | {"costs": preferring(observations)}

    def step(self, actions: NDArray[np.int64]) -> tuple[Any, ...]:
        observations, *rest, info = super().step(actions)
        return observations, *rest, info | {"costs": preferring(observations)}


def coached(num_envs: int) -> Coached:
    return Coached(
        num_envs,
        shade=lambda episode, step: (7 * episode + 50 * step) % 200,
        outcome=lambda _shade, step, action: Outcome(float(action == 0), step == 4),
    )


PROBE = ModelSpec(
    algorithm="imitation",
    actions=FAST_ACTIONS,
    observation=FrameObservation(height=16, width=16, stack=1),
    network=CnnSpec((ConvLayer(4, 4, 4),), hidden=32, mirror=False),
)


def test_the_costs_in_a_rollout_are_for_its_own_observation() -> None:
    learner = Learner(PROBE, learning_rate=1e-3, seed=0, device=torch.device("cpu"))
    collector = Collector(coached(3), learner, rollout_length=8, seed=0)
    collector.random_observations(2, np.random.default_rng(0))
    for _ in range(2):
        rollout, _ = collector.collect()
        assert isinstance(rollout, CoachedRollout)
        assert torch.equal(rollout.costs.argmin(2), rollout.observations[:, :, 0, 0, 0].long() % 3)
    batch = Batch.of(rollout, imitation.targets(rollout, ImitationSettings()))
    for minibatch in batch.shuffled(5, torch.Generator().manual_seed(0)):
        assert minibatch.costs is not None
        assert torch.equal(minibatch.costs.argmin(1), minibatch.observations[:, 0, 0, 0].long() % 3)


def test_imitation_learns_the_advice_whatever_the_reward_says() -> None:
    settings = ImitationSettings(minibatch_size=32, learning_rate=3e-3, epochs=4)
    learner = Learner(PROBE, learning_rate=3e-3, seed=0, device=torch.device("cpu"))
    environments = Coached(
        8, shade=lambda episode, step: 10 + 71 * ((episode + step) % 3), outcome=lambda *_: Outcome(0.0)
    )
    collector = Collector(environments, learner, rollout_length=16, seed=0)
    learner.update_input_statistics(collector.random_observations(8, np.random.default_rng(0)))
    agreement = []
    for _ in range(20):
        rollout, _ = collector.collect()
        batch = Batch.of(rollout, imitation.targets(rollout, settings))
        agreement += [
            imitation.update(learner, batch, settings, 0.0).means()["agreement"] for _ in range(settings.epochs)
        ]
    assert agreement[0] < 0.5
    assert agreement[-1] > 0.95


def test_the_critic_of_imitation_has_the_targets_of_ppo() -> None:
    learner = Learner(PROBE, learning_rate=1e-3, seed=0, device=torch.device("cpu"))
    rollout, _ = Collector(coached(3), learner, rollout_length=8, seed=0).collect()
    expected = ppo.advantages(rollout, PpoSettings()).returns
    torch.testing.assert_close(imitation.targets(rollout, ImitationSettings()).returns, expected)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(policy_gradient, "WARM_UP_STEPS", 2)
    monkeypatch.setattr("training.loop.keep_best", lambda *_: 0.0)


@pytest.mark.usefixtures("quick")
def test_a_training_by_imitation_and_then_by_reward(tmp_path: Path) -> None:
    assert training_settings("imitation", "Pong").opponents == Opponents()
    arguments: dict[str, Any] = {"steps": 1, "seed": 0, "sticky": None, "device": "cpu"}
    arguments |= {"opponents": training_opponents({"itself": 1}), "slow_moves": True}
    first = new_run(tmp_path / "first", algorithm="imitation", start="ppo", **arguments)
    train(first, Display())
    assert 0 < first.metrics()[0]["agreement"] < 1
    second = new_run(
        tmp_path / "second",
        algorithm="ppo",
        start=str(first.path),
        **arguments,
    )
    train(second, Display())
    assert checkpoint.load(second.path / "model")[0].actions == FINE_ACTIONS


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("averaging", [0.0, 0.9])
def test_ppo_takes_slow_moves_only_after_a_while(averaging: float, tmp_path: Path) -> None:
    assert training_settings("ppo", "Pong").slow_moves_after > 0
    changes = ["epochs=1", f"averaging={averaging}"]
    run = new_run(tmp_path / "run", algorithm="ppo", steps=1, device="cpu", changes=changes)
    settings = replace(run.settings, steps=40, num_envs=2, rollout_length=10, slow_moves_after=40)
    run.write_settings(settings)
    train(run, Display(), stop=lambda: True)  # before any update
    before = slow_probability(run)
    train(run, Display())
    assert before < 1e-8
    # Half-way between logits that are still nearly equal: all five are about as probable.
    assert slow_probability(run) == pytest.approx(2 / 5, abs=0.05)


def slow_probability(run: RunDirectory) -> float:
    """Of the two slow moves together, in the run's newest policy."""
    _, network = checkpoint.load(run.path / "model")
    observations = torch.randint(256, (5, 4, 84, 84), dtype=torch.uint8)
    return float(network(observations).logits.softmax(1)[:, 3:].sum(1).mean())


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("more", [{"start": "reinforce@116736"}, {"opponents": training_opponents({"itself": 1})}])
def test_who_goes_on_or_meets_others_says_whether_the_policy_has_slow_moves(
    more: dict[str, Any], tmp_path: Path
) -> None:
    for slow, actions in ((None, FAST_ACTIONS), (True, FINE_ACTIONS)):
        settings = new_run(tmp_path / str(slow), algorithm="ppo", slow_moves=slow, **more).settings
        assert (settings.model.actions, settings.slow_moves_after) == (actions, 0)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["ppo", "--env", "CartPole-v1", "--slow-moves"], "--slow-moves is only for Pong"),
        (["imitation", "--env", "CartPole-v1"], "only for Pong, where there is a coach"),
        (
            ["ppo", "--slow-moves", "--opponents", "reinforce@454656=3"],
            "other actions than the run; leave out --slow-moves",
        ),
    ],
)
def test_mistakes_are_one_line(
    arguments: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", *arguments, "--run", str(tmp_path / "run")]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1
    assert not (tmp_path / "run").exists()


def test_a_run_without_slow_moves_cannot_go_on_from_a_model_that_has_them(tmp_path: Path) -> None:
    spec = ModelSpec(algorithm="ppo", actions=FINE_ACTIONS)
    checkpoint.save(tmp_path / "fine", spec, PolicyNetwork(spec))
    with pytest.raises(UserError, match="add --slow-moves"):
        new_run(
            tmp_path / "run",
            algorithm="ppo",
            start=str(tmp_path / "fine"),
        )
