"""The course's questions, whose answers are worked out by what trains."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import gymnasium
import torch
from torch import Tensor

from models.lessons import QuizKnobs, Worked
from models.numbers import with_minus
from models.returns import normalized
from training.lessons.credit import small_games

OUTPUTS = (2.0, 1.0, -2.0)
RETURNS = (1.0, 2.0, 3.0, 6.0)


def probabilities() -> Worked:
    """What turns outputs into probabilities: only softmax makes positive numbers that add up to 1."""
    outputs = torch.tensor(OUTPUTS)
    functions: dict[str, Tensor] = {
        "ReLU": outputs.relu(),
        "tanh": outputs.tanh(),
        "softmax": outputs.softmax(0),
    }
    lines = [f"For the outputs {_numbers(OUTPUTS, 0)}:"]
    lines += [
        f"{name} makes {_numbers(values.tolist())}, which add up to {_number(float(values.sum()))}"
        for name, values in functions.items()
    ]
    right = [bool((each >= 0).all() and each.sum().isclose(torch.tensor(1.0))) for each in functions.values()]
    return Worked(lines, right.index(True))


def normalised() -> Worked:
    """Whom normalised returns push up: those above the mean."""
    values = normalized(torch.tensor(RETURNS))
    lines = [
        f"The mean of {_numbers(RETURNS, 0)} is {_number(float(torch.tensor(RETURNS).mean()))}.",
        f"Minus the mean, in standard deviations: {_numbers(values.tolist())}",
        "Games below the mean are pushed down, though all returns are positive.",
    ]
    above = int((values > 0).sum())
    return Worked(lines, {4: 0, 1: 1, 0: 2}[above])


def future_rewards() -> Worked:
    """The gradient of the first of the small games, by the rewards to go."""
    game = small_games().games[0]
    gradient = round(game.gradient["to-go"])
    lines = [
        f"Rewards to go, at each step: {_numbers(game.pushes['to-go'], 0)}",
        f"Gradient of the logarithm of each action's probability: {_numbers(game.slopes, 0)}",
        f"Multiplied, and added up: {_number(gradient, 0)}",
    ]
    return Worked(lines, (-4, -2, 2, 4).index(gradient))


def last_layer() -> Worked:
    """What suits MountainCarContinuous: as many units as its actions have numbers, between their bounds."""
    space = gymnasium.make("MountainCarContinuous-v0").action_space
    assert isinstance(space, gymnasium.spaces.Box)
    low, high, size = float(space.low.min()), float(space.high.max()), space.shape[0]
    inputs = torch.linspace(-10, 10, 21)
    made = {"ReLU": inputs.relu(), "tanh": inputs.tanh()}
    lines = [f"An action is {size} number between {_number(low, 0)} and {_number(high, 0)}."]
    lines += [
        f"{name} makes {_number(float(values.min()), 0)} to {_number(float(values.max()), 0)} of inputs from "
        f"{_number(-10, 0)} to 10"
        for name, values in made.items()
    ]
    lines.append("Softmax makes probabilities for actions that can be listed, which these cannot.")
    fits = [bool(values.min() >= low and values.max() <= high and values.min() < 0) for values in made.values()]
    return Worked(lines, 1 + fits.index(True))


QUESTIONS: dict[str, Callable[[], Worked]] = {
    "policy": probabilities,
    "noise": normalised,
    "credit": future_rewards,
    "numbers": last_layer,
}
"""By the lesson at whose end they stand."""


def run(knobs: QuizKnobs) -> Iterator[Worked]:
    """The answer."""
    yield QUESTIONS[knobs.lesson]()


def _numbers(values: Sequence[float], digits: int = 2) -> str:
    return ", ".join(_number(value, digits) for value in values)


def _number(value: float, digits: int = 2) -> str:
    return with_minus(value, f"z.{digits}f")
