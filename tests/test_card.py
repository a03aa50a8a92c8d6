from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from huggingface_hub import ModelCard

from models import catalog, checkpoint, results
from models.card import LIBRARY, card
from models.control import ContinuousActions, ControlSpec
from models.errors import UserError
from models.mlp import build
from models.provenance import Provenance, read_provenance, write_provenance

REPOSITORY = "ada/ppo-pong"
PROVENANCE = {
    "command": "volley train ppo --run '/home/ada/my runs/first' --seed 3 --steps 100",
    "python": "3.11.7",
    "packages": {"volley": "0.1.0", "torch": "2.13.0"},
    "processor": "Z80 | <b>fast</b>",
    "cores": 2,
    "seed": 3,
    "steps": 5_001_216,
    "games": 2345,
    "minutes": 67.9,
    "settings": {"steps": 5_000_000, "sticky": 0.25},
    "policy": {"which": "the newest policy of that run", "steps": 5_001_216},
}


def evaluation(**changes: Any) -> dict[str, Any]:
    return {
        "command": f"volley evaluate {REPOSITORY} --episodes 100 --sticky 0 --seed 1000 --json",
        "mean_return": -20.784,
        "std_return": 0.596,
        "ci95": [-20.9, -20.66],
        "episodes": 100,
        "sticky": 0.0,
        "greedy": False,
        "seed": 1000,
        **changes,
    }


def results_of(*evaluations: dict[str, Any]) -> str:
    first = evaluations[0]
    return json.dumps(
        {
            "mean_reward": first["mean_return"],
            "std_reward": first["std_return"],
            "is_deterministic": False,
            "n_eval_episodes": 100,
            "eval_datetime": "2026-01-02T03:04:05+00:00",
            "evaluations": evaluations,
        }
    )


def data_of(text: str) -> Any:
    """What the Hub's client reads in the front matter."""
    return ModelCard(text).data


@pytest.fixture
def whole(model_directory: Path) -> Path:
    """A model of which all is known."""
    (model_directory / "results.json").write_text(results_of(evaluation(), evaluation(sticky=0.25, mean_return=15.0)))
    (model_directory / "provenance.json").write_text(json.dumps(PROVENANCE))
    for name in ("learning_curve.csv", "learning_curve.png", "training_config.json", "replay.mp4", "replay.png"):
        (model_directory / name).touch()
    (model_directory / "tensorboard").mkdir()
    return model_directory


def test_the_hub_reads_its_front_matter(whole: Path) -> None:
    data = data_of(card(whole, REPOSITORY))
    assert (data.library_name, data.pipeline_tag, data.license) == (LIBRARY, "reinforcement-learning", None)
    wanted = {"reinforcement-learning", "deep-reinforcement-learning", "ALE/Pong-v5", "ppo", "atari", "pong", "volley"}
    assert set(data.tags) == wanted
    assert data.model_name == "PPO"
    found = [(r.task_type, r.dataset_name, r.metric_type, r.metric_value, r.verified) for r in data.eval_results]
    kind, game, metric = "reinforcement-learning", "ALE/Pong-v5", "mean_reward"
    assert found == [
        (kind, game, metric, "-20.78 +/- 0.60", False),
        (kind, game, metric, "15.00 +/- 0.60", False),
    ]
    assert len({r.unique_identifier for r in data.eval_results}) == 2, "the Hub would take them for one"


def test_its_body_tells_what_is_known(whole: Path) -> None:
    text = card(whole, REPOSITORY)
    for part in (
        "# PPO plays Pong",
        "[![The match, and what the network thinks](replay.png)](replay.mp4)",
        "| sampled, without sticky actions | **−20.78** | −20.90 to −20.66 | 0.60 | 100 |",  # noqa: RUF001
        "| sampled, sticky actions 0.25 | **15.00** |",
        f"volley evaluate {REPOSITORY} --episodes 100 --sticky 0 --seed 1000 --json",
        "Measured on 2026-01-02 with seed 1000",
        "![The learning curve](learning_curve.png)",
        "PPO, 5,001,216 agent steps of 4 frames, 2,345 full games, in 67.9 minutes, with sticky actions 0.25, seed 3.",
        "Processor: 2 cores of Z80 \\| \\<b\\>fast\\</b\\>.",
        "Versions: Python 3.11.7, volley 0.1.0, torch 2.13.0.",
        "This is the newest policy of that run, after 5,001,216 steps.",
        f"volley play {REPOSITORY}",
        f'PongPolicy.from_pretrained("{REPOSITORY}")',
        "volley train ppo --seed 3 --steps 5000000",
        "| `tensorboard` |",
        "32 of 200 points against two simple scripts",
    ):
        assert part in text
    assert "/home/ada" not in text


