"""The court for two: the ROM's own game for two players, and what a window needs on top of it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from ale_py import roms
from duel import Duel
from numpy.typing import NDArray

from agents.base import FULL_SPEED, Control
from agents.pong import SERVE_PATIENCE, SOUND_SAMPLES, Court, Side
from models.spec import POINTS_TO_WIN

IDLE = Control()
PRESS = Control(fire=True)
UP, DOWN = Control(-FULL_SPEED), Control(FULL_SPEED)
UP_AND_PRESS, DOWN_AND_PRESS = Control(-FULL_SPEED, fire=True), Control(FULL_SPEED, fire=True)

SCORES = (13, 14)
FRAMES, FRAMES_256 = 8, 9

TWO_PLAYERS_MODE = 3
EXEMPT = {
    5: "set once, when the console is switched on",
    8: "counts frames from when the console is switched on; its last bit says whose knob is read, and must agree",
    9: "counts the times that byte 8 comes round",
    10: "1 in the frame in which byte 8 comes round",
    21: "where the ROM's own opponent would have its paddle",
    52: "the row of a third player's paddle, in the ROM's games for four",
    53: "the row of a fourth player's paddle",
    61: "a third player's knob",
    62: "a fourth player's knob",
}
"""Bytes of the RAM in which two games that are alike may differ; none is drawn, and none is heard."""
COMPARED = [byte for byte in range(128) if byte not in EXEMPT]


def ram_of(court: Court) -> NDArray[np.uint8]:
    return np.frombuffer(court.fingerprint(), np.uint8)


def two_player_game(*, sound: bool = False) -> Court:
    """A game for two from its first frame, without idle frames."""
    court = Court(sound=sound)
    court.reset(idle_frames=0)
    return court


def native_code(control: Control) -> int:
    """What another program calls a control."""
    button, up, down = 1, 3, 4
    if control.move == 0:
        return button if control.fire else 0
    direction = up if control.move < 0 else down
    return direction + 8 if control.fire else direction


def native_game(package: Any) -> Any:
    """A game of another program that has the ROM's game for two natively, from its first frame."""
    native = package.ALEInterface()
    native.setInt(b"random_seed", 0)
    native.setFloat(b"repeat_action_probability", 0.0)
    native.loadROM(str(roms.get_rom_path("pong")))
    native.setMode(TWO_PLAYERS_MODE)
    native.reset_game()
    turn_up_spare_knobs(native)
    return native


def turn_up_spare_knobs(native: Any) -> None:
    """Turns the third and the fourth player's knob, which ale-py has not got, to where the ROM reads as little.

    They change what the ROM has to do while it draws. With both in the middle, where the other program leaves them, a
    ball right of column 125 is drawn a row higher in some other frames than with ale-py, and may just miss a paddle.
    """
    state = native.cloneState()
    encoded = native.encodeState(state)
    encoded[8:16] = 0
    turned = native.decodeState(encoded)
    native.restoreState(turned)
    native.deleteState(state)
    native.deleteState(turned)


@pytest.mark.parametrize("seed", [3, 5, 12])
def test_a_game_for_two_is_bit_for_bit_another_programs(seed: int, capfd: pytest.CaptureFixture[str]) -> None:
    """A whole game each, both sides playing; the pictures are compared in every tenth frame."""
    reason = "multi-agent-ale-py, which has the ROM's game for two natively, has no wheel for this machine"
    native = native_game(pytest.importorskip("multi_agent_ale_py", reason=reason))
    capfd.readouterr()  # what it says of itself
    court, duel = two_player_game(), Duel(seed)
    for _ in range(2):  # which the other program runs before it hands a game over
        court.step(IDLE, IDLE)
    ours, theirs = [], []
    while not court.over:
        right, left = duel.controls(court)
        court.step(right, left)
        native.act([native_code(right), native_code(left)])
        ours.append(court.fingerprint())
        theirs.append(native.getRAM().tobytes())
        if court.frames % 10 == 0:
            np.testing.assert_array_equal(native.getScreenGrayscale()[..., 0] == 236, court.grey() == 236)
    frames, native_frames = (np.frombuffer(b"".join(rams), np.uint8).reshape(-1, 128) for rams in (ours, theirs))
    unlike = np.argwhere(frames[:, COMPARED] != native_frames[:, COMPARED])
    assert not unlike.size, f"byte {COMPARED[unlike[0, 1]]} in frame {unlike[0, 0]}"
    assert not ((frames[:, FRAMES] ^ native_frames[:, FRAMES]) & 1).any()
    assert native.game_over()
    assert min(court.score) > 0, "a game in which points fall on both sides says more"


