"""Whom a policy meets in training: itself, its past, scripts of many kinds, and the ROM."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any

import msgspec
import numpy as np
from torch import Tensor

from agents.base import FULL_SPEED
from agents.persona import Persona
from models.errors import UserError
from models.network import PolicyNetwork
from models.spec import ModelSpec
from training.arena.table import Player, Seated

Courts = Annotated[int, msgspec.Meta(ge=0, le=1024)]


class Opponents(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How many courts are for which opponents."""

    itself: Courts = 8
    """The newest policy on both paddles; it learns from both sides."""
    past: Courts = 2
    """One of its past selves."""
    scripts: Courts = 14
    """Scripts that differ in reaction, speed, aim, and use of the button."""
    rom: Courts = 8
    """The ROM's own opponent."""
    fixed: Courts = 0
    """A trained policy that does not change."""
    model: str | None = None
    """That policy."""

    @property
    def courts(self) -> int:
        """Of all kinds."""
        return self.itself + self.past + self.scripts + self.rom + self.fixed

    @property
    def seats(self) -> int:
        """Seats from which the policy learns."""
        return self.courts + self.itself


KINDS = ("itself", "past", "scripts", "rom", "fixed")


def training_opponents(courts: Mapping[str, int]) -> Opponents:
    """The opponents with these numbers of courts by kind or model, and none of others; the default mix if empty.

    `UserError` if there is more than one model.
    """
    if not courts:
        return Opponents()
    models = [name for name in courts if name not in KINDS[:-1]]
    if len(models) > 1:
        raise UserError(f"--opponents: only one model can be an opponent, not both {models[0]} and {models[1]}")
    return Opponents(
        itself=courts.get("itself", 0),
        past=courts.get("past", 0),
        scripts=courts.get("scripts", 0),
        rom=courts.get("rom", 0),
        fixed=sum(courts[model] for model in models),
        model=models[0] if models else None,
    )


def _follower(random: np.random.Generator) -> Persona:
    return Persona(
        foresight=False,
        reaction_ms=int(random.integers(0, 300)),
        speed=int(random.integers(40, FULL_SPEED + 1)),
        error=float(random.uniform(0, 4)),
        aim=(0.0, float(random.uniform(2, 6))),
        fire=float(random.choice([0.0, 0.5, 1.0], p=[0.1, 0.2, 0.7])),
        patience=int(random.integers(0, 80)),
    )


def _predictor(random: np.random.Generator) -> Persona:
    return Persona(
        reaction_ms=int(random.choice([0, 50, 100])),
        speed=int(random.integers(60, FULL_SPEED + 1)),
        error=float(random.uniform(0, 3)),
        aim=(0.0, float(random.uniform(0, 6))),
        fire=float(random.choice([0.5, 1.0], p=[0.2, 0.8])),
    )


def _person(random: np.random.Generator) -> Persona:
    return Persona(
        reaction_ms=int(random.integers(150, 350)),
        speed=int(random.integers(40, 90)),
        error=float(random.uniform(2, 6)),
        fire=float(random.choice([0.0, 0.5, 1.0], p=[0.2, 0.3, 0.5])),
        patience=int(random.integers(0, 80)),
    )


SCRIPTS: dict[str, Callable[[np.random.Generator], Seated]] = {
    "tracker": lambda _random: Player.TRACKER,
    "follower": _follower,
    "predictor": _predictor,
    "person": _person,
    "still": lambda _random: Persona(speed=0),
}
"""Kinds of scripts, each drawn anew for every game. `edger` and `lunger` are kept out, to measure against."""

HARDNESS = 1.0
"""The power p of prioritised fictitious self-play."""
LEAST_WEIGHT = 0.05
"""So that no opponent is forgotten altogether."""
_MEMORY = 0.98
"""How much of an opponent's record is kept at each point: about the last 50 count."""
MOST_PAST_SELVES = 16


class Record:
    """The policy's recent share of the points against each of several opponents, and a draw of the next one.

    An opponent is drawn with probability in proportion to (1 - share)^p, so that the policy meets those most often
    whom it beats least (prioritised fictitious self-play: Vinyals et al. 2019, "Grandmaster level in StarCraft II").
    """

    def __init__(self, names: list[str]) -> None:
        self.shares = dict.fromkeys(names, 0.5)

    def note(self, name: str, *, won: bool) -> None:
        """Takes in a point; ignores an opponent that is gone."""
        if name in self.shares:
            self.shares[name] = _MEMORY * self.shares[name] + (1 - _MEMORY) * won

    def draw(self, random: np.random.Generator) -> str:
        """The name of the next opponent."""
        weights = np.array([max((1 - share) ** HARDNESS, LEAST_WEIGHT) for share in self.shares.values()])
        return str(random.choice(list(self.shares), p=weights / weights.sum()))


class PastSelves:
    """Earlier policies. When it is full, a new one takes the place of the one that is beaten most."""

    def __init__(self, spec: ModelSpec) -> None:
        self._spec = spec
        self._admitted = 0
        self.networks: dict[str, PolicyNetwork] = {}
        self.record = Record([])

    def admit(self, network: PolicyNetwork) -> None:
        """Adds a copy of a policy, with an even record."""
        shares = self.record.shares
        if len(shares) == MOST_PAST_SELVES:
            easiest = max(shares, key=shares.__getitem__)
            del shares[easiest], self.networks[easiest]
        name = f"past-{self._admitted}"
        self._admitted += 1
        self.networks[name] = self.network(network.state_dict())
        shares[name] = 0.5

    def network(self, weights: Mapping[str, Tensor]) -> PolicyNetwork:
        """A network with these weights, which does not learn."""
        network = PolicyNetwork(self._spec).eval().requires_grad_(requires_grad=False)
        network.load_state_dict(weights)
        return network

    def state_dict(self) -> dict[str, Any]:
        """Everything needed to resume."""
        weights = {name: network.state_dict() for name, network in self.networks.items()}
        return {"weights": weights, "shares": self.record.shares, "admitted": self._admitted}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restores what `state_dict` returned."""
        self.networks = {name: self.network(weights) for name, weights in state["weights"].items()}
        self.record.shares, self._admitted = dict(state["shares"]), state["admitted"]
