from __future__ import annotations

import errno
import json
import math
import shutil
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import here
import msgspec
import pytest
import torch

from models import catalog, checkpoint, results
from models.card import FILES, PATTERNS, card
from models.control import ControlSpec, DiscreteActions, PolicySpec
from models.errors import UserError
from models.files import CARD_FILE
from models.mlp import build
from models.network import PolicyNetwork
from models.provenance import read_provenance
from models.spec import ModelSpec
from training import publication, release, solo
from training.a2c import A2cSettings
from training.arena.opponents import Opponents
from training.evaluate import Evaluation, evaluate_model
from training.learner import Learner
from training.privacy import command_without_paths
from training.publication import EVALUATION_SEED, stage, staging
from training.run import Progress, RunDirectory
from training.settings import TrainingSettings, decode

games_here = here.games_here

CART = ControlSpec(
    algorithm="a2c", environment="CartPole-v1", observation_size=4, actions=DiscreteActions(2), hidden=(4,)
)
REPOSITORY = "ada/model"
POLICY = {"config.json", "model.safetensors"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "staged").mkdir()
    return tmp_path / "staged"


@pytest.fixture
def new_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[PolicySpec], RunDirectory]:
    """A run of three updates, of which the second was the best."""

    def make(spec: PolicySpec, *words: str, **changes: Any) -> RunDirectory:
        command = ["volley", "train", "a2c", *words, "--run", str(tmp_path / "secret" / "run")]
        monkeypatch.setattr("sys.argv", command)
        run = RunDirectory.create(
            tmp_path / "secret" / "run",
            msgspec.structs.replace(
                TrainingSettings(model=spec, steps=3000, seed=5, algorithm=A2cSettings()), **changes
            ),
        )
        learner = Learner(spec, learning_rate=1e-3, seed=1, device=torch.device("cpu"))
        for update, reached in enumerate((-5.0, 7.5, 2.0), start=1):
            progress = Progress(steps=1000 * update, updates=update, games=10 * update, seconds=60.0 * update)
            run.log(progress, {"mean_return": math.nan if update == 1 else reached, "evaluation_return": reached})
            list(learner.network.parameters())[-1].data.fill_(reached)
            if reached == 7.5:
                run.save_best(learner, evaluation(mean_return=reached, episodes=20))
            run.save_stage(learner, progress)
        run.save(learner, progress)
        return run

    return make


def evaluation(**changes: Any) -> Evaluation:
    figures: dict[str, Any] = {
        "model": REPOSITORY,
        "environment": "ALE/Pong-v5",
        "episodes": 2,
        "mean_return": 1.0,
        "std_return": 0.5,
        "ci95": (0.5, 1.5),
        "mean_length": 9.0,
        "sticky": 0.25,
        "greedy": True,
        "seed": 3,
        "seconds": 1.0,
    }
    return Evaluation(**(figures | changes))