def test_its_program_is_the_readmes(whole: Path) -> None:
    """Which a test runs."""

    def lines(text: str) -> list[str]:
        program = text.split("```python\n")[1].split("```", maxsplit=1)[0]
        return [line.partition("  #")[0] for line in program.split("\n") if line and "PongPolicy.from" not in line]

    readme = (Path(__file__).parent.parent / "README.md").read_text()
    wrapped = 'env = FrameStackObservation(AtariPreprocessing(env, frame_skip=4), 4, padding_type="zero")'
    apart = [
        "env = AtariPreprocessing(env, frame_skip=4)",
        'env = FrameStackObservation(env, 4, padding_type="zero")',
    ]
    theirs = lines(readme)
    place = theirs.index(wrapped)
    assert lines(card(catalog.resolve("reinforce"), REPOSITORY)) == [*theirs[:place], *apart, *theirs[place + 1 :]]
    assert "screen_size=(16, 20)" in card(whole, REPOSITORY)


def test_what_is_not_known_is_left_out(model_directory: Path) -> None:
    text = card(model_directory, REPOSITORY)
    data = data_of(text)
    assert (data.license, data.eval_results) == (None, [])
    headings = [line for line in text.split("\n") if line.startswith("#")]
    assert headings == ["# PPO plays Pong", "## Play against it", "## Use it from Python", "## Files"]
    assert "None" not in text
    assert "replay" not in text


def test_of_a_control_problem(tmp_path: Path) -> None:
    actions = ContinuousActions((-2.0,), (2.0,))
    spec = ControlSpec(algorithm="a2c", environment="Pendulum-v1", observation_size=3, actions=actions)
    checkpoint.save(tmp_path / "model", spec, build(spec))
    (tmp_path / "model" / "results.json").write_text(results_of(evaluation()))
    text = card(tmp_path / "model", "ada/a2c-pendulum")
    data = data_of(text)
    assert (data.model_name, data.eval_results[0].dataset_type) == ("A2C", "Pendulum-v1")
    assert set(data.tags) == {"reinforcement-learning", "deep-reinforcement-learning", "Pendulum-v1", "a2c", "volley"}
    assert "3 numbers in, 1 number out" in text
    for word in ("Pong", "sticky actions", "volley play", "opponent"):
        assert word not in text


@pytest.mark.parametrize(
    ("algorithm", "name", "program"),
    [
        ("sb3-dqn", "DQN", "Stable-Baselines3"),
        ("cleanrl-ppo", "PPO", "CleanRL"),
        ("sb3-actor-critic", "actor critic", ""),
    ],
)
def test_of_another_programs_agent(model_directory: Path, algorithm: str, name: str, program: str) -> None:
    config = json.loads((model_directory / "config.json").read_text()) | {"algorithm": algorithm}
    (model_directory / "config.json").write_text(json.dumps(config))
    text = card(model_directory, REPOSITORY)
    assert data_of(text).model_name == name
    assert f"It was trained with {program}" in text


@pytest.mark.parametrize(
    ("opponents", "met"),
    [
        (
            {"itself": 8, "past": 4, "scripts": 0, "rom": 4},
            "against itself, its past selves and the Atari CPU.",
        ),
        ({"itself": 0, "fixed": 32, "model": "champion"}, ", on both sides, against a policy that does not change."),
        ({"rom": 8}, "on the court for two against the Atari CPU."),
        (None, "against one opponent, the game's own,"),
        ({"itself": "eight"}, "against one opponent, the game's own,"),
    ],
)
def test_whom_it_met_in_training(whole: Path, opponents: object, met: str) -> None:
    settings = {"steps": 5_000_000, "opponents": opponents}
    (whole / "provenance.json").write_text(json.dumps({**PROVENANCE, "settings": settings}))
    assert met in card(whole, REPOSITORY)


