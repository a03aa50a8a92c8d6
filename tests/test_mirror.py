"""What a policy on the left is shown: the court as it would be, had it and its opponent changed places."""

from __future__ import annotations

import functools

import numpy as np
import pytest
from ale_py import ALEState
from duel import Duel

from agents.base import Frame
from agents.pong import Ball, Court
from agents.preprocessing import mirrored

FRAMES, SERVER = 8, 18
BALL_COLUMN, BALL_LEFT = 49, 58
PAIRS = ((13, 14), (50, 51), (59, 60), (63, 64))
"""Bytes of the RAM, the left and the right player's: score, paddle, knob reading, button."""

STATES = 300
FRAMES_APART = 23
FIRST_SERVE = 60
"""Before it the ROM draws the right paddle only."""


def change_places(court: Court, turned: Court) -> None:
    """Makes `turned` the court as it would be with the players' places changed.

    The ROM reads the left knob in one frame and the right knob in the next, so its counter is one frame off. The RAM
    counts columns from 49, and the ball is two wide: 160 - 2 - (x - 49) is where x' - 49 must be.
    """
    turned.restore(court.save())
    ram = np.frombuffer(court.fingerprint(), np.uint8).astype(int)
    poked = {FRAMES: ram[FRAMES] + 1, BALL_COLUMN: 256 - ram[BALL_COLUMN], BALL_LEFT: -ram[BALL_LEFT]}
    for left, right in PAIRS:
        poked |= {left: ram[right], right: ram[left]}
    if ram[SERVER] in {0, 1}:
        poked[SERVER] = 1 - ram[SERVER]
    for byte, value in poked.items():
        turned._ale.setRAM(byte, int(value) % 256)
    knobs = bytearray(turned._ale.cloneState().serialize())
    knobs[:4], knobs[4:8] = knobs[4:8], knobs[:4]
    turned._ale.restoreState(ALEState(bytes(knobs)))


def is_mirror_image(court: Court, turned: Court) -> bool:
    """By the RAM. A hit may fall a frame earlier on one side than on the other."""
    ball, other = court.ball, turned.ball
    if ball is None or other is None:
        return ball is other and turned.score == court.score[::-1]
    return other == Ball(158 - ball.column, ball.row, -ball.right, ball.down) and turned.score == court.score[::-1]


@functools.cache
def states() -> list[tuple[Frame, Frame, Ball | None]]:
    """A court, the same with the players' places changed two frames earlier, both drawn by the ROM; and the ball."""
    court, turned, duel = Court(seed=0), Court(), Duel(seed=0)
    pairs: list[tuple[Frame, Frame, Ball | None]] = []
    while len(pairs) < STATES:
        if court.over:
            court.reset()
        for _ in range(FRAMES_APART):
            court.step(*duel.controls(court))
        if court.frames < FIRST_SERVE:
            continue
        before, score = court.save(), court.score
        change_places(court, turned)
        still = []
        for _ in range(2):
            right, left = duel.controls(court)
            court.step(right, left)
            turned.step(left, right)
            # In a point's own frame the ball is drawn a last time.
            still.append(is_mirror_image(court, turned) and court.score == score)
        if all(still) and not court.over:
            pairs.append((court.grey(), turned.grey(), court.ball))
        court.restore(before)
    return pairs


def where_the_ball_may_be_a_row_off(ball: Ball | None) -> tuple[slice, slice]:
    """Around the ball, where it is right of column 125 in the picture or in its mirror image; else nothing."""
    if ball is None or 31 < ball.column < 126:
        return slice(0), slice(0)
    column = 158 - ball.column
    return slice(ball.row - 1, ball.row + 5), slice(max(column, 0), column + 2)


def test_the_mirror_image_is_what_the_rom_draws_with_the_places_changed() -> None:
    alike = 0
    for grey, turned, ball in states():
        image = mirrored(grey)
        alike += np.array_equal(image, turned)
        for picture in (image, turned):
            picture[where_the_ball_may_be_a_row_off(ball)] = 0
        np.testing.assert_array_equal(image, turned, err_msg=str(ball))
    assert alike > 0.9 * STATES


def test_the_states_are_many_kinds_of_states() -> None:
    pictures = [grey for grey, _, _ in states()]
    balls = [ball for _, _, ball in states() if ball is not None]
    assert len({picture.tobytes() for picture in pictures}) > 0.9 * STATES
    assert STATES / 4 < len(balls) < STATES, "between points there is none"
    assert {ball.right > 0 for ball in balls} == {ball.down > 0 for ball in balls} == {False, True}
    scores = {picture[1:24].tobytes() for picture in pictures}
    assert len(scores) > 20
    # Each paddle whole, and cut off by each wall.
    for columns, level in ((16, 148), (140, 147)):
        paddles = [np.flatnonzero(picture[34:194, columns] == level) for picture in pictures]
        heights = {(paddle.size, paddle[0] == 0, paddle[-1] == 159) for paddle in paddles if paddle.size}
        assert any(size < 16 and top for size, top, _ in heights)
        assert any(size < 16 and bottom for size, _, bottom in heights)
        assert any(size == 16 for size, _, _ in heights)


def test_twice_mirrored_is_the_original() -> None:
    for grey, _, _ in states():
        kept = grey.copy()
        np.testing.assert_array_equal(mirrored(mirrored(grey)), kept)
        np.testing.assert_array_equal(grey, kept, err_msg="a picture that is looked at stays as it is")


def field() -> Frame:
    return np.full((210, 160), 87, np.uint8)


@pytest.mark.parametrize(
    ("right_rows", "left_rows"),
    [
        ((100, 116), (99, 115)),
        ((34, 50), (34, 49)),  # the wall now cuts off a row
        ((34, 44), (34, 43)),
        ((182, 194), (181, 194)),  # a row comes out of the wall
        ((178, 194), (177, 193)),
    ],
)
def test_paddles_by_hand(right_rows: tuple[int, int], left_rows: tuple[int, int]) -> None:
    """A paddle is 16 rows high, less where a wall, above row 34 or from row 194 on, cuts it off."""
    court, image = field(), field()
    court[slice(*right_rows), 140:144] = 147
    image[slice(*left_rows), 16:20] = 148
    np.testing.assert_array_equal(mirrored(court), image)
    np.testing.assert_array_equal(mirrored(image), court)


def test_a_ball_over_a_paddle_by_hand() -> None:
    court, image = field(), field()
    court[100:116, 140:144] = 147
    court[113:117, 141:143] = 236  # covers the paddle's lower edge
    image[99:115, 16:20] = 148
    image[113:117, 17:19] = 236
    np.testing.assert_array_equal(mirrored(court), image)
