"""Vector environments for training and evaluation."""

from __future__ import annotations

import math
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

import gymnasium
import numpy as np
from ale_py.vector_env import AtariVectorEnv
from gymnasium.spaces import Box, Discrete
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from gymnasium.wrappers import DtypeObservation
from gymnasium.wrappers import TransformAction as TransformOneAction
from gymnasium.wrappers.vector import TransformAction
from numpy.typing import DTypeLike, NDArray

from models.control import ContinuousActions, ControlSpec, DiscreteActions, PolicySpec
from models.errors import UserError, one_line
from models.machine import cores
from models.spec import MINIMAL_ACTIONS, PONG, SLOW_ACTIONS, SLOW_SPEED, ActionName, ModelSpec
from training import execution, gridworld
from training.games import Games, RepeatableGames
from training.pong import SoloGames
from training.solo import MAX_FRAMES

Head = Literal["categorical", "gaussian", "tanh-gaussian"]

FAST_ACTIONS: tuple[ActionName, ...] = ("FIRE", "RIGHTFIRE", "LEFTFIRE")
"""Stay, up and down, with FIRE held: the ball is hit hard, rallies are short and rewards frequent."""

FINE_ACTIONS: tuple[ActionName, ...] = (*FAST_ACTIONS, "SLOWRIGHTFIRE", "SLOWLEFTFIRE")
"""With slow moves beside the fast ones, for a hand that can stand everywhere it should."""


def specification(environment: str, *, algorithm: str, head: Head | None = None) -> PolicySpec:
    """The specification of a policy for Pong, or for a gymnasium environment by its name.

    `head` is the distribution of actions; None picks one that suits the environment. `UserError` if there is no such
    environment, or no policy for it.
    """
    if environment.lower() in {"pong", PONG.lower()}:
        _check_discrete(head, PONG)
        return ModelSpec(algorithm=algorithm, actions=FAST_ACTIONS)
    _register_own()
    _refuse_other_pong(environment)
    with _explaining_failures(environment):
        probe = gymnasium.make(environment)
    seen, taken = probe.observation_space, probe.action_space
    probe.close()
    if not (isinstance(seen, Box) and len(seen.shape) == 1):
        raise UserError(f"{environment} cannot be learned: its observations are {seen}, not a vector of numbers")
    actions: DiscreteActions | ContinuousActions
    if isinstance(taken, Discrete):
        _check_discrete(head, environment)
        actions = DiscreteActions(int(taken.n))
    elif isinstance(taken, Box) and len(taken.shape) == 1 and taken.is_bounded() and taken.dtype.kind == "f":
        chosen = head or "gaussian"
        if chosen == "categorical":
            raise UserError(f"{environment} has continuous actions; use --head gaussian or tanh-gaussian")
        with _explaining_odd_spaces(environment):
            actions = ContinuousActions(tuple(taken.low.tolist()), tuple(taken.high.tolist()), chosen)
    else:
        raise UserError(f"{environment} cannot be learned: its actions are {taken}, not discrete or a bounded vector")
    with _explaining_odd_spaces(environment):
        return ControlSpec(
            algorithm=algorithm, environment=environment, observation_size=seen.shape[0], actions=actions
        )


@contextmanager
def _explaining_odd_spaces(environment: str) -> Iterator[None]:
    """Turns what a specification refuses into a `UserError`."""
    try:
        yield
    except ValueError as error:
        raise UserError(f"{environment} cannot be learned: {one_line(error)}") from error


def _register_own() -> None:
    """Makes the environments of this package known to gymnasium."""
    gridworld.register()
    execution.register()


def _check_discrete(head: Head | None, environment: str) -> None:
    """`UserError` if `head` draws no discrete actions."""
    if head not in {None, "categorical"}:
        raise UserError(f"{environment} has discrete actions; leave out --head {head}")


