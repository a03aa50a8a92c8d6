"""Credit: how hard each action of a game is pushed, in the course's games of three steps and in a rally of Pong."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import torch
from msgspec.structs import replace
from torch import Tensor

from agents.base import DOWN_ACTIONS, UP_ACTIONS
from models import catalog, checkpoint
from models.lessons import Credit, CreditKnobs, Pushes, Rally, SmallGame, SmallGames
from models.losses import policy_gradient
from models.returns import rewards_to_go
from models.spec import PONG, ActionName
from training import reinforce
from training.environments import make_pong
from training.learner import Learner
from training.presets import PRESETS
from training.reinforce import ReinforceSettings, trajectory_ends
from training.rollout import Collector, Rollout

MOVED = ((1, 0, 1), (1, 0, 0), (0, 1, 0), (0, 1, 1))
REWARDS = ((1, 0, 1), (0, 0, 1), (1, 0, 1), (1, 0, 0))
"""By game, then by step. The first three are the course's; by chance of their numbers, what each says about the
gradient is the same with rewards to go as with the total. In the fourth it is not."""
CHANCE = 0.5
"""Of a move."""

PLAYER = "reinforce"
"""Its critic learned to predict just the discounted rewards to go of its points: it is the baseline."""


def ways(settings: ReinforceSettings) -> dict[Credit, ReinforceSettings]:
    """These settings with each way of giving credit."""
    return {
        "total": replace(settings, credit="total", baseline="none"),
        "to-go": replace(settings, credit="to-go", baseline="none"),
        "baseline": replace(settings, credit="to-go", baseline="value"),
    }


def run(knobs: CreditKnobs) -> Iterator[SmallGames | Rally]:
    """The small games all at once, or a rally as it is played."""
    match knobs.game:
        case "three steps":
            return iter((small_games(),))
        case "rally":
            return rally(knobs.seed)


def small_games() -> SmallGames:
    """The games of three steps."""
    moved, rewards = torch.tensor(MOVED).T, torch.tensor(REWARDS, dtype=torch.float32).T
    ends = torch.zeros_like(moved, dtype=torch.bool)
    ends[-1] = True
    expected = rewards_to_go(rewards, ends, gamma=1.0).mean(1, keepdim=True).expand_as(rewards)
    nothing = torch.zeros_like(rewards)
    rollout = Rollout(
        observations=nothing,
        actions=moved,
        log_probs=log_probs(torch.tensor(CHANCE), moved),
        rewards=rewards,
        terminations=ends,
        truncations=torch.zeros_like(ends),
        values=expected,
        next_values=nothing,
    )
    weights = {
        way: reinforce.advantages(rollout, settings).advantages
        for way, settings in ways(ReinforceSettings(gamma=1.0)).items()
    }
    games = [_small_game(rollout, weights, number) for number in range(len(MOVED))]
    return SmallGames(games, expected[:, 0].tolist())


def _small_game(rollout: Rollout, weights: dict[Credit, Tensor], number: int) -> SmallGame:
    moved = rollout.actions[:, number]
    return SmallGame(
        moved=moved.bool().tolist(),
        rewards=rollout.rewards[:, number].tolist(),
        pushes={way: weight[:, number].tolist() for way, weight in weights.items()},
        slopes=[gradient(moved[step : step + 1], torch.ones(1)) for step in range(len(moved))],
        gradient={way: gradient(moved, weight[:, number]) for way, weight in weights.items()},
    )


def log_probs(chance: Tensor, moved: Tensor) -> Tensor:
    """The log-probabilities of actions, same shape, if a move has this chance."""
    return torch.where(moved == 1, chance.log(), (1 - chance).log())


def gradient(moved: Tensor, weights: Tensor) -> float:
    """What actions `[T]` with these weights say about the slope of the mean return in the chance of a move."""
    chance = torch.tensor(CHANCE, requires_grad=True)
    # policy_gradient is the mean over decisions; the gradient of the return is their sum.
    objective = len(moved) * policy_gradient(log_probs(chance, moved), weights)
    (slope,) = torch.autograd.grad(objective, chance)
    return float(slope)


def rally(seed: int) -> Iterator[Rally]:
    """A game's first point, from before its first decision on; the last state has the pushes."""
    settings = PRESETS["reinforce"][PONG]["algorithm"]
    spec, network = checkpoint.load(catalog.PRETRAINED / PLAYER)
    seen = spec.observation
    yield Rally(bytes(seen.height * seen.width), seen.width, moves=[], expected=[], gamma=settings.gamma)
    learner = Learner(spec, learning_rate=settings.learning_rate, seed=seed, device=torch.device("cpu"))
    learner.start_from(network)
    with closing(make_pong(spec, 1, sticky=0.0)) as environments:
        collector = Collector(environments, learner, rollout_length=1, seed=seed)
        played: list[Rollout] = []
        while True:
            played.append(Rollout.joined([collector.collect()[0]]))  # A copy: the next one overwrites it.
            state = _rally(Rollout.joined(played), spec.actions, settings)
            yield state
            if state.pushes:
                return


def _rally(played: Rollout, actions: tuple[ActionName, ...], settings: ReinforceSettings) -> Rally:
    picture = played.observations[-1, 0, -1]
    over = bool(trajectory_ends(played, settings)[-1])
    return Rally(
        court=picture.numpy().tobytes(),
        width=picture.shape[1],
        moves=[_move(actions[action]) for action in played.actions.flatten().tolist()],
        expected=played.values.flatten().tolist(),
        reward=float(played.rewards[-1]),
        gamma=settings.gamma,
        pushes=pushes(played, settings) if over else {},
    )


def pushes(played: Rollout, settings: ReinforceSettings) -> Pushes:
    """Of each decision, `[T, 1]`, in each way."""
    return {
        way: reinforce.advantages(played, chosen).advantages.flatten().tolist()
        for way, chosen in ways(settings).items()
    }


def _move(action: ActionName) -> int:
    return (action in UP_ACTIONS) - (action in DOWN_ACTIONS)
