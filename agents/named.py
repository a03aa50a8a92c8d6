"""Finds the player that a name stands for: a script, the ROM, or a model."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal, TypeAlias, TypeGuard

from agents.agent import Agent
from agents.persona import PERSONAS, PersonaAgent, PersonaName
from agents.scripted import TrackerAgent
from models import catalog
from models.catalog import UnknownModelError
from models.errors import UserError

ROM = "cpu"
ScriptName: TypeAlias = Literal["tracker"] | PersonaName
SCRIPTS: tuple[ScriptName, ...] = ("tracker", *PERSONAS)
"""Names of scripted players."""


def script(name: ScriptName, *, seed: int) -> TrackerAgent | PersonaAgent:
    """The scripted player of that name, one of `SCRIPTS`."""
    if name == "tracker":
        return TrackerAgent(seed=seed)
    return PersonaAgent(PERSONAS[name], name=name.capitalize(), seed=seed)


def is_script(name: str) -> TypeGuard[ScriptName]:
    """Whether a scripted player has that name."""
    return name in SCRIPTS


def agent(name: str, *, seed: int, greedy: bool = False) -> Agent[Any] | None:
    """The agent of that name: a script, or a model as in `models.catalog.resolve`; None for the ROM's own opponent.

    `UserError` if there is no such model, or it cannot be loaded.
    """
    if name == ROM:
        return None
    if is_script(name):
        return script(name, seed=seed)
    from agents.policy import PolicyAgent  # noqa: PLC0415 - it imports torch, which takes a second

    with naming_others():
        directory = catalog.resolve(name)
    return PolicyAgent.load(directory, seed=seed, greedy=greedy)


@contextmanager
def naming_others(*more: str) -> Iterator[None]:
    """Adds to the error about an unknown model who else has a name: scripts, the ROM, and `more`."""
    try:
        yield
    except UnknownModelError as error:
        others = (f"a script: {', '.join(SCRIPTS)}", f"{ROM}, the Atari CPU", *more)
        raise UserError("; or ".join((str(error), *others))) from error
