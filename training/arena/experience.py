"""Rollouts from self-play."""

from __future__ import annotations

from typing import Any

from models.network import PolicyNetwork
from training.arena.selfplay import SelfPlay
from training.rollout import Episode, Experience, Rollout

ADMISSION_INTERVAL = 25
"""Rollouts from one new past self to the next."""


class SelfPlayExperience:
    """The rollouts of `experience`; from time to time, the policy joins its past selves."""

    def __init__(self, experience: Experience, environments: SelfPlay, network: PolicyNetwork) -> None:
        self._experience = experience
        self._environments = environments
        self._network = network
        self._rollouts = 0

    @property
    def steps(self) -> int:
        """Agent steps taken so far."""
        return self._experience.steps

    @property
    def metrics(self) -> dict[str, float]:
        """The policy's record against each kind of opponent."""
        return {**self._experience.metrics, **self._environments.metrics}

    def collect(self) -> tuple[Rollout, list[Episode]]:
        """The next rollout, and the full games that ended during it."""
        self._rollouts += 1
        if self._rollouts % ADMISSION_INTERVAL == 0:
            self._environments.admit(self._network)
        return self._experience.collect()

    def state_dict(self) -> dict[str, Any]:
        """The experience's own state, and the number of rollouts."""
        return self._experience.state_dict() | {"rollouts": self._rollouts}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Goes back to there."""
        self._experience.load_state_dict(state)
        self._rollouts = state["rollouts"]