def test_of_a_model_that_went_on_from_another_it_is_not_said_whom_it_met(whole: Path) -> None:
    write_provenance(whole, msgspec.structs.replace(read_provenance(whole), earlier=("volley train ppo",)))
    assert "one opponent" not in card(whole, REPOSITORY)
    assert "knows no other version of the game" in card(whole, REPOSITORY)


def test_the_program_for_a_policy_that_sees_only_the_court(whole: Path) -> None:
    spec = msgspec.json.decode((whole / "config.json").read_bytes())
    spec["observation"]["view"] = "court"
    (whole / "config.json").write_bytes(msgspec.json.encode(spec))
    text = card(whole, REPOSITORY)
    assert "AtariPreprocessing" not in text
    assert "CourtEnv(" in text


@pytest.mark.parametrize(("together", "said"), [(True, "counting"), (False, "not counting")])
def test_whether_its_steps_count_the_trainings_before(whole: Path, together: bool, said: str) -> None:
    record = read_provenance(whole)
    assert "that it continued" not in card(whole, REPOSITORY)
    write_provenance(whole, msgspec.structs.replace(record, earlier=("volley train ppo",), counts_earlier=together))
    assert f", {said} the runs that it continued" in card(whole, REPOSITORY)


def test_there_is_no_card_without_a_model(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="holds no model"):
        card(tmp_path, REPOSITORY)


@pytest.mark.parametrize(
    ("command", "again"),
    [
        ("volley train ppo --run runs/ppo", "volley train ppo --steps 7"),
        (
            "volley train ppo --steps=3 --run=x --set 'ppo.gamma=0.9 '",
            "volley train ppo --set 'ppo.gamma=0.9 ' --steps 7",
        ),
        ("volley train a2c --env CartPole-v1", "volley train a2c --env CartPole-v1 --steps 7"),
        ("volley train --resume runs/ppo", None),
        ("volley train 'ppo", None),
        ("rm -r /", None),
        ("", None),
    ],
)
def test_the_command_that_trains_it_again(command: str, again: str | None) -> None:
    record = Provenance(command=command, settings={"steps": 7})
    assert record.reproduction_commands() == (() if again is None else (again,))
    # After another training both are needed, and the run's name tells the second what to go on from.
    after = msgspec.structs.replace(record, earlier=("volley train ppo --run runs/first",))
    commands = after.reproduction_commands()
    assert len(commands) == (0 if again is None else 2)
    if commands:
        assert commands[0] == "volley train ppo --run runs/first"
        assert ("--run" in commands[1]) == ("--run" in command)


def test_the_bundled_models_have_cards_with_their_figures() -> None:
    for name in catalog.bundled_names():
        directory = catalog.resolve(name)
        read = results.read(directory)
        assert read is not None
        assert read.main is not None
        assert (read.mean_reward, read.std_reward) == (read.main.mean_return, read.main.std_return)
        assert f"**{read.mean_reward:.2f}**" in card(directory, REPOSITORY)


def test_a_run_that_moved_says_where_it_was(whole: Path) -> None:
    record = read_provenance(whole)
    assert "elsewhere" not in card(whole, REPOSITORY)
    write_provenance(whole, msgspec.structs.replace(record, moved_from=("a <b>Z80</b>", "an abacus")))
    assert "The run began elsewhere: on a \\<b\\>Z80\\</b\\>; then on an abacus." in card(whole, REPOSITORY)


def test_among_many_opponents_only_some_courts_are_sticky(whole: Path) -> None:
    record = read_provenance(whole)
    assert "every fourth court" not in card(whole, REPOSITORY)
    settings = {**record.settings, "opponents": {"itself": 8, "scripts": 24}}
    write_provenance(whole, msgspec.structs.replace(record, settings=settings))
    said = "with sticky actions 0.25 on every fourth court where it did not play itself"
    assert said in card(whole, REPOSITORY)
