"""Gathers in one folder everything to publish about a model that comes from its training.

config.json, model.safetensors   the policy
results.json                     full games under each protocol, freshly measured
provenance.json                  command, seed, steps, minutes, versions, processor, which policy of the training
training_config.json             the training's settings
learning_curve.csv, .png         return of recent full games over steps and minutes
tensorboard/                     the training's metrics

Anything its training did not leave behind is left out. The caller adds the film and the card.
"""

from __future__ import annotations

import csv
import json
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import msgspec
from msgspec.structs import replace

from models import catalog, checkpoint
from models.card import FILES, LIBRARY
from models.control import PolicySpec
from models.device import pick_device
from models.errors import UserError, one_line
from models.files import (
    CARD_FILE,
    CONFIG_FILE,
    CURVE_FILE,
    CURVE_PICTURE,
    RESULTS_FILE,
    SETTINGS_FILE,
    TENSORBOARD_FOLDER,
    WEIGHTS_FILE,
    contents,
    exists,
    found_in,
    is_folder,
    move_folder,
)
from models.mlp import Network
from models.provenance import Provenance, TrainedPolicy, read_provenance, without_options, write_provenance
from models.run_directory import Metrics, home_of, is_run, is_stage, read_evaluation
from models.spec import PONG, ModelSpec, encode, meant_greedy
from training import plot
from training.curves import curves_of, read_run
from training.evaluate import STICKY, Evaluation, evaluate
from training.lock import locked
from training.memory import keep_freed_memory
from training.privacy import command_without_paths, settings_without_paths
from training.run import RunDirectory

EPISODES = 100
EVALUATION_SEED = 1000
"""Not used in training."""
CURVE_POINTS = 200
CURVE_COLUMNS = ("steps", "seconds", "games", "mean_return", "mean_length", "entropy", "kl", "learning_rate")

OnGame = Callable[[int, int], None]
"""Called with the number of games that have ended, and the total."""


class EvaluationProtocol(NamedTuple):
    """How full games are played to measure a policy."""

    sticky: float
    greedy: bool


def protocols(spec: PolicySpec) -> tuple[EvaluationProtocol, ...]:
    """The protocols of a publication, the main one first: as the policy is meant to act; for Pong also sticky."""
    greedy = meant_greedy(spec.algorithm)
    both = EvaluationProtocol(0.0, greedy), EvaluationProtocol(STICKY, greedy)
    return both if isinstance(spec, ModelSpec) else both[:1]


def stage(model: str, folder: Path, *, name: str, episodes: int = EPISODES, on_game: OnGame = lambda *_: None) -> None:
    """Writes everything known about a model, or a run, to an empty folder, and measures it over full games.

    `name` stands for the model in the commands that measure it again. `UserError` if there is no such model.
    """
    directory = catalog.resolve(model)
    home = home_of(directory)
    checkpoint.load_policy(directory)
    copy_policy(directory, folder)
    if is_run(home):
        with locked(home):
            _stage_run(RunDirectory.open(home), directory, folder)
    else:
        _stage_model(home, directory, folder)
    if exists(folder / CURVE_FILE):
        plot.draw(curves_of([read_run(model)], "mean_return"), "mean_return", folder / CURVE_PICTURE)
    # Load the copy: a training that is still running may overwrite the original.
    spec, network = checkpoint.load_policy(folder)
    write_results(folder, measure(spec, network, protocols(spec), name=name, episodes=episodes, on_game=on_game))


def copy_policy(model: Path, folder: Path) -> None:
    """Copies the policy alone, without its stages and results."""
    folder.mkdir(parents=True, exist_ok=True)
    for file in (CONFIG_FILE, WEIGHTS_FILE):
        shutil.copyfile(model / file, folder / file)


