"""Going back in a game, and going on from there."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from agents.base import Control
from agents.policy import PolicyAgent
from agents.pong import FRAMES_PER_SECOND, Court, Side
from agents.scripted import TrackerAgent
from app.game.match import Match
from app.game.seats import AgentSeat, PersonSeat, RomSeat
from app.game.snapshot import State
from models.network import PolicyNetwork
from models.spec import ModelSpec

LONG = 500
"""Frames; the first point falls before that."""


def between_agents() -> Match:
    match = Match(Court(seed=3), names=("", ""))
    match.seat(AgentSeat(TrackerAgent(seed=1), Side.LEFT), AgentSeat(TrackerAgent(seed=2), Side.RIGHT))
    return match


def against_the_rom() -> Match:
    match = Match(Court(seed=3), names=("", ""))
    match.seat(RomSeat(), AgentSeat(TrackerAgent(seed=2), Side.RIGHT))
    return match


def with_a_person() -> Match:
    match = Match(Court(seed=3), names=("", ""))
    match.seat(PersonSeat(Side.LEFT), AgentSeat(TrackerAgent(seed=2), Side.RIGHT))
    return match


def played(match: Match, frames: int) -> Match:
    """The match after that many frames, a person's hand always moving."""
    for frame in range(frames):
        for seat in match.seats:
            if isinstance(seat, PersonSeat):
                seat.hold(Control(100 if frame % 40 < 20 else -100))
        match.advance()
    return match


def rewound(match: Match, frames: int) -> Match:
    """The match gone back by at least so many frames."""
    while match.snapshot().undone * FRAMES_PER_SECOND < frames - 0.5:
        match.rewind(0.01)
    return match


MATCHES = [between_agents, against_the_rom, with_a_person]


@pytest.mark.parametrize("make", MATCHES)
def test_what_is_shown_on_the_way_back_is_what_was(make: Callable[[], Match]) -> None:
    match = played(make(), LONG)
    newest = match.court.fingerprint()
    now = rewound(match, 100).snapshot()
    assert match.court.fingerprint() == newest, "a replay may be saved from here"
    back = round(now.undone * FRAMES_PER_SECOND)
    then = played(make(), LONG - back).snapshot()
    assert now.state is State.REWINDING
    assert back >= 100
    assert (now.picture == then.picture).all()
    assert (now.score, now.story, now.seconds) == (then.score, then.story, then.seconds)
    assert now.decisions == then.decisions
    assert now.history == then.history


def test_points_after_the_frame_shown_have_not_been_played_yet(spec: ModelSpec, network: PolicyNetwork) -> None:
    match = Match(Court(seed=3), names=("", ""))
    match.seat(RomSeat(), AgentSeat(PolicyAgent(spec, network, name="tiny"), Side.RIGHT))
    rallies = played(match, 2 * LONG).snapshot().rallies[Side.RIGHT]
    assert len(rallies) >= 2
    last = rallies[-1].steps[-1].frame
    now = rewound(match, 2 * LONG - last + 1).snapshot()
    assert now.rallies[Side.RIGHT] == rallies[:-1]


@pytest.mark.parametrize("make", MATCHES)
def test_going_on_from_there_is_as_if_nothing_had_come_after(make: Callable[[], Match]) -> None:
    match = rewound(played(make(), LONG), 77)
    match.stop_rewinding()
    frames = LONG - round(match.snapshot().undone * FRAMES_PER_SECOND)
    assert match.state is State.PAUSED
    match.toggle_pause()
    assert match.snapshot().undone == 0
    assert len(match.timeline.controls) == frames
    reference = played(make(), frames)
    assert match.court.fingerprint() == reference.court.fingerprint()
    played(match, 200)
    played(reference, 200)
    assert match.court.fingerprint() == reference.court.fingerprint()
    assert match.timeline.controls == reference.timeline.controls
    assert match.snapshot().story == reference.snapshot().story


def test_the_last_minute_can_be_gone_back_to_and_no_more_than_two_are_kept() -> None:
    match = played(against_the_rom(), round(130 * FRAMES_PER_SECOND))
    for _ in range(1000):
        match.rewind(0.1)
    now = match.snapshot()
    assert 119 <= now.undone <= 121
    assert match.timeline.frame == match.timeline.earliest


def test_it_goes_faster_the_longer_the_key_is_held() -> None:
    match = played(against_the_rom(), 4500)
    gone = []
    for _ in range(8):
        before = match.snapshot().undone
        for _ in range(50):
            match.rewind(0.02)
        gone.append(match.snapshot().undone - before)
    # In second n from 0 on, held for t = n..n+1 seconds: the mean of 2 + 2t, so 3, 5, 7, ... up to 12 times.
    assert gone[:4] == pytest.approx([3.0, 5.0, 7.0, 9.0], abs=0.1)
    assert gone[6:] == pytest.approx([12.0, 12.0], abs=0.1)


def test_a_games_end_can_be_undone() -> None:
    match = with_a_person()  # who stands still, so it is a short game
    while match.state is State.PLAYING:
        match.advance()
    assert len(match.results) == 1
    rewound(match, 30)
    match.stop_rewinding()
    now = match.snapshot()
    assert (now.over, match.state) == (False, State.PAUSED)
    match.toggle_pause()
    assert (match.results, match.snapshot().state) == ([], State.PLAYING)
    while not match.results:
        match.advance()
    assert len(match.results) == 1


def test_a_person_takes_over_from_an_earlier_moment_and_gives_back() -> None:
    match = rewound(played(between_agents(), LONG), 60)
    match.stop_rewinding()
    match.take_over(Side.LEFT)
    frames = len(match.timeline.controls)
    assert frames <= LONG - 60
    assert match.snapshot().people == {Side.LEFT}
    assert match.snapshot().names == ("You", "Tracker")
    person = match.seats[Side.LEFT]
    assert isinstance(person, PersonSeat)
    person.hold(Control(-100))
    for _ in range(30):
        match.advance()
    assert [left for left, _ in match.timeline.controls[frames:]] == [Control(-100)] * 30
    match.take_over(Side.LEFT)
    assert match.snapshot().people == frozenset()
    for _ in range(30):
        match.advance()
    # Back to before the agent came back: it does not remember that, but plays on.
    rewound(match, 45)
    match.stop_rewinding()
    match.toggle_pause()
    for _ in range(100):
        match.advance()


def test_a_paddle_that_cannot_be_taken_undoes_nothing() -> None:
    match = Match(Court(seed=3), names=("", ""))
    match.seat(RomSeat(), PersonSeat(Side.RIGHT))
    while match.state is State.PLAYING:
        match.advance()
    newest, straight = match.timeline.newest, match.straight
    rewound(match, 30).stop_rewinding()
    for side in Side:
        assert not match.take_over(side), "one is a person's, the other the ROM's"
    assert (match.timeline.newest, match.straight, len(match.results)) == (newest, straight, 1)


def test_the_roms_paddle_can_be_taken_over() -> None:
    match = played(against_the_rom(), LONG)
    match.take_over(Side.LEFT)
    person = match.seats[Side.LEFT]
    assert isinstance(person, PersonSeat)
    for row in (60.0, 150.0):
        person.point_at(row, fire=False)
        for _ in range(60):
            match.advance()
        assert match.court.paddle_row(Side.LEFT) == pytest.approx(row, abs=3)
    match.take_over(Side.LEFT)
    assert match.snapshot().names[0] == "Atari CPU"
    match.advance()
    assert match.timeline.controls[-1][0] is None
