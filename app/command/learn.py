"""The commands about learning: `train`, `evaluate` and `plot`."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentTypeError, Namespace
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from app.command.arguments import GREEDY_HELP, INTERRUPTED, MODEL_HELP, add_command, count, seed
from app.command.download import local_directory
from app.command.output import say, show
from models.errors import UserError, volley
from models.spec import SEARCHES

if TYPE_CHECKING:
    from app.command.arguments import Subparsers
    from training.run import Progress, RunDirectory
    from training.team import Team

ALGORITHMS = (
    *SEARCHES,
    "reinforce",
    "surrogate",
    "ppo",
    "a2c",
    "imitation",
)
"""What `volley train` knows, in the order of the course. Not asked of `training`, which takes seconds to import."""
DEVICES = ("auto", "cpu", "cuda")
HEADS = ("categorical", "gaussian", "tanh-gaussian")


def add_parsers(subparsers: Subparsers) -> None:
    """Adds `train`, `evaluate` and `plot`."""
    _add_train(subparsers)
    _add_evaluate(subparsers)
    _add_plot(subparsers)
    # The window runs its lessons with it; it is of no use to people, so it stands in no list.
    subparsers.add_parser("lessons").set_defaults(run=_lessons)


def _add_train(subparsers: Subparsers) -> None:
    train = add_command(
        subparsers,
        "train",
        purpose="train a policy on Pong from pixels, or on a control problem",
        example="volley train ppo --steps 200000 --run runs/first\n  volley train --resume runs/first --steps 400000",
    )
    train.add_argument(
        "algorithm", nargs="?", choices=ALGORITHMS, metavar="ALGO", help=f"how to learn: {', '.join(ALGORITHMS)}"
    )
    train.add_argument("--env", metavar="NAME", help="what to learn: Pong (default), or a gymnasium environment")
    train.add_argument(
        "--head", choices=HEADS, help="the distribution of actions (default: what suits the environment)"
    )
    train.add_argument(
        "--steps",
        type=count,
        metavar="N",
        help="total agent steps (default on Pong: 6 million for ppo, 4.5 for reinforce, 5 for others; elsewhere as the "
        "problem needs, usually 200,000)",
    )
    train.add_argument("--seed", type=seed, metavar="N", help="seed of network, games and sampling (default: 0)")
    train.add_argument(
        "--sticky",
        type=_probability,
        metavar="P",
        help="Pong only: probability per frame that the last action repeats (default: 0.25)",
    )
    train.add_argument(
        "--opponents",
        type=_opponents,
        metavar="KIND=N,...",
        help="Pong only: train on the court for two, with N courts for each KIND of opponent: itself, past (selves), "
        "scripts, rom, or a MODEL, which stays as it is; or all, for a mix",
    )
    train.add_argument("--from", dest="start", metavar="MODEL", help="Pong only: go on from a trained model")
    train.add_argument(
        "--frame-skip",
        type=_frame_skip,
        metavar="N",
        help="Pong only: emulator frames per decision, 2 to 8 (default: 4)",
    )
    train.add_argument(
        "--slow-moves",
        action="store_const",
        const=True,
        help="Pong only: from the start, the policy may also move its paddle slowly, at 30%% of full speed (without "
        "this option, ppo may after 1.5 million steps, except with --from or --opponents)",
    )
    train.add_argument("--device", choices=DEVICES, help="where the network runs (default: auto)")
    train.add_argument(
        "--run", dest="directory", type=Path, metavar="DIR", help="directory of the run (default: a new one in runs/)"
    )
    train.add_argument(
        "--set",
        dest="changes",
        action="append",
        metavar="NAME=VALUE",
        help="change another setting of ALGO; an unknown NAME prints the list",
    )
    train.add_argument(
        "--resume", type=Path, metavar="DIR", help="continue the run in DIR; only --steps and --device may change"
    )
    train.set_defaults(run=_train)


def _train(arguments: Namespace) -> int:
    if arguments.resume is not None:
        _check_resumable(arguments)
    elif arguments.algorithm is None:
        raise UserError("no algorithm given; for example: volley train ppo")
    from training.launch import join_run, train_until_interrupted
    from training.team import joined

    with joined() as team:
        if team.leads:
            return _lead(arguments, team)
        _, interrupted = train_until_interrupted(join_run(team))
        return INTERRUPTED if interrupted else 0


def _lead(arguments: Namespace, team: Team) -> int:
    """Trains, as the first of a team or alone; returns the exit code."""
    from training.arena.opponents import training_opponents
    from training.launch import new_run, resumed_run, train_until_interrupted
    from training.lock import locked

    if arguments.resume is not None:
        with locked(arguments.resume):
            run = resumed_run(arguments.resume, steps=arguments.steps, device=arguments.device, team=team)
            return _report(run, *train_until_interrupted(run))
    run = new_run(
        arguments.directory,
        algorithm=arguments.algorithm,
        steps=arguments.steps,
        seed=arguments.seed,
        sticky=arguments.sticky,
        device=arguments.device,
        environment="Pong" if arguments.env is None else arguments.env,
        head=arguments.head,
        changes=arguments.changes or (),
        opponents=None if arguments.opponents is None else training_opponents(arguments.opponents),
        start=arguments.start,
        frame_skip=arguments.frame_skip,
        slow_moves=arguments.slow_moves,
        team=team,
    )
    with locked(run.path):
        return _report(run, *train_until_interrupted(run))


_SETTLED = (
    "algorithm",
    "env",
    "head",
    "seed",
    "sticky",
    "directory",
    "changes",
    "opponents",
    "start",
    "frame_skip",
    "slow_moves",
)
"""Options that a run keeps for good."""


def _check_resumable(arguments: Namespace) -> None:
    if any(getattr(arguments, name) is not None for name in _SETTLED):
        raise UserError("--resume continues a run with its own settings; only --steps and --device may change")


def _report(run: RunDirectory, progress: Progress, interrupted: bool) -> int:  # noqa: FBT001 - as training returns it
    """Says how far a training has come, and what to do next; returns the exit code."""
    from models.spec import PONG

    say(f"{progress.steps:,} steps and {progress.games:,} games in {progress.seconds / 60:.1f} min: {run.path}")
    if interrupted:
        say(f"saved; resume with:  {volley('train', '--resume', run.path)}")
        return INTERRUPTED
    if run.settings.model.environment == PONG:
        say(f"watch it:    {volley('watch', run.path)}")
    say(f"measure it:  {volley('evaluate', run.path)}")
    return 0


def _add_evaluate(subparsers: Subparsers) -> None:
    evaluate = add_command(
        subparsers,
        "evaluate",
        purpose="measure a model over full games against the Atari CPU, or episodes of its control problem",
        example="volley evaluate ppo --episodes 100 --sticky 0 --json",
    )
    evaluate.add_argument("model", metavar="MODEL", help=MODEL_HELP)
    evaluate.add_argument("--episodes", type=count, default=100, metavar="N", help="full games (default: 100)")
    evaluate.add_argument(
        "--sticky",
        type=_probability,
        metavar="P",
        help="Pong only: probability per frame that the last action repeats (default: 0.25; the window plays with 0)",
    )
    how = evaluate.add_mutually_exclusive_group()
    how.add_argument("--greedy", action="store_true", default=None, help=GREEDY_HELP)
    how.add_argument(
        "--sampled",
        action="store_false",
        dest="greedy",
        help="sample each action (the default, except for policies of a black-box search, which play greedily)",
    )
    evaluate.add_argument("--seed", type=seed, default=0, metavar="N", help="seed of games and sampling (default: 0)")
    evaluate.add_argument("--device", choices=DEVICES, default="auto", help="where the network runs (default: auto)")
    evaluate.add_argument("--json", action="store_true", help="print one JSON object")
    evaluate.set_defaults(run=_evaluate)


def _evaluate(arguments: Namespace) -> int:
    directory = local_directory(arguments.model)
    from training.evaluate import evaluate_model, render

    evaluation = evaluate_model(
        directory,
        name=arguments.model,
        episodes=arguments.episodes,
        sticky=arguments.sticky,
        greedy=arguments.greedy,
        seed=arguments.seed,
        device=arguments.device,
    )
    say(json.dumps(asdict(evaluation)) if arguments.json else render(evaluation))
    return 0


def _add_plot(subparsers: Subparsers) -> None:
    plot = add_command(
        subparsers,
        "plot",
        purpose="draw learning curves; runs that differ only in their seed become one curve with a band",
        example="volley plot runs/first\n  volley plot ppo runs/seed-0 runs/seed-1 runs/seed-2 --out curves.png",
    )
    plot.add_argument(
        "runs", nargs="+", metavar="RUN", help="a training run, or a model that comes with its learning curve"
    )
    plot.add_argument("--out", type=Path, metavar="FILE", help="also save a picture: .png or .svg")
    plot.add_argument(
        "--x", choices=["steps", "minutes"], help="draw over steps or minutes only (default: a panel for each)"
    )
    plot.add_argument(
        "--metric", default="mean_return", metavar="NAME", help="the logged metric to draw (default: mean_return)"
    )
    plot.add_argument("--title", metavar="TEXT", help="title of the picture")
    plot.add_argument("--json", action="store_true", help="print one JSON object: the metric, and each curve's figures")
    plot.set_defaults(run=_plot)


def _plot(arguments: Namespace) -> int:
    from rich.console import Console

    from training import plot, terminal_plot
    from training.curves import AXES, curves_of, read_run, summary

    if arguments.title is not None and arguments.out is None:
        raise UserError("--title is for the picture: add --out FILE")
    curves = curves_of([read_run(run) for run in dict.fromkeys(arguments.runs)], arguments.metric)
    axes = AXES if arguments.x is None else (arguments.x,)
    if arguments.out is not None:
        plot.draw(curves, arguments.metric, arguments.out, axes=axes, title=arguments.title)
    if arguments.json:
        print(json.dumps({"metric": arguments.metric, "curves": [summary(curve) for curve in curves]}))
        return 0
    console = Console(highlight=False)
    braille = not console.options.ascii_only
    text = terminal_plot.draw(curves, arguments.metric, axes[0], width=console.width, braille=braille)
    show(text, end="")
    if arguments.out is not None:
        say(f"\nsaved: {arguments.out}")
    return 0


def _opponents(text: str) -> dict[str, int]:
    """Courts by kind of opponent, or model; empty for the default mix, which is spelt "all"."""
    if text == "all":
        return {}
    courts: dict[str, int] = {}
    for part in text.split(","):
        kind, _, number = part.partition("=")
        if not (kind and number.isdecimal()):
            raise ArgumentTypeError(f"{part!r} is not KIND=N, such as itself=8,past=2,scripts=14,rom=8 or champion=32")
        if kind in courts:
            raise ArgumentTypeError(f"{kind!r} is there twice; give it once, with all its courts")
        courts[kind] = int(number)
    if not any(courts.values()):
        raise ArgumentTypeError(f"{text!r} leaves no court")
    return courts


def _frame_skip(text: str) -> int:
    if not text.isdecimal() or not 2 <= int(text) <= 8:
        raise ArgumentTypeError(f"{text!r} is not a whole number from 2 to 8")
    return int(text)


def _probability(text: str) -> float:
    """A probability below 1."""
    try:
        probability = float(text)
    except ValueError:
        probability = -1.0
    if not 0 <= probability < 1:
        raise ArgumentTypeError(f"{text!r} is not a probability from 0 to below 1")
    return probability


def _lessons(_arguments: Namespace) -> int:
    """Reads lines that ask for lessons, and writes lines that tell how they go."""
    from training.lessons.serve import serve

    def tell(line: bytes) -> None:
        sys.stdout.buffer.write(line)
        sys.stdout.buffer.flush()

    serve(sys.stdin.buffer, tell)
    return 0
