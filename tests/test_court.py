"""What Volley takes for granted about the ROM, and about the court over it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from agents.base import Frame, control_of
from agents.pong import Court
from models.spec import ACTIONS, MINIMAL_ACTIONS, POINTS_TO_WIN, ActionName

LEFT_GREY, RIGHT_GREY = 148, 147
FIELD = slice(34, 194)
LEFT_PADDLE_COLUMN, RIGHT_PADDLE_COLUMN = 16, 140


class RewardRecorder:
    """Stands before the emulator and keeps the rewards that `act` gives."""

    def __init__(self, ale: Any) -> None:
        self.rewards: list[int] = []
        self._ale = ale

    def act(self, action: object, strength: float = 1.0) -> int:
        self.rewards.append(int(self._ale.act(action, strength)))
        return self.rewards[-1]

    def __getattr__(self, name: str) -> Any:
        return getattr(self._ale, name)


def random_actions(seed: int) -> Iterator[ActionName]:
    random = np.random.default_rng(seed)
    while True:
        action = MINIMAL_ACTIONS[int(random.integers(len(MINIMAL_ACTIONS)))]
        yield from [action] * 4


def paddle_top(court: Court, column: int, grey_level: int) -> int:
    return int(np.flatnonzero(court.grey()[FIELD, column] == grey_level)[0])


def right_paddle_top(court: Court) -> int:
    return paddle_top(court, RIGHT_PADDLE_COLUMN, RIGHT_GREY)


def test_the_score_is_the_sum_of_the_rewards_over_a_whole_game() -> None:
    court = Court(seed=3)
    recorder = RewardRecorder(court._ale)
    court._ale = recorder  # type: ignore[assignment]
    lead, leads = 0, set()
    for action in random_actions(seed=3):
        court.step(control_of(action))
        lead += recorder.rewards[-1]
        assert court.score.right - court.score.left == lead
        assert court.over == (max(court.score) == POINTS_TO_WIN)
        leads.add(lead)
        if court.over:
            break
    assert court.score.left == recorder.rewards.count(-1) == POINTS_TO_WIN
    assert court.score.right == recorder.rewards.count(1)
    assert len(leads) >= POINTS_TO_WIN
    assert court.frames == len(recorder.rewards)


def test_pictures() -> None:
    court = Court()
    grey, colour = court.grey(), court.colour()
    assert grey.shape == (210, 160)
    assert colour.shape == (210, 160, 3)
    assert grey.dtype == colour.dtype == np.uint8
    for _ in range(60):
        court.step(control_of("NOOP"))
    later = court.grey()
    assert not np.array_equal(later, grey), "a picture is a copy, not a view of the emulator's screen"
    # Greys and colours of background, wall, left and right paddle.
    assert set(np.unique(later[FIELD])) <= {87, 236, LEFT_GREY, RIGHT_GREY}
    assert court.colour()[100, 80].tolist() == [144, 72, 17]


def test_the_right_player_moves_the_right_paddle() -> None:
    positions = {}
    for action in ACTIONS:
        court = Court(seed=0)
        for _ in range(40):
            court.step(control_of("RIGHT"))
        for _ in range(10):
            court.step(control_of("LEFT"))
        for _ in range(30):  # both paddles come to rest: the serve is still to come
            court.step(control_of("NOOP"))
        rest = right_paddle_top(court)
        for _ in range(4):
            court.step(control_of(action))
        positions[action] = right_paddle_top(court) - rest
    assert positions["RIGHT"] < 0, "RIGHT is up"
    assert positions["LEFT"] > 0, "LEFT is down"
    assert positions["RIGHTFIRE"] == positions["RIGHT"]
    assert positions["LEFTFIRE"] == positions["LEFT"]
    assert positions["NOOP"] == positions["FIRE"] == 0


class NoIdleFrames:
    def integers(self, _low: int, _high: int) -> int:
        return 0


def play(court: Court, frames: int) -> list[bytes]:
    pictures = []
    for _, action in zip(range(frames), random_actions(seed=0), strict=False):
        court.step(control_of(action))
        pictures.append(court.grey().tobytes())
    return pictures


@pytest.mark.parametrize("sticky", [0.0, 0.25])
def test_the_same_seed_gives_the_same_game(sticky: float) -> None:
    first = play(Court(seed=5, sticky=sticky), 400)
    assert first == play(Court(seed=5, sticky=sticky), 400)
    assert len(set(first)) > 200


@pytest.mark.parametrize("seed", [2**31, np.int64(2**31), 3 * 800_000_000, 2**80])
def test_any_whole_number_from_0_is_a_seed(seed: int) -> None:
    assert play(Court(seed=seed, sticky=0.5), 50) == play(Court(seed=seed, sticky=0.5), 50)


def test_seeds_and_resets_give_other_games() -> None:
    court = Court(seed=0)
    games = [play(court, 100)]
    for _ in range(3):
        court.reset()
        games.append(play(court, 100))
    games += [play(Court(seed=seed), 100) for seed in (1, 2, 3)]
    assert len({tuple(game) for game in games}) >= 6, "of 30 beginnings, seven draws may agree once"


def test_the_seed_governs_stickiness_too(monkeypatch: pytest.MonkeyPatch) -> None:
    games = []
    for seed in (0, 1, 2):
        with monkeypatch.context() as no_idle_frames:  # nothing but stickiness tells these games apart
            no_idle_frames.setattr(np.random, "default_rng", lambda _: NoIdleFrames())
            court = Court(seed=seed, sticky=0.25)
        games.append(play(court, 200))
    assert games[0] != games[1] != games[2] != games[0]


def test_a_game_begins_after_1_to_30_idle_frames() -> None:
    court = Court(seed=0)
    recorder = RewardRecorder(court._ale)
    court._ale = recorder  # type: ignore[assignment]
    idle = []
    for _ in range(200):
        recorder.rewards.clear()
        court.reset()
        idle.append(len(recorder.rewards))
        assert court.frames == 0
        assert court.score == (0, 0)
        assert not court.over
    assert (min(idle), max(idle)) == (1, 30)


def moved_by_one_frame_of(action: ActionName, court: Court) -> bool:
    """Whether one frame of `action`, and idling after it, moves the right paddle from rest."""
    rest = right_paddle_top(court)
    court.step(control_of(action))
    for _ in range(9):
        court.step(control_of("NOOP"))
    return right_paddle_top(court) != rest


@pytest.mark.parametrize(("sticky", "share", "tolerance"), [(0.0, 1.0, 0.0), (0.25, 0.75, 0.08), (1.0, 0.0, 0.0)])
def test_sticky_actions_repeat_the_frame_before(sticky: float, share: float, tolerance: float) -> None:
    """An action after idle frames is lost with probability `sticky`; 300 trials have a standard error of 0.025."""
    trials: list[bool] = []
    court = Court(seed=0, sticky=sticky)
    while len(trials) < 300:
        court.reset()
        for action in ("RIGHT", "LEFT") * 10:  # up and down again, so that the paddle stays off the walls
            for _ in range(10):
                court.step(control_of("NOOP"))
            trials.append(moved_by_one_frame_of(action, court))
    assert abs(np.mean(trials) - share) <= tolerance


def test_paddles_stand_where_the_facts_say() -> None:
    court = Court()
    for _ in range(60):  # the left paddle appears with the first serve
        court.step(control_of("NOOP"))
    grey: Frame = court.grey()
    rows, columns = np.nonzero(grey[FIELD] == RIGHT_GREY)
    assert (columns.min(), columns.max()) == (140, 143)
    assert rows.max() - rows.min() + 1 == 16
    rows, columns = np.nonzero(grey[FIELD] == LEFT_GREY)
    assert (columns.min(), columns.max()) == (16, 19)
    assert paddle_top(court, LEFT_PADDLE_COLUMN, LEFT_GREY) == rows.min()
