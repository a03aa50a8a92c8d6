"""A policy: Pong's network on one frozen moment, with the ball wherever it is put."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import numpy as np
import torch

from agents.base import Frame, control_of
from agents.pong import Court
from agents.preprocessing import FrameStacker
from models import catalog, checkpoint
from models.acting import choose
from models.lessons import MODELS, Moment, PolicyKnobs
from models.network import PolicyNetwork
from models.screen import BALL_GREY, BALL_HEIGHT, BALL_WIDTH
from models.spec import ModelSpec

COLUMN = 110
"""Of the frozen ball, on its way to the right paddle."""
SPEED = 4
"""Columns per frame."""
DRAWS_AT_ONCE, MOST_DRAWS = 4, 400
BEFORE_THE_SERVE = 30
"""Frames into a game: both paddles are there, and the ball is not."""


def run(knobs: PolicyKnobs) -> Iterator[Moment]:
    """What the policy makes of the moment: its probabilities at once, and then ever more actions drawn from them."""
    spec, network = _model(MODELS[knobs.trained])
    picture, observation = moment(spec, knobs.row)
    output = network(torch.from_numpy(observation[None]))
    distribution = output.distribution
    probabilities = distribution.logits[0].softmax(-1).tolist()
    generator = torch.Generator().manual_seed(knobs.seed)
    counts = np.zeros(len(spec.actions), np.int64)
    while True:
        yield Moment(
            picture=picture.tobytes(),
            actions=list(spec.actions),
            probabilities=probabilities,
            value=float(output.value[0]),
            counts=counts.tolist(),
        )
        if counts.sum() >= MOST_DRAWS:
            return
        for _ in range(DRAWS_AT_ONCE):
            counts[int(choose(distribution, generator)[0])] += 1


@cache
def _model(name: str) -> tuple[ModelSpec, PolicyNetwork]:
    return checkpoint.load(catalog.resolve(name))


def moment(spec: ModelSpec, row: int) -> tuple[Frame, Frame]:
    """The picture `[210, 160, 3]` with the ball in that row, and what the policy has seen by then."""
    colour, grey = _empty_court()
    stacker = FrameStacker(spec.observation)
    frames = spec.observation.frame_skip * (spec.observation.stack - 1) + 1
    seen: Frame | None = None
    for before in range(frames - 1, -1, -1):
        seen = stacker.push(_with_ball(grey, row, COLUMN - SPEED * before))
    assert seen is not None, "the last frame is one to decide on"
    return _with_ball(colour, row, COLUMN), seen


def _with_ball(picture: Frame, row: int, column: int) -> Frame:
    drawn = picture.copy()
    drawn[row : row + BALL_HEIGHT, column : column + BALL_WIDTH] = BALL_GREY
    return drawn


@cache
def _empty_court() -> tuple[Frame, Frame]:
    """The court before the serve, in colour and in grey, with both paddles in the middle."""
    court = Court()
    for _ in range(BEFORE_THE_SERVE):
        court.step(control_of("NOOP"), control_of("NOOP"))
    assert court.ball is None
    return court.colour().copy(), court.grey().copy()
