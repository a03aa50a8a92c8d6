"""The window's screens by synthetic events and a clock that the test moves; nothing is shown."""

from __future__ import annotations

import errno
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event
from typing import Any

import msgspec
import numpy as np
import pygame
import pytest

from agents.base import Frame
from agents.pong import FRAMES_PER_SECOND, Court, Side
from agents.scripted import TrackerAgent
from app import settings
from app.game import cast, replay
from app.game.lineup import Lineup, Person, Policy, Rom, Tracker
from app.game.match import Match
from app.game.rating import History, MatchRecord
from app.game.seats import PersonSeat
from app.game.session import Session
from app.game.snapshot import Snapshot, State
from app.library.screen import LibraryScreen
from app.menu.model import MenuButton, Mode
from app.menu.screen import MenuScreen
from app.play.ending import EndingChoice
from app.play.panels.seen import SeenPanel
from app.play.panels.timeline import TimelinePanel
from app.play.review import ReviewModel
from app.play.scene import MatchScene
from app.play.screen import HEEDLESS_SECONDS, MatchScreen
from app.screen import OpenLibrary, Start
from app.services import _yield_to_the_loop
from app.settings import PANELS_WHILE_WATCHING, PanelName
from app.ui import bindings, help_page, theme, widgets
from app.ui.bindings import Command
from app.ui.display import open_display
from app.ui.executor import BetweenFrames, InlineExecutor
from app.window import Window
from models import checkpoint
from models.errors import UserError
from models.network import PolicyNetwork
from models.spec import ModelSpec
from training.environments import FINE_ACTIONS
from training.run import RunDirectory
from training.settings import TrainingSettings

FRAME = 1 / FRAMES_PER_SECOND
ALONE = Lineup(Tracker(), Person())


