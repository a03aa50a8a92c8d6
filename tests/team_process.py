"""A process of a team, for `test_team.py`: `team_process.py update FILE`, or `team_process.py volley ARGUMENTS`."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import torch

from app.command.main import main
from models.control import ControlSpec, DiscreteActions
from training import loop
from training.a2c import A2cSettings
from training.algorithms import A2C, PPO, REINFORCE
from training.gradient import GradientSettings
from training.learner import Learner
from training.policy_gradient import Method, improve
from training.ppo import PpoSettings
from training.reinforce import ReinforceSettings
from training.rollout import Rollout
from training.team import Team, joined

SPEC = ControlSpec(algorithm="ppo", environment="CartPole-v1", observation_size=4, actions=DiscreteActions(2))
STEPS, ENVIRONMENTS, SPLIT = 12, 10, 3
"""The first process has 3 of the 10 environments, the second 7."""
METHODS: dict[str, tuple[Method, GradientSettings]] = {
    "ppo": (PPO, PpoSettings(minibatch_size=1000)),
    "a2c": (A2C, A2cSettings()),
    "reinforce": (REINFORCE, ReinforceSettings()),
    "minibatches": (PPO, PpoSettings(minibatch_size=25)),
}


def updated(name: str, team: Team) -> dict[str, Any]:
    """The learner's state after three updates on rollouts that are the same each time."""
    method, settings = METHODS[name]
    learner = Learner(SPEC, learning_rate=1e-3, seed=0, device=torch.device("cpu"), team=team)
    own = slice(None) if team.alone else (slice(None, SPLIT), slice(SPLIT, None))[team.rank]
    random = torch.Generator().manual_seed(1)
    for number in range(3):
        rollout = _rollout(learner, random, own)
        learner.update_input_statistics(rollout.observations.flatten(0, 1))
        improve(learner, rollout, method, settings, number / 3)
    return learner.state_dict()


def _rollout(learner: Learner, random: torch.Generator, own: slice) -> Rollout:
    shape = (STEPS, ENVIRONMENTS)
    observations = 3 * torch.randn(*shape, 4, generator=random)[:, own]
    actions, ends = (torch.rand(2, *shape, generator=random) < torch.tensor([[[0.5]], [[0.1]]])).long()[:, :, own]
    rewards = torch.randn(shape, generator=random)[:, own]
    with torch.no_grad():
        output = learner.evaluate(observations.flatten(0, 1))
        log_probs = output.distribution.log_prob(actions.flatten()).view_as(rewards)
        values = output.value.view_as(rewards)
    return Rollout(observations, actions, log_probs, rewards, ends > 0, ends > 1, values, values.roll(-1, 0))


def group_threads() -> list[str]:
    """The names of this process's threads that exchange with the others; empty where there is no /proc."""
    names = [file.read_text().strip() for file in Path("/proc/self/task").glob("*/comm")]
    return [name for name in names if "gloo" in name or "tcpstore" in name]


if __name__ == "__main__":
    torch.set_num_threads(1)
    if sys.argv[1] == "volley":
        loop.CHECKPOINT_SECONDS = 0.0
        sys.exit(main(sys.argv[2:]))
    with joined() as here:
        states = {name: updated(name, here) for name in METHODS}
        torch.save(states, Path(sys.argv[2]).with_suffix(f".{os.environ['RANK']}"))
    # A thread that is left could end the process in an abort, if it wants Python while Python ends.
    sys.exit(f"left: {left}" if (left := group_threads()) else 0)
