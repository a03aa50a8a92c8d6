"""Notices when learning goes wrong: numbers that are not finite, and policies that stop exploring or run away."""

from __future__ import annotations

import math
from collections.abc import Mapping

from models.control import DiscreteActions
from models.spec import ModelSpec
from training.gradient import GradientSettings
from training.settings import TrainingSettings

CERTAIN = 0.01
"""Of the greatest entropy: a policy below that explores no more."""
LEAST_BONUS = 0.03
"""An entropy coefficient that keeps most policies from getting there."""
RUNAWAY_KL, RUNAWAY_UPDATES = 0.5, 3
"""Nats that a policy whose steps adapt to its KL divergence should never move by, so many times in a row."""


class Health:
    """Looks at the metrics of each update; says each thing only once.

    `good` is a mean return from which on a policy may be certain; it is infinite if nobody knows.
    """

    def __init__(self, settings: TrainingSettings, good: float) -> None:
        self._good = 0.0 if isinstance(settings.model, ModelSpec) else good  # at 0 it plays Pong as well as the ROM
        self._most = _greatest_entropy(settings)
        self._algorithm = settings.algorithm
        self._runaway = 0
        self._said: set[str] = set()

    def look(self, metrics: Mapping[str, float]) -> list[str]:
        """What to tell the user after an update; usually nothing."""
        algorithm, found = self._algorithm, dict[str, str]()
        if not isinstance(algorithm, GradientSettings):
            return []
        entropy, score = metrics.get("entropy", math.nan), metrics.get("mean_return", math.nan)
        if entropy < CERTAIN * self._most and score < self._good < math.inf:
            more = max(LEAST_BONUS, 3 * algorithm.entropy_coefficient)
            found["certain"] = (
                f"the policy is almost certain of its actions (entropy {entropy:.3g}) while its mean return is only "
                f"{score:.3g}: it no longer explores; train again with more: --set entropy_coefficient={more:.2g}"
            )
        away = algorithm.step_size == "kl" and metrics.get("kl", 0.0) > RUNAWAY_KL
        self._runaway = self._runaway + 1 if away else 0
        if self._runaway >= RUNAWAY_UPDATES:
            less = algorithm.highest_learning_rate / 10
            found["runaway"] = (
                f"the policy changes too much at a time (KL divergence {metrics['kl']:.2g} nats, for {self._runaway} "
                f"updates); train again with smaller steps: --set highest_learning_rate={less:.2g}"
            )
        new = [line for kind, line in found.items() if kind not in self._said]
        self._said |= found.keys()
        return new


def _greatest_entropy(settings: TrainingSettings) -> float:
    """Of discrete actions, in nats; minus infinity for others, whose entropy has no bounds."""
    model = settings.model
    if isinstance(model, ModelSpec):
        return math.log(len(model.actions))
    return math.log(model.actions.count) if isinstance(model.actions, DiscreteActions) else -math.inf
