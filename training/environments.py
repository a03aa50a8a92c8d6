"""Vector environments for training and evaluation."""

from __future__ import annotations

import os
from typing import get_args

import numpy as np
from ale_py.vector_env import AtariVectorEnv
from gymnasium.spaces import Discrete
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from gymnasium.wrappers.vector import TransformAction

from models.spec import ActionName, ModelSpec

MINIMAL_ACTIONS: tuple[str, ...] = get_args(ActionName)
"""In ale-py's own order, which a test holds."""

MOST_FRAMES = 64_800
"""Of one game: 18 minutes. A little later the ROM ends the game by itself without telling the emulator."""


def make_pong(spec: ModelSpec, num_envs: int, *, sticky: float) -> VectorEnv:
    """`num_envs` games of Pong as `spec` wants to see and play them.

    Observations are `[num_envs, stack, height, width]` of uint8, actions indices into `spec.actions`, rewards points
    (+1, -1). An ended game is replaced within the same step: the observation is the new game's first, and the last of
    the old is in `info["final_obs"]`, so that no step is wasted on a reset. Games begin after up to 30 idle frames.
    `sticky` is the probability, per emulator frame, that the action of the frame before is repeated.
    """
    observation = spec.observation
    games = AtariVectorEnv(
        "pong",
        num_envs,
        num_threads=min(num_envs, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 0),
        repeat_action_probability=sticky,
        max_num_frames_per_episode=MOST_FRAMES,
        autoreset_mode=AutoresetMode.SAME_STEP,
        img_height=observation.height,
        img_width=observation.width,
        stack_num=observation.stack,
        frameskip=observation.frame_skip,
        reward_clipping=False,
        use_fire_reset=False,
    )
    rom_actions = np.array([MINIMAL_ACTIONS.index(name) for name in spec.actions])
    space = Discrete(len(spec.actions))
    return TransformAction(games, lambda actions: rom_actions[actions], batch_space(space, num_envs), space)
