"""Events to commands. One table says which keys do what; the help page and the line of hints are made from it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import Enum, auto

import pygame

from app.match import SPEEDS, Snapshot, State


class Command(Enum):
    """What a person can ask of the window."""

    PAUSE = auto()
    STEP = auto()
    FASTER = auto()
    SLOWER = auto()
    GREEDY = auto()
    HELP = auto()
    FULL_SCREEN = auto()
    BACK = auto()
    """Out of what is open: the help page, else the window."""
    QUIT = auto()


@dataclass(frozen=True, slots=True)
class Binding:
    """A command's keys, and the words for it."""

    command: Command
    keys: tuple[int, ...]
    key_names: tuple[str, ...]
    purpose: str
    """For the help page."""
    hint: Callable[[Snapshot], str]
    """One word for what the key would do now; empty where it would do nothing worth a hint."""


def _always(word: str) -> Callable[[Snapshot], str]:
    return lambda _now: word


def _pause_hint(now: Snapshot) -> str:
    if now.state is State.WAITING:
        return ""
    return "resume" if now.state is State.PAUSED else "pause"


BINDINGS = (
    Binding(Command.PAUSE, (pygame.K_SPACE,), ("Space",), "Pause, or go on", _pause_hint),
    Binding(
        Command.STEP,
        (pygame.K_n, pygame.K_RIGHT),
        ("N", "Right"),
        "Pause, then one decision at a time",
        lambda now: "" if now.state is State.WAITING else "step",
    ),
    Binding(
        Command.FASTER,
        (pygame.K_PLUS, pygame.K_EQUALS, pygame.K_KP_PLUS, pygame.K_UP),
        ("+", "Up"),
        f"Faster, to {SPEEDS[-1]} times",
        lambda now: "faster" if now.speed < SPEEDS[-1] else "",
    ),
    Binding(
        Command.SLOWER,
        (pygame.K_MINUS, pygame.K_KP_MINUS, pygame.K_DOWN),
        ("\N{MINUS SIGN}", "Down"),
        "Slower, to a quarter",
        lambda now: "slower" if now.speed > SPEEDS[0] else "",
    ),
    Binding(
        Command.GREEDY,
        (pygame.K_g,),
        ("G",),
        "Always the likeliest action, or sampled",
        lambda now: "sample" if now.greedy else "greedy",
    ),
    Binding(Command.HELP, (pygame.K_h, pygame.K_F1), ("H", "F1"), "This page", _always("help")),
    Binding(Command.FULL_SCREEN, (pygame.K_F11,), ("F11",), "Full screen, or back to a window", _always("")),
    Binding(Command.BACK, (pygame.K_ESCAPE,), ("Esc",), "Close this page, or quit", _always("")),
    Binding(Command.QUIT, (pygame.K_q,), ("Q",), "Quit", _always("quit")),
)

_COMMAND_OF_KEY = {key: binding.command for binding in BINDINGS for key in binding.keys}
_DESKTOP_MODIFIERS = pygame.KMOD_CTRL | pygame.KMOD_ALT | pygame.KMOD_META


def commands(events: Iterable[pygame.Event]) -> Iterator[Command]:
    """What these events ask for, in their order; keys held with Ctrl, Alt or Meta belong to the desktop."""
    for event in events:
        if event.type in (pygame.QUIT, pygame.WINDOWCLOSE):
            yield Command.QUIT
        elif event.type == pygame.KEYDOWN and not event.mod & _DESKTOP_MODIFIERS and event.key in _COMMAND_OF_KEY:
            yield _COMMAND_OF_KEY[event.key]


def hints(now: Snapshot) -> list[tuple[str, str]]:
    """The keys worth knowing now, each with a word for what it does: `("Space", "pause")`."""
    return [(binding.key_names[0], hint) for binding in BINDINGS if (hint := binding.hint(now))]
