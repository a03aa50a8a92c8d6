"""Mutated run directories and configurations, for `fuzz.py`."""

from __future__ import annotations

import io
import json
import math
import random
import zipfile
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import msgspec
import torch
from mutations import (
    MORE_EXTREMES,
    TEXT_MUTATIONS,
    Files,
    Mutation,
    Outcome,
    Trial,
    agree,
    change,
    change_json,
    flip_bytes,
    judged,
    known_agree,
    lose_file,
    mutated,
    swap_files,
    truncate,
    write,
)

from app.hub import local
from models import catalog, checkpoint
from models.control import ControlSpec
from models.errors import UserError
from models.files import CONFIG_FILE
from models.run_directory import METRICS_FILE, read_config, read_metrics
from models.spec import encode
from training import algorithms
from training.curves import read_run
from training.launch import resumed_run
from training.lock import LOCK_FILE, OWNER_FILE, locked
from training.loop import Display, _environments, _explaining_divergence, train
from training.presets import PRESETS, training_settings
from training.run import Progress, RunDirectory
from training.settings import TrainingSettings, decode

NEWEST, PREVIOUS = "checkpoints/newest.pt", "checkpoints/previous.pt"
BEST, NEW = "best/model.safetensors", "model/model.safetensors"


def small_run(path: Path, algorithm: str) -> Files:
    """The files of a training that was stopped twice."""
    few = {"num_envs": 2, "rollout_length": 4, "device": "cpu", "seed": 3}
    settings = msgspec.structs.replace(training_settings(algorithm, "CartPole-v1"), **few)
    for steps in (8, 16):
        settings = msgspec.structs.replace(settings, steps=steps)
        run = RunDirectory.open(path) if steps > 8 else RunDirectory.create(path, settings)
        run.write_settings(settings)
        train(run, Display())
    files = [file for file in path.rglob("*") if file.is_file() and "tensorboard" not in file.parts]
    return {file.relative_to(path).as_posix(): file.read_bytes() for file in files}


def change_checkpoint(files: Files, chance: random.Random) -> None:
    """A value of a checkpoint is another one, and the file itself is sound."""
    name = chance.choice((NEWEST, NEWEST, NEWEST, PREVIOUS))
    state = torch.load(io.BytesIO(files[name]), weights_only=True)
    tensors = (torch.zeros(0), torch.zeros(3, 3), torch.tensor(math.nan), torch.ones(4, dtype=torch.int8))
    change(state, chance, (*MORE_EXTREMES, *tensors))
    content = io.BytesIO()
    torch.save(state, content)
    files[name] = content.getvalue()


def rezip(files: Files, chance: random.Random) -> None:
    """A part of a checkpoint is another, is gone, or is damaged behind a sum that fits it."""
    name = chance.choice((NEWEST, PREVIOUS))
    with zipfile.ZipFile(io.BytesIO(files[name])) as archive:
        parts = {each: archive.read(each) for each in archive.namelist()}
    kind = chance.choice((flip_bytes, truncate, swap_files, lose_file))
    kind(parts, chance)
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for each, part in parts.items():
            archive.writestr(each, part)
    files[name] = content.getvalue()


def write_owner(files: Files, chance: random.Random) -> None:
    """Somebody has left a note about who holds the run."""
    files[OWNER_FILE] = chance.choice((b"\x1b[31m", b"\xff", b"a" * 100_000, b"", b"process 1\nand more"))
    files[LOCK_FILE] = chance.choice((b"", b"x"))


RUN_MUTATIONS: tuple[Mutation, ...] = (
    *(flip_bytes, flip_bytes, truncate, swap_files, lose_file, lose_file, rezip, rezip, write_owner),
    *[change_checkpoint] * 5,
    *[change_json(CONFIG_FILE, MORE_EXTREMES)] * 2,
)


def state_in(content: bytes | None) -> dict[str, Any] | None:
    """What a checkpoint says, where it can be read and its sums fit."""
    if content is None:
        return None
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            if archive.testzip() is not None:
                return None
        state = torch.load(io.BytesIO(content), weights_only=True)
    except Exception:  # noqa: BLE001 - a damaged file makes torch raise errors of many types
        return None
    whole = isinstance(state, dict) and isinstance(state.get("learner"), dict)
    return state if whole else None


def same(one: object, other: object) -> bool:
    """Whether two states are equal, with their tensors."""
    if isinstance(one, torch.Tensor) and isinstance(other, torch.Tensor):
        return one.shape == other.shape and torch.equal(one.nan_to_num(7), other.nan_to_num(7))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, torch.Tensor) or isinstance(other, torch.Tensor):
        return False
    return one == other or (one != one and other != other)  # noqa: PLR0124 - NaN