def _stage_run(run: RunDirectory, directory: Path, folder: Path) -> None:
    """Writes what a run knows about its training."""
    metrics = run.metrics()
    (folder / SETTINGS_FILE).write_bytes(encode(settings_without_paths(run.settings)))
    provenance = with_totals(read_provenance(run.path), run, metrics)
    if not provenance.earlier:
        provenance = replace(provenance, command=without_options(provenance.command, "--run"))
    write_provenance(folder, replace(provenance, policy=_policy_of(directory, metrics)))
    write_curve(folder / CURVE_FILE, metrics)
    events = found_in(run.path / TENSORBOARD_FOLDER, "*tfevents*")
    for place, file in enumerate(events):
        (folder / TENSORBOARD_FOLDER).mkdir(exist_ok=True)
        # TensorBoard ends their names with this machine's.
        shutil.copyfile(file, folder / TENSORBOARD_FOLDER / f"events.out.tfevents.{_start_time(file)}.{place}")


def _stage_model(home: Path, directory: Path, folder: Path) -> None:
    """Copies what comes with a model that is not a run: a bundled, downloaded or imported one."""
    with suppress(FileNotFoundError):
        shutil.copyfile(home / CURVE_FILE, folder / CURVE_FILE)
    provenance = read_provenance(home)
    if provenance == Provenance():
        return
    if directory != home:
        provenance = replace(provenance, policy=_earlier_policy(directory))
    write_provenance(folder, provenance)
    if provenance.settings:
        _write_json(folder / SETTINGS_FILE, provenance.settings)


def _start_time(events: Path) -> str:
    """When a file of TensorBoard's events begins, in seconds since the epoch; 0 if unknown."""
    found = re.search(r"tfevents\.(\d+)", events.name)
    return found[1] if found else "0"


def _policy_of(directory: Path, metrics: list[Metrics]) -> TrainedPolicy:
    """Which policy of its run `directory` holds."""
    if is_stage(directory):
        return _earlier_policy(directory)
    if (best := read_evaluation(directory)) is not None:
        steps = [line["steps"] for line in metrics if line.get("evaluation_return") == best.mean_return]
        which = f"the policy that was best in an evaluation of {best.episodes} games during training"
        return TrainedPolicy(which, steps[0] if steps else None)
    return TrainedPolicy("the newest policy of that run", metrics[-1]["steps"] if metrics else None)


def _earlier_policy(stage: Path) -> TrainedPolicy:
    return TrainedPolicy("an earlier policy of that run", int(stage.name))


def with_totals(provenance: Provenance, run: RunDirectory, metrics: list[Metrics]) -> Provenance:
    """The record with the run's settings, and its steps, games and minutes, if there are any yet; without paths."""
    provenance = replace(
        provenance,
        earlier=tuple(map(command_without_paths, provenance.earlier)),
        command=command_without_paths(provenance.command),
    )
    if not metrics:
        return provenance
    last = metrics[-1]
    games = last.get("games")
    return replace(
        provenance,
        seed=run.settings.seed,
        steps=last["steps"],
        games=games if isinstance(games, int) else None,
        minutes=round(last["seconds"] / 60, 1),
        steps_per_second=round(last["steps"] / last["seconds"]) if last["seconds"] else None,
        settings=msgspec.json.decode(encode(settings_without_paths(run.settings))),
    )


