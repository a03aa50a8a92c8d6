"""The command line. Each command imports what it needs when it runs, so that `volley --help` costs nothing."""

from __future__ import annotations

import json
import os
import sys
import time
from argparse import ArgumentParser, ArgumentTypeError, Namespace, RawDescriptionHelpFormatter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from models import catalog
from models.errors import UserError

if TYPE_CHECKING:
    from argparse import _SubParsersAction
    from typing import TypeAlias

    from agents.policy import PolicyAgent
    from app.match import Match, Snapshot

    Subparsers: TypeAlias = _SubParsersAction["_Parser"]
    Record: TypeAlias = Callable[[Snapshot, float], None]

MISTAKE, INTERRUPTED = 2, 130
"""Exit codes: what the user can mend, and Ctrl-C."""


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command; gives its exit code. A user's mistake is one line on standard error, and code 2."""
    words = list(sys.argv[1:] if argv is None else argv)
    try:
        arguments = _parser().parse_args(words or ["watch"])
        code: int = arguments.run(arguments)
    except UserError as error:
        print(f"volley: {error}", file=sys.stderr)
        return MISTAKE
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:  # whoever was reading has seen enough, as with: volley doctor | head
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return code


class _Parser(ArgumentParser):
    """Tells a mistake in one line, as all of Volley does."""

    def error(self, message: str) -> NoReturn:
        raise UserError(f"{message}; see: {self.prog} --help")


def _parser() -> _Parser:
    parser = _Parser(
        prog="volley",
        description="A trained network plays Atari Pong, from pixels. Without a command: volley watch.",
        epilog="Example:  volley watch ppo",
    )
    parser.add_argument(
        "--version", action="store_const", dest="run", const=_version, help="print the version and exit"
    )
    subparsers = parser.add_subparsers(title="commands", metavar="COMMAND")
    _add_watch(subparsers)
    _add_train(subparsers)
    _add_evaluate(subparsers)
    _add_doctor(subparsers)
    return parser


def _command(subparsers: Subparsers, name: str, *, purpose: str, example: str) -> _Parser:
    """A command's parser, with its one line of purpose and its example."""
    return subparsers.add_parser(
        name,
        help=purpose,
        description=f"{purpose[0].upper()}{purpose[1:]}.",
        epilog=f"Example:\n  {example}",
        formatter_class=RawDescriptionHelpFormatter,
    )


def _count(text: str) -> int:
    """An argument that is a whole number from 1 up."""
    if not text.isdecimal() or int(text) < 1:
        raise ArgumentTypeError(f"{text!r} is not a whole number from 1 up")
    return int(text)


def _seed(text: str) -> int:
    """An argument that every random generator takes as a seed."""
    if not text.isdecimal() or int(text) >= 2**31:
        raise ArgumentTypeError(f"{text!r} is not a whole number from 0 to {2**31 - 1}")
    return int(text)


def _version(_arguments: Namespace) -> int:
    from importlib.metadata import version

    print(f"volley {version('volley')}")
    return 0


def _add_watch(subparsers: Subparsers) -> None:
    watch = _command(
        subparsers,
        "watch",
        purpose="watch a model play against the game's own opponent",
        example="volley watch ppo --headless --games 3 --record game.mp4",
    )
    watch.add_argument(
        "model",
        nargs="?",
        default=catalog.DEFAULT_MODEL,
        metavar="MODEL",
        help=f"a bundled model, a model directory or a training run (default: {catalog.DEFAULT_MODEL})",
    )
    watch.add_argument("--headless", action="store_true", help="without a window, as fast as it goes")
    watch.add_argument(
        "--games", type=_count, metavar="N", help="stop after N games (default: 1 headless, else without end)"
    )
    watch.add_argument("--record", type=Path, metavar="FILE.mp4", help="make a film of it, panels and all")
    watch.add_argument("--greedy", action="store_true", help="always the likeliest action, instead of sampling")
    watch.add_argument("--seed", type=_seed, default=0, metavar="N", help="of start and sampling (default: 0)")
    watch.add_argument(
        "--json",
        action="store_true",
        help="end with one JSON object: games, points and games won of each side (MODEL plays right), emulator frames, "
        "seconds it took",
    )
    watch.set_defaults(run=_watch)


def _watch(arguments: Namespace) -> int:
    from app.match import games_won

    catalog.resolve(arguments.model)
    start = time.monotonic()
    with _film(arguments.record) as record:
        match = (_watch_headless if arguments.headless else _watch_in_window)(arguments, record)
    if arguments.json:
        won = games_won(match.results)
        totals = {
            "games": len(match.results),
            "points_left": sum(score.left for score in match.results),
            "points_right": sum(score.right for score in match.results),
            "games_left": won.left,
            "games_right": won.right,
            "frames": match.frames,
            "seconds": round(time.monotonic() - start, 3),
        }
        print(json.dumps(totals))
    return 0


@contextmanager
def _film(path: Path | None) -> Iterator[Record | None]:
    """What takes a film's pictures, where one is wanted."""
    if path is None:
        yield None
        return
    from app.film import filming

    with filming(path) as film:
        yield film.add


