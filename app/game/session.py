"""A match from the loading of its players on; its games can be kept as replays."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from concurrent.futures import Executor, Future
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agents.agent import Agent
from agents.ladder import LadderAgent
from agents.pong import Court, Side
from app.game.cast import (
    Cast,
    load_cast,
    load_recorded_cast,
    load_training_cast,
    loading_message,
    names_of,
)
from app.game.lineup import Ladder, Lineup, Person, Player, Rom
from app.game.match import Match
from app.game.replay import Replay
from app.game.seats import PersonSeat, RecordedSeat, RomSeat
from app.game.snapshot import State

if TYPE_CHECKING:
    from agents.policy import PolicyAgent


def new_seed() -> int:
    """A random seed."""
    return secrets.randbelow(2**31)


class Session:
    """A match, from the loading of its players on.

    `replay` brings players of its own, in place of the lineup's. With `follow`, the right player is the newest policy
    of the training in that run. `sound` asks for the court's.
    """

    def __init__(
        self,
        lineup: Lineup,
        *,
        seed: int,
        games: int | None = None,
        replay: Replay | None = None,
        follow: Path | None = None,
        sound: bool = False,
    ) -> None:
        self.lineup = lineup if replay is None else replay.lineup
        self.seed = seed if replay is None else replay.seed
        self._replayed = replay is not None
        self.follows = follow
        self.notice = ""
        """What to tell the user once the players are loaded; usually empty."""
        court = Court(seed=self.seed, sound=sound)
        self._load: Callable[[], Cast]
        if replay is not None:
            court.reset(idle_frames=replay.idle_frames)
            names, loading = replay.names, "loading the replay …"
            self._load = partial(load_recorded_cast, replay)
        else:
            names, loading = names_of(lineup), loading_message(lineup)
            self._load = (
                partial(load_cast, lineup, seed=seed)
                if follow is None
                else partial(load_training_cast, lineup, follow, seed=seed)
            )
        self.match = Match(court, names=names, loading=loading, games=games, seed=self.seed, sound=sound)
        self._loaded: Future[Cast] | None = None
        self._cast: list[tuple[Agent[Any] | None, Player, str]] = []
        """Who was loaded, left and right, with the hash of its models."""

    def begin(self, loader: Executor) -> None:
        """Loads the players on `loader`, if that takes time; `poll` then begins the match."""
        if self.match.loading:
            self._loaded = loader.submit(self._load)
        else:
            self.begin_now()

    def begin_now(self) -> None:
        """Loads the players and begins the match; `UserError` if one cannot be loaded."""
        self._seat(self._load())

    def poll(self) -> None:
        """Begins the match once the players are loaded; raises what loading them raised."""
        if self.match.state is State.WAITING and self._loaded is not None and self._loaded.done():
            self._seat(self._loaded.result())

    def _seat(self, cast: Cast) -> None:
        self.notice = cast.notice
        players = (self.lineup.left, self.lineup.right)
        self._cast = [
            (seat.agent, player, models) for seat, player, models in zip(cast.seats, players, cast.models, strict=True)
        ]
        self.match.seat(*cast.seats)

    @property
    def is_replay(self) -> bool:
        """Whether a recorded game is shown, which nobody has left to play on."""
        return self.match.recorded if self.match.seats else self._replayed

    def player(self, side: Side) -> Player:
        """Who plays on this side now."""
        return self._who_plays(side)[0]

    def _who_plays(self, side: Side) -> tuple[Player, str]:
        """The player on this side now, with the hash of its models: people take over, and change sides."""
        match self.match.seats[side]:
            case RecordedSeat():
                _, player, models = self._cast[side]
                return player, models
            case PersonSeat():
                return Person(), ""
            case RomSeat():
                return Rom(), ""
            case seat:
                player, models = next((player, models) for agent, player, models in self._cast if agent is seat.agent)
                return Ladder(seat.agent.first_level) if isinstance(seat.agent, LadderAgent) else player, models

    def network_changed(self, policy: PolicyAgent) -> None:
        """Notes that a policy no longer plays as it was loaded: a replay cannot show its decisions."""
        self.match.straight = False
        self._cast = [
            (agent, player, "" if agent is not None and agent.policy is policy else models)
            for agent, player, models in self._cast
        ]

    def replay(self) -> Replay | None:
        """The newest game so far, to be saved; None before its first frame."""
        match = self.match
        if not match.timeline.controls:
            return None
        (left, left_models), (right, right_models) = (self._who_plays(side) for side in Side)
        return Replay.of(
            match.timeline.controls,
            match.court.fingerprint(),
            lineup=Lineup(left, right),
            names=match.names,
            models=(left_models, right_models),
            seed=match.seed,
            idle_frames=match.court.idle_frames,
            score=match.score,
        )
