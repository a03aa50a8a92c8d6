"""The real window, on a display of its own, by real keys and a real mouse."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeAlias

import av
import cv2
import numpy as np
import pygame
import pytest
from local_hub import Fault, LocalHub
from numpy.typing import NDArray

from agents.base import Control
from agents.pong import Court, Side
from app import settings
from app.game import replay
from app.game.lineup import Lineup, Person, Policy, Rom
from app.game.replay import Replay
from app.game.timeline import Controls
from app.play.screen import HEEDLESS_SECONDS
from app.ui import theme
from app.ui.theme import Face
from models.spec import ModelSpec
from training.run import RunDirectory
from training.settings import TrainingSettings

PROGRAMS = {name: shutil.which(name) or "" for name in ("Xvfb", "xdotool")}
MISSING = [name for name, path in PROGRAMS.items() if not path]
pytestmark = pytest.mark.skipif(bool(MISSING), reason=f"not installed: {', '.join(MISSING)}")

SIZE = (1280, 800)
BROWN, PLAYERS = (144, 72, 17), ((213, 130, 74), (92, 186, 92))
BALL = (236, 236, 236)
"""The ROM's own colours; in a large picture, the gaps between its lines are a little darker."""
PATIENCE = 30.0
"""Seconds, for a machine that has much else to do."""
A_WHILE = 0.3
"""Seconds in which something would have moved."""

Picture = NDArray[np.uint8]
"""`[rows, columns, 3]`, in red, green, blue."""
Sight: TypeAlias = Callable[[Picture], bool]


class Display:
    """An X server that nobody else uses, with a pointer, a keyboard and someone who looks."""

    def __init__(self, name: str, memory: Path) -> None:
        self.variables = {"DISPLAY": name, "SDL_VIDEODRIVER": "x11"}
        self._memory = memory

    def do(self, *words: str) -> None:
        """What xdotool takes, such as `key q`."""
        subprocess.run([PROGRAMS["xdotool"], *words], check=True, env=os.environ | self.variables)

    def look(self) -> Picture:
        """What is on it, from the file that the server keeps it in: a header of 32-bit words, then the colours."""
        dump = self._memory.read_bytes()
        header = np.frombuffer(dump, ">u4", 20)
        pixels = np.frombuffer(dump, np.uint8, 4 * SIZE[0] * SIZE[1], int(header[0] + 12 * header[19]))
        return pixels.reshape(SIZE[1], SIZE[0], 4)[:, :, 2::-1].copy()


