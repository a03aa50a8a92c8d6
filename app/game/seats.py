"""Who sits at a paddle: the ROM, a person, an agent, or a recording of one of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Generic, NamedTuple, Protocol

from agents.agent import Agent, Memory, Remembers
from agents.base import Control, Decision, Frame, control_of
from agents.ladder import LadderAgent
from agents.pong import Court, Score, Side
from agents.preprocessing import mirrored
from app.game.rallies import PolicyRally, RallyRecorder, Step

YOU = "You"
"""What to call a person who is the only one."""


def person_name(side: Side, *, alone: bool) -> str:
    """What to call a person who plays on `side`, the only one or one of two."""
    return YOU if alone else f"Player {side + 1}"


def agent_seed(seed: int, side: Side) -> int:
    """The seed of a side's agent in a game with that seed, different on the two sides."""
    return 2 * seed + side


class Seat(Remembers[Memory], Protocol[Memory]):
    """One side of a match: it is shown every frame, and asked what it does in the next."""

    @property
    def name(self) -> str:
        """What to call whoever sits here."""
        ...

    @property
    def agent(self) -> Agent[Any] | None:
        """The agent that plays here; None for a person and for the ROM."""
        ...

    @property
    def decision(self) -> Decision | None:
        """The agent's, in force for the next frame."""
        ...

    @property
    def rallies(self) -> tuple[PolicyRally, ...]:
        """The last rallies of this game as the agent's network saw them, newest last; empty without a network."""
        ...

    def begin(self, grey: Frame, frame: int = 0, *, seed: int | None = None) -> None:
        """Starts from nothing, at this grey frame of the court, `[210, 160]`: the game's first, or its `frame`-th.

        `seed` is the game's: whoever plays by chance plays the same with the same one.
        """
        ...

    def observe(self, grey: Frame) -> None:
        """Takes in the next grey frame."""
        ...

    def control(self, court: Court) -> Control | None:
        """What to do in the next frame; None leaves it to the ROM."""
        ...

    def point(self, winner: Side, score: Score) -> None:
        """Takes in a point, and the score after it."""
        ...


class RomSeat:
    """The ROM's own opponent; on the left only."""

    name = "Atari CPU"
    agent = decision = None
    rallies = ()

    def begin(self, grey: Frame, frame: int = 0, *, seed: int | None = None) -> None:
        """Does nothing: the ROM knows the court."""

    def observe(self, grey: Frame) -> None:
        """Does nothing, as above."""

    def control(self, court: Court) -> None:
        """None: the ROM moves the paddle."""

    def point(self, winner: Side, score: Score) -> None:
        """Does nothing."""

    def memory(self) -> None:
        """None: the court's own state includes the ROM's."""

    def recall(self, memory: None) -> None:
        """Does nothing."""


class PersonSeat:
    """Someone at this computer, whose hand is read before every frame."""

    agent = decision = None
    rallies = ()

    def __init__(self, side: Side, name: str = YOU) -> None:
        self.name = name
        self._side = side
        self._held = Control()
        self._row: float | None = None

    def hold(self, control: Control) -> None:
        """Holds this control from now on."""
        self._held, self._row = control, None

    def point_at(self, row: float, *, fire: bool) -> None:
        """Moves the paddle's centre to this row of the screen from now on."""
        self._held, self._row = Control(fire=fire), row

    def begin(self, grey: Frame, frame: int = 0, *, seed: int | None = None) -> None:
        """Does nothing: the hand stays where it is."""

    def observe(self, grey: Frame) -> None:
        """Does nothing: people look for themselves."""

    def control(self, court: Court) -> Control:
        """What the hand does now."""
        if self._row is None:
            return self._held
        return Control(court.towards(self._side, self._row), self._held.fire)

    def point(self, winner: Side, score: Score) -> None:
        """Does nothing."""

    def memory(self) -> None:
        """None: a hand does not go back."""

    def recall(self, memory: None) -> None:
        """Does nothing."""


class Substitute(PersonSeat):
    """A person who has taken over from someone else, and can give the paddle back."""

    def __init__(self, side: Side, stands_for: Seat[Any]) -> None:
        super().__init__(side)
        self.stands_for = stands_for


class AgentMemory(NamedTuple, Generic[Memory]):
    """The state of an `AgentSeat`."""

    agent: Memory
    decision: Decision | None
    frame: int


