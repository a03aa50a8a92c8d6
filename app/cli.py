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

    from app.lineup import Player, Policy
    from app.match import Match, Snapshot
    from app.panels.names import PanelName
    from app.session import Session

    Subparsers: TypeAlias = _SubParsersAction["_Parser"]
    Record: TypeAlias = Callable[[Snapshot, float], None]

ALGORITHMS = (
    "hill-climbing",
    "steepest-ascent",
    "simulated-annealing",
    "adaptive-noise",
    "cross-entropy",
    "evolution-strategies",
    "reinforce",
    "surrogate",
    "ppo",
    "a2c",
)
"""What `volley train` knows, in the order of the course."""
MISTAKE, INTERRUPTED = 2, 130
"""Exit codes: what the user can mend, and Ctrl-C."""


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command; gives its exit code. A user's mistake is one line on standard error, and code 2."""
    words = list(sys.argv[1:] if argv is None else argv)
    try:
        arguments = _parser().parse_args(words)
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
        description="A trained network plays Atari Pong, from pixels. Without a command: the window, and its menu.",
        epilog="Example:  volley play ppo",
    )
    parser.set_defaults(run=_menu)
    parser.add_argument(
        "--version", action="store_const", dest="run", const=_version, help="print the version and exit"
    )
    subparsers = parser.add_subparsers(title="commands", metavar="COMMAND")
    _add_play(subparsers)
    _add_watch(subparsers)
    _add_train(subparsers)
    _add_evaluate(subparsers)
    _add_plot(subparsers)
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


def _menu(_arguments: Namespace) -> int:
    from app.window import Window, open_display

    Window(open_display()).run()
    return 0


MODEL_HELP = "a bundled model, a model directory or a training run; MODEL@STEPS is an earlier stage of it"


def _reaction(text: str) -> int:
    """An argument that is a reaction delay."""
    if not text.isdecimal() or int(text) > 1000:
        raise ArgumentTypeError(f"{text!r} is not a whole number of milliseconds from 0 to 1000")
    return int(text)


def _temperature(text: str) -> float:
    """An argument that is a temperature."""
    try:
        temperature = float(text)
    except ValueError:
        temperature = 0.0
    if not 0.05 <= temperature <= 5:
        raise ArgumentTypeError(f"{text!r} is not a temperature from 0.05 to 5")
    return temperature


def _add_strength(parser: _Parser) -> None:
    """How well a model is to play."""
    parser.add_argument("--greedy", action="store_true", help="always the likeliest action, instead of sampling")
    parser.add_argument(
        "--temperature", type=_temperature, default=1.0, metavar="T", help="above 1 plays more at random (default: 1)"
    )
    parser.add_argument(
        "--reaction", type=_reaction, default=0, metavar="MS", help="decisions come so much later; people: about 230"
    )


def _policy(arguments: Namespace, model: str) -> Policy:
    from app.lineup import Policy

    catalog.resolve(model)
    return Policy(model, temperature=arguments.temperature, greedy=arguments.greedy, reaction_ms=arguments.reaction)


def _add_play(subparsers: Subparsers) -> None:
    play = _command(
        subparsers,
        "play",
        purpose="play against a model",
        example="volley play ppo --reaction 230 --side left",
    )
    play.add_argument(
        "model", nargs="?", default=catalog.DEFAULT_MODEL, metavar="MODEL", help=f"{MODEL_HELP}; or cpu, or tracker"
    )
    play.add_argument("--side", choices=["left", "right"], default="right", help="yours (default: right)")
    _add_strength(play)
    play.add_argument("--seed", type=_seed, default=0, metavar="N", help="of start and sampling (default: 0)")
    play.set_defaults(run=_play)


def _play(arguments: Namespace) -> int:
    from app.lineup import Lineup, Person, Rom

    opponent = _player(arguments, arguments.model)
    if isinstance(opponent, Rom) and arguments.side == "left":
        raise UserError("the Atari CPU plays the left only: leave out --side left")
    left = arguments.side == "left"
    lineup = Lineup(Person(), opponent) if left else Lineup(opponent, Person())
    from app.session import Session
    from app.window import Window, open_display

    display = open_display()
    Window(display, Session(lineup, seed=arguments.seed, sound=True)).run()
    return 0


def _player(arguments: Namespace, name: str) -> Player:
    """Who `name` is: the ROM, the tracker or a model."""
    from app.lineup import Rom, Tracker

    if name == "cpu":
        return Rom()
    return Tracker(arguments.reaction) if name == "tracker" else _policy(arguments, name)


def _panels(text: str) -> frozenset[PanelName]:
    """An argument that names panels of a film."""
    from app.panels.names import FILMED

    panels = {name.value: name for name in FILMED}
    for word in text.split(","):
        if word not in panels:
            raise ArgumentTypeError(f"there is no panel {word!r}; there are {', '.join(panels)}")
    return frozenset(panels[word] for word in text.split(","))


