"""The aliased gridworld, where two cells look alike but need opposite moves: the best policy is random there.

After Silver 2015, "UCL Course on RL", lecture 7: Policy Gradient, examples "Aliased Gridworld". The second and the
fourth cell of the top row both have a wall above and below, but the treasure lies on opposite sides of them. In one of
the two, a deterministic policy walks away from it for ever.
"""

from __future__ import annotations

from itertools import product
from typing import Any

import gymnasium
import numpy as np
from gymnasium.spaces import Box, Discrete
from numpy.typing import NDArray

NAME = "volley/AliasedGridworld-v0"
"""In gymnasium, once registered."""
MAX_STEPS = 100
"""Per episode: a policy that is stuck would stay for ever."""
GAMMA = 0.9
"""The default discount of exact values: the later the treasure is found, the less it is worth."""

GRID = (
    ".....",
    "-#+#-",
)
"""Free cells ., walls #, traps - and the treasure +. There are walls all around; traps and the treasure end an
episode."""
REWARDS = {".": 0.0, "-": -1.0, "+": 1.0}
"""For moving into a cell."""
MOVES = ((-1, 0), (0, 1), (1, 0), (0, -1))
"""Rows and columns: north, east, south, west. These are the actions, and the order of walls in an observation."""
NORTH, EAST, SOUTH, WEST = range(4)

Cell = tuple[int, int]
"""Row and column."""


def _is_free(cell: Cell) -> bool:
    row, column = cell
    return 0 <= row < len(GRID) and 0 <= column < len(GRID[0]) and GRID[row][column] != "#"


def neighbour(cell: Cell, action: int) -> Cell:
    """The cell that a move leads to: the same one if there is a wall."""
    beside = cell[0] + MOVES[action][0], cell[1] + MOVES[action][1]
    return beside if _is_free(beside) else cell


def walls(cell: Cell) -> tuple[float, ...]:
    """The observation in a cell: 1 for a wall and 0 for none, to the north, east, south and west."""
    return tuple(float(neighbour(cell, action) == cell) for action in range(len(MOVES)))


def kind(cell: Cell) -> str:
    """The cell's sign in `GRID`."""
    return GRID[cell[0]][cell[1]]


CELLS: tuple[Cell, ...] = tuple((0, column) for column in range(len(GRID[0])))
"""The cells that do not end an episode, from west to east. Episodes begin in any of them."""
OBSERVATIONS = tuple(dict.fromkeys(walls(cell) for cell in CELLS))
"""The distinct observations, in the order of the cells: four in five cells."""
SEEN = tuple(OBSERVATIONS.index(walls(cell)) for cell in CELLS)
"""For each of `CELLS`, the index of its observation."""
ALIASED = SEEN[1]
"""The index of the observation that the second and the fourth cell share."""


class AliasedGridworld(gymnasium.Env[NDArray[np.float32], np.int64]):
    """Five cells in a row, with traps below the outer ones and the treasure below the middle one.

    Observations are `walls`, `[4]` float32; actions move north, east, south or west. The reward is 1 for the treasure
    and -1 for a trap; both end the episode.
    """

    def __init__(self) -> None:
        self.observation_space = Box(0, 1, (len(MOVES),), np.float32)
        self.action_space = Discrete(len(MOVES))
        self._cell = CELLS[0]

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.float32], dict[str, Any]]:
        """Begins in a random cell of the top row; returns the observation, and the cell as `info["cell"]`."""
        super().reset(seed=seed, options=options)
        self._cell = CELLS[self.np_random.integers(len(CELLS))]
        return self._observe(), {"cell": self._cell}

    def step(self, action: np.int64) -> tuple[NDArray[np.float32], float, bool, bool, dict[str, Any]]:
        """Moves; returns observation, reward, whether the episode ended, False (no time limit here) and the cell."""
        self._cell = neighbour(self._cell, int(action))
        return self._observe(), REWARDS[kind(self._cell)], kind(self._cell) != ".", False, {"cell": self._cell}

    def _observe(self) -> NDArray[np.float32]:
        return np.array(walls(self._cell), np.float32)


def values(policy: NDArray[np.float64], *, gamma: float = GAMMA) -> NDArray[np.float64]:
    """The exact value of each of `CELLS`, `[5]`: the expected discounted return from there, without a time limit.

    `policy` holds the probability of each action for each of `OBSERVATIONS`, `[4, 4]`. The values solve Bellman's
    equation, the linear system v = r + gamma P v (Sutton and Barto 2018, "Reinforcement Learning: An Introduction",
    eq. 3.14). `gamma` must be below 1: a policy that is stuck would make the system singular.
    """
    transitions = np.zeros((len(CELLS), len(CELLS)))
    rewards = np.zeros(len(CELLS))
    for (place, cell), action in product(enumerate(CELLS), range(len(MOVES))):
        probability, following = policy[SEEN[place], action], neighbour(cell, action)
        rewards[place] += probability * REWARDS[kind(following)]
        if following in CELLS:
            transitions[place, CELLS.index(following)] += probability
    return np.asarray(np.linalg.solve(np.eye(len(CELLS)) - gamma * transitions, rewards))


def mean_value(policy: NDArray[np.float64]) -> float:
    """The exact value of an episode that begins in any of `CELLS` with equal probability."""
    return float(values(policy).mean())


def epsilon_greedy(actions: tuple[int, ...], epsilon: float) -> NDArray[np.float64]:
    """The policy that takes `actions[i]` on the i-th observation, or with probability `epsilon` a random one; `[4, 4]`.

    It is deterministic if `epsilon` is 0.
    """
    return (1 - epsilon) * np.eye(len(MOVES))[list(actions)] + epsilon / len(MOVES)


def best_epsilon_greedy(epsilon: float) -> NDArray[np.float64]:
    """The best epsilon-greedy policy, `[4, 4]`, found by trying them all; with 0, the best deterministic one."""
    policies = (epsilon_greedy(actions, epsilon) for actions in product(range(len(MOVES)), repeat=len(OBSERVATIONS)))
    return max(policies, key=mean_value)


def random_where_aliased(east: float = 0.5) -> NDArray[np.float64]:
    """The policy that heads for the treasure, but goes east or west at random in the aliased cells; `[4, 4]`.

    It is optimal if both are equally likely.
    """
    policy = epsilon_greedy((EAST, EAST, SOUTH, WEST), 0.0)
    policy[ALIASED] = 0.0
    policy[ALIASED, [EAST, WEST]] = east, 1 - east
    return policy


def register() -> None:
    """Registers the gridworld with gymnasium."""
    if NAME not in gymnasium.registry:
        gymnasium.register(NAME, entry_point=f"{__name__}:{AliasedGridworld.__name__}", max_episode_steps=MAX_STEPS)
