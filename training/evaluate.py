"""Evaluates a policy over full games, counted without bias."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from gymnasium.vector import VectorEnv
from numpy.typing import NDArray
from rich.console import Console
from rich.markup import escape
from rich.progress import Progress

from models import checkpoint
from models.acting import choose
from models.control import PolicySpec
from models.device import DeviceName, fast_precision, pick_device
from models.errors import UserError, one_line
from models.mlp import Network
from models.spec import PONG, ModelSpec, meant_greedy
from training.environments import make
from training.games import seeds_of_games
from training.memory import keep_freed_memory
from training.rollout import Episode
from training.turns import in_turns, shared_processors

MAX_PARALLEL_GAMES = 50
STICKY = 0.25
"""The probability, per emulator frame, that the last action repeats: the Arcade Learning Environment's protocol
(Machado et al. 2018)."""


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """A policy's results over full games."""

    model: str
    environment: str
    """Its name in gymnasium."""
    episodes: int
    mean_return: float
    std_return: float
    """The sample standard deviation, with n - 1."""
    ci95: tuple[float, float] | None
    """95% interval of the mean, by the normal approximation: 1.96 standard errors either way; None for one game."""
    mean_length: float
    """In agent steps."""
    sticky: float
    greedy: bool
    seed: int
    seconds: float


def summarize(returns: list[float]) -> tuple[float, float, tuple[float, float] | None]:
    """The mean, the sample standard deviation, and the 95% interval of the mean; 0 and None for a single return."""
    mean = float(np.mean(returns))
    if len(returns) == 1:
        return mean, 0.0, None
    deviation = float(np.std(returns, ddof=1))
    margin = 1.96 * deviation / len(returns) ** 0.5
    return mean, deviation, (mean - margin, mean + margin)


def evaluate(
    spec: PolicySpec,
    network: Network,
    *,
    name: str,
    episodes: int,
    sticky: float,
    greedy: bool,
    seed: int,
    device: torch.device,
    on_episode: Callable[[], None] = lambda: None,
) -> Evaluation:
    """Plays `episodes` full games in parallel and summarises their returns; `on_episode` is called as each one ends."""
    started = time.perf_counter()
    generator = torch.Generator(device).manual_seed(seed)

    @torch.inference_mode()
    def act(observations: NDArray[Any]) -> NDArray[Any]:
        with fast_precision(device, spec):
            output = network(torch.from_numpy(observations).to(device))
        distribution = output.distribution
        if not (output.value.isfinite().all() and distribution.entropy().isfinite().all()):
            raise UserError(f"{name!r} cannot play: its weights overflow")
        return choose(distribution, generator, greedy=greedy).cpu().numpy()

    with closing(make(spec, min(episodes, MAX_PARALLEL_GAMES), sticky=sticky)) as environments:
        played = []
        for episode in _play(environments, act, episodes, seed):
            played.append(episode)
            on_episode()
    mean, deviation, interval = summarize([episode.episode_return for episode in played])
    return Evaluation(
        model=name,
        environment=spec.environment,
        episodes=episodes,
        mean_return=mean,
        std_return=deviation,
        ci95=interval,
        mean_length=float(np.mean([episode.length for episode in played])),
        sticky=sticky,
        greedy=greedy,
        seed=seed,
        seconds=time.perf_counter() - started,
    )


def _play(
    environments: VectorEnv, act: Callable[[NDArray[Any]], NDArray[Any]], episodes: int, seed: int
) -> Iterator[Episode]:
    """Plays so many full games, and yields each as it ends; `act` is given the observations of those that go on.

    As a game ends, the next one begins in its place, until so many have begun; all are played to their end and counted.
    Counting the first ones to end would favour short ones.
    """
    num_envs = environments.num_envs
    first, _ = environments.reset(seed=[*seeds_of_games(seed, num_envs)])  # type: ignore[arg-type] # it takes one for each
    observations = np.array(first)
    returns, lengths = np.zeros(num_envs), np.zeros(num_envs, np.int64)
    turns = in_turns(environments)
    begun, playing = num_envs, turns.playing

    def decide(part: slice) -> None:
        """Begins a step of these games; those that rest are not looked at."""
        here = playing[part]
        chosen = act(observations[part][here])
        actions = np.zeros((len(here), *chosen.shape[1:]), chosen.dtype)
        actions[here] = chosen
        turns.send(part, actions)

    parts = list(turns.parts)
    with shared_processors(turns):
        for part in parts:
            decide(part)
        while parts:
            for part in parts:
                observations[part], rewards, terminations, truncations, _ = turns.receive(part)
                returns[part] += rewards
                lengths[part] += 1
                for i in part.start + np.flatnonzero((terminations | truncations) & playing[part]):
                    yield Episode(float(returns[i]), int(lengths[i]))
                    returns[i], lengths[i] = 0, 0
                    playing[i] = begun < episodes
                    begun += playing[i]
                if playing[part].any():
                    decide(part)
            parts = [part for part in parts if playing[part].any()]


def evaluate_model(
    directory: Path,
    *,
    name: str,
    episodes: int,
    sticky: float | None,
    greedy: bool | None,
    seed: int,
    device: DeviceName,
) -> Evaluation:
    """Evaluates the model in `directory`, with a progress bar on a terminal.

    If `sticky` is None, it is `STICKY` for Pong; if `greedy` is None, it is as the policy is meant to act. `UserError`
    if the model cannot be loaded or its weights overflow, or if `sticky` is given for another environment.
    """
    spec, network = checkpoint.load_policy(directory)
    pong = isinstance(spec, ModelSpec)
    if sticky is not None and not pong:
        raise UserError(f"--sticky is only for Pong; leave it out for {spec.environment}")
    target = pick_device(device)
    keep_freed_memory()
    console = Console(stderr=True)
    with Progress(console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task(f"{escape(one_line(name))}, full {'games' if pong else 'episodes'}", total=episodes)
        return evaluate(
            spec,
            network.to(target),
            name=name,
            episodes=episodes,
            sticky=sticky if sticky is not None else STICKY if pong else 0.0,
            greedy=meant_greedy(spec.algorithm) if greedy is None else greedy,
            seed=seed,
            device=target,
            on_episode=lambda: bar.advance(task),
        )


def render(evaluation: Evaluation) -> str:
    """The evaluation as two lines of text."""
    spread = "  (a single game: no interval)"
    if evaluation.ci95 is not None:
        low, high = evaluation.ci95
        spread = f"  (95% {low:.2f} to {high:.2f}, deviation {evaluation.std_return:.2f})"
    how = "greedy" if evaluation.greedy else "sampled"
    pong = evaluation.environment == PONG
    what = (
        f"full games, {how}, sticky actions {evaluation.sticky:g}"
        if pong
        else f"episodes of {evaluation.environment}, {how}"
    )
    return (
        f"{evaluation.model}: mean return {evaluation.mean_return:.2f}{spread}\n"
        f"{evaluation.episodes} {what}, seed {evaluation.seed}, "
        f"mean length {evaluation.mean_length:,.0f} steps, {evaluation.seconds:.0f} s"
    )
