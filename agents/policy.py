"""The agent that is a trained network."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from agents.base import Decision, Frame
from agents.preprocessing import FrameStacker, StackerMemory
from models import catalog, checkpoint
from models.acting import choose
from models.distributions import Categorical
from models.errors import UserError
from models.network import PolicyNetwork, PolicyOutput
from models.spec import ModelSpec

BATCH = 8
"""Decisions in a forward pass of `decide_together`. On one core, a larger batch is no faster per decision."""


class PolicyMemory(NamedTuple):
    """The state of a `PolicyAgent`."""

    frames: StackerMemory
    decision: Decision | None
    """In force."""
    generator: bytes
    """The state of its random generator."""


class PolicyAgent:
    """Plays by a policy network, one decision every `frame_skip` frames.

    `temperature` divides the logits: below 1 the policy grows surer, above 1 more random. `greedy` takes the most
    probable action. Both may be changed during play.
    """

    reaction_ms = 0

    def __init__(
        self,
        spec: ModelSpec,
        network: PolicyNetwork,
        *,
        name: str,
        seed: int = 0,
        temperature: float = 1.0,
        greedy: bool = False,
    ) -> None:
        self.spec = spec
        self.network = network
        self.observation: Frame | None = None
        """What the network saw last, `[stack, height, width]`; a new object for each decision."""
        self.temperature = temperature
        self.greedy = greedy
        self.name = name
        self._generator = torch.Generator().manual_seed(seed)
        self._frames = FrameStacker(spec.observation)
        self.decision: Decision | None = None
        """The last one made."""

    @classmethod
    def load(
        cls, directory: Path, *, name: str | None = None, seed: int = 0, temperature: float = 1.0, greedy: bool = False
    ) -> PolicyAgent:
        """The agent for the model in `directory`; `name` defaults to the model's.

        `UserError` if the model cannot be loaded.
        """
        spec, network = checkpoint.load(directory)
        name = catalog.short_name(str(directory)) if name is None else name
        return cls(spec, network, name=name, seed=seed, temperature=temperature, greedy=greedy)

    @property
    def policy(self) -> PolicyAgent:
        """Itself."""
        return self

    def change_network(self, spec: ModelSpec, network: PolicyNetwork, *, name: str) -> None:
        """Switches to another network, which takes the same observations, from the next decision on."""
        self.spec, self.network, self.name = spec, network, name

    def reset(self, seed: int | None = None) -> None:
        """Forgets the past: a new game begins. With a seed its randomness begins anew too, else it goes on."""
        if seed is not None:
            self._generator.manual_seed(seed)
        self._frames.reset()
        self.decision = self.observation = None

    def observe(self, grey: Frame) -> Decision:
        """Takes in a grey frame `[210, 160]`; runs the network on decision frames only."""
        if self.see(grey):
            assert self.observation is not None
            self.decision = self.decide(self.observation)
        assert self.decision is not None, "the first frame after a reset is a decision frame"
        return self.decision

    def see(self, grey: Frame) -> bool:
        """Takes in a grey frame `[210, 160]` and decides nothing yet; returns whether it is a decision frame."""
        observation = self._frames.push(grey)
        if observation is not None:
            self.observation = observation
        return observation is not None

    def memory(self) -> PolicyMemory:
        """Its frames, decision and randomness, for `recall`."""
        return PolicyMemory(self._frames.memory(), self.decision, self._generator.get_state().numpy().tobytes())

    def recall(self, memory: PolicyMemory) -> None:
        """Goes back to the state that `memory` returned."""
        self._frames.recall(memory.frames)
        self.decision = memory.decision
        self.observation = None if memory.decision is None else self._frames.stacked
        self._generator.set_state(torch.frombuffer(bytearray(memory.generator), dtype=torch.uint8))

    @torch.inference_mode()
    def decide(self, observation: Frame) -> Decision:
        """One decision on an observation `[stack, height, width]`; `UserError` if it is not finite."""
        return self.settle(self.network(torch.from_numpy(observation).unsqueeze(0)))

    def settle(self, output: PolicyOutput) -> Decision:
        """The decision that follows from the network's output for one observation; `UserError` if it is not finite."""
        distribution = Categorical(output.logits.double()).at_temperature(self.temperature)
        value = float(output.value[0])
        if not (distribution.logits.isfinite().all() and math.isfinite(value)):
            raise UserError(f"{self.name!r} cannot play: its weights overflow")
        chosen = choose(distribution, self._generator, greedy=self.greedy)
        actions, probabilities = self.spec.actions, distribution.logits[0].softmax(-1)
        return Decision(actions[int(chosen)], actions, tuple(probabilities.tolist()), value)

    @staticmethod
    @torch.inference_mode()
    def decide_together(agents: Sequence[PolicyAgent]) -> None:
        """Lets agents with the same weights, at least one, decide on what each saw last.

        A batch always has `BATCH` rows, and no row depends on another: an agent decides the same in any company. Its
        probabilities may differ in the last digits from those of `decide`, which has a batch of one.
        """
        spec, network = agents[0].spec, agents[0].network
        for first in range(0, len(agents), BATCH):
            some = agents[first : first + BATCH]
            rows = np.zeros((BATCH, *spec.observation.shape), np.uint8)
            for number, agent in enumerate(some):
                assert agent.observation is not None, "it has seen a decision frame"
                rows[number] = agent.observation
            output = network(torch.from_numpy(rows))
            for number, agent in enumerate(some):
                own = slice(number, number + 1)
                agent.decision = agent.settle(PolicyOutput(output.logits[own], output.value[own]))
