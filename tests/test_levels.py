from __future__ import annotations

import subprocess
import sys

import msgspec
import numpy as np
import pytest

from agents.base import Decision
from agents.handicap import Handicap
from agents.ladder import LadderAgent
from agents.policy import PolicyAgent
from agents.pong import Court
from agents.scripted import TrackerAgent
from app.game.cast import load_agent
from app.game.levels import FIXED_OPPONENT, LEVELS, Level, name_of, nearest, ratings_of
from app.game.lineup import Ladder, Lineup, Policy, Rom, Tracker
from app.game.rating import PRIOR_RATING
from app.settings import FIRST_OPPONENT
from models import catalog
from models.errors import UserError
from models.run_directory import read_metrics

EVERY_LEVEL = pytest.mark.parametrize("level", LEVELS, ids=lambda level: level.name)


def test_levels_are_in_the_order_of_their_strength() -> None:
    assert 6 <= len(LEVELS) <= 8
    assert min(np.diff([level.points_won for level in LEVELS])) > 0
    assert min(np.diff([level.rating for level in LEVELS])) > 0
    assert 0 <= LEVELS[0].points_won < 0.25
    assert 0.75 < LEVELS[-1].points_won <= 1
    assert ratings_of(FIXED_OPPONENT) == {"Casual": 1000}


def test_whoever_comes_for_the_first_time_meets_the_level_nearest_to_what_is_expected_of_them() -> None:
    assert LEVELS[nearest(PRIOR_RATING)].player == FIRST_OPPONENT


def test_levels_differ() -> None:
    assert len({level.name for level in LEVELS}) == len({level.player for level in LEVELS}) == len(LEVELS)


@EVERY_LEVEL
def test_a_level_can_be_played(level: Level) -> None:
    lineup = Lineup(Rom(), level.player)
    assert msgspec.json.decode(msgspec.json.encode(lineup), type=Lineup) == lineup
    agent = load_agent(level.player, seed=1)
    assert agent.name == level.name
    decision = agent.observe(Court().grey())
    assert isinstance(decision, Decision)
    assert agent.reaction_ms == level.player.reaction_ms


@EVERY_LEVEL
def test_a_level_says_who_it_is(level: Level) -> None:
    player, words = level.player, level.description
    assert words.startswith(f"The {player.model.partition('@')[0]}")
    assert words.endswith(f"eacts after {player.reaction_ms} ms." if player.reaction_ms else "reacts at once.")
    assert (f"Misjudges balls by {player.misjudgement:g} rows" in words) == (player.misjudgement > 0)
    assert ("the likeliest action" in words) == player.greedy
    assert player.temperature == 1


@pytest.mark.parametrize(
    "level", [level for level in LEVELS if "@" in level.player.model], ids=lambda level: level.name
)
def test_a_level_says_how_long_it_has_trained(level: Level) -> None:
    model, _, steps = level.player.model.partition("@")
    line = min(read_metrics(catalog.home(model)), key=lambda line: abs(line["steps"] - int(steps)))
    assert f"{model} after {line['seconds'] / 60:.0f} minutes with its coach" in level.description


def test_names() -> None:
    assert name_of(LEVELS[0].player) == LEVELS[0].name
    assert name_of(Policy("ppo")) == "ppo"
    assert name_of(Policy("ppo@153600", reaction_ms=231)) == "ppo at 0.15M"
    assert name_of(Tracker()) == "Tracker"


def test_a_policy_plays_as_it_was_asked_to() -> None:
    agent = load_agent(Policy("ppo@301056", temperature=0.5, greedy=True), seed=0)
    assert isinstance(agent, PolicyAgent)
    assert (agent.name, agent.temperature, agent.greedy) == ("ppo at 0.30M", 0.5, True)
    late = load_agent(Policy("ppo@301056", temperature=0.5, reaction_ms=100), seed=0)
    assert isinstance(late, Handicap)
    assert late.reaction_ms == 100
    assert late.policy is not None
    assert (late.policy.temperature, late.policy.greedy) == (0.5, False)


def test_trackers() -> None:
    assert isinstance(load_agent(Tracker(), seed=0), TrackerAgent)
    late = load_agent(Tracker(reaction_ms=230), seed=0)
    assert isinstance(late, Handicap)
    assert (late.name, late.reaction_ms) == ("Tracker", 230)


def test_a_ladder_climbs_the_levels() -> None:
    ladder = load_agent(Ladder(level=1), seed=0)
    assert isinstance(ladder, LadderAgent)
    assert ladder.name == f"Ladder: {LEVELS[1].name}"
    grey = Court().grey()
    names = []
    for points in range(2, 2 + len(LEVELS)):
        ladder.adapt(0, points)
        ladder.observe(grey)
        names.append(ladder.name)
    assert names[:2] == [f"Ladder: {LEVELS[2].name}", f"Ladder: {LEVELS[3].name}"]
    assert names[-1] == f"Ladder: {LEVELS[-1].name}"


def test_the_seed_is_that_of_the_play() -> None:
    def actions(seed: int) -> list[str]:
        agent, grey = load_agent(Policy("ppo@153600", temperature=5.0), seed=seed), Court().grey()
        return [agent.observe(grey).action for _ in range(80)]

    assert actions(1) == actions(1) != actions(2)


def test_a_model_that_is_not_there() -> None:
    with pytest.raises(UserError, match="its stages: ppo@153600"):
        load_agent(Policy("ppo@7"), seed=0)
    with pytest.raises(UserError, match="'nobody' is neither"):
        load_agent(Policy("nobody"), seed=0)


def test_a_tracker_is_loaded_without_torch() -> None:
    code = (
        "import sys; from app.game.lineup import Tracker; from app.game.cast import load_agent; "
        "load_agent(Tracker(reaction_ms=230), seed=0); sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
