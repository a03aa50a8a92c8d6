from __future__ import annotations

import math
from collections import Counter
from pathlib import Path

import msgspec
import numpy as np
import pytest
import torch

from agents.base import DOWN_ACTIONS, FIRE_ACTIONS, UP_ACTIONS, Decision, Frame, control_of
from agents.policy import BATCH, PolicyAgent
from agents.pong import Court
from models import checkpoint
from models.errors import UserError
from models.network import PolicyNetwork
from models.spec import ActionName, ModelSpec


def agent_with_logits(spec: ModelSpec, *logits: float, value: float = 0.0, **options: float) -> PolicyAgent:
    """An agent whose network says `logits` and `value` whatever it sees."""
    network = PolicyNetwork(spec)
    for head, answer in ((network.policy_head, logits), (network.value_head, (value,))):
        torch.nn.init.zeros_(head.weight)
        with torch.no_grad():
            head.bias.copy_(torch.tensor(answer))
    return PolicyAgent(spec, network, name="fixed", **options)  # type: ignore[arg-type]


def blank(spec: ModelSpec) -> Frame:
    return np.zeros(spec.observation.shape, np.uint8)


def noise(count: int) -> list[Frame]:
    return list(np.random.default_rng(0).integers(0, 256, (count, 210, 160), np.uint8))


@pytest.fixture
def agent(spec: ModelSpec, network: PolicyNetwork) -> PolicyAgent:
    """An agent that looks at its frames and is far from sure."""
    torch.nn.init.normal_(network.policy_head.weight, std=0.5)
    return PolicyAgent(spec, network, name="tiny", seed=0)


@pytest.mark.parametrize("frame_skip", [2, 4])
def test_decides_on_decision_frames_only(spec: ModelSpec, network: PolicyNetwork, frame_skip: int) -> None:
    spec = msgspec.structs.replace(spec, observation=msgspec.structs.replace(spec.observation, frame_skip=frame_skip))
    runs = 0

    def count(*_: object) -> None:
        nonlocal runs
        runs += 1

    network.register_forward_hook(count)
    agent = PolicyAgent(spec, network, name="tiny")
    decisions = [agent.observe(frame) for frame in noise(4 * frame_skip)]
    assert runs == 4
    for frame, decision in enumerate(decisions):
        assert decision is decisions[frame - frame % frame_skip]
    assert len({id(decision) for decision in decisions}) == 4


def test_a_decision_is_plain_numbers(spec: ModelSpec) -> None:
    # softmax(ln 1, ln 2, ln 5) = 1/8, 2/8, 5/8
    decision = agent_with_logits(spec, 0.0, math.log(2), math.log(5), value=1.5).decide(blank(spec))
    assert decision.actions == ("FIRE", "RIGHTFIRE", "LEFTFIRE")
    assert decision.action in decision.actions
    assert decision.probabilities == pytest.approx((0.125, 0.25, 0.625), abs=1e-6)
    assert sum(decision.probabilities) == pytest.approx(1, abs=1e-12)
    assert decision.value == 1.5
    assert {type(number) for number in (*decision.probabilities, decision.value)} == {float}


def test_samples_as_often_as_it_says(spec: ModelSpec) -> None:
    agent = agent_with_logits(spec, math.log(0.7), math.log(0.2), math.log(0.1), seed=1)
    draws = Counter(agent.decide(blank(spec)).action for _ in range(2000))
    expected: dict[ActionName, int] = {"FIRE": 1400, "RIGHTFIRE": 400, "LEFTFIRE": 200}
    chi_square = sum((draws[name] - count) ** 2 / count for name, count in expected.items())
    assert chi_square < 13.8, draws  # exceeded once in a thousand seeds, with two degrees of freedom
    assert sum(draws.values()) == 2000


@pytest.mark.parametrize(
    ("temperature", "expected"),
    # Odds of 4 : 1 : 1 become 4^(1/T) : 1 : 1.
    [(1.0, (4 / 6, 1 / 6, 1 / 6)), (2.0, (2 / 4, 1 / 4, 1 / 4)), (0.5, (16 / 18, 1 / 18, 1 / 18))],
)
def test_temperature(spec: ModelSpec, temperature: float, expected: tuple[float, ...]) -> None:
    agent = agent_with_logits(spec, math.log(4), 0.0, 0.0, temperature=temperature)
    assert agent.decide(blank(spec)).probabilities == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("temperature", [1e-3, 1e3])
