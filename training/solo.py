"""Games of Pong against the ROM that can be saved, as worker processes play them. Nothing here imports torch."""

from __future__ import annotations

from collections.abc import Sequence
from ctypes import Array, c_byte
from multiprocessing.connection import Connection
from typing import Any, NamedTuple

import cv2
import numpy as np
from ale_py import Action, ALEInterface, ALEState, LoggerMode, roms
from numpy.typing import NDArray

from agents.pong import MAX_NOOPS
from agents.preprocessing import shrunk
from models.screen import SCREEN_SHAPE
from models.spec import SLOW_ACTIONS, SLOW_SPEED, ActionName, ModelSpec
from training.saving import as_text, from_text, packed, restore_randomness, saved_randomness, unpacked
from training.workers import SharedArrays, serve

MAX_FRAMES = 64_800
"""Per game: 18 minutes. A little later the ROM ends the game without reporting it to the emulator."""


class Board:
    """What the games and the caller share: arrays over `N` games."""

    def __init__(self, spec: ModelSpec, games: int, memory: Array[c_byte]) -> None:
        arrays = SharedArrays(memory)
        self.actions = arrays.take(np.int64, games)
        """Indices into the actions."""
        self.rewards = arrays.take(np.float64, games)
        self.playing = arrays.take(np.bool_, games)
        """Whether a game is to be stepped; the others rest."""
        self.terminated = arrays.take(np.bool_, games)
        self.truncated = arrays.take(np.bool_, games)
        self.observations = arrays.take(np.uint8, games, *spec.observation.shape)
        self.finals = arrays.take(np.uint8, games, *spec.observation.shape)
        """The last observations of games that have ended."""

    @staticmethod
    def size(spec: ModelSpec, games: int) -> int:
        """The bytes that it needs."""
        return games * (8 + 8 + 3 + 2 * int(np.prod(spec.observation.shape)))


class Plan(NamedTuple):
    """What the workers need to know about the games."""

    spec: ModelSpec
    seeds: tuple[int, ...]
    """One for each game."""
    sticky: float


class RomAction(NamedTuple):
    """An action as the emulator takes it."""

    action: Action
    strength: float
    """Of the paddle's speed, 1 is full."""


_IDLE = RomAction(Action.NOOP, 1.0)


class SoloGame:
    """One game; the policy's view of it is in `observation`, `[stack, height, width]`, the newest frame last."""

    def __init__(self, spec: ModelSpec, observation: NDArray[np.uint8], *, sticky: float, seed: int) -> None:
        self._spec = spec.observation
        self._actions = [_rom_action(name) for name in spec.actions]
        self._observation = observation
        self.seed(seed)
        self._frames = 0
        self._previous, self._newest = np.empty(SCREEN_SHAPE, np.uint8), np.empty(SCREEN_SHAPE, np.uint8)
        # The emulator could repeat actions itself, but its state does not hold which one it would repeat.
        self._sticky, self._last = sticky, _IDLE
        ALEInterface.setLoggerMode(LoggerMode.Error)
        self._ale = ALEInterface()
        self._ale.setInt("random_seed", seed)
        self._ale.setFloat("repeat_action_probability", 0.0)
        rom = roms.get_rom_path("pong")
        assert rom is not None, "ale-py brings the ROM"
        self._ale.loadROM(rom)

    def seed(self, seed: int) -> None:
        """The coming games are those of this seed."""
        self._random = np.random.default_rng(seed)

    def begin(self) -> None:
        """Begins a new game."""
        self._ale.reset_game()
        self._frames = int(self._random.integers(1, MAX_NOOPS + 1))
        for _ in range(self._frames):
            self._ale.act(Action.NOOP)
        self._last = _IDLE
        self._observation[:] = 0
        self._ale.getScreenGrayscale(self._newest)
        self._observe(self._newest)

    def step(self, action: int) -> tuple[float, bool, bool]:
        """Plays one decision; returns its reward, and whether it terminated or truncated the game."""
        reward, over, skip = 0, False, self._spec.frame_skip
        for frame, chance in enumerate(self._random.random(skip)):
            if chance >= self._sticky:
                self._last = self._actions[action]
            reward += self._ale.act(*self._last)
            over = self._ale.game_over()
            self._frames += 1
            if over or frame >= skip - 2:
                self._previous, self._newest = self._newest, self._previous
                self._ale.getScreenGrayscale(self._newest)
            if over:
                break
        # A game that ended early has left no picture of the frame before.
        early = over and frame < skip - 1
        self._observe(self._newest if early else np.maximum(self._previous, self._newest))
        return float(reward), over, not over and self._frames >= MAX_FRAMES

    def _observe(self, picture: NDArray[np.uint8]) -> None:
        stack = self._observation
        stack[:-1] = stack[1:]
        stack[-1] = shrunk(picture, self._spec)

    def state_dict(self) -> dict[str, Any]:
        """All that its future depends on."""
        return {
            "emulator": as_text(self._ale.cloneState(include_rng=True).serialize()),
            "observation": packed(self._observation),
            "randomness": saved_randomness(self._random),
            "last": (self._last.action.value, self._last.strength),
            "frames": self._frames,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Goes back to what `state_dict` returned."""
        self._ale.restoreState(ALEState(from_text(state["emulator"])))
        self._observation[:] = unpacked(state["observation"])
        restore_randomness(self._random, state["randomness"])
        action, strength = state["last"]
        self._last, self._frames = RomAction(Action(action), strength), state["frames"]


def _rom_action(name: ActionName) -> RomAction:
    full = SLOW_ACTIONS.get(name, name)
    return RomAction(getattr(Action, full), 1.0 if full == name else SLOW_SPEED / 100)


class Share:
    """Some of the games, in a worker process."""

    def __init__(self, board: Board, games: dict[int, SoloGame]) -> None:
        self._board = board
        self._games = games

    def begin(self, seeds: Sequence[int] | None) -> None:
        """Begins new games, with seeds for all games of the board unless None."""
        for index, game in self._games.items():
            if seeds is not None:
                game.seed(seeds[index])
            game.begin()

    def step(self, part: range) -> None:
        """Plays the board's actions in those of its games that are in `part`."""
        board = self._board
        for index, game in self._games.items():
            if index not in part or not board.playing[index]:
                continue
            outcome = game.step(int(board.actions[index]))
            board.rewards[index], board.terminated[index], board.truncated[index] = outcome
            if outcome[1] or outcome[2]:
                board.finals[index] = board.observations[index]
                game.begin()

    def save(self) -> list[dict[str, Any]]:
        """The games' states."""
        return [game.state_dict() for game in self._games.values()]

    def load(self, states: Sequence[dict[str, Any]]) -> None:
        """Goes back to there."""
        for game, state in zip(self._games.values(), states, strict=True):
            game.load_state_dict(state)


def work(connection: Connection, plan: Plan, memory: Array[c_byte], share: Sequence[int]) -> None:
    """A worker process, which plays its share of the games."""
    cv2.setNumThreads(1)
    board = Board(plan.spec, len(plan.seeds), memory)
    games = {
        index: SoloGame(plan.spec, board.observations[index], sticky=plan.sticky, seed=plan.seeds[index])
        for index in share
    }
    serve(connection, Share(board, games))
