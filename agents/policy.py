"""The agent that is a trained network."""

from __future__ import annotations

import math
from pathlib import Path
from typing import NamedTuple

import torch

from agents.base import Decision, Frame
from agents.preprocessing import FrameStacker, StackerMemory
from models import catalog, checkpoint
from models.acting import choose
from models.distributions import Categorical
from models.errors import UserError
from models.network import PolicyNetwork
from models.spec import ModelSpec


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
        self._name = name
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
    def name(self) -> str:
        """The model's name."""
        return self._name

    @property
    def policy(self) -> PolicyAgent:
        """Itself."""
        return self

    def change_network(self, network: PolicyNetwork, *, name: str) -> None:
        """Switches to another network of the same specification, from the next decision on."""
        self.network, self._name = network, name

    def reset(self) -> None:
        """Forgets the past: a new game begins."""
        self._frames.reset()
        self.decision = self.observation = None

    def observe(self, grey: Frame) -> Decision:
        """Takes in a grey frame `[210, 160]`; runs the network on decision frames only."""
        observation = self._frames.push(grey)
        if observation is not None:
            self.observation = observation
            self.decision = self.decide(observation)
        assert self.decision is not None, "the first frame after a reset is a decision frame"
        return self.decision

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
        output = self.network(torch.from_numpy(observation).unsqueeze(0))
        distribution = Categorical(output.logits.double()).at_temperature(self.temperature)
        value = float(output.value[0])
        if not (distribution.logits.isfinite().all() and math.isfinite(value)):
            raise UserError(f"{self.name!r} cannot play: its weights overflow")
        chosen = choose(distribution, self._generator, greedy=self.greedy)
        actions, probabilities = self.spec.actions, distribution.logits[0].softmax(-1)
        return Decision(actions[int(chosen)], actions, tuple(probabilities.tolist()), value)
