"""The court: one emulator running Pong. It knows frames, paddles, score and sound; no policy, and no window."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

import numpy as np
from ale_py import Action, ALEInterface, ALEState, LoggerMode, roms
from numpy.typing import NDArray

from agents.base import FULL_SPEED, Control, Frame
from models.screen import FIELD_BOTTOM, FIELD_TOP, PADDLE_HEIGHT, SCREEN_SHAPE
from models.spec import POINTS_TO_WIN

FRAMES_PER_SECOND = 59.92
"""NTSC Atari 2600."""
MAX_NOOPS = 30
SERVE_PATIENCE = 90
"""In frames. A player who has not served after this many is made to."""
LONGEST_RALLY = round(60 * FRAMES_PER_SECOND)
"""In frames: a minute. A longer rally between programs may never end, so it is cut off, and its game with it."""
SOUND_SAMPLES = 512
"""In each frame."""
_SEEDS = 2**31
"""The emulator knows so many; a larger seed stands for one of them."""

# Bytes of the RAM.
_FRAMES_256 = 9
_SERVE_TIMER = 11
_SCORES = (13, 14)
_SERVER = 18
_ROM_PADDLE_ROW = 21
_GAME_MODE = 22
_BALL_COLUMN, _BALL_ROW = 49, 54
_PADDLE_ROW = (50, 51)
_BALL_DOWN, _BALL_LEFT = 56, 58
_LEFT_READING = 59
_LEFT_BUTTON, _SERVER_BUTTON = 63, 67

_ONE_PLAYER, _TWO_PLAYERS = 0, 2
_PRESSED = 0
_MAX_FRAMES_256 = 240
"""The ROM counts blocks of 256 frames, and after 256 of them, 18 minutes, silently ends the game."""

_KNOB = struct.Struct("<i")
_KNOB_PLACES = (4, 0)
"""Where a saved state holds the positions of the left and the right knob."""
_KNOB_TOP, _KNOB_BOTTOM = 27_450, 790_196
_KNOB_SPEED = 23_000
"""Per frame, at full speed."""
_KNOB_PER_ROW = 4_034
_KNOB_AT_ROW_0 = -5_800
"""Extrapolated to the screen's first row. Measured, like the slope."""


class Side(IntEnum):
    """A side of the court; also an index into every pair of players."""

    LEFT = 0
    RIGHT = 1

    @property
    def other(self) -> Side:
        """The opposite side."""
        return Side(1 - self)


class Score(NamedTuple):
    """Points of the left and the right player."""

    left: int
    right: int


class Ball(NamedTuple):
    """The ball in play: its top left corner on the screen, and its velocity."""

    column: int
    row: int
    right: int
    """Pixels per frame; negative to the left."""
    down: int
    """Pixels per frame; negative upwards."""


@dataclass(frozen=True, slots=True)
class CourtState:
    """A moment of a game: see `Court.save`."""

    emulator: ALEState
    frames: int
    unserved: int
    grey: bytes
    colour: bytes