def resumed(folder: Path, files: Files, originals: list[Files]) -> Iterator[str]:
    """What is wrong with a training that goes on from these files."""
    before = read_metrics(folder)
    with locked(folder):
        run = resumed_run(folder, steps=None, device=None)
        trainee = algorithms.make_trainee(run.settings)
        progress = run.restore(trainee)
        told = [state for name in (NEWEST, PREVIOUS) if (state := state_in(files.get(name))) is not None]
        if not told and (NEWEST in files or PREVIOUS in files):
            yield "both checkpoints are damaged, and the training goes on"
        if told and not any(same(state.get("progress"), vars(progress)) for state in told):
            yield f"progress that nobody saved: {progress}"
        if not told and progress != Progress():
            yield f"progress out of nothing: {progress}"
        weights = {name: tensor.clone() for name, tensor in trainee.network.state_dict().items()}
        if told and not any(same(state["learner"].get("network"), weights) for state in told):
            yield "weights that nobody saved"
        if [line for line in before if line["steps"] <= progress.steps] != read_metrics(folder):
            yield "other metrics than before"
        if not is_sound(progress):
            yield f"impossible progress: {progress}"
        if run.settings.num_envs > 8:
            return
        with closing(_environments(run.settings, trainee, 0)) as environments:
            with run.explaining_misfits():
                trainee.prepare(environments, progress)
            if files.get(CONFIG_FILE) in [original[CONFIG_FILE] for original in originals]:
                with _explaining_divergence(run, progress):
                    trainee.step(progress)


def is_sound(progress: Progress) -> bool:
    counts = (progress.steps, progress.updates, progress.games)
    return (
        all(type(number) is int and number >= 0 for number in counts)
        and math.isfinite(progress.seconds)
        and progress.seconds >= 0
        and not math.isnan(progress.best_return)
    )


def runs(workplace: Path) -> Trial:
    """The trials of a policy gradient's run and of a search's."""
    torch.set_num_threads(1)
    folder = workplace / "runs" / "mutant"
    originals = [
        small_run(workplace / "made" / name, name)
        for name in ("a2c", "reinforce", "evolution-strategies", "hill-climbing")
    ]

    def trial(chance: random.Random) -> Outcome:
        files, mutations = mutated(chance.choice(originals), RUN_MUTATIONS, chance)
        write(files, folder)

        def read() -> Iterator[str]:
            for entry in local.entries():
                local.details(entry)
            with suppress(UserError):
                read_run(str(folder))
            with suppress(UserError):
                checkpoint.load_policy(catalog.resolve(str(folder)))
            yield from resumed(folder, files, originals)

        return Outcome(mutations, *judged(read))

    return trial


CHANGES = ("learning_rate", "gamma", "epochs", "minibatch_size", "patience", "noise_scale", "population_size", "x", "")


def configurations(workplace: Path) -> Trial:
    """The trials of the configurations of every algorithm, and of changes to them on the command line."""
    folder = workplace / "runs" / "mutant"
    originals = [
        training_settings(algorithm, environment)
        for algorithm, rows in PRESETS.items()
        for environment in ("Pong", "CartPole-v1", "Pendulum-v1")
        if environment in rows or (environment != "Pong" and "control problems" in rows) or environment == "Pong"
        if not (algorithm == "imitation" and environment != "Pong")
    ]
    config_mutations: tuple[Mutation, ...] = (*TEXT_MUTATIONS, *[change_json(CONFIG_FILE, MORE_EXTREMES)] * 8)

    def trial(chance: random.Random) -> Outcome:
        settings = chance.choice(originals)
        if chance.random() < 0.2:
            text = (
                json.dumps(chance.choice(MORE_EXTREMES))
                if chance.random() < 0.8
                else chance.choice(("[" * 99_999, "\ud800", "="))
            )
            return Outcome(
                f"--set {text[:20]}", *judged(lambda: set_on_the_command_line(settings, chance.choice(CHANGES), text))
            )
        files, mutations = mutated({CONFIG_FILE: encode(settings)}, config_mutations, chance)
        write(files, folder)
        return Outcome(mutations, *judged(lambda: configured(folder, files[CONFIG_FILE])))

    return trial


def set_on_the_command_line(settings: TrainingSettings, name: str, text: str) -> Iterator[str]:
    """What is wrong with settings after a `--set`."""
    environment = "CartPole-v1" if isinstance(settings.model, ControlSpec) else "Pong"
    changed = training_settings(settings.model.algorithm, environment, changes=[f"{name}={text}"])
    if decode(encode(changed)) != changed:
        yield "settings that cannot be saved"
    value = msgspec.to_builtins(changed.algorithm)[name]
    if value != text and not known_agree(json.loads(text), value):
        yield f"{name} is {value}"


def configured(folder: Path, content: bytes) -> Iterator[str]:
    """What is wrong with a run of this configuration."""
    for entry in local.entries():
        local.details(entry)
    config = read_config(folder)
    document = json.loads(content)
    spec = document if config.settings is None else document["model"]
    if not agree(spec, json.loads(msgspec.json.encode(config.spec))):
        yield "another specification than it says"
    if (config.steps, config.seed) != (document.get("steps"), document.get("seed", config.seed)):
        yield "other steps or another seed than it says"
    run = RunDirectory.open(folder)
    if not known_agree(document, json.loads(encode(run.settings))):
        yield "as something else than it says"
    if run.settings.num_envs <= 64:
        trainee = algorithms.make_trainee(run.settings)
        if run.restore(trainee) != Progress():
            yield "progress out of nothing"
        (folder / METRICS_FILE).unlink()
