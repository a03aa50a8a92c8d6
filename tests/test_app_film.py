from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from pictures import picture

from agents.policy import PolicyAgent
from agents.pong import Court
from app import settings
from app.command.main import main
from app.game.match import Match
from app.game.snapshot import Snapshot
from app.play.film import filming
from app.play.film_formats import Mp4
from app.play.keep import FilmRecorder
from app.play.scene import MatchScene
from app.settings import PanelName
from app.ui import theme
from models.errors import UserError
from models.network import PolicyNetwork
from models.spec import ModelSpec

FRAME = 1 / float(Mp4.rate)


@pytest.fixture
def now() -> Snapshot:
    return Match(Court(), names=("Atari CPU", "ppo")).snapshot()


@pytest.fixture
def thinking(now: Snapshot, spec: ModelSpec, network: PolicyNetwork) -> Snapshot:
    """A moment at which a network plays that is easily upset."""
    with torch.no_grad():
        network.policy_head.weight.mul_(100_000)
    policy = PolicyAgent(spec, network, name="tiny")
    decision = policy.observe(picture(ball=(100, 60)))
    return dataclasses.replace(now, policies=(None, policy), decisions=(None, decision))


def first_picture(path: Path) -> NDArray[np.int64]:
    """In red, green and blue."""
    shown = frames_of(path)[0].to_ndarray(format="rgb24", src_colorspace="ITU709")
    return shown.astype(np.int64)


def filmed(path: Path, now: Snapshot, *panels: PanelName) -> NDArray[np.int64]:
    """One picture, with these panels."""
    with filming(path, panels) as film:
        film.add(now, FRAME)
    return first_picture(path)


def frames_of(path: Path) -> list[av.VideoFrame]:
    with av.open(path) as container:
        return list(container.decode(video=0))


def cut_short(path: Path, now: Snapshot, error: BaseException) -> None:
    """Five frames of a film, and then an error."""
    with filming(path) as film:
        film.add(now, 5 * FRAME)
        raise error


def test_a_film_is_what_browsers_play(tmp_path: Path, now: Snapshot) -> None:
    path = tmp_path / "game.mp4"
    with filming(path) as film:
        for _ in range(30):
            film.add(now, FRAME)
    with av.open(path) as container:
        stream = container.streams.video[0]
        assert (stream.codec_context.name, stream.codec_context.pix_fmt) == ("h264", "yuv420p")
        assert (stream.width, stream.height) == (1280, 720)
        assert stream.average_rate == Fraction(5992, 100)
        frames = list(container.decode(stream))
    assert len(frames) == 30
    moments = [frame.time for frame in frames]
    assert moments == pytest.approx([place * FRAME for place in range(30)], abs=1e-4)
    contents = path.read_bytes()
    assert contents.index(b"moov") < contents.index(b"mdat"), "a browser could not start before it has all of it"
    assert list(tmp_path.iterdir()) == [path]


def test_a_film_shows_the_court_in_its_colours(tmp_path: Path, now: Snapshot) -> None:
    path = tmp_path / "game.mp4"
    with filming(path) as film:
        film.add(now, FRAME)
    picture = frames_of(path)[0].to_ndarray(format="rgb24", src_colorspace="ITU709")
    court = picture[360, 300].astype(int)
    assert np.abs(court - now.picture[120, 80]).max() <= 6


def test_a_film_lasts_as_long_as_what_was_shown(tmp_path: Path, now: Snapshot) -> None:
    path = tmp_path / "game.mp4"
    with filming(path) as film:
        for elapsed in (0.3, 0.0, 0.1, 0.004, 0.096):
            film.add(now, elapsed)
    assert len(frames_of(path)) == round(0.5 * Mp4.rate)


def test_ctrl_c_finishes_the_film(tmp_path: Path, now: Snapshot) -> None:
    path = tmp_path / "game.mp4"
    with pytest.raises(KeyboardInterrupt):
        cut_short(path, now, KeyboardInterrupt())
    assert len(frames_of(path)) == 5
    assert list(tmp_path.iterdir()) == [path]


def test_an_error_leaves_no_half_film_and_keeps_the_old_one(tmp_path: Path, now: Snapshot) -> None:
    path = tmp_path / "game.mp4"
    path.write_bytes(b"the old film")
    with pytest.raises(ZeroDivisionError):
        cut_short(path, now, ZeroDivisionError())
    assert path.read_bytes() == b"the old film"
    assert list(tmp_path.iterdir()) == [path]


