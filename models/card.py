"""The model card: a model's page on the Hub. `card_text` reads the cards of strangers.

A card describes what is in the model's directory; it leaves out whatever is unknown.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from models import results as results_file
from models.control import ControlSpec, DiscreteActions, PolicySpec, decode_any
from models.errors import UserError, one_line
from models.files import (
    CONFIG_FILE,
    CURVE_FILE,
    CURVE_PICTURE,
    PROVENANCE_FILE,
    REPLAY_FILE,
    RESULTS_FILE,
    SETTINGS_FILE,
    STILL_FILE,
    TENSORBOARD_FOLDER,
    WEIGHTS_FILE,
    found_in,
)
from models.hub_variables import check_variables
from models.numbers import with_minus
from models.provenance import Provenance, read_provenance
from models.results import Result, Results
from models.spec import SLOW_ACTIONS, ModelSpec

LIBRARY = "volley"
"""The library name of Volley's models on the Hub."""

ALGORITHM_NAMES = {
    "a2c": "A2C",
    "imitation": "imitation of a coach",
    "dqn": "DQN",
    "ppo": "PPO",
    "reinforce": "REINFORCE",
    "surrogate": "PPO without the clip",
}
"""Display names. Other algorithms are shown by their own name, with spaces for hyphens."""
PROGRAMS = {"cleanrl": "CleanRL", "sb3": "Stable-Baselines3"}
"""Other programs, by the prefix of their algorithms' names."""
MINUS = "\N{MINUS SIGN}"
FILES = {
    CONFIG_FILE: "the network's architecture and observations: all you need to rebuild it",
    WEIGHTS_FILE: "the weights",
    RESULTS_FILE: "the figures above, and how each was measured",
    PROVENANCE_FILE: "the training command, seed, software versions and processor",
    SETTINGS_FILE: "every training setting",
    CURVE_FILE: "the learning curve as numbers",
    CURVE_PICTURE: "the learning curve as a picture",
    REPLAY_FILE: "the film above",
    STILL_FILE: "a still from the film",
    TENSORBOARD_FOLDER: "the training metrics, for TensorBoard",
}
"""The files that may accompany a card, with their descriptions."""

PATTERNS = (*(name for name in FILES if name != TENSORBOARD_FOLDER), f"{TENSORBOARD_FOLDER}/*")
"""The same files as patterns for the Hub's client."""


def card(directory: Path, repository: str) -> str:
    """Returns the `README.md` of the model in `directory`, to be published in `repository` (USER/REPO).

    `UserError` if the directory holds no model, or as for `check_variables`.
    """
    check_variables()
    from huggingface_hub import ModelCardData  # noqa: PLC0415 - slow to import, and few commands write cards
    from huggingface_hub.repocard_data import EvalResult  # noqa: PLC0415

    try:
        spec = decode_any((directory / CONFIG_FILE).read_bytes())
    except OSError as error:
        raise UserError(f"{directory} holds no model: {CONFIG_FILE} cannot be read: {error.strerror}") from error
    results, provenance = results_file.read(directory), read_provenance(directory)
    evaluations = () if results is None else results.evaluations
    data = ModelCardData(
        library_name=LIBRARY,
        pipeline_tag="reinforcement-learning",
        tags=_tags(spec),
        model_name=algorithm_name(spec.algorithm),
        eval_results=[
            EvalResult(
                task_type="reinforcement-learning",
                task_name="reinforcement-learning",
                dataset_type=spec.environment,
                dataset_name=spec.environment,
                # Without it the Hub merges all results on one data set.
                dataset_config=_protocol(spec, result),
                metric_type="mean_reward",
                metric_name="mean_reward",
                metric_value=f"{result.mean_return:.2f} +/- {result.std_return:.2f}",
                verified=False,
            )
            for result in evaluations
        ],
    )
    files = {path.name for path in found_in(directory)}
    sections = (
        _introduction(spec, provenance, files),
        _results(spec, results),
        _use(spec, repository),
        _training(spec, provenance, files),
        _files(files),
        _limits(spec, provenance),
    )
    body = "\n\n".join(section for section in sections if section)
    return f"---\n{data.to_yaml()}\n---\n\n{body}\n"


