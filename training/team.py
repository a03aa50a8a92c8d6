"""A team: processes that learn one policy together, each from games of its own (data-parallel training).

`torchrun` starts the processes, on one machine or several, and tells each its rank. They draw different games; their
gradients are averaged, and their statistics merged, so that all have the same weights after every step. The first one
alone writes the run.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from datetime import timedelta
from typing import Any, ParamSpec, TypeVar

import numpy as np
import torch
import torch.distributed.nn  # Before there is a group, which its default arguments would keep, threads and all.
from torch import Tensor, distributed
from torch.nn import Parameter

from models.errors import UserError, one_line
from models.interruption import ending_with_parent

Value = TypeVar("Value")
Arguments = ParamSpec("Arguments")

PATIENCE = timedelta(hours=2)
"""For the first process, which the others wait for while it plays the games of an evaluation."""
TIME_TO_SAVE = 120
"""Seconds, after torchrun is gone."""


class LostError(ConnectionError):
    """Another process of the team has ended, or cannot be reached."""

    def __init__(self, reason: Exception) -> None:
        why = one_line(reason, 80)
        super().__init__(f"another process of this run has ended, or cannot be reached ({why})")


def _noticing_losses(exchange: Callable[Arguments, Value]) -> Callable[Arguments, Value]:
    """Torch reports a lost connection as a plain RuntimeError."""

    def noticing(*arguments: Arguments.args, **named: Arguments.kwargs) -> Value:
        try:
            return exchange(*arguments, **named)
        except RuntimeError as error:
            raise LostError(error) from error

    return noticing


class Team:
    """The processes that train together; by default this one alone. All of them must call a method that exchanges."""

    def __init__(self, rank: int = 0, size: int = 1) -> None:
        self.rank = rank
        """0 for the first process."""
        self.size = size

    @property
    def alone(self) -> bool:
        """Whether there is but one process."""
        return self.size == 1

    @property
    def leads(self) -> bool:
        """Whether this is the first process, which writes and reports."""
        return self.rank == 0

    def seed(self, seed: int) -> int:
        """A seed of this process's own; the first one keeps the run's."""
        return seed if self.leads else int(np.random.SeedSequence((seed, self.rank)).generate_state(1)[0] >> 1)

    @_noticing_losses
    def from_first(self, value: Any) -> Any:  # noqa: ANN401 - whatever the first has
        """The first process's value; what the others pass does not count."""
        if self.alone:
            return value
        shared = [value]
        distributed.broadcast_object_list(shared)
        return shared[0]

    @_noticing_losses
    def gathered(self, value: Value) -> list[Value]:
        """Everybody's value, by rank; empty on all but the first."""
        if self.alone:
            return [value]
        values: list[Any] = [None] * self.size
        distributed.gather_object(value, values if self.leads else None)
        return values if self.leads else []

    @_noticing_losses
    def summed(self, values: Tensor) -> Tensor:
        """The sum of everybody's values, which have one shape."""
        if not self.alone:
            values = values.clone()
            distributed.all_reduce(values)
        return values

    def total(self, number: int) -> int:
        """The sum of everybody's numbers."""
        return number if self.alone else int(self.summed(torch.tensor(number)))

    def any(self, *, condition: bool) -> bool:
        """Whether the condition holds for anybody."""
        return self.total(int(condition)) > 0

    def mean(self, values: dict[str, float], rows: int) -> dict[str, float]:
        """The mean, by name, of everybody's values, each the mean over `rows` decisions."""
        if self.alone or not values:
            return values
        *sums, total = self.summed(rows * torch.tensor([*values.values(), 1.0], dtype=torch.float64)).tolist()
        return {name: each / total for name, each in zip(values, sums, strict=True)}

    def average_gradients(self, parameters: Iterable[Parameter], rows: int) -> None:
        """Replaces everybody's gradients, each the mean over `rows` decisions, by the mean over all the decisions."""
        if self.alone:
            return
        gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
        flat = torch.cat([gradient.flatten() for gradient in gradients] + [gradients[0].new_ones(1)])
        *sums, total = self.summed(flat * rows).split([*(gradient.numel() for gradient in gradients), 1])
        for gradient, its in zip(gradients, sums, strict=True):
            gradient.copy_((its / total).view_as(gradient))

    def moments(self, samples: Tensor) -> Iterator[tuple[int, Tensor, Tensor]]:
        """Of everybody's samples `[B, ...]`, by rank: how many, and their mean and variance."""
        count, mean, variance = len(samples), samples.mean(0), samples.var(0, correction=0)
        if self.alone:
            yield count, mean, variance
            return
        own = torch.stack([torch.full_like(mean, count), mean, variance])
        parts = torch.zeros(self.size, *own.shape, device=own.device)
        parts[self.rank] = own
        for part in self.summed(parts):
            yield round(float(part[0].flatten()[0])), part[1], part[2]


ALONE = Team()


@contextmanager
def joined() -> Iterator[Team]:
    """The team that torchrun has started this process for, while the block lasts; without torchrun, it is alone."""
    size = _number("WORLD_SIZE", 1)
    if size == 1:
        yield ALONE
        return
    backend = "gloo"
    if (cards := torch.cuda.device_count()) > 0:
        torch.cuda.set_device(_number("LOCAL_RANK", 0) % cards)
        if _number("LOCAL_WORLD_SIZE", size) <= cards:  # NCCL refuses two processes on one card.
            backend = "cpu:gloo,cuda:nccl"
    if (rank := _number("RANK", 0)) >= size:  # It would wait for the others, for hours.
        raise UserError(
            f"RANK is {rank}, but there are only {size} processes (WORLD_SIZE); let torchrun start them all"
        )
    try:
        # If torchrun were killed, its processes would keep the run from being resumed.
        by_torchrun = "TORCHELASTIC_RUN_ID" in os.environ
        with ending_with_parent(os.getppid(), TIME_TO_SAVE) if by_torchrun else nullcontext():
            _meet(backend)
            yield Team(distributed.get_rank(), size)
    except LostError as error:
        raise UserError(str(error)) from error
    finally:
        if distributed.is_initialized():
            with suppress(RuntimeError):
                distributed.destroy_process_group()


def _number(name: str, otherwise: int) -> int:
    """The whole number in an environment variable, or `otherwise`; `UserError` if there is something else in it."""
    text = os.environ.get(name, str(otherwise))
    if not text.isdecimal():
        raise UserError(f"{name} is {one_line(text, 40)!r}, not a whole number; let torchrun start the processes")
    return int(text)


def _meet(backend: str) -> None:
    """Waits for the others of the team; `UserError` if torchrun's variables are wrong, or nobody can meet there."""
    try:
        distributed.init_process_group(backend, timeout=PATIENCE)
    except (RuntimeError, ValueError) as error:
        raise UserError(
            f"cannot join the other processes of this run ({one_line(error, 120)}); let torchrun start them all"
        ) from error
