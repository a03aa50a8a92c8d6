"""The commands about models here and on the Hub: `models`, `pull`, `publish` and `import`."""

from __future__ import annotations

import json
import shutil
import sys
from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from app.command.arguments import MODEL_HELP, add_command
from app.command.download import download, local_directory
from app.command.output import printable, say, show
from models import catalog
from models.errors import UserError, volley

if TYPE_CHECKING:
    from app.command.arguments import Subparsers
    from models.hub.publishing import Published


def add_parsers(subparsers: Subparsers) -> None:
    """Adds `models`, `pull`, `publish` and `import`."""
    _add_models(subparsers)
    _add_pull(subparsers)
    _add_publish(subparsers)
    _add_import(subparsers)


def _add_models(subparsers: Subparsers) -> None:
    models = add_command(
        subparsers,
        "models",
        purpose="list models: bundled, yours and downloaded, or those on the Hub",
        example='volley models\n  volley models --hub pong\n  volley models --hub ""',
    )
    models.add_argument("--hub", metavar="QUERY", help="list the models on the Hub whose names contain QUERY")
    models.add_argument("--json", action="store_true", help="print one JSON array with an object for each model")
    models.set_defaults(run=_models)


def _models(arguments: Namespace) -> int:
    from app.hub import local

    if arguments.hub is None:
        listed = [
            {"section": entry.section.value, "model": entry.model}
            | {name.lower(): text for name, text in local.details(entry).facts}
            for entry in local.entries()
        ]
    else:
        from models.hub import reading

        listed = [
            {
                "section": local.Section.HUB.value,
                "model": found.repository,
                "algorithm": found.algorithm or local.UNKNOWN,
                "score": f"{found.score or local.UNKNOWN}{', by its author' if found.score else ''}",
                "changed": local.format_date(found.modified),
                "private": "yes" if found.private else "no",
            }
            for found in reading.search(arguments.hub)
        ]
    if arguments.json:
        print(json.dumps(listed))
    elif listed:
        _print_models(listed)
    else:
        say("nothing found")
    return 0


def _print_models(listed: list[dict[str, str]]) -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("Model", "Algorithm", "Score", "Size", "Date"):
        table.add_column(heading, overflow="fold")
    section = ""
    for facts in listed:
        if facts["section"] != section:
            section = facts["section"]
            table.add_row(Text(section, style="bold"))
        date = next((facts[name] for name in ("trained", "imported", "downloaded", "changed") if name in facts), "")
        # As Text, because a stranger's words must not be read as markup.
        cells = (facts["model"], facts.get("algorithm", ""), facts.get("score", ""), facts.get("size", ""), date)
        table.add_row(*(Text(printable(cell)) for cell in cells))
    show(table)


def _add_pull(subparsers: Subparsers) -> None:
    pull = add_command(
        subparsers,
        "pull",
        purpose="download a model from the Hub, or update it; with a revision, stay at that one",
        example="volley pull user/ppo-pong\n  volley pull user/ppo-pong@v1.0",
    )
    pull.add_argument(
        "model", metavar="REPO[@REVISION]", help="USER/REPO on the Hub; REVISION is a branch, tag or commit"
    )
    pull.add_argument("--json", action="store_true", help="print one JSON object: repository, commit, directory, bytes")
    pull.set_defaults(run=_pull)


def _pull(arguments: Namespace) -> int:
    from models import store
    from models.files import found_in

    if (named := store.parse_repository(arguments.model)) is None:
        raise UserError(f"{arguments.model!r} is not a valid repository name; give USER/REPO or USER/REPO@REVISION")
    kept, directory = download(*named)
    size = sum(file.stat().st_size for file in found_in(directory))
    if arguments.json:
        pulled = {"repository": kept.repository, "commit": kept.commit, "directory": str(directory), "bytes": size}
        print(json.dumps(pulled))
        return 0
    say(f"{kept.repository} at {kept.commit[:7]}, {size / 1e6:.1f} MB")
    say(_next_step(directory, kept.repository))
    return 0


def _next_step(directory: Path, repository: str) -> str:
    """What to do with a model: people play Pong only."""
    from models.control import decode_any
    from models.files import CONFIG_FILE
    from models.spec import ModelSpec

    if isinstance(decode_any((directory / CONFIG_FILE).read_bytes()), ModelSpec):
        return f"play against it:  volley play {repository}"
    return f"measure it:  volley evaluate {repository}"


