from __future__ import annotations

import copy
import dataclasses
import itertools

import pytest

from agents.base import Decision, Frame, control_of
from agents.pong import FRAMES_PER_SECOND, Court, Score, Side
from app.game import match as matches
from app.game.match import MOST_CATCH_UP, SPEEDS, Match, State, games_won
from app.game.seats import AgentSeat, RomSeat
from app.game.timeline import HISTORY_LENGTH
from app.ui.pacing import FrameClock, Pacer
from models.spec import ActionName

ACTIONS: tuple[ActionName, ...] = ("FIRE", "RIGHTFIRE", "LEFTFIRE")
FRAME_SKIP = 4


class CyclingPlayer:
    """Decides every fourth frame, each action in turn."""

    name = "cycling"

    def __init__(self) -> None:
        self.greedy = False
        self.resets = 0
        self.observed = 0
        self.decisions: list[Decision] = []
        self._turn = itertools.cycle(ACTIONS)

    def reset(self) -> None:
        self.resets += 1
        self.observed = 0

    def observe(self, grey: Frame) -> Decision:
        assert grey.shape == (210, 160)
        if self.observed % FRAME_SKIP == 0:
            self.decisions.append(Decision(next(self._turn), ACTIONS, (0.5, 0.25, 0.25), len(self.decisions) / 10))
        self.observed += 1
        return self.decisions[-1]

    def memory(self) -> object:
        return self.observed, list(self.decisions), copy.copy(self._turn)

    def recall(self, memory: object) -> None:
        assert isinstance(memory, tuple)
        self.observed, decisions, turn = memory
        self.decisions, self._turn = list(decisions), copy.copy(turn)


def played_by(player: CyclingPlayer, games: int | None = None) -> Match:
    """A match of that player against the ROM that has just begun."""
    match = Match(Court(), names=("the ROM", "someone"), games=games)
    match.seat(RomSeat(), AgentSeat(player, Side.RIGHT))
    return match


@pytest.fixture
def player() -> CyclingPlayer:
    return CyclingPlayer()


@pytest.fixture
def match(player: CyclingPlayer) -> Match:
    """A match that has just begun."""
    return played_by(player)


def play_to_the_end(match: Match) -> None:
    """Until a game is over, its rest just begun."""
    while match.state is State.PLAYING:
        match.advance()


@pytest.mark.parametrize("speed", SPEEDS)
def test_frames_follow_time_exactly(match: Match, speed: float) -> None:
    match.change_speed(SPEEDS.index(speed) - SPEEDS.index(1))
    for _ in range(40):
        match.update(0.05)
    # 2 s at 59.92 Hz are 119.84 frames at normal speed; the clock gives the nearest whole number.
    assert match.frames == {0.25: 30, 0.5: 60, 1: 120, 2: 240, 4: 479, 8: 959}[speed]


def test_uneven_time_gives_the_same_frames(match: Match) -> None:
    for elapsed in [0.001, 0.04, 0.0, 0.019, 0.09] * 8:
        match.update(elapsed)
    assert match.frames == round(8 * 0.15 * FRAMES_PER_SECOND) == 72


def test_a_long_delay_is_not_caught_up_with(match: Match) -> None:
    match.update(60.0)
    assert match.frames == round(MOST_CATCH_UP * FRAMES_PER_SECOND) == 6


def test_nothing_moves_before_the_player_is_there() -> None:
    match = Match(Court(), names=("the ROM", "someone"))
    match.toggle_pause()
    match.step_decision()
    match.update(0.1)
    now = match.snapshot()
    assert (now.state, match.frames, now.decisions, now.names[1]) == (State.WAITING, 0, (None, None), "someone")


def test_pause_holds_and_lets_go(match: Match) -> None:
    match.update(0.1)
    match.toggle_pause()
    held = match.snapshot()
    match.update(0.1)
    assert held.state is State.PAUSED
    assert match.snapshot() == held
    match.toggle_pause()
    match.update(0.1)
    assert match.frames == 12


def test_a_step_is_one_decision_and_pauses(match: Match, player: CyclingPlayer) -> None:
    match.step_decision()
    assert match.state is State.PAUSED
    assert (match.frames, len(player.decisions)) == (4, 2)
    match.step_decision()
    assert (match.frames, len(player.decisions)) == (8, 3)
    assert match.snapshot().decisions == (None, player.decisions[-1])


def test_a_step_in_the_middle_ends_at_the_next_decision(match: Match) -> None:
    match.advance()
    match.step_decision()
    assert match.frames == 4


def test_the_player_decides_on_decision_frames_only(match: Match, player: CyclingPlayer) -> None:
    for _ in range(400):
        match.advance()
        match.snapshot()
    assert len(player.decisions) == 101


def test_a_match_plays_the_game_a_direct_run_plays(match: Match) -> None:
    court, player = Court(), CyclingPlayer()
    while not court.over:
        court.step(control_of(player.observe(court.grey()).action))
    play_to_the_end(match)
    assert match.frames == court.frames
    assert match.results == [court.score]
    assert (match.snapshot().picture == court.colour()).all()