def test_extreme_temperatures(spec: ModelSpec, temperature: float) -> None:
    agent = agent_with_logits(spec, 50.0, 0.0, -50.0, temperature=temperature)
    probabilities = agent.decide(blank(spec)).probabilities
    assert sum(probabilities) == pytest.approx(1)
    assert (probabilities[0] > 0.999) == (temperature < 1)


def test_weights_that_overflow_are_told_in_one_line(spec: ModelSpec) -> None:
    agent = agent_with_logits(spec, 0.0, 0.0, 0.0)
    for tensor in agent.network.policy_head.parameters():
        torch.nn.init.constant_(tensor, 3e38)
    torch.nn.init.constant_(agent.network.pixels.mean, -3e38)
    with pytest.raises(UserError, match="'fixed' cannot play: its weights overflow"):
        agent.decide(blank(spec))


def test_greedy_takes_the_most_probable_and_still_tells_the_odds(spec: ModelSpec) -> None:
    agent = agent_with_logits(spec, math.log(0.3), math.log(0.4), math.log(0.3), greedy=True)
    decisions = [agent.decide(blank(spec)) for _ in range(50)]
    assert {decision.action for decision in decisions} == {"RIGHTFIRE"}
    assert decisions[0].probabilities == pytest.approx((0.3, 0.4, 0.3), abs=1e-6)
    agent.greedy = False
    assert len({agent.decide(blank(spec)).action for _ in range(50)}) == 3


def test_decides_the_same_in_any_company(spec: ModelSpec, agent: PolicyAgent) -> None:
    crowd = [PolicyAgent(spec, agent.network, name="tiny", seed=number) for number in range(BATCH + 3)]
    alone = PolicyAgent(spec, agent.network, name="tiny", seed=BATCH)
    for frame in noise(12):
        decides = alone.see(frame)
        for number, member in enumerate(crowd):
            assert member.see(frame if number == BATCH else np.roll(frame, 1 + number, 1)) is decides
        if decides:
            PolicyAgent.decide_together(crowd)
            PolicyAgent.decide_together([alone])
        assert alone.decision == crowd[BATCH].decision
    assert len({member.decision for member in crowd}) == len(crowd)


def test_decides_together_as_by_itself_up_to_rounding(spec: ModelSpec, agent: PolicyAgent) -> None:
    twin = PolicyAgent(spec, agent.network, name="tiny", seed=0)
    for frame in noise(40):
        decision = agent.observe(frame)
        if twin.see(frame):
            PolicyAgent.decide_together([twin])
        assert twin.decision is not None
        assert twin.decision.action == decision.action
        assert twin.decision.probabilities == pytest.approx(decision.probabilities, abs=1e-5)


def replay(spec: ModelSpec, network: PolicyNetwork, seed: int) -> list[tuple[ActionName, bytes]]:
    court, agent = Court(seed=0), PolicyAgent(spec, network, name="tiny", seed=seed)
    game: list[tuple[ActionName, bytes]] = []
    for _ in range(300):
        grey = court.grey()
        decision = agent.observe(grey)
        game.append((decision.action, grey.tobytes()))
        court.step(control_of(decision.action))
    return game


def test_the_same_seed_replays_the_same_game(spec: ModelSpec, network: PolicyNetwork) -> None:
    game = replay(spec, network, seed=4)
    assert game == replay(spec, network, seed=4)
    assert game != replay(spec, network, seed=5)
    assert len({action for action, _ in game}) == 3


def test_reset_forgets(spec: ModelSpec, network: PolicyNetwork, agent: PolicyAgent) -> None:
    *past, first = noise(7)
    for frame in past:
        agent.observe(frame)
    remembering = agent.observe(first)
    agent.reset()
    decision = agent.observe(first)
    fresh = PolicyAgent(spec, network, name="fresh").observe(first)
    assert (decision.probabilities, decision.value) == (fresh.probabilities, fresh.value)
    assert decision.value != remembering.value


