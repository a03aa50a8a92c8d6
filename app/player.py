"""The player that a match is loaded with."""

from __future__ import annotations

import numpy as np
import torch

from agents.policy import PolicyAgent
from models import catalog


def load_player(model: str, *, seed: int) -> PolicyAgent:
    """The agent that `model` names, ready to decide fast.

    `UserError` where nothing of that name exists, or it cannot be loaded.
    """
    torch.set_num_threads(1)  # One frame at a time: to hand it out to threads costs more than it saves.
    player = PolicyAgent.load(catalog.resolve(model), seed=seed, greedy=True)
    player.decide(np.zeros(player.spec.observation.shape, np.uint8))  # A network's first run is its slowest.
    return player
