"""The real window, on a display of its own, driven by real keys."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from app.scenes.watch import Layout

PROGRAMS = {name: shutil.which(name) or "" for name in ("Xvfb", "xdotool", "import")}
MISSING = [name for name, path in PROGRAMS.items() if not path]
pytestmark = pytest.mark.skipif(bool(MISSING), reason=f"not installed: {', '.join(MISSING)}")

SIZE = (1280, 800)
LAYOUT = Layout.of(SIZE, hints=True)
PATIENCE = 30.0
"""Seconds, for a machine that has much else to do."""

Picture = NDArray[np.uint8]


class Desk:
    """A display with a window of `volley watch` on it, and someone who presses keys and looks."""

    def __init__(self, display: str, model: Path, pictures: Path, *options: str) -> None:
        self._environment = os.environ | {"DISPLAY": display, "SDL_VIDEODRIVER": "x11"}
        self._pictures = pictures
        command = [sys.executable, "-m", "app.cli", "watch", str(model), *options]
        self.window = subprocess.Popen(
            command, env=self._environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def press(self, key: str) -> None:
        subprocess.run([PROGRAMS["xdotool"], "key", key], check=True, env=self._environment)

    def look(self, name: str = "look") -> Picture:
        """What is on the display: `[rows, columns, 3]`; kept under that name."""
        path = self._pictures / f"{name}.png"
        subprocess.run([PROGRAMS["import"], "-window", "root", str(path)], check=True, env=self._environment)
        picture = cv2.imread(str(path))
        assert picture is not None
        return picture.astype(np.uint8)

    def see(self, what: Callable[[Picture], bool], name: str) -> Picture:
        """Looks until that can be seen."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            picture = self.look(name)
            if what(picture):
                return picture
            assert self.window.poll() is None, self.window.communicate()
        pytest.fail(f"never seen: {name}")

    def moves(self) -> bool:
        """Whether the game goes on."""
        before = part(self.look(), "court")
        time.sleep(0.3)
        return bool((part(self.look(), "court") != before).any())

    def close(self) -> tuple[int, str, str]:
        """Exit code, output and errors, once the window is gone."""
        out, err = self.window.communicate(timeout=PATIENCE)
        return self.window.returncode, out, err


def part(picture: Picture, name: str) -> Picture:
    """The part of a picture in which the layout has this."""
    box = getattr(LAYOUT, name)
    return picture[box.top : box.bottom, box.left : box.right]


def court_is_there(picture: Picture) -> bool:
    """Whether the court's own brown is where the court should be, in blue, green, red."""
    return bool((np.abs(part(picture, "court")[-150, 300].astype(int) - (17, 72, 144)) <= 3).all())


def has_bars(picture: Picture) -> bool:
    """Whether the agent's green is in the panel of probabilities."""
    return bool((np.abs(part(picture, "probabilities").astype(int) - (92, 186, 92)).max(axis=2) <= 2).any())


@pytest.fixture
def display() -> Iterator[str]:
    """The name of a display that nobody else uses."""
    reading, writing = os.pipe()
    command = [
        PROGRAMS["Xvfb"],
        "-displayfd",
        str(writing),
        "-screen",
        "0",
        f"{SIZE[0]}x{SIZE[1]}x24",
        "-nolisten",
        "tcp",
        # A server that resets when its last client goes, as it does unless told, drops one that comes meanwhile.
        "-noreset",
    ]
    server = subprocess.Popen(command, pass_fds=[writing], stderr=subprocess.DEVNULL)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        number = pipe.readline().strip()
    yield f":{number}"
    server.terminate()
    server.wait()


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Where to leave what was seen."""
    folder = Path(os.environ.get("VOLLEY_SCREENSHOTS", tmp_path))
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture
def open_desk(display: str, model_directory: Path, pictures: Path) -> Iterator[Callable[..., Desk]]:
    desks: list[Desk] = []

    def opened(*options: str) -> Desk:
        desks.append(Desk(display, model_directory, pictures, *options))
        return desks[-1]

    yield opened
    for desk in desks:
        desk.window.kill()
        desk.window.wait()


def test_the_window_answers_its_keys(open_desk: Callable[..., Desk]) -> None:
    desk = open_desk()
    desk.see(court_is_there, "opened")
    desk.see(has_bars, "playing")
    assert desk.moves()

    desk.press("space")
    time.sleep(0.3)
    assert not desk.moves()
    paused = desk.look("paused")

    for _ in range(20):  # The first points of a game are served after a second of stillness.
        desk.press("n")
    time.sleep(0.3)
    stepped = desk.look("stepped")
    assert (part(stepped, "court") != part(paused, "court")).any()
    assert not desk.moves()

    before = part(desk.look(), "play")
    desk.press("g")
    time.sleep(0.3)
    assert (part(desk.look("greedy"), "play") != before).any()

    desk.press("h")
    time.sleep(0.3)
    dimmed = desk.look("help")
    assert part(dimmed, "court")[-150, 20].sum() < part(stepped, "court")[-150, 20].sum() / 2
    desk.press("Escape")
    time.sleep(0.3)
    assert court_is_there(desk.look())

    desk.press("space")
    time.sleep(0.3)
    assert desk.moves()
    desk.press("q")
    assert desk.close() == (0, "", "")


def test_a_window_that_is_closed_while_loading_ends_well(open_desk: Callable[..., Desk]) -> None:
    desk = open_desk()
    desk.see(court_is_there, "loading")
    desk.press("Escape")
    assert desk.close() == (0, "", "")


def test_a_model_that_cannot_be_loaded_closes_the_window(open_desk: Callable[..., Desk], model_directory: Path) -> None:
    (model_directory / "model.safetensors").write_bytes(b"nothing of the kind")
    code, out, err = open_desk().close()
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "cannot load the model" in err


def test_a_film_of_the_window_lasts_as_long_as_it_was_open(open_desk: Callable[..., Desk], tmp_path: Path) -> None:
    film = tmp_path / "window.mp4"
    desk = open_desk("--record", str(film))
    desk.see(has_bars, "filmed")
    time.sleep(1)
    desk.press("q")
    assert desk.close() == (0, "", "")
    with av.open(film) as container:
        frames = sum(1 for _ in container.decode(video=0))
    assert frames > 59


def test_ctrl_c_closes_the_window_quietly(open_desk: Callable[..., Desk]) -> None:
    desk = open_desk()
    desk.see(has_bars, "to be interrupted")
    desk.window.send_signal(signal.SIGINT)
    assert desk.close() == (130, "", "")