class Desk:
    """A display with Volley on it, started by these words, and someone who presses keys and looks."""

    def __init__(self, display: Display, pictures: Path, words: tuple[str, ...], variables: dict[str, str]) -> None:
        self._display = display
        self._pictures = pictures
        display.do("mousemove", *(str(pixels - 1) for pixels in SIZE))
        self.window = subprocess.Popen(
            [sys.executable, "-m", "volley", *words],
            env=os.environ | display.variables | variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def press(self, *keys: str) -> None:
        self._display.do("key", *keys)

    def type(self, text: str) -> None:
        self._display.do("type", "--delay", "40", text)

    def hold(self, *keys: str) -> None:
        self._display.do("keydown", *keys)

    def let_go(self, *keys: str) -> None:
        self._display.do("keyup", *keys)

    def click(self, text: str, size: int, face: Face = Face.BOLD) -> None:
        """Clicks at a text that can be seen."""
        place = find(self._display.look(), text, size, face)
        assert place is not None, text
        self._display.do("mousemove", str(place[0]), str(place[1]), "click", "1")

    def look(self, name: str) -> Picture:
        """What is on the display; kept under that name."""
        picture = self._display.look()
        cv2.imwrite(str(self._pictures / f"{name}.png"), picture[:, :, ::-1])
        return picture

    def press_until(self, what: Sight, key: str, name: str) -> None:
        """Presses a key again and again until that can be seen."""
        self.see(what, name, meanwhile=lambda: self.press(key))

    def see(self, what: Sight, name: str, *, meanwhile: Callable[[], None] = lambda: None) -> Picture:
        """Looks until that can be seen."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            if what(self._display.look()):
                return self.look(name)
            assert self.window.poll() is None, self.window.communicate()
            meanwhile()
            time.sleep(0.1)  # To look takes the time in which the window draws.
        self.look(name)
        pytest.fail(f"never seen: {name}")

    def see_it_move(self) -> None:
        """Looks until the court has changed: a ball is served after a second of stillness."""
        before = self._display.look()
        self.see(changed_since(before), "moving")

    def stands_still(self) -> bool:
        before = self._display.look()
        time.sleep(A_WHILE)
        return not changed_since(before)(self._display.look())

    def close(self) -> tuple[int, str, str]:
        """Exit code, output and errors, once the window is gone."""
        out, err = self.window.communicate(timeout=PATIENCE)
        return self.window.returncode, out, err


def field(picture: Picture) -> Picture:
    """A part that lies on the court, whatever is shown beside it."""
    return picture[200:520, 200:800]


def shows(picture: Picture, colour: tuple[int, int, int]) -> NDArray[np.bool_]:
    """`[rows, columns]`: where it shows this."""
    near: NDArray[np.bool_] = np.abs(picture.astype(int) - colour).max(axis=2) <= 8
    return near


def find(picture: Picture, text: str, size: int, face: Face) -> tuple[int, int] | None:
    """Where the middle of a text is, in whatever colours; None where it is not.

    It must be the beginning of what stands there: letters lie on fractions of a pixel, as those before them decide.
    """
    image = theme.font(face, size).render(text, face is not Face.PIXEL, "white", "black")
    # Without its empty margin, which may lie on something else.
    wanted = pygame.surfarray.array_red(image.subsurface(image.get_bounding_rect())).T
    likeness = cv2.matchTemplate(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), wanted, cv2.TM_CCOEFF_NORMED)
    _, best, _, (left, top) = cv2.minMaxLoc(likeness)
    return (left + wanted.shape[1] // 2, top + wanted.shape[0] // 2) if best > 0.97 else None


def says(text: str, size: int = theme.BODY_SIZE, face: Face = Face.REGULAR) -> Sight:
    return lambda picture: find(picture, text, size, face) is not None


def sign(text: str) -> Sight:
    """What stands on the court's lower wall."""
    return says(text, theme.pixel_size(theme.BODY_SIZE), Face.PIXEL)


def player(name: str) -> Sight:
    return says(name, theme.HEADING_SIZE, Face.BOLD)


def result(text: str) -> Sight:
    """What stands above the end of a match."""
    return says(text, 28, Face.BOLD)


PLAY = says("pause", theme.HINT_SIZE)
"""Said of a key as soon as a match has begun."""


def both(one: Sight, other: Sight) -> Sight:
    return lambda picture: one(picture) and other(picture)


def never(one: Sight) -> Sight:
    return lambda picture: not one(picture)


def changed_since(before: Picture) -> Sight:
    return lambda picture: bool((field(picture) != field(before)).any())


def paddle_row(picture: Picture, side: Side) -> float:
    """Where the middle of a paddle is, from 0 at the court's top to 1 at its lower wall; -1 where there is none."""
    rows, columns = np.nonzero(shows(picture, BROWN))
    court = picture[rows.min() : rows.max(), columns.min() : columns.max()]
    middle = court.shape[1] * (18, 142)[side] // 160
    paddle = np.flatnonzero(shows(court[:, middle : middle + 1], PLAYERS[side]))
    return float(paddle.mean()) / len(court) if paddle.size else -1.0


def menu(picture: Picture) -> bool:
    """Whether the menu is there, with a court beside its title: the window has taken in its first events by then."""
    has_court = bool(shows(picture[:300, 800:1200], BROWN).mean() > 0.5)
    return has_court and says("Play against an agent", 17, Face.BOLD)(picture)


def thoughts(picture: Picture) -> bool:
    """Whether a match has begun, and the right player's green is in the panels beside it."""
    return bool(shows(picture[:, 860:], PLAYERS[Side.RIGHT]).any()) and PLAY(picture)


@pytest.fixture(scope="module")
def display(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Display]:
    folder = tmp_path_factory.mktemp("display")
    reading, writing = os.pipe()
    command = [PROGRAMS["Xvfb"], "-displayfd", str(writing), "-screen", "0", f"{SIZE[0]}x{SIZE[1]}x24"]
    # A server that resets when its last client goes, as it does unless told, drops one that comes meanwhile.
    command += ["-fbdir", str(folder), "-nolisten", "tcp", "-noreset"]
    server = subprocess.Popen(command, pass_fds=[writing], stderr=subprocess.DEVNULL)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        number = pipe.readline().strip()
    yield Display(f":{number}", folder / "Xvfb_screen0")
    server.terminate()
    server.wait()


@pytest.fixture(autouse=True)
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What Volley keeps, it keeps here."""
    monkeypatch.setenv("VOLLEY_CONFIG", str(tmp_path / "config"))
    monkeypatch.setenv("VOLLEY_DATA", str(tmp_path / "data"))


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Where to leave what was seen."""
    folder = Path(os.environ.get("VOLLEY_SCREENSHOTS", tmp_path / "pictures"))
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture
def open_desk(display: Display, pictures: Path) -> Iterator[Callable[..., Desk]]:
    desks: list[Desk] = []

    def opened(*words: str, sound: str = "dummy", variables: dict[str, str] | None = None) -> Desk:
        desks.append(Desk(display, pictures, words, {"SDL_AUDIODRIVER": sound, **(variables or {})}))
        return desks[-1]

    yield opened
    for desk in desks:
        desk.window.kill()
        desk.window.communicate()


def test_a_match_from_the_menu_is_paused_rewound_and_taken_over(
    open_desk: Callable[..., Desk], model_directory: Path
) -> None:
    settings.save(settings.Settings(last=Lineup(Rom(), Policy(str(model_directory)))))
    desk = open_desk()
    desk.see(menu, "menu")
    desk.press("Return")
    desk.see(thoughts, "watching")
    desk.see_it_move()

    desk.press("space")
    desk.see(sign("PAUSED"), "paused")
    assert desk.stands_still()

    desk.hold("r")
    desk.see(sign("S BACK"), "rewinding")
    desk.let_go("r")
    desk.see(both(sign("PAUSED"), sign("S BACK")), "rewound")
    assert desk.stands_still()

    desk.press("2")
    desk.see(both(player("You"), says("leave right", theme.HINT_SIZE)), "taken over")
    desk.press("p")
    desk.see(never(sign("PAUSED")), "playing on")
    desk.hold("Up")
    desk.see(lambda picture: -1 < paddle_row(picture, Side.RIGHT) < 0.3, "at the top")
    desk.let_go("Up")

    desk.press("Escape")
    desk.see(menu, "menu again")
    desk.press("q")
    assert desk.close() == (0, "", "")


def test_what_the_mouse_chose_is_there_the_next_time(open_desk: Callable[..., Desk]) -> None:
    desk = open_desk()
    desk.see(menu, "menu")
    desk.click("Settings", 17)
    desk.see(says("Volume", theme.HINT_SIZE), "settings")
    desk.press("F7")
    desk.see(says("volume 50"), "a message")
    desk.click("Two players", 17)
    desk.see(says("Start", theme.HEADING_SIZE, Face.BOLD), "two people in the menu")
    desk.click("Start", theme.HEADING_SIZE)
    desk.see(both(PLAY, player("Player 2")), "two people")
    desk.hold("w", "Down")
    desk.see(lambda picture: -1 < paddle_row(picture, Side.LEFT) < 0.3, "left at the top")
    desk.see(lambda picture: paddle_row(picture, Side.RIGHT) > 0.8, "right at the bottom")
    desk.let_go("w", "Down")
    desk.press("Escape")
    desk.see(menu, "menu again")
    desk.press("q")
    assert desk.close() == (0, "", "")

    desk = open_desk()
    desk.see(menu, "menu of the next time")
    desk.press("F7", "Return")
    desk.see(both(player("Player 1"), says("volume 40")), "two people again")


def test_a_lost_game_is_saved_and_played_again(open_desk: Callable[..., Desk], tmp_path: Path) -> None:
    desk = open_desk("play", "cpu")
    desk.see(both(PLAY, player("Atari CPU")), "you against the CPU")
    desk.press("plus", "plus", "plus")  # Eight times as fast, and nobody at the right paddle.
    desk.see(result("Atari CPU wins"), "ending")
    time.sleep(2 * HEEDLESS_SECONDS)
    desk.press("Right", "Right", "Return")
    desk.see(says("replay saved"), "ending, saved")
    (file,) = (tmp_path / "data" / "replays").iterdir()
    recorded = replay.load(file)
    recorded.verify(recorded.controls())
    assert recorded.score[Side.LEFT] == 21

    desk.press("Left", "Left", "Return")
    desk.see(never(result("Atari CPU wins")), "rematch")
    desk.see_it_move()
    desk.press("Escape")
    desk.see(menu, "menu")
    desk.press("q")
    assert desk.close() == (0, "", "")


def test_a_replay_ends_and_begins_again(open_desk: Callable[..., Desk], tmp_path: Path) -> None:
    court = Court(seed=1)
    court.reset(idle_frames=3)
    controls: list[Controls] = [(None, Control(100))] * 120
    for left, right in controls:
        court.step(right, left)
    recorded = Replay.of(
        controls,
        court.fingerprint(),
        lineup=Lineup(Rom(), Person()),
        names=("Atari CPU", "You"),
        models=("", ""),
        seed=1,
        idle_frames=3,
        score=court.score,
    )
    replay.save(recorded, tmp_path / "game.volley")

    desk = open_desk("watch", "--replay", str(tmp_path / "game.volley"))
    desk.see(result("The recording ends here"), "end of a replay")
    time.sleep(2 * HEEDLESS_SECONDS)
    desk.press("Return")
    desk.see(never(result("The recording ends here")), "replay again")
    desk.see(result("The recording ends here"), "end of a replay again")
    desk.press("q")
    assert desk.close() == (0, "", "")


def test_a_screenshot_and_a_film_are_made_at_the_press_of_a_key(open_desk: Callable[..., Desk], tmp_path: Path) -> None:
    desk = open_desk("play", "cpu")
    desk.see(both(PLAY, player("Atari CPU")), "you against the CPU")
    desk.press("p")
    seen = desk.see(sign("PAUSED"), "paused")
    desk.press("F12")
    desk.see(says("screenshot saved"), "a screenshot")
    (file,) = (tmp_path / "data" / "screenshots").iterdir()
    screenshot = cv2.imread(str(file))
    assert screenshot is not None
    assert (screenshot[:, :, ::-1] == seen).all()

    desk.press("p", "F9")
    desk.see(says("filming"), "filming")
    time.sleep(1)
    desk.press("F9")
    desk.see(says("film saved"), "a film")
    (file,) = (tmp_path / "data" / "films").iterdir()
    assert frames_of(file) > 59


def frames_of(film: Path) -> int:
    with av.open(film) as container:
        return sum(1 for _ in container.decode(video=0))


def test_without_a_sound_device_it_plays_on(open_desk: Callable[..., Desk]) -> None:
    desk = open_desk("play", "cpu", sound="nonexistent")
    desk.see(PLAY, "silent")
    desk.see_it_move()
    desk.press("Escape")
    desk.see(menu, "silent menu")
    desk.press("q")
    assert desk.close() == (0, "", "")


def test_a_model_that_is_deleted_plays_on_but_not_a_new_match(
    open_desk: Callable[..., Desk], model_directory: Path
) -> None:
    settings.save(settings.Settings(last=Lineup(Rom(), Policy(str(model_directory)))))
    desk = open_desk()
    desk.see(menu, "menu")
    desk.press("Return")
    desk.see(thoughts, "watching")
    shutil.rmtree(model_directory)
    desk.see_it_move()
    desk.press("F2")
    desk.see_it_move()

    desk.press("Escape")
    desk.see(menu, "menu again")
    desk.press("Return")
    desk.see(both(menu, says(f"'{model_directory}' is neither")), "no such model")
    desk.press("q")
    assert desk.close() == (0, "", "")


def test_keys_of_a_match_that_is_watched(open_desk: Callable[..., Desk], model_directory: Path) -> None:
    desk = open_desk("watch", str(model_directory))
    desk.see(thoughts, "watching")
    desk.press("space")
    paused = desk.see(sign("PAUSED"), "paused")
    desk.press_until(changed_since(paused), "n", "stepped")  # nothing moves before the serve
    assert desk.stands_still()

    desk.see(says("greedy", theme.HINT_SIZE), "sampled")
    desk.press("g")
    desk.see(says("sample", theme.HINT_SIZE), "greedy")

    desk.press("h")
    desk.see(says("PLAY", theme.pixel_size(theme.HEADING_SIZE), Face.PIXEL), "help")
    desk.press("Escape")
    desk.see(sign("PAUSED"), "help closed")
    desk.press("space")
    desk.see_it_move()
    desk.press("q")
    assert desk.close() == (0, "", "")


def test_a_window_that_is_closed_while_loading_ends_well(open_desk: Callable[..., Desk], model_directory: Path) -> None:
    desk = open_desk("watch", str(model_directory))
    desk.see(player("tiny"), "loading")  # Long before PyTorch is imported.
    desk.press("q")
    assert desk.close() == (0, "", "")


def test_a_model_that_cannot_be_loaded_closes_the_window(open_desk: Callable[..., Desk], model_directory: Path) -> None:
    (model_directory / "model.safetensors").write_bytes(b"nothing of the kind")
    code, out, err = open_desk("watch", str(model_directory)).close()
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "cannot load the model" in err


def test_a_film_of_the_window_lasts_as_long_as_it_was_open(
    open_desk: Callable[..., Desk], model_directory: Path, tmp_path: Path
) -> None:
    film = tmp_path / "window.mp4"
    desk = open_desk("watch", str(model_directory), "--record", str(film))
    desk.see(thoughts, "filmed")
    time.sleep(1)
    desk.press("q")
    assert desk.close() == (0, "", "")
    assert frames_of(film) > 59


def test_a_model_is_found_on_the_hub_downloaded_and_watched(
    open_desk: Callable[..., Desk], tmp_path: Path, model_directory: Path
) -> None:
    files = {file.name: file.read_bytes() for file in model_directory.iterdir()}
    files["README.md"] = b"---\nlibrary_name: volley\ntags: [volley]\n---\n# From far away\n\nIt came over the net.\n"
    with LocalHub(tmp_path / "huggingface") as hub:
        hub.commit("ada/tiny-pong", files)
        hub.commit("zoe/other-pong", files)
        desk = open_desk(variables=hub.environment())
        desk.see(menu, "menu")
        desk.press("Escape", "Up")
        desk.see(says("Volume", theme.HINT_SIZE), "settings")
        desk.press("Up")
        desk.see(says("Browse models", theme.HEADING_SIZE, Face.BOLD), "models in the menu")
        desk.press("Return")
        desk.see(both(listed("ada/tiny-pong"), listed("zoe/other-pong")), "models")
        desk.press("Tab")
        desk.type("tiny mh")
        desk.press("BackSpace", "BackSpace", "BackSpace")
        desk.see(both(both(says("tiny"), listed("ada/tiny-pong")), never(listed("zoe/other-pong"))), "models, searched")
        desk.press("Return")
        desk.see(says("It came over the net.", theme.HINT_SIZE), "models, a card")

        hub.fail(Fault.SLOW)
        desk.press("Right", "Return")
        desk.see(says("Cancel download", theme.BODY_SIZE, Face.BOLD), "models, downloading")
        desk.press("Escape")
        desk.see(says("Download", theme.BODY_SIZE, Face.BOLD), "models, cancelled")
        hub.heal()
        desk.press("Return")
        desk.see(says("Watch it", theme.BODY_SIZE, Face.BOLD), "models, downloaded")
        desk.press("Right", "Return")
        desk.see(both(thoughts, player("tiny-pong@")), "watching what was downloaded")
        desk.press("q")
        assert desk.close() == (0, "", "")


def listed(name: str) -> Sight:
    return says(name, theme.BODY_SIZE, Face.BOLD)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "kill"])
