"""Credit: how hard, and in which direction, policy gradients push each action that was taken.

The weight of a decision is the factor of grad log pi(action | observation). A positive weight makes the action more
probable for such observations, a negative one less.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor
from torch.optim.adam import adam

from models.losses import clipped_surrogate, clipped_weights, importance_ratio
from models.network import PolicyNetwork
from models.returns import generalized_advantages, normalized, rewards_to_go, total_rewards

GAMMA, GAE_LAMBDA, CLIP_EPSILON = 0.99, 0.95, 0.2
"""PPO's defaults in training."""
LEARNING_RATE = 1e-4
"""The learning rate of `passes`, so small that clipping sets in gradually, over several passes."""


class Experience(NamedTuple):
    """`T` consecutive decisions of one policy; each tensor is `[T]`."""

    rewards: Tensor
    values: Tensor
    next_values: Tensor
    """The values of the observations that the decisions led to."""
    points: Tensor
    """Bool: a point ended with this decision."""
    terminations: Tensor
    """Bool: the game ended with this decision."""


class Weights(NamedTuple):
    """The weight of each decision, `[T]`, by each method, in the order in which policy gradients developed."""

    total: Tensor
    """The sum of all rewards in its point."""
    to_go: Tensor
    """The discounted sum of the rewards from it to the end of its point."""
    normalized: Tensor
    """`to_go`, with mean 0 and standard deviation 1 over all `T`."""
    advantages: Tensor
    """Generalised advantages, which run on across points, as in PPO."""
    normalized_advantages: Tensor
    """The advantages with mean 0 and standard deviation 1 over all `T`, as in PPO's update."""


def weights(experience: Experience) -> Weights:
    """Returns the weight of each decision by each method."""
    rewards, values, next_values, points, terminations = (column[:, None] for column in experience)
    never = torch.zeros_like(points)
    to_go = rewards_to_go(rewards, points, gamma=GAMMA)
    advantages = generalized_advantages(
        rewards, values, next_values, terminations, never, gamma=GAMMA, gae_lambda=GAE_LAMBDA
    )
    columns = (total_rewards(rewards, points), to_go, normalized(to_go), advantages, normalized(advantages))
    return Weights(*(column.squeeze(1) for column in columns))


class Batch(NamedTuple):
    """`B` decisions to learn from."""

    observations: Tensor
    """`[B, stack, H, W]` uint8."""
    actions: Tensor
    """`[B]` int64."""
    old_log_probs: Tensor
    """`[B]`: the log-probabilities of the actions when they were taken."""
    advantages: Tensor
    """`[B]`."""


class Pass(NamedTuple):
    """How far a policy has moved after several passes over the same decisions; each tensor is `[B]`."""

    ratios: Tensor
    """How many times more probable the actions have become."""
    weights: Tensor
    """The weights of the decisions, 0 for the clipped ones."""
    unclipped_ratios: Tensor
    """The ratios without clipping."""


def passes(network: PolicyNetwork, batch: Batch, *, temperature: float = 1.0) -> Iterator[Pass]:
    """Yields, endlessly, the state of PPO after 0, 1, 2, ... passes over `batch`.

    A pass is one gradient step on the whole batch. `network` is not changed; `temperature` is the one it played at.
    """
    clipped = _learn(network, batch, temperature, clip_epsilon=CLIP_EPSILON)
    unclipped = _learn(network, batch, temperature, clip_epsilon=math.inf)
    old, advantages = batch.old_log_probs, batch.advantages
    for log_probs, unclipped_log_probs in zip(clipped, unclipped, strict=True):
        ratios = importance_ratio(log_probs, old)
        yield Pass(
            ratios,
            clipped_weights(ratios, advantages, clip_epsilon=CLIP_EPSILON),
            importance_ratio(unclipped_log_probs, old),
        )


def _learn(network: PolicyNetwork, batch: Batch, temperature: float, *, clip_epsilon: float) -> Iterator[Tensor]:
    """Trains a copy of the network; yields the log-probabilities of the actions, `[B]`, before each gradient step."""
    network = copy.deepcopy(network).requires_grad_()
    parameters: list[Tensor] = [*network.body.parameters(), *network.policy_head.parameters()]
    means, squares = ([torch.zeros_like(parameter) for parameter in parameters] for _ in range(2))
    counts = [torch.zeros(()) for _ in parameters]
    while True:
        distribution = network(batch.observations).distribution.at_temperature(temperature)
        log_probs = distribution.log_prob(batch.actions)
        yield log_probs.detach()
        ratios = importance_ratio(log_probs, batch.old_log_probs)
        surrogate = clipped_surrogate(ratios, batch.advantages, clip_epsilon=clip_epsilon)
        gradients = torch.autograd.grad(surrogate, parameters)
        # The functional form of training's optimiser: creating an optimiser imports torch's compiler, which takes
        # seconds and blocks the window.
        adam(
            parameters,
            list(gradients),
            means,
            squares,
            [],
            counts,
            fused=True,
            amsgrad=False,
            beta1=0.9,
            beta2=0.999,
            lr=LEARNING_RATE,
            weight_decay=0.0,
            eps=1e-5,
            maximize=True,
        )
