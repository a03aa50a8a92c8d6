"""Full games, counted without bias."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from rich.progress import Progress

from models import checkpoint
from models.device import DeviceName, pick_device
from models.network import PolicyNetwork
from models.spec import ModelSpec
from training.environments import make_pong
from training.memory import keep_freed_memory

MOST_PARALLEL_GAMES = 50


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """What a policy reached over full games."""

    model: str
    episodes: int
    mean_return: float
    std_return: float
    """Of the sample, with one degree of freedom taken off."""
    ci95: tuple[float, float]
    """Of the mean: normal approximation, 1.96 standard errors either way."""
    mean_length: float
    """In agent steps."""
    sticky: float
    greedy: bool
    seed: int
    seconds: float


def summarize(returns: list[float]) -> tuple[float, float, tuple[float, float]]:
    """Mean, sample standard deviation and the mean's 95% interval."""
    mean = float(np.mean(returns))
    deviation = float(np.std(returns, ddof=1)) if len(returns) > 1 else 0.0
    margin = 1.96 * deviation / len(returns) ** 0.5
    return mean, deviation, (mean - margin, mean + margin)


@torch.inference_mode()
def evaluate(
    spec: ModelSpec,
    network: PolicyNetwork,
    *,
    name: str,
    episodes: int,
    sticky: float,
    greedy: bool,
    seed: int,
    device: torch.device,
    on_episode: Callable[[], None] = lambda: None,
) -> Evaluation:
    """Plays `episodes` full games side by side and summarises their returns.

    Which games count is settled before they begin: each of the parallel environments plays its fixed share, and one
    that has played it is not counted further. To count whichever games end first would favour short ones.
    `on_episode` is called as each counted game ends.
    """
    started = time.perf_counter()
    num_envs = min(episodes, MOST_PARALLEL_GAMES)
    environments = make_pong(spec, num_envs, sticky=sticky)
    generator = torch.Generator(device).manual_seed(seed)
    shares = np.full(num_envs, episodes // num_envs)
    shares[: episodes % num_envs] += 1
    running_return, running_length = np.zeros(num_envs), np.zeros(num_envs, np.int64)
    returns: list[float] = []
    lengths: list[int] = []
    observations, _ = environments.reset(seed=seed)
    while shares.any():
        logits = network(torch.from_numpy(observations).to(device)).logits
        if greedy:
            actions = logits.argmax(-1)
        else:
            actions = torch.multinomial(logits.softmax(-1), 1, generator=generator).squeeze(1)
        observations, rewards, terminations, truncations, _ = environments.step(actions.cpu().numpy())
        running_return += rewards
        running_length += 1
        for i in np.flatnonzero(terminations | truncations):
            if shares[i] > 0:
                shares[i] -= 1
                returns.append(float(running_return[i]))
                lengths.append(int(running_length[i]))
                on_episode()
            running_return[i], running_length[i] = 0, 0
    environments.close()
    mean, deviation, interval = summarize(returns)
    return Evaluation(
        model=name,
        episodes=episodes,
        mean_return=mean,
        std_return=deviation,
        ci95=interval,
        mean_length=float(np.mean(lengths)),
        sticky=sticky,
        greedy=greedy,
        seed=seed,
        seconds=time.perf_counter() - started,
    )


def evaluate_model(
    directory: Path, *, name: str, episodes: int, sticky: float, greedy: bool, seed: int, device: DeviceName
) -> Evaluation:
    """Evaluates the model in `directory`, with a progress bar on a terminal. `UserError` where it cannot be loaded."""
    spec, network = checkpoint.load(directory)
    target = pick_device(device)
    keep_freed_memory()
    console = Console(stderr=True)
    with Progress(console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task(f"{name}, full games", total=episodes)
        return evaluate(
            spec,
            network.to(target),
            name=name,
            episodes=episodes,
            sticky=sticky,
            greedy=greedy,
            seed=seed,
            device=target,
            on_episode=lambda: bar.advance(task),
        )


def render(evaluation: Evaluation) -> str:
    """The evaluation as two lines of text."""
    low, high = evaluation.ci95
    how = "greedy" if evaluation.greedy else "sampled"
    return (
        f"{evaluation.model}: mean return {evaluation.mean_return:.2f}  (95% {low:.2f} to {high:.2f}, "
        f"deviation {evaluation.std_return:.2f})\n"
        f"{evaluation.episodes} full games, {how}, sticky actions {evaluation.sticky:g}, seed {evaluation.seed}, "
        f"mean length {evaluation.mean_length:,.0f} steps, {evaluation.seconds:.0f} s"
    )
