"""The window goes on, whatever happens to it: events of all kinds, sizes, devices and clocks that come and go."""

from __future__ import annotations

import io
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gamepads
import numpy as np
import pygame
import pytest
from gamepads import VirtualPad
from test_app_window import (
    ALONE,
    FRAME,
    frames,
    match_of,
    message,
    nowhere,
    open_window,
    play_to_the_end,
    playing,
    press,
    screen_of,
    wait_for,
)
from test_small_window import resize

import models
from app.follow.trainer import Train
from app.game import replay
from app.game.cast import load_recorded_cast
from app.game.lineup import Lineup, Person, Policy
from app.game.session import Session
from app.game.snapshot import State
from app.play.screen import MatchScreen
from app.screen import Follow, OpenMenu
from app.ui.bindings import BINDINGS, Pad
from app.window import Window
from models import checkpoint
from models.network import PolicyNetwork
from models.spec import ModelSpec
from training.run import RunDirectory
from training.settings import TrainingSettings

sdl = gamepads.sdl
__all__ = ["nowhere", "open_window", "playing"]

PRETRAINED = Path(models.__file__).parent / "pretrained"
EVENTS, RESIZES = 10_000, 1_000
KEYS = sorted({key for binding in BINDINGS for key in binding.keys} | set(range(pygame.K_a, pygame.K_z + 1)))
DELETES_OR_LEAVES = {pygame.K_q}


class Chance:
    """Draws events."""

    def __init__(self, seed: int) -> None:
        self._random = np.random.default_rng(seed)

    def whole(self, low: int, high: int) -> int:
        return int(self._random.integers(low, high))

    def event(self) -> pygame.Event:
        draw = self.whole(0, 100)
        place = (self.whole(-50, 1400), self.whole(-50, 900))
        if draw < 60:
            kind = pygame.KEYDOWN if self.whole(0, 2) else pygame.KEYUP
            key = KEYS[self.whole(0, len(KEYS))]
            return pygame.Event(kind, key=pygame.K_m if key in DELETES_OR_LEAVES else key, mod=0, unicode="x")
        if draw < 75:
            kind = pygame.MOUSEBUTTONDOWN if self.whole(0, 2) else pygame.MOUSEBUTTONUP
            return pygame.Event(kind, pos=place, button=self.whole(1, 8), touch=False)
        if draw < 85:
            return pygame.Event(pygame.MOUSEMOTION, pos=place, rel=(1, 1), buttons=(0, 0, 0), touch=False)
        if draw < 88:
            return pygame.Event(
                pygame.MOUSEWHEEL, x=0, y=self.whole(-3, 4), flipped=False, precise_y=0.5, precise_x=0.0
            )
        if draw < 91:
            return pygame.Event(pygame.TEXTINPUT, text="\N{SNOWMAN}a\x07"[self.whole(0, 3)])
        kinds = (pygame.WINDOWFOCUSLOST, pygame.WINDOWFOCUSGAINED, pygame.WINDOWMINIMIZED, pygame.WINDOWRESTORED)
        others = (pygame.WINDOWEXPOSED, pygame.AUDIODEVICEREMOVED, pygame.CLIPBOARDUPDATE, pygame.WINDOWMOVED)
        return pygame.Event((*kinds, *others)[self.whole(0, 8)], x=1, y=1, which=0, iscapture=0)

    def elapsed(self) -> float:
        """Mostly a frame; now and then no time, a jump back, a minute, an hour."""
        jumps = (0.0, -3.0, 60.0, 3600.0, 1e9)
        return jumps[self.whole(0, 5)] if self.whole(0, 40) == 0 else FRAME


