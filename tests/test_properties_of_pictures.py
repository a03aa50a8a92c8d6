"""What holds of frames on their way to the network, whatever is on them: stacked, mirrored, turned upside down."""

from __future__ import annotations

import math

import cv2
import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from properties import examples
from torch import Tensor

from agents.base import Control, Frame, control_of
from agents.preprocessing import FrameStacker, mirrored
from models.network import CourtMirror, PolicyNetwork
from models.spec import ACTIONS, MIRRORED_ACTION, ActionName, CnnSpec, ConvLayer, FrameObservation, ModelSpec

SEEDS = st.integers(0, 2**32 - 1)
OBSERVATIONS = st.builds(
    FrameObservation,
    height=st.integers(16, 210),
    width=st.integers(16, 160),
    stack=st.integers(1, 8),
    frame_skip=st.integers(2, 8),
)


def noise(seed: int, count: int) -> list[Frame]:
    return list(np.random.default_rng(seed).integers(0, 256, (count, 210, 160), np.uint8))


def slow_observations(observation: FrameObservation, frames: list[Frame]) -> dict[int, Frame]:
    """By the frame at which each is made, from all frames there have been."""
    size = (observation.width, observation.height)
    pictures = [np.zeros(size[::-1], np.uint8)] * observation.stack
    found = {}
    for number in range(0, len(frames), observation.frame_skip):
        brightest = np.max(frames[max(number - 1, 0) : number + 1], axis=0)
        pictures.append(np.asarray(cv2.resize(brightest, size, interpolation=cv2.INTER_AREA), np.uint8))
        found[number] = np.array(pictures[-observation.stack :])
    return found


def pushed(stacker: FrameStacker, frames: list[Frame]) -> dict[int, Frame]:
    seen = {number: stacker.push(frame) for number, frame in enumerate(frames)}
    return {number: observation for number, observation in seen.items() if observation is not None}


def alike(one: dict[int, Frame], other: dict[int, Frame]) -> bool:
    return one.keys() == other.keys() and all(np.array_equal(one[number], other[number]) for number in one)


@examples(40)
@given(OBSERVATIONS, SEEDS, st.integers(1, 40))
def test_a_stacker_shows_what_all_frames_so_far_make(observation: FrameObservation, seed: int, count: int) -> None:
    frames, stacker = noise(seed, count), FrameStacker(observation)
    assert not stacker.stacked.any()
    found = pushed(stacker, frames)
    expected = slow_observations(observation, frames)
    assert alike(found, expected)
    np.testing.assert_array_equal(stacker.stacked, expected[max(expected)])
    assert stacker.stacked.shape == observation.shape


def shares(length: int, parts: int) -> NDArray[np.float64]:
    """`[parts, length]`: how much of each part of a line every one of its `length` pixels covers."""
    edges = np.arange(parts + 1)[:, None] * length / parts
    covered = np.minimum(edges[1:], np.arange(1, length + 1)) - np.maximum(edges[:-1], np.arange(length))
    return np.asarray(np.maximum(covered, 0) * parts / length)


@examples(30)
@given(OBSERVATIONS, SEEDS)
def test_a_frame_shrinks_to_the_mean_grey_of_each_area(observation: FrameObservation, seed: int) -> None:
    (frame,) = noise(seed, 1)
    shrunk = FrameStacker(observation).push(frame)
    assert shrunk is not None
    mean = shares(210, observation.height) @ frame @ shares(160, observation.width).T
    assert np.abs(shrunk[-1] - mean).max() < 0.51, "but for rounding"


@examples(40)
@given(OBSERVATIONS, SEEDS, st.integers(0, 20), st.integers(0, 20))
def test_a_stacker_goes_back_to_any_moment(observation: FrameObservation, seed: int, before: int, after: int) -> None:
    frames, stacker = noise(seed, before + after), FrameStacker(observation)
    pushed(stacker, frames[:before])
    moment, stacked = stacker.memory(), stacker.stacked
    follows = pushed(stacker, frames[before:])
    other = FrameStacker(observation)
    pushed(other, noise(seed + 1, 3))
    for each in (stacker, other):
        each.recall(moment)
        assert each.memory() is moment, "it is not made anew"
        np.testing.assert_array_equal(each.stacked, stacked)
        assert alike(pushed(each, frames[before:]), follows)
        assert (each.memory() != moment) is (after > 0)


@examples(20)
@given(OBSERVATIONS, SEEDS, st.integers(0, 20))
def test_after_a_reset_a_stacker_is_as_new(observation: FrameObservation, seed: int, count: int) -> None:
    frames, stacker = noise(seed, count), FrameStacker(observation)
    pushed(stacker, frames)
    stacker.reset()
    assert stacker.memory() == FrameStacker(observation).memory()
    assert alike(pushed(stacker, frames), pushed(FrameStacker(observation), frames))


