"""The commands that open the window or play without one: the menu, `play` and `watch`."""

from __future__ import annotations

import json
import time
from argparse import ArgumentTypeError, Namespace
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from app.command.arguments import GREEDY_HELP, MODEL_HELP, add_command, count, seed
from app.command.download import local_directory
from app.command.output import say
from models import catalog
from models.errors import UserError

if TYPE_CHECKING:
    from typing import TypeAlias

    from app.command.arguments import Parser, Subparsers
    from app.game.lineup import Player, Policy
    from app.game.match import Match
    from app.game.session import Session
    from app.game.snapshot import Snapshot
    from app.settings import PanelName

    Record: TypeAlias = Callable[[Snapshot, float], None]


def add_parsers(subparsers: Subparsers) -> None:
    """Adds `play` and `watch`."""
    _add_play(subparsers)
    _add_watch(subparsers)


def menu(_arguments: Namespace) -> int:
    """Opens the window at its menu: what `volley` does without a command."""
    from app.ui.display import open_display
    from app.window import Window

    Window(open_display()).run()
    return 0


def _add_play(subparsers: Subparsers) -> None:
    play = add_command(
        subparsers,
        "play",
        purpose="play against a model",
        example="volley play ppo --reaction 230 --side left",
    )
    play.add_argument(
        "model",
        nargs="?",
        default=catalog.DEFAULT_MODEL,
        metavar="MODEL",
        help=f"your opponent: {MODEL_HELP}; or cpu, the Atari CPU, or a script: tracker, casual, beginner, "
        f"predictor, edger, lunger, still (default: {catalog.DEFAULT_MODEL})",
    )
    play.add_argument("--side", choices=["left", "right"], default="right", help="your side (default: right)")
    _add_strength(play)
    play.add_argument("--seed", type=seed, default=0, metavar="N", help="seed of the game and sampling (default: 0)")
    play.set_defaults(run=_play)


def _play(arguments: Namespace) -> int:
    from app.game.lineup import Lineup, Person, Rom

    opponent = _player(arguments, arguments.model)
    _check_strength(arguments, opponent)
    if isinstance(opponent, Rom) and arguments.side == "left":
        raise UserError("the Atari CPU can only play left: leave out --side left")
    left = arguments.side == "left"
    lineup = Lineup(Person(), opponent) if left else Lineup(opponent, Person())
    from app.game.session import Session
    from app.ui.display import open_display
    from app.window import Window

    display = open_display()
    Window(display, Session(lineup, seed=arguments.seed, sound=True)).run()
    return 0


