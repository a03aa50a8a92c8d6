from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
import torch

from agents.base import Decision, Frame, control_of
from agents.handicap import Handicap
from agents.ladder import LadderAgent
from agents.named import ScriptName, script
from agents.policy import PolicyAgent
from agents.pong import FRAMES_PER_SECOND, Court, Score, Side
from app.game import match as matches
from app.game.clock import FrameClock
from app.game.match import LONGEST_DECISION, MAX_CATCH_UP, SPEEDS, Match
from app.game.seats import AgentSeat, PersonSeat, RomSeat
from app.game.snapshot import State, games_won
from app.game.timeline import HISTORY_LENGTH
from app.play.panels.facts import FactsModel
from app.ui.pacing import Pacer
from models.network import PolicyNetwork
from models.spec import ActionName, ModelSpec

ACTIONS: tuple[ActionName, ...] = ("FIRE", "RIGHTFIRE", "LEFTFIRE")
FRAME_SKIP = 4


class Cycle(NamedTuple):
    """The state of a `CyclingPlayer`."""

    observed: int
    decisions: tuple[Decision, ...]


class CyclingPlayer:
    """Decides every fourth frame, each action in turn."""

    name = "cycling"
    policy = None
    reaction_ms = 0

    def __init__(self) -> None:
        self.resets = 0
        self.observed = 0
        self.decisions: list[Decision] = []

    def reset(self, seed: int | None = None) -> None:
        del seed
        self.resets += 1
        self.observed = 0

    def observe(self, grey: Frame) -> Decision:
        assert grey.shape == (210, 160)
        if self.observed % FRAME_SKIP == 0:
            made = len(self.decisions)
            self.decisions.append(Decision(ACTIONS[made % len(ACTIONS)], ACTIONS, (0.5, 0.25, 0.25), made / 10))
        self.observed += 1
        return self.decisions[-1]

    def memory(self) -> Cycle:
        return Cycle(self.observed, tuple(self.decisions))

    def recall(self, memory: Cycle) -> None:
        self.observed, self.decisions = memory.observed, list(memory.decisions)


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
    assert match.frames == round(MAX_CATCH_UP * FRAMES_PER_SECOND) == 6


def test_nothing_moves_before_the_player_is_there() -> None:
    match = Match(Court(), names=("the ROM", "someone"))
    match.toggle_pause()
    match.step_decision()
    match.update(0.1)
    now = match.snapshot()
    assert (now.state, match.frames, now.decisions, now.names[1]) == (State.WAITING, 0, (None, None), "someone")