@pytest.fixture(autouse=True)
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A display that nobody sees, a sound device that nobody hears, folders of the test's own, and no Hub."""
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    monkeypatch.setenv("SDL_AUDIODRIVER", "dummy")
    monkeypatch.setenv("VOLLEY_CONFIG", str(tmp_path / "config"))
    monkeypatch.setenv("VOLLEY_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    yield
    if pygame.display.get_init():
        pygame.event.clear()


@pytest.fixture
def open_window() -> Iterator[Callable[..., Window]]:
    windows: list[Window] = []

    def opened(session: Session | None = None, **more: Any) -> Window:
        windows.append(Window(open_display(), session, **more))
        windows[-1].frame(0.0)
        return windows[-1]

    yield opened
    for one in windows:
        one.services.loader.shutdown()
        one._screen.close()
        one.services.display.close()


@pytest.fixture
def playing(open_window: Callable[..., Window]) -> Window:
    """Someone on the right against the tracker, just begun."""
    one = open_window(Session(ALONE, seed=1, sound=True))
    wait_for(one, State.PLAYING)
    return one


def screen_of(one: Window) -> MatchScreen:
    screen = one._screen
    assert isinstance(screen, MatchScreen)
    return screen


def review_of(one: Window) -> ReviewModel | None:
    view = screen_of(one)._review
    return None if view is None else view.model


def in_menu(one: Window) -> bool:
    return isinstance(one._screen, MenuScreen)


def menu_of(one: Window) -> MenuScreen:
    menu = one._screen
    assert isinstance(menu, MenuScreen)
    return menu


def match_of(one: Window) -> Match:
    return screen_of(one)._session.match


def wait_for(one: Window, state: State) -> None:
    """Until loading, on its other thread, is over."""
    for _ in range(1000):
        one.frame(FRAME)
        if match_of(one).state is state:
            return
        pygame.time.wait(5)
    pytest.fail(f"never {state}")


def send(one: Window, kind: int, **attributes: Any) -> None:
    pygame.event.post(pygame.Event(kind, **attributes))
    one.frame(FRAME)


def press(one: Window, key: int) -> None:
    send(one, pygame.KEYDOWN, key=key, mod=0)
    send(one, pygame.KEYUP, key=key, mod=0)


def frames(one: Window, count: int) -> None:
    for _ in range(count):
        one.frame(FRAME)


def message(one: Window) -> str:
    return one.services.toast.text


def play_to_the_end(one: Window) -> None:
    match = match_of(one)
    while match.state is State.PLAYING:
        match.advance()
    one.frame(FRAME)


def test_enter_starts_the_last_match(open_window: Callable[..., Window]) -> None:
    settings.save(settings.Settings(last=Lineup(Tracker(230), Person())))
    one = open_window()
    press(one, pygame.K_RETURN)
    wait_for(one, State.PLAYING)
    assert match_of(one).snapshot().names == ("Tracker", "You")


def test_what_is_chosen_is_remembered(open_window: Callable[..., Window]) -> None:
    one = open_window()
    one._act(Start(Lineup(Rom(), Person())))
    assert settings.load().settings.last == Lineup(Rom(), Person())


def test_a_key_moves_the_paddle_in_the_next_frame(playing: Window) -> None:
    before = match_of(playing).court.paddle_row(Side.RIGHT)
    send(playing, pygame.KEYDOWN, key=pygame.K_DOWN, mod=0)
    frames(playing, 3)
    assert match_of(playing).timeline.controls[-1][1].move == 100
    assert match_of(playing).court.paddle_row(Side.RIGHT) > before
    send(playing, pygame.KEYUP, key=pygame.K_DOWN, mod=0)
    assert match_of(playing).timeline.controls[-1][1].move == 0


def test_the_paddle_follows_the_mouse(playing: Window) -> None:
    court = screen_of(playing)._court
    for row in (60, 150):
        y = court.top + row * court.height // 210
        send(playing, pygame.MOUSEMOTION, pos=(court.centerx, y), rel=(0, 1), buttons=(0, 0, 0))
        frames(playing, 50)
        assert match_of(playing).court.paddle_row(Side.RIGHT) == pytest.approx(row, abs=3)


def test_a_slip_on_q_does_not_end_a_match_but_it_ends_what_is_only_watched(
    playing: Window, open_window: Callable[..., Window]
) -> None:
    press(playing, pygame.K_q)
    assert not playing.closed
    watching = open_window(Session(Lineup(Rom(), Tracker()), seed=1))
    wait_for(watching, State.PLAYING)
    press(watching, pygame.K_2)
    press(watching, pygame.K_q)
    assert not watching.closed
    press(watching, pygame.K_2)
    press(watching, pygame.K_q)
    assert watching.closed


def test_rewinding_holds_and_the_button_goes_on(playing: Window) -> None:
    frames(playing, 120)
    send(playing, pygame.KEYDOWN, key=pygame.K_r, mod=0)
    frames(playing, 20)
    assert match_of(playing).state is State.REWINDING
    send(playing, pygame.KEYUP, key=pygame.K_r, mod=0)
    assert match_of(playing).state is State.PAUSED
    undone = match_of(playing).snapshot().undone
    assert undone > 0.5
    press(playing, pygame.K_SPACE)
    assert match_of(playing).state is State.PLAYING
    assert match_of(playing).snapshot().undone == 0


def test_taking_over_the_other_side_changes_sides(playing: Window) -> None:
    press(playing, pygame.K_1)
    assert match_of(playing).snapshot().names == ("You", "Tracker")
    send(playing, pygame.KEYDOWN, key=pygame.K_w, mod=0)
    frames(playing, 2)
    left, _ = match_of(playing).timeline.controls[-1]
    assert left is not None
    assert left.move == -100


def test_the_roms_own_opponent_cannot_change_sides(open_window: Callable[..., Window]) -> None:
    one = open_window(Session(Lineup(Rom(), Person()), seed=1))
    wait_for(one, State.PLAYING)
    press(one, pygame.K_1)
    assert match_of(one).people == {Side.RIGHT}
    assert message(one) == "the Atari CPU can only play on the left"


def test_who_looks_away_is_not_played_against(playing: Window) -> None:
    send(playing, pygame.WINDOWFOCUSLOST)
    assert match_of(playing).state is State.PAUSED


def test_who_looks_away_while_it_loads_is_not_played_against(
    open_window: Callable[..., Window], model_directory: Path
) -> None:
    one = open_window(Session(Lineup(Policy(str(model_directory)), Person()), seed=1))
    assert match_of(one).state is State.WAITING
    send(one, pygame.WINDOWFOCUSLOST)
    wait_for(one, State.PAUSED)
    assert match_of(one).frames <= 1
    press(one, pygame.K_SPACE)
    assert match_of(one).state is State.PLAYING


def test_what_was_edited_meanwhile_is_kept(playing: Window) -> None:
    press(playing, pygame.K_m)
    edited = msgspec.structs.replace(settings.load().settings, keys={"pause": ["u"]})
    settings.save(edited)
    press(playing, pygame.K_LEFTBRACKET)
    kept = settings.load().settings
    assert (kept.muted, kept.volume, kept.keys) == (False, 50, {"pause": ["u"]})
    settings.settings_file().write_text("volume = loud")
    press(playing, pygame.K_LEFTBRACKET)
    assert "it was renamed to settings.toml.broken" in message(playing)
    assert settings.load().settings.volume == 40


def test_all_that_is_wrong_with_the_settings_is_said(open_window: Callable[..., Window]) -> None:
    settings.save(settings.Settings(keys={"pause": ["nonsense"], "rewind": ["gibberish"]}))
    one = open_window()
    assert "nonsense" in message(one)
    assert "gibberish" in message(one)


def test_an_earlier_stage_shows_who_plays_does_not_count_and_is_not_taken_for_the_model(
    open_window: Callable[..., Window], model_directory: Path
) -> None:
    for stage in ("stages/000100000", "stages/000400000"):
        shutil.copytree(model_directory, model_directory.parent / "mine" / stage)
    mine = shutil.copytree(model_directory, model_directory.parent / "mine", dirs_exist_ok=True)
    (mine / "provenance.json").write_text('{"steps": 1000000}')
    one = open_window(Session(Lineup(Policy(str(mine)), Person()), seed=1))
    wait_for(one, State.PLAYING)
    session = screen_of(one)._session
    frames(one, 5)
    before = session.replay()
    assert before is not None
    assert before.models[0]
    press(one, pygame.K_PAGEUP)
    assert PanelName.STAGES in settings.load().settings.panels_playing
    for _ in range(200):
        frames(one, 1)
        time.sleep(0.01)
        if match_of(one).names[0].endswith("at 0.40M"):
            break
    after = session.replay()
    assert after is not None
    assert after.models == ("", "")
    assert match_of(one).names[0].endswith("at 0.40M")
    assert not match_of(one).straight


def test_help_holds_the_match(playing: Window) -> None:
    press(playing, pygame.K_h)
    before = match_of(playing).frames
    frames(playing, 600)
    assert match_of(playing).frames == before
    press(playing, pygame.K_h)
    assert match_of(playing).state is State.PAUSED, "so that nobody is thrown into a rally"
    press(playing, pygame.K_SPACE)
    frames(playing, 30)
    assert match_of(playing).frames > before


def test_help_holds_a_match_of_agents_and_lets_it_go_on(open_window: Callable[..., Window]) -> None:
    one = open_window(Session(Lineup(Tracker(), Tracker()), seed=1))
    wait_for(one, State.PLAYING)
    press(one, pygame.K_h)
    before = match_of(one).frames
    frames(one, 120)
    assert match_of(one).frames == before
    press(one, pygame.K_h)
    frames(one, 30)
    assert match_of(one).frames > before


def test_help_is_closed_before_the_match_is_left(playing: Window) -> None:
    press(playing, pygame.K_h)
    press(playing, pygame.K_ESCAPE)
    assert not in_menu(playing)
    press(playing, pygame.K_ESCAPE)
    assert in_menu(playing)


def test_the_end_offers_a_rematch_a_replay_and_the_menu(playing: Window) -> None:
    play_to_the_end(playing)
    frames(playing, round(HEEDLESS_SECONDS / FRAME))
    press(playing, pygame.K_RIGHT)
    press(playing, pygame.K_RIGHT)
    press(playing, pygame.K_RETURN)
    assert message(playing).startswith("replay saved: ")
    recorded = replay.load(Path(message(playing).removeprefix("replay saved: ")))
    recorded.verify(recorded.controls())
    assert recorded.lineup == ALONE
    press(playing, pygame.K_LEFT)
    press(playing, pygame.K_LEFT)
    press(playing, pygame.K_RETURN)
    now = match_of(playing).snapshot()
    assert (now.state, now.score, now.game) == (State.PLAYING, (0, 0), 2)
    play_to_the_end(playing)
    press(playing, pygame.K_ESCAPE)
    assert in_menu(playing)


def test_the_end_can_be_reviewed_and_a_moment_played_again(playing: Window) -> None:
    play_to_the_end(playing)
    frames(playing, round(HEEDLESS_SECONDS / FRAME))
    match = match_of(playing)
    assert match.score.left == 21, "nobody moved the right paddle"
    press(playing, pygame.K_RIGHT)
    press(playing, pygame.K_RETURN)
    frames(playing, 40)
    assert review_of(playing) is not None
    press(playing, pygame.K_ESCAPE)
    assert review_of(playing) is None
    assert screen_of(playing)._ending is not None, "back at the end"
    press(playing, pygame.K_RETURN)
    review = review_of(playing)
    assert review is not None
    first, _ = review.moment.clip
    press(playing, pygame.K_RETURN)
    assert (match.state, match.timeline.frame) == (State.PAUSED, first)
    press(playing, pygame.K_p)
    assert match.state is State.PLAYING
    assert len(match.timeline.controls) <= first + 5


@pytest.mark.parametrize("key", [pygame.K_r, pygame.K_BACKSPACE])
def test_rewinding_leads_from_a_review_back_to_the_match(playing: Window, key: int) -> None:
    play_to_the_end(playing)
    press(playing, pygame.K_v)
    assert screen_of(playing)._review is not None
    send(playing, pygame.KEYDOWN, key=key, mod=0)
    frames(playing, 5)
    assert screen_of(playing)._review is None
    assert match_of(playing).state is State.REWINDING
    send(playing, pygame.KEYUP, key=key, mod=0)
    frames(playing, 1)
    assert match_of(playing).state is State.PAUSED


def test_a_match_in_play_can_be_reviewed(playing: Window) -> None:
    press(playing, pygame.K_v)
    assert "nothing to review" in message(playing)
    match = match_of(playing)
    while match.score.left == 0:
        match.advance()
    press(playing, pygame.K_v)
    assert match.state is State.PAUSED
    assert review_of(playing) is not None
    press(playing, pygame.K_ESCAPE)
    assert match.state is State.PAUSED


def test_a_game_played_straight_is_rated_once(playing: Window) -> None:
    play_to_the_end(playing)
    (record,) = History().load()
    assert (record.opponent, record.won, record.lost) == ("Tracker", match_of(playing).score.right, 21)
    ending = screen_of(playing)._ending
    assert ending is not None
    assert ending.model.figures[-1].name == "Your rating"
    press(playing, pygame.K_ESCAPE)
    assert in_menu(playing)
    menu = playing._screen
    assert isinstance(menu, MenuScreen)
    assert any("from one match" in line for card in menu._view.model.cards for line in card.about)


@pytest.mark.parametrize("key", [pygame.K_1, pygame.K_MINUS, pygame.K_n])
def test_a_game_with_help_is_not_rated(playing: Window, key: int) -> None:
    press(playing, key)
    if match_of(playing).state is State.PAUSED:
        press(playing, pygame.K_p)
    play_to_the_end(playing)
    assert History().load() == []
    ending = screen_of(playing)._ending
    assert ending is not None
    assert (ending.model.figures[-1].name, ending.model.figures[-1].values) == ("Your rating", ("not counted",))


def test_a_game_on_the_other_side_is_rated_once_it_is_played_straight(playing: Window) -> None:
    press(playing, pygame.K_1)
    press(playing, pygame.K_F2)
    play_to_the_end(playing)
    (record,) = History().load()
    assert (record.opponent, record.won, record.lost) == ("Tracker", match_of(playing).score.left, 21)


def test_backspace_takes_back_the_last_point_and_does_not_leave(playing: Window) -> None:
    play_to_the_end(playing)
    press(playing, pygame.K_BACKSPACE)
    assert not in_menu(playing)
    assert not match_of(playing).snapshot().over


def test_matches_are_deleted_in_the_settings(open_window: Callable[..., Window]) -> None:
    History().add([MatchRecord("2026-11-25", "Tracker", 1200, 21, 3)])
    one = open_window()
    menu = one._screen
    assert isinstance(menu, MenuScreen)
    menu._view.model.click(Mode.SETTINGS)
    assert menu._view.model.click(MenuButton.FORGET) is None
    assert History().load(), "only when asked twice"
    menu._act(menu._view.model.click(MenuButton.FORGET_SURE))
    assert History().load() == []
    assert not menu._view.model.buttons
    assert message(one) == "your matches and your rating are deleted"


def test_keys_of_the_match_work_at_its_end(playing: Window) -> None:
    press(playing, pygame.K_F9)
    play_to_the_end(playing)
    press(playing, pygame.K_F9)
    assert message(playing).startswith("film saved: ")
    press(playing, pygame.K_F5)
    assert message(playing).startswith("replay saved: ")
    press(playing, pygame.K_v)
    assert review_of(playing) is not None
    press(playing, pygame.K_v)
    assert review_of(playing) is None
    press(playing, pygame.K_v)
    press(playing, pygame.K_F2)
    assert review_of(playing) is None
    assert match_of(playing).state is State.PLAYING


def test_nothing_happens_behind_the_help_page(open_window: Callable[..., Window]) -> None:
    one = open_window()
    press(one, pygame.K_h)
    press(one, pygame.K_RETURN)
    press(one, pygame.K_DOWN)
    press(one, pygame.K_h)
    assert in_menu(one)
    assert menu_of(one).mode is Mode.AGENT


def test_serving_behind_the_help_page_does_not_go_on_with_the_match(playing: Window) -> None:
    press(playing, pygame.K_h)
    press(playing, pygame.K_SPACE)
    press(playing, pygame.K_q)
    press(playing, pygame.K_ESCAPE)
    assert not playing.closed
    frames(playing, 2)
    assert match_of(playing).state is State.PAUSED


def test_a_click_on_a_panel_does_not_go_on_with_the_match(playing: Window) -> None:
    press(playing, pygame.K_p)
    panels = screen_of(playing)._scene.layout(playing.services.display.size, match_of(playing).snapshot())
    assert panels.column
    for place, state in ((panels.column[0].center, State.PAUSED), (panels.court.center, State.PLAYING)):
        for kind in (pygame.MOUSEBUTTONDOWN, pygame.MOUSEBUTTONUP):
            pygame.event.post(pygame.Event(kind, button=pygame.BUTTON_LEFT, pos=place))
            frames(playing, 2)
        assert match_of(playing).state is state


@pytest.mark.parametrize("key", [None, pygame.K_n])
def test_a_player_who_cannot_go_on_ends_the_match_and_it_is_kept(
    playing: Window, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, key: int | None
) -> None:
    screen_of(playing)._only = False
    frames(playing, 10)

    def overflow(_agent: TrackerAgent, _grey: Frame) -> None:
        raise UserError("its weights overflow")

    monkeypatch.setattr(TrackerAgent, "observe", overflow)
    if key is not None:
        press(playing, key)
    frames(playing, 5)
    assert in_menu(playing)
    (kept,) = (tmp_path / "data" / "replays").iterdir()
    assert message(playing) == f"its weights overflow. replay saved: {kept}"


def test_an_end_can_be_rewound(playing: Window) -> None:
    play_to_the_end(playing)
    send(playing, pygame.KEYDOWN, key=pygame.K_r, mod=0)
    frames(playing, 10)
    send(playing, pygame.KEYUP, key=pygame.K_r, mod=0)
    assert match_of(playing).state is State.PAUSED
    press(playing, pygame.K_p)
    assert match_of(playing).state is State.PLAYING


def test_a_replay_is_watched_to_its_end_and_again(playing: Window, open_window: Callable[..., Window]) -> None:
    frames(playing, 30)
    recorded = screen_of(playing)._session.replay()
    assert recorded is not None
    one = open_window(Session(recorded.lineup, seed=0, games=1, replay=recorded))
    wait_for(one, State.PLAYING)
    frames(one, 60)
    assert match_of(one).snapshot().over
    assert not one.closed
    press(one, pygame.K_RETURN)
    assert match_of(one).state is State.OVER, "too soon to be meant for the end screen"
    frames(one, round(HEEDLESS_SECONDS / FRAME))
    press(one, pygame.K_RETURN)
    assert match_of(one).state is State.PLAYING
    frames(one, 10)
    again = match_of(one).timeline.controls
    assert again == match_of(playing).timeline.controls[: len(again)]


def test_a_screenshot_and_a_film_are_confirmed(playing: Window, tmp_path: Path) -> None:
    press(playing, pygame.K_F12)
    assert message(playing).startswith("screenshot saved: ")
    press(playing, pygame.K_F9)
    assert message(playing) == "filming"
    frames(playing, 10)
    press(playing, pygame.K_F9)
    assert message(playing).startswith("film saved: ")
    (picture,) = (tmp_path / "data" / "screenshots").iterdir()
    assert pygame.image.load(picture).size == playing.services.display.size
    (film,) = (tmp_path / "data" / "films").iterdir()
    assert film.stat().st_size > 1000


def test_a_film_that_goes_on_is_finished_by_the_way_to_the_menu(playing: Window, tmp_path: Path) -> None:
    press(playing, pygame.K_F9)
    frames(playing, 10)
    press(playing, pygame.K_ESCAPE)
    assert len(list((tmp_path / "data" / "films").iterdir())) == 1


def test_what_cannot_be_kept_is_told(playing: Window, tmp_path: Path) -> None:
    (tmp_path / "data").write_bytes(b"not a folder")
    for key, said in (
        (pygame.K_F12, "cannot save a screenshot"),
        (pygame.K_F9, "cannot save a film"),
        (pygame.K_F5, "cannot save the replay"),
    ):
        press(playing, key)
        assert message(playing).startswith(said)
        assert "saved:" not in message(playing)
        assert message(playing) != "filming"


def test_a_match_goes_on_when_the_disk_takes_no_more_of_its_recording(open_window: Callable[..., Window]) -> None:
    recorded: list[float] = []

    def record(now: Snapshot, elapsed: float) -> None:
        del elapsed
        recorded.append(now.seconds)
        if len(recorded) == 20:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    one = open_window(Session(ALONE, seed=1), record=record)
    wait_for(one, State.PLAYING)
    frames(one, 30)
    assert message(one) == "recording stopped: No space left on device"
    assert len(recorded) == 20
    assert match_of(one).state is State.PLAYING
    assert match_of(one).frames >= 30


def test_settings_are_kept_at_once(playing: Window) -> None:
    for key in (pygame.K_m, pygame.K_F10, pygame.K_LEFTBRACKET):
        press(playing, key)
    kept = settings.load().settings
    assert (kept.muted, kept.whole_pixels, kept.volume) == (False, True, 50)
    assert playing.services.speaker.volume == 50


def test_panels_are_remembered_for_playing_and_watching_apart(
    playing: Window, open_window: Callable[..., Window]
) -> None:
    press(playing, pygame.K_3)
    press(playing, pygame.K_7)
    kept = settings.load().settings
    assert kept.panels_playing == {PanelName.CREDIT}
    assert kept.panels_watching == set(PANELS_WHILE_WATCHING)
    watching = open_window(Session(Lineup(Rom(), Tracker()), seed=1))
    wait_for(watching, State.PLAYING)
    press(watching, pygame.K_4)
    kept = settings.load().settings
    assert kept.panels_playing == {PanelName.CREDIT}
    assert kept.panels_watching == set(PANELS_WHILE_WATCHING) - {PanelName.TIMELINE}


def test_a_stage_is_changed_in_the_middle_of_a_match(open_window: Callable[..., Window]) -> None:
    one = open_window(Session(Lineup(Rom(), Policy("ppo")), seed=1))
    wait_for(one, State.PLAYING)
    press(one, pygame.K_8)
    frames(one, 20)
    press(one, pygame.K_PAGEUP)
    for _ in range(400):
        frames(one, 1)
        if match_of(one).snapshot().names[1] != "ppo":
            break
        pygame.time.wait(5)
    assert match_of(one).snapshot().names[1] == "ppo at 4.06M"
    assert len(match_of(one).timeline.controls) > 20


@pytest.mark.parametrize("slow_moves_after", [0, 1_500_000])
def test_before_its_first_checkpoint_a_training_has_the_moves_that_it_begins_with(
    tmp_path: Path, spec: ModelSpec, slow_moves_after: int
) -> None:
    spec = msgspec.structs.replace(spec, actions=FINE_ACTIONS)
    RunDirectory.create(tmp_path / "run", TrainingSettings(model=spec, slow_moves_after=slow_moves_after))
    agent = cast.load_newest(tmp_path / "run", seed=0)
    decision = agent.decide(np.zeros(spec.observation.shape, np.uint8))
    slow = dict(zip(decision.actions, decision.probabilities, strict=True))["SLOWLEFTFIRE"]
    assert (slow > 0.1) == (slow_moves_after == 0)


def test_a_training_is_followed_from_checkpoint_to_checkpoint(
    open_window: Callable[..., Window], tmp_path: Path, spec: ModelSpec, network: PolicyNetwork
) -> None:
    run = tmp_path / "run"
    RunDirectory.create(run, TrainingSettings(model=spec))
    one = open_window(Session(Lineup(Rom(), Policy(str(run))), seed=1, follow=run))
    wait_for(one, State.PLAYING)
    assert "untrained" in match_of(one).snapshot().names[1]
    checkpoint.save(run / "model", spec, network)
    for _ in range(400):
        frames(one, 5)
        if "untrained" not in match_of(one).snapshot().names[1]:
            break
        pygame.time.wait(5)
    assert "untrained" not in match_of(one).snapshot().names[1]
    policy = match_of(one).snapshot().policies[Side.RIGHT]
    assert policy is not None
    for name, tensor in policy.network.state_dict().items():
        assert tensor.equal(network.state_dict()[name])


def test_credit_is_given_for_the_point_just_played(open_window: Callable[..., Window], model_directory: Path) -> None:
    one = open_window(Session(Lineup(Rom(), Policy(str(model_directory))), seed=1))
    wait_for(one, State.PLAYING)
    press(one, pygame.K_7)
    while not match_of(one).snapshot().story.rallies:
        match_of(one).advance()
    for _ in range(200):
        frames(one, 1)
        if screen_of(one)._scene.credit.model.steps:
            break
        pygame.time.wait(5)
    model = screen_of(one)._scene.credit.model
    # An untrained network lost the point, so by total reward every decision is pushed down alike.
    assert set(model.weights) == {-1.0}
    press(one, pygame.K_TAB)
    assert len(set(model.weights)) > 1


def test_a_match_leads_back_to_where_it_was_begun(open_window: Callable[..., Window]) -> None:
    one = open_window()
    one._act(OpenLibrary("reinforce"))
    one._act(one._screen.command(Command.CONFIRM))
    assert screen_of(one)._session.lineup == Lineup(Policy("reinforce"), Person())
    wait_for(one, State.PLAYING)
    press(one, pygame.K_ESCAPE)
    library = one._screen
    assert isinstance(library, LibraryScreen)
    entry = library._view.model.entry
    assert entry is not None
    assert entry.model == "reinforce"


def test_the_end_of_a_match_says_where_it_leads(open_window: Callable[..., Window]) -> None:
    one = open_window()
    one._act(Start(ALONE, back=OpenLibrary()))
    wait_for(one, State.PLAYING)
    play_to_the_end(one)
    ending = screen_of(one)._ending
    assert ending is not None
    assert ending.model.choices[EndingChoice.LEAVE] == "Models"
    press(one, pygame.K_ESCAPE)
    assert isinstance(one._screen, LibraryScreen)


def test_the_menu_opens_where_it_was_left(open_window: Callable[..., Window]) -> None:
    one = open_window()
    while menu_of(one).mode is not Mode.MODELS:
        press(one, pygame.K_DOWN)
    press(one, pygame.K_RETURN)
    assert not in_menu(one)
    press(one, pygame.K_ESCAPE)
    assert menu_of(one).mode is Mode.MODELS


def test_a_model_that_has_gone_leads_back_to_the_menu(open_window: Callable[..., Window], tmp_path: Path) -> None:
    one = open_window()
    one._act(Start(Lineup(Policy(str(tmp_path / "gone")), Person())))
    for _ in range(1000):
        one.frame(FRAME)
        if in_menu(one):
            break
        pygame.time.wait(5)
    assert "gone" in message(one)


def test_a_model_asked_for_on_the_command_line_that_has_gone_is_an_error(
    open_window: Callable[..., Window], tmp_path: Path
) -> None:
    one = open_window(Session(Lineup(Rom(), Policy(str(tmp_path / "gone"))), seed=0))
    with pytest.raises(UserError, match="gone"):
        wait_for(one, State.PLAYING)


def test_the_sound_of_play_reaches_the_speaker(playing: Window, monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[int] = []
    monkeypatch.setattr(playing.services.speaker, "play", lambda samples: heard.append(len(samples)))
    frames(playing, 10)
    press(playing, pygame.K_PLUS)
    frames(playing, 10)
    # Ten frames, and one with the key, in which time already went by at twice the speed.
    assert heard == [512] * 10


def test_the_left_hand_of_a_lone_person_moves_the_right_paddle(playing: Window) -> None:
    send(playing, pygame.KEYDOWN, key=pygame.K_w, mod=0)
    frames(playing, 2)
    assert match_of(playing).timeline.controls[-1][1].move == -100
    assert isinstance(match_of(playing).seats[Side.RIGHT], PersonSeat)


def test_the_court_is_drawn_where_it_is_said_to_be(playing: Window) -> None:
    court, surface = screen_of(playing)._court, playing.services.display.surface
    ground = Court().colour()[120, 80].astype(int)
    assert np.abs(ground - surface.get_at(court.center)[:3]).max() <= 3
    assert np.abs(ground - surface.get_at((court.left - 3, court.centery))[:3]).max() > 50


def test_where_there_is_no_room_for_all_hints_that_of_the_help_stays(playing: Window) -> None:
    words = [word for _, word in screen_of(playing)._hints(match_of(playing).snapshot())]
    assert words.index("help") < words.index("save")


def test_in_the_smallest_window_the_hints_of_the_help_and_the_credit_are_drawn(
    open_window: Callable[..., Window], monkeypatch: pytest.MonkeyPatch
) -> None:
    one = open_window(Session(Lineup(Rom(), Policy("ppo")), seed=1))
    wait_for(one, State.PLAYING)
    press(one, pygame.K_7)
    labels = screen_of(one)._hints(match_of(one).snapshot())
    draw, texts = theme.draw_text, list[str]()

    def noted(surface: pygame.Surface, text: str, *how: Any, **place: Any) -> pygame.Rect:
        texts.append(text)
        return draw(surface, text, *how, **place)

    monkeypatch.setattr(theme, "draw_text", noted)
    widgets.draw_hints(pygame.Surface(theme.MIN_SIZE), pygame.Rect(14, 565, 772, 35), theme.MIN_SCALE, labels)
    assert {"pause", "next method", "largest push", "menu", "help"} <= set(texts)


def test_a_panel_without_room_says_so(open_window: Callable[..., Window]) -> None:
    one = open_window(Session(Lineup(Rom(), Policy("ppo")), seed=1))
    wait_for(one, State.PLAYING)
    press(one, pygame.K_5)
    assert "no room" not in message(one)
    press(one, pygame.K_8)
    assert message(one).startswith("no room for another panel")
    press(one, pygame.K_5)
    press(one, pygame.K_8)
    press(one, pygame.K_8)
    assert not screen_of(one)._scene.folds(PanelName.STAGES, one.services.display.size, match_of(one).snapshot())


def test_a_film_by_key_shows_the_stages_that_the_window_shows(open_window: Callable[..., Window]) -> None:
    one = open_window(Session(Lineup(Rom(), Policy("ppo")), seed=1))
    wait_for(one, State.PLAYING)
    press(one, pygame.K_8)
    press(one, pygame.K_F9)
    screen = screen_of(one)
    assert screen._film._film is not None
    filmed = screen._film._film.scene
    assert PanelName.STAGES in filmed.shown
    mine, films = screen._scene.panels[PanelName.STAGES], filmed.panels[PanelName.STAGES]
    assert films is not mine, "each has its own place on its surface"
    assert films._model is mine._model  # type: ignore[attr-defined]
    press(one, pygame.K_8)
    assert PanelName.STAGES not in filmed.shown
    press(one, pygame.K_F9)
    assert message(one).startswith("film saved")


@pytest.mark.parametrize(
    ("down", "up", "which"),
    [
        (pygame.KEYDOWN, pygame.KEYUP, {"key": pygame.K_RETURN, "mod": 0}),
        (pygame.MOUSEBUTTONDOWN, pygame.MOUSEBUTTONUP, {"button": 1, "pos": (9, 9)}),
    ],
)
def test_fire_goes_on_even_where_it_is_tapped_within_one_frame(
    playing: Window, down: int, up: int, which: dict[str, Any]
) -> None:
    press(playing, pygame.K_p)
    assert match_of(playing).state is State.PAUSED
    pygame.event.post(pygame.Event(down, **which))
    send(playing, up, **which)
    assert match_of(playing).state is State.PLAYING
    assert match_of(playing).timeline.controls[-1][1].fire
    playing.frame(FRAME)
    assert not match_of(playing).timeline.controls[-1][1].fire


@pytest.mark.parametrize("context", bindings.Context)
def test_no_key_and_no_purpose_is_cut_on_the_help_page(
    context: bindings.Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    fitted, uncut = theme.fitted, list[bool]()

    def noted(text: str, *how: Any) -> str:
        uncut.append(fitted(text, *how) == text)
        return text

    monkeypatch.setattr(theme, "fitted", noted)
    help_page.draw(pygame.Surface(theme.MIN_SIZE), bindings.pages(bindings.BINDINGS, context))
    assert uncut
    assert all(uncut)


@pytest.mark.parametrize("size", [(800, 600), (1024, 640), (1280, 800)])
def test_the_help_page_is_whole(size: tuple[int, int]) -> None:
    for context in bindings.Context:
        surface = pygame.Surface(size)
        surface.fill("white")
        help_page.draw(surface, bindings.pages(bindings.BINDINGS, context))
        panel = np.argwhere((pygame.surfarray.array3d(surface) == theme.PANEL[:3]).all(axis=2))
        assert (panel.min(axis=0) > 0).all()
        assert (panel.max(axis=0) < np.array(size) - 1).all()


def test_thinking_begins_when_the_frame_is_shown_and_not_before(
    playing: Window, monkeypatch: pytest.MonkeyPatch
) -> None:
    thinker, order = playing.services.thinker, list[str]()
    thought = Event()

    def think() -> int:
        order.append("thought")
        thought.set()
        return 42

    def flip() -> None:
        assert not thought.wait(0.05)
        order.append("shown")

    monkeypatch.setattr(playing.services.display, "flip", flip)
    future = thinker.submit(think)
    frames(playing, 1)
    assert future.result(timeout=10) == 42
    assert order == ["shown", "thought"]


def test_a_thought_begins_once_and_never_after_the_end() -> None:
    begun = list[int]()
    thoughts = BetweenFrames(InlineExecutor())
    thoughts.submit(begun.append, 1)
    thoughts.frame_shown()
    thoughts.frame_shown()
    assert begun == [1]
    thoughts.submit(begun.append, 2)
    thoughts.shutdown()
    thoughts.frame_shown()
    assert begun == [1]


def test_only_the_window_spreads_what_a_decision_changes() -> None:
    for executor, delays in ((None, (0, 0, False)), (InlineExecutor(), (2, 3, True))):
        scene = MatchScene(executor=executor)
        timeline, seen = scene.panels[PanelName.TIMELINE], scene.panels[PanelName.SEEN]
        assert isinstance(timeline, TimelinePanel)
        assert isinstance(seen, SeenPanel)
        assert (timeline._turn._delay, seen.model._turn._delay, scene._saliency._spread) == delays


def test_what_fails_between_frames_is_told_by_its_future(playing: Window) -> None:
    future = playing.services.thinker.submit(divmod, 1, 0)
    frames(playing, 1)
    with pytest.raises(UserError, match="ZeroDivisionError"):
        future.result(timeout=10)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has priorities of threads")
@pytest.mark.parametrize(("window", "thinker"), [(0, 10), (15, 15)])
def test_who_thinks_is_no_less_nice_than_the_window(window: int, thinker: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only an administrator may ask for more than one has."""
    asked = []
    monkeypatch.setattr(os, "getpriority", lambda *_: window)
    monkeypatch.setattr(os, "setpriority", lambda *how: asked.append(how[-1]))
    _yield_to_the_loop()
    assert asked == [thinker]
