"""The training loop."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

import torch
from gymnasium.vector import VectorEnv

from models.errors import UserError
from models.spec import ModelSpec
from training import algorithms
from training.arena.selfplay import SelfPlay
from training.environments import make, make_games
from training.evaluate import evaluate
from training.health import Health
from training.imitation import ImitationSettings
from training.learner import DivergedError
from training.memory import keep_freed_memory, return_freed_memory
from training.policy_gradient import PolicyGradient
from training.population import reward_threshold
from training.run import Progress, RunDirectory
from training.settings import TrainingSettings
from training.team import Team
from training.trainee import Trainee

EVALUATIONS = 10
"""Per training."""
MIN_EVALUATION_INTERVAL = 500_000
"""Agent steps, for Pong, because full games take a while."""
SELF_PLAY_EVALUATION_INTERVAL = 2_000_000
"""Of games against the ROM, which are not what self-play is for."""
STAGES = 40
"""Policies kept along the way."""
CHECKPOINT_SECONDS = 60.0


class Display:
    """Shows the progress of a training: this one shows nothing."""

    def update(self, progress: Progress, metrics: dict[str, float]) -> None:
        """Called after every update."""

    def note(self, line: str) -> None:
        """Called with something that the user should know."""


def train(run: RunDirectory, display: Display, stop: Callable[[], bool] = lambda: False) -> Progress:
    """Trains until the run's steps are done or `stop()`, called after every update, is true; returns the progress.

    Resumes from the run's checkpoint if there is one.
    """
    keep_freed_memory()
    settings = run.settings
    team = run.team
    trainee = algorithms.make_trainee(settings, team)
    check_devices(team, trainee.device)
    progress = run.restore(trainee)
    with closing(_environments(settings, trainee, team.seed(settings.seed))) as environments:
        with run.explaining_misfits():
            reason = trainee.prepare(environments, progress) or _inexact(run, trainee)
        if progress.updates and reason is not None:
            display.note(f"this run will not end bit for bit as it would have without the stop: {reason}")
        health = Health(settings, reward_threshold(environments))
        saved_at = time.monotonic()
        while progress.steps < settings.steps and not team.any(condition=stop()):
            started, before = time.monotonic(), progress.steps
            with _explaining_divergence(run, progress):
                step = trainee.step(progress)
                _check_weights(trainee)
            progress.steps += step.steps
            progress.updates += 1
            progress.games += step.games
            metrics = step.metrics
            due = crossed(before, progress.steps, evaluation_interval(settings)) or progress.steps >= settings.steps
            if (due or step.promising) and team.leads:
                evaluated = time.monotonic()
                metrics["evaluation_return"] = keep_best(run, trainee, progress)
                metrics |= trainee.on_evaluation(metrics["evaluation_return"], progress)
                metrics["evaluation_seconds"] = time.monotonic() - evaluated
            if crossed(before, progress.steps, max(settings.steps // STAGES, 1)):
                run.save_stage(trainee, progress)
            seconds = time.monotonic() - started
            progress.seconds += seconds
            metrics["steps_per_second"] = step.steps / seconds
            run.log(progress, metrics)
            display.update(progress, metrics)
            for line in health.look(metrics):
                display.note(line)
            if team.any(condition=time.monotonic() - saved_at > CHECKPOINT_SECONDS):
                run.save(trainee, progress)
                return_freed_memory()
                saved_at = time.monotonic()
        run.save(trainee, progress)
    return progress


def check_devices(team: Team, device: torch.device) -> None:
    """`UserError` if some of a team's processes have a graphics card and some none: they would wait for each other."""
    if team.total(int(device.type == "cuda")) not in (0, team.size):
        raise UserError(
            "some processes of this run have a graphics card and some have none; give --device cpu to all of them"
        )


@contextmanager
def _explaining_divergence(run: RunDirectory, progress: Progress) -> Iterator[None]:
    """Keeps the batch at which learning went wrong, and says so."""
    try:
        yield
    except DivergedError as error:
        saved = "The last checkpoint is from before" if run.has_checkpoint else "There is no checkpoint yet"
        kept = ""
        if error.batch is not None:
            columns = {name: column for name, column in error.batch._asdict().items() if column is not None}
            kept = f", and what it was learning from is in {run.keep_batch(columns)}"
        what_to_do = f"look at the environment's {error.cause}"
        if error.cause == "steps":
            smaller = "--set learning_rate=1e-4 --set highest_learning_rate=1e-3"
            what_to_do = f"train again with smaller steps, such as {smaller}"
        raise UserError(
            f"learning went wrong after {progress.steps:,} steps: {error}. {saved}{kept}; {what_to_do}"
        ) from error


def _check_weights(trainee: Trainee) -> None:
    if not all(weights.isfinite().all() for weights in trainee.network.parameters()):
        raise DivergedError("the weights are")


def _inexact(run: RunDirectory, trainee: Trainee) -> str | None:
    """Why a resumed run cannot go on exactly as it would have, although its games can; None if it can."""
    if trainee.device.type != "cpu":
        return "a GPU adds numbers in a different order each time"
    return f"it was on {run.moved_from}" if run.moved_from else None


def _environments(settings: TrainingSettings, trainee: Trainee, seed: int) -> VectorEnv:
    if not isinstance(trainee, PolicyGradient):
        return make(settings.model, trainee.num_envs, sticky=settings.sticky)  # a search begins new games in each step
    if settings.opponents is None:
        return make_games(settings.model, trainee.num_envs, sticky=settings.sticky, seed=seed)
    assert isinstance(settings.model, ModelSpec), "self-play is for Pong"
    return SelfPlay(
        settings.model,
        settings.opponents,
        sticky=settings.sticky,
        seed=seed,
        fixed=trainee.fixed_opponent(),
        coached=isinstance(settings.algorithm, ImitationSettings),
    )


def evaluation_interval(settings: TrainingSettings) -> int:
    """Agent steps from one evaluation to the next."""
    interval = max(settings.steps // EVALUATIONS, 1)
    if settings.opponents is not None:
        return max(interval, SELF_PLAY_EVALUATION_INTERVAL)
    return max(interval, MIN_EVALUATION_INTERVAL) if isinstance(settings.model, ModelSpec) else interval


def keep_best(run: RunDirectory, trainee: Trainee, progress: Progress) -> float:
    """Evaluates the policy and keeps it if it is the best so far; returns its mean return."""
    evaluation = evaluate(
        run.settings.model,
        trainee.network,
        name=run.path.name,
        episodes=trainee.evaluation_games,
        sticky=run.settings.sticky,
        greedy=trainee.greedy,
        seed=run.settings.seed,
        device=trainee.device,
    )
    if evaluation.mean_return > progress.best_return:
        progress.best_return = evaluation.mean_return
        run.save_best(trainee, evaluation)
    return evaluation.mean_return


def crossed(before: int, after: int, interval: int) -> bool:
    """Whether a multiple of `interval` lies in (before, after]."""
    return before // interval != after // interval