def checked(one: Window) -> None:
    """What is on the court now can be kept, and plays again exactly."""
    kept = screen_of(one)._session.replay()
    assert kept is not None
    file = Path("kept.volley").absolute()
    replay.save(kept, file)
    load_recorded_cast(replay.load(file))


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def no_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Trainings and uploads that the keys may start end at once, and nothing is asked of the Hub."""

    def ended(_command: object, output: io.BufferedIOBase) -> subprocess.Popen[bytes]:
        return subprocess.Popen([sys.executable, "-c", ""], stdout=output.fileno())

    monkeypatch.setattr("app.follow.process.launch", ended)
    monkeypatch.setattr("app.hub.preparation.launch", ended)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")


@pytest.mark.usefixtures("no_processes")
@pytest.mark.parametrize("seed", range(4))
def test_random_events_do_no_harm(open_window: Callable[..., Window], seed: int) -> None:
    """In the menu, in matches, in all that can be opened from there, at all speeds, with the clock jumping."""
    chance = Chance(seed)
    one = open_window(None if seed % 2 else Session(ALONE, seed=1, sound=True))
    for _ in range(EVENTS // 4):
        pygame.event.post(chance.event())
        if chance.whole(0, 6) == 0:
            one.frame(chance.elapsed())
        if one.closed:
            one = open_window(Session(ALONE, seed=1, sound=True))
    if isinstance(one._screen, MatchScreen) and match_of(one).timeline.controls:
        checked(one)


def test_a_thousand_sizes(playing: Window) -> None:
    random = np.random.default_rng(0)
    display, match = playing.services.display, match_of(playing)
    for number in range(RESIZES):
        resize(display, (int(random.integers(1, 1500)), int(random.integers(1, 1000))))
        if number % 4 == 0:
            playing.frame(FRAME)
    assert match_of(playing) is match
    checked(playing)
    playing._act(OpenMenu())
    for _ in range(50):
        resize(display, (int(random.integers(1, 1500)), int(random.integers(1, 1000))))
        playing.frame(FRAME)


def test_a_minute_of_suspend_is_a_blink(playing: Window) -> None:
    frames(playing, 30)
    match, before = match_of(playing), match_of(playing).court.frames
    for elapsed in (60.0, 3600.0, 1e12, float("inf")):
        playing.frame(elapsed)
    assert match.court.frames - before < 60, "whoever closes the lid does not lose the match"
    assert match.state is State.PLAYING
    checked(playing)


@pytest.mark.parametrize("elapsed", [-1.0, -1e9, 0.0])
def test_a_clock_that_goes_back_stops_nothing(playing: Window, elapsed: float) -> None:
    frames(playing, 10)
    before = match_of(playing).court.frames
    for _ in range(5):
        playing.frame(elapsed)
    assert before <= match_of(playing).court.frames <= before + 5
    frames(playing, 30)
    assert match_of(playing).court.frames > before + 20
    checked(playing)


def test_a_sound_device_that_goes_leaves_a_silent_match(playing: Window) -> None:
    playing.services.speaker.open()
    frames(playing, 30)
    pygame.mixer.quit()
    frames(playing, 200)
    assert match_of(playing).state is State.PLAYING
    press(playing, pygame.K_m)
    checked(playing)


# A gamepad torn out


def plug(one: Window, sdl: Any, **shape: int) -> VirtualPad:
    """A gamepad that is there, and at rest."""
    pad = VirtualPad(sdl, **shape)
    frames(one, 2)
    return pad


def move(one: Window) -> int:
    """What the person's paddle was told in a frame from now."""
    frames(one, 2)
    _, right = match_of(one).timeline.controls[-1]
    assert right is not None
    return right.move


def test_a_gamepad_torn_out_pauses_the_match_and_holds_nothing(playing: Window, sdl: Any) -> None:
    pad = plug(playing, sdl)
    pad.tilt(pygame.CONTROLLER_AXIS_LEFTY, 1)
    pad.press(Pad.A)
    assert move(playing) == 100
    pad.press(Pad.LB)
    frames(playing, 2)
    assert match_of(playing).state is State.REWINDING
    pad.unplug()
    frames(playing, 2)
    assert match_of(playing).state is State.PAUSED
    assert message(playing) == "gamepad unplugged: plug it back in, or use the keyboard or mouse"
    press(playing, pygame.K_p)
    assert move(playing) == 0
    checked(playing)


def test_a_stick_held_while_its_gamepad_goes_lets_go_of_the_paddle(playing: Window, sdl: Any) -> None:
    pad = plug(playing, sdl)
    pad.tilt(pygame.CONTROLLER_AXIS_LEFTY, -1)
    assert move(playing) == -100
    pad.unplug()
    frames(playing, 2)
    before = match_of(playing).frames
    frames(playing, 20)
    assert match_of(playing).frames == before, "nobody loses a point to a cable"
    again = plug(playing, sdl)
    again.press(Pad.A)
    frames(playing, 2)
    assert match_of(playing).state is State.PLAYING
    again.tilt(pygame.CONTROLLER_AXIS_LEFTY, 1)
    assert move(playing) == 100
    checked(playing)


def test_a_gamepad_that_nobody_used_may_go(playing: Window, sdl: Any) -> None:
    plug(playing, sdl).unplug()
    frames(playing, 2)
    assert match_of(playing).state is State.PLAYING
    assert message(playing) == ""


def test_a_direction_held_in_the_menu_does_not_repeat_for_ever(open_window: Callable[..., Window], sdl: Any) -> None:
    one = open_window()
    pad = plug(one, sdl)
    pad.tilt(pygame.CONTROLLER_AXIS_LEFTY, 1)
    frames(one, 2)
    # As from a driver that does not let go of anything first.
    gone = pygame.Event(pygame.JOYDEVICEREMOVED, instance_id=pad.instance)
    pygame.event.post(gone)
    frames(one, 2)
    assert one.services.devices.repeat(10.0, one._screen.context) is None


