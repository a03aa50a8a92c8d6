"""What agents and seats remember of a moment: plain values, from which they go on as they did."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any, TypeAlias

import pytest

from agents.agent import Agent, Remembered
from agents.base import Frame, control_of
from agents.handicap import Handicap
from agents.ladder import LadderAgent
from agents.policy import PolicyAgent
from agents.pong import Court, Side
from agents.scripted import TrackerAgent
from app.game.seats import AgentSeat, RecordedSeat
from models.network import PolicyNetwork
from models.spec import ModelSpec

Make: TypeAlias = Callable[[ModelSpec, PolicyNetwork], Agent[Any]]


def policy(spec: ModelSpec, network: PolicyNetwork) -> Agent[Any]:
    return PolicyAgent(spec, network, name="tiny", seed=3)


def tracker(spec: ModelSpec, network: PolicyNetwork) -> Agent[Any]:
    del spec, network
    return TrackerAgent(seed=3)


def delayed(spec: ModelSpec, network: PolicyNetwork) -> Agent[Any]:
    return Handicap(policy(spec, network), 100)


def ladder(spec: ModelSpec, network: PolicyNetwork) -> Agent[Any]:
    return LadderAgent([delayed(spec, network), tracker(spec, network)])


AGENTS = [policy, tracker, delayed, ladder]


def play(seat: AgentSeat[Any], court: Court, frames: int) -> list[tuple[bytes, object]]:
    """The game's next frames: the RAM, and the seat's memory after each."""
    seen: list[tuple[bytes, object]] = []
    for _ in range(frames):
        court.step(seat.control(court))
        seat.observe(court.grey())
        seen.append((court.fingerprint(), seat.memory()))
    return seen


@pytest.mark.parametrize("make", AGENTS)
def test_saved_and_read_again_it_brings_the_same_game(spec: ModelSpec, network: PolicyNetwork, make: Make) -> None:
    court, seat = Court(seed=1), AgentSeat(make(spec, network), Side.RIGHT)
    seat.begin(court.grey())
    play(seat, court, 130)
    moment, saved = court.save(), pickle.dumps(seat.memory())
    then = play(seat, court, 120)
    court.restore(moment)
    stranger = AgentSeat(make(spec, network), Side.RIGHT)
    stranger.recall(pickle.loads(saved))  # noqa: S301 - its own
    assert pickle.dumps(stranger.memory()) == saved
    assert play(stranger, court, 120) == then


@pytest.mark.parametrize("make", AGENTS)
def test_equal_states_have_equal_memories(spec: ModelSpec, network: PolicyNetwork, make: Make) -> None:
    seats = [AgentSeat(make(spec, network), Side.LEFT) for _ in range(2)]
    court = Court(seed=1)
    for seat in seats:
        seat.begin(court.grey())
    for frame in range(30):
        court.step(control_of("FIRE"), seats[0].control(court))
        for seat in seats:
            seat.observe(court.grey())
        assert seats[0].memory() == seats[1].memory(), frame
    seats[0].observe(court.grey())
    assert seats[0].memory() != seats[1].memory()


def test_someone_with_their_memory_goes_back(spec: ModelSpec, network: PolicyNetwork) -> None:
    live = AgentSeat(policy(spec, network), Side.RIGHT)
    seat = RecordedSeat([control_of("FIRE")] * 60, live)
    court = Court(seed=1)
    seat.begin(court.grey())
    kept = Remembered.now(seat)
    decision = seat.decision
    for _ in range(60):
        seat.observe(court.grey())
    assert kept.memory != seat.memory()
    kept.restore()
    assert kept.memory == seat.memory()
    assert seat.decision == decision


def seen(agent: PolicyAgent) -> Frame:
    assert agent.observation is not None
    return agent.observation


def test_what_the_network_saw_last_comes_back(spec: ModelSpec, network: PolicyNetwork) -> None:
    agent, court = PolicyAgent(spec, network, name="tiny"), Court(seed=1)
    for _ in range(5):
        agent.observe(court.grey())
    memory, observation = agent.memory(), seen(agent)
    for _ in range(20):
        court.step(control_of("RIGHTFIRE"))
        agent.observe(court.grey())
    assert (seen(agent) != observation).any()
    agent.recall(memory)
    assert (seen(agent) == observation).all()