def test_a_gif_shows_every_third_frame_in_the_windows_colours(tmp_path: Path, now: Snapshot) -> None:
    path = tmp_path / "game.gif"
    with filming(path) as film:
        for _ in range(60):
            film.add(now, FRAME)
    frames = frames_of(path)
    # 60 frames at 59.92 Hz are 1.0013 s, so 20 pictures at 20 Hz.
    assert len(frames) == 20
    assert [frame.time for frame in frames] == pytest.approx([place / 20 for place in range(20)])
    picture = frames[0].to_ndarray(format="rgb24")
    assert picture.shape == (600, 800, 3)
    assert np.abs(picture[300, 200].astype(int) - now.picture[120, 80]).max() <= 8
    assert np.abs(picture[-8, -8].astype(int) - theme.BACKGROUND[:3]).max() <= 2
    assert path.read_bytes().startswith(b"GIF89a")
    assert b"NETSCAPE2.0" in path.read_bytes(), "it would be played once only"


@pytest.mark.parametrize("name", ["game.avi", "game", "no-such-folder/game.mp4", "folder.mp4"])
def test_what_cannot_be_recorded_to_is_told_before_anything_starts(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder.mp4").mkdir()
    with pytest.raises(UserError, match="cannot record to") as caught, filming(tmp_path / name):
        pytest.fail("it started")
    assert "\n" not in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["folder.mp4"]


def has_column(shown: NDArray[np.int64]) -> bool:
    """Whether there is a panel's ground beside the court."""
    return bool((np.abs(shown[:, 1000:] - theme.PANEL[:3]).max(axis=2) <= 2).mean() > 0.2)


def test_a_film_shows_the_panels_that_were_asked_for(tmp_path: Path, thinking: Snapshot) -> None:
    bare = filmed(tmp_path / "bare.mp4", thinking)
    assert not has_column(bare)
    assert has_column(filmed(tmp_path / "moves.mp4", thinking, PanelName.MOVES))
    assert has_column(first_picture(usual(tmp_path, thinking)))


def usual(tmp_path: Path, now: Snapshot) -> Path:
    path = tmp_path / "usual.mp4"
    with filming(path) as film:
        film.add(now, FRAME)
    return path


def test_each_picture_is_lit_by_what_belongs_to_it(tmp_path: Path, thinking: Snapshot) -> None:
    bare = filmed(tmp_path / "bare.mp4", thinking)
    lit = filmed(tmp_path / "lit.mp4", thinking, PanelName.SALIENCY)
    assert (lit - bare).max() > 30, "in the very first picture"
    assert (lit - bare).mean() > 0, "light is added, and nothing taken away"


def test_a_key_films_the_panels_that_are_on_the_screen(
    tmp_path: Path, thinking: Snapshot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VOLLEY_DATA", str(tmp_path))
    scene, recorder = MatchScene(), FilmRecorder()
    assert recorder.start({}) == "filming"
    for shown in ((), (PanelName.MOVES,)):
        scene.shown = shown
        recorder.add(thinking, FRAME, scene)
    assert recorder.stop().startswith("film saved")
    (path,) = settings.films_folder().iterdir()
    columns = [has_column(frame.to_ndarray(format="rgb24").astype(np.int64)) for frame in frames_of(path)]
    assert columns == [False, True]


@pytest.mark.parametrize(
    ("words", "answer"),
    [
        (["--record", "game.mp4", "--panels", "moves,radar"], "moves, timeline, seen, facts, credit, saliency"),
        (["--record", "game.mp4", "--panels", ""], "there is no panel ''"),
        (["--panels", "moves"], "--record FILE"),
    ],
)
def test_panels_that_cannot_be_filmed(words: list[str], answer: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["watch", "ppo", "--headless", *words]) == 2
    said = capsys.readouterr().err
    assert answer in said
    assert said.count("\n") == 1


RECORD = """
import os, sys
from app.game import match
match.MAX_GAME_FRAMES = 60
# Gymnasium, which comes with the emulator, sets it when it is imported; the command must not depend on that.
os.environ.pop("PYGAME_HIDE_SUPPORT_PROMPT", None)
assert "pygame" not in sys.modules
from app.command.main import main
sys.exit(main())
"""


def test_a_recording_prints_nothing_but_its_json(model_directory: Path, tmp_path: Path) -> None:
    """In a process of its own, whose first import of pygame, which greets on standard output, is the command's."""
    command = [sys.executable, "-c", RECORD, "watch", str(model_directory), "--headless", "--json"]
    done = subprocess.run(
        [*command, "--record", str(tmp_path / "game.mp4")], check=True, capture_output=True, text=True
    )
    assert json.loads(done.stdout)["games"] == 1


def test_a_reader_who_has_seen_enough_is_no_fault_of_the_film(tmp_path: Path, now: Snapshot) -> None:
    path = tmp_path / "game.mp4"
    with pytest.raises(BrokenPipeError):
        cut_short(path, now, BrokenPipeError(32, "Broken pipe"))
    assert len(frames_of(path)) == 5