def _add_watch(subparsers: Subparsers) -> None:
    watch = add_command(
        subparsers,
        "watch",
        purpose="watch a model play, or a saved game",
        example="volley watch ppo --headless --games 3 --record game.mp4\n  volley watch ppo --versus ppo@454656\n"
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
        help="plays left: cpu, the Atari CPU (default), a model, or a script, such as tracker or casual",
    )
    watch.add_argument(
        "--follow", action="store_true", help="MODEL is a run in training: switch to each new checkpoint"
    )
    watch.add_argument("--replay", type=Path, metavar="FILE", help="show a saved game instead of a new one")
    watch.add_argument("--headless", action="store_true", help="play without a window, as fast as possible")
    watch.add_argument(
        "--games", type=count, metavar="N", help="stop after N games (default: 1 with --headless, else no limit)"
    )
    watch.add_argument("--record", type=Path, metavar="FILE", help="record a film with panels: .mp4 or .gif")
    watch.add_argument(
        "--panels",
        type=_panels,
        metavar="NAME,…",
        help="panels in the film: any of moves, timeline, seen, facts, credit, saliency "
        "(default: moves,timeline,facts)",
    )
    _add_strength(watch)
    watch.add_argument("--seed", type=seed, metavar="N", help="seed of the game and sampling (default: 0)")
    watch.add_argument(
        "--json",
        action="store_true",
        help="end with one JSON object: games, points and games won by each side (MODEL plays right), emulator "
        "frames, seconds",
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
    from agents.named import ROM, is_script
    from app.game import replay
    from app.game.cast import run_to_follow
    from app.game.lineup import Lineup
    from app.game.session import Session

    if arguments.replay is not None:
        others = [getattr(arguments, name) for name in ("model", "versus", "games", "seed", "follow", "greedy")]
        changed = arguments.temperature != 1.0 or arguments.reaction != 0
        if changed or any(value is not None and value is not False for value in others):  # a seed may be 0
            raise UserError(
                "--replay shows a saved game as it was: only --headless, --record, --panels and --json go with it"
            )
        recorded = replay.load(arguments.replay)
        return Session(recorded.lineup, seed=recorded.seed, games=1, replay=recorded, sound=not arguments.headless)
    model = catalog.DEFAULT_MODEL if arguments.model is None else arguments.model
    versus = "cpu" if arguments.versus is None else arguments.versus
    if model == ROM or is_script(model):
        raise UserError(f"{model} has no network to watch; give a model, and --versus {model} for its opponent")
    games, first_seed = arguments.games or (1 if arguments.headless else None), arguments.seed or 0
    if arguments.follow:
        if arguments.headless:
            raise UserError("--follow needs the window: leave out --headless")
        lineup = Lineup(_player(arguments, versus), _as_asked(arguments, model))
        return Session(lineup, seed=first_seed, games=games, follow=run_to_follow(model), sound=True)
    lineup = Lineup(_player(arguments, versus), _policy(arguments, model))
    return Session(lineup, seed=first_seed, games=games, sound=not arguments.headless)


def _totals(match: Match, seconds: float) -> dict[str, float]:
    won = match.games_won
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
    """Yields what records each frame, or None without a `path`. Without `panels`, the usual ones are filmed."""
    if path is None and panels is not None:
        raise UserError("--panels chooses what a film shows: add --record FILE")
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
        say(f"volley: {session.notice}", error=True)
    left, right = session.match.snapshot().names

    def report(game: int, score: Score) -> None:
        if not quiet:
            say(f"game {game}: {left} {score.left} : {score.right} {right}")

    headless.run(session.match, record, report)


def _player(arguments: Namespace, name: str) -> Player:
    """Who `name` is: the ROM, a script or a model."""
    from agents.named import naming_others
    from agents.persona import is_persona
    from app.game.lineup import Rom, Script, Tracker

    if name == "cpu":
        return Rom()
    if is_persona(name):
        return Script(name)
    if name == "tracker":
        return Tracker(arguments.reaction)
    with naming_others():
        return _policy(arguments, name)


def _policy(arguments: Namespace, model: str) -> Policy:
    local_directory(model)
    return _as_asked(arguments, model)


def _as_asked(arguments: Namespace, model: str) -> Policy:
    from app.game.lineup import Policy

    return Policy(model, temperature=arguments.temperature, greedy=arguments.greedy, reaction_ms=arguments.reaction)


def _check_strength(arguments: Namespace, opponent: Player) -> None:
    """`UserError` if how well to play is asked of who cannot play otherwise."""
    from app.game.lineup import Policy, Tracker

    sampling = arguments.greedy or arguments.temperature != 1.0
    if sampling and not isinstance(opponent, Policy):
        raise UserError(f"--greedy and --temperature are for models; leave them out for {arguments.model}")
    if arguments.reaction and not isinstance(opponent, Policy | Tracker):
        raise UserError(f"--reaction is for models and tracker; leave it out for {arguments.model}")


def _add_strength(parser: Parser) -> None:
    """Adds the options for how well a model plays."""
    parser.add_argument("--greedy", action="store_true", help=GREEDY_HELP)
    parser.add_argument(
        "--temperature", type=_temperature, default=1.0, metavar="T", help="above 1 plays more randomly (default: 1)"
    )
    parser.add_argument(
        "--reaction",
        type=_reaction,
        default=0,
        metavar="MS",
        help="reaction delay; a person's is about 230 (default: 0)",
    )


def _temperature(text: str) -> float:
    """A sampling temperature."""
    try:
        temperature = float(text)
    except ValueError:
        temperature = 0.0
    if not 0.05 <= temperature <= 5:
        raise ArgumentTypeError(f"{text!r} is not a temperature from 0.05 to 5")
    return temperature


def _reaction(text: str) -> int:
    """A reaction delay in milliseconds."""
    if not text.isdecimal() or int(text) > 1000:
        raise ArgumentTypeError(f"{text!r} is not a whole number of milliseconds from 0 to 1000")
    return int(text)


def _panels(text: str) -> frozenset[PanelName]:
    """Names of panels that can be filmed, separated by commas."""
    from app.play.film import FILM_PANELS

    panels = {name.value: name for name in FILM_PANELS}
    words = text.split(",")
    for word in words:
        if word not in panels:
            raise ArgumentTypeError(f"there is no panel {word!r}; choose from {', '.join(panels)}")
    return frozenset(panels[word] for word in words)