def _refuse_other_pong(environment: str) -> None:
    """`UserError` for the other names of Atari's Pong, whose observations are another's choice."""
    if re.fullmatch(r"(ALE/)?Pong(NoFrameskip|Deterministic)?-v\d+", environment):
        raise UserError(f"{environment} is Pong with other frames; use --env Pong")


@contextmanager
def _explaining_failures(environment: str) -> Iterator[None]:
    """Turns whatever an environment raises while it is made, and its warnings, into a `UserError`."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except UserError:
        raise
    except Exception as error:  # an environment is a stranger's code
        raise UserError(_no_environment(environment, error)) from error


def _no_environment(environment: str, error: Exception) -> str:
    if isinstance(error, gymnasium.error.DependencyNotInstalled | ImportError):
        advice = "pip install 'volley-pong[box2d]'" if "box2d" in str(error).lower() else "install it"
        return f"{environment} needs a missing package ({one_line(error)}): {advice}"
    return f"no environment {one_line(environment, 80)!r}: {one_line(error)}; try Pong, CartPole-v1 or Pendulum-v1"


def make(spec: PolicySpec, num_envs: int, *, sticky: float = 0.0) -> VectorEnv:
    """`num_envs` environments with the observations and actions of `spec`.

    Observations are `[num_envs, ...]`, rewards `[num_envs]`. An ended episode is replaced within the same step: the
    observation is the first of the new one, and the last of the old one is in `info["final_obs"]`, so no step is
    wasted on a reset. `sticky`, for Pong only, is the probability, per emulator frame, that the last action repeats.
    """
    if isinstance(spec, ModelSpec):
        return SoloGames(spec, num_envs, sticky=sticky)
    return _make_control(spec, num_envs, AutoresetMode.SAME_STEP)


def make_games(spec: PolicySpec, num_envs: int, *, sticky: float, seed: int) -> Games:
    """The same environments, whose games can be saved; `seed` determines the games.

    Control problems are a little slower so.
    """
    if isinstance(spec, ModelSpec):
        return SoloGames(spec, num_envs, sticky=sticky, seed=seed)
    return RepeatableGames(_make_control(spec, num_envs, AutoresetMode.DISABLED), seed=seed)


def _make_control(spec: ControlSpec, num_envs: int, autoreset: AutoresetMode) -> VectorEnv:
    _register_own()
    with _explaining_failures(spec.environment):
        environments = gymnasium.make_vec(
            spec.environment,
            num_envs,
            vectorization_mode="sync",
            vector_kwargs={"autoreset_mode": autoreset},
            wrappers=(_fitted,),  # type: ignore[arg-type] # it wraps only where it must
        )
        _check_unchanged(spec, environments)
    if isinstance(spec.actions, DiscreteActions):
        return environments
    within = ActionBounds(spec.actions, environments.single_action_space.dtype)
    space = Box(-np.inf, np.inf, (spec.action_size,), np.float32)
    return TransformAction(environments, within, batch_space(space, num_envs), space)


class _Explained(gymnasium.Wrapper[Any, Any, Any, Any]):
    """The same environment; whatever it raises in a game, which is a stranger's code, is a `UserError`."""

    def reset(self, **how: Any) -> tuple[Any, dict[str, Any]]:  # noqa: ANN401 - as gymnasium declares it
        """Begins a game."""
        try:
            return self.env.reset(**how)
        except Exception as error:
            raise self._failure("as a game began", error) from error

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:  # noqa: ANN401 - as gymnasium declares it
        """Plays a decision."""
        try:
            return self.env.step(action)
        except Exception as error:
            raise self._failure("in mid-game", error) from error

    def _failure(self, when: str, error: Exception) -> UserError:
        name = self.spec.id if self.spec is not None else type(self.unwrapped).__name__
        return UserError(f"{name} failed {when}: {type(error).__name__}: {one_line(error)}; it has to be mended there")


