"""A match on the go: its players are loaded beside the window, and its games can be kept as replays."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from concurrent.futures import Executor, Future
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from agents.pong import Court, Side
from app.follow import follower as live
from app.game import levels
from app.game.lineup import Ladder, Lineup, Person, Player, Policy, Rom
from app.game.match import Match, State
from app.game.player import load_agent
from app.game.replay import Replay
from app.game.seats import AgentSeat, PersonSeat, RecordedSeat, RomSeat, Seat
from models import catalog
from models.errors import UserError
from models.files import fingerprint


class Cast(NamedTuple):
    """The players of a match, ready to play; pairs are of the left and the right side."""

    seats: tuple[Seat, Seat]
    models: tuple[str, str]
    """`Replay.models`."""
    notice: str = ""
    """What the player should know; empty, as a rule."""


def cast(lineup: Lineup, *, seed: int) -> Cast:
    """Loads the players of a lineup, which may take seconds; `UserError` where one cannot be loaded."""
    models = (model_hash(lineup.left), model_hash(lineup.right))
    return Cast((_seat(lineup, Side.LEFT, seed), _seat(lineup, Side.RIGHT, seed)), models)


def following_cast(lineup: Lineup, run: Path, *, seed: int) -> Cast:
    """The left player of a lineup, and on the right the newest policy of a training."""
    policy = live.load_player(run, seed=2 * seed + Side.RIGHT)
    return Cast((_seat(lineup, Side.LEFT, seed), AgentSeat(policy, Side.RIGHT)), (model_hash(lineup.left), ""))


def recorded_cast(replay: Replay) -> Cast:
    """Whoever played a recorded game, doing again what they did; `UserError` where it does not play as it was recorded.

    A model that is not here as it was then plays all the same, but does not show what it thinks.
    """
    controls = replay.controls()
    replay.verify(controls)
    seats: list[Seat] = []
    missing: list[str] = []
    for side in Side:
        try:
            known = replay.models[side] == model_hash(_player(replay.lineup, side))
            live = _seat(replay.lineup, side, replay.seed) if known else None
        except UserError:
            live = None
        if live is None:
            missing.append(replay.names[side])
        if live is None or isinstance(live, PersonSeat):
            live = PersonSeat(side, replay.names[side])
        seats.append(RecordedSeat([pair[side] for pair in controls], live))
    notice = f"{' and '.join(missing)}: not here as it was then, so its thoughts are not shown" if missing else ""
    return Cast((seats[0], seats[1]), replay.models, notice)


def new_seed() -> int:
    """A seed that nobody knows beforehand."""
    return secrets.randbelow(2**31)


def names_of(lineup: Lineup) -> tuple[str, str]:
    """What to call the players while they are being loaded."""
    return _name(lineup, Side.LEFT), _name(lineup, Side.RIGHT)


def loading_words(lineup: Lineup) -> str:
    """What to say while a lineup is being loaded; empty where nothing takes time."""
    loaded = [_name(lineup, side) for side in Side if isinstance(_player(lineup, side), Policy | Ladder)]
    return f"loading {' and '.join(loaded)} …" if loaded else ""


def model_hash(player: Player) -> str:
    """What tells the models that a player uses from all others; empty where it uses none. `UserError` for no model."""
    match player:
        case Policy(model=model):
            return fingerprint(catalog.resolve(model))
        case Ladder():
            policies = [level.player for level in levels.LEVELS if isinstance(level.player, Policy)]
            return sha256("".join(model_hash(policy) for policy in policies).encode()).hexdigest()
        case _:
            return ""


class Session:
    """A match, from the loading of its players on.

    `sound` asks for the court's. The players of `replay`, where there is one, are taken instead of the lineup's; the
    right one is that of the training in `follow`, where there is one, and changes with it.
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
        self.is_replay = replay is not None
        self.follows = follow
        self.notice = ""
        """What the player should know of the loading."""
        court = Court(seed=self.seed, sound=sound)
        if replay is not None:
            court.reset(idle_frames=replay.idle_frames)
        names = names_of(self.lineup) if replay is None else replay.names
        loading = "loading the replay …" if replay is not None else loading_words(self.lineup)
        self.match = Match(court, names=names, loading=loading, games=games, sound=sound)
        self._load = self._loading_of(replay, follow)
        self._loading: Future[Cast] | None = None
        self._models = ("", "")

    def _loading_of(self, replay: Replay | None, follow: Path | None) -> Callable[[], Cast]:
        if replay is not None:
            return lambda: recorded_cast(replay)
        if follow is not None:
            return lambda: following_cast(self.lineup, follow, seed=self.seed)
        return lambda: cast(self.lineup, seed=self.seed)

    def begin(self, loader: Executor) -> None:
        """Loads the players on another thread, unless they are there at once; see `poll`."""
        if self.match.snapshot().loading:
            self._loading = loader.submit(self._load)
        else:
            self.begin_now()

    def begin_now(self) -> None:
        """Loads the players, and begins to play."""
        self._take_seats(self._load())

    def poll(self) -> None:
        """Begins to play once the players are there; raises what their loading raised."""
        if self.match.state is State.WAITING and self._loading is not None and self._loading.done():
            self._take_seats(self._loading.result())

    def replay(self) -> Replay | None:
        """The newest game up to now, to be kept; None before its first frame."""
        match = self.match
        now = match.snapshot()
        if not match.timeline.controls:
            return None
        return Replay.of(
            match.timeline.controls,
            match.fingerprint,
            lineup=self.lineup,
            names=now.names,
            models=self._models,
            seed=self.seed,
            idle_frames=match.idle_frames,
            score=match.score,
        )

    def _take_seats(self, cast: Cast) -> None:
        self._models, self.notice = cast.models, cast.notice
        self.match.seat(*cast.seats)


def _player(lineup: Lineup, side: Side) -> Player:
    return (lineup.left, lineup.right)[side]


def _name(lineup: Lineup, side: Side) -> str:
    match _player(lineup, side):
        case Person():
            return "You" if len(lineup.people) == 1 else f"Player {side + 1}"
        case Rom():
            return RomSeat.name
        case Ladder():
            return "Ladder"
        case player:
            return levels.name_of(player)


def _seat(lineup: Lineup, side: Side, seed: int) -> Seat:
    match _player(lineup, side):
        case Person():
            return PersonSeat(side, _name(lineup, side))
        case Rom():
            return RomSeat()
        case player:
            return AgentSeat(load_agent(player, seed=2 * seed + side), side)
