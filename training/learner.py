"""A policy network in training, with its optimiser, statistics and random generator."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple, TypeAlias
from zlib import crc32

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from models.acting import choose
from models.control import PolicySpec
from models.device import fast_precision
from models.mlp import FIRST_LOG_DEVIATION, ControlNetwork, ControlOutput, Network, build
from models.network import PolicyOutput
from training.moments import RunningMoments
from training.team import ALONE, Team

STARTING_RETURNS = 50_000
"""For how many returns the statistics of a network that training starts from count."""
RETURN_SCALE_FLOOR = 0.01
"""Points. Avoids dividing by zero if the first returns are all zero."""


Cause: TypeAlias = Literal["observations", "rewards", "steps"]
"""What the games gave, which smaller steps would not mend; or steps that were too large."""


class DivergedError(ArithmeticError):
    """Learning has left the numbers that are finite."""

    def __init__(self, what: str, *, cause: Cause = "steps") -> None:
        super().__init__(f"{what} not finite")
        self.cause = cause
        self.batch: NamedTuple | None = None
        """What was to be learned from."""


class Learner:
    """A policy network in training, perhaps by a team.

    A network for frames runs in bfloat16 if `device` supports it in hardware; its weights stay float32. With
    `averaging`, an exponential moving average of the weights is kept beside them (Polyak and Juditsky 1992,
    "Acceleration of Stochastic Approximation by Averaging"; each step keeps that much of it).
    """

    def __init__(
        self,
        spec: PolicySpec,
        *,
        learning_rate: float,
        seed: int,
        device: torch.device,
        first_log_deviation: float = FIRST_LOG_DEVIATION,
        averaging: float = 0.0,
        team: Team = ALONE,
    ) -> None:
        torch.manual_seed(seed)
        self.spec = spec
        self.device = device
        self.team = team
        self.network = build(spec).to(device)
        # Convolutions learn a quarter faster with their channels last.
        self.network.to(memory_format=torch.channels_last)  # type: ignore[call-overload] # torch's stubs lack it
        if isinstance(self.network, ControlNetwork):
            self.network.set_log_deviation(first_log_deviation)
        self.optimizer = torch.optim.Adam(self.network.parameters(), lr=learning_rate, eps=1e-5, fused=True)
        self.generator = torch.Generator(device).manual_seed(self.team.seed(seed))
        self._average = (
            AveragedModel(self.network, multi_avg_fn=get_ema_multi_avg_fn(averaging)) if averaging > 0 else None
        )
        self._inputs = RunningMoments()
        self._returns = RunningMoments()

    @property
    def networks(self) -> tuple[Network, ...]:
        """The network that learns, and the one with the average of its weights, if there is one."""
        if self._average is None:
            return (self.network,)
        average: Network = self._average.module  # type: ignore[assignment] # a copy of the network
        return self.network, average

    def step(self) -> None:
        """One step of the optimiser, by the gradients that the weights have."""
        self.optimizer.step()
        if self._average is not None:
            self._average.update_parameters(self.network)

    def evaluate(self, observations: Tensor) -> PolicyOutput | ControlOutput:
        """The network's output for `[B, ...]` observations on its device."""
        with fast_precision(self.device, self.spec):
            output: PolicyOutput | ControlOutput = self.network(observations)
        return output

    def act(self, observations: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Sampled actions, `[B]` or `[B, D]`, their log-probabilities and the values, each `[B]`.

        `DivergedError` if the network makes nothing finite of the observations.
        """
        output = self.evaluate(observations)
        if not (output.value.isfinite().all() and output.distribution.entropy().isfinite().all()):
            if not observations.isfinite().all():
                raise DivergedError("the observations of the games are", cause="observations")
            raise DivergedError("the network's answers to the observations of the games are")
        actions = choose(output.distribution, self.generator)
        return actions, output.distribution.log_prob(actions), output.value

    def value(self, observations: Tensor) -> Tensor:
        """`[B]` values."""
        return self.evaluate(observations).value

    def value_loss(self, values: Tensor, returns: Tensor) -> Tensor:
        """Mean squared error of `[B]` values against returns, in the scale of the value head; a scalar."""
        scaled = self.network.returns.normalize
        return nn.functional.mse_loss(scaled(values), scaled(returns))

    def start_from(self, network: nn.Module) -> None:
        """Takes over a trained network, with the statistics of its inputs, which from then on stay as they are."""
        for own in self.networks:
            own.load_state_dict(network.state_dict())
        returns = self.network.returns
        self._returns.count = STARTING_RETURNS
        self._returns.mean, self._returns.variance = returns.mean.clone(), returns.scale.square()

    def update_input_statistics(self, observations: Tensor) -> None:
        """Adds `[B, ...]` observations to the mean and deviation by which the network normalises its inputs."""
        self._inputs.update(self.network.input_samples(observations), self.team)
        self.network.inputs.mean.copy_(self._inputs.mean)
        self.network.inputs.scale.copy_(self._inputs.deviation.clamp(min=self.network.inputs.floor))

    def update_return_statistics(self, returns: Tensor) -> None:
        """Adds returns, of any shape, to the mean and deviation by which the value head normalises them."""
        self._returns.update(returns.flatten(), self.team)
        self.network.returns.mean.copy_(self._returns.mean)
        self.network.returns.scale.copy_(self._returns.deviation.clamp(min=RETURN_SCALE_FLOOR))

    @property
    def learning_rate(self) -> float:
        """The optimiser's learning rate."""
        return float(self.optimizer.param_groups[0]["lr"])

    @learning_rate.setter
    def learning_rate(self, learning_rate: float) -> None:
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate

    def state_dict(self) -> dict[str, Any]:
        """Everything needed to resume."""
        return {
            "network": self.network.state_dict(),
            "average": None if self._average is None else self._average.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "generator": self.generator.get_state(),
            "inputs": self._inputs.state_dict(),
            "returns": self._returns.state_dict(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restores what `state_dict` returned."""
        self.network.load_state_dict(state["network"])
        if self._average is not None:
            self._average.load_state_dict(state["average"])
        restore_optimizer(self.optimizer, state["optimizer"])
        restore_generator(self.generator, state["generator"])
        self._inputs.load_state_dict(state["inputs"], self.device)
        self._returns.load_state_dict(state["returns"], self.device)
        for moments, used in ((self._inputs, self.network.inputs), (self._returns, self.network.returns)):
            if moments.count and moments.mean.shape != used.mean.shape:
                raise ValueError("the statistics are of something else")


GENERATOR_STATES = (16, 5056)
"""The bytes of a generator's state: on a graphics card, on a processor."""


def restore_generator(generator: torch.Generator, saved: Tensor) -> None:
    """Goes on with a saved state; if it is from another kind of device, whose states differ, with one drawn from it.

    `ValueError` if it is no state.
    """
    saved, own = saved.cpu(), generator.get_state()
    if (saved.dtype, saved.shape) == (own.dtype, own.shape):
        generator.set_state(saved)
    elif saved.numel() in GENERATOR_STATES:
        generator.manual_seed(crc32(saved.numpy().tobytes()))
    else:
        raise ValueError("the generator's state is none")


def restore_optimizer(optimizer: torch.optim.Adam, saved: dict[str, Any]) -> None:
    """Restores what the optimiser's `state_dict` returned; `ValueError` if it does not fit the weights.

    Adam takes it on trust: it would write beyond a tensor that is too short.
    """
    own = optimizer.state_dict()["param_groups"]
    groups = [group | {"lr": float(its["lr"])} for group, its in zip(own, saved["param_groups"], strict=True)]
    optimizer.load_state_dict({"state": saved["state"], "param_groups": groups})
    for weights, state in optimizer.state.items():
        shapes = {"step": torch.Size(), "exp_avg": weights.shape, "exp_avg_sq": weights.shape}
        wanted = {name: (shape, torch.float32) for name, shape in shapes.items()}
        if {name: (tensor.shape, tensor.dtype) for name, tensor in state.items()} != wanted:
            raise ValueError("the optimiser's state has other shapes than the weights")