def test_a_signal_to_end_closes_the_window_quietly(open_desk: Callable[..., Desk], number: signal.Signals) -> None:
    desk = open_desk("play", "cpu")
    desk.see(PLAY, "to be interrupted")
    desk.window.send_signal(number)
    assert desk.close() == (130, "", "")


def heading(text: str) -> Sight:
    """What a panel is called."""
    return says(text, theme.HEADING_SIZE)


def column(picture: Picture) -> Picture:
    """Beside the court, from the score down to the hints."""
    return picture[80:750, 870:1264]


def has(colour: pygame.Color, part: Callable[[Picture], Picture]) -> Sight:
    """Whether forty pixels of a part show this."""
    red, green, blue, _ = colour
    return lambda picture: int(shows(part(picture), (red, green, blue)).sum()) >= 40


def below_court(picture: Picture) -> Picture:
    """Above the hints, where panels stand that are as wide as the court."""
    return picture[560:750]


def rally_on(picture: Picture) -> bool:
    """Whether both paddles are on the court, and the ball between them."""
    both_there = all(paddle_row(picture, side) >= 0 for side in Side)
    return both_there and bool(shows(field(picture), BALL).any())


ALONE: dict[str, tuple[str, Sight]] = {
    "moves": ("3", both(heading("Next move"), has(theme.RIGHT_PLAYER, column))),
    "timeline": ("4", both(says("Entropy", theme.HINT_SIZE), has(theme.RIGHT_PLAYER, column))),
    "seen": ("5", both(heading("What the network sees"), has(theme.RIGHT_PLAYER, column))),
    "credit": (
        "7",
        both(says("Credit", theme.HEADING_SIZE, Face.BOLD), has(theme.FOCUS, below_court)),
    ),
    "stages": ("8", both(heading("Training stages"), has(theme.FOCUS, column))),
    "facts": ("0", both(says("Speed"), says("built into the game"))),
}
"""Each panel's key, and what shows that it is there and has something to say."""


