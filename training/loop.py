"""The training loop."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable
from contextlib import closing
from typing import Protocol

import numpy as np

from models.device import pick_device
from models.spec import ModelSpec
from training import algorithms
from training.environments import make
from training.evaluate import evaluate
from training.gradient import GradientSettings
from training.learner import Learner
from training.memory import keep_freed_memory, return_freed_memory
from training.rollout import Collector, Episode
from training.run import Progress, RunDirectory
from training.settings import TrainingSettings

RECENT_GAMES = 100
WARM_UP_STEPS = 32
"""Random steps per environment before learning begins, for the first pixel statistics."""
INPUT_STATISTICS_UPDATES = 20
"""After these the inputs' statistics stay: a moving normalisation would move the policy with it."""
EVALUATIONS, LEAST_STEPS_BETWEEN = 10, 500_000
"""Of a training, and the fewest agent steps of Pong from one to the next: full games take a while."""
EVALUATION_GAMES = 20
STAGES = 40
CHECKPOINT_SECONDS = 60.0


class Display(Protocol):
    """Shows a training as it goes."""

    def update(self, progress: Progress, metrics: dict[str, float]) -> None:
        """Called after every update."""
        ...


def train(run: RunDirectory, display: Display, stop: Callable[[], bool] = lambda: False) -> Progress:
    """Trains until the run's steps are done or `stop()`, which is asked after every update; gives how far it came.

    Goes on from the run's checkpoint where there is one. Games cannot be saved in mid-play, so a continued run begins
    new ones, and its curve differs from an unbroken run's by their chance.
    """
    keep_freed_memory()
    settings, algorithm = run.settings, run.settings.algorithm
    assert isinstance(algorithm, GradientSettings)
    device = pick_device(settings.device)
    learner = Learner(
        settings.model,
        learning_rate=algorithm.learning_rate,
        first_log_deviation=algorithm.first_log_deviation,
        seed=settings.seed,
        device=device,
    )
    progress = run.restore(learner)
    recent: deque[Episode] = deque(maxlen=RECENT_GAMES)
    with closing(make(settings.model, settings.num_envs, sticky=settings.sticky)) as environments:
        seed = settings.seed + progress.updates
        collector = Collector(environments, learner, rollout_length=settings.rollout_length, seed=seed)
        warm_up = collector.random_observations(WARM_UP_STEPS, np.random.default_rng(seed))
        if progress.updates == 0:
            learner.learn_input_statistics(warm_up)
        del warm_up
        experience = algorithms.experience(collector, algorithm)
        steps_before = progress.steps
        saved_at = time.monotonic()
        while progress.steps < settings.steps and not stop():
            started = time.monotonic()
            rollout, episodes = experience.collect()
            metrics = algorithms.update(learner, rollout, algorithm, progress.steps / settings.steps)
            if progress.updates < INPUT_STATISTICS_UPDATES:
                learner.learn_input_statistics(rollout.observations[::8].flatten(0, 1))
            recent.extend(episodes)
            before = progress.steps
            progress.steps = steps_before + experience.steps
            progress.updates += 1
            progress.games += len(episodes)
            if crossed(before, progress.steps, evaluation_interval(settings)) or progress.steps >= settings.steps:
                metrics["evaluation_return"] = keep_best(run, learner, progress)
            if crossed(before, progress.steps, max(settings.steps // STAGES, 1)):
                run.save_stage(learner, progress)
            progress.seconds += time.monotonic() - started
            metrics["steps_per_second"] = (progress.steps - before) / (time.monotonic() - started)
            metrics |= summary(recent)
            run.log(progress, metrics)
            display.update(progress, metrics)
            if time.monotonic() - saved_at > CHECKPOINT_SECONDS:
                run.save(learner, progress)
                return_freed_memory()
                saved_at = time.monotonic()
        run.save(learner, progress)
    return progress


def evaluation_interval(settings: TrainingSettings) -> int:
    """Agent steps from one evaluation to the next."""
    interval = max(settings.steps // EVALUATIONS, 1)
    return max(interval, LEAST_STEPS_BETWEEN) if isinstance(settings.model, ModelSpec) else interval


def summary(episodes: deque[Episode]) -> dict[str, float]:
    """Mean return and length of recent full games; NaN before the first has ended."""
    if not episodes:
        return {"mean_return": math.nan, "mean_length": math.nan}
    returns, lengths = zip(*episodes, strict=True)
    return {"mean_return": float(np.mean(returns)), "mean_length": float(np.mean(lengths))}


def keep_best(run: RunDirectory, learner: Learner, progress: Progress) -> float:
    """Evaluates the policy as it is trained, sampled; keeps it where it is the best so far. Gives its mean return."""
    evaluation = evaluate(
        learner.spec,
        learner.network,
        name=run.path.name,
        episodes=EVALUATION_GAMES,
        sticky=run.settings.sticky,
        greedy=False,
        seed=run.settings.seed,
        device=learner.device,
    )
    if evaluation.mean_return > progress.best_return:
        progress.best_return = evaluation.mean_return
        run.save_best(learner, evaluation)
    return evaluation.mean_return


def crossed(before: int, after: int, interval: int) -> bool:
    """Whether a multiple of `interval` lies in (before, after]."""
    return before // interval != after // interval
