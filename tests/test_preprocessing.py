from __future__ import annotations

import numpy as np
import pytest
from ale_py.vector_env import AtariVectorEnv
from gymnasium.vector import AutoresetMode

from agents.base import Frame, control_of
from agents.pong import Court
from agents.preprocessing import FrameStacker
from models.spec import MINIMAL_ACTIONS, ActionName, FrameObservation


class Playback:
    """Plays a game from its very first frame, and gives the observations that `FrameStacker` makes."""

    def __init__(self, observation: FrameObservation, monkeypatch: pytest.MonkeyPatch) -> None:
        self._frame_skip = observation.frame_skip
        self._stacker = FrameStacker(observation)
        self._court = Court()
        # AtariVectorEnv is made without idle frames below, and so is this court.
        monkeypatch.setattr(self._court, "_random", NoIdleFrames())

    def reset(self) -> Frame:
        self._court.reset()
        self._stacker.reset()
        observation = self._stacker.push(self._court.grey())
        assert observation is not None
        return observation

    def step(self, action: ActionName) -> Frame:
        """The next observation: where the game ends, the first one of the next game."""
        for frame in range(1, self._frame_skip + 1):
            self._court.step(control_of(action))
            if self._court.over:
                return self.reset()
            observation = self._stacker.push(self._court.grey())
            assert (observation is not None) == (frame == self._frame_skip)
        assert observation is not None
        return observation


class NoIdleFrames:
    def integers(self, _low: int, _high: int) -> int:
        return 0


@pytest.mark.parametrize(
    "observation",
    [
        FrameObservation(),
        FrameObservation(height=42, width=40, stack=2, frame_skip=3),
        FrameObservation(height=210, width=160, stack=1, frame_skip=2),
    ],
)
def test_observations_are_bit_for_bit_those_of_training(
    observation: FrameObservation, monkeypatch: pytest.MonkeyPatch
) -> None:
    envs = AtariVectorEnv(
        "pong",
        num_envs=1,
        img_height=observation.height,
        img_width=observation.width,
        stack_num=observation.stack,
        frameskip=observation.frame_skip,
        noop_max=0,
        repeat_action_probability=0.0,
        reward_clipping=False,
        use_fire_reset=False,
        autoreset_mode=AutoresetMode.SAME_STEP,
    )
    playback = Playback(observation, monkeypatch)
    expected, _ = envs.reset(seed=0)
    np.testing.assert_array_equal(playback.reset(), expected[0])

    random = np.random.default_rng(0)
    games, moments, steps = 0, set[bytes](), 0
    while games < 1 or steps < 1200:
        action = int(random.integers(len(MINIMAL_ACTIONS)))
        expected, _, terminations, _, _ = envs.step(np.array([action]))
        np.testing.assert_array_equal(playback.step(MINIMAL_ACTIONS[action]), expected[0], err_msg=f"step {steps}")
        moments.add(expected[0].tobytes())
        games += int(terminations[0])
        steps += 1
    envs.close()
    assert len(moments) > 0.8 * steps, "the game hardly moved: the comparison says little"


def flat(grey_level: int) -> Frame:
    return np.full((210, 160), grey_level, np.uint8)


def test_the_stack_by_hand() -> None:
    """Decisions fall on frame 0 and each `frame_skip`-th after it; each sees the brighter of its last two frames."""
    stacker = FrameStacker(FrameObservation(height=20, width=16, stack=2, frame_skip=3))
    levels = [10, 50, 20, 15, 90, 80, 95, 40, 30, 60]
    seen = [stacker.push(flat(level)) for level in levels]
    assert [frame for frame, observation in enumerate(seen) if observation is not None] == [0, 3, 6, 9]
    observations = [observation for observation in seen if observation is not None]
    assert all(observation.shape == (2, 20, 16) and observation.dtype == np.uint8 for observation in observations)
    # Frame 0 alone, then max(20, 15), max(80, 95), max(30, 60); zeros before the first.
    assert [observation[:, 5, 5].tolist() for observation in observations] == [[0, 10], [10, 20], [20, 95], [95, 60]]


def test_the_court_alone_is_shown_from_paddle_to_paddle() -> None:
    """Of a screen of 210 x 160, the rows 34 to 193 and the columns 16 to 143; in 64 x 64, a pixel is 2.5 x 2 of it."""
    stacker = FrameStacker(FrameObservation(height=64, width=64, stack=1, view="court"))
    screen = flat(10)
    screen[:34], screen[194:], screen[:, :16], screen[:, 144:] = 200, 200, 200, 200
    screen[34:39, 16:18] = 90  # two rows of its pixels
    screen[191:194, 142:144] = 60  # the last one, and a fifth of the one above: (0.5 * 60 + 2 * 10) / 2.5 = 20
    (seen,) = stacker.push(screen)  # type: ignore[misc] # the first frame is one to decide on
    assert seen.shape == (64, 64)
    assert seen[:2, 0].tolist() == [90, 90]
    assert seen[62:, 63].tolist() == [20, 60]
    assert set(np.unique(seen).tolist()) == {10, 20, 60, 90}, "nothing of what is around it"


def test_all_that_moves_while_the_ball_is_between_the_paddles_is_on_the_court_alone() -> None:
    court, moved = Court(), np.zeros((210, 160), bool)
    random = np.random.default_rng(0)
    while court.frames < 3000:
        before = court.grey().copy(), court.ball
        court.step(control_of(MINIMAL_ACTIONS[int(random.integers(6))]))
        if all(ball is not None and 16 <= ball.column <= 144 - 2 for ball in (before[1], court.ball)):
            moved |= court.grey() != before[0]
    rows, columns = np.nonzero(moved)
    assert (rows.min(), rows.max() + 1) == (34, 194)
    assert (columns.min(), columns.max() + 1) == (16, 144)


def test_reset_forgets() -> None:
    stacker = FrameStacker(FrameObservation(height=20, width=16, stack=3, frame_skip=2))
    for level in (200, 210, 220, 230):
        stacker.push(flat(level))
    stacker.reset()
    observation = stacker.push(flat(7))
    assert observation is not None
    assert observation[:, 0, 0].tolist() == [0, 0, 7]


def test_an_observation_is_no_view_of_what_comes_later() -> None:
    stacker = FrameStacker(FrameObservation(height=20, width=16, stack=2, frame_skip=2))
    first = stacker.push(flat(7))
    assert first is not None
    kept = first.copy()
    for level in (100, 200, 250):
        stacker.push(flat(level))
    np.testing.assert_array_equal(first, kept)


def test_a_moment_gone_back_to_brings_the_same_observations() -> None:
    stacker = FrameStacker(FrameObservation(height=20, width=16, stack=3, frame_skip=3))
    for level in (10, 50, 20, 15, 90, 80):
        stacker.push(flat(level))
    moment = stacker.memory()  # just before a decision frame, which sees the brighter of 80 and 30

    def follows() -> list[bytes | None]:
        seen = [stacker.push(flat(level)) for level in (30, 95, 40, 20, 60, 5, 70)]
        return [None if observation is None else observation.tobytes() for observation in seen]

    first = follows()
    assert sum(observation is not None for observation in first) == 3
    stacker.recall(moment)
    assert follows() == first
    stacker.reset()
    assert follows() != first
    stacker.recall(moment)
    assert follows() == first