@st.composite
def courts(draw: st.DrawFn) -> Frame:
    """As the ROM draws them: two scores, walls, paddles that a wall may hide but for a few rows, a ball.

    The mirror image of a paddle's last visible row may be none, so no fewer than two are drawn.
    """
    random = np.random.default_rng(draw(SEEDS))
    court = np.full((210, 160), 87, np.uint8)
    court[1:24] = 0
    court[1:24, :80] = 148 * random.integers(0, 2, (23, 80))
    court[1:24, 80:] = 147 * random.integers(0, 2, (23, 80))
    court[24:34] = court[194:] = 236
    field = court[34:194]
    for columns, grey in ((slice(16, 20), 148), (slice(140, 144), 147)):
        top = draw(st.none() | st.integers(-14, 158))
        if top is not None:
            field[max(top, 0) : top + 16, columns] = grey
    at_a_paddle = st.sampled_from([15, 16, 18, 19, 139, 140, 142, 143])
    row, column = draw(st.integers(0, 156)), draw(st.none() | st.integers(0, 158) | at_a_paddle)
    if column is not None:
        field[row : row + 4, column : column + 2] = 236
    return court


@examples(200)
@given(courts())
def test_a_court_mirrored_twice_is_itself(court: Frame) -> None:
    kept = court.copy()
    np.testing.assert_array_equal(mirrored(mirrored(court)), kept)
    np.testing.assert_array_equal(court, kept)


@examples(50)
@given(SEEDS)
def test_all_but_the_paddles_is_exactly_mirrored_whatever_it_shows(seed: int) -> None:
    (picture,) = noise(seed, 1)
    image = mirrored(picture)
    free = np.ones(160, bool)
    free[[*range(16, 20), *range(140, 144)]] = False
    np.testing.assert_array_equal(image[24:, free], picture[24:, ::-1][:, free])
    exchanged = np.hstack((picture[1:24, 80:], picture[1:24, :80]))
    expected = np.where(exchanged == 147, 148, np.where(exchanged == 148, 147, exchanged))
    np.testing.assert_array_equal(image[1:24], expected)
    np.testing.assert_array_equal(image[0], picture[0])


def test_an_action_upside_down_moves_as_far_the_other_way() -> None:
    for action in ACTIONS:
        control, other = control_of(action), control_of(MIRRORED_ACTION[action])
        assert other == Control(-control.move, control.fire)
        assert MIRRORED_ACTION[MIRRORED_ACTION[action]] == action


def upside_down(frames: Tensor) -> Tensor:
    """The rows of the court turned around: their middle is the screen's row 114, between the walls' 34 and 194."""
    height = frames.shape[2]
    first = math.floor(34 * height / 210)
    last = round(2 * 114 * height / 210) - 1 - first
    return torch.cat((frames[:, :, :first], frames[:, :, first : last + 1].flip(2), frames[:, :, last + 1 :]), 2)


def some_frames(observation: FrameObservation, seed: int, count: int = 3) -> Tensor:
    """Noise; the paddle's column is bright in one half of the court more often than in the other."""
    random = np.random.default_rng(seed)
    frames = random.integers(0, 118, (count, *observation.shape), np.uint8)
    column = round(142 * observation.width / 160 - 0.5)
    rows = np.arange(observation.height)
    for frame in frames:
        lower = random.integers(2)
        middle = round(114 * observation.height / 210)
        chosen = rows[middle + 1 : middle + 3] if lower else rows[middle - 3 : middle - 1]
        frame[-1, chosen, column] = 147
    return torch.from_numpy(frames)


@examples(40)
@given(OBSERVATIONS, SEEDS)
def test_a_court_and_the_same_upside_down_look_the_same(observation: FrameObservation, seed: int) -> None:
    mirror = CourtMirror(observation, ACTIONS)
    frames = some_frames(observation, seed)
    seen, flipped = mirror(frames)
    again, also_flipped = mirror(upside_down(frames))
    assert torch.equal(seen, again)
    assert torch.equal(flipped, ~also_flipped)
    assert torch.equal(torch.where(flipped[:, None, None, None], upside_down(frames), frames), seen)
    once_more, none = mirror(seen)
    assert torch.equal(once_more, seen)
    assert not none.any()


@examples(15)
@given(
    st.builds(FrameObservation, height=st.integers(16, 60), width=st.integers(16, 60), stack=st.integers(1, 3)),
    st.permutations(ACTIONS),
    SEEDS,
)
def test_a_network_that_mirrors_prefers_up_where_it_would_prefer_down(
    observation: FrameObservation, actions: list[ActionName], seed: int
) -> None:
    torch.manual_seed(seed)
    cnn = CnnSpec((ConvLayer(3, 4, 3),), hidden=8, mirror=True)
    spec = ModelSpec(algorithm="ppo", observation=observation, actions=tuple(actions), network=cnn)
    network = PolicyNetwork(spec)
    torch.nn.init.normal_(network.policy_head.weight)
    frames = some_frames(observation, seed)
    one, other = network(frames), network(upside_down(frames))
    torch.testing.assert_close(one.value, other.value)
    for place, action in enumerate(actions):
        torch.testing.assert_close(one.logits[:, place], other.logits[:, actions.index(MIRRORED_ACTION[action])])
    assert one.logits.std() > 0.01, "or it would say little"