class Tape:
    """Writes down what is done to a court and to those who sit at it, and with which picture."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.entries: list[str] = []
        self.shown: list[Frame] = []
        for kind, name in ((Court, "step"), (AgentSeat, "control"), (AgentSeat, "observe")):
            monkeypatch.setattr(kind, name, self._taped(name, getattr(kind, name)))

    def _taped(self, name: str, method: Callable[..., object]) -> Callable[..., object]:
        def call(of: object, *arguments: Any) -> object:
            self.entries.append(name)
            if name == "observe":
                self.shown.append(arguments[0])
            return method(of, *arguments)

        return call


def test_a_frame_is_controls_then_the_court_then_one_look_each(monkeypatch: pytest.MonkeyPatch) -> None:
    tape = Tape(monkeypatch)
    match = Match(Court(), names=("", ""))
    match.seat(AgentSeat(CyclingPlayer(), Side.LEFT), AgentSeat(CyclingPlayer(), Side.RIGHT))
    assert tape.entries == ["observe", "observe"]
    tape.entries.clear()
    for _ in range(20):
        match.update(1 / FRAMES_PER_SECOND)
    assert tape.entries == ["control", "control", "step", "observe", "observe"] * 20
    assert all(left is right for left, right in zip(tape.shown[::2], tape.shown[1::2], strict=True))


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


def test_a_rematch_after_the_last_game_is_played_to_its_end(player: CyclingPlayer) -> None:
    match = played_by(player, games=1)
    play_to_the_end(match)
    match.take_over(Side.RIGHT)
    match.restart()
    assert not match.finished
    play_to_the_end(match)
    assert (len(match.results), match.finished) == (2, False)
    match.take_over(Side.RIGHT)
    for _ in range(30):
        match.update(0.1)
    assert match.finished


def test_a_game_without_end_is_ended(match: Match, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(matches, "MAX_GAME_FRAMES", 200)
    play_to_the_end(match)
    assert match.frames == 200
    assert match.results == [match.snapshot().score]


def between(left: PolicyAgent, right: PolicyAgent) -> Match:
    match = Match(Court(), names=("", ""))
    match.seat(AgentSeat(left, Side.LEFT), AgentSeat(Handicap(right, 230), Side.RIGHT))
    return match


def test_greedy_is_the_policies_own_until_it_is_changed(spec: ModelSpec, network: PolicyNetwork) -> None:
    policies = [PolicyAgent(spec, network, name="", greedy=greedy) for greedy in (True, False)]
    match = between(*policies)
    assert not match.snapshot().greedy
    match.toggle_greedy()
    assert match.snapshot().greedy
    assert [policy.greedy for policy in policies] == [True, True]
    match.toggle_greedy()
    assert [policy.greedy for policy in policies] == [False, False]
    assert not match.straight, "the same opponent all along, it says"


def test_a_ladder_stays_greedy_on_its_other_rungs(spec: ModelSpec, network: PolicyNetwork) -> None:
    rungs = [PolicyAgent(spec, network, name=name) for name in ("a", "b", "c")]
    ladder = LadderAgent([Handicap(rung, 230) for rung in rungs])
    match = Match(Court(), names=("", ""))
    match.seat(AgentSeat(ladder, Side.LEFT), PersonSeat(Side.RIGHT))
    match.toggle_greedy()
    ladder.adapt(0, 2)
    assert (ladder.level, match.snapshot().greedy) == (1, True)
    match.toggle_greedy()
    assert [rung.greedy for rung in rungs] == [False] * 3


def test_only_who_plays_as_loaded_plays_straight(spec: ModelSpec, network: PolicyNetwork) -> None:
    match = between(PolicyAgent(spec, network, name="a"), PolicyAgent(spec, network, name="b"))
    match.toggle_greedy()
    match.restart()
    assert not match.straight, "another opponent than the one that was measured"
    match.toggle_greedy()
    match.restart()
    assert match.straight


@pytest.mark.parametrize("name", ["still", "casual"])
def test_a_step_past_a_script_is_no_longer_than_a_decision_may_be(name: ScriptName) -> None:
    """Scripts go on with the same decision as long as it holds: `still` for a whole game."""
    match = Match(Court(), names=("a", "b"))
    match.seat(*(AgentSeat(script(name, seed=0), side) for side in Side))
    for _ in range(20):
        before = match.frames
        match.step_decision()
        assert 1 <= match.frames - before <= LONGEST_DECISION


def test_scripts_are_not_greedy(match: Match) -> None:
    match.toggle_greedy()
    assert not match.snapshot().greedy
    assert match.straight


def test_a_step_ends_at_a_decision_that_is_the_same_again(spec: ModelSpec, network: PolicyNetwork) -> None:
    """Weights of 0 give the same decision every time."""
    for weights in network.parameters():
        torch.nn.init.zeros_(weights)
    match = Match(Court(), names=("", ""))
    match.seat(RomSeat(), AgentSeat(PolicyAgent(spec, network, name="", greedy=True), Side.RIGHT))
    frames = []
    for _ in range(3):
        match.step_decision()
        frames.append(match.frames)
    assert frames == [4, 8, 12]


def test_a_snapshot_shows_who_plays(spec: ModelSpec, network: PolicyNetwork) -> None:
    policies = PolicyAgent(spec, network, name="one"), PolicyAgent(spec, network, name="two")
    now = between(*policies).snapshot()
    assert (now.names, now.policies, now.reactions) == (("one", "two"), policies, (0, 230))
    now = played_by(CyclingPlayer()).snapshot()
    assert (now.names, now.policies, now.reactions) == (("Atari CPU", "cycling"), (None, None), (None, 0))


def test_the_players_panel_says_of_each_how_it_plays(spec: ModelSpec, network: PolicyNetwork) -> None:
    """A greedy champion against a sampled one; scripts are neither."""
    policies = PolicyAgent(spec, network, name="one"), PolicyAgent(spec, network, name="two", greedy=True)
    model = FactsModel()
    model.update(between(*policies).snapshot())
    assert model.lines[:2] == (("one", "sampled, no reaction delay"), ("two", "greedy, reaction 230 ms"))
    model.update(played_by(CyclingPlayer()).snapshot())
    assert model.lines[:2] == (("Atari CPU", "built into the game"), ("cycling", "no reaction delay"))
    assert [name for name, _ in model.lines[2:]] == ["Speed", "Game"]


def test_a_step_after_the_end_waits_for_a_person(match: Match) -> None:
    """Who has taken over at a game's end asks for the next one; nothing may wait for it to begin by itself."""
    play_to_the_end(match)
    assert match.take_over(Side.LEFT)
    match.step_decision()
    now = match.snapshot()
    assert (now.state, now.over, now.game) == (State.PAUSED, True, 1)


def test_two_people_have_two_names(match: Match) -> None:
    assert match.take_over(Side.RIGHT)
    assert match.names == ("Atari CPU", "You")
    assert match.take_over(Side.LEFT)
    assert match.names == ("Player 1", "Player 2")
    assert match.take_over(Side.RIGHT)
    assert match.names == ("You", "cycling")


def test_a_rally_has_a_step_for_each_decision_of_the_network(spec: ModelSpec, network: PolicyNetwork) -> None:
    """Also after the agent has changed sides in mid-game, and after going back."""
    agent = PolicyAgent(spec, network, name="")
    match = Match(Court(seed=3), names=("", ""))
    match.seat(PersonSeat(Side.LEFT), AgentSeat(agent, Side.RIGHT))
    for _ in range(50):
        match.advance()
    assert match.take_over(Side.RIGHT)
    while not match.snapshot().rallies[Side.LEFT]:
        if match.frames == 100:
            match.rewind(0.1)
            match.stop_rewinding()
            match.toggle_pause()
        match.advance()
    (rally,) = match.snapshot().rallies[Side.LEFT]
    frames = [step.frame for step in rally.steps]
    assert frames == list(range(50, match.court.frames, 4))
    decisions = match.timeline.decisions
    assert [step.decision for step in rally.steps] == [decisions[frame][Side.LEFT] for frame in frames]
    assert all((later.observation[0] == step.observation[1]).all() for step, later in itertools.pairwise(rally.steps))


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