def _add_watch(subparsers: Subparsers) -> None:
    watch = _command(
        subparsers,
        "watch",
        purpose="watch a model play, or a replay",
        example="volley watch ppo --headless --games 3 --record game.mp4\n  volley watch ppo --versus ppo@503808\n"
        "  volley watch --replay game.volley",
    )
    watch.add_argument(
        "model",
        nargs="?",
        metavar="MODEL",
        help=f"plays right: {MODEL_HELP} (default: {catalog.DEFAULT_MODEL})",
    )
    watch.add_argument(
        "--versus",
        metavar="cpu|MODEL",
        help="plays left: cpu is the game's own opponent (default), or a model, or tracker",
    )
    watch.add_argument(
        "--follow", action="store_true", help="MODEL is a run in training: change over to each new checkpoint"
    )
    watch.add_argument("--replay", type=Path, metavar="FILE", help="a game that was saved, instead of a new one")
    watch.add_argument("--headless", action="store_true", help="without a window, as fast as it goes")
    watch.add_argument(
        "--games", type=_count, metavar="N", help="stop after N games (default: 1 headless, else without end)"
    )
    watch.add_argument("--record", type=Path, metavar="FILE", help="make a film of it, panels and all: .mp4 or .gif")
    watch.add_argument(
        "--panels",
        type=_panels,
        metavar="NAME,…",
        help="the film's, of: moves, timeline, seen, facts, credit, saliency (default: moves,timeline,facts)",
    )
    _add_strength(watch)
    watch.add_argument("--seed", type=_seed, metavar="N", help="of start and sampling (default: 0)")
    watch.add_argument(
        "--json",
        action="store_true",
        help="end with one JSON object: games, points and games won of each side (MODEL plays right), emulator frames, "
        "seconds it took",
    )
    watch.set_defaults(run=_watch)


def _watch(arguments: Namespace) -> int:
    start = time.monotonic()
    session = _session(arguments)
    with _film(arguments.record, arguments.panels) as record:
        if arguments.headless:
            _run_headless(session, record, quiet=arguments.json)
        else:
            from app.window import Window, open_display

            Window(open_display(), session, record=record).run()
    if arguments.json:
        print(json.dumps(_totals(session.match, time.monotonic() - start)))
    return 0


def _session(arguments: Namespace) -> Session:
    """The match that `volley watch` was asked for."""
    from app import live, replay
    from app.lineup import Lineup, Policy
    from app.session import Session

    if arguments.replay is not None:
        for name in ("model", "versus", "games", "seed", "follow"):
            if getattr(arguments, name) not in {None, False}:
                raise UserError(
                    "a replay says itself who plays: --replay goes with --headless, --record and --json only"
                )
        recorded = replay.load(arguments.replay)
        return Session(recorded.lineup, seed=recorded.seed, games=1, replay=recorded, sound=not arguments.headless)
    model, versus = arguments.model or catalog.DEFAULT_MODEL, arguments.versus or "cpu"
    games, seed, sound = arguments.games or (1 if arguments.headless else None), arguments.seed or 0, True
    if arguments.follow:
        if arguments.headless:
            raise UserError("--follow is for the window: leave out --headless")
        lineup = Lineup(_player(arguments, versus), Policy(model))
        return Session(lineup, seed=seed, games=games, follow=live.run_directory(model), sound=sound)
    lineup = Lineup(_player(arguments, versus), _policy(arguments, model))
    return Session(lineup, seed=seed, games=games, sound=not arguments.headless)


def _totals(match: Match, seconds: float) -> dict[str, float]:
    from app.match import games_won

    won = games_won(match.results)
    return {
        "games": len(match.results),
        "points_left": sum(score.left for score in match.results),
        "points_right": sum(score.right for score in match.results),
        "games_left": won.left,
        "games_right": won.right,
        "frames": match.frames,
        "seconds": round(seconds, 3),
    }


@contextmanager
def _film(path: Path | None, panels: frozenset[PanelName] | None) -> Iterator[Record | None]:
    """What takes a film's pictures, where one is wanted; without `panels`, with those that are usual."""
    if path is None and panels is not None:
        raise UserError("--panels are those of a film: say where it is to go, with --record FILE")
    if path is None:
        yield None
        return
    from app.film import filming
    from app.panels.names import WHILE_WATCHING

    with filming(path, WHILE_WATCHING if panels is None else panels) as film:
        yield film.add