def algorithm_name(algorithm: str) -> str:
    """Returns an algorithm's display name, whichever program it comes from."""
    short = _split_program(algorithm)[1]
    return ALGORITHM_NAMES.get(short, short.replace("-", " "))


def _split_program(algorithm: str) -> tuple[str, str]:
    """Splits off the program that trained a model: its name, empty if it was Volley, and the algorithm."""
    program, _, rest = algorithm.partition("-")
    return (PROGRAMS[program], rest) if rest and program in PROGRAMS else ("", algorithm)


def _tags(spec: PolicySpec) -> list[str]:
    game = ["atari", "pong"] if isinstance(spec, ModelSpec) else []
    kind = ["reinforcement-learning", "deep-reinforcement-learning"]
    return [*kind, spec.environment, _split_program(spec.algorithm)[1], *game, LIBRARY]


def _protocol(spec: PolicySpec, result: Result) -> str:
    """A short description of how a figure was measured."""
    how = "greedy" if result.greedy else "sampled"
    if isinstance(spec, ControlSpec):
        return how
    return f"{how}, sticky actions {result.sticky:g}" if result.sticky else f"{how}, without sticky actions"


def _introduction(spec: PolicySpec, provenance: Provenance, files: set[str]) -> str:
    name = algorithm_name(spec.algorithm)
    program = "Volley" if provenance.by_volley else _split_program(spec.algorithm)[0]
    trained = f" It was trained with {program}." if program else ""
    if isinstance(spec, ControlSpec):
        return (
            f"# {name[0].upper()}{name[1:]} on {spec.environment}\n\n"
            f"A small network for gymnasium's `{spec.environment}`: {spec.observation_size} numbers in, "
            f"{_action(spec)} out.{trained}"
        )
    seen = spec.observation
    text = (
        f"# {name[0].upper()}{name[1:]} plays Pong\n\n"
        f"A neural network that plays the Atari game Pong (`{spec.environment}`) from pixels, with the right paddle. "
        f"It sees {seen.stack} grey frames of {seen.width} x {seen.height} pixels and decides every {seen.frame_skip} "
        f"frames.{trained} In Volley you can play against it and watch what it is about to do."
    )
    if REPLAY_FILE in files:
        picture = f"![The match, and what the network thinks]({STILL_FILE})" if STILL_FILE in files else "The film"
        text += (
            f"\n\n[{picture}]({REPLAY_FILE})\n\n"
            f"[A film of a match]({REPLAY_FILE}): the network plays on the right, against the Atari CPU. "
            "Beside the court you see how likely each of its moves is, and the return it expects."
        )
    return text


def _action(spec: ControlSpec) -> str:
    size, listed = spec.action_size, isinstance(spec.actions, DiscreteActions)
    return f"one of {size} actions" if listed else f"{size} number{'s' * (size > 1)}"


def _results(spec: PolicySpec, results: Results | None) -> str:
    """The figures, and the commands that measured them."""
    if results is None or not results.evaluations:
        return ""
    pong = isinstance(spec, ModelSpec)
    games = "games" if pong else "episodes"
    rows = [
        f"| {_protocol(spec, result)} | **{_number(result.mean_return)}** | {_interval(result)} | "
        f"{result.std_return:.2f} | {result.episodes} |"
        for result in results.evaluations
    ]
    table = "\n".join(
        [
            f"| protocol | mean return | 95% interval | standard deviation | {games} |",
            "| --- | --- | --- | --- | --- |",
            *rows,
        ]
    )
    text = f"## How well it {'plays' if pong else 'does'}\n\n{table}\n\n{_explanation(spec, results)}"
    commands = [result.command for result in results.evaluations if result.command]
    if commands:
        text += f"\n\n{_block(*commands)}"
    return text


