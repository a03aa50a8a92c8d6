from __future__ import annotations

import pytest
from pictures import picture

from agents.base import Decision, Frame, control_of
from agents.pong import Court, Side
from agents.scripted import TrackerAgent
from app.game.story import Storyteller
from models.spec import ActionName

MIDDLE = 106
"""First row of a paddle of 16 in the middle of rows 34 to 193: 113.5 - 7.5."""


def last_of(agent: TrackerAgent, *pictures: Frame) -> Decision:
    return [agent.observe(grey) for grey in pictures][-1]


def coming(row: int, *, paddle: int) -> list[Frame]:
    """A ball that flies towards the right, and a paddle at rest."""
    return [picture(ball=(row, column), right=paddle) for column in (60, 64, 68)]


@pytest.mark.parametrize(
    ("ball", "paddle", "action"),
    # The ball's middle is 1.5 rows below its first, the paddle's 7.5. It aims 5 rows to either side at most.
    [(60, 100, "RIGHTFIRE"), (160, 100, "LEFTFIRE"), (40, 178, "RIGHTFIRE"), (188, 40, "LEFTFIRE")],
)
def test_goes_towards_a_ball_that_comes(ball: int, paddle: int, action: ActionName) -> None:
    for seed in range(5):
        assert last_of(TrackerAgent(seed=seed), *coming(ball, paddle=paddle)).action == action


def test_meets_the_ball_with_any_part_of_the_paddle_but_its_ends() -> None:
    """Where it would stay, the ball's middle is at most 5 rows of aim and 4 of dead band from the paddle's."""
    stays = {
        ball + 1.5 - (100 + 7.5)
        for seed in range(20)
        for ball in range(80, 130)
        if last_of(TrackerAgent(seed=seed), *coming(ball, paddle=100)).action == "FIRE"
    }
    assert -9 <= min(stays) < -6
    assert 6 < max(stays) <= 9


def test_keeps_its_aim_until_the_ball_comes_again() -> None:
    agent = TrackerAgent(seed=0)
    last_of(agent, *coming(110, paddle=100))
    kept = agent._track.aim
    last_of(agent, *(picture(ball=(110, column)) for column in (72, 76)))
    assert agent._track.aim == kept
    last_of(agent, *(picture(ball=(110, column)) for column in (72, 68, 72)))
    assert agent._track.aim != kept


@pytest.mark.parametrize(
    ("paddle", "action"), [(MIDDLE + 20, "RIGHTFIRE"), (MIDDLE - 20, "LEFTFIRE"), (MIDDLE, "FIRE")]
)
def test_waits_in_the_middle(paddle: int, action: ActionName) -> None:
    no_ball = [picture(right=paddle)] * 3
    assert last_of(TrackerAgent(), *no_ball).action == action
    flies_away = [picture(ball=(150, column), right=paddle) for column in (68, 64, 60)]
    assert last_of(TrackerAgent(), *flies_away).action == action


def test_lets_the_paddle_coast() -> None:
    """10 rows above the middle: it goes on where it stood, and stays where it came 8 rows and will come 8 more."""
    assert last_of(TrackerAgent(), picture(right=MIDDLE - 10), picture(right=MIDDLE - 10)).action == "LEFTFIRE"
    agent = TrackerAgent()
    last_of(agent, picture(right=MIDDLE - 18), picture(right=MIDDLE - 18))
    assert agent.observe(picture(right=MIDDLE - 10)).action == "FIRE"
    # Its picture is the same in every second frame.
    assert agent.observe(picture(right=MIDDLE - 10)).action == "FIRE"


def test_a_decision_is_certain_and_the_same_object_while_it_stays() -> None:
    agent = TrackerAgent()
    decisions = [agent.observe(grey) for grey in coming(60, paddle=100)]
    assert decisions[-1] is decisions[-2]
    assert decisions[-1] == Decision("RIGHTFIRE", ("FIRE", "RIGHTFIRE", "LEFTFIRE"), (0.0, 1.0, 0.0), value=None)


def play(agent: TrackerAgent, court: Court, frames: int) -> list[ActionName]:
    actions = []
    for _ in range(frames):
        actions.append(agent.observe(court.grey()).action)
        court.step(control_of(actions[-1]))
    return actions


def test_returns_most_balls_of_the_roms_opponent() -> None:
    court, agent, story = Court(seed=0), TrackerAgent(seed=0), Storyteller()
    for _ in range(1500):
        play(agent, court, 1)
        story.watch(court.frames, court.score, court.ball)
    hits = sum(rally.hits[Side.RIGHT] for rally in story.story.rallies)
    lost = court.score.left
    assert hits + lost > 10
    assert hits / (hits + lost) > 0.8, (hits, court.score)


def test_seeds() -> None:
    first, same, other = (play(TrackerAgent(seed=seed), Court(seed=0), 300) for seed in (1, 1, 2))
    assert first == same
    assert first != other


def test_recall_brings_the_same_decisions() -> None:
    court, agent = Court(seed=0), TrackerAgent(seed=3)
    play(agent, court, 150)
    moment, memory = court.save(), agent.memory()
    then = play(agent, court, 500)
    assert len(set(then)) == 3
    court.restore(moment)
    agent.recall(memory)
    assert play(agent, court, 500) == then


def test_reset_forgets_the_game_before() -> None:
    agent = TrackerAgent()
    last_of(agent, *coming(160, paddle=MIDDLE))
    # A ball that comes is followed from its second frame on; here the game's first shows it at a later place.
    agent.reset()
    assert agent.observe(picture(ball=(160, 72), right=MIDDLE)).action == "FIRE"
