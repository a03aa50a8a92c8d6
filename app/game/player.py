"""The agents that a match is loaded with."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from agents.base import Agent
from agents.handicap import ReactionDelay, SamplerReactionDelay
from agents.ladder import LadderAgent
from agents.scripted import TrackerAgent
from app.game.levels import LEVELS, name_of
from app.game.lineup import Ladder, Policy, Tracker
from models import catalog

if TYPE_CHECKING:
    from agents.policy import PolicyAgent


def load_agent(player: Policy | Tracker | Ladder, *, seed: int) -> Agent:
    """The agent that plays as `player` says, ready to decide fast; called by its level's name where it is a level.

    `UserError` where it needs a model that does not exist or cannot be loaded.
    """
    if isinstance(player, Ladder):
        return LadderAgent([load_agent(level.player, seed=seed) for level in LEVELS], level=player.level)
    if isinstance(player, Tracker):
        tracker = TrackerAgent(name=name_of(player), seed=seed)
        return ReactionDelay(tracker, player.reaction_ms) if player.reaction_ms else tracker
    policy = _load_policy(player, name=name_of(player), seed=seed)
    return SamplerReactionDelay(policy, player.reaction_ms) if player.reaction_ms else policy


def load_player(model: str, *, seed: int) -> PolicyAgent:
    """The agent that `model` names, greedy, ready to decide fast.

    `UserError` where nothing of that name exists, or it cannot be loaded.
    """
    return _load_policy(Policy(model, greedy=True), name=catalog.short_name(model), seed=seed)


def _load_policy(player: Policy, *, name: str, seed: int) -> PolicyAgent:
    # They take a second, and a match without a network needs neither.
    import torch  # noqa: PLC0415

    from agents.policy import PolicyAgent  # noqa: PLC0415

    torch.set_num_threads(1)  # One frame at a time: to hand it out to threads costs more than it saves.
    agent = PolicyAgent.load(
        catalog.resolve(player.model), name=name, seed=seed, temperature=player.temperature, greedy=player.greedy
    )
    agent.decide(np.zeros(agent.spec.observation.shape, np.uint8))  # A network's first run is its slowest.
    return agent