def _explanation(spec: PolicySpec, results: Results) -> str:
    """What the figures mean, and when they were measured."""
    evaluations, sentences = results.evaluations, []
    if isinstance(spec, ModelSpec):
        sentences.append(f"The return is the points won minus the points lost in a full game, from {MINUS}21 to 21.")
    if any(not result.greedy for result in evaluations):
        sentences.append("Sampled: each action is drawn from the policy, instead of always taking the most likely one.")
    if any(result.sticky for result in evaluations):
        sentences.append(
            "Sticky actions: each emulator frame repeats the previous action with that probability, as in the Arcade "
            "Learning Environment's protocol (Machado et al. 2018). Without them the ROM runs unmodified, as in "
            "Volley's window. The two are different games."
        )
    return " ".join(sentences) + f"\n\n{_measured(results)}"


def _measured(results: Results) -> str:
    """When the figures were measured, and with which seeds."""
    seeds = sorted({result.seed for result in results.evaluations if result.seed is not None})
    parts = [
        f"on {one_line(results.eval_datetime[:10])}" if results.eval_datetime else "",
        f"with seed {', '.join(map(str, seeds))}" if seeds else "",
    ]
    measured = " ".join(("Measured", *filter(None, parts)))
    return f"{measured}, by running:" if any(result.command for result in results.evaluations) else f"{measured}."


def _number(number: float) -> str:
    return with_minus(number, "z.2f")


def _interval(result: Result) -> str:
    return "" if result.ci95 is None else " to ".join(_number(bound) for bound in result.ci95)


def _use(spec: PolicySpec, repository: str) -> str:
    if isinstance(spec, ControlSpec):
        return f"## Measure it\n\n{_block(f'volley evaluate {repository}')}"
    seen = spec.observation
    size = "" if (seen.height, seen.width) == (84, 84) else f", screen_size=({seen.width}, {seen.height})"
    if seen.view == "court" or SLOW_ACTIONS.keys() & set(spec.actions):
        python = _on_the_court_for_two(repository)
    else:
        python = f"""\
```python
import ale_py
import gymnasium
from gymnasium.wrappers import AtariPreprocessing, FrameStackObservation

from volley import PongPolicy

gymnasium.register_envs(ale_py)
env = gymnasium.make("{spec.environment}", frameskip=1, repeat_action_probability=0.0)
env = AtariPreprocessing(env, frame_skip={seen.frame_skip}{size})
env = FrameStackObservation(env, {seen.stack}, padding_type="zero")

policy = PongPolicy.from_pretrained("{repository}")
observation, _ = env.reset(seed=0)
observation, reward, terminated, truncated, _ = env.step(policy.act(observation))
```"""
    play = _block(f"volley play {repository}", f"volley watch {repository}")
    return (
        f"## Play against it\n\n{play}\n\nWith `--reaction 230` it reacts as slowly as a person does.\n\n"
        f"## Use it from Python\n\nWith Volley installed:\n\n{python}"
    )


def _on_the_court_for_two(repository: str) -> str:
    """A program for a policy with slow moves, which gymnasium's own environment knows only as continuous actions."""
    return f"""\
```python
from volley import CourtEnv, PongPolicy

policy = PongPolicy.from_pretrained("{repository}")
env = CourtEnv("cpu", observation=policy.spec.observation)
observation, info = env.reset(seed=0)
observation, reward, terminated, truncated, info = env.step(policy.act(observation))
```"""


def _training(spec: PolicySpec, provenance: Provenance, files: set[str]) -> str:
    sentences = " ".join((*_amount(spec, provenance), *_machine(provenance), *_which_policy(provenance)))
    parts = [sentences] if sentences else []
    if CURVE_PICTURE in files:
        parts.append(f"![The learning curve]({CURVE_PICTURE})")
    commands = provenance.reproduction_commands()
    if commands:
        parts.append(f"## Train it again\n\n{_block(*commands)}\n\n{_reproducibility(files)}")
    return "\n\n".join(("## How it was trained", *parts)) if parts else ""


def _reproducibility(files: set[str]) -> str:
    settings = f" `{SETTINGS_FILE}` has every setting." if SETTINGS_FILE in files else ""
    return f"Another processor rounds differently, so your learning curve will differ a little.{settings}"


