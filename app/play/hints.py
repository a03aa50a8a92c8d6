"""The line of hints below a match: the keys worth knowing now."""

from __future__ import annotations

from collections.abc import Sequence

from agents.pong import Side
from app.game.match import SPEEDS
from app.game.snapshot import Snapshot, State
from app.ui import bindings
from app.ui.bindings import Binding, Command, Context, Held, Input

_CREDIT: dict[Input, str] = {Command.CREDIT_METHOD: "next method", Command.CREDIT_LARGEST: "largest push"}


def hints(
    now: Snapshot, table: Sequence[Binding], context: Context, *, back: str, filming: bool, credit: bool
) -> list[tuple[str, str]]:
    """The keys of `table` that are of use now, with their labels.

    `back` is where Esc leads; `filming` says whether a film is being made, `credit` whether the panel of credit
    assignment is shown.
    """
    labels: dict[Input, str] = {}
    if now.state is not State.WAITING:
        labels = {Command.PAUSE: "resume" if now.state is State.PAUSED else "pause", Held.REWIND: "hold to rewind"}
        labels |= {Command.FILM: "stop filming"} if filming else {}
        labels |= _CREDIT if credit else {}
    labels |= {Command.BACK: back, Command.HELP: "help"}
    if now.state is not State.WAITING:
        # If space runs out, these are cut: the help page has them too.
        labels |= _watching(now) if not now.people else {}
        labels |= _taking_over(now)
        labels[Command.SAVE] = "save"
    return [*_hands(now, table, context), *bindings.hints(table, context, labels)]


def _hands(now: Snapshot, table: Sequence[Binding], context: Context) -> list[tuple[str, str]]:
    """Which keys move which paddle."""
    people = sorted(now.people)
    if not people or now.state is State.PAUSED:
        return []
    labels = ("left", "right") if len(people) == 2 else ("you", "you")
    found = []
    for side in Side if len(people) == 2 else (Side.RIGHT,):
        up, down = ((Held.LEFT_UP, Held.LEFT_DOWN), (Held.RIGHT_UP, Held.RIGHT_DOWN))[side]
        keys = bindings.hints(table, context, {up: "", down: ""})
        found.append((" ".join(key for key, _ in keys), labels[side]))
    return found


def _watching(now: Snapshot) -> dict[Input, str]:
    labels: dict[Input, str] = {Command.STEP: "step"}
    if now.speed < SPEEDS[-1]:
        labels[Command.FASTER] = "faster"
    if now.speed > SPEEDS[0]:
        labels[Command.SLOWER] = "slower"
    if any(policy is not None for policy in now.policies):
        labels[Command.GREEDY] = "sample" if now.greedy else "greedy"
    return labels


def _taking_over(now: Snapshot) -> dict[Input, str]:
    """None while someone is busy playing."""
    if now.people and now.state is not State.PAUSED:
        return {}
    labels: dict[Input, str] = {}
    for side, command in zip(Side, (Command.TAKE_LEFT, Command.TAKE_RIGHT), strict=True):
        if side not in now.people or side in now.substitutes:
            labels[command] = f"{'leave' if side in now.substitutes else 'take'} {side.name.lower()}"
    return labels
