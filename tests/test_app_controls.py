from __future__ import annotations

import dataclasses
from collections import Counter

import pygame
import pytest

from agents.pong import Court
from app.controls import BINDINGS, Command, commands, hints
from app.match import Match, Snapshot, State


def press(key: int, mod: int = 0) -> pygame.Event:
    return pygame.Event(pygame.KEYDOWN, key=key, mod=mod)


@pytest.fixture
def now() -> Snapshot:
    return dataclasses.replace(Match(Court(), name="ppo").snapshot(), state=State.PLAYING)


@pytest.mark.parametrize(
    ("key", "command"),
    [
        (pygame.K_SPACE, Command.PAUSE),
        (pygame.K_n, Command.STEP),
        (pygame.K_RIGHT, Command.STEP),
        (pygame.K_PLUS, Command.FASTER),
        (pygame.K_EQUALS, Command.FASTER),
        (pygame.K_UP, Command.FASTER),
        (pygame.K_MINUS, Command.SLOWER),
        (pygame.K_DOWN, Command.SLOWER),
        (pygame.K_g, Command.GREEDY),
        (pygame.K_h, Command.HELP),
        (pygame.K_F1, Command.HELP),
        (pygame.K_F11, Command.FULL_SCREEN),
        (pygame.K_ESCAPE, Command.BACK),
        (pygame.K_q, Command.QUIT),
    ],
)
def test_keys(key: int, command: Command) -> None:
    assert list(commands([press(key)])) == [command]


def test_events_keep_their_order_and_others_say_nothing() -> None:
    events = [
        press(pygame.K_SPACE),
        press(pygame.K_z),
        pygame.Event(pygame.KEYUP, key=pygame.K_q, mod=0),
        pygame.Event(pygame.MOUSEMOTION, pos=(1, 1), rel=(0, 0), buttons=(0, 0, 0)),
        press(pygame.K_n),
    ]
    assert list(commands(events)) == [Command.PAUSE, Command.STEP]


@pytest.mark.parametrize("kind", [pygame.QUIT, pygame.WINDOWCLOSE])
def test_the_close_button_quits(kind: int) -> None:
    assert list(commands([pygame.Event(kind)])) == [Command.QUIT]


@pytest.mark.parametrize("mod", [pygame.KMOD_LCTRL, pygame.KMOD_LALT, pygame.KMOD_RMETA])
def test_the_desktops_key_combinations_are_left_to_it(mod: int) -> None:
    assert list(commands([press(pygame.K_h, mod)])) == []


def test_shift_is_part_of_typing_plus() -> None:
    assert list(commands([press(pygame.K_EQUALS, pygame.KMOD_LSHIFT)])) == [Command.FASTER]


def test_every_command_is_bound_once_and_no_key_twice() -> None:
    assert Counter(binding.command for binding in BINDINGS) == Counter(Command)
    assert max(Counter(key for binding in BINDINGS for key in binding.keys).values()) == 1


def test_hints_say_what_works_now(now: Snapshot) -> None:
    playing = dict(hints(now))
    assert (playing["Space"], playing["G"]) == ("pause", "greedy")
    paused = dict(hints(dataclasses.replace(now, state=State.PAUSED, greedy=True)))
    assert (paused["Space"], paused["G"]) == ("resume", "sample")
    waiting = dict(hints(dataclasses.replace(now, state=State.WAITING)))
    assert not {"Space", "N"} & waiting.keys()
    assert "+" not in dict(hints(dataclasses.replace(now, speed=8)))
    assert "\N{MINUS SIGN}" not in dict(hints(dataclasses.replace(now, speed=0.25)))