def _fitted(environment: gymnasium.Env[Any, Any]) -> gymnasium.Env[Any, Any]:
    """The same environment with observations in float32, as networks compute, and actions that count from 0."""
    environment = _Explained(environment)
    if environment.observation_space.dtype != np.float32:
        environment = DtypeObservation(environment, np.float32)
    taken = environment.action_space
    if isinstance(taken, Discrete) and taken.start:
        environment = TransformOneAction(environment, lambda action: action + taken.start, Discrete(taken.n))
    return environment


def _check_unchanged(spec: ControlSpec, environments: VectorEnv) -> None:
    """`UserError` if the policy does not fit the environment that has its name now."""
    seen, taken = environments.single_observation_space, environments.single_action_space
    now = int(taken.n) if isinstance(taken, Discrete) else taken.shape[0] if taken.shape else 0
    if seen.shape != (spec.observation_size,) or spec.action_size != now:
        raise UserError(
            f"{spec.environment} is not what this policy was trained for: it has {seen.shape} observations and {now} "
            f"actions now, not ({spec.observation_size},) and {spec.action_size}"
        )


class ActionBounds:
    """Maps what a continuous policy draws, `[N, D]`, to the environment's actions: -1 and 1 become the bounds.

    A Gaussian's draws are clipped to the bounds; a `TanhGaussian` draws u, and tanh u stays within them. `kind` is the
    type of the environment's numbers, float32 if it is None.
    """

    def __init__(self, actions: ContinuousActions, kind: DTypeLike | None = None) -> None:
        self._kind = np.dtype(np.float32 if kind is None else kind)
        precision = np.promote_types(self._kind, np.float32)
        self._low, self._high = np.array(actions.low, precision), np.array(actions.high, precision)
        # Halved first: the sum of large bounds, or their distance, may be infinite.
        self._middle, self._half = self._low / 2 + self._high / 2, self._high / 2 - self._low / 2
        self._squash = actions.head == "tanh-gaussian"

    def __call__(self, drawn: NDArray[Any]) -> NDArray[np.floating[Any]]:
        """`[N, D]` of the environment's type, within the bounds."""
        within = np.tanh(drawn) if self._squash else np.clip(drawn, -1, 1)
        return np.asarray(np.clip(self._middle + self._half * within, self._low, self._high), self._kind)


def make_pong(spec: ModelSpec, num_envs: int, *, sticky: float) -> VectorEnv:
    """`num_envs` games of Pong with the observations and actions of `spec`.

    Observations are `[num_envs, stack, height, width]` uint8, actions indices into `spec.actions`, rewards points
    (+1, -1). Games begin after up to 30 idle frames. For ended games and `sticky`, see `make`.
    """
    observation, fine = spec.observation, not set(spec.actions) <= set(MINIMAL_ACTIONS)
    games = AtariVectorEnv(
        "pong",
        num_envs,
        num_threads=min(num_envs, cores()),
        repeat_action_probability=sticky,
        max_num_frames_per_episode=MAX_FRAMES,
        autoreset_mode=AutoresetMode.SAME_STEP,
        img_height=observation.height,
        img_width=observation.width,
        stack_num=observation.stack,
        frameskip=observation.frame_skip,
        reward_clipping=False,
        use_fire_reset=False,
        continuous=fine,
        continuous_action_threshold=SLOW_SPEED / 200,
    )
    if fine:
        rom_actions = np.array([_continuous(name) for name in spec.actions], np.float32)
    else:
        rom_actions = np.array([MINIMAL_ACTIONS.index(name) for name in spec.actions])
    space = Discrete(len(spec.actions))
    return TransformAction(games, lambda actions: rom_actions[actions], batch_space(space, num_envs), space)


def _continuous(action: ActionName) -> tuple[float, float, float]:
    """An action as the emulator's continuous ones: speed, angle and button (Farebrother and Castro 2024, "CALE")."""
    full = SLOW_ACTIONS.get(action, action)
    moves = full not in {"NOOP", "FIRE"}
    speed = (SLOW_SPEED / 100 if full != action else 1.0) if moves else 0.0
    return speed, math.pi if full.startswith("LEFT") else 0.0, float(full.endswith("FIRE"))