@pytest.mark.parametrize("byte", EXEMPT)
def test_bytes_that_are_not_compared_affect_nothing(byte: int) -> None:
    """In the game for two: each is changed in one of two courts, and the game goes on alike."""
    court, changed = two_player_game(), two_player_game()
    duel = Duel(seed=2)
    for frame in range(500):
        if frame % 100 == 50:
            changed._ale.setRAM(byte, (int(ram_of(changed)[byte]) + 38) % 256)
        right, left = duel.controls(court)
        court.step(right, left)
        changed.step(right, left)
        np.testing.assert_array_equal(ram_of(changed)[COMPARED], ram_of(court)[COMPARED])
        np.testing.assert_array_equal(changed.grey(), court.grey())
    assert sum(court.score) > 0


def test_the_last_bit_of_the_frame_counter_does_affect_the_game() -> None:
    court, changed = two_player_game(), two_player_game()
    changed._ale.setRAM(FRAMES, int(ram_of(changed)[FRAMES]) + 1)
    duel = Duel(seed=2)
    alike = []
    for _ in range(200):
        right, left = duel.controls(court)
        court.step(right, left)
        changed.step(right, left)
        alike.append(bool((ram_of(changed)[COMPARED] == ram_of(court)[COMPARED]).all()))
    assert not all(alike)


def test_the_first_frames() -> None:
    """The ROM serves the first ball by itself, on frame 59 as in its game for one."""
    court = two_player_game()
    for frame in range(1, 80):
        assert court.server is None
        assert (court.ball is None) == (frame <= 59)
        court.step(IDLE, IDLE)
    left, right = (court.paddle_row(side) for side in Side)
    assert left == right
    assert abs(left - 114) < 12, "both paddles begin in the middle of rows 34 to 193"


def until_served_by(server: Side) -> Court:
    """A game in which this side has won a point and may serve, in that very frame."""
    court = two_player_game()
    while court.server is None:
        row = 0 if court.ball is None else court.ball.row + 2
        wins, loses = Control(court.towards(server, row)), Control(court.towards(server.other, 228 - row))
        court.step(*((wins, loses) if server is Side.RIGHT else (loses, wins)))
        assert court.frames < 2000
    assert court.server is server
    return court


def frames_until_the_ball(court: Court, right: Control, left: Control) -> int:
    begun = court.frames
    while court.ball is None:
        court.step(right, left)
        assert court.frames < begun + 1000
    assert court.server is None
    return court.frames - begun


@pytest.mark.parametrize("server", Side)
def test_nobody_needs_to_serve(server: Side) -> None:
    court = until_served_by(server)
    waits = court.save()
    patience = frames_until_the_ball(court, IDLE, IDLE)
    assert SERVE_PATIENCE < patience <= SERVE_PATIENCE + 4

    press = (PRESS, IDLE) if server is Side.RIGHT else (IDLE, PRESS)
    court.restore(waits)
    assert frames_until_the_ball(court, *press) <= 3, "their own button serves at once"

    court.restore(waits)
    assert frames_until_the_ball(court, press[1], press[0]) == patience, "the other player's does nothing"


