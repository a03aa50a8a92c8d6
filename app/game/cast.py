"""The players of a match: who they are, and loading them."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from agents.agent import Agent
from agents.handicap import Handicap
from agents.ladder import LadderAgent
from agents.named import script
from agents.pong import Side
from agents.scripted import TrackerAgent
from app.game.levels import LEVELS, name_of
from app.game.lineup import Ladder, Lineup, Person, Player, Policy, Rom, Script, Tracker
from app.game.replay import Replay
from app.game.seats import AgentSeat, PersonSeat, RecordedSeat, RomSeat, Seat, agent_seed, person_name
from models import catalog
from models.errors import UserError
from models.files import expanded, fingerprint
from models.run_directory import NEWEST_FOLDER, read_config
from models.spec import ModelSpec

if TYPE_CHECKING:
    from agents.policy import PolicyAgent


class Cast(NamedTuple):
    """The players of a match, ready to play; pairs are of the left and the right side."""

    seats: tuple[Seat[Any], Seat[Any]]
    models: tuple[str, str]
    """`Replay.models`."""
    notice: str = ""
    """What to tell the user; usually empty."""


def load_cast(lineup: Lineup, *, seed: int) -> Cast:
    """Loads the players of a lineup, which may take seconds; `UserError` if one cannot be loaded."""
    models = (model_hash(lineup.left), model_hash(lineup.right))
    return Cast((_load_seat(lineup, Side.LEFT, seed), _load_seat(lineup, Side.RIGHT, seed)), models)


def load_training_cast(lineup: Lineup, run: Path, *, seed: int) -> Cast:
    """The left player of a lineup, and on the right the newest policy of a training; `UserError` as for `load_cast`."""
    policy, player = load_newest(run, seed=agent_seed(seed, Side.RIGHT)), lineup.right
    assert isinstance(player, Policy), "it stands for the training"
    policy.temperature, policy.greedy = player.temperature, player.greedy
    agent: Agent[Any] = Handicap(policy, player.reaction_ms) if player.reaction_ms else policy
    return Cast((_load_seat(lineup, Side.LEFT, seed), AgentSeat(agent, Side.RIGHT)), (model_hash(lineup.left), ""))


def load_recorded_cast(replay: Replay) -> Cast:
    """The players of a recorded game, to repeat what they did; `UserError` if it does not play as recorded.

    The game plays without a model that is missing or has changed, but the model's decisions are not shown then.
    """
    controls = replay.controls()
    replay.verify(controls)
    seats: list[Seat[Any]] = []
    missing: list[str] = []
    for side in Side:
        live = _load_recorded_player(replay, side)
        if live is None:
            missing.append(replay.names[side])
        if live is None or isinstance(live, PersonSeat):
            live = PersonSeat(side, replay.names[side])
        seats.append(RecordedSeat([pair[side] for pair in controls], live))
    notice = ""
    if missing:
        notice = f"{' and '.join(missing)}: missing or changed since the recording, so decisions are not shown"
    return Cast((seats[0], seats[1]), replay.models, notice)


def _load_recorded_player(replay: Replay, side: Side) -> Seat[Any] | None:
    """Who played a side of a recorded game; None if a model is missing or has changed."""
    try:
        unchanged = replay.models[side] == model_hash(_player(replay.lineup, side))
        return _load_seat(replay.lineup, side, replay.seed) if unchanged else None
    except UserError:
        return None


def _load_seat(lineup: Lineup, side: Side, seed: int) -> Seat[Any]:
    match _player(lineup, side):
        case Person():
            return PersonSeat(side, _name(lineup, side))
        case Rom():
            return RomSeat()
        case player:
            return AgentSeat(load_agent(player, seed=agent_seed(seed, side)), side)


# Agents


def load_agent(player: Policy | Tracker | Script | Ladder, *, seed: int) -> Agent[Any]:
    """The agent that plays as `player` says, ready to decide fast; a level's agent has the level's name.

    `UserError` if its model does not exist or cannot be loaded.
    """
    match player:
        case Ladder(level=level):
            return LadderAgent([load_agent(rung.player, seed=seed) for rung in LEVELS], level=level)
        case Tracker(reaction_ms=reaction_ms):
            tracker = TrackerAgent(name=name_of(player), seed=seed)
            return Handicap(tracker, reaction_ms) if reaction_ms else tracker
        case Script(persona=persona):
            return script(persona, seed=seed)
        case Policy(reaction_ms=reaction_ms, misjudgement=misjudgement):
            policy = _load_policy(player, seed)
            if not reaction_ms and not misjudgement:
                return policy
            return Handicap(policy, reaction_ms, misjudgement=misjudgement, seed=seed)


def _load_policy(player: Policy, seed: int) -> PolicyAgent:
    from agents.policy import PolicyAgent  # noqa: PLC0415 - it imports torch, which takes a second

    _use_one_thread()
    directory, name = catalog.resolve(player.model), name_of(player)
    agent = PolicyAgent.load(directory, name=name, seed=seed, temperature=player.temperature, greedy=player.greedy)
    agent.decide(np.zeros(agent.spec.observation.shape, np.uint8))  # A network's first run is its slowest.
    return agent


def load_newest(run: Path, *, seed: int) -> PolicyAgent:
    """The newest policy of a training; before there is one, an untrained network, with the moves that it has at first.

    `UserError` if `run` is not a run, or not yet.
    """
    from agents.policy import PolicyAgent  # noqa: PLC0415 - as above
    from models import checkpoint  # noqa: PLC0415
    from models.network import PolicyNetwork, withhold_slow_moves  # noqa: PLC0415

    _use_one_thread()
    spec, name = _followed_spec(run), catalog.short_name(str(run))
    try:
        spec, network = checkpoint.load(run / NEWEST_FOLDER)
    except UserError:
        name, network = f"{name}, untrained", PolicyNetwork(spec).eval().requires_grad_(False)
        if (read_config(run).settings or {}).get("slow_moves_after"):
            withhold_slow_moves(network)
    return PolicyAgent(spec, network, name=name, seed=seed)


def _use_one_thread() -> None:
    """A network decides on one frame at a time: to spread that over threads costs more than it saves."""
    import torch  # noqa: PLC0415 - as above

    torch.set_num_threads(1)


def run_to_follow(name: str) -> Path:
    """The run of Pong that the user named; `UserError` if it is not one."""
    run = expanded(name)
    _followed_spec(run)
    return run


def _followed_spec(run: Path) -> ModelSpec:
    config = read_config(run)
    if config.steps is None:
        raise UserError(f"{run} is not a run of 'volley train', but a model; watch it without --follow")
    if not isinstance(config.spec, ModelSpec):
        raise UserError(f"{run} cannot be followed: it learns {config.spec.environment}, not Pong")
    return config.spec


# Names and models


def names_of(lineup: Lineup) -> tuple[str, str]:
    """What to call the players, before they are loaded too."""
    return _name(lineup, Side.LEFT), _name(lineup, Side.RIGHT)


def loading_message(lineup: Lineup) -> str:
    """What to say while the players of a lineup are loaded; empty if that takes no time."""
    slow = [_name(lineup, side) for side in Side if isinstance(_player(lineup, side), Policy | Ladder)]
    return f"loading {' and '.join(slow)} …" if slow else ""


def model_hash(player: Player) -> str:
    """A hash of the models that a player uses; empty if it uses none. `UserError` if one does not exist."""
    match player:
        case Policy(model=model):
            return fingerprint(catalog.resolve(model))
        case Ladder():
            return sha256("".join(model_hash(level.player) for level in LEVELS).encode()).hexdigest()
        case _:
            return ""


def _player(lineup: Lineup, side: Side) -> Player:
    return (lineup.left, lineup.right)[side]


def _name(lineup: Lineup, side: Side) -> str:
    match _player(lineup, side):
        case Person():
            return person_name(side, alone=len(lineup.people) == 1)
        case Rom():
            return RomSeat.name
        case Ladder():
            return "Ladder"
        case player:
            return name_of(player)