def _amount(spec: PolicySpec, provenance: Provenance) -> Iterator[str]:
    if provenance.steps is None:
        return
    pong = isinstance(spec, ModelSpec)
    frames = f" of {spec.observation.frame_skip} frames" if isinstance(spec, ModelSpec) else ""
    text = f"{algorithm_name(spec.algorithm)}, {provenance.steps:,} agent steps{frames}"
    if provenance.earlier:
        text += ", counting" if provenance.counts_earlier else ", not counting"
        text += " the runs that it continued"
    if provenance.games is not None:
        text += f", {provenance.games:,} full {'games' if pong else 'episodes'}"
    if provenance.minutes is not None:
        text += f", in {provenance.minutes:g} minutes"
    settings = provenance.settings
    sticky = settings.get("sticky")
    if pong and isinstance(sticky, int | float):
        text += f", with sticky actions {sticky:g}" if sticky else ", without sticky actions"
        if sticky and settings.get("opponents"):
            text += " on every fourth court where it did not play itself"
    if provenance.seed is not None:
        text += f", seed {provenance.seed}"
    yield f"{text[0].upper()}{text[1:]}."


def _machine(provenance: Provenance) -> Iterator[str]:
    if provenance.processor:
        cores = f"{provenance.cores} core{'s' * (provenance.cores != 1)} of " if provenance.cores else ""
        card = f", and {_safe(provenance.cuda)}" if provenance.cuda else ""
        yield f"Processor: {cores}{_safe(provenance.processor)}{card}."
    versions = ({"Python": provenance.python} if provenance.python else {}) | provenance.packages
    if versions:
        yield f"Versions: {', '.join(f'{_safe(name)} {_safe(version)}' for name, version in versions.items())}."
    if provenance.moved_from:
        yield f"The run began elsewhere: on {'; then on '.join(map(_safe, provenance.moved_from))}."


def _which_policy(provenance: Provenance) -> Iterator[str]:
    policy = provenance.policy
    if policy is not None:
        after = f", after {policy.steps:,} steps" if policy.steps is not None else ""
        yield f"This is {_safe(policy.which)}{after}."


def _safe(text: str | None) -> str:
    """Escapes Markdown and HTML in text of unknown origin."""
    return re.sub(r"([\\`*_\[\]<>|#])", r"\\\1", one_line(text or "", 100))


def _files(files: set[str]) -> str:
    rows = [f"| `{name}` | {description} |" for name, description in FILES.items() if name in files]
    return "\n".join(("## Files", "", "| file | contents |", "| --- | --- |", *rows))


def _limits(spec: PolicySpec, provenance: Provenance) -> str:
    if isinstance(spec, ControlSpec) or not provenance.by_volley:
        return ""
    met = _opponents_met(provenance.settings)
    frames = "It needs frames exactly as the program above gets them, and knows no other version of the game."
    if met:
        sides = "" if met == _OPPONENTS["rom"] else ", on both sides,"
        return (
            f"## Limits\n\nIt was trained on the court for two{sides} against {met}. Other kinds of opponents "
            f"are strangers to it: `volley league` measures it against them. {frames}"
        )
    if provenance.earlier:
        return f"## Limits\n\n{frames}"
    return (
        "## Limits\n\n"
        "It was trained against one opponent, the game's own, and only on the right side. So it has learned to beat "
        "that opponent, not to play Pong: Volley's bundled `ppo`, which also met no other, wins only 32 of 200 points "
        "against two simple scripts (`volley league ppo casual tracker --games 4`). "
        f"{frames}"
    )


_OPPONENTS = {
    "itself": "itself",
    "past": "its past selves",
    "scripts": "scripts that differ in reaction, speed, aim and use of the button",
    "rom": "the Atari CPU",
    "fixed": "a policy that does not change",
}
"""By the names that `volley train --opponents` gives them."""


def _opponents_met(settings: dict[str, object]) -> str:
    """Whom a policy met in training on the court for two; empty if it was trained elsewhere."""
    courts = settings.get("opponents")
    if not isinstance(courts, dict):
        return ""
    met = [who for name, who in _OPPONENTS.items() if isinstance(courts.get(name), int) and courts[name] > 0]
    return " and ".join(filter(None, (", ".join(met[:-1]), *met[-1:])))


def _block(*commands: str) -> str:
    """A Markdown block of shell commands."""
    lines = "\n".join(one_line(command, 10_000).replace("`", "") for command in commands)
    return f"```sh\n{lines}\n```"