@pytest.mark.parametrize("speed_steps", [0, 3])
def test_a_new_game_begins_by_itself(match: Match, player: CyclingPlayer, speed_steps: int) -> None:
    play_to_the_end(match)
    match.change_speed(speed_steps)
    frames = match.frames
    for _ in range(24):
        match.update(0.1)
    rest = match.snapshot()
    assert (rest.state, rest.over, rest.game, match.frames) == (State.OVER, True, 1, frames)
    assert rest.next_game_in == pytest.approx(0.1, abs=0.02)
    for _ in range(2):
        match.update(0.1)
    now = match.snapshot()
    assert (now.state, now.game, now.score, player.resets) == (State.PLAYING, 2, Score(0, 0), 2)
    assert now.games_won == Score(1, 0)
    assert now.next_game_in is None


def test_pause_holds_a_games_end(match: Match) -> None:
    play_to_the_end(match)
    match.toggle_pause()
    for _ in range(50):
        match.update(0.1)
    assert match.snapshot().over
    match.toggle_pause()
    assert match.snapshot().state is State.OVER


def test_steps_stop_at_a_games_end_and_then_begin_the_next(match: Match) -> None:
    while not match.snapshot().over:
        match.step_decision()
    assert match.state is State.PAUSED
    match.step_decision()
    assert (match.snapshot().over, match.snapshot().game, match.state) == (False, 2, State.PAUSED)


def test_the_last_game_is_followed_by_none(player: CyclingPlayer) -> None:
    match = played_by(player, games=1)
    play_to_the_end(match)
    assert (match.finished, match.snapshot().next_game_in) == (False, None)
    for _ in range(30):
        match.update(0.1)
    assert (match.finished, len(match.results), player.resets) == (True, 1, 1)


def test_a_game_without_end_is_ended(match: Match, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(matches, "MOST_GAME_FRAMES", 200)
    play_to_the_end(match)
    assert match.frames == 200
    assert match.results == [match.snapshot().score]


def test_greedy_is_the_agents_own_until_it_is_changed(player: CyclingPlayer) -> None:
    player.greedy = True
    match = played_by(player)
    assert match.snapshot().greedy
    match.toggle_greedy()
    assert (player.greedy, match.snapshot().greedy) == (False, False)


def test_speed_stays_within_its_range(match: Match) -> None:
    match.change_speed(-100)
    assert match.speed == 0.25
    match.change_speed(+100)
    assert match.speed == 8


def test_history_holds_the_last_decisions_of_this_game(match: Match, player: CyclingPlayer) -> None:
    for _ in range(4 * HISTORY_LENGTH + 40):
        match.advance()
    rom, history = match.snapshot().history
    assert rom == ()
    assert [estimate.value for estimate in history] == [d.value for d in player.decisions[-HISTORY_LENGTH:]]
    # -(1/2 ln 1/2 + 2 * 1/4 ln 1/4) = 1/2 ln 2 + ln 2
    assert history[-1].entropy == pytest.approx(1.5 * 0.693147, abs=1e-5)


def test_a_snapshot_cannot_be_changed_and_shares_an_unchanged_picture(match: Match) -> None:
    first, again = match.snapshot(), match.snapshot()
    assert again.picture is first.picture
    match.advance()
    assert match.snapshot().picture is not first.picture
    with pytest.raises(dataclasses.FrozenInstanceError):
        first.speed = 2  # type: ignore[misc]


def test_an_even_game_is_won_by_nobody() -> None:
    assert games_won([Score(21, 3), Score(5, 21), Score(20, 21), Score(7, 7)]) == Score(1, 2)


def test_a_window_at_the_emulators_rate_gets_one_frame_each_time_despite_jitter() -> None:
    clock = FrameClock()
    period = 1 / FRAMES_PER_SECOND
    jitter = [0.3, -0.3, 0.4, -0.4, 0.0]
    assert [clock.frames(period * (1 + late), FRAMES_PER_SECOND) for late in jitter] == [1] * 5


class FakeTime:
    """A clock that moves when someone sleeps or works."""

    def __init__(self) -> None:
        self.now = 100.0

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        assert seconds > 0
        self.now += seconds


def test_the_pacer_is_even_whatever_a_frames_work_takes() -> None:
    time = FakeTime()
    pacer = Pacer(50, time.clock, time.sleep)
    moments = []
    for work in [0.0, 0.015, 0.001, 0.019, 0.0]:
        pacer.wait()
        moments.append(time.now - 100)
        time.now += work
    assert moments == pytest.approx([0.0, 0.02, 0.04, 0.06, 0.08])


def test_the_pacer_does_not_hurry_after_a_delay() -> None:
    time = FakeTime()
    pacer = Pacer(50, time.clock, time.sleep)
    pacer.wait()
    time.now += 1.0
    assert pacer.wait() == pytest.approx(1.0)
    assert pacer.wait() == pytest.approx(0.02)
    assert pacer.wait() == pytest.approx(0.02)
