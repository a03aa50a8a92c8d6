from __future__ import annotations

import numpy as np
import pytest
from pictures import picture

from agents.base import Decision, Frame, control_of
from agents.handicap import Handicap, expected_ball, reaction_frames
from agents.policy import PolicyAgent
from agents.pong import Court
from agents.scripted import TrackerAgent, TrackerMemory
from agents.sight import Place, find_ball
from models.network import PolicyNetwork
from models.spec import ActionName, ModelSpec

FRAMES = 14
MILLISECONDS = 230


class Witness:
    """An agent that keeps what it is shown, and counts."""

    name = "witness"
    policy = None
    reaction_ms = 0

    def __init__(self) -> None:
        self.seen: list[Frame] = []
        self.resets = 0
        self.seed: int | None = None

    def reset(self, seed: int | None = None) -> None:
        self.resets += 1
        self.seed = seed

    def observe(self, grey: Frame) -> Decision:
        self.seen.append(grey)
        return Decision("FIRE", ("FIRE",), (1.0,), value=float(len(self.seen)))

    def memory(self) -> int:
        return len(self.seen)

    def recall(self, memory: int) -> None:
        del self.seen[memory:]


def shown(frames: list[Frame], milliseconds: int = MILLISECONDS) -> list[Frame]:
    """What an agent with a reaction time is shown of these frames."""
    witness = Witness()
    delay = Handicap(witness, milliseconds)
    for grey in frames:
        delay.observe(grey)
    return witness.seen


def flight(row: int, column: int, down: int, right: int, frames: int) -> list[tuple[int, int]]:
    """Where a ball is in each of so many frames, one row at a time, off the walls; rows 34 to 190."""
    places = []
    for frame in range(frames):
        places.append((row, column + right * frame))
        for _ in range(abs(down)):
            if not 34 <= row + np.sign(down) <= 190:
                down = -down
            row += int(np.sign(down))
    return places


@pytest.mark.parametrize(("milliseconds", "frames"), [(0, 0), (8, 0), (17, 1), (100, 6), (230, 14), (1000, 60)])
def test_frames_of_a_reaction(milliseconds: int, frames: int) -> None:
    assert reaction_frames(milliseconds) == frames


@pytest.mark.parametrize("seed", range(20))
def test_a_ball_is_expected_where_it_flies(seed: int) -> None:
    """Against a flight followed row by row, from and to anywhere between the paddles."""
    random = np.random.default_rng(seed)
    frames = int(random.integers(1, 25))
    down, right = int(random.integers(-5, 6)), int(random.choice([-4, -3, -2, -1, 1, 2, 3, 4]))
    row, column = int(random.integers(34 + 10, 190 - 10)), int(random.integers(20, 139))
    *_, (end_row, end_column) = flight(row, column, down, right, frames + 1)
    before = Place(row - 2 * down, column - 2 * right)
    # Not past a paddle: the left one's far edge is column 19, the right one begins at 140.
    expected = (end_row, min(max(end_column, 20), 138))
    assert expected_ball(before, Place(row, column), frames) == expected


def test_a_flight_that_it_can_foresee_looks_as_if_there_were_no_delay() -> None:
    """The ball is at the wall in frame 14; what was seen 14 frames before frame 28 ends there."""
    frames = [picture(ball=place, right=50 + step) for step, place in enumerate(flight(148, 25, 3, 3, 29))]
    np.testing.assert_array_equal(shown(frames)[FRAMES + 2 :], frames[FRAMES + 2 :])


@pytest.mark.parametrize("milliseconds", [17, 100, 230])
def test_nothing_new_is_seen_before_its_time(milliseconds: int) -> None:
    """Two games that part at frame 30, where one ball turns and one opponent moves."""
    delay = reaction_frames(milliseconds)
    away = flight(60, 120, 1, -2, 30)
    apart = 30
    row, column = away[-1]
    ends = (flight(row + 1, column - 2, 1, -2, 30), flight(row + 1, column + 2, 1, 2, 30))
    games = [
        [picture(ball=place, left=106 if step < apart else left) for step, place in enumerate([*away, *end])]
        for end, left in zip(ends, (106, 80), strict=True)
    ]
    first, second = (shown(game, milliseconds) for game in games)
    differ = [bool((a != b).any()) for a, b in zip(first, second, strict=True)]
    assert differ == [step >= apart + delay for step in range(60)]


def test_the_opponent_is_seen_late_and_its_own_paddle_at_once() -> None:
    frames = [picture(left=40 + step, right=150 - step) for step in range(40)]
    for step, grey in enumerate(shown(frames)):
        late = max(step - FRAMES, 0)
        np.testing.assert_array_equal(grey, picture(left=40 + late, right=150 - step))


def test_a_ball_out_of_sight_is_missed_late() -> None:
    """It waits at the paddle, as far as the agent knows, for as long as a reaction takes."""
    frames = [picture(ball=(100, 130))] * 3 + [picture()] * 20
    balls = [find_ball(grey) for grey in shown(frames)]
    assert balls == [(100, 130)] * (3 + FRAMES) + [None] * (20 - FRAMES)