def _watch_headless(arguments: Namespace, record: Record | None) -> Match:
    from agents.pong import Court, Score
    from app import headless
    from app.match import OPPONENT, Match
    from app.player import load_player

    player = load_player(arguments.model, seed=arguments.seed)
    match = Match(Court(seed=arguments.seed), name=player.name, games=arguments.games or 1, greedy=arguments.greedy)
    match.seat(player)

    def report(game: int, score: Score) -> None:
        if not arguments.json:
            print(f"game {game}: {OPPONENT} {score.left} : {score.right} {player.name}", flush=True)

    headless.run(match, record, report)
    return match


def _watch_in_window(arguments: Namespace, record: Record | None) -> Match:
    from agents.pong import Court
    from app.match import Match
    from app.window import WatchWindow, open_display

    def load() -> PolicyAgent:
        from app.player import load_player

        return load_player(arguments.model, seed=arguments.seed)

    display = open_display()
    name = Path(arguments.model).name
    match = Match(Court(seed=arguments.seed), name=name, games=arguments.games, greedy=arguments.greedy)
    WatchWindow(display, match, record).run(load)
    return match


def _probability(text: str) -> float:
    """An argument from 0 up to, but without, 1."""
    try:
        probability = float(text)
    except ValueError:
        probability = -1.0
    if not 0 <= probability < 1:
        raise ArgumentTypeError(f"{text!r} is not a probability from 0 to below 1")
    return probability


def _add_train(subparsers: Subparsers) -> None:
    train = _command(
        subparsers,
        "train",
        purpose="train a policy from pixels",
        example="volley train ppo --steps 200000 --run runs/first\n  volley train --resume runs/first --steps 400000",
    )
    train.add_argument("algorithm", nargs="?", choices=["ppo"], metavar="ALGO", help="how to learn: ppo")
    train.add_argument("--steps", type=_count, metavar="N", help="agent steps in all (default: 5 million)")
    train.add_argument("--seed", type=_seed, metavar="N", help="of network, games and sampling (default: 0)")
    train.add_argument(
        "--sticky", type=_probability, metavar="P", help="chance per frame that an action is repeated (default: 0.25)"
    )
    train.add_argument("--device", choices=["auto", "cpu", "cuda"], help="where the network runs (default: auto)")
    train.add_argument(
        "--run", dest="directory", type=Path, metavar="DIR", help="the run's folder (default: a new one under runs/)"
    )
    train.add_argument("--resume", type=Path, metavar="DIR", help="go on with the run in DIR, as it was set up")
    train.set_defaults(run=_train)


def _train(arguments: Namespace) -> int:
    from training.launch import new_run, resumed_run, train_until_interrupted

    if arguments.resume is None:
        if arguments.algorithm is None:
            raise UserError("which algorithm? say for example: volley train ppo")
        run = new_run(
            arguments.directory,
            algorithm=arguments.algorithm,
            steps=arguments.steps,
            seed=arguments.seed,
            sticky=arguments.sticky,
            device=arguments.device,
        )
    else:
        for name in ("algorithm", "seed", "sticky", "directory"):
            if getattr(arguments, name) is not None:
                raise UserError("--resume goes on with a run as it was set up; only --steps and --device may change")
        run = resumed_run(arguments.resume, steps=arguments.steps, device=arguments.device)
    progress, interrupted = train_until_interrupted(run)
    print(f"{progress.steps:,} steps and {progress.games:,} games in {progress.seconds / 60:.1f} min: {run.path}")
    if interrupted:
        print(f"go on with:  volley train --resume {run.path}")
        return INTERRUPTED
    print(f"watch it:    volley watch {run.path}")
    print(f"measure it:  volley evaluate {run.path}")
    return 0


def _add_evaluate(subparsers: Subparsers) -> None:
    evaluate = _command(
        subparsers,
        "evaluate",
        purpose="measure a model over full games against the game's own opponent",
        example="volley evaluate ppo --episodes 100 --sticky 0 --json",
    )
    evaluate.add_argument("model", metavar="MODEL", help="a bundled model, a model directory or a training run")
    evaluate.add_argument("--episodes", type=_count, default=100, metavar="N", help="full games (default: 100)")
    evaluate.add_argument(
        "--sticky",
        type=_probability,
        default=0.25,
        metavar="P",
        help="chance per frame that an action is repeated (default: 0.25; the window plays with 0)",
    )
    evaluate.add_argument("--greedy", action="store_true", help="always the likeliest action, instead of sampling")
    evaluate.add_argument("--seed", type=_seed, default=0, metavar="N", help="of games and sampling (default: 0)")
    evaluate.add_argument("--device", choices=["auto", "cpu", "cuda"], default="auto", help="default: auto")
    evaluate.add_argument("--json", action="store_true", help="print one JSON object")
    evaluate.set_defaults(run=_evaluate)


def _evaluate(arguments: Namespace) -> int:
    directory = catalog.resolve(arguments.model)
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
    print(json.dumps(asdict(evaluation)) if arguments.json else render(evaluation))
    return 0


def _add_doctor(subparsers: Subparsers) -> None:
    doctor = _command(
        subparsers,
        "doctor",
        purpose="tell what this machine has, and whether Volley can play on it",
        example="volley doctor --json",
    )
    doctor.add_argument("--json", action="store_true", help="print one JSON object")
    doctor.set_defaults(run=_doctor)


def _doctor(arguments: Namespace) -> int:
    from app import doctor

    report = doctor.examine()
    print(json.dumps(report.as_dict()) if arguments.json else doctor.render(report))
    return 0 if report.can_play else MISTAKE


if __name__ == "__main__":
    sys.exit(main())