def test_patience_begins_anew_with_each_point() -> None:
    court = until_served_by(Side.RIGHT)
    waits = court.save()
    patience = frames_until_the_ball(court, IDLE, IDLE)
    court.restore(waits)
    for _ in range(SERVE_PATIENCE // 2):
        court.step(IDLE, IDLE)
    frames_until_the_ball(court, PRESS, IDLE)
    while court.server is None:
        court.step(UP, DOWN)
        assert court.frames < 4000
    assert frames_until_the_ball(court, IDLE, IDLE) == patience


@pytest.mark.parametrize("winner", Side)
def test_21_points_end_a_game(winner: Side) -> None:
    court, duel = two_player_game(), Duel(seed=3)
    court._ale.setRAM(SCORES[winner], POINTS_TO_WIN - 1)
    while court.score[winner] < POINTS_TO_WIN:
        assert not court.over
        court.step(*duel.controls(court))
    assert court.over
    score = court.score
    for _ in range(100):
        court.step(DOWN, DOWN)
    assert court.over
    assert court.score == score
    assert court._knob(Side.LEFT) <= 790_196, "where a knob ends, in frames that the emulator no longer runs too"


def goes_on_after_18_minutes(left: Control | None) -> bool:
    """Plays across the moment in which the ROM's counters have come round; whether points are still scored."""
    court = two_player_game()
    for _ in range(100):
        court.step(UP_AND_PRESS, left)
    court._ale.setRAM(FRAMES_256, 255)
    court._ale.setRAM(FRAMES, 240)
    points = []
    for _ in range(600):
        court.step(UP_AND_PRESS, left)
        points.append(sum(court.score))
    return points[-1] > points[100]


@pytest.mark.parametrize("left", [None, DOWN_AND_PRESS], ids=["one player", "two players"])
def test_the_rom_does_not_end_a_game_after_18_minutes(left: Control | None, monkeypatch: pytest.MonkeyPatch) -> None:
    assert goes_on_after_18_minutes(left)
    monkeypatch.setattr(Court, "_keep_going", lambda *_: None)
    assert not goes_on_after_18_minutes(left), "left alone, the ROM does"


@pytest.mark.parametrize("fire", [False, True])
def test_both_paddles_move_alike(*, fire: bool) -> None:
    court = two_player_game()
    random = np.random.default_rng(4)
    rows = set()
    for _ in range(40):
        control = Control(int(random.integers(-FULL_SPEED, FULL_SPEED + 1)), fire=fire)
        for _ in range(6):
            court.step(control, control)
            assert court._knob(Side.LEFT) == court._knob(Side.RIGHT)
        for _ in range(20):  # the ROM's paddles come to rest, one a frame before the other
            court.step(IDLE, IDLE)
        rows.add(court.paddle_row(Side.LEFT))
        assert court.paddle_row(Side.LEFT) == court.paddle_row(Side.RIGHT)
    assert len(rows) > 20


@pytest.mark.parametrize("side", Side)
def test_half_speed_is_half_as_far(side: Side) -> None:
    def travelled(move: int) -> float:
        court = two_player_game()
        for _ in range(4):
            court.step(IDLE, IDLE)
        before = court.paddle_row(side)
        for frame in range(40):
            control = Control(move if frame < 10 else 0)
            court.step(*((control, IDLE) if side is Side.RIGHT else (IDLE, control)))
        return court.paddle_row(side) - before

    # 10 frames of 23,000 units of a knob that has about 4,034 of them for a row.
    assert travelled(FULL_SPEED) == pytest.approx(57, abs=2)
    assert travelled(FULL_SPEED // 2) == pytest.approx(57 / 2, abs=2)
    assert travelled(-FULL_SPEED // 2) == pytest.approx(-57 / 2, abs=2)


@pytest.mark.parametrize("side", Side)
@pytest.mark.parametrize("row", [-50, 34, 50, 77.5, 114, 150, 180, 193, 400])
def test_towards_brings_the_paddle_to_a_row(side: Side, row: float) -> None:
    court = two_player_game()
    nearest = min(max(row, 34), 194)  # no further than the walls
    for _ in range(60):
        move = court.towards(side, row)
        assert -FULL_SPEED <= move <= FULL_SPEED
        control = Control(move)
        court.step(*((control, IDLE) if side is Side.RIGHT else (IDLE, control)))
    assert abs(court.paddle_row(side) - nearest) <= 2
    assert abs(court.towards(side, row)) <= 1, "it rests there"


@pytest.mark.parametrize("side", Side)
def test_towards_is_as_fast_as_the_rom_and_no_faster(side: Side) -> None:
    """A far row is gone to at full speed: the paddle is where a player's is who turns the knob as fast as it goes."""

    def way(*, follows: bool) -> list[float]:
        court = two_player_game()
        rows = []
        for _ in range(12):
            control = Control(court.towards(side, 34)) if follows else UP
            court.step(*((control, IDLE) if side is Side.RIGHT else (IDLE, control)))
            rows.append(court.paddle_row(side))
        return rows

    assert way(follows=True) == way(follows=False)


def left_rows(court: Court, left: Control | None, frames: int) -> list[float]:
    """Where the left paddle is, now and after each of some frames."""
    rows = [court.paddle_row(Side.LEFT)]
    for _ in range(frames):
        court.step(PRESS, left)
        rows.append(court.paddle_row(Side.LEFT))
    return rows


def until_the_ball_is_in_the_middle(court: Court, left: Control | None) -> None:
    """Not in the frame of the serve: there the ROM puts its own paddle in the middle."""
    while (ball := court.ball) is None or not 85 < ball.column < 110:
        court.step(PRESS, left)


@pytest.mark.parametrize("seed", range(6))
def test_the_left_paddle_changes_hands_where_it_is(seed: int) -> None:
    """The ROM moves it by 2 rows a frame at most, and a person who does nothing not at all."""
    court = Court(seed=seed)
    for turn in range(4):
        until_the_ball_is_in_the_middle(court, None)
        taken_over = left_rows(court, IDLE, 25)
        assert max(np.abs(np.diff(taken_over))) <= 3
        assert abs(taken_over[-1] - taken_over[0]) <= 2
        for _ in range(20):  # to another place, and no faster at rest
            court.step(PRESS, UP if turn % 2 else DOWN)
        for _ in range(10):
            court.step(PRESS, IDLE)
        until_the_ball_is_in_the_middle(court, IDLE)
        given_back = left_rows(court, None, 10)
        assert max(np.abs(np.diff(given_back))) <= 2
    points = sum(court.score)
    for _ in range(600):
        court.step(PRESS)
    assert sum(court.score) > points, "the game goes on"


def test_the_rom_serves_where_a_person_left_before_serving() -> None:
    court = until_served_by(Side.LEFT)
    for _ in range(5):
        court.step(IDLE)
    assert court.ball is not None
    assert court.server is None


Moves = list[tuple[Control, Control | None]]


def played(court: Court, moves: Moves) -> list[tuple[bytes, bytes, bytes]]:
    """Everything that can be seen of each frame."""
    frames = []
    for right, left in moves:
        court.step(right, left)
        frames.append((court.fingerprint(), court.grey().tobytes(), court.colour().tobytes()))
    return frames


def moves_for(frames: int, *, left: bool) -> Moves:
    court, duel = two_player_game(), Duel(seed=6)
    moves: Moves = []
    for _ in range(frames):
        ours, theirs = duel.controls(court)
        court.step(ours, theirs)
        moves.append((ours, theirs if left else None))
    return moves


ONE, TWO = moves_for(300, left=False), moves_for(300, left=True)
NOBODY_SERVES: Moves = [(IDLE, IDLE)] * 300


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (ONE, ONE),
        (TWO, TWO),
        (ONE, TWO),
        (TWO, ONE),
        (ONE[:37], TWO),
        (TWO[:137], ONE[:60] + TWO[:60] + ONE[:60]),
        ([(UP, DOWN)] * 260, NOBODY_SERVES),
    ],
    ids=["one", "two", "one to two", "two to one", "before the first serve", "to and fro", "while a serve waits"],
)
def test_what_follows_a_moment_gone_back_to_is_what_followed(before: Moves, after: Moves) -> None:
    court = two_player_game()
    played(court, before)
    moment = court.save()
    score, frames, grey, colour = court.score, court.frames, court.grey(), court.colour()
    followed = played(court, after)
    elsewhere = Court(seed=8)
    played(elsewhere, TWO[:99])
    for other in (court, elsewhere):
        other.restore(moment)
        assert (other.score, other.frames) == (score, frames)
        np.testing.assert_array_equal(other.grey(), grey)
        np.testing.assert_array_equal(other.colour(), colour)
        assert other.save().grey == moment.grey
        assert played(other, after) == followed
    assert len({grey for _, grey, _ in followed}) > 60


def test_a_waiting_serve_goes_on_waiting() -> None:
    court = until_served_by(Side.RIGHT)
    for _ in range(SERVE_PATIENCE // 2):
        court.step(IDLE, IDLE)
    moment = court.save()
    rest = frames_until_the_ball(court, IDLE, IDLE)
    assert rest < SERVE_PATIENCE
    court.restore(moment)
    assert court.server is Side.RIGHT
    assert frames_until_the_ball(court, IDLE, IDLE) == rest


def test_sound() -> None:
    court, mute, duel = two_player_game(sound=True), two_player_game(), Duel(seed=3)
    silent, hits = 0, 0
    while hits < 3:
        move, ball = duel.controls(court), court.ball
        court.step(*move)
        mute.step(*move)
        assert court.fingerprint() == mute.fingerprint(), "sound changes nothing of the game"
        sound = court.sound()
        assert sound.shape == (SOUND_SAMPLES,)
        assert sound.dtype == np.uint8
        silent += set(sound.tolist()) == {128}
        if ball is not None and court.ball is not None and court.ball.right * ball.right < 0:
            assert len(set(sound.tolist())) > 1, "a paddle that hits the ball is heard"
            hits += 1
        assert court.frames < 2000
    assert silent > court.frames / 2


def test_a_knob_at_its_end_is_turned_no_further() -> None:
    """The court then copies no state; one that forgets where the knob is, and so always copies it, plays alike."""
    random = np.random.default_rng(0)
    court, forgetful = Court(seed=1), Court(seed=1)
    for one in (court, forgetful):
        one.reset(idle_frames=5)
    at_the_end = 0
    for frame in range(1500):
        if frame % 15 == 0:
            left, right = (Control(int(random.choice([-100, -40, 0, 60, 100])), fire=True) for _ in Side)
            rom = random.random() < 0.1
        before = court._left_knob
        for one in (court, forgetful):
            one.step(right, None if rom else left)
        forgetful._left_knob = None
        at_the_end += left.move != 0 and not rom and before is not None and court._left_knob == before
        assert court.fingerprint() == forgetful.fingerprint()
    assert at_the_end > 50
