"""The aliased gridworld, in which two cells look alike and want opposite moves: the best policy there is random.

After Silver 2015, "UCL Course on RL", lecture 7: Policy Gradient, examples "Aliased Gridworld". From the second and the
fourth cell of the top row, both with a wall above and below, the treasure lies on opposite sides. A policy that always
does the same where it sees the same walks away from it, for ever, in one of the two.
"""

from __future__ import annotations

from itertools import product
from typing import Any

import gymnasium
import numpy as np
from gymnasium.spaces import Box, Discrete
from numpy.typing import NDArray

NAME = "volley/AliasedGridworld-v0"
"""In gymnasium, once it is registered."""
MOST_STEPS = 100
"""Of one episode: a policy that is stuck would stay for ever."""
GAMMA = 0.9
"""What exact values discount by, where not told otherwise: the treasure is worth less the later it is found."""

GRID = (
    ".....",
    "-#+#-",
)
"""Free cells; walls #, as is all around; traps - and the treasure +, where an episode ends."""
REWARDS = {".": 0.0, "-": -1.0, "+": 1.0}
"""For moving into a cell."""
MOVES = ((-1, 0), (0, 1), (1, 0), (0, -1))
"""Rows and columns: north, east, south, west. These are the actions, and the sides on which a wall is seen."""
NORTH, EAST, SOUTH, WEST = range(4)

Cell = tuple[int, int]
"""Row and column."""


def _is_free(cell: Cell) -> bool:
    row, column = cell
    return 0 <= row < len(GRID) and 0 <= column < len(GRID[0]) and GRID[row][column] != "#"


def neighbour(cell: Cell, action: int) -> Cell:
    """Where a move leads: against a wall, nowhere."""
    beside = cell[0] + MOVES[action][0], cell[1] + MOVES[action][1]
    return beside if _is_free(beside) else cell


def walls(cell: Cell) -> tuple[float, ...]:
    """What is seen in a cell: for north, east, south and west, 1 where there is a wall and 0 where the way is free."""
    return tuple(float(neighbour(cell, action) == cell) for action in range(len(MOVES)))


def kind(cell: Cell) -> str:
    """Which of `GRID`'s signs the cell has."""
    return GRID[cell[0]][cell[1]]


CELLS: tuple[Cell, ...] = tuple((0, column) for column in range(len(GRID[0])))
"""Where an episode goes on, from west to east. It begins in any of them."""
OBSERVATIONS = tuple(dict.fromkeys(walls(cell) for cell in CELLS))
"""What can be told apart, in the order of the cells: four things in five cells."""
SEEN = tuple(OBSERVATIONS.index(walls(cell)) for cell in CELLS)
"""Which of `OBSERVATIONS` each of `CELLS` shows."""
ALIASED = SEEN[1]
"""What the second and the fourth cell show."""


class AliasedGridworld(gymnasium.Env[NDArray[np.float32], np.int64]):
    """Five cells in a row, traps below the outer ones and the treasure below the middle one.

    Observations are `[4]` float32, as `walls` tells them; actions move north, east, south or west. The reward is 1 for
    the treasure and -1 for a trap, both of which end the episode.
    """

    def __init__(self) -> None:
        self.observation_space = Box(0, 1, (len(MOVES),), np.float32)
        self.action_space = Discrete(len(MOVES))
        self._cell = CELLS[0]

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.float32], dict[str, Any]]:
        """Begins in a random cell of the top row; gives the observation, and the cell as `info["cell"]`."""
        super().reset(seed=seed, options=options)
        self._cell = CELLS[self.np_random.integers(len(CELLS))]
        return self._observe(), {"cell": self._cell}

    def step(self, action: np.int64) -> tuple[NDArray[np.float32], float, bool, bool, dict[str, Any]]:
        """Moves; gives observation, reward, whether the episode ended, False (no time limit here) and the cell."""
        self._cell = neighbour(self._cell, int(action))
        return self._observe(), REWARDS[kind(self._cell)], kind(self._cell) != ".", False, {"cell": self._cell}

    def _observe(self) -> NDArray[np.float32]:
        return np.array(walls(self._cell), np.float32)


def values(policy: NDArray[np.float64], *, gamma: float = GAMMA) -> NDArray[np.float64]:
    """The exact value of each of `CELLS`, `[5]`: the expected discounted return from there, without a time limit.

    `policy` holds the probability of each action for each of `OBSERVATIONS`, `[4, 4]`. The values solve Bellman's
    equations, v = r + gamma P v (Sutton and Barto 2018, "Reinforcement Learning: An Introduction", eq. 3.14), a linear
    system; `gamma` is below 1, for a policy that is stuck would make it singular.
    """
    transitions = np.zeros((len(CELLS), len(CELLS)))
    rewards = np.zeros(len(CELLS))
    for (place, cell), action in product(enumerate(CELLS), range(len(MOVES))):
        probability, following = policy[SEEN[place], action], neighbour(cell, action)
        rewards[place] += probability * REWARDS[kind(following)]
        if following in CELLS:
            transitions[place, CELLS.index(following)] += probability
    return np.asarray(np.linalg.solve(np.eye(len(CELLS)) - gamma * transitions, rewards))


def mean_value(policy: NDArray[np.float64], *, gamma: float = GAMMA) -> float:
    """The exact value of beginning an episode, in any cell with equal probability."""
    return float(values(policy, gamma=gamma).mean())


def epsilon_greedy(actions: tuple[int, ...], epsilon: float) -> NDArray[np.float64]:
    """The policy that takes `actions[i]` on the i-th observation, but with probability `epsilon` any action; `[4, 4]`.

    With an `epsilon` of 0 it is deterministic.
    """
    return (1 - epsilon) * np.eye(len(MOVES))[list(actions)] + epsilon / len(MOVES)


def best_epsilon_greedy(epsilon: float, *, gamma: float = GAMMA) -> NDArray[np.float64]:
    """The best of all policies of this kind, `[4, 4]`, found by trying each; with 0, the best deterministic one."""
    policies = (epsilon_greedy(actions, epsilon) for actions in product(range(len(MOVES)), repeat=len(OBSERVATIONS)))
    return max(policies, key=lambda policy: mean_value(policy, gamma=gamma))


def random_where_aliased(east: float = 0.5) -> NDArray[np.float64]:
    """The policy that walks to the treasure where it knows the way, and elsewhere east or west by chance; `[4, 4]`.

    With equal probabilities it is the best there is.
    """
    policy = epsilon_greedy((EAST, EAST, SOUTH, WEST), 0.0)
    policy[ALIASED] = 0.0
    policy[ALIASED, [EAST, WEST]] = east, 1 - east
    return policy


def register() -> None:
    """Lets gymnasium make the gridworld by its name."""
    if NAME not in gymnasium.registry:
        gymnasium.register(NAME, entry_point=f"{__name__}:{AliasedGridworld.__name__}", max_episode_steps=MOST_STEPS)