def files_in(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_a_run_with_all_that_it_knows(folder: Path, new_run: Callable[[PolicySpec], RunDirectory]) -> None:
    run, told = new_run(CART), []
    stage(str(run.path), folder, name=REPOSITORY, episodes=3, on_game=lambda *numbers: told.append(numbers))
    (begun,) = (name.name.split(".")[3] for name in (run.path / "tensorboard").iterdir())
    known = {"results.json", "provenance.json", "training_config.json", "learning_curve.csv", "learning_curve.png"}
    assert files_in(folder) == POLICY | known | {f"tensorboard/events.out.tfevents.{begun}.0"}
    for name in POLICY:
        assert (folder / name).read_bytes() == (run.path / "best" / name).read_bytes()
    assert told == [(0, 3), (1, 3), (2, 3), (3, 3)]
    provenance = read_provenance(folder)
    assert (provenance.seed, provenance.steps, provenance.games, provenance.minutes) == (5, 3000, 30, 3.0)
    assert provenance.policy is not None
    assert provenance.policy.steps == 2000
    assert "best in an evaluation of 20 games" in provenance.policy.which
    assert decode((folder / "training_config.json").read_bytes()) == run.settings
    # Of a2c, which has no KL divergence, and whose first game had not ended in the first update.
    lines = (folder / "learning_curve.csv").read_text().splitlines()
    assert lines == ["steps,seconds,games,mean_return", "2000,120,20,7.5", "3000,180,30,2"]
    assert (folder / "learning_curve.png").read_bytes().startswith(b"\x89PNG")


def test_nothing_of_this_machine_is_published(folder: Path, new_run: Callable[[PolicySpec], RunDirectory]) -> None:
    stage(str(new_run(CART).path), folder, name=REPOSITORY, episodes=1)
    (folder / CARD_FILE).write_text(card(folder, REPOSITORY))
    for file in folder.rglob("*"):
        assert file.is_dir() or b"secret" not in file.read_bytes(), file
    assert "volley train a2c --steps 3000\n" in (folder / CARD_FILE).read_text()


def test_nothing_of_this_machine_is_published_of_earlier_trainings(
    tmp_path: Path,
    folder: Path,
    spec: ModelSpec,
    new_run: Callable[..., RunDirectory],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    first = Path("secret/first")  # as a repository on the Hub would be called
    monkeypatch.setattr("sys.argv", ["volley", "train", "ppo", "--run", str(first)])
    RunDirectory.create(first, TrainingSettings(model=spec))
    shutil.copytree(catalog.resolve("ppo"), first / "model", ignore=shutil.ignore_patterns("provenance.json"))
    shutil.copytree(first / "model", first / "stages" / "000000005")
    run = new_run(
        spec,
        *("--from", f"{first}@5", f"--opponents=rom=2,{first}=3"),
        start=f"{first}@5",
        opponents=Opponents(fixed=3, model=str(first)),
    )
    assert len(read_provenance(run.path).earlier) == 1
    stage(str(run.path), folder, name=REPOSITORY, episodes=1)
    (folder / CARD_FILE).write_text(card(folder, REPOSITORY))
    for file in folder.rglob("*"):
        assert file.is_dir() or b"secret" not in file.read_bytes(), file
    again = "volley train a2c --from runs/first@5 --opponents=rom=2,runs/first=3 --run runs/run --steps 3000\n"
    assert again in (folder / CARD_FILE).read_text()


def test_a_folder_that_has_been_moved_away_is_not_published_either(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VOLLEY_DATA", str(tmp_path))
    told = command_without_paths("volley train ppo --from secret/first --opponents=rom=2,secret/first=3")
    assert told == "volley train ppo --from runs/first --opponents=rom=2,runs/first=3"


def test_results_can_be_measured_again(folder: Path, new_run: Callable[[PolicySpec], RunDirectory]) -> None:
    run = new_run(CART)
    stage(str(run.path), folder, name=REPOSITORY, episodes=3)
    read = results.read(folder)
    assert read is not None
    (only,) = read.evaluations
    assert only.command == f"volley evaluate {REPOSITORY} --episodes 3 --seed {EVALUATION_SEED} --json"
    assert (read.mean_reward, read.std_reward, read.n_eval_episodes) == (only.mean_return, only.std_return, 3)
    again = evaluate_model(
        folder, name="again", episodes=3, sticky=None, greedy=False, seed=EVALUATION_SEED, device="auto"
    )
    assert (again.mean_return, again.std_return) == (only.mean_return, only.std_return)


@pytest.mark.usefixtures("games_here")
def test_pong_is_measured_under_both_protocols(
    folder: Path, model_directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(solo, "MAX_FRAMES", 400)
    stage(str(model_directory), folder, name=REPOSITORY, episodes=1)
    assert files_in(folder) == POLICY | {"results.json"}
    read = results.read(folder)
    assert read is not None
    assert [(each.sticky, each.greedy) for each in read.evaluations] == [(0.0, False), (0.25, False)]
    assert [each.command for each in read.evaluations] == [
        f"volley evaluate {REPOSITORY} --episodes 1 --sticky 0 --seed 1000 --json",
        f"volley evaluate {REPOSITORY} --episodes 1 --sticky 0.25 --seed 1000 --json",
    ]
    assert not read.is_deterministic
    assert read.main == read.evaluations[0]


@pytest.mark.parametrize(("name", "steps"), [("stages/000001000", 1000), ("model", 3000), ("best", 2000)])
def test_which_policy_of_a_run(
    folder: Path, new_run: Callable[[PolicySpec], RunDirectory], name: str, steps: int
) -> None:
    run = new_run(CART)
    stage(str(run.path / name), folder, name=REPOSITORY, episodes=1)
    policy = read_provenance(folder).policy
    assert policy is not None
    assert policy.steps == steps
    assert (folder / "model.safetensors").read_bytes() == (run.path / name / "model.safetensors").read_bytes()


def test_a_bundled_model_and_a_stage_of_it(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publication, "measure", lambda *_, **__: [evaluation()])
    stage("ppo@153600", folder, name=REPOSITORY)
    home = catalog.resolve("ppo")
    known = {"results.json", "provenance.json", "training_config.json", "learning_curve.csv", "learning_curve.png"}
    assert files_in(folder) == POLICY | known
    assert (folder / "learning_curve.csv").read_bytes() == (home / "learning_curve.csv").read_bytes()
    staged = read_provenance(folder)
    assert staged.policy is not None
    assert staged.policy.steps == 153_600
    assert staged.settings == json.loads((folder / "training_config.json").read_text())


def test_a_strangers_notes_that_are_none(folder: Path, model_directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publication, "measure", lambda *_, **__: [evaluation()])
    (model_directory / "provenance.json").write_text("{no JSON")
    stage(str(model_directory), folder, name=REPOSITORY)
    assert files_in(folder) == POLICY | {"results.json"}


def half_done(folder: Path) -> None:
    (folder / "half").touch()
    raise ZeroDivisionError


def test_a_folder_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), staging(tmp_path / "new" / "folder") as staged:
        half_done(staged)
    assert list((tmp_path / "new").iterdir()) == []
    with pytest.raises(KeyboardInterrupt), staging(tmp_path / "new" / "folder"):
        raise KeyboardInterrupt
    assert list((tmp_path / "new").iterdir()) == []
    with staging(tmp_path / "new" / "folder") as staged:
        (staged / "whole").touch()
        assert not (tmp_path / "new" / "folder").exists()
    assert files_in(tmp_path) == {"new/folder/whole"}


def published(folder: Path, *names: str) -> Path:
    folder.mkdir()
    (folder / CARD_FILE).write_text(f"---\nlibrary_name: volley\n---\n{REPOSITORY}")
    for name in names:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).touch()
    return folder


def test_what_was_published_before_is_replaced(tmp_path: Path) -> None:
    folder = published(tmp_path / "folder", "results.json", "tensorboard/events.out.tfevents.1.0")
    with pytest.raises(KeyboardInterrupt), staging(folder):
        raise KeyboardInterrupt
    assert (folder / "results.json").exists()
    with staging(folder) as staged:
        (staged / "new").touch()
    assert files_in(folder) == {"new"}
    assert list(tmp_path.iterdir()) == [folder]


@pytest.mark.parametrize("failure", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt()])
def test_what_was_published_before_stays_if_the_new_one_cannot_be_moved_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failure: BaseException
) -> None:
    folder = published(tmp_path / "folder", "results.json")

    def fail(*_: object) -> None:
        raise failure

    monkeypatch.setattr("training.publication.move_folder", fail)
    with pytest.raises((UserError, KeyboardInterrupt)), staging(folder) as staged:
        (staged / "new").touch()
    assert files_in(folder) == {CARD_FILE, "results.json"}
    assert list(tmp_path.iterdir()) == [folder]


