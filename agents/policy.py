"""The agent that is a trained network."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import torch

from agents.base import Decision, Frame
from agents.preprocessing import FrameStacker
from models import catalog, checkpoint
from models.errors import UserError
from models.network import PolicyNetwork
from models.spec import ModelSpec


class PolicyAgent:
    """Plays by a policy network, one decision every `frame_skip` frames.

    `temperature` divides the logits: below 1 the policy grows surer, above 1 more random. `greedy` takes the most
    probable action. Both may be changed during play.
    """

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
        """What the network was last shown, `[stack, height, width]`; a new object for each decision."""
        self.temperature = temperature
        self.greedy = greedy
        self._name = name
        self._random = np.random.default_rng(seed)
        self._frames = FrameStacker(spec.observation)
        self.decision: Decision | None = None
        """The last one made."""

    @classmethod
    def load(
        cls, directory: Path, *, name: str | None = None, seed: int = 0, temperature: float = 1.0, greedy: bool = False
    ) -> PolicyAgent:
        """The agent whose model is in `directory`, called by the model's name unless it is given another.

        `UserError` where the model cannot be loaded.
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
        """Itself: what an agent that stands for another has of that one."""
        return self

    def change_network(self, network: PolicyNetwork, *, name: str) -> None:
        """Plays on with another network of the same specification, from the next decision on."""
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

    def memory(self) -> object:
        """Frames, decision in force and randomness, for `recall`."""
        return self._frames.memory(), self.decision, self._random.bit_generator.state

    def recall(self, memory: object) -> None:
        """Goes back to a moment that `memory` kept."""
        assert isinstance(memory, tuple)
        frames, self.decision, self._random.bit_generator.state = memory
        self._frames.recall(frames)

    @torch.inference_mode()
    def decide(self, observation: Frame) -> Decision:
        """One decision on an observation `[stack, height, width]`; `UserError` where it is not finite."""
        output = self.network(torch.from_numpy(observation).unsqueeze(0))
        logits, value = output.logits[0].double().numpy() / self.temperature, float(output.value[0])
        if not (np.isfinite(logits).all() and math.isfinite(value)):
            raise UserError(f"{self.name!r} cannot play: its weights overflow")
        probabilities = np.exp(logits - logits.max())
        probabilities /= probabilities.sum()
        chosen = int(probabilities.argmax()) if self.greedy else int(self._random.choice(len(logits), p=probabilities))
        actions = self.spec.actions
        return Decision(actions[chosen], actions, tuple(probabilities.tolist()), value)
