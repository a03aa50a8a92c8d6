from __future__ import annotations

import numpy as np
import pytest

from agents.base import Decision, Frame
from agents.ladder import LadderAgent

BLANK: Frame = np.zeros((210, 160), np.uint8)


class Rung:
    """An agent that tells how many frames it has seen since its last reset."""

    policy = None

    def __init__(self, name: str, reaction_ms: int = 0) -> None:
        self.name = name
        self.reaction_ms = reaction_ms
        self.seen = 0
        self.resets = 0
        self.seed: int | None = None

    def reset(self, seed: int | None = None) -> None:
        self.seen = 0
        self.resets += 1
        self.seed = seed

    def observe(self, grey: Frame) -> Decision:
        del grey
        self.seen += 1
        return Decision("NOOP", ("NOOP",), (1.0,), value=float(self.seen))

    def memory(self) -> int:
        return self.seen

    def recall(self, memory: int) -> None:
        self.seen = memory


@pytest.fixture
def rungs() -> list[Rung]:
    return [Rung(name) for name in ("Low", "Middle", "High", "Top")]


@pytest.mark.parametrize(
    ("own", "other", "level"),
    [(0, 0, 1), (1, 0, 1), (0, 1, 1), (2, 0, 0), (0, 2, 2), (9, 7, 0), (7, 9, 2), (20, 3, 0), (3, 20, 2), (9, 8, 1)],
)
def test_the_rule(rungs: list[Rung], own: int, other: int, level: int) -> None:
    ladder = LadderAgent(rungs, level=1)
    ladder.adapt(own, other)
    assert ladder.level == level


def test_one_rung_a_point_and_not_past_the_ends(rungs: list[Rung]) -> None:
    ladder = LadderAgent(rungs, level=2)
    levels = []
    for own in range(1, 6):
        ladder.adapt(own, 0)
        levels.append(ladder.level)
    assert levels == [2, 1, 0, 0, 0]
    for other in range(1, 12):
        ladder.adapt(5, other)
        levels.append(ladder.level)
    # 5 : 1, 5 : 2, 5 : 3 lead still; 5 : 4, 5 : 5, 5 : 6 are close; from 5 : 7 on it trails.
    assert levels[5:] == [0, 0, 0, 0, 0, 0, 1, 2, 3, 3, 3]


def test_only_the_rung_that_plays_sees_and_the_one_that_takes_over_begins_anew(rungs: list[Rung]) -> None:
    ladder = LadderAgent(rungs, level=1)
    ladder.reset()
    assert [ladder.observe(BLANK).value for _ in range(3)] == [1, 2, 3]
    ladder.adapt(0, 1)
    assert ladder.observe(BLANK).value == 4
    rungs[2].seen = 99
    ladder.adapt(0, 2)
    assert ladder.observe(BLANK).value == 1
    assert [rung.resets for rung in rungs] == [1, 1, 2, 1]


def test_its_name_tells_the_level(rungs: list[Rung]) -> None:
    ladder = LadderAgent(rungs, level=0)
    assert ladder.name == "Ladder: Low"
    ladder.adapt(0, 2)
    assert ladder.name == "Ladder: Middle"


def test_it_reacts_as_late_as_the_rung_that_plays() -> None:
    ladder = LadderAgent([Rung("Slow", 230), Rung("Fast", 100)])
    assert (ladder.reaction_ms, ladder.policy) == (230, None)
    ladder.adapt(0, 2)
    assert ladder.reaction_ms == 100


def test_a_new_game_begins_on_the_same_level(rungs: list[Rung]) -> None:
    ladder = LadderAgent(rungs, level=1)
    ladder.adapt(0, 2)
    ladder.reset(seed=7)
    assert ladder.level == 2
    assert {rung.seed for rung in rungs} == {7}
    ladder.adapt(0, 1)
    assert ladder.level == 2


def test_a_level_beyond_the_last_is_the_last(rungs: list[Rung]) -> None:
    assert LadderAgent(rungs, level=9).level == 3


def test_recall(rungs: list[Rung]) -> None:
    ladder = LadderAgent(rungs, level=1)
    ladder.observe(BLANK)
    memory = ladder.memory()
    ladder.adapt(0, 2)
    ladder.observe(BLANK)
    ladder.recall(memory)
    assert (ladder.level, ladder.name) == (1, "Ladder: Middle")
    assert ladder.observe(BLANK).value == 2
