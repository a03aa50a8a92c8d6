"""Who sits at a paddle: the ROM, a person, an agent, or a recording of one of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from agents.base import Agent, Control, Decision, Frame, control_of
from agents.pong import Court, Score, Side
from agents.preprocessing import mirrored
from app.game.rallies import RallyRecorder, Step

if TYPE_CHECKING:
    from agents.policy import PolicyAgent


class Seat(Protocol):
    """One side of a match. Who runs the match shows it every frame, and asks what it does in the next."""

    @property
    def name(self) -> str:
        """What to call whoever sits here."""
        ...

    @property
    def decision(self) -> Decision | None:
        """What an agent here wants, in force for the next frame."""
        ...

    def reset(self) -> None:
        """A new game begins."""
        ...

    def observe(self, grey: Frame) -> None:
        """Takes in the newest grey frame, `[210, 160]`, as it is on the screen."""
        ...

    def control(self, court: Court) -> Control | None:
        """What to do in the next frame; None leaves it to the ROM."""
        ...

    def point(self, winner: Side, score: Score) -> None:
        """A point has been scored, which brought the score to this."""
        ...

    def memory(self) -> object:
        """All that the next frames depend on, for `recall`."""
        ...

    def recall(self, memory: object) -> None:
        """Goes back to a moment that `memory` kept."""
        ...


class RomSeat:
    """The ROM's own opponent; on the left only."""

    name = "Atari CPU"
    decision: Decision | None = None

    def reset(self) -> None:
        """It remembers nothing."""

    def observe(self, grey: Frame) -> None:
        """It looks for itself."""

    def control(self, court: Court) -> Control | None:
        """Nothing: the ROM moves the paddle."""
        del court
        return None

    def point(self, winner: Side, score: Score) -> None:
        """It does not care."""

    def memory(self) -> object:
        """Nothing: the court keeps it."""
        return None

    def recall(self, memory: object) -> None:
        """Nothing to do."""


class PersonSeat:
    """Someone at this computer, whose hand is read before every frame."""

    decision: Decision | None = None

    def __init__(self, side: Side, name: str = "You") -> None:
        self.name = name
        self._side = side
        self._held = Control()
        self._row: float | None = None

    def hold(self, control: Control) -> None:
        """Holds keys or a stick like that from now on."""
        self._held, self._row = control, None

    def point_at(self, row: float, *, fire: bool) -> None:
        """Wants the paddle's centre on this row of the screen from now on."""
        self._held, self._row = Control(fire=fire), row

    def reset(self) -> None:
        """People remember by themselves."""

    def observe(self, grey: Frame) -> None:
        """People look by themselves."""

    def control(self, court: Court) -> Control:
        """What the hand does now."""
        if self._row is None:
            return self._held
        return Control(court.towards(self._side, self._row), self._held.fire)

    def point(self, winner: Side, score: Score) -> None:
        """People count by themselves."""

    def memory(self) -> object:
        """Nothing: a hand is where it is."""
        return None

    def recall(self, memory: object) -> None:
        """Nothing to do."""


@runtime_checkable
class Sampling(Protocol):
    """An agent that can be told to take the likeliest action always, or to sample."""

    greedy: bool


@runtime_checkable
class Adapting(Protocol):
    """An agent that changes with the score."""

    def adapt(self, own: int, other: int) -> None:
        """A point has been scored; its points and its opponent's."""
        ...


class AgentSeat:
    """An agent at one of the paddles; on the left it is shown the court mirrored."""

    def __init__(self, agent: Agent, side: Side) -> None:
        self.agent = agent
        self.decision: Decision | None = None
        self.rallies = RallyRecorder(side)
        self._side = side
        self._frame = 0

    @property
    def name(self) -> str:
        """The agent's."""
        return self.agent.name

    @property
    def policy(self) -> PolicyAgent | None:
        """The network agent that plays here, whatever it is handicapped with; None where it is a script."""
        policy: PolicyAgent | None = getattr(self.agent, "policy", None)
        return policy

    @property
    def reaction(self) -> int:
        """How late the agent's decisions come into force, in milliseconds."""
        return int(getattr(self.agent, "milliseconds", 0))

    def reset(self) -> None:
        """Forgets the game before."""
        self.agent.reset()
        self.decision = None
        self.rallies.clear()
        self._frame = 0

    def observe(self, grey: Frame) -> None:
        """Lets the agent look, and decide where it does."""
        before = self.policy and self.policy.observation
        self.decision = self.agent.observe(mirrored(grey) if self._side is Side.LEFT else grey)
        policy = self.policy
        if policy and policy.decision and policy.observation is not None and policy.observation is not before:
            self.rallies.decide(Step(self._frame, policy.observation, policy.decision))
        self._frame += 1

    def control(self, court: Court) -> Control:
        """The action in force."""
        del court
        assert self.decision is not None, "an agent is shown a frame before it is asked"
        return control_of(self.decision.action)

    def point(self, winner: Side, score: Score) -> None:
        """Ends the rally; tells an agent that adapts."""
        self.rallies.point(winner)
        if isinstance(self.agent, Adapting):
            self.agent.adapt(score[self._side], score[self._side.other])

    def memory(self) -> object:
        """The agent's, its decision in force, and the frame."""
        return self.agent.memory(), self.decision, self._frame

    def recall(self, memory: object) -> None:
        """Goes back to a moment that `memory` kept."""
        assert isinstance(memory, tuple)
        agent, self.decision, self._frame = memory
        self.agent.recall(agent)
        self.rallies.go_back(self._frame - 1)


class RecordedSeat:
    """Does what was done in a game before, while whoever did it then, where it is here, thinks along.

    `controls` has one entry for each frame of the game; None where the ROM played.
    """

    def __init__(self, controls: Sequence[Control | None], live: Seat) -> None:
        self.live = live
        """Who would go on from here, if the recording were left."""
        self.decision: Decision | None = None
        """What an agent thinks now that played then, with the action that it took then."""
        self._controls = controls
        self._frame = 0

    @property
    def name(self) -> str:
        """Who it was."""
        return self.live.name

    def ended(self, court: Court) -> bool:
        """Whether the recording goes no further."""
        return court.frames >= len(self._controls)

    def reset(self) -> None:
        """From the start."""
        self.live.reset()
        self._frame = 0

    def observe(self, grey: Frame) -> None:
        """Lets who played then look along."""
        before = self.live.decision
        self.live.observe(grey)
        if self.live.decision is not before or self.decision is None:
            self.decision = self._as_recorded(self.live.decision)
        self._frame += 1

    def _as_recorded(self, decision: Decision | None) -> Decision | None:
        """Probabilities come out as they did then; a sampled action need not."""
        if decision is None or self._frame >= len(self._controls):
            return decision
        done = self._controls[self._frame]
        taken = next((action for action in decision.actions if control_of(action) == done), decision.action)
        return decision if taken == decision.action else replace(decision, action=taken)

    def control(self, court: Court) -> Control | None:
        """What was done then."""
        return self._controls[court.frames]

    def point(self, winner: Side, score: Score) -> None:
        """Tells who played then."""
        self.live.point(winner, score)

    def memory(self) -> object:
        """That of who played then, and how far the recording is."""
        return self.live.memory(), self.decision, self._frame

    def recall(self, memory: object) -> None:
        """Goes back to a moment that `memory` kept."""
        assert isinstance(memory, tuple)
        live, self.decision, self._frame = memory
        self.live.recall(live)
