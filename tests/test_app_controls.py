from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gamepads
import msgspec
import pygame
import pytest
from gamepads import VirtualPad

from agents.pong import Side
from app.settings import Settings
from app.ui.bindings import (
    BINDINGS,
    Binding,
    Command,
    Context,
    Held,
    Input,
    Pad,
    hints,
    pages,
    with_overrides,
)
from app.ui.devices import Devices, Hand
from app.ui.help_page import COLUMNS

KEYS_PAGE = Path(__file__).parent.parent / "docs" / "keys.md"
sdl = gamepads.sdl
MENU, PLAY, WATCH = Context.MENU, Context.PLAY, Context.WATCH
BOTH = frozenset(Side)
ALONE = frozenset({Side.RIGHT})


@pytest.fixture
def devices() -> Devices:
    return Devices()


@pytest.fixture
def display(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """SDL with a window that nobody sees."""
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    pygame.display.init()
    yield
    pygame.display.quit()


def down(key: int, mod: int = 0) -> pygame.Event:
    return pygame.Event(pygame.KEYDOWN, key=key, mod=mod)


def up(key: int) -> pygame.Event:
    return pygame.Event(pygame.KEYUP, key=key, mod=0)


def mouse(row: int) -> pygame.Event:
    return pygame.Event(pygame.MOUSEMOTION, pos=(400, row), rel=(0, 1), buttons=(0, 0, 0))


def click(kind: int, button: int = pygame.BUTTON_LEFT) -> pygame.Event:
    return pygame.Event(kind, pos=(400, 300), button=button)


def keys_down(devices: Devices, *keys: int, context: Context = PLAY) -> None:
    for key in keys:
        devices.handle(down(key), context)


# What keys do


@pytest.mark.parametrize(
    ("key", "menu", "play", "watch"),
    [
        (pygame.K_SPACE, Command.CONFIRM, None, Command.PAUSE),
        (pygame.K_p, None, Command.PAUSE, Command.PAUSE),
        (pygame.K_n, None, Command.STEP, Command.STEP),
        (pygame.K_RIGHT, Command.RIGHT, None, Command.STEP),
        (pygame.K_LEFT, Command.LEFT, None, None),
        (pygame.K_UP, Command.UP, None, Command.FASTER),
        (pygame.K_DOWN, Command.DOWN, None, Command.SLOWER),
        (pygame.K_w, Command.UP, None, None),
        (pygame.K_s, Command.DOWN, None, None),
        (pygame.K_RETURN, Command.CONFIRM, None, None),
        (pygame.K_BACKSPACE, Command.BACK, None, None),
        (pygame.K_PLUS, None, Command.FASTER, Command.FASTER),
        (pygame.K_EQUALS, None, Command.FASTER, Command.FASTER),
        (pygame.K_MINUS, None, Command.SLOWER, Command.SLOWER),
        (pygame.K_g, None, Command.GREEDY, Command.GREEDY),
        (pygame.K_1, None, Command.TAKE_LEFT, Command.TAKE_LEFT),
        (pygame.K_2, None, Command.TAKE_RIGHT, Command.TAKE_RIGHT),
        (pygame.K_F2, None, Command.REMATCH, Command.REMATCH),
        (pygame.K_F5, None, Command.SAVE, Command.SAVE),
        (pygame.K_F9, None, Command.FILM, Command.FILM),
        (pygame.K_F12, Command.SCREENSHOT, Command.SCREENSHOT, Command.SCREENSHOT),
        (pygame.K_m, Command.MUTE, Command.MUTE, Command.MUTE),
        (pygame.K_LEFTBRACKET, Command.QUIETER, Command.QUIETER, Command.QUIETER),
        (pygame.K_RIGHTBRACKET, Command.LOUDER, Command.LOUDER, Command.LOUDER),
        (pygame.K_F10, Command.WHOLE_PIXELS, Command.WHOLE_PIXELS, Command.WHOLE_PIXELS),
        (pygame.K_F11, Command.FULL_SCREEN, Command.FULL_SCREEN, Command.FULL_SCREEN),
        (pygame.K_h, Command.HELP, Command.HELP, Command.HELP),
        (pygame.K_F1, Command.HELP, Command.HELP, Command.HELP),
        (pygame.K_ESCAPE, Command.BACK, Command.BACK, Command.BACK),
        (pygame.K_q, Command.QUIT, None, Command.QUIT),
        (pygame.K_z, None, None, None),
    ],
)
def test_keys(devices: Devices, key: int, menu: Command | None, play: Command | None, watch: Command | None) -> None:
    assert [devices.handle(down(key), context) for context in (MENU, PLAY, WATCH)] == [menu, play, watch]
    assert all(devices.handle(up(key), context) is None for context in Context)


@pytest.mark.parametrize("kind", [pygame.QUIT, pygame.WINDOWCLOSE])
@pytest.mark.parametrize("context", Context)
def test_the_close_button_quits(devices: Devices, kind: int, context: Context) -> None:
    assert devices.handle(pygame.Event(kind), context) is Command.QUIT


@pytest.mark.parametrize("mod", [pygame.KMOD_LCTRL, pygame.KMOD_LALT, pygame.KMOD_RMETA])
def test_the_desktops_key_combinations_are_left_to_it(devices: Devices, mod: int) -> None:
    assert devices.handle(down(pygame.K_h, mod), PLAY) is None
    devices.handle(down(pygame.K_w, mod), PLAY)
    assert devices.hand(Side.RIGHT, ALONE) == Hand()


def test_shift_is_part_of_typing_plus(devices: Devices) -> None:
    assert devices.handle(down(pygame.K_EQUALS, pygame.KMOD_LSHIFT), PLAY) is Command.FASTER


def test_events_of_other_kinds_say_nothing(devices: Devices) -> None:
    for kind in (pygame.WINDOWRESIZED, pygame.MOUSEWHEEL, pygame.TEXTINPUT, pygame.ACTIVEEVENT):
        assert devices.handle(pygame.Event(kind), PLAY) is None


def doings(table: tuple[Binding, ...], context: Context) -> Counter[int]:
    """How many things each key and button does."""
    pairs = {
        (switch, binding.input)
        for binding in table
        if context in binding.contexts
        for switch in (*binding.keys, *(-1 - button for button in binding.buttons))
    }
    return Counter(switch for switch, _ in pairs)


@pytest.mark.parametrize("context", Context)
def test_no_key_does_two_things(context: Context) -> None:
    assert max(doings(BINDINGS, context).values()) == 1


def test_everything_is_bound_and_every_name_is_used_once() -> None:
    assert {binding.input for binding in BINDINGS} == {*Command, *Held}
    assert max(Counter(binding.name for binding in BINDINGS).values()) == 1
    assert all(binding.keys and binding.key_names for binding in BINDINGS)


# Other keys, from the settings


def test_the_page_on_keys_lists_them_all() -> None:
    rows = [line.split(" | ") for line in KEYS_PAGE.read_text().splitlines() if line.startswith("| ")][2:]
    listed = [(name.removeprefix("| "), keys, purpose.removesuffix(" |")) for name, keys, _, purpose in rows]
    expected = [(each.name, " ".join(f"`{key}`" for key in each.key_names), each.purpose) for each in BINDINGS]
    assert listed == expected


@pytest.mark.usefixtures("display")
def test_the_example_of_the_page_on_keys_can_be_used() -> None:
    example = "\n".join(line[4:] for line in KEYS_PAGE.read_text().splitlines() if line.startswith("    "))
    keys = msgspec.toml.decode(example.encode(), type=Settings).keys
    table, warnings = with_overrides(keys)
    assert keys
    assert warnings == []
    assert {each.name for each in table if each not in BINDINGS} == set(keys)


@pytest.mark.usefixtures("display")
def test_overrides_take_the_defaults_place_and_are_shown() -> None:
    table, warnings = with_overrides({"left up": ["e", "left shift"], "step": []})
    assert warnings == []
    devices = Devices(table)
    keys_down(devices, pygame.K_w)
    assert devices.hand(Side.RIGHT, ALONE) == Hand()
    keys_down(devices, pygame.K_LSHIFT)
    assert devices.hand(Side.RIGHT, ALONE) == Hand(-100)
    assert devices.handle(down(pygame.K_n), PLAY) is None
    rows = {purpose: names for part in pages(table, PLAY).values() for names, purpose in part}
    assert rows["Left paddle up"] == ("E", "Left Shift")
    assert "Step one decision" not in rows


@pytest.mark.usefixtures("display")
def test_two_bindings_can_change_places() -> None:
    table, warnings = with_overrides({"pause": ["g"], "greedy": ["p"]})
    assert warnings == []
    devices = Devices(table)
    assert devices.handle(down(pygame.K_g), PLAY) is Command.PAUSE
    assert devices.handle(down(pygame.K_p), PLAY) is Command.GREEDY


@pytest.mark.usefixtures("display")
def test_a_key_may_do_another_thing_elsewhere_and_the_same_by_two_bindings() -> None:
    table, warnings = with_overrides({"greedy": ["a"], "step": ["right"]})
    assert warnings == []
    devices = Devices(table)
    assert devices.handle(down(pygame.K_a), MENU) is Command.LEFT
    assert [devices.handle(down(pygame.K_RIGHT), context) for context in (PLAY, WATCH)] == [Command.STEP] * 2


@pytest.mark.usefixtures("display")
@pytest.mark.parametrize(
    ("overrides", "told"),
    [
        ({"pause": ["g"]}, ["'pause': G would do two things"]),
        ({"pause": ["x"], "greedy": ["x"]}, ["'pause': X would do two things"]),
        ({"pause": ["g"], "greedy": ["r"]}, ["'greedy': R would do two things", "'pause': G would do two things"]),
        ({"mute": ["q"]}, ["'mute': Q would do two things"]),
        ({"dance": ["d"]}, ["'dance': there is no binding"]),
        ({"pause": ["any key"]}, ["'pause': there is no key 'any key'"]),
        ({"pause": ["left ctrl"]}, ["'pause': 'left ctrl' belongs to the desktop"]),
    ],
)
def test_what_cannot_be_had_is_told_and_the_default_stays(overrides: dict[str, list[str]], told: list[str]) -> None:
    table, warnings = with_overrides(overrides)
    assert len(warnings) == len(told)
    for words in told:
        assert any(words in warning for warning in warnings)
    assert max(max(doings(table, context).values()) for context in Context) == 1
    devices = Devices(table)
    assert devices.handle(down(pygame.K_p), PLAY) is Command.PAUSE
    assert devices.handle(down(pygame.K_m), WATCH) is Command.MUTE


# Paddles by keys and mouse


@pytest.mark.parametrize("side", Side)
@pytest.mark.parametrize(
    ("keys", "hand"),
    [
        ((pygame.K_w,), Hand(-100)),
        ((pygame.K_s,), Hand(100)),
        ((pygame.K_UP,), Hand(-100)),
        ((pygame.K_DOWN, pygame.K_SPACE), Hand(100, fire=True)),
        ((pygame.K_d,), Hand(fire=True)),
        ((pygame.K_RETURN,), Hand(fire=True)),
        ((pygame.K_w, pygame.K_s), Hand()),
        ((pygame.K_w, pygame.K_DOWN), Hand(100)),
        ((pygame.K_DOWN, pygame.K_w), Hand(-100)),
    ],
)
def test_a_lone_person_has_all_keys(devices: Devices, side: Side, keys: tuple[int, ...], hand: Hand) -> None:
    keys_down(devices, *keys)
    assert devices.hand(side, {side}) == hand
    assert devices.hand(side.other, {side}) == Hand(), "nobody plays there"
    for key in keys:
        devices.handle(up(key), PLAY)
    assert devices.hand(side, {side}) == Hand()


def test_when_the_last_key_is_let_go_the_one_before_leads_again(devices: Devices) -> None:
    keys_down(devices, pygame.K_w, pygame.K_DOWN)
    devices.handle(up(pygame.K_DOWN), PLAY)
    assert devices.hand(Side.RIGHT, ALONE) == Hand(-100)


def test_two_keys_for_one_thing_are_both_let_go_first(devices: Devices) -> None:
    keys_down(devices, pygame.K_SPACE, pygame.K_d)
    devices.handle(up(pygame.K_d), PLAY)
    assert devices.hand(Side.RIGHT, ALONE).fire


def test_two_people_have_their_own_keys_and_no_mouse(devices: Devices) -> None:
    keys_down(devices, pygame.K_w, pygame.K_SPACE, pygame.K_DOWN)
    devices.handle(mouse(300), PLAY)
    devices.handle(click(pygame.MOUSEBUTTONDOWN), PLAY)
    assert devices.hand(Side.LEFT, BOTH) == Hand(-100, fire=True)
    assert devices.hand(Side.RIGHT, BOTH) == Hand(100)
    keys_down(devices, pygame.K_LEFT)
    assert devices.hand(Side.RIGHT, BOTH) == Hand(100, fire=True)


def test_the_mouse_leads_from_when_it_moves_until_something_else_is_used(devices: Devices) -> None:
    assert devices.hand(Side.RIGHT, ALONE).pointer is None
    keys_down(devices, pygame.K_w)
    devices.handle(mouse(300), PLAY)
    assert devices.hand(Side.RIGHT, ALONE) == Hand(0, pointer=300)
    keys_down(devices, pygame.K_s)
    devices.handle(up(pygame.K_w), PLAY)
    assert devices.hand(Side.RIGHT, ALONE) == Hand(100)
    devices.handle(up(pygame.K_s), PLAY)
    assert devices.hand(Side.RIGHT, ALONE) == Hand(), "it rests, and does not run back to the mouse"
    devices.handle(mouse(301), PLAY)
    assert devices.hand(Side.RIGHT, ALONE) == Hand(0, pointer=301)


def test_the_mouses_left_button_fires_while_it_is_held(devices: Devices) -> None:
    devices.handle(click(pygame.MOUSEBUTTONDOWN, pygame.BUTTON_RIGHT), PLAY)
    assert not devices.hand(Side.RIGHT, ALONE).fire
    devices.handle(click(pygame.MOUSEBUTTONDOWN), PLAY)
    keys_down(devices, pygame.K_w)
    assert devices.hand(Side.RIGHT, ALONE) == Hand(-100, fire=True)
    devices.handle(click(pygame.MOUSEBUTTONUP), MENU)
    assert devices.hand(Side.RIGHT, ALONE) == Hand(-100)


def test_what_is_pressed_in_a_menu_is_not_for_the_paddle(devices: Devices) -> None:
    keys_down(devices, pygame.K_RETURN, pygame.K_w, context=MENU)
    devices.handle(mouse(300), MENU)
    devices.handle(click(pygame.MOUSEBUTTONDOWN), MENU)
    assert devices.hand(Side.RIGHT, ALONE) == Hand()


def test_rewinding_lasts_as_long_as_the_key(devices: Devices) -> None:
    for key, context in ((pygame.K_r, PLAY), (pygame.K_BACKSPACE, WATCH)):
        course = []
        for event in (down(key), down(pygame.K_n), up(pygame.K_n), up(key)):
            devices.handle(event, context)
            course.append(devices.rewinding)
        assert course == [True, True, True, False]


def test_nothing_sticks_when_the_window_goes_out_of_sight(devices: Devices) -> None:
    keys_down(devices, pygame.K_w, pygame.K_SPACE, pygame.K_r)
    keys_down(devices, pygame.K_DOWN, context=MENU)
    devices.handle(mouse(300), PLAY)
    devices.handle(click(pygame.MOUSEBUTTONDOWN), PLAY)
    devices.handle(pygame.Event(pygame.WINDOWFOCUSLOST), PLAY)
    assert devices.hand(Side.RIGHT, ALONE) == Hand()
    assert not devices.rewinding
    assert devices.repeat(10, MENU) is None


# Menus


def test_a_direction_that_is_held_in_a_menu_comes_again(devices: Devices) -> None:
    def repeated(seconds: float, context: Context = MENU) -> list[Command]:
        given = [devices.repeat(0.01, context) for _ in range(round(seconds / 0.01))]
        return [command for command in given if command is not None]

    keys_down(devices, pygame.K_DOWN, context=MENU)
    assert repeated(0.35) == []
    assert repeated(0.35) == [Command.DOWN] * 3  # at 0.40, 0.52 and 0.64 s
    devices.handle(up(pygame.K_DOWN), MENU)
    assert repeated(1) == []
    keys_down(devices, pygame.K_RETURN, context=MENU)
    assert repeated(1) == []
    keys_down(devices, pygame.K_DOWN, context=MENU)
    assert repeated(0.1, PLAY) == []
    assert repeated(1) == [], "a direction that led out of the menu is over"


# Hints and help


def test_hints_say_what_works_now() -> None:
    words: dict[Input, str] = {Command.PAUSE: "resume", Held.REWIND: "rewind", Command.QUIT: "quit"}
    assert hints(BINDINGS, WATCH, words) == [("Space", "resume"), ("R", "rewind"), ("Q", "quit")]
    assert hints(BINDINGS, PLAY, words) == [("P", "resume"), ("R", "rewind")]


@pytest.mark.parametrize("context", Context)
def test_the_help_page_tells_everything_once(context: Context) -> None:
    groups = pages(BINDINGS, context)
    rows = [row for part in groups.values() for row in part]
    assert set(groups) <= {group for column in COLUMNS for group in column}
    assert all(names for names, _ in rows)
    shown = [name for names, _ in rows for name in names]
    assert len(set(shown)) == len(shown)
    purposes = [purpose for _, purpose in rows]
    assert len(set(purposes)) == len(purposes)
    assert (("Esc", "pad Back", "Backspace", "pad B"), "Back") in rows or context is not MENU
    assert (("Space", "P", "pad Start"), "Pause or resume") in rows or context is not WATCH
    assert ("Mouse" in shown) == (context is PLAY)


# Gamepads, with SDL's own virtual ones


class Bench:
    """Devices that hear SDL's own events, and gamepads to make them with."""

    def __init__(self, sdl: Any) -> None:
        self.devices = Devices()
        self._sdl = sdl

    def plug(self, kind: int = VirtualPad.GAMEPAD) -> VirtualPad:
        pad = VirtualPad(self._sdl, kind=kind)
        self.hear(PLAY)
        return pad

    def hear(self, context: Context) -> list[Command]:
        """What is asked for by all that has happened."""
        commands = [self.devices.handle(event, context) for _ in range(2) for event in pygame.event.get()]
        return [command for command in commands if command is not None]

    def alone(self) -> Hand:
        self.hear(PLAY)
        return self.devices.hand(Side.RIGHT, ALONE)

    def both(self) -> tuple[Hand, Hand]:
        self.hear(PLAY)
        return self.devices.hand(Side.LEFT, BOTH), self.devices.hand(Side.RIGHT, BOTH)


@pytest.fixture
def bench(display: None, sdl: Any) -> Iterator[Bench]:
    del display
    window = pygame.Window("gamepads", (100, 100))
    window.focus()
    yield Bench(sdl)
    window.destroy()


LEFT_Y, RIGHT_X = pygame.CONTROLLER_AXIS_LEFTY, pygame.CONTROLLER_AXIS_LEFTX


def test_a_stick_moves_the_paddle_in_proportion(bench: Bench) -> None:
    pad = bench.plug()
    assert bench.alone() == Hand()
    # With a dead zone of 0.2, a tilt of 0.6 is halfway from there to the end.
    for share, move in ((-1.0, -100), (-0.6, -50), (0.6, 50), (1.0, 100), (0.19, 0), (-0.19, 0)):
        pad.tilt(LEFT_Y, share)
        assert bench.alone() == Hand(move)


def test_the_d_pad_moves_at_full_speed_and_a_fires(bench: Bench) -> None:
    pad = bench.plug()
    pad.tilt(LEFT_Y, 0.6)
    pad.press(Pad.UP)
    pad.press(Pad.A)
    assert bench.alone() == Hand(-100, fire=True)
    pad.press(Pad.UP, down=False)
    pad.press(Pad.A, down=False)
    assert bench.alone() == Hand(50)


def test_one_gamepad_is_the_right_players_and_of_two_the_first_the_lefts(bench: Bench) -> None:
    first = bench.plug()
    first.press(Pad.UP)
    assert bench.both() == (Hand(), Hand(-100))
    second = bench.plug()
    second.press(Pad.DOWN)
    assert bench.both() == (Hand(-100), Hand(100))
    second.unplug()
    assert bench.both() == (Hand(), Hand(-100))


def test_a_gamepad_that_is_plugged_back_in_is_its_players_again(bench: Bench) -> None:
    first, second = bench.plug(), bench.plug()
    for pad in (first, second):
        bench.both()
        pad.unplug()
        bench.both()
        again = bench.plug()
        again.press(Pad.UP)
        assert bench.both() == ((Hand(-100), Hand()) if pad is first else (Hand(), Hand(-100)))
        again.press(Pad.UP, down=False)


def test_the_paddle_rests_when_its_gamepad_goes_and_moves_when_it_is_back(bench: Bench) -> None:
    pad = bench.plug()
    pad.press(Pad.UP)
    pad.press(Pad.A)
    pad.press(Pad.LB)
    before = bench.alone(), bench.devices.rewinding
    pad.unplug()
    after = bench.alone(), bench.devices.rewinding
    assert (before, after) == ((Hand(-100, fire=True), True), (Hand(), False))
    pad = bench.plug()
    pad.press(Pad.DOWN)
    assert bench.alone() == Hand(100)


def test_a_gamepad_that_was_there_before_volley_is_found(bench: Bench) -> None:
    pad = VirtualPad(bench._sdl)
    pad.press(Pad.UP)
    assert bench.alone() == Hand(), "what was held before is not for the paddle"
    pad.press(Pad.DOWN)
    pad.press(Pad.UP, down=False)
    assert bench.alone() == Hand(100)


def test_what_is_used_last_leads(bench: Bench) -> None:
    pad = bench.plug()
    bench.devices.handle(mouse(300), PLAY)
    pad.tilt(LEFT_Y, 1)
    assert bench.alone() == Hand(100)
    bench.devices.handle(down(pygame.K_UP), PLAY)
    assert bench.alone() == Hand(-100)
    bench.devices.handle(up(pygame.K_UP), PLAY)
    assert bench.alone() == Hand(100)
    bench.devices.handle(mouse(310), PLAY)
    assert bench.alone() == Hand(pointer=310)
    pad.press(Pad.UP)
    assert bench.alone() == Hand(-100)


def test_buttons_and_stick_in_menus(bench: Bench) -> None:
    pad = bench.plug()
    expected = {
        Pad.A: Command.CONFIRM,
        Pad.B: Command.BACK,
        Pad.UP: Command.UP,
        Pad.DOWN: Command.DOWN,
        Pad.LEFT: Command.LEFT,
        Pad.RIGHT: Command.RIGHT,
    }
    for button, command in expected.items():
        pad.press(button)
        assert bench.hear(MENU) == [command]
        assert bench.devices.hand(Side.RIGHT, ALONE) == Hand()
        pad.press(button, down=False)
        assert bench.hear(MENU) == []
    for axis, share, command in (
        (LEFT_Y, -1, Command.UP),
        (LEFT_Y, 1, Command.DOWN),
        (RIGHT_X, -1, Command.LEFT),
        (RIGHT_X, 1, Command.RIGHT),
    ):
        pad.tilt(axis, share)
        assert bench.hear(MENU) == [command]
        pad.tilt(axis, 0.5 * share)
        assert bench.hear(MENU) == []
        pad.tilt(axis, share)
        assert bench.hear(MENU) == [], "a stick must go back before it counts again"
        assert bench.devices.repeat(0.5, MENU) is command
        pad.tilt(axis, 0)
        bench.hear(MENU)
        assert bench.devices.repeat(0.5, MENU) is None


def test_start_pauses_and_nothing_else_ends_a_match_by_a_slip(bench: Bench) -> None:
    pad = bench.plug()
    asked = {}
    for button in range(15):
        pad.press(button)
        asked[button] = bench.hear(PLAY)
        pad.press(button, down=False)
        bench.hear(PLAY)
    assert {button: commands for button, commands in asked.items() if commands} == {
        Pad.START: [Command.PAUSE],
        Pad.BACK: [Command.BACK],
    }


def test_a_joystick_of_unknown_layout_has_stick_hat_and_two_buttons(bench: Bench) -> None:
    pad = bench.plug(VirtualPad.UNKNOWN)
    pad.tilt(1, 0.6)
    pad.press(0)
    assert bench.alone() == Hand(50, fire=True)
    pad.tilt(1, 0)
    pad.hat(1)  # SDL_HAT_UP
    assert bench.alone() == Hand(-100, fire=True)
    pad.press(0, down=False)
    pad.hat(0)
    assert bench.alone() == Hand()
    pad.hat(4)  # SDL_HAT_DOWN
    assert bench.hear(MENU) == [Command.DOWN]
    pad.hat(8)  # SDL_HAT_LEFT
    assert bench.hear(MENU) == [Command.LEFT]
    pad.press(1)
    assert bench.hear(MENU) == [Command.BACK]
    pad.press(4)
    assert bench.hear(MENU) == []


def test_a_gamepad_that_is_gone_before_it_is_opened_is_no_matter(devices: Devices) -> None:
    pygame.joystick.init()
    assert devices.handle(pygame.Event(pygame.JOYDEVICEADDED, device_index=7), MENU) is None
    assert devices.handle(pygame.Event(pygame.JOYDEVICEREMOVED, instance_id=7), MENU) is None
    late = pygame.Event(pygame.CONTROLLERBUTTONDOWN, instance_id=7, button=0)
    assert devices.handle(late, MENU) is None