def _add_publish(subparsers: Subparsers) -> None:
    publish = add_command(
        subparsers,
        "publish",
        purpose="measure a model and publish it on the Hub: weights, results, card, film and learning curve",
        example="volley publish runs/first user/ppo-pong --dry-run\n"
        "  volley publish ppo-pong user/ppo-pong --staged\n"
        "  volley publish runs/first user/ppo-pong --private",
    )
    publish.add_argument("model", metavar="MODEL|RUN", help=f"{MODEL_HELP}; of a run, its best policy is published")
    publish.add_argument("repository", metavar="REPO", help="USER/REPO; created if it does not exist, else updated")
    publish.add_argument("--private", action="store_true", help="if the repository is new, make it private")
    publish.add_argument("--message", metavar="TEXT", help="commit message")
    publish.add_argument("--dry-run", action="store_true", help="write the folder for you to check; upload nothing")
    publish.add_argument(
        "--folder", type=Path, metavar="DIR", help="write it to DIR and keep it (default of --dry-run: ./REPO)"
    )
    publish.add_argument(
        "--staged", action="store_true", help="MODEL is a folder that --dry-run wrote: upload it as it is"
    )
    publish.add_argument(
        "--json", action="store_true", help="print JSON, an object a line: each stage, then what was published"
    )
    publish.set_defaults(run=_publish)


def _publish(arguments: Namespace) -> int:
    if arguments.staged and (arguments.dry_run or arguments.folder is not None):
        raise UserError("--staged uploads an existing folder: leave out --dry-run and --folder")
    from models.files import files_below
    from models.hub import publishing

    repository: str = arguments.repository
    publishing.check_name(repository)
    if not arguments.dry_run:
        _begin_stage("check", "asking the Hub who is logged in", as_json=arguments.json)
        publishing.check_login(repository)
    folder, stays = _staged_folder(arguments)
    sizes = {path.relative_to(folder).as_posix(): path.stat().st_size for path in files_below(folder)}
    if arguments.dry_run:
        next_command = f"upload it:  {_upload_later(folder, arguments)}"
        _print_outcome({"folder": str(folder)}, sizes, next_command, as_json=arguments.json)
        return 0
    _begin_stage("upload", f"uploading to {repository}", as_json=arguments.json)
    published = _upload(folder, arguments)
    next_step = _next_step(folder, repository)
    if not stays:
        shutil.rmtree(folder, ignore_errors=True)  # it is published all the same
    outcome = {
        "repository": repository,
        "commit": published.commit,
        "url": published.url,
        "uploaded": published.uploaded,
    }
    changed = f"{len(published.uploaded)} of {len(sizes)} files were new or changed"
    text = f"{changed}\ncommit {published.commit}\n{published.url}\n{next_step}"
    _print_outcome({"published": outcome}, sizes, text, as_json=arguments.json)
    return 0


def _staged_folder(arguments: Namespace) -> tuple[Path, bool]:
    """The folder with everything to publish, and whether it stays afterwards."""
    from models import checkpoint
    from models.files import data_folder
    from training import publication

    repository: str = arguments.repository
    if arguments.staged:
        folder = Path(arguments.model)
        publication.check_staged(folder, "write it again with --dry-run", repository)
        checkpoint.load_policy(folder)
        return folder, True
    local_directory(arguments.model)
    folder = arguments.folder
    if folder is None:
        folder = Path(repository.partition("/")[2]) if arguments.dry_run else data_folder() / "staged" / repository
    with publication.staging(folder) as staged:
        _stage(arguments.model, staged, repository, as_json=arguments.json)
    return folder, arguments.dry_run or arguments.folder is not None


def _stage(model: str, folder: Path, repository: str, *, as_json: bool) -> None:
    """Fills an empty folder with everything to publish."""
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
        task = bar.add_task("measuring: full games", total=None)

        def count(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)
            if as_json:
                print(json.dumps({"stage": "evaluate", "done": done, "total": total}), flush=True)

        publication.stage(model, folder, name=repository, episodes=publication.EPISODES, on_game=count)
    if isinstance(decode_any((folder / CONFIG_FILE).read_bytes()), ModelSpec):
        from app.play import trailer

        _begin_stage("film", "filming a few points", as_json=as_json)
        name = repository.partition("/")[2]
        trailer.make(folder, name, folder / REPLAY_FILE, folder / STILL_FILE)
    _begin_stage("card", "writing the card", as_json=as_json)
    (folder / CARD_FILE).write_text(card.card(folder, repository), encoding="utf-8")