class Court:
    """A game of Pong, one emulator frame at a time.

    In every frame without a control for the left paddle, the ROM's own opponent moves it: the ROM's two-player mode is
    switched on and off between frames. `sticky` is the probability that the right player's last action is repeated
    instead of the new one (Machado et al. 2018); people play with 0. `seed` is any whole number from 0.
    """

    def __init__(self, *, seed: int = 0, sticky: float = 0.0, sound: bool = False) -> None:
        ALEInterface.setLoggerMode(LoggerMode.Error)
        self._ale = ALEInterface()
        self._ale.setInt("random_seed", int(seed) % _SEEDS)
        self._ale.setFloat("repeat_action_probability", sticky)
        self._ale.setBool("sound_obs", sound)
        rom = roms.get_rom_path("pong")
        assert rom is not None, "ale-py brings the ROM"
        self._ale.loadROM(rom)
        self._random = np.random.default_rng(seed)
        self._pictures: tuple[Frame, Frame] | None = None
        self._unserved = 0
        self._left_knob: int | None = None
        """Where it was last turned to; None if that is not known. To find out means to copy the emulator's state."""
        self.frames = 0
        """Emulator frames since the game began."""
        self.idle_frames = 0
        """Before the game began. With this number and every frame's controls, a game can be replayed exactly."""
        self.reset()

    def reset(self, *, idle_frames: int | None = None) -> None:
        """Begins a new game after that many idle frames; by default 1 to 30 at random, so that games differ."""
        self.idle_frames = int(self._random.integers(1, MAX_NOOPS + 1)) if idle_frames is None else idle_frames
        self._ale.reset_game()
        for _ in range(self.idle_frames):
            self._ale.act(Action.NOOP)
        self.frames = self._unserved = 0
        self._pictures = self._left_knob = None

    def step(self, right: Control, left: Control | None = None) -> None:
        """Runs one emulator frame with these controls; without `left`, the ROM moves the left paddle."""
        ram = self._ale.getRAM()
        self._keep_going(ram)
        mode = _ONE_PLAYER if left is None else _TWO_PLAYERS
        if ram[_GAME_MODE] != mode:
            self._set_mode(mode, ram)
        if left is not None:
            server = self._server(ram)
            if self._unserved > SERVE_PATIENCE:
                # The button of the player who may not serve does nothing.
                right, left = Control(right.move, fire=True), Control(left.move, fire=True)
            self._unserved = 0 if server is None else self._unserved + 1
            self._turn_left_knob(_turn_of(left.move))
        action = _ACTIONS[(right.move > 0) - (right.move < 0), right.fire]
        self._ale.act(action, abs(right.move) / FULL_SPEED)
        if left is not None and left.fire:
            self._press_left_button()
        self.frames += 1
        self._pictures = None

    def towards(self, side: Side, row: float) -> int:
        """The `Control.move` that takes a paddle's centre to this row of the screen as fast as the ROM allows."""
        percent = round(self.turn_towards(side, min(max(row, FIELD_TOP), FIELD_BOTTOM)))
        return min(max(percent, -FULL_SPEED), FULL_SPEED)

    def turn_towards(self, side: Side, row: float) -> float:
        """How far it is to there, as a sum of `Control.move` over frames: negative upwards, and as large as need be."""
        return FULL_SPEED * (_knob_at(row) - self._knob(side)) / _KNOB_SPEED

    @property
    def score(self) -> Score:
        """Points so far."""
        ram = self._ale.getRAM()
        return Score(*(int(ram[place]) for place in _SCORES))

    @property
    def over(self) -> bool:
        """Whether a player has won."""
        return max(self.score) >= POINTS_TO_WIN

    @property
    def server(self) -> Side | None:
        """Who may serve now, in two-player mode; None while the ball is in play or about to be."""
        return self._server(self._ale.getRAM())

    @property
    def ball(self) -> Ball | None:
        """The ball; None between two points."""
        ram = self._ale.getRAM()
        if ram[_SERVE_TIMER] or not ram[_BALL_ROW]:
            return None
        right, down = -_signed(ram[_BALL_LEFT]), _signed(ram[_BALL_DOWN])
        return Ball(int(ram[_BALL_COLUMN]) - 49, int(ram[_BALL_ROW]) - 14, right, down)

    def paddle_row(self, side: Side) -> float:
        """The row of the screen that a paddle's centre is on."""
        return float(self._ale.getRAM()[_PADDLE_ROW[side]]) - 14 + PADDLE_HEIGHT / 2

    def grey(self) -> Frame:
        """The picture in grey, `[210, 160]`: what agents see."""
        return self._ale.getScreenGrayscale() if self._pictures is None else self._pictures[0]

    def colour(self) -> Frame:
        """The picture in colour, `[210, 160, 3]`: what people see."""
        return self._ale.getScreenRGB() if self._pictures is None else self._pictures[1]

    def sound(self) -> NDArray[np.uint8]:
        """The newest frame's sound, `[512]`, where 128 is silence; only for a court made with `sound`."""
        return self._ale.getAudio()

    def save(self) -> CourtState:
        """This moment of the game, for `restore`."""
        grey, colour = (zlib.compress(picture.tobytes(), 1) for picture in (self.grey(), self.colour()))
        return CourtState(self._ale.cloneState(), self.frames, self._unserved, grey, colour)

    def restore(self, state: CourtState) -> None:
        """Goes to a moment that `save` returned; unless actions are sticky, the game goes on as it did then."""
        self._ale.restoreState(state.emulator)
        self.frames, self._unserved, self._left_knob = state.frames, state.unserved, None
        grey, colour = (np.frombuffer(zlib.decompress(kept), np.uint8) for kept in (state.grey, state.colour))
        self._pictures = grey.reshape(SCREEN_SHAPE), colour.reshape(*SCREEN_SHAPE, 3)

    def fingerprint(self) -> bytes:
        """The whole RAM, 128 bytes: two games with the same RAM go on in the same way."""
        return self._ale.getRAM().tobytes()

    def _keep_going(self, ram: NDArray[np.uint8]) -> None:
        if ram[_FRAMES_256] > _MAX_FRAMES_256:
            self._ale.setRAM(_FRAMES_256, 1)

    def _set_mode(self, mode: int, ram: NDArray[np.uint8]) -> None:
        """Switches between one and two players; the left paddle stays where it is."""
        self._ale.setRAM(_GAME_MODE, mode)
        row = int(ram[_PADDLE_ROW[Side.LEFT]])
        if mode == _ONE_PLAYER:
            self._ale.setRAM(_ROM_PADDLE_ROW, row)
        elif self.frames > 0:
            self._ale.setRAM(_LEFT_READING, row)
            self._turn_left_knob(_knob_at(self.paddle_row(Side.LEFT)) - self._knob(Side.LEFT))

    @staticmethod
    def _server(ram: NDArray[np.uint8]) -> Side | None:
        """The last point's winner, once the ROM waits for their button."""
        if ram[_SERVE_TIMER] != 1 or ram[_SERVER] not in tuple(Side):
            return None
        return Side(int(ram[_SERVER]))

    def _knob(self, side: Side) -> int:
        """A knob's position."""
        knob: int = _KNOB.unpack_from(self._ale.cloneState().serialize(), _KNOB_PLACES[side])[0]
        return knob

    def _turn_left_knob(self, turn: int) -> None:
        """Turns the left knob, which ale-py assigns to no player, as far as it goes."""
        if not turn or (self._left_knob is not None and _within_reach(self._left_knob + turn) == self._left_knob):
            return
        state = bytearray(self._ale.cloneState().serialize())
        place = _KNOB_PLACES[Side.LEFT]
        self._left_knob = _within_reach(_KNOB.unpack_from(state, place)[0] + turn)
        _KNOB.pack_into(state, place, self._left_knob)
        self._ale.restoreState(ALEState(bytes(state)))

    def _press_left_button(self) -> None:
        """Writes the ROM's memory of its buttons: it reads them in one frame, and acts on them in the next."""
        self._ale.setRAM(_LEFT_BUTTON, _PRESSED)
        if self._ale.getRAM()[_SERVER] == Side.LEFT:
            self._ale.setRAM(_SERVER_BUTTON, _PRESSED)


_ACTIONS = {
    (0, False): Action.NOOP,
    (0, True): Action.FIRE,
    (-1, False): Action.RIGHT,
    (-1, True): Action.RIGHTFIRE,
    (1, False): Action.LEFT,
    (1, True): Action.LEFTFIRE,
}
"""By the direction of the move (up is -1, and ale-py's RIGHT) and the button."""


def _knob_at(row: float) -> int:
    """The position of a knob whose paddle has come to rest with its centre on this row."""
    return _within_reach(round(_KNOB_AT_ROW_0 + row * _KNOB_PER_ROW))


def _within_reach(knob: int) -> int:
    """The nearest position that a knob can have."""
    return min(max(knob, _KNOB_TOP), _KNOB_BOTTOM)


def _turn_of(move: int) -> int:
    """How far a move turns a knob in a frame, exactly as in ale-py, which computes the share in single precision."""
    return int(_KNOB_SPEED * float(np.float32(move / FULL_SPEED)))


def _signed(byte: np.uint8) -> int:
    return int(byte) - 256 if byte > 127 else int(byte)