def write_curve(file: Path, metrics: list[Metrics]) -> None:
    """Writes up to `CURVE_POINTS` lines of a run's metrics as CSV; no file if no full game has ended yet.

    They are even in steps, as several runs that are one training need not be in lines; the last line is among them.
    """
    known = [line for line in metrics if line.get("mean_return") is not None]
    if not known:
        return
    every = (known[-1]["steps"] + 1) / CURVE_POINTS
    points = list({line["steps"] // every: line for line in known}.values())
    columns = [name for name in CURVE_COLUMNS if name in points[-1]]
    with file.open("w", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows([_digits(line.get(name)) for name in columns] for line in points)


def _digits(number: float | None) -> str:
    """Counts are written in full, measurements with six digits."""
    if number is None:
        return "nan"
    return f"{number:.0f}" if float(number).is_integer() else f"{number:.6g}"


def measure(
    spec: PolicySpec,
    network: Network,
    protocols: Sequence[EvaluationProtocol],
    *,
    name: str,
    episodes: int = EPISODES,
    on_game: OnGame = lambda *_: None,
) -> list[Evaluation]:
    """Evaluates the policy over full games under each protocol."""
    device = pick_device("auto")
    keep_freed_memory()
    network.to(device)
    ended, total = 0, len(protocols) * episodes

    def count_game() -> None:
        nonlocal ended
        ended += 1
        on_game(ended, total)

    on_game(0, total)
    return [
        evaluate(
            spec,
            network,
            name=name,
            episodes=episodes,
            sticky=sticky,
            greedy=greedy,
            seed=EVALUATION_SEED,
            device=device,
            on_episode=count_game,
        )
        for sticky, greedy in protocols
    ]


def write_results(folder: Path, evaluations: Sequence[Evaluation]) -> None:
    """Writes `results.json`: the first under the Hub's names, and all with the commands that reproduce them."""
    main = evaluations[0]
    results = {
        "mean_reward": main.mean_return,
        "std_reward": main.std_return,
        "is_deterministic": main.greedy,
        "n_eval_episodes": main.episodes,
        "eval_datetime": datetime.now(UTC).isoformat(timespec="seconds"),
        "evaluations": [{"command": command(evaluation)} | asdict(evaluation) for evaluation in evaluations],
    }
    _write_json(folder / RESULTS_FILE, results)


def command(evaluation: Evaluation) -> str:
    """The command that reproduces an evaluation."""
    sticky = f" --sticky {evaluation.sticky:g}" if evaluation.environment == PONG else ""
    greedy = " --greedy" if evaluation.greedy else ""
    games = f"--episodes {evaluation.episodes}{sticky} --seed {evaluation.seed}{greedy} --json"
    return f"volley evaluate {evaluation.model} {games}"


@contextmanager
def staging(folder: Path) -> Iterator[Path]:
    """An empty folder that becomes `folder` if the block succeeds, and leaves no trace if it fails.

    It replaces an earlier publication in `folder`, which stays until then. `UserError` if something else is there, or
    it cannot be written.
    """
    try:
        if exists(folder) and (not is_folder(folder) or contents(folder)):
            check_staged(folder, "choose another with --folder")
        place = folder.resolve()
        if place == Path.cwd() or place.is_mount():  # neither can be replaced
            raise UserError(f"cannot replace {folder} itself; choose a folder in it with --folder")
        place.parent.mkdir(parents=True, exist_ok=True)
        staged = Path(tempfile.mkdtemp(prefix=f".{place.name}-", dir=place.parent))
        earlier = staged.with_name(f"{staged.name}-earlier")
        try:
            staged.chmod(0o755)
            yield staged
            if exists(place):
                place.rename(earlier)
            move_folder(staged, place)
        finally:
            if exists(earlier) and not exists(place):
                earlier.rename(place)
            for left_over in (staged, earlier):
                shutil.rmtree(left_over, ignore_errors=True)
    except OSError as error:
        raise UserError(
            f"cannot write {folder}: {error.strerror or one_line(error)}; choose another with --folder"
        ) from error


def check_staged(folder: Path, advice: str, repository: str = "") -> None:
    """Raises `UserError`, with `advice`, unless `folder` holds a publication for `repository` and nothing else.

    Other files would be published with it.
    """
    try:
        found = {path.name for path in contents(folder)} - {TENSORBOARD_FOLDER}
        strange = sorted(found - {CARD_FILE, *FILES})
        strange += [path.name for path in found_in(folder / TENSORBOARD_FOLDER) if "tfevents" not in path.name]
        card = (folder / CARD_FILE).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        strange, card = [], ""
    if strange:
        raise UserError(f"{folder} holds {one_line(strange[0], 60)!r}, which is never published; {advice}")
    if f"library_name: {LIBRARY}" not in card.split("\n")[:20]:
        raise UserError(f"{folder} was not written by 'volley publish --dry-run'; {advice}")
    if not re.search(rf"(?<![\w./-]){re.escape(repository)}(?![\w./-]*[\w/-])", card):
        raise UserError(f"{folder} was not written for {repository}; {advice}")


def _write_json(file: Path, content: object) -> None:
    file.write_text(json.dumps(content, indent=2) + "\n")
