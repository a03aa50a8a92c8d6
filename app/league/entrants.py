"""Who takes part in a league."""

from __future__ import annotations

import re
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

import msgspec

import agents
from agents import named
from agents.persona import is_persona
from app.game.cast import model_hash
from app.game.levels import LEVELS
from app.game.lineup import Policy, Rom, Script, Tracker
from models.errors import UserError
from models.files import found_in

_VARIANT = re.compile(
    r"^(?P<name>.*?)(?P<greedy>:greedy)?(:(?P<reaction>\d{1,4})ms)?(:(?P<rows>\d{1,3})rows)?$", re.DOTALL
)


class Entrant(NamedTuple):
    """A player in a league."""

    name: str
    """As it was named."""
    player: Policy | Tracker | Script | Rom
    identity: str
    """Its name with a hash of how it plays, of its weights and of the code: results of others are never taken for its
    own."""


def entrant(name: str) -> Entrant:
    """The player of that name: `cpu`, a script, a level, or a model, such as `MODEL:greedy:230ms:6rows`.

    `UserError` if there is none.
    """
    player = _player(name)
    with named.naming_others(f"a level, such as {LEVELS[0].name}"):
        what = _code_hash() + model_hash(player) + msgspec.json.encode(player).decode()
    return Entrant(name, player, f"{name}#{sha256(what.encode()).hexdigest()[:12]}")


@cache
def _code_hash() -> str:
    """A hash of the code that decides how games go: the court and everybody on it."""
    digest = sha256()
    for file in found_in(Path(agents.__file__).parent, "*.py"):
        digest.update(file.read_bytes())
    return digest.hexdigest()


def _player(name: str) -> Policy | Tracker | Script | Rom:
    for level in LEVELS:
        if level.name == name:
            return level.player
    match = _VARIANT.match(name)
    assert match is not None, "the name alone matches"
    whole, greedy = match["name"], match["greedy"] is not None
    reaction_ms, rows = int(match["reaction"] or 0), int(match["rows"] or 0)
    if reaction_ms > 1000 or rows > 60:
        raise UserError(f"{name!r}: a reaction time is at most 1000 ms, and a misjudgement at most 60 rows")
    if whole == "tracker" and not (greedy or rows):
        return Tracker(reaction_ms)
    if whole == named.ROM or is_persona(whole):
        if greedy or reaction_ms or rows:
            raise UserError(
                f"{name!r}: only models are greedy or misjudge, and only models and the tracker take a reaction time"
            )
        return Script(whole) if is_persona(whole) else Rom()
    return Policy(whole, greedy=greedy, reaction_ms=reaction_ms, misjudgement=rows)