def _begin_stage(stage: str, words: str, *, as_json: bool) -> None:
    """Says what happens now: as JSON, or in words on a terminal."""
    if as_json:
        print(json.dumps({"stage": stage}), flush=True)
    elif sys.stderr.isatty():
        say(words, error=True)


def _upload_later(folder: Path, arguments: Namespace) -> str:
    """The command that uploads a staged folder as it was asked for: as private as that, above all."""
    private = ("--private",) if arguments.private else ()
    message = () if arguments.message is None else ("--message", arguments.message)
    return volley("publish", folder, arguments.repository, "--staged", *private, *message)


def _upload(folder: Path, arguments: Namespace) -> Published:
    """Uploads a staged folder. If that fails, the folder stays, so that nothing has to be measured again."""
    from models.card import PATTERNS
    from models.hub import publishing

    again = f"to retry: {_upload_later(folder, arguments)}"
    try:
        return publishing.publish(
            folder,
            arguments.repository,
            private=arguments.private,
            message=arguments.message,
            delete_patterns=list(PATTERNS),
        )
    except UserError as error:
        raise UserError(f"{error}; the measured files are kept, {again}") from error
    except KeyboardInterrupt:
        say(f"volley: nothing was published; the measured files are kept, {again}", error=True)
        raise


def _print_outcome(outcome: dict[str, object], sizes: dict[str, int], text: str, *, as_json: bool) -> None:
    """Prints the files with their sizes in bytes, and then `text`; or all of `outcome` as JSON."""
    if as_json:
        print(json.dumps(outcome | {"files": sizes}))
        return
    width = max(map(len, sizes))
    for name, size in sizes.items():
        say(f"{name:{width}}  {size / 1000:>9,.1f} kB")
    say(text)


def _add_import(subparsers: Subparsers) -> None:
    importing = add_command(
        subparsers,
        "import",
        purpose="import an agent from Stable-Baselines3 (PPO, A2C, DQN) or CleanRL (PPO, DQN)",
        example="volley import dqn_pong.zip dqn\n  volley watch dqn",
    )
    importing.add_argument(
        "file", type=Path, metavar="FILE", help="a Stable-Baselines3 archive, or a state_dict() saved by torch"
    )
    importing.add_argument("name", metavar="NAME", help="name of the new model")
    importing.set_defaults(run=_import)


def _import(arguments: Namespace) -> int:
    directory = _new_folder(arguments.name)
    from models import checkpoint, foreign

    spec, network = foreign.read(arguments.file)
    try:
        checkpoint.save(directory, spec, network)
    except OSError as error:
        raise UserError(f"cannot save the model in {directory}: {error.strerror}") from error
    seen = spec.observation
    say(
        f"{arguments.name}: {foreign.SOURCES[spec.algorithm]}, NatureCNN, "
        f"{seen.stack} frames of {seen.width} x {seen.height}, {len(spec.actions)} actions"
    )
    say(f"watch it:    {volley('watch', arguments.name)}")
    say(f"measure it:  {volley('evaluate', arguments.name)}")
    return 0


def _new_folder(name: str) -> Path:
    """Where to import a model of that name; `UserError` if the name is taken."""
    from agents.named import ROM, SCRIPTS
    from models import store
    from models.files import STAGES_FOLDER, exists
    from models.run_directory import BEST_FOLDER, NEWEST_FOLDER

    directory = store.imported_folder(name)
    if name in {ROM, *SCRIPTS, *catalog.bundled_names()}:
        raise UserError(f"{name!r} is one of Volley's own players: choose another name")
    if name in {BEST_FOLDER, NEWEST_FOLDER, STAGES_FOLDER}:
        raise UserError(f"{name!r} is what training runs call their own policies: choose another name")
    if exists(directory):
        raise UserError(f"{name!r} already exists: choose another name, or delete {directory}")
    if exists(Path(name)):
        raise UserError(f"{name!r} is a file or folder here, which would be used instead: choose another name")
    return directory
