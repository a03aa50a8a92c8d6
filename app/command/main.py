"""The command line. Each command imports what it needs when it runs, so that `volley --help` costs nothing."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import signal
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
    from types import FrameType
    from typing import TypeAlias

    from app.game.lineup import Player, Policy
    from app.game.match import Match, Snapshot
    from app.game.session import Session
    from app.settings import PanelName
    from models.hub.publishing import Published
    from models.store import Kept

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
    os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")  # pygame greets on standard output, where --json prints.
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
    _add_models(subparsers)
    _add_pull(subparsers)
    _add_publish(subparsers)
    _add_import(subparsers)
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
    from app.ui.display import open_display
    from app.window import Window

    Window(open_display()).run()
    return 0


MODEL_HELP = (
    "a bundled model, a model directory, a training run, or USER/REPO[@REVISION] of the Hub; "
    "MODEL@STEPS is an earlier stage of it"
)


def _here(model: str) -> Path:
    """The directory of a model, which is downloaded first where it is on the Hub and not here."""
    if (named := catalog.to_download(model)) is not None:
        try:
            _download(*named)
        except UserError as error:
            raise UserError(f"{model!r} is nothing on this machine, and {error}") from error
    return catalog.resolve(model)


def _download(repository: str, revision: str | None) -> Kept:
    """Downloads a model, with a progress bar on a terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    from models.hub import reading

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task(repository, total=None)
        return reading.pull(
            repository, revision, progress=lambda done, total: bar.update(task, completed=done, total=total)
        )


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
    from app.game.lineup import Policy

    _here(model)
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
    from app.game.lineup import Lineup, Person, Rom

    opponent = _player(arguments, arguments.model)
    if isinstance(opponent, Rom) and arguments.side == "left":
        raise UserError("the Atari CPU plays the left only: leave out --side left")
    left = arguments.side == "left"
    lineup = Lineup(Person(), opponent) if left else Lineup(opponent, Person())
    from app.game.session import Session
    from app.ui.display import open_display
    from app.window import Window

    display = open_display()
    Window(display, Session(lineup, seed=arguments.seed, sound=True)).run()
    return 0


def _player(arguments: Namespace, name: str) -> Player:
    """Who `name` is: the ROM, the tracker or a model."""
    from app.game.lineup import Rom, Tracker

    if name == "cpu":
        return Rom()
    return Tracker(arguments.reaction) if name == "tracker" else _policy(arguments, name)


def _panels(text: str) -> frozenset[PanelName]:
    """An argument that names panels of a film."""
    from app.play.film import FILM_PANELS

    panels = {name.value: name for name in FILM_PANELS}
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
            from app.ui.display import open_display
            from app.window import Window

            Window(open_display(), session, record=record).run()
    if arguments.json:
        print(json.dumps(_totals(session.match, time.monotonic() - start)))
    return 0


def _session(arguments: Namespace) -> Session:
    """The match that `volley watch` was asked for."""
    from app.follow import follower as live
    from app.game import replay
    from app.game.lineup import Lineup, Policy
    from app.game.session import Session

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
    from app.game.match import games_won

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
    from app.play.film import filming
    from app.settings import PANELS_WHILE_WATCHING

    with filming(path, PANELS_WHILE_WATCHING if panels is None else panels) as film:
        yield film.add


def _run_headless(session: Session, record: Record | None, *, quiet: bool) -> None:
    from agents.pong import Score
    from app.game import headless

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
    evaluate.add_argument("model", metavar="MODEL", help=MODEL_HELP)
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
    directory = _here(arguments.model)
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

    from training import plot, terminal_plot
    from training.curves import AXES, curves_of, read_run, summary

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
    console.print(text, end="")
    if arguments.out is not None:
        print(f"\ndrawn: {arguments.out}")
    return 0


def _add_models(subparsers: Subparsers) -> None:
    models = _command(
        subparsers,
        "models",
        purpose="list the models there are: bundled, yours, downloaded, and on the Hub",
        example='volley models\n  volley models --hub pong\n  volley models --hub ""',
    )
    models.add_argument("--hub", metavar="QUERY", help="those on the Hub whose names hold QUERY, instead")
    models.add_argument("--json", action="store_true", help="print one JSON array, an object for each")
    models.set_defaults(run=_models)


def _models(arguments: Namespace) -> int:
    from app.hub import local as shelf

    if arguments.hub is None:
        listed = [
            {"section": entry.section.value, "model": entry.model}
            | {name.lower(): text for name, text in shelf.details(entry).facts}
            for entry in shelf.entries()
        ]
    else:
        from models.hub import reading

        listed = [
            {
                "section": shelf.Section.HUB.value,
                "model": found.repository,
                "algorithm": found.algorithm or shelf.UNKNOWN,
                "score": f"{found.score or shelf.UNKNOWN}{', by its author' if found.score else ''}",
                "changed": shelf.date_words(found.modified),
                "private": "yes" if found.private else "no",
            }
            for found in reading.search(arguments.hub)
        ]
    if arguments.json:
        print(json.dumps(listed))
    elif listed:
        _print_models(listed)
    else:
        print("nothing found")
    return 0