@pytest.mark.parametrize("axes", [0, 1, 3, 17])
@pytest.mark.parametrize("kind", [VirtualPad.GAMEPAD, VirtualPad.UNKNOWN])
def test_a_gamepad_with_an_odd_number_of_axes_is_no_matter(playing: Window, sdl: Any, axes: int, kind: int) -> None:
    pad = plug(playing, sdl, kind=kind, axes=axes)
    for axis in range(axes):
        pad.tilt(axis, 1)
        pad.tilt(axis, -1)
        frames(playing, 1)
    assert move(playing) == (-100 if axes > 1 else 0)
    pad.unplug()
    frames(playing, 2)
    assert match_of(playing).state is (State.PAUSED if axes > 1 else State.PLAYING)


@pytest.fixture
def borrowed(tmp_path: Path) -> Path:
    """A copy of a model, to be taken away."""
    return shutil.copytree(PRETRAINED / "ppo", tmp_path / "borrowed")


@pytest.mark.parametrize("harm", ["removed", "replaced", "cut"])
def test_a_model_that_goes_in_mid_match_ends_nothing(
    open_window: Callable[..., Window],
    borrowed: Path,
    harm: str,
) -> None:
    one = open_window(Session(Lineup(Policy(str(borrowed)), Person()), seed=1))
    wait_for(one, State.PLAYING)
    frames(one, 60)
    weights = borrowed / "model.safetensors"
    if harm == "removed":
        shutil.rmtree(borrowed)
    elif harm == "replaced":
        shutil.copyfile(PRETRAINED / "reinforce" / "model.safetensors", weights)
    else:
        weights.write_bytes(weights.read_bytes()[:1000])
    frames(one, 60)
    assert match_of(one).state is State.PLAYING
    for panel in (pygame.K_4, pygame.K_5, pygame.K_6, pygame.K_7, pygame.K_8):
        press(one, panel)
        frames(one, 20)
    press(one, pygame.K_F5)
    assert "saved" in message(one)
    play_to_the_end(one)
    assert max(match_of(one).score) == 21
    press(one, pygame.K_RETURN)
    frames(one, 30)
    assert not one.closed


# The training that is followed dies. It stands for `volley train --resume RUN`, has one checkpoint to save, and goes on
# until it is killed.
TRAINS = """
import json, os, sys, time
from pathlib import Path
run = Path(sys.argv[-1])
with (run / "metrics.jsonl").open("a") as file:
    print(json.dumps({"steps": STEPS, "seconds": STEPS / 100, "mean_return": -20.0}), file=file)
for name in ("config.json", "model.safetensors"):
    (run / "model").mkdir(exist_ok=True)
    os.replace(run / "STEPS" / name, run / "model" / name)
time.sleep(60)
"""


def train(one: Window, run: Path, steps: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A training is started, as from the menu, that finds what to save in a folder named by its steps."""
    script = TRAINS.replace("STEPS", str(steps))
    monkeypatch.setattr("app.follow.process.COMMAND", (sys.executable, "-I", "-c", script))
    one.services.trainer.start(Train("ppo", None, run))


def played(one: Window) -> tuple[int, ...]:
    """The steps of each policy of the training that has played."""
    follower = screen_of(one)._follower
    return () if follower is None else follower.changes


def until(one: Window, reached: Callable[[], bool]) -> None:
    """Shows half a minute at most."""
    for _ in range(2000):
        frames(one, 1)
        if reached():
            return
        pygame.time.wait(2)
    pytest.fail("never")


@pytest.mark.skipif(sys.platform == "win32", reason="kills a process as others are not")
def test_the_training_that_is_followed_may_be_killed_and_started_again(
    open_window: Callable[..., Window],
    tmp_path: Path,
    spec: ModelSpec,
    network: PolicyNetwork,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run = tmp_path / "run"
    RunDirectory.create(run, TrainingSettings(model=spec, steps=400_000))
    for steps in (1000, 2000):
        checkpoint.save(run / str(steps), spec, network)
    one = open_window()
    train(one, run, 1000, monkeypatch)
    one._act(Follow(run))
    wait_for(one, State.PLAYING)
    until(one, lambda: played(one) == (1000,))
    process = one.services.trainer._process
    assert process is not None
    assert process._process is not None
    os.kill(process._process.pid, signal.SIGKILL)
    until(one, lambda: message(one) == f"the training in {run} failed: killed: Killed")
    before = match_of(one).frames
    frames(one, 120)
    assert match_of(one).frames >= before + 100
    assert match_of(one).state is State.PLAYING
    train(one, run, 2000, monkeypatch)
    until(one, lambda: played(one) == (1000, 2000))
    trainer = one.services.trainer
    until(
        one,
        lambda: (
            trainer.now is not None and trainer.now.about == "2,000 of 400,000 steps, mean return \N{MINUS SIGN}20.0"
        ),
    )
    trainer.close()


def test_a_film_a_match_and_a_gamepad_end_with_the_window(playing: Window) -> None:
    press(playing, pygame.K_F9)
    frames(playing, 30)
    pygame.event.post(pygame.Event(pygame.QUIT))
    playing.frame(FRAME)
    assert playing.closed