def test_in_a_real_game_it_is_mostly_right() -> None:
    """It errs after the opponent's hits, for as long as a reaction takes: not rarely, and not mostly."""
    court, witness, tracker = Court(seed=0), Witness(), TrackerAgent()
    delay = Handicap(witness, MILLISECONDS)
    errors = []
    for _ in range(900):
        grey = court.grey()
        delay.observe(grey)
        ball, believed = find_ball(grey), find_ball(witness.seen[-1])
        if ball is not None and believed is not None:
            errors.append(abs(ball.row - believed.row) + abs(ball.column - believed.column))
        court.step(control_of(tracker.observe(grey).action))
    right = float(np.mean(np.array(errors) <= 6))
    assert len(errors) > 200
    assert 0.5 < right < 0.95


def test_decisions_are_passed_on_as_they_are() -> None:
    witness = Witness()
    delay = Handicap(witness, MILLISECONDS)
    assert [delay.observe(picture()).value for _ in range(3)] == [1.0, 2.0, 3.0]
    assert (delay.name, delay.reaction_ms) == ("witness", MILLISECONDS)
    tracker = Handicap(TrackerAgent(), MILLISECONDS)
    assert tracker.observe(picture()) is tracker.observe(picture())


def test_reset_forgets() -> None:
    witness = Witness()
    delay = Handicap(witness, MILLISECONDS)
    for _ in range(20):
        delay.observe(picture(ball=(60, 60), left=40))
    delay.reset(seed=7)
    assert witness.seed == 7
    delay.observe(picture(left=90))
    np.testing.assert_array_equal(witness.seen[-1], picture(left=90))
    assert witness.resets == 1


def test_the_frame_that_it_is_given_stays_as_it_is() -> None:
    frames = [picture(ball=(100, 100 + step), left=60 + step) for step in range(20)]
    copies = [grey.copy() for grey in frames]
    shown(frames)
    np.testing.assert_array_equal(frames, copies)


def test_the_delayed_policy_is_passed_through(spec: ModelSpec, network: PolicyNetwork) -> None:
    policy = PolicyAgent(spec, network, name="tiny")
    assert Handicap(policy, MILLISECONDS).policy is policy
    assert Handicap(TrackerAgent(), MILLISECONDS).policy is None


def play(agent: Handicap[TrackerMemory], court: Court, frames: int) -> list[ActionName]:
    actions = []
    for _ in range(frames):
        actions.append(agent.observe(court.grey()).action)
        court.step(control_of(actions[-1]))
    return actions


def test_recall_brings_the_same_decisions() -> None:
    court, agent = Court(seed=0), Handicap(TrackerAgent(seed=3), MILLISECONDS)
    play(agent, court, 150)
    moment, memory = court.save(), agent.memory()
    then = play(agent, court, 500)
    assert len(set(then)) == 3
    court.restore(moment)
    agent.recall(memory)
    assert play(agent, court, 500) == then


def rows_seen(frames: list[Frame], *, misjudgement: float, seed: int = 0) -> list[int | None]:
    """The row of the ball that an agent without a reaction time takes it to have in each frame."""
    witness = Witness()
    handicap = Handicap(witness, 0, misjudgement=misjudgement, seed=seed)
    for grey in frames:
        handicap.observe(grey)
    return [None if ball is None else ball.row for ball in map(find_ball, witness.seen)]


def test_an_angle_misjudged_puts_the_ball_further_off_the_nearer_it_comes() -> None:
    # Over the whole way, 20 to 138, at 2 columns a frame, on row 100. The error of seed 0 is 0.1257 * 80 = 10 rows.
    frames = [picture(ball=place) for place in flight(100, 20, 0, 2, 60)]
    rows = rows_seen(frames, misjudgement=80.0)
    assert rows[0] == 100
    assert rows[30] == 105, "half-way"
    assert rows[59] == 110
    assert [row for row in rows if row is not None] == sorted(row for row in rows if row is not None)


def test_each_stroke_is_misjudged_anew_and_a_ball_that_flies_away_is_not() -> None:
    towards, away = flight(100, 40, 0, 2, 40), flight(100, 118, 0, -2, 40)
    rows = rows_seen([picture(ball=place) for place in [*towards, *away, *towards]], misjudgement=20.0)
    assert rows[39] != 100
    assert rows[42:80] == [100] * 38
    assert rows[119] not in (100, rows[39])


def test_errors_are_as_large_as_they_should_be() -> None:
    frames = [picture(ball=place) for place in flight(110, 128, 0, 2, 6)]
    errors = [(rows_seen(frames, misjudgement=10.0, seed=seed)[-1] or 0) - 110 for seed in range(400)]
    assert abs(np.mean(errors)) < 2
    assert 8.5 < np.std(errors) < 11.5


def test_a_ball_is_never_imagined_in_a_wall() -> None:
    frames = [picture(ball=place) for place in flight(36, 20, 0, 2, 60)]
    for seed in range(10):
        assert all(34 <= (row or 0) <= 190 for row in rows_seen(frames, misjudgement=60.0, seed=seed))


def test_recall_brings_the_same_misjudgements() -> None:
    court, agent = Court(seed=0), Handicap(TrackerAgent(seed=3), 100, misjudgement=12.0, seed=5)
    play(agent, court, 150)
    moment, memory = court.save(), agent.memory()
    then = play(agent, court, 500)
    court.restore(moment)
    agent.recall(memory)
    assert play(agent, court, 500) == then