def _print_models(listed: list[dict[str, str]]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("Model", "Algorithm", "Score", "Size", "Date"):
        table.add_column(heading, overflow="fold")
    section = ""
    for told in listed:
        if told["section"] != section:
            section = told["section"]
            table.add_row(Text(section, style="bold"))
        date = next((told[name] for name in ("trained", "imported", "downloaded", "changed") if name in told), "")
        # As text: a stranger's words are no markup.
        cells = (told["model"], told.get("algorithm", ""), told.get("score", ""), told.get("size", ""), date)
        table.add_row(*map(Text, cells))
    Console(highlight=False).print(table)


def _add_pull(subparsers: Subparsers) -> None:
    pull = _command(
        subparsers,
        "pull",
        purpose="download a model from the Hub, or what is new in it; with a revision, stay at that one",
        example="volley pull user/ppo-pong\n  volley pull user/ppo-pong@v1.0",
    )
    pull.add_argument("model", metavar="REPO[@REVISION]", help="USER/REPO; a revision is a branch, a tag or a commit")
    pull.add_argument("--json", action="store_true", help="print one JSON object: repository, commit, directory, bytes")
    pull.set_defaults(run=_pull)


def _pull(arguments: Namespace) -> int:
    from models import store

    if (named := store.split(arguments.model)) is None:
        raise UserError(f"{arguments.model!r} names no repository: give USER/REPO or USER/REPO@REVISION")
    download, directory = _download(*named)
    size = sum(file.stat().st_size for file in directory.iterdir())
    if arguments.json:
        told = {
            "repository": download.repository,
            "commit": download.commit,
            "directory": str(directory),
            "bytes": size,
        }
        print(json.dumps(told))
        return 0
    print(f"{download.repository} at {download.commit[:7]}, {size / 1e6:.1f} MB")
    print(f"play against it:  volley play {download.repository}")
    return 0


def _add_import(subparsers: Subparsers) -> None:
    importing = _command(
        subparsers,
        "import",
        purpose="make a model of another program's agent: of Stable-Baselines3 (PPO, A2C, DQN) or CleanRL (PPO, DQN)",
        example="volley import dqn_pong.zip dqn\n  volley watch dqn",
    )
    importing.add_argument(
        "file", type=Path, metavar="FILE", help="an archive of Stable-Baselines3, or a state_dict() that torch saved"
    )
    importing.add_argument("name", metavar="NAME", help="what to call the model")
    importing.set_defaults(run=_import)


def _import(arguments: Namespace) -> int:
    directory = _free_folder(arguments.name)
    from models import checkpoint, foreign

    spec, network = foreign.read(arguments.file)
    try:
        checkpoint.save(directory, spec, network)
    except OSError as error:
        raise UserError(f"the model cannot be kept in {directory}: {error.strerror}") from error
    seen = spec.observation
    print(
        f"{arguments.name}: {foreign.PROGRAMS[spec.algorithm]}, NatureCNN, "
        f"{seen.stack} frames of {seen.width} x {seen.height}, {len(spec.actions)} actions"
    )
    print(f"watch it:    volley watch {arguments.name}")
    print(f"measure it:  volley evaluate {arguments.name}")
    return 0


def _free_folder(name: str) -> Path:
    """Where to import a model of that name; `UserError` where the name has a meaning already."""
    from models import store

    directory = store.imported_folder(name)
    if name in {"cpu", "tracker", *catalog.bundled_names()}:
        raise UserError(f"{name!r} is a player of Volley's own: choose another name")
    if directory.exists():
        raise UserError(f"{name!r} was imported before: choose another name, or delete {directory}")
    if Path(name).exists():
        raise UserError(f"{name!r} is a file or folder here, and would be taken for it: choose another name")
    return directory


def _add_publish(subparsers: Subparsers) -> None:
    publish = _command(
        subparsers,
        "publish",
        purpose="measure a model anew and publish it on the Hub: weights, results, card, film, learning curve",
        example="volley publish runs/first user/ppo-pong --dry-run\n"
        "  volley publish ppo-pong user/ppo-pong --staged\n"
        "  volley publish runs/first user/ppo-pong --private",
    )
    publish.add_argument("model", metavar="MODEL|RUN", help=f"{MODEL_HELP}; of a run, its best policy")
    publish.add_argument("repository", metavar="REPO", help="USER/REPO; made where there is none, else updated")
    publish.add_argument("--private", action="store_true", help="a new repository is for you alone")
    publish.add_argument("--message", metavar="TEXT", help="of the commit")
    publish.add_argument("--dry-run", action="store_true", help="write the folder to look at, and upload nothing")
    publish.add_argument(
        "--folder", type=Path, metavar="DIR", help="where to write it, and keep it (a dry run's default: ./REPO)"
    )
    publish.add_argument(
        "--staged", action="store_true", help="MODEL is a folder that a dry run has written: upload it as it is"
    )
    publish.add_argument(
        "--json", action="store_true", help="print a JSON object a line: each stage, and at last what was published"
    )
    publish.set_defaults(run=_publish)


def _publish(arguments: Namespace) -> int:
    if arguments.staged and (arguments.dry_run or arguments.folder is not None):
        raise UserError("--staged uploads a folder that is there: leave out --dry-run and --folder")
    from models.hub import publishing

    repository: str = arguments.repository
    publishing.check_name(repository)
    with _ended_softly():
        if not arguments.dry_run:
            _begin_stage("check", "asking the Hub who is logged in", as_json=arguments.json)
            publishing.check_login(repository)
        folder, kept = _publication(arguments)
        sizes = {
            path.relative_to(folder).as_posix(): path.stat().st_size
            for path in sorted(folder.rglob("*"))
            if path.is_file()
        }
        if arguments.dry_run:
            again = f"upload it:  volley publish {shlex.quote(str(folder))} {repository} --staged"
            _tell_published({"folder": str(folder)}, sizes, again, as_json=arguments.json)
            return 0
        _begin_stage("upload", f"uploading to {repository}", as_json=arguments.json)
        published = _upload(folder, arguments)
    if not kept:
        shutil.rmtree(folder)
    told = {"repository": repository, "commit": published.commit, "url": published.url, "uploaded": published.uploaded}
    changed = f"{len(published.uploaded)} of {len(sizes)} files were new or changed"
    text = f"{changed}\ncommit {published.commit}\n{published.url}\nplay against it:  volley play {repository}"
    _tell_published({"published": told}, sizes, text, as_json=arguments.json)
    return 0


def _publication(arguments: Namespace) -> tuple[Path, bool]:
    """The folder with all that is to be published, and whether it stays; `UserError` where it cannot be made."""
    from models import checkpoint
    from models.files import data_folder
    from training import publication

    repository: str = arguments.repository
    if arguments.staged:
        folder = Path(arguments.model)
        publication.check_staged(folder, "stage it anew by --dry-run", repository)
        checkpoint.load_policy(folder)
        return folder, True
    _here(arguments.model)
    folder = arguments.folder
    if folder is None:
        folder = Path(repository.partition("/")[2]) if arguments.dry_run else data_folder() / "staged" / repository
    with publication.staging(folder) as staged:
        _stage(arguments.model, staged, repository, as_json=arguments.json)
    return folder, arguments.dry_run or arguments.folder is not None


def _stage(model: str, folder: Path, repository: str, *, as_json: bool) -> None:
    """Fills an empty folder with all that is to be published."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from models import card
    from models.control import decode_any
    from models.files import CARD_FILE, CONFIG_FILE, REPLAY_FILE, STILL_FILE
    from models.spec import ModelSpec
    from training import publication

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=as_json or not console.is_terminal) as bar:
        task = bar.add_task("measuring, full games", total=None)

        def count(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)
            if as_json:
                print(json.dumps({"stage": "evaluate", "done": done, "total": total}), flush=True)

        publication.stage(model, folder, name=repository, episodes=publication.EPISODES, count=count)
    if isinstance(decode_any((folder / CONFIG_FILE).read_bytes()), ModelSpec):
        from app.play import trailer

        _begin_stage("film", "filming a few points", as_json=as_json)
        name = repository.partition("/")[2]
        trailer.make(folder, name, folder / REPLAY_FILE, folder / STILL_FILE)
    _begin_stage("card", "writing the card", as_json=as_json)
    (folder / CARD_FILE).write_text(card.card(folder, repository), encoding="utf-8")


def _begin_stage(stage: str, words: str, *, as_json: bool) -> None:
    """Says what is done now: as JSON, or to whoever looks at a terminal."""
    if as_json:
        print(json.dumps({"stage": stage}), flush=True)
    elif sys.stderr.isatty():
        print(words, file=sys.stderr)


def _upload(folder: Path, arguments: Namespace) -> Published:
    """Uploads what was staged; it stays where that fails, so that it need not be measured again."""
    from models.card import PATTERNS
    from models.hub import publishing

    again = f"upload it by: volley publish {shlex.quote(str(folder))} {arguments.repository} --staged"
    try:
        return publishing.publish(
            folder,
            arguments.repository,
            private=arguments.private,
            message=arguments.message,
            delete_patterns=list(PATTERNS),
        )
    except UserError as error:
        raise UserError(f"{error}; what was measured is kept, {again}") from error
    except KeyboardInterrupt:
        print(f"volley: nothing was published; what was measured is kept, {again}", file=sys.stderr)
        raise


def _tell_published(told: dict[str, object], sizes: dict[str, int], text: str, *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(told | {"files": sizes}))
        return
    width = max(map(len, sizes))
    for name, size in sizes.items():
        print(f"{name:{width}}  {size / 1000:>9,.1f} kB")
    print(text)


@contextmanager
def _ended_softly() -> Iterator[None]:
    """Lets a request to end do what Ctrl-C does, so that what is half done is tidied away."""

    def interrupt(_number: int, _frame: FrameType | None) -> NoReturn:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


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
    from app.command import report as doctor

    report = doctor.examine()
    print(json.dumps(report.as_dict()) if arguments.json else doctor.render(report))
    return 0 if report.can_play else MISTAKE


if __name__ == "__main__":
    sys.exit(main())