class AgentSeat(Generic[Memory]):
    """An agent at one of the paddles; on the left it is shown the court mirrored."""

    def __init__(self, agent: Agent[Memory], side: Side) -> None:
        self.agent = agent
        self.decision: Decision | None = None
        self._side = side
        self._recorder = RallyRecorder(side)
        self._frame = 0

    @property
    def name(self) -> str:
        """The agent's."""
        return self.agent.name

    @property
    def rallies(self) -> tuple[PolicyRally, ...]:
        """What the agent's network saw of the last rallies."""
        return self._recorder.rallies

    def begin(self, grey: Frame, frame: int = 0, *, seed: int | None = None) -> None:
        """Starts the agent afresh."""
        agent: Agent[Any] = self.agent
        if isinstance(agent, LadderAgent) and frame == 0:
            agent.first_level = agent.level
        agent.reset(None if seed is None else agent_seed(seed, self._side))
        self.decision, self._frame = None, frame - 1
        self._recorder.clear()
        self.observe(grey)

    def observe(self, grey: Frame) -> None:
        """Shows the agent the frame, and records what its network decides."""
        self._frame += 1
        decision = self.agent.observe(mirrored(grey) if self._side is Side.LEFT else grey)
        if decision is self.decision:
            return
        self.decision = decision
        if (policy := self.agent.policy) is not None:
            assert policy.observation is not None, "it has just decided"
            self._recorder.add(Step(self._frame, policy.observation, decision, policy.spec.observation.region))

    def control(self, court: Court) -> Control:
        """The action in force."""
        del court
        assert self.decision is not None, "an agent is shown a frame before it is asked"
        return self.decision.control

    def point(self, winner: Side, score: Score) -> None:
        """Ends the rally; a ladder may change its level."""
        self._recorder.point(winner)
        agent: Agent[Any] = self.agent
        if isinstance(agent, LadderAgent):
            agent.adapt(score[self._side], score[self._side.other])

    def memory(self) -> AgentMemory[Memory]:
        """The agent's own memory, its decision in force and the frame, for `recall`."""
        return AgentMemory(self.agent.memory(), self.decision, self._frame)

    def recall(self, memory: AgentMemory[Memory]) -> None:
        """Goes back to the state that `memory` returned."""
        self.agent.recall(memory.agent)
        self.decision, self._frame = memory.decision, memory.frame
        self._recorder.go_back(memory.frame)


class RecordedMemory(NamedTuple, Generic[Memory]):
    """The state of a `RecordedSeat`."""

    live: Memory
    decision: Decision | None
    frame: int


class RecordedSeat(Generic[Memory]):
    """Repeats what was done in an earlier game; whoever did it, if they can be loaded, sees the game again.

    `controls` has one entry per frame of the game; None where the ROM played.
    """

    def __init__(self, controls: Sequence[Control | None], live: Seat[Memory]) -> None:
        self.live = live
        """Who plays on from here if the recording is left."""
        self.decision: Decision | None = None
        """The decision of the agent that played, with the action that it took then."""
        self._controls = controls
        self._frame = 0

    @property
    def name(self) -> str:
        """Who played."""
        return self.live.name

    @property
    def agent(self) -> Agent[Any] | None:
        """The agent that played."""
        return self.live.agent

    @property
    def rallies(self) -> tuple[PolicyRally, ...]:
        """What its network sees of the last rallies."""
        return self.live.rallies

    def ended(self, court: Court) -> bool:
        """Whether the recording is over."""
        return court.frames >= len(self._controls)

    def begin(self, grey: Frame, frame: int = 0, *, seed: int | None = None) -> None:
        """Starts the recording from its beginning, or from `frame`."""
        agent = self.live.agent
        if isinstance(agent, LadderAgent) and frame == 0:
            agent.level = agent.first_level
        self.live.begin(grey, frame, seed=seed)
        self._frame = frame
        self.decision = self._as_recorded(self.live.decision)

    def observe(self, grey: Frame) -> None:
        """Shows the frame to whoever played."""
        self._frame += 1
        before = self.live.decision
        self.live.observe(grey)
        if self.live.decision is not before:
            self.decision = self._as_recorded(self.live.decision)

    def _as_recorded(self, decision: Decision | None) -> Decision | None:
        """The decision with the recorded action: the probabilities are as they were, but the draw may differ.

        It does once someone was taken over from, or play was switched, in the middle of the game.
        """
        if decision is None or self._frame >= len(self._controls):
            return decision
        done = self._controls[self._frame]
        taken = next((action for action in decision.actions if control_of(action) == done), decision.action)
        return decision if taken == decision.action else replace(decision, action=taken)

    def control(self, court: Court) -> Control | None:
        """What was done."""
        return self._controls[court.frames]

    def point(self, winner: Side, score: Score) -> None:
        """Passes the point on to whoever played."""
        self.live.point(winner, score)

    def memory(self) -> RecordedMemory[Memory]:
        """The memory of whoever played, and the place in the recording, for `recall`."""
        return RecordedMemory(self.live.memory(), self.decision, self._frame)

    def recall(self, memory: RecordedMemory[Memory]) -> None:
        """Goes back to the state that `memory` returned."""
        self.live.recall(memory.live)
        self.decision, self._frame = memory.decision, memory.frame
