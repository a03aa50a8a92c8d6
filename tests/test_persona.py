"""Scripted players made like people."""

from __future__ import annotations

from itertools import pairwise

import pytest

from agents.base import Decision
from agents.handicap import reaction_frames
from agents.named import SCRIPTS, agent, is_script, script
from agents.persona import PERSONAS, Persona, PersonaAgent, PersonaName, is_persona
from agents.policy import PolicyAgent
from agents.pong import Court, Score, Side
from agents.scripted import TrackerAgent
from agents.sight import Place, Rows, View, look, look_from_left
from models.errors import UserError

NAMES: list[PersonaName] = list(PERSONAS)


def ball_at(column: int, row: int, paddle: int = 100) -> View:
    return View(Place(row, column), Rows(paddle, paddle + 15))


def game(right: PersonaAgent, frames: int = 3000, seed: int = 0) -> tuple[list[Decision], Score]:
    """What a player on the right decides against a tracker, and the score."""
    court, left = Court(seed=seed), TrackerAgent(seed=seed)
    right.reset()
    decisions = []
    for _ in range(frames):
        grey = court.grey()
        decisions.append(right.observe(grey))
        court.step(decisions[-1].control, left.decide(look_from_left(grey)).control)
    return decisions, court.score


@pytest.mark.parametrize("name", NAMES)
def test_a_game_is_the_same_again_and_another_with_another_seed(name: PersonaName) -> None:
    def moves(seed: int) -> list[int]:
        return [decision.control.move for decision in game(PersonaAgent(PERSONAS[name], seed=seed), 800)[0]]

    assert moves(1) == moves(1)
    assert (moves(1) != moves(2)) == (name != "still")


@pytest.mark.parametrize("name", NAMES)
def test_its_memory_is_its_whole_state(name: PersonaName) -> None:
    court, player, other = Court(), PersonaAgent(PERSONAS[name], seed=1), PersonaAgent(PERSONAS[name], seed=2)
    for _ in range(400):
        court.step(player.observe(court.grey()).control)
    other.recall(player.memory())
    assert other.memory() == player.memory()
    for _ in range(400):
        decision = player.observe(court.grey())
        assert other.observe(court.grey()) is decision
        court.step(decision.control)


@pytest.mark.parametrize("name", NAMES)
def test_no_hand_is_faster_than_it_can_be(name: PersonaName) -> None:
    decisions, _ = game(PersonaAgent(PERSONAS[name], seed=3))
    fastest = max(abs(decision.control.move) for decision in decisions)
    assert fastest == PERSONAS[name].speed


@pytest.mark.parametrize("name", [name for name in NAMES if name != "still"])
def test_no_paddle_trembles(name: PersonaName) -> None:
    decisions, _ = game(PersonaAgent(PERSONAS[name], seed=4))
    moves = [decision.control.move for decision in decisions if decision.control.move]
    turns = sum((one > 0) != (other > 0) for one, other in pairwise(moves))
    assert turns < 4 * len(decisions) / 60, "fewer than four changes of direction a second"


def test_casual_knows_nothing_of_a_hit_before_its_reaction_time() -> None:
    frames = reaction_frames(230)
    assert frames == 14
    away = [ball_at(60 - 3 * k, 100) for k in range(10)]
    # The ball comes back, or flies on to the left: it acts alike for as long as it takes to see which.
    back, on = [ball_at(33 + 3 * k, 100 - 2 * k) for k in range(1, 30)], [ball_at(33, 100)] * 29
    one, other = (PersonaAgent(PERSONAS["casual"], seed=5) for _ in range(2))
    for view in away:
        assert one.decide(view) is other.decide(view)
    same = [one.decide(came) is other.decide(stayed) for came, stayed in zip(back, on, strict=True)]
    assert all(same[:frames])
    assert not all(same)


def test_the_predictor_goes_where_the_ball_will_arrive_off_the_wall() -> None:
    player = PersonaAgent(Persona(aim=(0.0, 0.0)), seed=0)
    # Down by 3 rows a frame from row 150, at 2 columns a frame from column 60: 38 frames to column 138 minus 2; the
    # lowest row of the ball is 190, so it turns there and arrives at 2 * 190 - (156 + 37 * 3) = 113.
    for k in range(3):
        decision = player.decide(ball_at(60 + 2 * k, 150 + 3 * k, paddle=150))
    assert decision.control.move < 0, "up, although the ball is still flying down"
    follower = PersonaAgent(Persona(foresight=False, aim=(0.0, 0.0)), seed=0)
    for k in range(3):
        decision = follower.decide(ball_at(60 + 2 * k, 170 + 3 * k, paddle=150))
    assert decision.control.move > 0, "down, after the ball"


def test_who_waits_does_not_move_before_the_ball_is_near() -> None:
    player = PersonaAgent(Persona(waits_until=90), seed=0)
    far = [player.decide(ball_at(40 + 3 * k, 50 + 2 * k)).control.move for k in range(4, 16)]
    near = [player.decide(ball_at(94 + 3 * k, 86)).control.move for k in range(5)]
    assert not any(far[2:])
    assert any(near)


def test_a_serve_takes_patience() -> None:
    player, nothing = PersonaAgent(Persona(patience=5, fire=0.0), seed=0), View(None, Rows(100, 115))
    assert [player.decide(nothing).control.fire for _ in range(8)] == [False] * 5 + [True] * 3
    player.decide(ball_at(80, 100))
    assert not player.decide(nothing).control.fire


def test_some_strokes_are_without_the_button() -> None:
    decisions, _ = game(PersonaAgent(Persona(fire=0.5), seed=6), 6000)
    held = sum(decision.control.fire for decision in decisions) / len(decisions)
    assert 0.2 < held < 0.9


def test_the_predictor_beats_casual_and_casual_beats_who_stands_still() -> None:
    for better, worse in (("predictor", "casual"), ("casual", "still")):
        court = Court(seed=1)
        right, left = script(better, seed=1), script(worse, seed=2)  # type: ignore[arg-type]
        while max(court.score) < 8:
            grey = court.grey()
            court.step(right.decide(look(grey)).control, left.decide(look_from_left(grey)).control)
        assert court.score[Side.RIGHT] == 8


def test_names() -> None:
    assert ("tracker", *PERSONAS) == SCRIPTS
    assert is_script("tracker")
    assert is_persona("casual")
    assert not is_persona("tracker")
    assert agent("cpu", seed=0) is None
    casual, ppo = agent("casual", seed=0), agent("ppo", seed=0)
    assert isinstance(casual, PersonaAgent)
    assert (casual.name, casual.reaction_ms, casual.policy) == ("Casual", 230, None)
    assert isinstance(ppo, PolicyAgent)
    with pytest.raises(UserError, match="or a script: tracker, predictor, casual"):
        agent("nobody", seed=0)