def _run_headless(session: Session, record: Record | None, *, quiet: bool) -> None:
    from agents.pong import Score
    from app import headless

    session.begin_now()
    if session.notice:
        print(f"volley: {session.notice}", file=sys.stderr)
    left, right = session.match.snapshot().names

    def report(game: int, score: Score) -> None:
        if not quiet:
            print(f"game {game}: {left} {score.left} : {score.right} {right}", flush=True)

    headless.run(session.match, record, report)


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
        purpose="train a policy, on Pong from pixels or on a control problem",
        example="volley train ppo --steps 200000 --run runs/first\n  volley train --resume runs/first --steps 400000",
    )
    train.add_argument(
        "algorithm", nargs="?", choices=ALGORITHMS, metavar="ALGO", help=f"how to learn: {', '.join(ALGORITHMS)}"
    )
    train.add_argument("--env", metavar="NAME", help="what to learn: Pong (default), or a name of gymnasium's")
    train.add_argument(
        "--head",
        choices=["categorical", "gaussian", "tanh-gaussian"],
        help="what actions are drawn from (default: what suits the environment)",
    )
    train.add_argument("--steps", type=_count, metavar="N", help="agent steps in all (default for Pong: 5 million)")
    train.add_argument("--seed", type=_seed, metavar="N", help="of network, games and sampling (default: 0)")
    train.add_argument(
        "--sticky", type=_probability, metavar="P", help="chance per frame that an action is repeated (default: 0.25)"
    )
    train.add_argument("--device", choices=["auto", "cpu", "cuda"], help="where the network runs (default: auto)")
    train.add_argument(
        "--run", dest="directory", type=Path, metavar="DIR", help="the run's folder (default: a new one under runs/)"
    )
    train.add_argument(
        "--set",
        dest="changes",
        action="append",
        metavar="NAME=VALUE",
        help="another setting of ALGO's; a wrong NAME lists them",
    )
    train.add_argument("--resume", type=Path, metavar="DIR", help="go on with the run in DIR, as it was set up")
    train.set_defaults(run=_train)


def _train(arguments: Namespace) -> int:
    from models.spec import PONG
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
            environment=arguments.env or "Pong",
            head=arguments.head,
            changes=arguments.changes or (),
        )
    else:
        for name in ("algorithm", "env", "head", "seed", "sticky", "directory", "changes"):
            if getattr(arguments, name) is not None:
                raise UserError("--resume goes on with a run as it was set up; only --steps and --device may change")
        run = resumed_run(arguments.resume, steps=arguments.steps, device=arguments.device)
    progress, interrupted = train_until_interrupted(run)
    print(f"{progress.steps:,} steps and {progress.games:,} games in {progress.seconds / 60:.1f} min: {run.path}")
    if interrupted:
        print(f"go on with:  volley train --resume {run.path}")
        return INTERRUPTED
    if run.settings.model.environment == PONG:
        print(f"watch it:    volley watch {run.path}")
    print(f"measure it:  volley evaluate {run.path}")
    return 0


def _add_evaluate(subparsers: Subparsers) -> None:
    evaluate = _command(
        subparsers,
        "evaluate",
        purpose="measure a model over full games against the game's own opponent, or full episodes of what it acts in",
        example="volley evaluate ppo --episodes 100 --sticky 0 --json",
    )
    evaluate.add_argument("model", metavar="MODEL", help="a bundled model, a model directory or a training run")
    evaluate.add_argument("--episodes", type=_count, default=100, metavar="N", help="full games (default: 100)")
    evaluate.add_argument(
        "--sticky",
        type=_probability,
        metavar="P",
        help="of Pong: chance per frame that an action is repeated (default: 0.25; the window plays with 0)",
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


def _add_plot(subparsers: Subparsers) -> None:
    plot = _command(
        subparsers,
        "plot",
        purpose="draw learning curves; runs that differ only in their seeds become one, with a band",
        example="volley plot runs/first\n  volley plot ppo runs/seed-0 runs/seed-1 runs/seed-2 --out curves.png",
    )
    plot.add_argument(
        "runs", nargs="+", metavar="RUN", help="a run of 'volley train', or a model that has its learning curve with it"
    )
    plot.add_argument("--out", type=Path, metavar="FILE", help="draw a picture too: .png or .svg")
    plot.add_argument("--x", choices=["steps", "minutes"], help="over which alone (default: a panel for each)")
    plot.add_argument(
        "--metric", default="mean_return", metavar="NAME", help="what was logged by this name (default: mean_return)"
    )
    plot.add_argument("--title", metavar="TEXT", help="of the picture")
    plot.add_argument("--json", action="store_true", help="print one JSON object: the metric, and each curve's figures")
    plot.set_defaults(run=_plot)


def _plot(arguments: Namespace) -> int:
    from rich.console import Console

    from training import plot

    curves = plot.curves_of([plot.read_run(run) for run in dict.fromkeys(arguments.runs)], arguments.metric)
    axes = plot.AXES if arguments.x is None else (arguments.x,)
    if arguments.out is not None:
        plot.draw(curves, arguments.metric, arguments.out, axes=axes, title=arguments.title)
    if arguments.json:
        print(json.dumps({"metric": arguments.metric, "curves": [plot.summary(curve) for curve in curves]}))
        return 0
    console = Console(highlight=False)
    braille = not console.options.ascii_only
    text = plot.in_terminal(curves, arguments.metric, axes[0], width=console.width, braille=braille)
    console.print(text, end="")
    if arguments.out is not None:
        print(f"\ndrawn: {arguments.out}")
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