def test_what_it_feeds_the_network(spec: ModelSpec, network: PolicyNetwork) -> None:
    """Frames 0, 3 | 4 and 7 | 8 of a flat picture growing brighter: the two newest decision frames, newest last."""
    seen: list[torch.Tensor] = []
    network.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0].clone()))
    agent = PolicyAgent(spec, network, name="tiny")
    for level in range(9):
        agent.observe(np.full((210, 160), 10 * level, np.uint8))
    assert [tuple(observation.shape) for observation in seen] == [(1, 2, 20, 16)] * 3
    assert {observation.dtype for observation in seen} == {torch.uint8}
    assert [observation[0, :, 0, 0].tolist() for observation in seen] == [[0, 0], [0, 40], [40, 80]]


def decisions_on(agent: PolicyAgent, frames: list[Frame]) -> list[Decision]:
    return [agent.observe(frame) for frame in frames]


@pytest.mark.parametrize("moment", [0, 1, 3, 4, 9])
def test_recall_brings_the_same_decisions(agent: PolicyAgent, moment: int) -> None:
    """From any frame between two decisions, and more than once; randomness is part of it."""
    frames = noise(60)
    decisions_on(agent, frames[:moment])
    memory = agent.memory()
    then = decisions_on(agent, frames[moment:])
    assert len({decision.action for decision in then}) == 3
    for _ in range(2):
        agent.recall(memory)
        assert decisions_on(agent, frames[moment:]) == then


def test_recall_keeps_the_decision_in_force(agent: PolicyAgent) -> None:
    *frames, last = noise(6)
    in_force = decisions_on(agent, frames)[-1]
    memory = agent.memory()
    agent.reset()
    agent.observe(last)
    agent.recall(memory)
    assert agent.observe(last) is in_force


def test_a_memory_can_be_recalled_by_another_agent_of_the_same_model(
    spec: ModelSpec, network: PolicyNetwork, agent: PolicyAgent
) -> None:
    frames = noise(40)
    decisions_on(agent, frames[:10])
    other = PolicyAgent(spec, network, name="other", seed=9)
    other.recall(agent.memory())
    assert decisions_on(other, frames[10:]) == decisions_on(agent, frames[10:])


@pytest.mark.parametrize("folder", ["good-run", "good-run/best", "good-run/model"])
def test_load_names_the_agent(tmp_path: Path, spec: ModelSpec, network: PolicyNetwork, folder: str) -> None:
    checkpoint.save(tmp_path / folder, spec, network)
    agent = PolicyAgent.load(tmp_path / folder, seed=3, greedy=True)
    assert agent.name == "good-run"
    assert agent.spec == spec
    assert agent.greedy


def test_load_names_a_stage_by_its_steps_unless_told_otherwise(
    tmp_path: Path, spec: ModelSpec, network: PolicyNetwork
) -> None:
    stage = tmp_path / "good-run" / "stages" / "000129024"
    checkpoint.save(stage, spec, network)
    assert PolicyAgent.load(stage).name == "good-run at 0.13M"
    agent = PolicyAgent.load(stage, name="Rookie", temperature=2.0)
    assert (agent.name, agent.temperature) == ("Rookie", 2.0)


def test_groups_and_entropy() -> None:
    actions: tuple[ActionName, ...] = ("NOOP", "FIRE", "RIGHT", "LEFT", "RIGHTFIRE", "LEFTFIRE")
    decision = Decision("NOOP", actions, (0.25, 0.125, 0.125, 0.0, 0.25, 0.25), value=None)
    assert decision.probability_of(UP_ACTIONS) == 0.375
    assert decision.probability_of(DOWN_ACTIONS) == 0.25
    assert decision.probability_of(FIRE_ACTIONS) == 0.625
    # 3 x 1/4 ln 4 + 2 x 1/8 ln 8 = 3/2 ln 2 + 3/4 ln 2
    assert decision.entropy == pytest.approx(2.25 * math.log(2))
    assert Decision("LEFT", ("LEFT", "RIGHT"), (1.0, 0.0), value=None).entropy == 0