def test_the_current_folder_is_not_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=r"^cannot replace \. itself; choose a folder in it"), staging(Path()):
        pytest.fail("it began")
    link = tmp_path / "link"
    link.symlink_to(published(tmp_path / "folder"))
    with staging(link) as staged:
        (staged / "new").touch()
    assert link.is_symlink()
    assert files_in(tmp_path / "folder") == {"new"}
    assert {path.name for path in tmp_path.iterdir()} == {"link", "folder"}


@pytest.mark.parametrize("name", ["notes.txt", ".env", "tensorboard/secret.txt", "models/x"])
def test_what_holds_something_else_is_left_alone(tmp_path: Path, name: str) -> None:
    folder = published(tmp_path / "folder", "results.json", name)
    with pytest.raises(UserError, match="which is never published; choose another"), staging(folder):
        pytest.fail("it began")
    assert (folder / name).exists()


def test_a_model_of_ones_own_is_left_alone(tmp_path: Path, model_directory: Path) -> None:
    with (
        pytest.raises(UserError, match="was not written by 'volley publish"),
        staging(model_directory),
    ):
        pytest.fail("it began")
    assert files_in(model_directory) == POLICY
    (tmp_path / "file").touch()
    with pytest.raises(UserError), staging(tmp_path / "file"):
        pytest.fail("it began")
    with pytest.raises(UserError, match="cannot write"), staging(tmp_path / "file" / "folder"):
        pytest.fail("it began")


def test_all_that_is_staged_is_known_to_the_card() -> None:
    assert {pattern.removesuffix("/*") for pattern in PATTERNS} == set(FILES)