def test_each_panel_alone_and_all_together(open_desk: Callable[..., Desk]) -> None:
    settings.save(settings.Settings(panels_watching=frozenset()))
    desk = open_desk("watch", "ppo")
    desk.see(PLAY, "without panels")
    desk.press("plus", "plus", "plus")
    desk.see(says("1", 40, Face.PIXEL), "a point")
    desk.press("minus", "minus", "minus")
    desk.see(rally_on, "a rally")
    desk.press("space")
    desk.see(sign("PAUSED"), "paused")
    time.sleep(A_WHILE)
    bare = desk.look("paused without panels")
    for name, (key, there) in ALONE.items():
        assert not there(bare), name
        desk.press(key)
        desk.see(there, f"panel {name}")
        desk.press(key)
        desk.see(lambda picture: bool((picture == bare).all()), f"panel {name} off again")

    desk.press("6")
    desk.see(lambda picture: int((field(picture) > field(bare)).sum()) > 500, "panel saliency")
    time.sleep(A_WHILE)
    lit = desk.look("panel saliency")
    assert (field(lit).astype(int) >= field(bare)).all(), "light is added, and nothing taken away"

    desk.press(*(key for key, _ in ALONE.values()))
    desk.see(both(says("Credit", theme.HEADING_SIZE, Face.BOLD), heading("Next move")), "all panels")
    time.sleep(A_WHILE)
    desk.look("all panels")
    desk.press("q")
    assert desk.close() == (0, "", "")


def test_the_panel_of_a_training_that_is_followed(
    open_desk: Callable[..., Desk], tmp_path: Path, spec: ModelSpec
) -> None:
    run = RunDirectory.create(tmp_path / "run", TrainingSettings(model=spec))
    settings.save(settings.Settings(panels_watching=frozenset()))
    desk = open_desk("watch", str(run.path), "--follow")
    bare = desk.see(PLAY, "following without panels")
    there = both(heading("Learning curve"), says("waiting for the first checkpoint", theme.HINT_SIZE))
    assert not there(bare)
    desk.press("9")
    desk.see(there, "panel learning")
    desk.press("q")
    assert desk.close() == (0, "", "")
