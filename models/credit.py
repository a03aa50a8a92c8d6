"""Credit: how hard, and in which direction, policy gradients push each action that was taken.

The weight of a decision is what multiplies grad log pi(action | observation): above 0 the action becomes more probable
in such a place, below 0 less.
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
"""As PPO trains with them, unless it is told otherwise."""
LEARNING_RATE = 1e-4
"""Of `passes`: so small that clipping sets in bit by bit, over several passes."""


class Experience(NamedTuple):
    """`T` decisions of one policy, one after the other; each tensor is `[T]`."""

    rewards: Tensor
    values: Tensor
    next_values: Tensor
    """Of what each decision led to."""
    points: Tensor
    """Bool: a point was scored then."""
    terminations: Tensor
    """Bool: the game was over then."""


class Weights(NamedTuple):
    """The weight of each decision, `[T]`, in the ways that policy gradients came to weigh them one after the other."""

    total: Tensor
    """The sum of the rewards of its point."""
    to_go: Tensor
    """The discounted sum of the rewards that came after it in its point."""
    normalized: Tensor
    """`to_go`, with mean 0 and deviation 1 over all `T`."""
    advantages: Tensor
    """Generalised advantages, over points and all, as PPO estimates them."""
    normalized_advantages: Tensor
    """With mean 0 and deviation 1 over all `T`, as PPO uses them."""


def weights(experience: Experience) -> Weights:
    """The weights of all decisions."""
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
    """`[B]`: of those actions, when they were taken."""
    advantages: Tensor
    """`[B]`."""


class Pass(NamedTuple):
    """Where a policy has got to that learned from the same decisions several times; each tensor is `[B]`."""

    ratios: Tensor
    """How many times more probable the actions have become."""
    weights: Tensor
    """0 where they are clipped."""
    free_ratios: Tensor
    """Where it would have got to without clipping."""


def passes(network: PolicyNetwork, batch: Batch, *, temperature: float = 1.0) -> Iterator[Pass]:
    """What PPO does with `batch`, without end: before it learns from it, after it did once, twice, and so on.

    A pass is one gradient step on the whole batch. `network` stays as it is; `temperature` is what its logits were
    divided by when it played.
    """
    clipped = _learn(network, batch, temperature, clip_epsilon=CLIP_EPSILON)
    free = _learn(network, batch, temperature, clip_epsilon=math.inf)
    old, advantages = batch.old_log_probs, batch.advantages
    for log_probs, free_log_probs in zip(clipped, free, strict=True):
        ratios = importance_ratio(log_probs, old)
        yield Pass(
            ratios,
            clipped_weights(ratios, advantages, clip_epsilon=CLIP_EPSILON),
            importance_ratio(free_log_probs, old),
        )


def _learn(network: PolicyNetwork, batch: Batch, temperature: float, *, clip_epsilon: float) -> Iterator[Tensor]:
    """The log-probabilities of the batch's actions, `[B]`, before each gradient step of a copy of the network."""
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
        # The rule that training's optimiser follows, without it: to make one imports torch's compiler, which takes
        # seconds and holds up the window.
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