def test_a_release_has_the_same_files(
    tmp_path: Path, new_run: Callable[[PolicySpec], RunDirectory], spec: ModelSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []

    def measure(_spec: PolicySpec, _network: PolicyNetwork, protocols: Any, *, name: str) -> list[Evaluation]:
        asked.extend(protocols)
        return [evaluation(model=name, sticky=sticky, greedy=greedy) for sticky, greedy in protocols]

    monkeypatch.setattr(release, "measure", measure)
    release.release([new_run(spec).path], tmp_path / "tiny")
    assert asked == [(0.0, False), (0.0, True), (0.25, False), (0.25, True)]
    read = results.read(tmp_path / "tiny")
    assert read is not None
    assert [each.command for each in read.evaluations][1::2] == [
        "volley evaluate tiny --episodes 2 --sticky 0 --seed 3 --greedy --json",
        "volley evaluate tiny --episodes 2 --sticky 0.25 --seed 3 --greedy --json",
    ]
    assert read_provenance(tmp_path / "tiny").steps == 3000


def test_runs_that_went_on_from_each_other_are_released_as_one_training(
    new_run: Callable[[PolicySpec], RunDirectory], spec: ModelSpec
) -> None:
    run = new_run(spec)
    metrics, stages = release.one_training([run.path, run.path])
    assert [line["steps"] for line in metrics] == [1000, 2000, 3000, 4000, 5000, 6000]
    assert [line["games"] for line in metrics] == [10, 20, 30, 40, 50, 60]
    assert [line["seconds"] for line in metrics] == [60, 120, 180, 240, 300, 360]
    assert list(stages) == [1000, 2000, 3000, 4000, 5000, 6000]
    assert stages[1000] == stages[4000]
    assert stages[3000] == run.path / "model"


def test_a_run_that_went_on_from_a_released_model_is_released_with_its_training(
    tmp_path: Path, new_run: Callable[[PolicySpec], RunDirectory], spec: ModelSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(release, "measure", lambda *_, **__: [evaluation()])
    monkeypatch.setattr(release, "STAGE_STEPS", (1000, 3000))
    run, first, second = new_run(spec).path, tmp_path / "first", tmp_path / "second"
    release.release([run], first)
    release.release([first, run], second)
    metrics, stages = release.one_training([second])
    assert [line["steps"] for line in metrics] == [2000, 3000, 5000, 6000]  # None had ended a game before.
    assert stages[3000].parent == second / "stages"
    assert files_in(stages[3000]) == POLICY
    assert stages[6000] == second
    assert (read_provenance(second).steps, read_provenance(second).games) == (6000, 60)
    assert [read_provenance(model).counts_earlier for model in (first, second)] == [False, True]


def test_a_curve_is_thinned_out_evenly_in_steps(tmp_path: Path) -> None:
    lines = [
        {"steps": steps, "seconds": 1, "mean_return": 1.0} for steps in (*range(0, 9000, 1000), *range(9000, 9990, 10))
    ]
    publication.write_curve(tmp_path / "curve.csv", lines)
    kept = [int(line.split(",")[0]) for line in (tmp_path / "curve.csv").read_text().splitlines()[1:]]
    assert kept[:9] == list(range(0, 9000, 1000))
    assert kept[-1] == 9980
    assert 15 <= len(kept[9:]) <= 21


def test_an_evaluation_keeps_all_its_figures(folder: Path) -> None:
    publication.write_results(folder, [evaluation(), evaluation(greedy=False)])
    written = json.loads((folder / "results.json").read_text())
    first = json.loads(json.dumps(asdict(evaluation())))
    assert written["evaluations"][0] == {"command": publication.command(evaluation())} | first
    assert (written["mean_reward"], written["is_deterministic"], written["n_eval_episodes"]) == (1.0, True, 2)


def test_a_model_that_cannot_be_loaded_is_told_by_its_name(folder: Path, model_directory: Path) -> None:
    (model_directory / "model.safetensors").write_bytes(b"no weights")
    with pytest.raises(UserError, match="models/tiny"):
        stage(str(model_directory), folder, name=REPOSITORY)
    assert files_in(folder) == set()


def test_of_a_run_that_learned_a_control_problem(tmp_path: Path, folder: Path) -> None:
    checkpoint.save(tmp_path / "cart", CART, build(CART))
    stage(str(tmp_path / "cart"), folder, name="ada/cart", episodes=2)
    text = card(folder, "ada/cart")
    assert "volley evaluate ada/cart --episodes 2 --seed 1000 --json" in text
    assert "How well it does" in text


def test_a_protocol_in_words() -> None:
    def result(**changes: Any) -> results.Result:
        return results.Result(mean_return=1, std_return=0, episodes=20, sticky=0.25, greedy=False, **changes)

    assert result().protocol == "sampled, sticky 0.25, 20 games"
    assert result(environment="CartPole-v1").protocol == "sampled, 20 episodes"
