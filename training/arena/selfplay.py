"""Self-play as a vector environment: every seat of the learning policy is one of its environments."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec
import numpy as np
import torch
from gymnasium.spaces import Box, Discrete
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray

from agents.pong import Side
from models.acting import choose
from models.network import PolicyNetwork
from models.spec import ModelSpec
from training.arena.courts import Courts, Layout
from training.arena.opponents import KINDS, SCRIPTS, Opponents, PastSelves, Record
from training.arena.table import Matchup, Player, Seated
from training.games import Games, Stepped
from training.saving import restore_randomness, saved_randomness

STICKY_COURTS = 4
"""Every fourth court repeats actions; there the policy plays on the right, whose actions the emulator can repeat."""


class Game(NamedTuple):
    """A game on one court."""

    matchup: Matchup
    sides: tuple[Side, ...]
    """From which the learning policy plays."""
    opponent: str
    """Its name in the record of its kind."""
    network: PolicyNetwork | None = None
    """The opponent's, if it has one."""


class SelfPlay(Games):
    """Courts where the learning policy meets `opponents`, as a vector environment with `opponents.seats` environments.

    `fixed` plays on the courts of that kind. Observations are `[seats, stack, height, width]` uint8, actions indices
    into `spec.actions`, rewards points (+1, -1). An ended game is replaced within the same step. Games have 21 points;
    one with a rally of a minute is cut off there, which is a truncation. If `coached`, infos hold a coach's `costs`
    `[seats, actions]` of each action on the observations.
    """

    def __init__(
        self,
        spec: ModelSpec,
        opponents: Opponents,
        *,
        sticky: float,
        seed: int,
        fixed: PolicyNetwork | None = None,
        coached: bool = False,
    ) -> None:
        self.num_envs = opponents.seats
        self.twins = 2 * opponents.itself
        """So many environments, the first, are in pairs the two sides of games of the policy against itself."""
        self.single_observation_space = Box(0, 255, spec.observation.shape, np.uint8)
        self.single_action_space = Discrete(len(spec.actions))
        self.observation_space = batch_space(self.single_observation_space, self.num_envs)
        self.action_space = batch_space(self.single_action_space, self.num_envs)
        self._kinds = [kind for kind in KINDS for _ in range(getattr(opponents, kind))]
        # Those where it plays itself come first.
        self._stickies = tuple(
            sticky if court >= opponents.itself and (court - opponents.itself) % STICKY_COURTS == 0 else 0.0
            for court in range(len(self._kinds))
        )
        self._spec = spec
        self._coached = coached
        self._random = np.random.default_rng(seed)
        self._generator = torch.Generator().manual_seed(seed)
        self._fixed = fixed
        self._past = PastSelves(spec)
        self._records = {
            "past": self._past.record,
            "scripts": Record(list(SCRIPTS)),
            "rom": Record(["rom"]),
            "fixed": Record(["fixed"]),
        }
        self._courts = Courts(Layout(spec.observation, spec.actions, self._stickies, seed, coached))
        self._games: list[Game] = []
        self._upcoming: list[Game] = []
        self._cut = self._ended = 0

    @property
    def metrics(self) -> dict[str, float]:
        """The policy's recent share of the points by kind of opponent, and the share of games cut off.

        NaN for kinds that have no court.
        """
        shares = {
            f"share_{name}": share if kind in self._kinds else math.nan
            for kind in ("scripts", "rom", "fixed")
            for name, share in self._records[kind].shares.items()
        }
        past = list(self._past.record.shares.values())
        shares["share_past"] = float(np.mean(past)) if "past" in self._kinds else math.nan
        return shares | {"games_cut": self._cut / max(self._ended, 1)}

    def reset(
        self, *, seed: int | list[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.uint8], dict[str, Any]]:
        """Begins a game on every court; the seed is the constructor's."""
        del seed, options
        self._games = [self._draw(court) for court in range(len(self._kinds))]
        self._upcoming = [self._draw(court) for court in range(len(self._kinds))]
        self._courts.begin([game.matchup for game in self._games])
        self._news = dict(enumerate(self._upcoming))
        self._find_seats()
        return self._observations, self._costs

    def step(self, actions: NDArray[np.int64]) -> Stepped:
        """Plays one decision on every court."""
        board = self._courts.board
        courts, sides = self._seats
        board.actions[courts, sides] = actions
        self._play_opponents()
        self._courts.step({court: game.matchup for court, game in self._news.items()})
        self._news = {}
        rewards = board.rewards[courts] * np.where(sides == Side.RIGHT, 1.0, -1.0)
        terminations, truncations = board.terminated[courts], board.truncated[courts]
        info: dict[str, Any] = {}
        if truncations.any():
            info["final_obs"] = board.finals[courts, sides]
        for court in np.flatnonzero(board.rewards):
            self._note(int(court), right_won=bool(board.rewards[court] > 0))
        ended = np.flatnonzero(board.terminated | board.truncated)
        for index in ended.tolist():
            self._games[index] = self._upcoming[index]
            self._upcoming[index] = self._news[index] = self._draw(index)
        self._ended += len(ended)
        self._cut += int(board.truncated.sum())
        self._find_seats()
        return self._observations, rewards, terminations, truncations, info | self._costs

    def close_extras(self, **_: object) -> None:
        """Ends the courts' processes."""
        self._courts.close()

    @property
    def _observations(self) -> NDArray[np.uint8]:
        courts, sides = self._seats
        observations: NDArray[np.uint8] = self._courts.board.observations[courts, sides]
        return observations

    @property
    def _costs(self) -> dict[str, NDArray[np.float64]]:
        courts, sides = self._seats
        return {"costs": self._courts.board.costs[courts, sides]} if self._coached else {}

    def _find_seats(self) -> None:
        """The court and the side of every environment: those of games against itself come in pairs."""
        seats = [(court, side) for court, game in enumerate(self._games) for side in game.sides]
        self._seats = np.array([court for court, _ in seats]), np.array([int(side) for _, side in seats])

    def _note(self, court: int, *, right_won: bool) -> None:
        game = self._games[court]
        if len(game.sides) == 1:
            self._records[self._kinds[court]].note(game.opponent, won=right_won is (game.sides[0] is Side.RIGHT))

    def _draw(self, court: int) -> Game:
        """The next game on a court."""
        kind = self._kinds[court]
        if kind == "itself":
            return Game(Matchup(Player.NETWORK, Player.NETWORK), tuple(Side), kind)
        if kind == "rom":
            return Game(Matchup(Player.ROM, Player.NETWORK), (Side.RIGHT,), kind)
        name = self._records[kind].draw(self._random)
        sticky = self._stickies[court] > 0
        side = Side.RIGHT if sticky or self._random.random() < 0.5 else Side.LEFT
        network = self._fixed if kind == "fixed" else self._past.networks[name] if kind == "past" else None
        other: Seated = SCRIPTS[name](self._random) if network is None else Player.NETWORK
        matchup = Matchup(other, Player.NETWORK) if side is Side.RIGHT else Matchup(Player.NETWORK, other)
        return Game(matchup, (side,), name, network)

    @torch.inference_mode()
    def _play_opponents(self) -> None:
        """Chooses the actions of opponents with a network, those with the same one together."""
        board = self._courts.board
        courts: dict[PolicyNetwork, list[int]] = {}
        for court, game in enumerate(self._games):
            if game.network is not None:
                courts.setdefault(game.network, []).append(court)
        for network, its in courts.items():
            sides = [self._games[court].sides[0].other for court in its]
            distribution = network(torch.from_numpy(board.observations[its, sides])).distribution
            board.actions[its, sides] = choose(distribution, self._generator).numpy()

    def admit(self, network: PolicyNetwork) -> None:
        """Adds a copy of the policy to its past selves; the first must be there before `reset`."""
        self._past.admit(network)

    def state_dict(self) -> dict[str, Any]:
        """The past selves, other networks that play, all records, the courts with their games and the next ones."""
        drawn = {game.opponent: game.network for game in (*self._games, *self._upcoming) if game.network is not None}
        evicted = {name: network for name, network in drawn.items() if name not in self._past.networks}
        return {
            "past": self._past.state_dict(),
            "records": {kind: record.shares for kind, record in self._records.items() if kind != "past"},
            "evicted": {name: network.state_dict() for name, network in evicted.items()},
            "courts": self._courts.state_dict(),
            "games": [_described(game) for game in self._games],
            "upcoming": [_described(game) for game in self._upcoming],
            "randomness": saved_randomness(self._random),
            "generator": self._generator.get_state(),
            "cut": (self._cut, self._ended),
        }

    def load_state_dict(self, state: dict[str, Any]) -> tuple[NDArray[np.uint8], dict[str, Any]]:
        """Goes back to what `state_dict` returned."""
        self.load_records(state)
        evicted = {name: self._past.network(weights) for name, weights in state["evicted"].items()}
        # A fixed opponent stays who it was, whatever is in its folder now.
        self._fixed = evicted.get("fixed", self._fixed)
        known = self._past.networks | evicted | ({} if self._fixed is None else {"fixed": self._fixed})
        self._games, self._upcoming = (
            [_game(described, known) for described in state[kind]] for kind in ("games", "upcoming")
        )
        self._news = dict(enumerate(self._upcoming))
        self._courts.load_state_dict(state["courts"], [game.matchup for game in self._games])
        restore_randomness(self._random, state["randomness"])
        self._generator.set_state(state["generator"].cpu())
        self._cut, self._ended = state["cut"]
        self._find_seats()
        return self._observations, self._costs

    def load_records(self, state: dict[str, Any]) -> None:
        """Goes back to the past selves and all records only."""
        self._past.load_state_dict(state["past"])
        for kind, shares in state["records"].items():
            self._records[kind].shares = dict(shares)


def _described(game: Game) -> str:
    """A game as JSON; its network, if it has one, by the opponent's name."""
    plays = None if game.network is None else game.opponent
    return msgspec.json.encode((game.matchup, game.sides, game.opponent, plays)).decode()


def _game(described: str, networks: Mapping[str, PolicyNetwork]) -> Game:
    """The game that was described."""
    kind = tuple[Matchup, tuple[Side, ...], str, str | None]
    matchup, sides, opponent, plays = msgspec.json.decode(described, type=kind)
    return Game(matchup, sides, opponent, None if plays is None else networks[plays])
